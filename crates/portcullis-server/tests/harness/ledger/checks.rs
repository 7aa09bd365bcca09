//! Whether what was acknowledged is so.

use super::{
    super::{
        client::{Client, Reply},
        dice::Dice,
        pause,
    },
    Kind, Ledger, State, Violation, said,
};

impl Ledger {
    pub(super) fn check_user(&mut self, index: usize, client: &mut Client) {
        // One login more could end a session that is held.
        if self.users[index].logins > Self::LOGINS + 5 {
            return;
        }
        let body = self.users[index].credentials();
        let mut reply = patiently(|| client.post("/users/login", &body));
        if std::mem::take(&mut self.users[index].may_be_changed) && reply.status == 401 {
            self.users[index].changes += 1;
            let body = self.users[index].credentials();
            reply = patiently(|| client.post("/users/login", &body));
        }
        match (reply.status, self.users[index].certain) {
            (200, _) => {}
            // It did not happen: then it can.
            (401, false) => {
                let (reply, asked) = counted(|| client.post("/users/registration", &body));
                // Taken by the first of several attempts, of which nobody knew.
                let done = reply.status == 201 || (reply.status == 409 && asked > 1);
                self.holds(done, Kind::Lost, || format!("a registration: {}", said(&reply)));
            }
            _ => self.holds(false, Kind::Lost, || format!("a registered user: {}", said(&reply))),
        }
        self.users[index].certain = true;
        self.users[index].logins += 1;
    }

    pub(super) fn check_session(&mut self, index: usize, client: &mut Client, dice: &mut Dice) {
        match self.sessions[index].state {
            State::Lives => self.check_living(index, client, dice),
            State::MayBeRefreshed => {
                let reply = patiently(|| client.post_as("/users/refresh", &self.sessions[index].refresh));
                if reply.status == 200 {
                    self.sessions[index].goes_on(&reply);
                    // Which generation it was before is not known: nothing that is held is known to be void.
                    self.sessions[index].before = None;
                    self.check_living(index, client, dice);
                } else {
                    // Whoever comes again is taken for a thief, where that is what was configured.
                    self.holds(!self.forgiving, Kind::Lost, || format!("a refresh again: {}", said(&reply)));
                    self.check_over(index, client);
                }
            }
            State::MayBeOver => {
                let access = &self.sessions[index].access;
                let reply = patiently(|| client.post_as("/users/logout", access));
                self.holds(reply.status == 204, Kind::Lost, || format!("a logout: {}", said(&reply)));
                self.check_over(index, client);
            }
            State::Over => self.check_over(index, client),
        }
    }

    /// The pair that was given out last is good and goes on; the refresh token before it is void, which ends the session.
    fn check_living(&mut self, index: usize, client: &mut Client, dice: &mut Dice) {
        let access = patiently(|| client.get("/tests/secret", &self.sessions[index].access));
        self.holds(access.status == 200, Kind::Lost, || format!("an access token: {}", said(&access)));
        // Sometimes, since nothing is left of a session after it: at once, or when the pair has gone on.
        let void = self.sessions[index].before.clone().filter(|_| dice.one_in(2));
        if void.is_none() || dice.one_in(2) {
            let (reply, asked) = counted(|| client.post_as("/users/refresh", &self.sessions[index].refresh));
            // An answer of 503 may have been to a refresh that was done: then this was the second use.
            let forgiving = self.forgiving;
            let refused = reply.status == 401 && asked > 1 && !forgiving;
            self.holds(reply.status == 200 || refused, Kind::Lost, || {
                format!("a refresh token: {} ({asked} times asked, forgiving: {forgiving})", said(&reply))
            });
            if reply.status != 200 {
                self.sessions[index].state = State::Over;
                return;
            }
            self.sessions[index].goes_on(&reply);
        }
        if let Some(void) = void {
            let reply = patiently(|| client.post_as("/users/refresh", &void));
            self.holds(reply.status == 401, Kind::DoubleHead, || format!("a void token: {}", said(&reply)));
            self.check_over(index, client);
        }
    }

    fn check_over(&mut self, index: usize, client: &mut Client) {
        let session = &mut self.sessions[index];
        let state = std::mem::replace(&mut session.state, State::Over);
        let access = patiently(|| client.get("/tests/secret", &session.access));
        let refresh = patiently(|| client.post_as("/users/refresh", &session.refresh));
        for reply in [access, refresh] {
            self.holds(reply.status == 401, Kind::Revived, || format!("{state:?}: {}", said(&reply)));
        }
    }

    pub(super) fn check_revoked(&mut self, index: usize, client: &mut Client) {
        let revoked = &mut self.revoked[index];
        if !std::mem::replace(&mut revoked.certain, true) {
            patiently(|| client.post_as("/users/logout", &revoked.token));
        }
        let reply = patiently(|| client.get("/tests/secret", &revoked.token));
        self.holds(reply.status == 401, Kind::Revived, || format!("a revoked token: {}", said(&reply)));
    }

    pub(super) fn holds(&mut self, it: bool, kind: Kind, what: impl FnOnce() -> String) {
        if !it {
            self.violations.push(Violation { kind, what: format!("{}: {}", self.name, what()) });
        }
    }
}

/// Asks until an answer comes: a database that was killed may need a moment.
fn patiently(ask: impl FnMut() -> Option<Reply>) -> Reply {
    counted(ask).0
}

/// The same, and how often it was asked.
fn counted(mut ask: impl FnMut() -> Option<Reply>) -> (Reply, usize) {
    for asked in 1..=200 {
        if let Some(reply) = ask().filter(|reply| reply.status != 503) {
            return (reply, asked);
        }
        pause(std::time::Duration::from_millis(100));
    }
    panic!("no answer after a restart");
}

//! What one client was told, and whether it is still so after a kill.
//!
//! To add a kind of fact: an act in [`ACTS`], what the client holds of it, and a check of that.

mod checks;

use std::collections::BTreeMap;

use portcullis::{JwtManager, Key};
use serde_json::{Value, json};

use super::{
    client::{Client, Reply},
    dice::Dice,
};

/// The secret of the server, with which a client can write tokens that have no session.
pub const SECRET: &str = "a secret of the harness, 32 bytes or more";

/// What a client does: how often, the name under which it is counted when it was acknowledged, and the act.
const ACTS: &[(usize, &str, Act)] = &[
    (10, "registrations", Ledger::register),
    (20, "logins", Ledger::log_in),
    (45, "refreshes", Ledger::refresh),
    (12, "logouts", Ledger::log_out),
    (5, "sessions ended from another", Ledger::end_another),
    (5, "revocations of single tokens", Ledger::revoke),
    (3, "password changes", Ledger::change_password),
];

type Act = fn(&mut Ledger, &mut Client, &mut Dice) -> Told;

/// What a client was told of what it wanted.
enum Told {
    /// It is done.
    Done,
    /// Nothing, or that the service is not available: it may be done or not.
    Nothing,
    /// There was nothing to do it with.
    Idle,
}

/// Something that is not as it was acknowledged.
#[derive(Debug)]
pub struct Violation {
    pub kind: Kind,
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// What was done is not there any more.
    Lost,
    /// What was ended lives again.
    Revived,
    /// Two refresh tokens of one session yield a pair.
    DoubleHead,
}

/// One client's facts. No two clients share a user, so that a client knows all that has happened to its own.
pub struct Ledger {
    name: String,
    /// Whether a lost answer to a refresh is forgiven: `REFRESH_LOST_ANSWER`.
    forgiving: bool,
    jwt: JwtManager,
    users: Vec<User>,
    sessions: Vec<Session>,
    revoked: Vec<Revoked>,
    pub facts: BTreeMap<&'static str, u64>,
    pub violations: Vec<Violation>,
}

struct User {
    name: String,
    /// Whether the registration was acknowledged.
    certain: bool,
    /// How often the password was changed, and whether it may have been once more.
    changes: usize,
    may_be_changed: bool,
    logins: usize,
    touched: bool,
}

struct Session {
    user: usize,
    state: State,
    access: String,
    refresh: String,
    /// Whether the access token is fresh.
    fresh: bool,
    /// The refresh token before, which is void.
    before: Option<String>,
    touched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Lives,
    /// A refresh was asked for, and no answer came.
    MayBeRefreshed,
    /// Its end was asked for, and no answer came.
    MayBeOver,
    Over,
}

/// A token without a session, and whether its revocation was acknowledged.
struct Revoked {
    token: String,
    certain: bool,
    touched: bool,
}

impl Ledger {
    /// The most logins of one user: below `SESSIONS_PER_USER`, so that none ends another's session.
    const LOGINS: usize = 40;

    pub fn new(name: String, forgiving: bool) -> Self {
        let jwt = JwtManager::builder(Key::hs256(SECRET.as_bytes()).unwrap()).build().unwrap();
        let (users, sessions, revoked) = Default::default();
        let (facts, violations) = Default::default();
        Self { name, forgiving, jwt, users, sessions, revoked, facts, violations }
    }

    /// Does one thing after the other until the server does not answer any more.
    pub fn work(&mut self, client: &mut Client, dice: &mut Dice) {
        let all: usize = ACTS.iter().map(|(weight, ..)| weight).sum();
        let mut unanswered = 0;
        while unanswered < 3 {
            let mut thrown = dice.below(all);
            for (weight, name, act) in ACTS {
                if thrown < *weight {
                    match act(self, client, dice) {
                        Told::Done => {
                            *self.facts.entry(name).or_default() += 1;
                            unanswered = 0;
                        }
                        Told::Nothing => unanswered += 1,
                        Told::Idle => {}
                    }
                    break;
                }
                thrown -= weight;
            }
        }
    }

    /// Checks what was touched since the last time, and some of the rest; or all there is.
    pub fn check(&mut self, client: &mut Client, dice: &mut Dice, all: bool) {
        let chosen = |touched: &mut bool, dice: &mut Dice, count: usize| {
            std::mem::take(touched) || all || dice.below(count) < 10
        };
        let count = self.users.len();
        for index in 0..count {
            if chosen(&mut self.users[index].touched, dice, count) {
                self.check_user(index, client);
            }
        }
        let count = self.sessions.len();
        for index in 0..count {
            if chosen(&mut self.sessions[index].touched, dice, count) {
                self.check_session(index, client, dice);
                self.sessions[index].touched = false;
            }
        }
        let count = self.revoked.len();
        for index in 0..count {
            if chosen(&mut self.revoked[index].touched, dice, count) {
                self.check_revoked(index, client);
            }
        }
    }
}

/// The acts.
impl Ledger {
    fn register(&mut self, client: &mut Client, _: &mut Dice) -> Told {
        let name = format!("{}-{}", self.name, self.users.len());
        let reply = client.post("/users/registration", &credentials(&name, 0));
        let told = told(reply.as_ref(), 201);
        let certain = matches!(told, Told::Done);
        self.users.push(User { name, certain, changes: 0, may_be_changed: false, logins: 1, touched: true });
        if let (Told::Done, Some(reply)) = (&told, &reply) {
            self.hold(self.users.len() - 1, reply);
        }
        told
    }

    fn log_in(&mut self, client: &mut Client, dice: &mut Dice) -> Told {
        let Some(user) = dice.pick(&self.users, |user| user.is_known() && user.logins < Self::LOGINS) else {
            return Told::Idle;
        };
        self.users[user].logins += 1;
        let reply = client.post("/users/login", &self.users[user].credentials());
        if let Some(reply) = reply.as_ref().filter(|reply| reply.status == 200) {
            self.hold(user, reply);
        }
        self.expected(reply.as_ref(), 200, "a login of a registered user")
    }

    fn refresh(&mut self, client: &mut Client, dice: &mut Dice) -> Told {
        let Some(index) = self.living(dice) else { return Told::Idle };
        let session = &mut self.sessions[index];
        session.touched = true;
        let reply = client.post_as("/users/refresh", &session.refresh);
        match &reply {
            Some(reply) if reply.status == 200 => session.goes_on(reply),
            _ => session.state = State::MayBeRefreshed,
        }
        self.expected(reply.as_ref(), 200, "a refresh of a living session")
    }

    fn log_out(&mut self, client: &mut Client, dice: &mut Dice) -> Told {
        let Some(index) = self.living(dice) else { return Told::Idle };
        let reply = client.post_as("/users/logout", &self.sessions[index].access);
        self.may_be_over(index, reply.as_ref())
    }

    fn end_another(&mut self, client: &mut Client, dice: &mut Dice) -> Told {
        let Some(index) = self.living(dice) else { return Told::Idle };
        let user = self.sessions[index].user;
        let mut others = self.sessions.iter().enumerate();
        let by = others.find(|(it, other)| *it != index && other.user == user && other.state == State::Lives);
        let Some((_, by)) = by else { return Told::Idle };
        let claims = self.jwt.verify(&self.sessions[index].access).unwrap();
        let path = format!("/users/me/sessions/{}", claims.session().unwrap().id);
        let reply = client.send("DELETE", &path, Some(&by.access), None);
        self.may_be_over(index, reply.as_ref())
    }

    fn revoke(&mut self, client: &mut Client, _: &mut Dice) -> Told {
        let token = self.jwt.access(&self.name).sign().unwrap().into_string();
        let reply = client.post_as("/users/logout", &token);
        let certain = reply.as_ref().is_some_and(|reply| reply.status == 204);
        self.revoked.push(Revoked { token, certain, touched: true });
        self.expected(reply.as_ref(), 204, "a logout")
    }

    /// Changes a password from a session that has just shown it: the others of the user end, this one goes on.
    fn change_password(&mut self, client: &mut Client, dice: &mut Dice) -> Told {
        let may = |session: &Session| {
            session.state == State::Lives && session.fresh && self.users[session.user].is_known()
        };
        let Some(index) = dice.pick(&self.sessions, may) else { return Told::Idle };
        let (user, access) = (self.sessions[index].user, &self.sessions[index].access);
        let changes = self.users[user].changes;
        let body = json!({"password": password(changes), "new_password": password(changes + 1)});
        let reply = client.send("PUT", "/users/me/password", Some(access), Some(&body));
        let done = reply.as_ref().is_some_and(|reply| reply.status == 204);
        let of_user = &mut self.users[user];
        (of_user.changes, of_user.may_be_changed, of_user.touched) =
            (changes + usize::from(done), !done, true);
        let others = self.sessions.iter_mut().enumerate();
        for (_, other) in others.filter(|(it, other)| *it != index && other.user == user) {
            other.state = match other.state {
                _ if done => State::Over,
                State::Over => State::Over,
                _ => State::MayBeOver,
            };
            other.touched = true;
        }
        self.expected(reply.as_ref(), 204, "a change of a password")
    }

    /// Keeps a new session.
    fn hold(&mut self, user: usize, reply: &Reply) {
        let (access, refresh) = (reply.text("access_token"), reply.text("refresh_token"));
        let (state, before, touched) = (State::Lives, None, true);
        self.sessions.push(Session { user, state, access, refresh, fresh: true, before, touched });
    }

    fn living(&self, dice: &mut Dice) -> Option<usize> {
        dice.pick(&self.sessions, |session| session.state == State::Lives)
    }

    fn may_be_over(&mut self, index: usize, reply: Option<&Reply>) -> Told {
        let ended = reply.is_some_and(|reply| reply.status == 204);
        let session = &mut self.sessions[index];
        session.state = if ended { State::Over } else { State::MayBeOver };
        session.touched = true;
        self.expected(reply, 204, "an end of a session")
    }

    /// What an answer says; one that says neither that it is done nor that the service is not available is wrong, since
    /// only this client does anything with what it holds.
    fn expected(&mut self, reply: Option<&Reply>, done: u16, what: &str) -> Told {
        if let Some(reply) = reply.filter(|reply| ![done, 503].contains(&reply.status)) {
            self.holds(false, Kind::Lost, || format!("{what} was answered {}", said(reply)));
        }
        told(reply, done)
    }
}

impl Session {
    /// Takes the next pair.
    fn goes_on(&mut self, reply: &Reply) {
        let refresh = std::mem::replace(&mut self.refresh, reply.text("refresh_token"));
        self.before = Some(refresh);
        self.access = reply.text("access_token");
        self.fresh = false;
        (self.state, self.touched) = (State::Lives, true);
    }
}

impl User {
    /// Whether it is certain that the user is registered, and with which password.
    fn is_known(&self) -> bool {
        self.certain && !self.may_be_changed
    }

    fn credentials(&self) -> Value {
        credentials(&self.name, self.changes)
    }
}

fn credentials(name: &str, changes: usize) -> Value {
    json!({"username": name, "password": password(changes)})
}

/// A user's password after so many changes.
fn password(changes: usize) -> String {
    format!("correct horse {changes}")
}

fn told(reply: Option<&Reply>, done: u16) -> Told {
    if reply.is_some_and(|reply| reply.status == done) { Told::Done } else { Told::Nothing }
}

fn said(reply: &Reply) -> String {
    format!("{} {}", reply.status, reply.body)
}

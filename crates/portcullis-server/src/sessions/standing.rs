//! What a session is by its user: all sessions of a user end at once, by a number that both carry.
//!
//! Users carry an epoch, sessions the one of their opening. Whoever ends all sessions raises the user's epoch first, so
//! that also those are over that are being opened meanwhile, and those that nobody has reached yet. One session may be
//! spared; where user and session cannot be written at once, the user says which until the session has the new epoch.

use std::time::SystemTime;

use crate::model::{Access, PasswordHash, Session, SessionId, User, UserState};

/// A user as sessions see one.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The user.
    pub user: User,
    /// The session that the last end of all has spared; it may not have been taken along yet.
    pub kept: Option<SessionId>,
}

/// What a session is by its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Of the present epoch.
    Present,
    /// Of the one before, and spared by the end of that one: it still has to be taken along.
    Kept,
    /// Over.
    Past,
}

/// What a session is by whose it is; `None` where there is no such user any more. A disabled user's are over.
pub fn standing(session: &Session, owner: Option<&Owner>) -> Standing {
    let Some(Owner { user, kept }) = owner.filter(|owner| owner.user.id == session.user) else {
        return Standing::Past;
    };
    if user.state == UserState::Disabled {
        return Standing::Past;
    }
    // Both numbers come from a store that others may write to.
    match user.epoch.checked_sub(session.epoch) {
        Some(0) => Standing::Present,
        Some(1) if kept.as_ref() == Some(&session.id) => Standing::Kept,
        _ => Standing::Past,
    }
}

/// What a session is opened for: what its user was when a password was shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The hash that the password was shown for.
    pub hash: PasswordHash,
    /// The access level that the first pair says.
    pub access: Access,
    /// Whether failed logins of others count.
    pub lock: LockRule,
}

/// Whether the user's lock keeps somebody out who shows the right password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockRule {
    /// It does.
    Respected,
    /// It does not: the device has been here before, and whoever guesses has not.
    Ignored,
}

impl Shown {
    /// What a user is as it was read, for whom the lock counts.
    pub fn by(user: &User) -> Self {
        Self { hash: user.password.clone(), access: user.access, lock: LockRule::Respected }
    }
}

/// Whether a session may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// The password was shown for another hash than the user has now, or the pair says another access level. It may be the
    /// same password: its hash is renewed at a login, and other programs change passwords without raising the epoch.
    UserChanged,
    /// So many logins have failed that no password is accepted now.
    Locked,
    /// All sessions were ended since the user was read, or the user is gone or disabled.
    Refused,
}

/// Whether a session may be opened now for a password that was shown. One that is adopted is opened for a token: whichever
/// hash or level the user has by then says nothing of it, nor do failed logins.
pub fn admission(session: &Session, owner: Option<&Owner>, shown: &Shown, now: SystemTime) -> Admission {
    let Some(Owner { user, .. }) = owner.filter(|_| standing(session, owner) != Standing::Past) else {
        return Admission::Refused;
    };
    if session.adopted_until.is_some() {
        return Admission::Admitted;
    }
    if user.password != shown.hash || user.access != shown.access {
        return Admission::UserChanged;
    }
    if shown.lock == LockRule::Respected && user.failures.lock_at(now) {
        return Admission::Locked;
    }
    Admission::Admitted
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::{
        super::tests::{adopted_session, at, fresh},
        *,
    };
    use crate::model::{Failures, UserId};

    fn owner(id: &str, epoch: i64, kept: Option<&str>) -> Owner {
        let user = User {
            id: UserId::new(id),
            username: id.to_owned(),
            password: PasswordHash::stored("$argon2id$"),
            access: Access::User,
            created_at: UNIX_EPOCH,
            state: UserState::Enabled,
            epoch,
            failures: Failures::default(),
        };
        Owner { user, kept: kept.map(SessionId::new) }
    }

    #[test]
    fn the_epoch_decides_and_one_session_is_spared_once() {
        for (what, epoch, owner, expected) in [
            ("as it was opened", 0, owner("alice", 0, None), Standing::Present),
            ("later, as it was opened", 7, owner("alice", 7, Some("other")), Standing::Present),
            ("spared and taken along", 7, owner("alice", 7, Some("s")), Standing::Present),
            ("spared, not yet taken along", 6, owner("alice", 7, Some("s")), Standing::Kept),
            ("not spared", 6, owner("alice", 7, None), Standing::Past),
            ("another was spared", 6, owner("alice", 7, Some("other")), Standing::Past),
            ("spared by an earlier end", 5, owner("alice", 7, Some("s")), Standing::Past),
            ("ahead of its user", 8, owner("alice", 7, Some("s")), Standing::Past),
            ("as far off as can be", i64::MIN, owner("alice", i64::MAX, Some("s")), Standing::Past),
            ("somebody else's", 0, owner("bob", 0, Some("s")), Standing::Past),
        ] {
            let session = Session { epoch, ..fresh(at(0)) };
            assert_eq!(standing(&session, Some(&owner)), expected, "{what}");
        }
        assert_eq!(standing(&fresh(at(0)), None), Standing::Past, "nobody's");
        let mut disabled = owner("alice", 7, Some("s"));
        disabled.user.state = UserState::Disabled;
        for epoch in [6, 7] {
            let session = Session { epoch, ..fresh(at(0)) };
            assert_eq!(standing(&session, Some(&disabled)), Standing::Past, "a disabled user's");
        }
    }

    #[test]
    fn a_session_is_opened_for_what_was_shown() {
        // BRR-27
        let with = |change: fn(&mut User)| {
            let mut owner = owner("alice", 0, None);
            change(&mut owner.user);
            Some(owner)
        };
        let renewed = |user: &mut User| user.password = PasswordHash::stored("$argon2id$renewed");
        for (what, owner, expected) in [
            ("as it was read", with(|_| {}), Admission::Admitted),
            ("spared by an end since", Some(owner("alice", 1, Some("s"))), Admission::Admitted),
            ("another hash", with(renewed), Admission::UserChanged),
            ("more access", with(|user| user.access = Access::Admin), Admission::UserChanged),
            ("less access", with(|user| user.access = Access::Guest), Admission::UserChanged),
            ("a lock", with(|user| user.failures.locked_until = Some(at(1001))), Admission::Locked),
            (
                "one that is over",
                with(|user| user.failures.locked_until = Some(at(1000))),
                Admission::Admitted,
            ),
            ("failures without a lock", with(|user| user.failures.count = 4), Admission::Admitted),
            ("all were ended", Some(owner("alice", 1, None)), Admission::Refused),
            ("disabled", with(|user| user.state = UserState::Disabled), Admission::Refused),
            ("gone", None, Admission::Refused),
        ] {
            let shown = Shown::by(&self::owner("alice", 0, None).user);
            assert_eq!(admission(&fresh(at(0)), owner.as_ref(), &shown, at(1000)), expected, "{what}");
        }
    }

    #[test]
    fn a_device_that_is_known_passes_a_lock_and_nothing_else() {
        let mut locked = owner("alice", 0, None);
        locked.user.failures.locked_until = Some(at(9000));
        let shown = Shown { lock: LockRule::Ignored, ..Shown::by(&locked.user) };
        assert_eq!(admission(&fresh(at(0)), Some(&locked), &shown, at(1000)), Admission::Admitted);
        locked.user.password = PasswordHash::stored("$argon2id$renewed");
        assert_eq!(admission(&fresh(at(0)), Some(&locked), &shown, at(1000)), Admission::UserChanged);
    }

    #[test]
    fn a_session_is_adopted_whatever_the_user_has_by_then() {
        let mut changed = owner("alice", 0, None);
        let shown = Shown::by(&changed.user);
        changed.user.password = PasswordHash::stored("$argon2id$renewed");
        changed.user.access = Access::Admin;
        changed.user.failures.locked_until = Some(at(9000));
        let adopted = adopted_session();
        assert_eq!(admission(&adopted, Some(&changed), &shown, at(1000)), Admission::Admitted);
        changed.user.epoch = 1;
        assert_eq!(admission(&adopted, Some(&changed), &shown, at(1000)), Admission::Refused);
    }
}

//! What a session is by its user: all sessions of a user end at once, by a number that both carry.
//!
//! Users carry an epoch, sessions the one of their opening. Whoever ends all sessions raises the user's epoch first, so
//! that also those are over that are being opened meanwhile, and those that nobody has reached yet. One session may be
//! spared; where user and session cannot be written at once, the user says which until the session has the new epoch.

use crate::model::{PasswordHash, Session, SessionId, User, UserState};

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

/// Whether a session may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// The password was shown for another hash than the user has now. It may be the same password: its hash is renewed
    /// at a login, and other programs change passwords without raising the epoch.
    HashChanged,
    /// All sessions were ended since the user was read, or the user is gone or disabled.
    Refused,
}

/// Whether a session may be opened for a password that was shown for a hash. One that is adopted is opened for a token:
/// whichever hash the user has by then says nothing of it.
pub fn admission(session: &Session, owner: Option<&Owner>, shown_for: &PasswordHash) -> Admission {
    match (standing(session, owner), owner) {
        (Standing::Past, _) | (_, None) => Admission::Refused,
        (_, Some(owner)) if session.adopted_until.is_none() && owner.user.password != *shown_for => {
            Admission::HashChanged
        }
        _ => Admission::Admitted,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::{
        super::tests::{at, fresh},
        *,
    };
    use crate::model::{Access, PasswordHash, UserId};

    fn owner(id: &str, epoch: i64, kept: Option<&str>) -> Owner {
        let user = User {
            id: UserId::new(id),
            username: id.to_owned(),
            password: PasswordHash::stored("$argon2id$"),
            access: Access::User,
            created_at: UNIX_EPOCH,
            state: UserState::Enabled,
            epoch,
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
    fn a_session_is_opened_for_the_hash_that_was_shown() {
        let (shown, renewed) =
            (PasswordHash::stored("$argon2id$"), PasswordHash::stored("$argon2id$renewed"));
        let mut disabled = owner("alice", 0, None);
        disabled.user.state = UserState::Disabled;
        for (what, owner, hash, expected) in [
            ("as it was read", Some(owner("alice", 0, None)), &shown, Admission::Admitted),
            ("spared by an end since", Some(owner("alice", 1, Some("s"))), &shown, Admission::Admitted),
            ("another hash", Some(owner("alice", 0, None)), &renewed, Admission::HashChanged),
            ("all were ended", Some(owner("alice", 1, None)), &shown, Admission::Refused),
            ("both", Some(owner("alice", 1, None)), &renewed, Admission::Refused),
            ("disabled", Some(disabled), &shown, Admission::Refused),
            ("gone", None, &shown, Admission::Refused),
        ] {
            assert_eq!(admission(&fresh(at(0)), owner.as_ref(), hash), expected, "{what}");
        }
    }
}

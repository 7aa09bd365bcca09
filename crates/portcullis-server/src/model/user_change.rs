//! What can be done to a user, and what comes of it.

use std::time::SystemTime;

use super::{Access, PasswordHash, Session, SessionId, User};

/// A change of a user, as one act.
#[derive(Clone, Debug)]
pub enum UserChange {
    /// All sessions end, but for one that may be kept.
    EndSessions {
        /// The session that goes on; one that is not the user's, or does not live, is not kept.
        keep: Option<SessionId>,
    },
    /// Another password holds, failed logins with the one of before are forgotten, and all sessions end but for one that
    /// may be kept.
    Password {
        /// The hash that has to be the user's.
        expected: PasswordHash,
        /// The hash that takes its place.
        new: PasswordHash,
        /// The session that goes on.
        keep: Option<SessionId>,
    },
    /// The user cannot log in any more, and all sessions end.
    Disable,
    /// The user may log in again; no session wakes.
    Enable,
    /// Another access level holds: the access tokens of before are void, and sessions go on with the new level.
    Access(Access),
    /// Failed logins are forgotten, and with them a lock.
    Unlock,
    /// The user is gone, and all sessions end.
    Delete {
        /// Until when nobody else can have the name: as long as tokens live that may name the user by it.
        name_free_at: SystemTime,
    },
}

/// What became of a change of a user.
#[derive(Clone, Debug)]
pub enum UserChanged {
    /// It holds, and so does all that belongs to it.
    Done {
        /// The user as it is now; one that was deleted, as it was.
        user: User,
        /// The sessions that this call ended, and those whose access tokens it made void, as they are now: what is
        /// refused of each says [`Session::revocation`].
        sessions: Vec<Session>,
    },
    /// The user has neither the expected hash nor the new one: nothing has changed.
    NotAsExpected,
    /// Nobody else could administer users any more: nothing has changed.
    LastAdmin,
    /// There is no such user. Sessions of one whom another program took out have ended, where a change ends them.
    NoSuchUser,
}

impl UserChange {
    /// Whether a user who administers others does so no more after it.
    pub fn takes_away_from(&self, user: &User) -> bool {
        let takes = match self {
            Self::Disable | Self::Delete { .. } => true,
            Self::Access(access) => *access < Access::Admin,
            Self::EndSessions { .. } | Self::Password { .. } | Self::Enable | Self::Unlock => false,
        };
        takes && user.is_enabled_admin()
    }

    /// Whether all sessions end by it, whoever's they are.
    pub fn ends_all(&self) -> bool {
        matches!(self, Self::EndSessions { .. } | Self::Disable | Self::Delete { .. })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::model::{Failures, UserId, UserState};

    #[test]
    fn an_administrator_is_taken_away_by_what_leaves_less() {
        let user = |access, state| User {
            id: UserId::new("id"),
            username: "alice".to_owned(),
            password: PasswordHash::stored("hash"),
            access,
            created_at: UNIX_EPOCH,
            state,
            epoch: 0,
            failures: Failures::default(),
        };
        let admin = user(Access::Admin, UserState::Enabled);
        let others = [user(Access::User, UserState::Enabled), user(Access::Admin, UserState::Disabled)];
        let hash = PasswordHash::stored("hash");
        for (change, takes) in [
            (UserChange::Disable, true),
            (UserChange::Delete { name_free_at: UNIX_EPOCH }, true),
            (UserChange::Access(Access::User), true),
            (UserChange::Access(Access::Guest), true),
            (UserChange::Access(Access::Admin), false),
            (UserChange::Enable, false),
            (UserChange::Unlock, false),
            (UserChange::EndSessions { keep: None }, false),
            (UserChange::Password { expected: hash.clone(), new: hash, keep: None }, false),
        ] {
            assert_eq!(change.takes_away_from(&admin), takes, "{change:?}");
            assert!(others.iter().all(|user| !change.takes_away_from(user)), "{change:?}");
        }
    }
}

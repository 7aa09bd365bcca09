//! A user as the store knows one, and what is written when somebody registers.

use std::time::SystemTime;

use super::{Access, AuditEvent, Failures, LoginName, PasswordHash, Username};

/// The store's own name for a user: opaque text, never reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserId(String);

impl UserId {
    /// Wraps the text that a store made.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text, as tokens carry it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A registered user.
#[derive(Clone, Debug)]
pub struct User {
    /// The store's id.
    pub id: UserId,
    /// The name as it was registered; it may be older than today's rules, so it is plain text.
    pub username: String,
    /// The stored password hash.
    pub password: PasswordHash,
    /// The access level.
    pub access: Access,
    /// When the user was registered.
    pub created_at: SystemTime,
    /// Whether the user may be here.
    pub state: UserState,
    /// How often all sessions of the user were ended: one of an earlier epoch is over.
    pub epoch: i64,
    /// The failed logins since the last that succeeded.
    pub failures: Failures,
}

impl User {
    /// Whether the user may administer others now.
    pub fn is_enabled_admin(&self) -> bool {
        self.access == Access::Admin && self.state == UserState::Enabled
    }

    /// What all spellings of the user's name have in common, as [`LoginName::identity`] says.
    pub fn name_identity(&self) -> String {
        let name = LoginName::parse(&self.username);
        name.as_ref().map_or(self.username.as_str(), LoginName::identity).to_owned()
    }
}

/// Whether a user may be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserState {
    /// As users are made.
    Enabled,
    /// The user cannot log in, and has no living session.
    Disabled,
}

/// A registration that has passed every check but the one only the store can make: is the name free.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The parsed name.
    pub username: Username,
    /// The hash of the chosen password.
    pub password: PasswordHash,
    /// The access level to begin with.
    pub access: Access,
    /// Since when the user is one, where that is not now: of somebody who was one elsewhere.
    pub created_at: Option<SystemTime>,
    /// Whether the user may be here.
    pub state: UserState,
    /// What has to hold besides.
    pub provided: Provided,
    /// Who makes the user.
    pub maker: Maker,
}

/// Who makes a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The very user, who registers.
    Themselves,
    /// Somebody else, or nobody who is known.
    Another,
}

/// What has to hold for a user to be made, but that the name is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provided {
    /// Nothing.
    Nothing,
    /// There is no administrator who is enabled: of many at once who begin so, one is made, whoever asks where.
    NobodyAdministers,
}

impl NewUser {
    /// Somebody who begins now.
    pub fn new(username: Username, password: PasswordHash, access: Access) -> Self {
        let (state, provided, maker) = (UserState::Enabled, Provided::Nothing, Maker::Another);
        Self { username, password, access, created_at: None, state, provided, maker }
    }

    /// The event of the making, when the user has an id.
    pub fn event(&self, event: AuditEvent, id: &UserId) -> AuditEvent {
        match self.maker {
            Maker::Themselves => event.by(id).about(id),
            Maker::Another => event.about(id),
        }
    }
}

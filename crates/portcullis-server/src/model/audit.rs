//! Audit events: who did what to whom, by the names of the OWASP Logging Vocabulary where that has one.

use std::{fmt, net::IpAddr, time::SystemTime};

use super::{
    SessionId, UserId,
    cursor::{self, CursorProblem},
};

/// Something that happened and is kept. It never holds a secret, nor a name that was typed at a login that failed, which
/// may be a password in the wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// What.
    pub kind: EventKind,
    /// When.
    pub at: SystemTime,
    /// Who did it, where that is known.
    pub actor: Option<UserId>,
    /// To whom it was done; whoever does something to himself is both.
    pub subject: Option<UserId>,
    /// In which session, or to which.
    pub session: Option<SessionId>,
    /// From which address.
    pub address: Option<IpAddr>,
    /// What else there is to say, at most [`AuditEvent::DETAIL_CHARS`].
    pub detail: Option<String>,
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// What happened. The store keeps the name, so that a kind can be added anywhere, and none may be renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $kind,)+
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The kind as the store keeps it and the log says it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

event_kinds! {
    /// A login succeeded.
    LoginSuccess = "authn_login_success",
    /// A login succeeded after others had failed.
    LoginSuccessAfterFail = "authn_login_successafterfail",
    /// A login failed.
    LoginFail = "authn_login_fail",
    /// A login was refused because too many had failed.
    LoginFailMax = "authn_login_fail_max",
    /// So many logins have failed that the account is locked for a while.
    LoginLock = "authn_login_lock",
    /// A password was changed.
    PasswordChange = "authn_password_change",
    /// A password was not changed, since the present one was not shown.
    PasswordChangeFail = "authn_password_change_fail",
    /// A fresh access token was given out for a password.
    TokenCreated = "authn_token_created",
    /// A token was revoked by a logout.
    TokenRevoked = "authn_token_revoked",
    /// A refresh token was used again that somebody else must have a copy of.
    TokenReuse = "authn_token_reuse",
    /// A session was opened.
    SessionCreated = "session_created",
    /// A session was ended by its owner or an administrator.
    SessionEnded = "session_ended",
    /// A refresh token was of later than all that the store knows.
    SessionAheadOfStore = "session_ahead_of_store",
    /// A user was made.
    UserCreated = "user_created",
    /// Something of a user was changed.
    UserUpdated = "user_updated",
    /// A user was disabled.
    UserDisabled = "user_disabled",
    /// A user was enabled again.
    UserEnabled = "user_enabled",
    /// A user was deleted.
    UserDeleted = "user_deleted",
    /// A user's access level was changed.
    PermissionsChanged = "privilege_permissions_changed",
    /// A stored hash cannot be verified: it is damaged, of no known scheme, or costs more than is allowed.
    PasswordHashUnusable = "password_hash_unusable",
    /// Something was refused to somebody who is logged in.
    AuthorizationFail = "authz_fail",
    /// An administrator did something.
    AdminActivity = "authz_admin",
    /// Too many requests came.
    RateLimitExceeded = "excess_rate_limit_exceeded",
    /// A secret was made by which whoever has it can make the first administrator.
    SetupSecretIssued = "setup_secret_issued",
    /// The first administrator was made at the setup.
    SetupAdminCreated = "setup_admin_created",
    /// A backup was put in the place of the database: all tokens of before are refused, and all sessions are over.
    StoreRestored = "store_restored",
}

impl EventKind {
    /// The kind of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl AuditEvent {
    /// How much of a detail is kept, in Unicode code points.
    pub const DETAIL_CHARS: usize = 200;

    /// An event of which nothing more is known.
    pub fn new(kind: EventKind, at: SystemTime) -> Self {
        Self { kind, at, actor: None, subject: None, session: None, address: None, detail: None }
    }

    /// Says who did it.
    #[must_use]
    pub fn by(self, actor: &UserId) -> Self {
        Self { actor: Some(actor.clone()), ..self }
    }

    /// Says to whom it was done.
    #[must_use]
    pub fn about(self, subject: &UserId) -> Self {
        Self { subject: Some(subject.clone()), ..self }
    }

    /// Says in which session, or to which.
    #[must_use]
    pub fn session(self, session: &SessionId) -> Self {
        Self { session: Some(session.clone()), ..self }
    }

    /// Says from where.
    #[must_use]
    pub fn from(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// Says more, cut to [`DETAIL_CHARS`](Self::DETAIL_CHARS).
    #[must_use]
    pub fn detail(self, detail: &str) -> Self {
        Self { detail: Some(Self::cut_detail(detail)), ..self }
    }

    /// Says more besides.
    #[must_use]
    pub fn and(self, more: &str) -> Self {
        let detail = match &self.detail {
            None => more.to_owned(),
            Some(detail) => format!("{detail}; {more}"),
        };
        self.detail(&detail)
    }

    /// A detail as it is kept.
    pub fn cut_detail(detail: &str) -> String {
        detail.chars().take(Self::DETAIL_CHARS).collect()
    }
}

/// An event as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The store's own name for it.
    pub id: String,
    /// The event, its moment as the store keeps it.
    pub event: AuditEvent,
}

/// Which events are wanted, and from where on.
#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    /// Only those that a user did, or that were done to the user.
    pub user: Option<UserId>,
    /// Only those of a kind.
    pub kind: Option<EventKind>,
    /// Only those of this moment and later.
    pub from: Option<SystemTime>,
    /// Only those of before this moment.
    pub until: Option<SystemTime>,
    /// Where the last page ended.
    pub after: Option<EventCursor>,
    /// How many at most.
    pub limit: usize,
}

/// Events, the newest first, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// Where the next page begins; none where there is none.
    pub next: Option<EventCursor>,
}

/// Where a page of events ended: behind a moment, and behind one event of those of that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCursor {
    /// The moment, in milliseconds since the epoch.
    at: i64,
    id: String,
}

impl EventCursor {
    /// The longest text that is taken for one, in bytes.
    pub const MAX_BYTES: usize = cursor::MAX_BYTES;

    const LETTER: char = 'e';

    /// The cursor behind an event of a moment, in milliseconds since the epoch.
    pub fn behind(at: i64, id: impl Into<String>) -> Self {
        Self { at, id: id.into() }
    }

    /// Takes a text as a cursor.
    ///
    /// # Errors
    /// [`CursorProblem`] for a text that is none.
    pub fn parse(text: &str) -> Result<Self, CursorProblem> {
        let place = cursor::read(Self::LETTER, text)?;
        let (at, id) = place.split_once(' ').ok_or(CursorProblem::Unknown)?;
        let at = at.parse().map_err(|_| CursorProblem::Unknown)?;
        Ok(Self::behind(at, id))
    }

    /// The moment, in milliseconds since the epoch.
    pub fn at(&self) -> i64 {
        self.at
    }

    /// The store's name of the event.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// As a client gets it and gives it back.
impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cursor::write(Self::LETTER, &format!("{} {}", self.at, self.id)))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::UNIX_EPOCH};

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_is_found_by_it() {
        let names: BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), EventKind::ALL.len());
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(EventKind::from_name("authn_login"), None);
    }

    #[test]
    fn a_detail_is_cut_between_characters() {
        let event = AuditEvent::new(EventKind::LoginFail, UNIX_EPOCH).detail(&"\u{e4}".repeat(300));
        assert_eq!(event.detail.map(|detail| detail.chars().count()), Some(AuditEvent::DETAIL_CHARS));
    }

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_one() {
        for cursor in [EventCursor::behind(1_900_000_000_123, "17"), EventCursor::behind(-1, "65f0")] {
            assert_eq!(EventCursor::parse(&cursor.to_string()), Ok(cursor));
        }
        for place in ["17", "x 17", " 17", "9223372036854775808 1"] {
            let text = cursor::write('e', place);
            assert_eq!(EventCursor::parse(&text), Err(CursorProblem::Unknown), "{place:?}");
        }
        assert_eq!(EventCursor::parse(&cursor::write('n', "1 1")), Err(CursorProblem::OtherList));
    }
}

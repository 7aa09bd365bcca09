//! What the service speaks of: users and the parts of a login, parsed once and never half valid.
//!
//! A value of these types has passed its checks; there is no `validate()` to forget.

mod access;
mod audit;
mod cursor;
mod failures;
mod password;
mod password_policy;
mod revocation;
mod session;
mod user;
mod user_change;
mod user_list;
mod username;

pub use access::Access;
pub use audit::{AuditEvent, EventCursor, EventKind, EventPage, EventQuery, StoredEvent};
pub use cursor::CursorProblem;
pub use failures::Failures;
pub use password::{Password, PasswordHash, PasswordProblem};
pub use password_policy::{CommonPasswords, PasswordPolicy};
pub use revocation::{EndedSession, Revocation, RevokedToken};
pub use session::{
    AccessId, AccessTokenKind, EndReason, Ended, Head, NextHead, RefreshId, Session, SessionId,
};
pub use user::{Maker, NewUser, Provided, User, UserId, UserState};
pub use user_change::{UserChange, UserChanged};
pub use user_list::{UserCursor, UserOrder, UserPage, UserQuery};
pub use username::{LoginName, NameKey, NamePrefix, Username, UsernameProblem};

//! What the service speaks of: users and the parts of a login, parsed once and never half valid.
//!
//! A value of these types has passed its checks; there is no `validate()` to forget.

mod access;
mod password;
mod password_policy;
mod revocation;
mod session;
mod user;
mod username;

pub use access::Access;
pub use password::{Password, PasswordHash, PasswordProblem};
pub use password_policy::{CommonPasswords, PasswordPolicy};
pub use revocation::{EndedSession, Revocation, RevokedToken};
pub use session::{
    AccessId, AccessTokenKind, EndReason, Ended, Head, NextHead, RefreshId, Session, SessionId,
};
pub use user::{NewUser, User, UserId, UserState};
pub use username::{LoginName, NameKey, Username, UsernameProblem};

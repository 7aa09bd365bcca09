//! What the service speaks of: users and the parts of a login, parsed once and never half valid.
//!
//! A value of these types has passed its checks; there is no `validate()` to forget.

mod access;
mod password;
mod user;
mod username;

pub use access::Access;
pub use password::{Password, PasswordHash, PasswordProblem};
pub use user::{NewUser, RevokedToken, User, UserId};
pub use username::{LoginName, NameKey, Username, UsernameProblem};

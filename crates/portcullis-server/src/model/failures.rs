//! Failed logins of a user, as the store counts them.

use std::time::SystemTime;

/// The failed logins of a user since the last that succeeded, and what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// Until when no password is accepted, not even the right one; a device that is known may be let through.
    pub locked_until: Option<SystemTime>,
}

impl Failures {
    /// Whether no password is accepted at a moment.
    pub fn lock_at(&self, now: SystemTime) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    /// Whether there is nothing to forget.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

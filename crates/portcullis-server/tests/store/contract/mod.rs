//! What every backend has to do, a file per topic. A test that is not on the list in `main.rs` is dead code.

pub(crate) mod admins;
pub(crate) mod audit;
pub(crate) mod deletions;
pub(crate) mod ends;
pub(crate) mod epochs;
pub(crate) mod failures;
pub(crate) mod feed;
pub(crate) mod flask;
pub(crate) mod levels;
pub(crate) mod life;
pub(crate) mod lists;
pub(crate) mod refreshes;
pub(crate) mod revocations;
pub(crate) mod sessions;
pub(crate) mod users;

//! x

pub mod accounts;
pub mod jobs;
pub mod model;
pub mod passwords;
pub mod revocations;
pub mod store;

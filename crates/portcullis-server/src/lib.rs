//! The portcullis server: users, login and revocation over HTTP, around the `portcullis` library.

pub mod model;
pub mod store;

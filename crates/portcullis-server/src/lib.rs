//! The portcullis server: users, sessions and revocation over HTTP, around the `portcullis` library.
//!
//! ```text
//! cli           what can be typed
//! config        settings from five sources, every problem at once
//! state         the parts, brought together in one place
//! http          all routes and layers on one page, one file a resource
//! accounts      what people do: register, log in, refresh, log out
//! limits        how often strangers may try
//! passwords     hashing on a few workers          revocations  the list, in the store and in memory
//! audit         what happened, in the log and in the store
//! store         where it all is durable           jobs         what happens by the clock
//! sessions      the refresh rule, one pure function
//! metrics       numbers for whoever watches, and how they are written down
//! instance      the folder where the made secret lies
//! request       the one that a task serves: its id and its patience
//! causes        an error and what it was caused by, as one text
//! model         names, passwords, users: parsed once, never half valid
//! ```
//!
//! Which room may use which is written in `ARCHITECTURE.md` and held by `tests/rooms.rs`.

pub mod accounts;
pub mod audit;
pub mod causes;
pub mod cli;
pub mod config;
mod http;
pub mod instance;
pub mod jobs;
pub mod limits;
pub mod metrics;
pub mod model;
pub mod passwords;
pub mod request;
pub mod revocations;
pub mod sessions;
pub mod state;
pub mod store;

pub use http::{App, MAX_HEAD_BYTES, Route, Rule, app, metrics_app, openapi_document, route_table};

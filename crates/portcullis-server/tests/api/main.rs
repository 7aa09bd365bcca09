//! The service from outside: a file per route, and the running program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    missing_docs,
    unreachable_pub,
    reason = "a test says what is wrong by failing"
)]

mod admin;
mod beside;
mod canary;
mod clock;
mod connections;
mod cookies;
mod cors;
#[cfg(target_os = "linux")]
mod disk_full;
mod docs;
mod errors;
mod faults;
mod feed;
mod flask;
#[path = "../harness/mod.rs"]
mod harness;
mod health;
mod hostile;
mod imports;
mod key_pairs;
mod limits;
mod metrics;
#[cfg(feature = "mongo")]
mod mongo;
mod openapi;
mod outages;
mod readme;
mod revocations;
mod serve;
mod shutdown;
mod support;
mod survival;
mod tests;
mod tls;
mod users;

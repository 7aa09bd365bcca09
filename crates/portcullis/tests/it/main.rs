//! The library from outside: what a user of it relies on, a topic a file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::too_many_lines,
    missing_docs,
    reason = "tests"
)]

mod allocations;
mod common;
mod conformance;
mod cookies;
mod examples;
mod guards;
mod hostile;
mod index;
mod issue;
mod layer;
#[cfg(feature = "asymmetric")]
mod pairs;
mod permissions;
mod places;
mod properties;
mod sessions;
mod styles;
mod vectors;

//! The command line of the built program: help, exit codes, and what it does and says.

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

mod audit;
mod beside;
mod doctor;
mod help;
mod imports;
#[cfg(feature = "mongo")]
mod mongo;
mod operations;
mod page;
mod safekeeping;
mod setup;
mod starting;
mod support;
mod terminal;
mod tokens;
mod users;

/// What the program as a process needs of the harness.
mod harness {
    use std::time::Duration;

    /// Lets time pass between two looks at another process.
    #[expect(clippy::disallowed_methods, reason = "another process is what is waited for")]
    pub fn pause(time: Duration) {
        std::thread::sleep(time);
    }
}

//! What tests are written with.

mod app;
mod process;

pub use app::{Answer, TestApp, Tokens};
pub use process::{SEED_LINE, Server, instance};

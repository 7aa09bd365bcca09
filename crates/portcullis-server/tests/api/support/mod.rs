//! What tests are written with.

mod app;
mod faulty;
mod process;

pub use app::{Answer, TestApp, Tokens};
pub use faulty::Fault;
pub use process::{SEED_LINE, Server, instance};

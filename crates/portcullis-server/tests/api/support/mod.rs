//! What tests are written with.

mod app;
mod browser;
mod contract;
mod exposition;
mod faulty;
mod legacy;
mod process;
mod web_driver;

pub use app::{Answer, Peer, TestApp, Tokens, bearing};
pub use browser::Browser;
pub use contract::Contract;
pub use exposition::Exposition;
pub use faulty::{Fault, Faulty};
pub use legacy::{legacy, signed};
pub use process::{SEED_LINE, Server, Site, instance};
pub use web_driver::WebDriver;

//! `/tests`

mod hello;
mod secret;

//! `portcullis config`: what a start would find, without starting.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, Place, load, say, say_problem};
use crate::config::{self, Environment};

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Command {
    /// Say everything that is wrong with the configuration
    Check,
    /// Print every setting with its value and where it comes from; secrets are redacted
    Show,
}

impl Command {
    pub(super) fn run(self, place: Place, environment: Environment) -> Result<ExitCode, Failure> {
        let sources = place.sources(environment, Vec::new());
        let (config, warnings) = match self {
            Self::Check => load(&sources)?,
            // What no start would take can still be shown.
            Self::Show => config::load(&sources).map_err(|problems| Failure::problems(&problems))?,
        };
        for warning in warnings {
            say_problem(&format!("warning: {warning}"));
        }
        match self {
            Self::Check => say(&format!("the configuration is right (profile {})\n", config.profile)),
            Self::Show => {
                let mut text =
                    format!("# profile {}, instance {}\n", config.profile, config.instance.display());
                for setting in config.settings() {
                    text.push_str(&setting.to_string());
                    text.push('\n');
                }
                say(&text)
            }
        }
    }
}

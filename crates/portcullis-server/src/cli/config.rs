//! `portcullis config`: what a start would find, without starting.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, Place};
use crate::config::{self, Environment};

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether a start would accept the configuration, and everything that is wrong with it
    Check,
    /// Print every setting with its value and where it comes from; secrets are redacted
    Show,
}

impl Command {
    #[expect(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "a command's answer to the person who typed it"
    )]
    pub(super) fn run(self, place: Place, environment: Environment) -> Result<ExitCode, Failure> {
        let (config, warnings) = config::load(&place.sources(environment, Vec::new()))
            .map_err(|problems| Failure::new(problems.to_string()))?;
        for warning in warnings {
            eprintln!("warning: {warning}");
        }
        match self {
            Self::Check => println!("the configuration is right (profile {})", config.profile),
            Self::Show => {
                println!("# profile {}, instance {}", config.profile, config.instance.display());
                config.settings().for_each(|setting| println!("{setting}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

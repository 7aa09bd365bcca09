//! `portcullis config`: what a start would find, without starting.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, Place, load, logging, say, say_problem};
use crate::{
    config::{self, Config, Environment},
    store,
};

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
            Self::Check => config::check(&sources, refused_by_a_start)
                .map_err(|problems| Failure::new(format!("the configuration has problems\n{problems}")))?,
            Self::Show => load(&sources)?,
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

/// What a start would refuse of a configuration that can be read, by setting.
fn refused_by_a_start(config: &Config) -> Vec<(&'static str, String)> {
    let store = store::supports(&config.database).err().map(|error| ("DATABASE_URL", error.to_string()));
    let log = logging::problem_of(&config.log_filter).map(|problem| ("LOG_FILTER", problem));
    store.into_iter().chain(log).collect()
}

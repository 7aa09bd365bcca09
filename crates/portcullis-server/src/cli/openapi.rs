//! `portcullis openapi`: the description of the API, without a server.

use std::process::ExitCode;

use clap::Args;

use super::{Failure, Place, load, say, say_problem};
use crate::{causes::causes, config::Environment, openapi_document, state::Terms};

/// Print the description of the API, an OpenAPI document, for programs that make clients
///
/// The document is the one that `portcullis serve` answers with at GET /openapi.json. It tells what this configuration does:
/// how refusals look, where tokens are, and whether strangers may register. No server, no database and no secret are needed,
/// and nothing is written.
#[derive(Args, Clone, Copy, Debug)]
#[command(after_long_help = "\
Examples:
  portcullis openapi > openapi.json
  ERROR_STYLE=problem portcullis openapi | jq '.paths | keys'")]
pub(super) struct OpenApi {}

pub(super) fn run(place: Place, environment: Environment) -> Result<ExitCode, Failure> {
    let (config, warnings) = load(&place.sources(environment, Vec::new()))?;
    for warning in warnings {
        say_problem(&format!("warning: {warning}"));
    }
    let terms = Terms::of(&config).map_err(|error| Failure::new(causes(&error)))?;
    say(&format!("{}\n", openapi_document(&terms)))
}

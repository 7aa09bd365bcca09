//! The command line: what can be typed, and what each command answers with.

mod acting;
mod audit;
mod backup;
mod config;
mod doctor;
mod import;
mod logging;
mod moment;
mod openapi;
mod output;
mod progress;
mod prompt;
mod reference;
mod restore;
mod seen;
mod serve;
mod session;
mod setup;
mod token;
mod user;

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use acting::At;
pub use reference::reference;

use crate::{
    config::{self as settings, Config, Environment, Flag, Problems, Sources, Warning},
    store,
};

const FIRST_STEPS: &str = "\
First steps:
  portcullis user create alice --access admin    make the first administrator
  portcullis serve                               answer requests on 127.0.0.1:5000

Every command has examples in its own help, such as `portcullis user create --help`.";

#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, disable_help_subcommand = true, after_help = FIRST_STEPS)]
struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where a configuration is looked for.
#[derive(Args, Debug)]
#[expect(clippy::doc_markdown, reason = "these texts are shown on a terminal")]
struct Place {
    /// The instance folder: application.cfg, the database file and the made secret
    #[arg(long, global = true, value_name = "DIR", default_value = "instance", display_order = 901)]
    instance: PathBuf,
    /// development, testing or production [default: $PORTCULLIS_ENV, $FLASK_ENV or production]
    #[arg(long, global = true, value_name = "NAME", display_order = 902)]
    profile: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer requests until SIGTERM or SIGINT
    Serve(serve::Serve),
    /// Look at the configuration without starting anything
    #[command(subcommand)]
    Config(config::Command),
    /// See, make, change, delete and import users
    User(user::Command),
    /// See and end sessions
    Session(session::Command),
    /// See what happened
    Audit(audit::Command),
    /// Look into a token, or check one
    Token(token::Command),
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
    Setup(setup::Setup),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Doctor(doctor::Doctor),
}

/// A command that did not do its work, or not all of it. [`run`] turns it into an exit code.
#[derive(Debug)]
pub struct Failure {
    problem: String,
    code: u8,
}

impl Failure {
    /// The exit code where nothing was done.
    const NOTHING: u8 = 2;

    /// The exit code where something was done, or may have been.
    const SOMETHING: u8 = 1;

    /// Nothing was done.
    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), code: Self::NOTHING }
    }

    fn problems(problems: &Problems) -> Self {
        Self::new(format!("the configuration has problems\n{problems}"))
    }

    /// It came after something that was done, or may have been: `done` says what.
    fn after(self, done: &str) -> Self {
        Self { problem: format!("{done}; {}", self.problem), code: Self::SOMETHING }
    }
}

/// Runs the command of some arguments, the program's name first, in an environment.
///
/// Exit code 0: done. 2: nothing was done, and standard error says why. 1: something was done, or may have been, and not
/// all of it; a running service ended for a reason other than a signal.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let Arguments { place, command } = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let environment = environment.into_iter().collect();
    let done = match command {
        Command::Serve(serve) => serve.run(place, environment),
        Command::Config(command) => command.run(place, environment),
        Command::User(command) => command.run(At { place, environment }),
        Command::Session(command) => command.run(At { place, environment }),
        Command::Audit(command) => command.run(At { place, environment }),
        Command::Token(command) => command.run(At { place, environment }),
        Command::OpenApi(openapi::OpenApi {}) => openapi::run(place, environment),
        Command::Setup(setup) => setup.run(At { place, environment }),
        Command::Backup(backup) => backup.run(At { place, environment }),
        Command::Doctor(doctor) => doctor.run(At { place, environment }),
        Command::Restore(restore) => restore.run(At { place, environment }),
    };
    match done {
        Ok(code) => code,
        Err(Failure { problem, code }) => {
            say_problem(&problem);
            ExitCode::from(code)
        }
    }
}

impl Place {
    fn sources(self, environment: Environment, command_line: Vec<Flag>) -> Sources {
        Sources { instance: self.instance, profile: self.profile, environment, command_line }
    }
}

/// Reads the configuration as a start does, or says everything that is wrong with it.
fn load(sources: &Sources) -> Result<(Config, Vec<Warning>), Failure> {
    settings::check(sources, refused_by_a_start).map_err(|problems| Failure::problems(&problems))
}

/// What other rooms have to say of a configuration that can be read, by setting.
fn refused_by_a_start(config: &Config) -> Vec<(&'static str, String)> {
    let store = store::supports(&config.database).err().map(|error| ("DATABASE_URL", error.to_string()));
    let log = logging::problem_of(&config.log_filter).map(|problem| ("LOG_FILTER", problem));
    store.into_iter().chain(log).collect()
}

/// Writes the whole answer of a command that has done its work.
fn say(text: &str) -> Result<ExitCode, Failure> {
    output::put(text).map(|_| ExitCode::SUCCESS)
}

/// Writes what went wrong; where nobody can read it there is nobody to tell.
fn say_problem(problem: &str) {
    let _ = writeln!(io::stderr().lock(), "portcullis: {problem}");
}

/// Writes what a person may want to know beside the answer.
fn say_lines(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

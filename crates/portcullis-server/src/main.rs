//! The `portcullis` program: hands the arguments and the environment to the command line, and its code back.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn main() -> ExitCode {
    portcullis_server::cli::run(std::env::args_os(), std::env::vars_os())
}

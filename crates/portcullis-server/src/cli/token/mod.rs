//! `portcullis token`: what a token says, and whether this instance accepts it.

mod check;
mod inspect;
mod layout;

use std::{
    io::{self, IsTerminal, Read},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::{Failure, acting::At, output::Form};

#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    form: Form,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show what any token says, WITHOUT verifying it
    ///
    /// Decodes the header and the claims of a compact JWS, whoever issued it. No key is used and no signature is
    /// checked: anybody can write such a token, so believe nothing of what is shown. `portcullis token check` verifies.
    ///
    /// The signature is not printed, so that what is printed is no token that could be used.
    #[command(after_long_help = "\
Examples:
  portcullis token inspect < token.txt
  portcullis token inspect --json - < token.txt | jq .claims.exp")]
    Inspect(Input),
    /// Check a token: whether this instance accepts it now
    ///
    /// Verifies it by the configuration, as a server does, and asks the store whether it was revoked, or its session was
    /// ended. Of a refresh token it says whether a refresh would get a pair; nothing is done with it. All that the store
    /// refuses is read for that: with millions of revocations this takes seconds.
    ///
    /// Exit code 0: accepted. 1: refused, with the reason. 2: it could not be checked.
    #[command(after_long_help = "\
Examples:
  portcullis token check < token.txt
  portcullis token check --json - < token.txt | jq -r .reason")]
    Check(Input),
}

/// Where a token comes from.
#[derive(Args, Debug)]
struct Input {
    /// The token; without one, or with `-`, it is read from standard input, where the list of processes and the shell's
    /// history do not see it
    #[arg(value_name = "TOKEN|-")]
    token: Option<String>,
}

impl Command {
    pub(super) fn run(self, at: At) -> Result<ExitCode, Failure> {
        match self.act {
            Act::Inspect(input) => inspect::run(&input.read()?, self.form),
            Act::Check(input) => check::run(at, &input.read()?, self.form),
        }
    }
}

impl Input {
    /// The longest input that is read for a token, in bytes: much longer than any that a verifier takes.
    const MAX_BYTES: u64 = 1 << 20;

    /// The token alone: blanks around it and the word before it in a header are taken away.
    fn read(self) -> Result<Zeroizing<String>, Failure> {
        let text = match self.token.map(Zeroizing::new) {
            Some(token) if *token != "-" => token,
            None if io::stdin().is_terminal() => {
                return Err(Failure::new("there is no token; pipe it in, or say - and type it"));
            }
            _ => {
                let mut text = Zeroizing::new(String::new());
                let read = io::stdin().lock().take(Self::MAX_BYTES).read_to_string(&mut text);
                read.map_err(|error| Failure::new(format!("standard input: {error}")))?;
                text
            }
        };
        let token = text.trim();
        let token = match token.split_once(char::is_whitespace) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
            _ => token,
        };
        if token.is_empty() {
            return Err(Failure::new("there is no token in standard input"));
        }
        Ok(Zeroizing::new(token.to_owned()))
    }
}

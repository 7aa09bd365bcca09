//! `portcullis user`: the users, seen, made, changed and deleted.

mod change;
mod list;

use std::process::ExitCode;

use clap::{Args, Subcommand, builder::TypedValueParser};

use super::{Failure, acting::At, import::Import, output::Form};
use crate::model::Access;

#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    form: Form,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List users
    ///
    /// In the order in which they came; with --name, by name. Shows the first 50 unless told otherwise.
    #[command(after_long_help = "\
Examples:
  portcullis user list --name al                 whose name begins so
  portcullis user list --access admin --enabled  who can administer users
  portcullis user list --all --json              everybody, one JSON document a line")]
    List(list::List),
    /// Show one user
    #[command(after_long_help = "\
Examples:
  portcullis user show alice
  portcullis user show alice --json | jq .created_at")]
    Show(Who),
    /// Make a user, who can log in at once
    ///
    /// Also the first one: where there is no database yet it is made. The password is asked for at the terminal, twice and
    /// without showing it, or read from standard input. It is never an argument: those stand in the list of processes and in
    /// the shell's history.
    #[command(after_long_help = "\
Examples:
  portcullis user create alice --access admin    asks for the password
  pass show alice | portcullis user create alice --password-stdin")]
    Create(change::Create),
    /// Give a user another password; all sessions of the user end
    ///
    /// Failed logins are forgotten, and with them a lock.
    #[command(after_long_help = "\
Examples:
  portcullis user password alice
  pass show alice | portcullis user password alice --password-stdin")]
    Password(change::Password),
    /// Give a user another access level
    ///
    /// The user's access tokens are refused from then on, by every node within a second; sessions go on, with the new level
    /// after their next refresh.
    #[command(after_long_help = "\
Examples:
  portcullis user access alice admin")]
    Access(change::SetAccess),
    /// Disable a user: no login any more, and all sessions end
    ///
    /// A server that is running refuses the user's tokens within a second.
    #[command(after_long_help = "\
Examples:
  portcullis user disable alice")]
    Disable(Who),
    /// Let a disabled user log in again
    #[command(after_long_help = "\
Examples:
  portcullis user enable alice")]
    Enable(Who),
    /// Forget a user's failed logins, and with them a lock
    ///
    /// After many failed logins no password is accepted for a while, so that nobody can go on guessing. This ends such a lock.
    /// What a server that is running counts by itself, tries of an address and for a name (LIMIT_...), goes on until its time
    /// is over, or the server is started again.
    #[command(after_long_help = "\
Examples:
  portcullis user unlock alice")]
    Unlock(Who),
    /// Delete a user for good; all sessions of the user end
    ///
    /// Asks first. The name cannot be given to anybody else as long as a token may live that says it.
    #[command(after_long_help = "\
Examples:
  portcullis user delete alice          asks first
  portcullis user delete alice --yes    in a script")]
    Delete(change::Delete),
    /// Take over users of another program from a file, with their passwords
    Import(Import),
}

/// Which user.
#[derive(Args, Debug)]
pub(super) struct Who {
    /// The user's name, as at a login, or id
    #[arg(value_name = "NAME_OR_ID")]
    user: String,
}

impl Command {
    pub(super) fn run(self, at: At) -> Result<ExitCode, Failure> {
        let form = self.form;
        match self.act {
            Act::List(list) => list.run(at, form),
            Act::Show(who) => list::show(at, &who.user, form),
            Act::Create(create) => create.run(at, form),
            Act::Password(password) => password.run(at, form),
            Act::Access(access) => access.run(at, form),
            Act::Disable(who) => change::disable(at, &who.user, form),
            Act::Enable(who) => change::enable(at, &who.user, form),
            Act::Unlock(who) => change::unlock(at, &who.user, form),
            Act::Delete(delete) => delete.run(at, form),
            Act::Import(import) => import.run(at, form),
        }
    }
}

/// The access levels as they are typed.
fn access_level() -> impl TypedValueParser<Value = Access> {
    let levels = [Access::Guest, Access::User, Access::Admin];
    let names = clap::builder::PossibleValuesParser::new(levels.map(Access::name));
    names.map(move |name| levels.into_iter().find(|level| level.name() == name).unwrap_or_default())
}

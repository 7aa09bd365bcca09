//! `portcullis setup`: a secret for making the first administrator from elsewhere.

use std::process::ExitCode;

use clap::Args;
use portcullis::NumericDate;
use serde::Serialize;

use super::{
    Failure,
    acting::At,
    moment::{distance, readable},
    output::{Form, json_line},
    say, say_lines,
};
use crate::{accounts::AccountsError, causes::causes, state::Instance};

/// Print a secret with which the first administrator can be made over HTTP, once
///
/// For whoever sets a service up from elsewhere, as with a container: the secret goes into POST /admin/setup with the name
/// and the password of the first administrator. It holds for an hour, for one use, and only while there is no administrator
/// who is enabled. Where there is a terminal on the server's machine none is needed: `portcullis user create NAME --access
/// admin` makes an administrator there.
///
/// The secret is all that standard output gets; what to do with it is said on standard error.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  portcullis setup
  docker compose exec api portcullis setup --json | jq -r .secret")]
pub(super) struct Setup {
    #[command(flatten)]
    form: Form,
}

/// The secret for programs.
#[derive(Serialize)]
struct SeenSecret<'a> {
    secret: &'a str,
    /// Seconds since 1970.
    expires_at: i64,
}

impl Setup {
    pub(super) fn run(self, at: At) -> Result<ExitCode, Failure> {
        let ready = at.ready()?;
        let address = ready.config().listen;
        ready.act(Instance::WithSecret, async |acting| {
            let secret = acting.accounts().setup_secret(&acting.by).await.map_err(failed)?;
            let until = secret.expires_at();
            if self.form.json {
                return say(&json_line(&SeenSecret {
                    secret: secret.as_str(),
                    expires_at: until.seconds(),
                })?);
            }
            let code = say(&format!("{}\n", secret.as_str()))?;
            // What is an argument or in a here-document stands in the list of processes or in the shell's history.
            let now = NumericDate::from(acting.operator.clock().now());
            say_lines(&format!(
                "\nThis secret makes the first administrator, once, until {} ({}):\n\n  \
                 curl http://{address}/admin/setup -H 'Content-Type: application/json' --data @-\n\n\
                 which reads what is typed next, up to Ctrl-D on a line of its own:\n\n  \
                 {{\"secret\": \"<the secret>\", \"username\": \"<name>\", \"password\": \"<password>\"}}\n",
                readable(until),
                distance(until, now),
            ));
            Ok(code)
        })
    }
}

fn failed(error: AccountsError) -> Failure {
    Failure::new(match error {
        AccountsError::AlreadySetUp => {
            "there is an administrator already, who can make others; at a terminal \
                                        `portcullis user create NAME --access admin` does"
                .to_owned()
        }
        error => causes(&error),
    })
}

//! `portcullis session`: who is logged in where, and the end of that.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Failure,
    acting::{At, act_failure, failure},
    moment::readable,
    output::{Form, Table, json_line, shown},
    say,
    seen::{self, SeenSession},
};
use crate::{
    model::{Session, SessionId},
    state::Instance,
};

#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    form: Form,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List the living sessions of a user, the most recently used first
    #[command(after_long_help = "\
Examples:
  portcullis session list alice")]
    List {
        /// The user's name, as at a login, or id
        #[arg(value_name = "NAME_OR_ID")]
        user: String,
    },
    /// End a session, or all sessions of a user
    ///
    /// A server that is running refuses their tokens within a second. The user can log in again; `portcullis user disable`
    /// prevents that.
    #[command(after_long_help = "\
Examples:
  portcullis session end 8aYb0cXq0mUo2bEyLw1n5g  by an id of `session list`
  portcullis session end --user alice            all of them")]
    End(End),
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct End {
    /// The session's id, as `session list` shows it
    #[arg(value_name = "SESSION_ID", allow_hyphen_values = true)]
    session: Option<String>,
    /// All sessions of this user, by name or id
    #[arg(long, value_name = "NAME_OR_ID")]
    user: Option<String>,
}

/// What was ended.
#[derive(Serialize)]
struct Ended<'a> {
    session: Option<&'a str>,
    user: &'a str,
}

impl Command {
    pub(super) fn run(self, at: At) -> Result<ExitCode, Failure> {
        let form = self.form;
        match self.act {
            Act::List { user } => list(at, &user, form),
            Act::End(End { session: Some(session), .. }) => end_one(at, &session, form),
            Act::End(End { user, .. }) => end_all(at, &user.unwrap_or_default(), form),
        }
    }
}

fn list(at: At, user: &str, form: Form) -> Result<ExitCode, Failure> {
    at.act(Instance::Seen, async |acting| {
        let user = acting.user(user).await?;
        let sessions = acting.accounts().sessions_of(&user.id).await;
        let sessions = sessions.map_err(|error| failure(&user.username, error))?;
        if form.json {
            let lines = sessions.iter().map(|session| json_line(&SeenSession::from(session)));
            return say(&lines.collect::<Result<String, _>>()?);
        }
        let mut table = Table::of(["OPENED", "LAST USED", "EXPIRES", "ID", "DEVICE"]);
        say(&table.rows(sessions.iter().map(row).collect()))
    })
}

fn row(session: &Session) -> [String; 5] {
    [
        readable(session.opened_at),
        readable(session.last_used),
        readable(session.expires_at()),
        session.id.as_str().to_owned(),
        session.device.as_deref().map(shown).unwrap_or_default(),
    ]
}

fn end_one(at: At, id: &str, form: Form) -> Result<ExitCode, Failure> {
    at.act(Instance::AsItIs, async |acting| {
        let (accounts, failed) = (acting.accounts(), |error| failure(id, error));
        let session = accounts.session(&SessionId::new(id)).await.map_err(failed)?;
        let (user, id) = (&session.user, &session.id);
        let done = accounts.end_session_of(&acting.by, user, id).await;
        done.map_err(|error| act_failure(id.as_str(), error))?;
        let ended = Ended { session: Some(id.as_str()), user: user.as_str() };
        let said = match session.ended {
            None => format!("session {} has ended", id.as_str()),
            Some(_) => format!("session {} was over already", id.as_str()),
        };
        say_done(&ended, &said, form)
    })
}

fn end_all(at: At, user: &str, form: Form) -> Result<ExitCode, Failure> {
    at.act(Instance::AsItIs, async |acting| {
        let user = acting.user(user).await?;
        let ended = acting.accounts().end_sessions_of(&acting.by, &user.id).await;
        let user = ended.map_err(|error| act_failure(&user.username, error))?;
        let ended = Ended { session: None, user: user.id.as_str() };
        say_done(&ended, &format!("all sessions of {} have ended", seen::name(&user)), form)
    })
}

fn say_done(ended: &Ended<'_>, said: &str, form: Form) -> Result<ExitCode, Failure> {
    let answer = if form.json { json_line(ended) } else { Ok(format!("{said}\n")) };
    answer.and_then(|answer| say(&answer)).map_err(|failure| failure.after(said))
}

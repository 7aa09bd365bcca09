//! `portcullis restore`: a backup in the place of the database, and nobody is logged in any more.

use std::{ops::ControlFlow, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use portcullis::{Clock, NumericDate, SystemClock};
use serde::Serialize;
use tokio::time::interval;

use super::{
    Failure,
    acting::{At, Ready, without_store},
    moment::{distance, readable},
    output::{Form, json_line},
    progress, prompt, say,
};
use crate::{
    causes::causes,
    model::EventKind,
    store::{self, BackupProgress, Restore as Prepared, RestoreFacts, StoreError},
};

/// Put a backup in the place of the database; everybody has to log in again
///
/// Stop the server first. The backup is checked before anything is changed, and the database of before is kept beside it
/// under a name with the date. A crash at any moment leaves the one or the other.
///
/// What was revoked after the backup was made is not in it. So every token of before is refused for good, and every session
/// is over. What else was done since is undone: users who were made are gone, and passwords, levels and accounts are as
/// they were.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  portcullis restore /backups/portcullis-2026-11-28.sqlite3
  portcullis restore /backups/portcullis.sqlite3 --yes --json
  mongorestore --uri=URL --gzip --archive=FILE --drop && portcullis restore --after-mongorestore")]
pub(super) struct Restore {
    /// The backup
    #[arg(value_name = "FILE", required_unless_present = "after_mongorestore")]
    file: Option<PathBuf>,
    /// Do what is left after a mongorestore: refuse every token of before and end every session
    #[arg(long, conflicts_with = "file")]
    after_mongorestore: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// The clock of this machine is right, though the database was written later than it shows; the instance has another
    /// secret now
    #[arg(long, conflicts_with = "after_mongorestore")]
    trust_clock: bool,
    #[command(flatten)]
    form: Form,
}

/// What was restored, for programs.
#[derive(Serialize)]
struct Restored {
    file: Option<String>,
    kept: Option<String>,
    users: Option<u64>,
    /// Seconds since 1970.
    revoked_before: i64,
}

/// How far a clock may have been ahead of what it shows now: people wait for that once.
const SET_BACK: Duration = Duration::from_mins(1);

impl Restore {
    pub(super) fn run(self, at: At) -> Result<ExitCode, Failure> {
        let ready = at.ready()?;
        match &self.file {
            Some(file) => without_store(self.of_file(&ready, file.clone())),
            None => without_store(self.ended(&ready)),
        }
    }

    async fn of_file(&self, ready: &Ready, file: PathBuf) -> Result<ExitCode, Failure> {
        let bar = progress::of_bytes(Some(0));
        let step = |BackupProgress { copied, whole }| {
            bar.set_length(whole);
            bar.set_position(copied);
            ControlFlow::Continue(())
        };
        let prepared = store::prepare_restore(&ready.config().database, &file, step);
        bar.finish_and_clear();
        let prepared = prepared.map_err(|error| nothing_changed(&error))?;
        let facts = *prepared.facts();
        self.judge_clock(&facts)?;
        let shown = file.display();
        let of = facts.written.map_or_else(String::new, |written| format!(", of {}", readable(written)));
        let users = counted(facts.users);
        let question =
            format!("Put {shown} ({users}{of}) in the place of the database? Everybody has to log in again.");
        if !self.yes && !prompt::confirmed(&question)? {
            return Err(Failure::new("nothing was changed"));
        }
        let (before, kept) = put_in_place(ready, prepared, &format!("from {shown}{of}"))?;
        wait_for_after(before).await;
        if self.form.json {
            let kept = kept.map(|kept| kept.display().to_string());
            let (file, users) = (Some(shown.to_string()), Some(facts.users));
            let restored = Restored { file, kept, users, revoked_before: before.seconds() };
            return say(&json_line(&restored)?).map_err(|failure| failure.after(RESTORED));
        }
        let kept = kept.map_or_else(String::new, |kept| format!("the one of before is {}\n", kept.display()));
        say(&format!("{shown} is in the place of the database, with {users}\n{kept}{}", from_now_on(before)))
            .map_err(|failure| failure.after(RESTORED))
    }

    /// A clock that was ahead has issued tokens that would outlive the restore.
    fn judge_clock(&self, facts: &RestoreFacts) -> Result<(), Failure> {
        let now = NumericDate::from(SystemClock.now());
        match facts.clock_shown.filter(|shown| *shown > now.plus(SET_BACK) && !self.trust_clock) {
            None => Ok(()),
            Some(shown) => Err(Failure::new(format!(
                "nothing was changed: it is {} by this machine's clock, and the database was written at {}; set the clock \
                 right. If it is right and was ahead then, tokens are about that would outlive this: give the instance \
                 another secret, and say --trust-clock",
                readable(now),
                readable(shown)
            ))),
        }
    }

    /// The half that a mongorestore leaves to do.
    async fn ended(&self, ready: &Ready) -> Result<ExitCode, Failure> {
        if !self.yes && !prompt::confirmed("Refuse every token of before, and end every session?")? {
            return Err(Failure::new("nothing was changed"));
        }
        let event = ready.by().did(EventKind::StoreRestored, SystemClock.now(), Some("after a mongorestore"));
        let before = store::end_everything(&ready.config().database, event).await;
        let before = before.map_err(|error| Failure::new(causes(&error)))?;
        if self.form.json {
            let restored = Restored { file: None, kept: None, users: None, revoked_before: before.seconds() };
            return say(&json_line(&restored)?).map_err(|failure| failure.after(ENDED));
        }
        say(&format!("{ENDED}\n{}", from_now_on(before))).map_err(|failure| failure.after(ENDED))
    }
}

/// What was done, for whoever cannot be told more.
const RESTORED: &str = "the backup is in the place of the database";
const ENDED: &str = "every token of before is refused, and every session is over";

fn put_in_place(
    ready: &Ready,
    prepared: Prepared,
    detail: &str,
) -> Result<(NumericDate, Option<PathBuf>), Failure> {
    let now = SystemClock.now();
    // A clock that was ahead by a little is waited for.
    let shown = prepared.facts().clock_shown.filter(|shown| *shown <= NumericDate::from(now).plus(SET_BACK));
    let before = shown.map_or(now.into(), |shown| shown.max(now.into()));
    let event = ready.by().did(EventKind::StoreRestored, now, Some(detail));
    let date = readable(now).replace(':', "");
    let kept = prepared.put_in_place(before, &event, &date);
    Ok((before, kept.map_err(|error| Failure::new(causes(&error)))?))
}

/// Waits for the next second where that is near: who logs in before it would be refused.
async fn wait_for_after(before: NumericDate) {
    let mut rhythm = interval(Duration::from_millis(50));
    let near = |now: NumericDate| now <= before && now.plus(Duration::from_secs(1)) >= before;
    while near(SystemClock.now().into()) {
        rhythm.tick().await;
    }
}

fn from_now_on(before: NumericDate) -> String {
    let now = NumericDate::from(SystemClock.now());
    if now > before {
        return "everybody has to log in again\n".to_owned();
    }
    format!("everybody has to log in again, after {} ({})\n", readable(before), distance(before, now))
}

fn counted(users: u64) -> String {
    format!("{users} {}", if users == 1 { "user" } else { "users" })
}

fn nothing_changed(error: &StoreError) -> Failure {
    Failure::new(format!("nothing was changed: {}", causes(error)))
}

//! `portcullis backup`: a copy of the database, beside a server that goes on.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Args;
use indicatif::HumanBytes;
use serde::Serialize;

use super::{
    Failure,
    acting::{At, without_store},
    output::{Form, json_line},
    progress, say,
    serve::Signals,
};
use crate::{
    causes::causes,
    store::{self, BackupProgress, Existing},
};

/// Copy the database into a file, beside a server that goes on
///
/// The copy is of one moment, and has all that was acknowledged before. It is checked from its first page to its last and
/// synced before it gets its name; only its owner may read it. It has the password hashes in it, but not the secret that
/// signs tokens: copy that from the instance folder once.
///
/// A MongoDB has tools of its own: mongodump.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  portcullis backup /backups/portcullis.sqlite3 --force
  portcullis backup \"/backups/portcullis-$(date +%F).sqlite3\"")]
pub(super) struct Backup {
    /// The file of the copy, in a folder that is there
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace a file of this name, when the new one is whole
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    form: Form,
}

/// The backup for programs.
#[derive(Serialize)]
struct Made {
    file: String,
    bytes: u64,
}

impl Backup {
    pub(super) fn run(self, at: At) -> Result<ExitCode, Failure> {
        let ready = at.ready()?;
        let existing = if self.force { Existing::Replaced } else { Existing::Kept };
        without_store(async {
            let stopped = Arc::new(AtomicBool::new(false));
            // Half a copy has password hashes in it too: it is removed before the end.
            let (bar, asked) = (progress::of_bytes(Some(0)), stopped.clone());
            if let Ok(mut signals) = Signals::listen() {
                tokio::spawn(async move {
                    signals.next().await;
                    asked.store(true, Ordering::Relaxed);
                });
            }
            let shown = bar.clone();
            let step = move |BackupProgress { copied, whole }| {
                shown.set_length(whole);
                shown.set_position(copied);
                if stopped.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let made = store::backup(&ready.config().database, &self.file, existing, step).await;
            bar.finish_and_clear();
            let bytes = made.map_err(|error| Failure::new(causes(&error)))?;
            let file = self.file.display().to_string();
            let done =
                format!("{} is a whole copy of the database, {}", file.escape_debug(), HumanBytes(bytes));
            let answer = if self.form.json { json_line(&Made { file, bytes })? } else { format!("{done}\n") };
            say(&answer).map_err(|failure| failure.after(&done))
        })
    }
}

//! `portcullis doctor`: what is wrong with an instance, and what to do about it, without changing anything.

mod settings;

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;
use portcullis::{Clock, SystemClock};
use serde::Serialize;

use super::{
    Failure,
    acting::{At, without_store},
    output::{Form, json_line, shown},
    refused_by_a_start, say,
};
use crate::{
    config::{self, Config, RevocationFeed},
    store::{self, Finding, Level, Streams},
};

/// Look for what is wrong, and say what to do about it
///
/// Looks at the configuration, the secret and its file, the database, the clock, the disk, the proxies in front and the
/// limits. Nothing is changed, made or locked; a server may run meanwhile. Run it as the user that the server runs as, with
/// the same environment.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Exit code 0: nothing has failed. 1: something has. Warnings are for somebody to read.

Examples:
  portcullis doctor
  portcullis doctor --json | jq -r 'select(.level != \"ok\") | .todo'")]
pub(super) struct Doctor {
    #[command(flatten)]
    form: Form,
}

/// A finding for programs.
#[derive(Serialize)]
struct SeenFinding<'a> {
    level: &'static str,
    about: &'static str,
    what: &'a str,
    todo: Option<&'a str>,
}

impl Doctor {
    pub(super) fn run(self, at: At) -> Result<ExitCode, Failure> {
        let sources = at.place.sources(at.environment, Vec::new());
        match config::check(&sources, refused_by_a_start) {
            Ok((config, warnings)) => without_store(async {
                let mut findings = settings::of_configuration(&config, &warnings);
                findings.extend(settings::of_secrets(&config));
                let clock = settings::of_clock(SystemClock.now());
                // What is said of other clocks means nothing where this one is absurd.
                let is_absurd = clock.level == Level::Fail;
                findings.push(clock);
                findings.extend(
                    store(&config).await.into_iter().filter(|it| !(is_absurd && it.about == "clock")),
                );
                findings.extend(settings::of_network(&config));
                self.answer(&findings)
            }),
            Err(problems) => {
                let mut findings = settings::of_problems(&problems);
                findings.push(settings::of_clock(SystemClock.now()));
                self.answer(&findings)
            }
        }
    }

    fn answer(&self, findings: &[Finding]) -> Result<ExitCode, Failure> {
        let mut text = String::new();
        for finding in findings {
            text.push_str(&if self.form.json { json(finding)? } else { readable(finding) });
        }
        if !self.form.json {
            let count = |level| findings.iter().filter(|finding| finding.level == level).count();
            let (failed, warned) = (count(Level::Fail), count(Level::Warn));
            let _ = writeln!(text, "\n{} ok, {warned} to look at, {failed} failed", count(Level::Ok));
        }
        say(&text)?;
        let failed = findings.iter().any(|finding| finding.level == Level::Fail);
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

async fn store(config: &Config) -> Vec<Finding> {
    let streams = match config.revocation_feed {
        RevocationFeed::Stream => Streams::Required,
        RevocationFeed::Auto | RevocationFeed::Poll => Streams::Optional,
    };
    store::examine(&config.database, streams, SystemClock.now()).await
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warn => "warn",
        Level::Fail => "fail",
    }
}

/// One line for what was found, and one for what to do.
fn readable(finding: &Finding) -> String {
    let Finding { about, level, what, todo } = finding;
    let mut text = format!("{:<4}  {about}: {}\n", word(*level), shown(what));
    if let Some(todo) = todo {
        let _ = writeln!(text, "      -> {}", shown(todo));
    }
    text
}

fn json(finding: &Finding) -> Result<String, Failure> {
    let Finding { about, level, what, todo } = finding;
    json_line(&SeenFinding { level: word(*level), about, what, todo: todo.as_deref() })
}

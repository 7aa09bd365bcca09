//! What was and was not taken, and why: a line for each row, and the sum of it.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::judge::Reason;
use crate::cli::{
    Failure,
    acting::quoted,
    output::{Form, json_line, put, shown},
};

/// What became of a row.
pub(super) struct Outcome {
    pub(super) line: u64,
    /// The name that stands there, where it is a text.
    pub(super) username: Option<String>,
    /// The id of the user that was made, none in a dry run; or why there is none.
    pub(super) taken: Result<Option<String>, Reason>,
}

/// A row for programs.
#[derive(Serialize)]
struct SeenOutcome<'a> {
    line: u64,
    username: Option<&'a str>,
    taken: bool,
    id: Option<&'a str>,
    reason: Option<&'static str>,
    message: Option<&'a str>,
}

/// The sum for programs.
#[derive(Serialize)]
struct Sum<'a> {
    summary: bool,
    dry_run: bool,
    taken: u64,
    not_taken: u64,
    reasons: &'a BTreeMap<&'static str, u64>,
    ignored_fields: Vec<&'a str>,
    /// Why not all rows were read, where that is so.
    stopped: Option<&'a str>,
}

/// The report while it is made.
pub(super) struct Report {
    form: Form,
    dry_run: bool,
    file: Option<(PathBuf, BufWriter<File>)>,
    /// Why the file has not all of it, where that is so.
    broken: Option<String>,
    taken: u64,
    reasons: BTreeMap<&'static str, u64>,
}

/// Whether rows were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    All,
    Some,
    Nothing,
}

impl Report {
    /// Begins a report, which is also written to a new file where one is named.
    pub(super) fn begin(form: Form, dry_run: bool, file: Option<&Path>) -> Result<Self, Failure> {
        let file = match file {
            Some(path) => Some((path.to_owned(), create(path)?)),
            None => None,
        };
        Ok(Self { form, dry_run, file, broken: None, taken: 0, reasons: BTreeMap::new() })
    }

    /// Says what became of some rows. At a terminal those that were taken are only counted. Answers why no more should be
    /// taken, where that is so: of what is in no report nobody would know.
    pub(super) fn note(&mut self, outcomes: &[Outcome], screen: impl FnOnce(&str)) -> Option<String> {
        let mut said = String::new();
        for outcome in outcomes {
            match &outcome.taken {
                Ok(_) => self.taken += 1,
                Err(reason) => *self.reasons.entry(reason.code).or_default() += 1,
            }
            let line = self.line(outcome);
            self.write_to_file(&line);
            if self.form.json || outcome.taken.is_err() {
                said.push_str(&line);
            }
        }
        self.flush();
        screen(&said);
        self.broken.clone()
    }

    /// Says the sum. `stopped` says why not all was read, where that is so.
    pub(super) fn end(mut self, ignored: Vec<&str>, stopped: Option<&str>) -> Result<Taken, Failure> {
        let not_taken = self.reasons.values().sum();
        let sum = Sum {
            summary: true,
            dry_run: self.dry_run,
            taken: self.taken,
            not_taken,
            reasons: &self.reasons,
            ignored_fields: ignored,
            stopped,
        };
        let text = if self.form.json { json_line(&sum)? } else { sum.to_text() };
        self.write_to_file(&text);
        self.flush();
        if let (None, Some((path, file))) = (&self.broken, &self.file) {
            self.broken = file.get_ref().sync_all().err().map(|error| cannot_write(path, &error));
        }
        let said =
            put(&text).and_then(|_| self.broken.clone().map_or(Ok(()), |broken| Err(Failure::new(broken))));
        let taken = match (self.taken, not_taken) {
            (0, _) => Taken::Nothing,
            (_, 0) if stopped.is_none() => Taken::All,
            _ => Taken::Some,
        };
        match said {
            Ok(()) => Ok(taken),
            Err(failure) if taken == Taken::Nothing || self.dry_run => Err(failure),
            Err(failure) => Err(failure.after(&format!("{} taken, {not_taken} not", self.taken))),
        }
    }

    fn line(&self, outcome: &Outcome) -> String {
        let Outcome { line, username, taken } = outcome;
        if self.form.json {
            let seen = SeenOutcome {
                line: *line,
                username: username.as_deref(),
                taken: taken.is_ok(),
                id: taken.as_ref().ok().and_then(Option::as_deref),
                reason: taken.as_ref().err().map(|reason| reason.code),
                message: taken.as_ref().err().map(|reason| reason.message.as_str()),
            };
            // Texts and numbers: there is no such value without a form.
            return json_line(&seen).unwrap_or_default();
        }
        let name = username.as_deref().map(|name| format!(", {}", quoted(name))).unwrap_or_default();
        let said = match taken {
            Ok(_) if self.dry_run => "would be taken".to_owned(),
            Ok(_) => "taken".to_owned(),
            Err(reason) => shown(&reason.message),
        };
        format!("line {line}{name}: {said}\n")
    }

    fn write_to_file(&mut self, text: &str) {
        self.with_file(|file| file.write_all(text.as_bytes()));
    }

    /// What was said of rows is in the file before others are taken.
    fn flush(&mut self) {
        self.with_file(Write::flush);
    }

    fn with_file(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        if let (None, Some((path, file))) = (&self.broken, &mut self.file) {
            self.broken = write(file).err().map(|error| cannot_write(path, &error));
        }
    }
}

impl Sum<'_> {
    fn to_text(&self) -> String {
        let verb = if self.dry_run { "would be taken" } else { "taken" };
        let mut text = format!("{} {verb}, {} not", self.taken, self.not_taken);
        let reasons: Vec<_> = self.reasons.iter().map(|(code, count)| format!("{count} {code}")).collect();
        if !reasons.is_empty() {
            text = format!("{text} ({})", reasons.join(", "));
        }
        if self.dry_run {
            text.push_str("; this was a dry run, nothing was written");
        }
        text.push('\n');
        if !self.ignored_fields.is_empty() {
            let names: Vec<_> = self.ignored_fields.iter().map(|name| quoted(name)).collect();
            text = format!("{text}fields that were not read: {}\n", names.join(", "));
        }
        if let Some(stopped) = self.stopped {
            text = format!("{text}stopped: {}\n", shown(stopped));
        }
        text
    }
}

/// Makes the report's file, which only its owner may read: it has names. One that is there is never replaced.
fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(BufWriter::new).map_err(|error| Failure::new(cannot_write(path, &error)))
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("the report {} cannot be written: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_cannot_be_written_ends_the_import_and_the_sum_is_said() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("report.txt");
        File::create(&path).unwrap();
        // As on a full disk: what is written to it fails.
        let file = Some((path.clone(), BufWriter::new(File::open(&path).unwrap())));
        let form = Form { json: false };
        let mut report =
            Report { form, dry_run: false, file, broken: None, taken: 0, reasons: BTreeMap::new() };
        let outcome = |line, taken| Outcome { line, username: Some("alice".to_owned()), taken };
        let outcomes =
            [outcome(1, Ok(None)), outcome(2, Err(Reason::new("name_taken", "the name is taken")))];
        let mut said = String::new();
        let stopped = report.note(&outcomes, |text| said.push_str(text)).unwrap();
        assert!(stopped.contains("report.txt cannot be written"), "{stopped}");
        assert_eq!(said, "line 2, \"alice\": the name is taken\n");
        let Failure { problem, code } = report.end(Vec::new(), Some(&stopped)).unwrap_err();
        assert!(code == 1 && problem.starts_with("1 taken, 1 not; the report "), "{problem}");
    }
}

//! `portcullis user import`: the users of another program, taken over with their passwords.

mod csv;
mod judge;
mod report;
mod rows;
mod source;
mod take;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use indicatif::ProgressBar;
use portcullis::{Clock, SystemClock};

use self::{
    judge::Judge,
    report::{Report, Taken},
    rows::{Field, Format, Names, Rows},
    source::Source,
    take::Taking,
};
use super::{
    Failure,
    acting::{At, without_store},
    output::{Form, put},
    progress,
};
use crate::state::{Instance, password_policy};

/// What the long help says.
const HELP: &str = "\
Fields: members of the objects, or columns of a CSV whose first line has their names
  username       must be a name that could be registered
  password_hash  a hash that another program wrote; the user keeps the password
  password       or the password itself, which is hashed
  access         guest, user or admin, or 0, 1 or 2; user where there is none
  created_at     2019-04-01T12:00:00Z, seconds since 1970 or a date of MongoDB's JSON;
                 now where there is none
  disabled       true or false; false where there is none
Others are not read, and the report names them.

Hashes that are known:
  passlib   $pbkdf2-sha256$...  $pbkdf2-sha512$...  $pbkdf2$...
  Werkzeug  pbkdf2:...  scrypt:...
  Django    pbkdf2_sha256$...  pbkdf2_sha1$...  bcrypt_sha256$...  scrypt$...  argon2$...
  bcrypt    $2a$...  $2b$...  $2y$...
  argon2    $argon2id$...  $argon2i$...

Each row is judged before anything of it is stored: a hash must be whole, and not so expensive
that a login would be an attack. A damaged row costs that row; a CSV whose quotes do not hold
together (RFC 4180) is read up to there and no further. A name that somebody has already is left
alone and reported, so that an import may be repeated, or go on after it was stopped.

Exit code 0: all were taken. 1: some were, and some were not or the report could not be written.
2: nothing was done.

Examples:
  portcullis user import users.jsonl --dry-run
  portcullis user import users.csv --field created_at=date_joined --report report.txt
  mongoexport -d flask_api_demo -c users |
    portcullis user import - --format jsonl --field password_hash=password";

#[derive(Args, Debug)]
#[command(after_long_help = HELP)]
pub(super) struct Import {
    /// The file, or - for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// How it is written, where its name (.jsonl, .ndjson, .json, .csv) does not tell
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// What a field is called in the file, where that is not its name here; may be said several times
    #[arg(long, value_name = "FIELD=NAME", value_parser = renamed)]
    field: Vec<(Field, String)>,
    /// Judge everything and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the report to a new file too, with every row that was taken
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(self, at: At, form: Form) -> Result<ExitCode, Failure> {
        let ready = at.ready()?;
        let names =
            Names::with(&self.field).map_err(|problem| Failure::new(format!("--field: {problem}")))?;
        let policy = password_policy(ready.config());
        let judge = Judge { names: names.clone(), policy, now: SystemClock.now() };
        let (source, size) = open(&self.file)?;
        let rows = Rows::begin(source, self.format()?, names).map_err(|problem| self.unreadable(&problem))?;
        let report = Report::begin(form, self.dry_run, self.report.as_deref())?;
        let importing = Importing { rows, judge, report, bar: progress::of_bytes(size) };
        if !self.dry_run {
            return ready
                .act(Instance::WithStore, async |acting| self.all(importing, Taking::into(acting)).await);
        }
        // Where there is no database yet there are no names that are taken, and none is made to see that.
        if ready.has_no_store() {
            return without_store(self.all(importing, Taking::dry(None)));
        }
        ready.act(Instance::Foreseen, async |acting| self.all(importing, Taking::dry(Some(acting))).await)
    }

    async fn all(&self, importing: Importing, taking: Taking) -> Result<ExitCode, Failure> {
        match importing.run(taking).await? {
            None => Err(self.unreadable("there is no user in it")),
            Some(Taken::All) => Ok(ExitCode::SUCCESS),
            Some(Taken::Some) => Ok(ExitCode::FAILURE),
            Some(Taken::Nothing) => Err(self
                .unreadable("no user of it was taken; what was said of each row, and of the end, says why")),
        }
    }

    fn format(&self) -> Result<Format, Failure> {
        let extension = self.file.extension().map(|it| it.to_string_lossy().to_ascii_lowercase());
        match (self.format, extension.as_deref()) {
            (Some(format), _) => Ok(format),
            (None, Some("csv")) => Ok(Format::Csv),
            (None, Some("jsonl" | "ndjson" | "json")) => Ok(Format::Jsonl),
            (None, _) => {
                Err(self.unreadable("its name does not tell how it is written; say --format jsonl or csv"))
            }
        }
    }

    fn unreadable(&self, problem: &str) -> Failure {
        Failure::new(format!("{}: {problem}", shown_path(&self.file)))
    }
}

/// An import under way.
struct Importing {
    rows: Rows,
    judge: Judge,
    report: Report,
    bar: ProgressBar,
}

impl Importing {
    /// Takes row after row; `None` where there is none.
    async fn run(mut self, mut taking: Taking) -> Result<Option<Taken>, Failure> {
        let mut stopped = None;
        let mut any = false;
        while stopped.is_none() {
            let mut rows = Vec::with_capacity(taking.at_once());
            while rows.len() < taking.at_once() {
                match self.rows.next() {
                    Ok(Some(row)) => rows.push(row),
                    Ok(None) => break,
                    Err(error) => {
                        stopped = Some(format!("it cannot be read any further: {error}"));
                        break;
                    }
                }
            }
            if rows.is_empty() {
                break;
            }
            any = true;
            let taken = taking.take(rows, &self.judge).await;
            let bar = &self.bar;
            let broken = self.report.note(&taken.outcomes, |text| bar.suspend(|| drop(put(text))));
            self.bar.set_position(self.rows.offset());
            stopped = stopped.or(taken.stopped).or(broken);
        }
        self.bar.finish_and_clear();
        let stopped = stopped.or(self.rows.stopped());
        if !any && stopped.is_none() {
            return Ok(None);
        }
        let ignored = self.rows.ignored().iter().map(String::as_str).collect();
        self.report.end(ignored, stopped.as_deref()).map(Some)
    }
}

/// Opens the file, and says how large it is where that is known.
fn open(path: &Path) -> Result<(Source, Option<u64>), Failure> {
    let failed = |error: io::Error| Failure::new(format!("{} cannot be read: {error}", shown_path(path)));
    if path == Path::new("-") {
        return Ok((Source::of(io::stdin()).map_err(failed)?, None));
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let size = metadata.is_file().then_some(metadata.len());
    Ok((Source::of(file).map_err(failed)?, size))
}

fn shown_path(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

fn renamed(text: &str) -> Result<(Field, String), String> {
    let fields = || Field::ALL.map(Field::name).join(", ");
    let (field, name) = text.split_once('=').ok_or("write FIELD=NAME")?;
    let known = Field::ALL.into_iter().find(|known| known.name() == field);
    let field = known.ok_or_else(|| format!("there is no field {field:?}; there are {}", fields()))?;
    if name.is_empty() { Err("the name is empty".to_owned()) } else { Ok((field, name.to_owned())) }
}

//! What is wrong with a configuration, and where it was written.

use std::{fmt, path::PathBuf};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file that is compiled in: the defaults or a profile's.
    Embedded {
        /// The file's name.
        file: &'static str,
        /// The line, from 1.
        line: usize,
    },
    /// The instance's `application.cfg`.
    File {
        /// The path as it was put together from the instance folder.
        path: PathBuf,
        /// The line, from 1; none for what concerns the whole file.
        line: Option<usize>,
    },
    /// An environment variable, by name.
    Variable(String),
    /// A flag of the command line, as typed.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { file, line } => write!(f, "{file}:{line}"),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One thing that is wrong. Its text never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    origin: Option<Origin>,
    setting: Option<String>,
    text: String,
}

impl Problem {
    /// A problem of the configuration as a whole.
    pub(super) fn general(text: impl Into<String>) -> Self {
        Self { origin: None, setting: None, text: text.into() }
    }

    /// A problem of a place, whatever setting it is about.
    pub(super) fn at(origin: Origin, text: impl Into<String>) -> Self {
        Self { origin: Some(origin), setting: None, text: text.into() }
    }

    /// A problem of one setting, as given in one place.
    pub(super) fn of(setting: &str, origin: Origin, text: impl Into<String>) -> Self {
        Self { origin: Some(origin), setting: Some(setting.to_owned()), text: text.into() }
    }

    pub(super) fn concerns(&self, setting: &str) -> bool {
        self.setting.as_deref() == Some(setting)
    }

    fn line(&self) -> Option<usize> {
        match self.origin {
            Some(Origin::Embedded { line, .. }) => Some(line),
            Some(Origin::File { line, .. }) => line,
            _ => None,
        }
    }

    /// Where it was written; none for what is missing everywhere.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.origin, &self.setting) {
            (None, _) => {}
            // A variable has its setting's name, and a flag says its own.
            (Some(Origin::Variable(name)), Some(setting)) if name != setting => {
                write!(f, "variable {name}: {setting}: ")?;
            }
            (Some(origin @ (Origin::Embedded { .. } | Origin::File { .. })), Some(setting)) => {
                write!(f, "{origin}: {setting}: ")?;
            }
            (Some(origin), _) => write!(f, "{origin}: ")?,
        }
        f.write_str(&self.text.replace('\n', "\n    "))
    }
}

/// Everything that is wrong with a configuration, in the order of its sources; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// How many are listed: nobody reads more, and a file of another kind has one in every line.
    pub(super) const LISTED: usize = 100;

    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    /// One problem a line, the first hundred of them; what takes more lines is indented.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().take(Self::LISTED).enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        match self.0.len().saturating_sub(Self::LISTED) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Problems {}

/// Something that a person should know and that keeps nothing from working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub(super) Problem);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the reading of sources has found so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl Findings {
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Puts the problems after the first `known` ones, those of one source, into the order of its lines.
    pub(super) fn in_order_of_lines(&mut self, known: usize) {
        let mut source = self.problems.split_off(known);
        source.sort_by_key(Problem::line);
        self.problems.append(&mut source);
    }

    pub(super) fn warn(&mut self, warning: Problem) {
        self.warnings.push(Warning(warning));
    }
}

//! The sources in their order, merged: later ones win, and every problem of each is kept.

use std::path::PathBuf;

use super::{
    Shown,
    database_url::DatabaseUrl,
    environment::Environment,
    file, names,
    problem::{Findings, Origin, Problem},
    profile::Profile,
    settings::{Draft, Entry, SETTINGS, Setting},
    value::Value,
};

/// What a configuration is read from, beside the files that are compiled in.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The instance folder: it has `application.cfg`, and relative paths start here.
    pub instance: PathBuf,
    /// The value of `--profile`.
    pub profile: Option<String>,
    /// The variables of the process.
    pub environment: Environment,
    /// What the flags of the command line set.
    pub command_line: Vec<Flag>,
}

/// A flag that sets a setting.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The setting's name.
    pub setting: &'static str,
    /// The flag as typed, for problems: `--listen`.
    pub flag: String,
    /// Its value. Never a secret's: command lines can be seen by all users of a machine.
    pub value: String,
}

/// The entry that won, as far as it may be shown.
pub(super) struct Winner {
    setting: &'static str,
    shown: String,
    pub(super) origin: Origin,
}

/// Where the present value of each setting comes from.
#[derive(Default)]
pub(super) struct Winners(Vec<Winner>);

impl Winners {
    pub(super) fn origin(&self, setting: &str) -> Option<&Origin> {
        self.0.iter().find(|winner| winner.setting == setting).map(|winner| &winner.origin)
    }

    /// The settings in the order of their declaration.
    pub(super) fn into_shown(self) -> Vec<Shown> {
        let shown = |setting: &Setting| {
            let winner = self.0.iter().find(|winner| winner.setting == setting.name);
            Shown {
                name: setting.name,
                value: winner.map(|winner| winner.shown.clone()),
                origin: winner.map(|winner| winner.origin.clone()),
            }
        };
        SETTINGS.iter().map(shown).collect()
    }

    fn enter(&mut self, entry: &Entry) {
        let name = entry.setting.name;
        // The later source of either has won.
        let twin = names::twin(name);
        self.0.retain(|winner| winner.setting != name && Some(winner.setting) != twin);
        self.0.push(Winner {
            setting: name,
            shown: entry.setting.show(&entry.value),
            origin: entry.origin.clone(),
        });
    }
}

impl Sources {
    /// Reads all sources into a draft, the weakest first.
    pub(super) fn merge(&self, profile: Profile, draft: &mut Draft, findings: &mut Findings) -> Winners {
        let defaults = ("default.toml", include_str!("../../config/default.toml"));
        let mut winners = Winners::default();
        let mut source = |read: &dyn Fn(&mut Findings) -> Vec<Entry>| {
            let known = findings.problems.len();
            let entries = read(findings);
            apply(&entries, draft, &mut winners, findings);
            findings.in_order_of_lines(known);
        };
        for (file, text) in [defaults, profile.file()] {
            source(&|findings| file::entries(text, |line| Origin::Embedded { file, line }, findings));
        }
        source(&|findings| file::read(&self.instance.join("application.cfg"), findings));
        source(&|findings| self.environment.entries(findings));
        source(&|findings| self.flags(findings));
        winners
    }

    fn flags(&self, findings: &mut Findings) -> Vec<Entry> {
        let mut entries = Vec::new();
        for Flag { setting, flag, value } in &self.command_line {
            let origin = Origin::Flag(flag.clone());
            match Setting::named(setting) {
                Some(setting) => {
                    entries.push(Entry { setting, value: Value::Untyped(value.clone()), origin });
                }
                None => findings.problem(Problem::at(origin, format!("{setting} is no setting"))),
            }
        }
        entries
    }
}

/// Takes the entries of one source. What a setting refuses leaves the earlier value, and a problem.
fn apply(entries: &[Entry], draft: &mut Draft, winners: &mut Winners, findings: &mut Findings) {
    disagreement(entries, draft, findings);
    both_forms(entries, findings);
    for entry in entries {
        match (entry.setting.take)(draft, &entry.value) {
            Ok(()) => winners.enter(entry),
            Err(refusal) => findings.problem(Problem::of(entry.setting.name, entry.origin.clone(), refusal)),
        }
    }
}

/// `DATABASE_URL` and `MONGO_URI` are two names of one thing: one source must not say both of two things.
fn disagreement(entries: &[Entry], draft: &Draft, findings: &mut Findings) {
    let database = |name: &str| {
        let entry = entries.iter().find(|entry| entry.setting.name == name)?;
        let url = DatabaseUrl::parse(entry.value.text().ok()?, &draft.config.instance).ok()?;
        Some((url, &entry.origin))
    };
    if let (Some((url, place)), Some((mongo, mongo_place))) =
        (database("DATABASE_URL"), database("MONGO_URI"))
        && url != mongo
    {
        findings.problem(Problem::of(
            "MONGO_URI",
            mongo_place.clone(),
            format!("disagrees with DATABASE_URL ({place}): both name the database; keep one"),
        ));
    }
}

/// One source gives a key or its file: which of them was meant cannot be told.
fn both_forms(entries: &[Entry], findings: &mut Findings) {
    let given = |name: &str| entries.iter().find(|entry| entry.setting.name == name);
    for (key, file) in names::KEY_FILES {
        if let (Some(text), Some(path)) = (given(key), given(file)) {
            let text = format!("is given beside {key} ({}): both are the key; keep one", text.origin);
            findings.problem(Problem::of(file, path.origin.clone(), text));
        }
    }
}

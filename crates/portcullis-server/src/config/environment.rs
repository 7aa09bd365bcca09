//! The environment as a value: which of its variables are ours, and which were meant to be.

use std::{collections::BTreeMap, ffi::OsString, fmt};

use super::{
    names,
    problem::{Findings, Origin, Problem},
    settings::{Entry, SETTINGS, Setting},
    value::Value,
};

/// A value that is no text.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("its value is not UTF-8")]
pub(super) struct NotUtf8;

/// The variables of a process, handed in by the caller, who read them once.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Result<String, NotUtf8>>);

impl Environment {
    /// The value of a variable that is set.
    pub(super) fn value(&self, name: &str) -> Option<Result<&str, NotUtf8>> {
        self.0.get(name).map(|value| value.as_deref().map_err(|&not| not))
    }

    /// For whom `sudo` runs the program, as the environment has it: whoever runs it can write anything there.
    pub fn claimed_account(&self) -> Option<&str> {
        self.value("SUDO_USER")?.ok()
    }

    /// What the variables say, and what is wrong with those that are ours or were meant to be.
    pub(super) fn entries(&self, findings: &mut Findings) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut without_effect = Vec::new();
        for (name, value) in &self.0 {
            let origin = Origin::Variable(name.clone());
            match (Setting::named(name), value) {
                (Some(setting), Ok(value)) => match known(setting, value) {
                    Ok(value) => entries.push(Entry { setting, value, origin }),
                    Err(text) => findings.problem(Problem::of(name, origin, text)),
                },
                (Some(_), Err(not_utf8)) => findings.problem(Problem::of(name, origin, not_utf8.to_string())),
                (None, _) if names::PROFILE_VARIABLES.contains(&name.as_str()) => {}
                (None, _) if names::is_flask(name) => {
                    without_effect.extend(name.starts_with("JWT_").then_some(name));
                }
                (None, _) => unknown(name, origin, findings),
            }
        }
        if !without_effect.is_empty() {
            let names: Vec<_> = without_effect.into_iter().map(String::as_str).collect();
            findings.warn(Problem::general(format!(
                "environment: these names of Flask have no effect here: {}",
                names.join(", ")
            )));
        }
        entries
    }
}

/// An empty variable is mostly one that an unset one was written into: never taken for "not given".
fn known(setting: &Setting, value: &str) -> Result<Value, String> {
    match value {
        "" if setting.name != "JWT_HEADER_TYPE" => Err("is empty: give it a value or unset it".into()),
        value => Ok(Value::Untyped(value.to_owned())),
    }
}

fn unknown(name: &str, origin: Origin, findings: &mut Findings) {
    let ours = || SETTINGS.iter().map(|setting| setting.name).chain(names::PROFILE_VARIABLES);
    let near = ours()
        .filter(|ours| name.len().abs_diff(ours.len()) <= 2)
        .map(|ours| (strsim::levenshtein(name, ours), ours))
        .filter(|(distance, _)| (1..=2).contains(distance))
        .min();
    match near {
        Some(_) if names::is_foreign(name) => {}
        Some((_, near)) => {
            findings.problem(Problem::at(origin, format!("is no setting; did you mean {near}?")));
        }
        None if name.starts_with("JWT_") => {
            let near = names::nearest(name).map(|near| format!("; did you mean {near}?"));
            findings.problem(Problem::at(origin, format!("is no setting{}", near.unwrap_or_default())));
        }
        None => foreign(name, origin, findings),
    }
}

/// Nothing but this program has names like these: one that is not read was meant to be.
fn foreign(name: &str, origin: Origin, findings: &mut Findings) {
    let rest =
        name.strip_prefix("PORTCULLIS_").filter(|rest| !rest.starts_with("TEST_") && *rest != "VECTORS");
    if let Some(rest) = rest {
        let name = Setting::named(rest).map_or("it is no name of portcullis".to_owned(), |setting| {
            format!("{} is the name", setting.name)
        });
        findings.warn(Problem::at(origin, format!("has no effect: {name}")));
    }
}

impl fmt::Debug for Environment {
    /// The names alone: the values are secrets of everyone's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    /// Takes what `std::env::vars_os` yields. A name that is not UTF-8 is none of ours.
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        let named = variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self(named.map(|(name, value)| (name, value.into_string().map_err(|_| NotUtf8))).collect())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(variables: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), Ok(value.to_owned()));
        Self(variables.into_iter().map(owned).collect())
    }
}

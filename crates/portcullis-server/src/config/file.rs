//! `application.cfg`: read, taken apart into statements, and each statement checked and parsed by itself.

use std::{fs, io, path::Path, str};

use toml::de::DeTable;

use super::{
    echo, names,
    problem::{Findings, Origin, Problem, Problems},
    python::{self, Shape, Statement},
    settings::{Display, Entry, Setting},
    value::Value,
};

/// The largest file that is read; a configuration has a hundredth of it.
const MAX_BYTES: u64 = 256 * 1024;

/// The entries of the file at a path; none when there is no file.
pub(super) fn read(path: &Path, findings: &mut Findings) -> Vec<Entry> {
    let origin = |line| Origin::File { path: path.to_owned(), line };
    match text_of(path) {
        Ok(Some(text)) => entries(&text, |line| origin(Some(line)), findings),
        Ok(None) => Vec::new(),
        Err((line, why)) => {
            findings.problem(Problem::at(origin(line), why));
            Vec::new()
        }
    }
}

/// The file's text, or why there is none and, where it has one, the line.
fn text_of(path: &Path) -> Result<Option<String>, (Option<usize>, String)> {
    let cannot = |error: &io::Error| (None, format!("cannot be read: {error}"));
    let metadata = match fs::metadata(path) {
        // A link that leads nowhere is a mistake, an absent file is not.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => return Ok(None),
        Err(error) => return Err(cannot(&error)),
        Ok(metadata) => metadata,
    };
    match metadata {
        metadata if metadata.is_dir() => return Err((None, "is a folder; expected a file".into())),
        metadata if !metadata.is_file() => return Err((None, "is no regular file".into())),
        metadata if metadata.len() > MAX_BYTES => {
            return Err((
                None,
                "is larger than 256 KiB: a configuration takes a few; is it the right file?".into(),
            ));
        }
        _ => {}
    }
    let bytes = fs::read(path).map_err(|error| cannot(&error))?;
    let line_of = |bytes: &[u8]| Some(bytes.split(|&byte| byte == b'\n').count());
    let text = String::from_utf8(bytes).map_err(|error| {
        let (valid, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        (line_of(valid), "is not UTF-8: save the file as UTF-8".to_owned())
    })?;
    // Python ends a line at one of these: behind a # it would hide a setting from TOML only.
    let bare = text.match_indices('\r').find(|(at, _)| !text.split_at(*at).1.starts_with("\r\n"));
    match bare {
        None => Ok(Some(text)),
        Some((at, _)) => {
            let (before, _) = text.split_at(at);
            let why = "a carriage return stands alone: end lines in a line feed".into();
            Err((line_of(before.as_bytes()), why))
        }
    }
}

/// The entries of a text; `origin` makes a line's.
pub(super) fn entries(text: &str, origin: impl Fn(usize) -> Origin, findings: &mut Findings) -> Vec<Entry> {
    let mut without_effect = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for statement in python::statements(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let place = origin(statement.line);
        let Shape::Assignment { name, value } = statement.shape() else {
            findings.problem(Problem::at(place, python::explain_statement(&statement)));
            continue;
        };
        if names::is_flask(name) {
            match python::explain_hiding(value) {
                None => without_effect.push((name, statement.line)),
                Some(why) => findings.problem(Problem::of(name, place, why)),
            }
            continue;
        }
        let Some(setting) = Setting::named(name) else {
            // Looking for the nearest takes its time, and those beyond are not listed.
            let near = if findings.problems.len() < Problems::LISTED { names::nearest(name) } else { None };
            findings.problem(Problem::at(place, unknown(name, near)));
            continue;
        };
        if let Some(first) = entries.iter().find(|entry| entry.setting.name == name) {
            let text = format!("stands twice, first at {}; Python takes the last: keep one", first.origin);
            findings.problem(Problem::of(name, place, text));
            continue;
        }
        match value_of(setting, &statement) {
            Ok(value) => entries.push(Entry { setting, value, origin: place }),
            Err(why) => findings.problem(Problem::of(name, place, why)),
        }
    }
    if let Some((_, line)) = without_effect.first() {
        let listed = without_effect.iter().take(Problems::LISTED);
        let names: Vec<_> = listed.map(|(name, line)| format!("{name} (line {line})")).collect();
        let more = match without_effect.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = format!("these names of Flask have no effect here: {}{more}", names.join(", "));
        findings.warn(Problem::at(origin(*line), text));
    }
    entries
}

/// What is wrong with a name. The rest of a secret that was broken over lines, `ZGVmZw==`, looks like one too: only
/// what can be no such rest is shown.
fn unknown(name: &str, near: Option<&str>) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let shown = if plain || near.is_some() { echo::cut(name) } else { "the name before the =".to_owned() };
    let lower = name.chars().any(char::is_lowercase);
    let case = if lower { " (names are upper case, Flask ignores others)" } else { "" };
    let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("{shown} is no setting{case}{hint}")
}

/// The value of a statement that TOML and Python read alike.
fn value_of(setting: &Setting, statement: &Statement<'_>) -> Result<Value, String> {
    if let Some(explanation) = python::explain(setting, statement) {
        return Err(explanation);
    }
    match DeTable::parse(statement.text) {
        Ok(table) => {
            let mut values = table.get_ref().iter();
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Ok(Value::of_toml(value.as_ref())),
                _ => Err("expected one value".into()),
            }
        }
        Err(error) if setting.display == Display::Plain => {
            Err(format!("is not valid TOML: {}", echo::cut(error.message())))
        }
        // The parser's words may quote the text.
        Err(_) => Err("is not valid TOML: look at its quotes and escapes".into()),
    }
}

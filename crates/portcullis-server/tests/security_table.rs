//! `docs/security-requirements.md` held to the tests that it names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "a test says what is wrong by failing"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A row: what is asked for, what is said of it, and by which functions of which files.
struct Row {
    id: String,
    state: String,
    tests: Vec<(String, Vec<String>)>,
    remark: String,
}

#[test]
fn each_id_stands_there_once_with_a_state_that_goes_with_the_rest() {
    let rows = rows();
    let ids: BTreeSet<_> = rows.iter().map(|row| &row.id).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands there twice");
    for Row { id, state, tests, remark } in &rows {
        let is_whole = match state.as_str() {
            "met" => !tests.is_empty(),
            "differs" => !tests.is_empty() && !remark.is_empty(),
            "not applicable" | "open" => !remark.is_empty(),
            _ => false,
        };
        assert!(is_whole, "{id}: {state}");
    }
}

#[test]
fn what_is_named_is_there_and_says_what_it_is_for() {
    let mut wrong = Vec::new();
    for Row { id, state, tests, .. } in rows() {
        for (path, names) in tests {
            let Ok(text) = fs::read_to_string(root().join(&path)) else {
                wrong.push(format!("{id}: {path} is not there"));
                continue;
            };
            let missing = names.iter().filter(|name| !has(&path, &text, name));
            wrong.extend(missing.map(|name| format!("{id}: {path} has no {name}")));
            let is_held = ["met", "differs"].contains(&state.as_str());
            if is_held && !ids_in(&text).contains(&id) && !path.ends_with("Cargo.toml") {
                wrong.push(format!("{id}: {path} does not say that it is about it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_files_and_runs_of_the_whole_page_are_there() {
    let bench = fs::read_to_string(root().join("scripts/bench")).unwrap();
    for named in page().split('`').skip(1).step_by(2) {
        if let Some(run) = named.strip_prefix("scripts/bench ") {
            let kind = run.split(' ').next().unwrap();
            assert!(bench.contains(&format!("#   scripts/bench {kind} ")), "{named}");
        } else if named.starts_with("crates/") {
            assert!(root().join(named).is_file(), "{named}");
        }
    }
}

#[test]
fn no_test_is_about_what_the_table_does_not_know() {
    let known: BTreeSet<String> = rows().into_iter().map(|row| row.id).collect();
    let kinds: BTreeSet<&str> = known.iter().map(|id| &id[..3]).collect();
    let mut unknown: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut folders = vec![root().join("crates"), root().join("fuzz/targets")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let ids = ids_in(&fs::read_to_string(&path).unwrap()).into_iter();
                let ids = ids.filter(|id| kinds.contains(&id[..3]) && !known.contains(id));
                unknown.extend(ids.map(|id| (id, path.clone())));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/security-requirements.md")).unwrap()
}

fn rows() -> Vec<Row> {
    let page = page();
    // An id stands where a line begins.
    let rows = page.lines().filter(|line| line.get(..8).is_some_and(|begin| ids_in(begin).len() == 1));
    let rows: Vec<_> = rows.map(row).collect();
    assert!(rows.len() > 200, "{} rows", rows.len());
    rows
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [id, _, state, tests, remark] = cells[..] else { panic!("{line}") };
    let files = tests.split("; ").filter(|file| !file.is_empty());
    let tests = files.map(|file| {
        let mut names = file.split('`').skip(1).step_by(2).map(str::to_owned);
        (names.next().unwrap(), names.collect())
    });
    Row { id: id.into(), state: state.into(), tests: tests.collect(), remark: remark.into() }
}

/// Whether a source has a function, or another file a word.
fn has(path: &str, text: &str, name: &str) -> bool {
    let function = [format!("fn {name}("), format!("fn {name}<")];
    let is_source = Path::new(path).extension().is_some_and(|it| it == "rs");
    if is_source { function.iter().any(|it| text.contains(it)) } else { text.contains(name) }
}

/// Every id of a text, as it is written in comments (JWT-04) and at the beginning of names (`jwt_08_and_09_…`).
fn ids_in(text: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_') {
        let parts: Vec<&str> = word.split(['-', '_']).collect();
        let is_kind = parts[0].len() == 3 && parts[0].chars().all(|c| c.is_ascii_alphabetic());
        let numbers = parts[1..].iter().take_while(|it| **it == "and" || is_number(it));
        let numbers = numbers.filter(|it| is_kind && is_number(it));
        ids.extend(numbers.map(|number| format!("{}-{number}", parts[0].to_uppercase())));
    }
    ids
}

fn is_number(text: &str) -> bool {
    text.len() == 2 && text.chars().all(|c| c.is_ascii_digit())
}

//! `docs/operations.md` says only what is so: each text that it quotes is in the sources, each command can be typed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::support::Run;

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn page() -> String {
    fs::read_to_string(here().join("../../docs/operations.md")).unwrap()
}

/// All sources as one text, in which a text of several lines is one.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, text);
        } else if entry.extension() == Some("rs".as_ref()) {
            for part in fs::read_to_string(&entry).unwrap().split("\\\n") {
                text.push_str(part.trim_start());
            }
        }
    }
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn what_it_quotes_is_what_the_program_says() {
    let mut code = String::new();
    sources(&here().join("src"), &mut code);
    // What SQLite says, and not we.
    let foreign = ["database or disk is full", "database is locked"];
    let page = page();
    let (mut tables, mut wrong, mut count) = (false, Vec::new(), 0);
    for line in page.lines() {
        if line.starts_with("| the log says |") || line.starts_with("| it says |") {
            tables = true;
        } else if !line.starts_with('|') {
            tables = false;
        } else if tables {
            let cell = line.split('|').nth(1).unwrap();
            for text in quoted(cell).filter(|text| !foreign.contains(text)) {
                count += 1;
                let parts = text.split('…').map(str::trim_start).filter(|part| !part.is_empty());
                wrong.extend(
                    parts.filter(|part| !code.contains(part)).map(|part| format!("{part:?} of {text:?}")),
                );
            }
        }
    }
    assert!(count > 30, "{count}");
    assert!(wrong.is_empty(), "no source has:\n{}", wrong.join("\n"));
}

#[test]
fn its_commands_can_be_typed() {
    let page = page();
    let lines = page.lines().map(str::trim).filter(|line| line.starts_with("portcullis "));
    let commands: BTreeSet<_> =
        lines.chain(quoted(&page).filter(|text| text.starts_with("portcullis "))).collect();
    assert!(commands.len() > 15, "{commands:?}");
    let run = Run::new();
    for command in commands {
        let words: Vec<_> = command.split_whitespace().skip(1).collect();
        if words.first() == Some(&"is") {
            continue;
        }
        let groups = ["user", "session", "audit", "token", "config"];
        let named = if groups.contains(&words[0]) { 2 } else { 1 };
        let help = run.run(&[&words[..named], &["--help"]].concat());
        assert_eq!(help.code, 0, "{command}: {}", help.err);
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.out.contains(flag), "{command}: there is no {flag}");
        }
    }
}

#[test]
fn its_links_lead_somewhere() {
    let page = page();
    let headings: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')))
        .map(|heading| heading.to_lowercase().replace(',', "").replace(' ', "-"))
        .collect();
    for link in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        match link.split_once('#') {
            Some(("", heading)) => assert!(headings.contains(heading), "{link}"),
            Some((file, _)) => assert!(here().join("../../docs").join(file).exists(), "{link}"),
            None => assert!(here().join("../../docs").join(link).exists(), "{link}"),
        }
    }
}

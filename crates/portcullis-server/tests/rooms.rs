//! The rooms of ARCHITECTURE.md and the directions between them, held by reading the sources.
//!
//! What a file may import is decided by its room, the first folder or file below `src`. A room that is not in
//! the table does not pass: whoever adds one says what it may use.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
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

/// A room of the server, the rooms it may use, and the crates that only it and others named so may use.
const SERVER: &[(&str, &[&str], &[&str])] = &[
    ("main", &["cli"], &[]),
    ("lib", &["*"], &[]),
    (
        "cli",
        &["http", "state", "accounts", "config", "model", "passwords", "request", "store", "causes"],
        &[
            "axum_server",
            "clap",
            "indicatif",
            "rpassword",
            "rustix",
            "rustls",
            "tracing_appender",
            "tracing_subscriber",
            "unicode_width",
        ],
    ),
    (
        "http",
        &["state", "accounts", "metrics", "model", "request", "causes"],
        &["axum", "tower_http", "utoipa"],
    ),
    (
        "state",
        &[
            "accounts",
            "audit",
            "config",
            "instance",
            "jobs",
            "limits",
            "metrics",
            "model",
            "passwords",
            "revocations",
            "sessions",
            "store",
        ],
        &[],
    ),
    (
        "accounts",
        &["store", "passwords", "revocations", "limits", "audit", "sessions", "metrics", "model", "request"],
        &[],
    ),
    ("revocations", &["store", "model"], &[]),
    ("audit", &["store", "metrics", "model"], &[]),
    ("jobs", &["revocations", "audit"], &[]),
    ("limits", &[], &["governor"]),
    ("passwords", &["metrics", "model"], &["argon2", "bcrypt", "rustix", "scrypt"]),
    ("sessions", &["model"], &[]),
    (
        "store",
        &["config", "metrics", "model", "request", "sessions"],
        &["bson", "mongodb", "rusqlite", "rustix"],
    ),
    ("config", &[], &["toml", "strsim"]),
    ("instance", &[], &[]),
    ("request", &[], &[]),
    ("causes", &[], &[]),
    ("metrics", &[], &["prometheus_client"]),
    ("model", &[], &["precis_core", "precis_profiles"]),
];

/// A room of the library and the rooms it may use. `jws` knows nothing of ours.
const LIBRARY: &[(&str, &[&str])] = &[("jws", &[])];

/// What the library may be built from; nothing of it but http, axum-core, tower and serde is in its public API.
const LIBRARY_CRATES: usize = 20;

/// Lines of code in a file at most.
const LONG: usize = 400;

/// A source file: its room, its path, and its code without comments, texts and the tests at its end.
struct Source {
    room: String,
    path: PathBuf,
    code: String,
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let mut wrong = Vec::new();
    for source in sources("portcullis-server") {
        let Some((_, allowed, _)) = SERVER.iter().find(|(room, ..)| *room == source.room) else {
            wrong.push(format!("{}: the room {} is in no table", source.path.display(), source.room));
            continue;
        };
        // What lib.rs gives other names.
        let used = source.uses().into_iter().map(|it| {
            let of_http = ["app", "metrics_app", "openapi_document", "MAX_HEAD_BYTES", "App"];
            if of_http.contains(&it.as_str()) { "http".into() } else { it }
        });
        let bad = used.filter(|used| {
            *used != source.room && !allowed.contains(&"*") && !allowed.contains(&used.as_str())
        });
        wrong.extend(
            bad.map(|used| format!("{}: {} must not use {used}", source.path.display(), source.room)),
        );
    }
    for source in sources("portcullis") {
        let rule = LIBRARY.iter().find(|(room, _)| *room == source.room);
        let bad = source.uses().into_iter().filter(|used| {
            *used != source.room && rule.is_some_and(|(_, allowed)| !allowed.contains(&used.as_str()))
        });
        wrong.extend(
            bad.map(|used| format!("{}: {} must not use {used}", source.path.display(), source.room)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_crate_that_belongs_to_a_room_stays_there() {
    let mut wrong = Vec::new();
    for source in sources("portcullis-server") {
        for (owner, _, crates) in SERVER {
            let owners =
                |name: &str| SERVER.iter().any(|(room, _, own)| *room == source.room && own.contains(&name));
            let foreign = crates.iter().filter(|name| source.names(name) && !owners(name));
            wrong.extend(foreign.map(|name| format!("{}: {name} belongs to {owner}", source.path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_one_file_tells_the_backends_apart() {
    let tellers: BTreeSet<_> = sources("portcullis-server")
        .into_iter()
        .filter(|source| source.room != "config" && source.code.contains("DatabaseUrl::"))
        .map(|source| source.path)
        .collect();
    assert_eq!(tellers.len(), 1, "{tellers:?}");
}

#[test]
fn a_route_is_added_in_one_way_which_takes_its_rule() {
    // ADM-01, LOG-16
    let ways: BTreeSet<_> = sources("portcullis-server")
        .into_iter()
        .filter(|source| {
            let adding = [".route(", ".route_service(", ".nest(", ".nest_service(", ".merge("];
            source.room == "http" && adding.iter().any(|way| source.code.contains(way))
        })
        .map(|source| source.path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(ways, BTreeSet::from(["rules.rs".into()]));
}

#[test]
fn files_have_one_job_and_a_size_that_shows_it() {
    let mut too_long = Vec::new();
    for package in ["portcullis", "portcullis-server"] {
        for source in sources(package) {
            let lines = source.code.lines().filter(|line| !line.trim().is_empty()).count();
            if lines > LONG {
                too_long.push(format!("{}: {lines} lines of code, {LONG} are a file", source.path.display()));
            }
        }
    }
    assert!(too_long.is_empty(), "{}", too_long.join("\n"));
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for package in ["portcullis", "portcullis-server"] {
        for path in files(&manifest(package).join("src")) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("//! "), "{} opens with no sentence", path.display());
        }
    }
}

#[test]
fn nothing_panics_or_prints_on_purpose_outside_the_command_line() {
    // SUP-04
    let mut wrong = Vec::new();
    for package in ["portcullis", "portcullis-server"] {
        for source in sources(package) {
            let printing =
                ["println!(", "eprintln!(", "print!("].into_iter().filter(|_| source.room != "cli");
            let panicking = [".unwrap()", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];
            let found = printing.chain(panicking).filter(|word| source.code.contains(word));
            wrong.extend(found.map(|word| format!("{}: {word}", source.path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_private_key_is_worked_on_in_a_time_that_tells_of_it() {
    // KEY-13: RUSTSEC-2023-0071 has no version that mends it.
    let locked = fs::read_to_string(manifest("portcullis").join("../../Cargo.lock")).unwrap();
    assert!(locked.contains("name = \"aws-lc-rs\"\n") && !locked.contains("name = \"rsa\"\n"));
}

#[test]
fn no_function_has_its_arguments_logged() {
    // OBS-03: they may be passwords and tokens.
    for source in ["portcullis", "portcullis-server"].into_iter().flat_map(sources) {
        let by_attribute =
            ["#[instrument", "#[tracing::instrument"].iter().any(|it| source.code.contains(it));
        assert!(!by_attribute, "{}", source.path.display());
    }
}

#[test]
fn the_library_stays_small() {
    let manifest = fs::read_to_string(manifest("portcullis").join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("\n[").find(|table| table.starts_with("dependencies]")).unwrap();
    let count =
        dependencies.lines().filter(|line| line.contains(".workspace") || line.contains(" = ")).count();
    assert!((1..=LIBRARY_CRATES).contains(&count), "{count} dependencies");
    // It builds on what axum is built on; axum itself, a runtime and a database are for tests and for others.
    for foreign in ["axum", "axum-extra", "hyper", "mongodb", "rusqlite", "tokio", "tower", "tracing"] {
        let named = dependencies.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(foreign));
        assert!(!named, "{foreign} must not be a dependency of the library");
    }
}

#[test]
fn the_architecture_has_the_rooms_and_directions_that_are_held() {
    let page = fs::read_to_string(manifest("portcullis").join("../../ARCHITECTURE.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let written: BTreeMap<&str, BTreeSet<&str>> = rows
        .map(|(room, row)| {
            let used = row.rsplit('|').nth(1).unwrap().split(',').map(|used| word(used.trim()));
            (room, used.filter(|used| !used.is_empty()).collect())
        })
        .collect();
    let rooms = SERVER.iter().filter(|(room, ..)| *room != "lib");
    let held: BTreeMap<&str, BTreeSet<&str>> =
        rooms.map(|(room, used, _)| (*room, used.iter().copied().collect())).collect();
    assert_eq!(written, held);
}

impl Source {
    /// The rooms that the code names: what follows `crate::`, or each first name of `crate::{…}`.
    fn uses(&self) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        let package = if self.room == "main" { "portcullis_server::" } else { "crate::" };
        for (at, _) in self.code.match_indices(package) {
            let rest = &self.code[at + package.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                used.extend(first_names(group));
            } else {
                used.insert(word(rest).to_owned());
            }
        }
        used
    }

    /// Whether the code uses a crate by a path.
    fn names(&self, package: &str) -> bool {
        let path = format!("{package}::");
        self.code
            .match_indices(&path)
            .any(|(at, _)| !self.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
            || self.code.contains(&format!("use {package};"))
    }
}

/// The first names of the members of a `{…}` of a `use`, nested groups skipped.
fn first_names(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(word(group[start..at].trim()).to_owned());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

fn manifest(package: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package)
}

fn sources(package: &str) -> Vec<Source> {
    let root = manifest(package).join("src");
    let all = files(&root);
    assert!(all.len() > 10, "{} has no sources", root.display());
    let source = |path: PathBuf| {
        let below = path.strip_prefix(&root).unwrap();
        let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let name = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
        let code = code_of(&fs::read_to_string(&path).unwrap());
        Source { room: name, path, code }
    };
    all.into_iter().map(source).collect()
}

/// Every source file that is not a test's.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The code of a file up to its tests, without comments.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

//! Flask-JWT-Extended's recorded behaviour, case by case, in the two styles that speak its language.
//!
//! Every case holds, or is caught by a predicate of [`differences`] with its reason. Another file of the same
//! format is run by `CONFORMANCE_CASES=FILE`; `CONFORMANCE_REPORT=FILE` writes one JSON line a case.

mod answer;
mod application;
mod case;
mod differences;
mod flows;
mod helpers;
mod keys;
mod setup;
mod tokens;

use std::{collections::BTreeMap, fmt::Write as _};

use portcullis::ErrorStyle;
use serde_json::{Value, json};

use answer::Got;
use case::Case;

/// What became of a case in a style.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Holds,
    Differs(&'static str),
    /// It needs key pairs, and the library was built without them.
    NotRun,
    Fails,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Differs(_) => "differs",
            Self::NotRun => "not run",
            Self::Fails => "fails",
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "which file to run is told to the test from outside")]
fn option(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn recording() -> Value {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/flask-jwt-extended-cases.json");
    let path = option("CONFORMANCE_CASES").unwrap_or_else(|| own.to_owned());
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

async fn judge(case: &Case<'_>) -> (Verdict, Got) {
    if !case.can_run() {
        return (Verdict::NotRun, Got::Refused("built without key pairs".into()));
    }
    let got = application::run(case).await;
    let verdict = match (got.is(case.expected()), differences::find(case, &got)) {
        (true, _) => Verdict::Holds,
        (false, Some(reason)) => Verdict::Differs(reason),
        (false, None) => Verdict::Fails,
    };
    (verdict, got)
}

#[tokio::test]
async fn recorded_cases_hold_or_differ_for_a_reason() {
    let recording = recording();
    let (mut report, mut failures) = (String::new(), String::new());
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for recorded in recording["cases"].as_array().unwrap() {
        for style in [ErrorStyle::Flask4, ErrorStyle::Flask3] {
            let case = Case { recorded, style };
            if case.expected().is_null() {
                continue;
            }
            let (verdict, got) = judge(&case).await;
            *counts.entry((style.name(), verdict.name())).or_default() += 1;
            let mut line = json!({"id": case.id(), "style": style.name(), "verdict": verdict.name(),
                "expected": case.expected(), "got": got.json()});
            match verdict {
                Verdict::Differs(reason) => {
                    line["reason"] = reason.into();
                    *reasons.entry(reason).or_default() += 1;
                }
                Verdict::Fails => writeln!(failures, "{line}").unwrap(),
                Verdict::Holds | Verdict::NotRun => {}
            }
            writeln!(report, "{line}").unwrap();
        }
    }
    if let Some(path) = option("CONFORMANCE_REPORT") {
        std::fs::write(path, report).unwrap();
    }
    for (reason, count) in reasons {
        println!("{count:>4}  {reason}");
    }
    for ((style, verdict), count) in &counts {
        println!("conformance {style}: {count} {verdict}");
    }
    assert!(failures.is_empty(), "{failures}");
}

#[tokio::test]
async fn recorded_flows_hold() {
    let recording = recording();
    let (mut ran, mut unknown) = (0, 0);
    for flow in recording["flows"].as_array().unwrap() {
        match flows::run(flow).await {
            flows::Outcome::Held => ran += 1,
            flows::Outcome::NoSuchRoute(route) => {
                unknown += 1;
                println!("{}: there is no {route}", flow["id"]);
            }
        }
    }
    println!("conformance flows: {ran} hold, {unknown} not run");
    assert!(ran >= 3);
}

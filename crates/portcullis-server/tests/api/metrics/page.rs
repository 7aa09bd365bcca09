//! docs/operations.md names metrics that there are.

use std::{collections::BTreeSet, fs};

use super::metrics;
use crate::support::TestApp;

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md")).unwrap()
}

/// The words of a text that name a metric.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("portcullis_") && *word != "portcullis_server").collect()
}

#[tokio::test]
async fn every_metric_that_the_page_names_exists() {
    let app = TestApp::new().await;
    app.register("alice").await;
    let all = metrics(&app);
    let there: BTreeSet<_> = all.names().into_iter().chain(all.families.keys().map(String::as_str)).collect();
    let page = page();
    let named = named(&page);
    assert!(named.len() > 10, "{named:?}");
    let missing: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn every_metric_there_is_has_its_line_on_the_page() {
    let app = TestApp::new().await;
    let page = page();
    for (family, kind) in metrics(&app).families {
        let suffix = match kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let row = format!("| `{family}{suffix}");
        assert!(page.contains(&row), "{row} is in no table");
    }
}

#[test]
fn the_alert_rules_stand_in_a_block_of_their_own() {
    let page = page();
    let rules = page.split("```yaml\ngroups:\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let alerts = rules.lines().filter(|line| line.trim().starts_with("- alert: ")).count();
    let expressions: Vec<_> = rules.lines().filter(|line| line.trim().starts_with("expr: ")).collect();
    assert!((4..=6).contains(&alerts), "{alerts}");
    assert_eq!(expressions.len(), alerts);
    for expression in expressions {
        assert!(!named(expression).is_empty(), "{expression}");
        let count = |c| expression.matches(c).count();
        assert_eq!(
            (count('('), count('{'), count('[')),
            (count(')'), count('}'), count(']')),
            "{expression}"
        );
    }
}

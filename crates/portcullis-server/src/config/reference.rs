//! The table of all settings in Markdown, made from the comments and values of the files that are compiled in.

use std::mem;

use super::{profile::Profile, python};

/// The tables of `docs/config.md`: every setting with its default, and what the profiles change.
///
/// `default.toml` is the one place where a setting is documented: a `##` comment opens a section, and the
/// comment lines before a setting are its text.
pub fn reference() -> String {
    let mut lines = Vec::new();
    let mut about = Vec::new();
    for line in include_str!("../../config/default.toml").lines() {
        if let Some(title) = line.strip_prefix("## ") {
            lines.push(format!("\n### {title}\n\n| setting | default | |\n|---|---|---|"));
        } else if let Some((name, default)) = documented(line) {
            let about = mem::take(&mut about).join(" ").replace('|', "\\|");
            lines.push(format!("| `{name}` | {default} | {about} |"));
        } else if let Some(comment) = line.strip_prefix("# ") {
            about.push(comment);
        } else {
            // The head of the file is no setting's text.
            about.clear();
        }
    }
    lines.push("\n### What the profiles change\n\n| profile | setting | value |\n|---|---|---|".into());
    for profile in Profile::ALL {
        for statement in python::statements(profile.file().1) {
            if let Some((name, value)) = statement.text.split_once(" = ") {
                lines.push(format!("| {profile} | `{name}` | `{value}` |"));
            }
        }
    }
    lines.push(String::new());
    lines.join("\n").trim_start().to_owned()
}

/// The setting that a line of `default.toml` declares, and its default as the table has it.
pub(super) fn documented(line: &str) -> Option<(&str, String)> {
    let (line, has_default) = match line.strip_prefix("# ") {
        Some(line) => (line, false),
        None => (line, true),
    };
    let (name, value) = line.split_once(" = ")?;
    let is_name = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let default = if has_default { format!("`{value}`") } else { "none".to_owned() };
    (is_name && !name.is_empty()).then_some((name, default))
}

//! The page of the commands, as `docs/cli.md` has it.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use super::Arguments;

/// All commands in Markdown: a row for each, with what it takes and what it does.
pub fn reference() -> String {
    let mut text = "| command | what it does |\n|---|---|\n".to_owned();
    let mut program = Arguments::command();
    program.build();
    rows(&program, &mut text);
    text
}

fn rows(command: &Command, text: &mut String) {
    for command in command.get_subcommands() {
        if command.has_subcommands() {
            rows(command, text);
            continue;
        }
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").replace("[OPTIONS] ", "").replace(" [OPTIONS]", "");
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "| `{}` | {about} |", usage.replace('|', "\\|"));
    }
}

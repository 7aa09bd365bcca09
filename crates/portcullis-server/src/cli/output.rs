//! What a command says when it has done something: aligned columns for people, JSON for programs.

use std::{
    fmt::Write as _,
    io::{self, ErrorKind, Write},
};

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::Failure;

/// In which form a command answers.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Form {
    /// Answer in JSON, for programs; lists are one document a line
    #[arg(long, global = true, display_order = 900)]
    pub(super) json: bool,
}

/// Whether somebody still reads what a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Somebody does.
    There,
    /// Who has seen enough, as `head` has, is no failure.
    Gone,
}

/// Writes a part of a command's answer.
pub(super) fn put(text: &str) -> Result<Reader, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::new(format!("standard output: {error}"))),
    }
}

/// Columns that stand below each other, two blanks apart, on a terminal and in a pipe alike. An empty cell is a dash, so that
/// the next one is not taken for it.
///
/// A long list is written in parts; a column only gets wider from one to the next.
pub(super) struct Table<const N: usize> {
    heads: Option<[&'static str; N]>,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    pub(super) fn of(heads: [&'static str; N]) -> Self {
        Self { heads: Some(heads), widths: [0; N] }
    }

    /// The next rows as text, below the heads where they are the first.
    pub(super) fn rows(&mut self, rows: Vec<[String; N]>) -> String {
        let heads = self.heads.take().map(|heads| heads.map(str::to_owned));
        let dash = |cell: String| if cell.is_empty() { "-".to_owned() } else { cell };
        let rows: Vec<_> = heads.into_iter().chain(rows).map(|row| row.map(dash)).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String; N]) -> String {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(self.widths) {
            let gap = " ".repeat(width.saturating_sub(cell.width()) + 2);
            line.push_str(cell);
            line.push_str(&gap);
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// A text of somebody else's that is shown on a terminal: what would move the cursor, colour the line or turn it round
/// is written out.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if acts_on_a_terminal(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Controls, and format characters that have no look of their own: breaks, joiners, directions.
fn acts_on_a_terminal(c: char) -> bool {
    let formats = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}'];
    c.is_control()
        || ['\u{ad}', '\u{61c}', '\u{feff}'].contains(&c)
        || formats.iter().any(|it| it.contains(&c))
}

/// A value as one line of JSON.
///
/// # Errors
/// [`Failure`] for a value that JSON has no form for.
pub(super) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string(value).map_err(|error| Failure::new(format!("no JSON: {error}")))?;
    Ok(quiet_json(&json) + "\n")
}

/// JSON in which nothing stands as it is that acts on a terminal; JSON's own rules see to the controls of ASCII alone.
pub(super) fn quiet_json(json: &str) -> String {
    let mut quiet = String::with_capacity(json.len());
    for c in json.chars() {
        // All of these have four digits.
        if acts_on_a_terminal(c) && c != '\n' {
            let _ = write!(quiet, "\\u{:04x}", u32::from(c));
        } else {
            quiet.push(c);
        }
    }
    quiet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_from_part_to_part() {
        let mut table = Table::of(["NAME", "ID"]);
        let row = |name: &str, id: &str| [name.to_owned(), id.to_owned()];
        assert_eq!(
            table.rows(vec![row("alice", "1"), row("江", "2")]),
            "NAME   ID\nalice  1\n江     2\n",
            "a wide letter takes two columns"
        );
        assert_eq!(table.rows(vec![row("", "3"), row("catherine", "4")]), "-          3\ncatherine  4\n");
        assert_eq!(Table::of(["NAME"]).rows(Vec::new()), "NAME\n");
    }

    #[test]
    fn what_acts_on_a_terminal_is_written_out() {
        assert_eq!(shown("red \u{1b}[31m\u{202e}\u{9b}\n"), "red \\u{1b}[31m\\u{202e}\\u{9b}\\u{a}");
        assert_eq!(shown("jos\u{e9} 江"), "jos\u{e9} 江");
        let json = json_line(&"\u{1b}\u{9b}\u{7f}\n\u{e9}").unwrap();
        assert_eq!(json, "\"\\u001b\\u009b\\u007f\\n\u{e9}\"\n");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "\u{1b}\u{9b}\u{7f}\n\u{e9}");
    }
}

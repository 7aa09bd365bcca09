//! How far a long command is, for the person at the terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of bytes on a terminal, and nothing elsewhere; a sign of life where nobody knows how many there are.
pub(super) fn of_bytes(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => {
            (ProgressBar::new(size), "{bar:40} {percent:>3} %  {bytes} of {total_bytes}, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

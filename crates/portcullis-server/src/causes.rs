//! An error and what it was caused by, as one text: for the log, and for the person who starts the program.

use std::error::Error;

/// The error's text and those of its causes, outermost first; one that is part of the text already is not repeated.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

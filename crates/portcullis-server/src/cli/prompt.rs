//! What a command asks the person at the terminal, and what a program hands over instead.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use super::Failure;
use crate::model::Password;

/// A new password: asked for twice, without showing it, or the one line of standard input.
///
/// It is never an argument: those stand in the list of processes and in the shell's history.
pub(super) fn new_password(from_stdin: bool, of: &str) -> Result<Zeroizing<String>, Failure> {
    if from_stdin {
        return line_of(io::stdin().lock());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            "there is no terminal to ask for a password; pipe it in and say --password-stdin",
        ));
    }
    let asked = |question: String| {
        let answer = rpassword::prompt_password(question);
        answer.map(Zeroizing::new).map_err(|error| Failure::new(format!("the terminal: {error}")))
    };
    let first = asked(format!("New password of {of}: "))?;
    let again = asked(format!("New password of {of}, again: "))?;
    if first == again {
        Ok(first)
    } else {
        Err(Failure::new("the two passwords are not the same; nothing was changed"))
    }
}

/// The one line of an input, without its end. A second line is no part of a password, and dropping it would be a guess.
fn line_of(input: impl BufRead) -> Result<Zeroizing<String>, Failure> {
    // As long as the longest password, a line end and a byte that is too much.
    const MOST: u64 = Password::MAX_BYTES as u64 + 3;
    // Of its whole size from the start: a text that grows leaves copies of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(Password::MAX_BYTES + 3));
    let problem = |problem: &str| Failure::new(format!("--password-stdin: {problem}"));
    input.take(MOST).read_to_string(&mut text).map_err(|error| problem(&error.to_string()))?;
    let end =
        text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(end);
    if text.contains('\n') {
        return Err(problem("there is more than one line, and a password is one"));
    }
    if text.is_empty() {
        return Err(problem("there is no password"));
    }
    Ok(text)
}

/// Whether the person at the terminal says yes; `false` for anything else, and [`Failure`] where there is nobody to ask.
pub(super) fn confirmed(question: &str) -> Result<bool, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::new("there is no terminal to ask; say --yes to do it unasked"));
    }
    let failed = |error: io::Error| Failure::new(format!("the terminal: {error}"));
    let mut screen = io::stderr().lock();
    write!(screen, "{question} [y/N] ").and_then(|()| screen.flush()).map_err(failed)?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(failed)?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_as_it_is() {
        for (input, password) in
            [("secret", "secret"), ("secret\n", "secret"), ("secret\r\n", "secret"), ("  s \r", "  s \r")]
        {
            assert_eq!(*line_of(input.as_bytes()).unwrap(), password, "{input:?}");
        }
        let longest = "x".repeat(Password::MAX_BYTES);
        assert_eq!(*line_of(format!("{longest}\r\n").as_bytes()).unwrap(), longest);
        assert!(
            line_of("x".repeat(5000).as_bytes()).unwrap().len() > Password::MAX_BYTES,
            "seen to be too long"
        );
        for (input, says) in [
            (&b""[..], "no password"),
            (b"\n", "no password"),
            (b"a\nb", "more than one line"),
            (b"a\n\n", "more than one line"),
            (b"\xff\n", "UTF-8"),
        ] {
            let Failure { problem, .. } = line_of(input).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }
}

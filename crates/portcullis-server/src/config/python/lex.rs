//! The tokens of `application.cfg` as Python and TOML have them in common, cut into statements.

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a number, a date, `true`.
    Word,
    /// A text in one pair of quotes, which it includes.
    Text,
    /// A text in three pairs of quotes.
    Triple,
    /// A text with letters before its quotes.
    Prefixed,
    /// A text whose end is missing.
    Unclosed,
    Open,
    Close,
    Comma,
    /// Any other character.
    Mark,
}

/// One logical line.
pub(in crate::config) struct Statement<'a> {
    /// The line it starts on, from 1.
    pub(in crate::config) line: usize,
    /// All of it, comments included, without the end of the last line.
    pub(in crate::config) text: &'a str,
    pub(super) tokens: Vec<Token<'a>>,
}

/// Cuts a text into statements; blank lines and comments are none.
pub(in crate::config) fn statements(text: &str) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (tokens, length) = tokens(rest);
        let (text, after) = rest.split_at(length);
        let lines = text.matches('\n').count() + 1;
        if !tokens.is_empty() {
            // What is left of a line's end that Windows wrote.
            let text = text.trim_end_matches('\r');
            statements.push(Statement { line, text, tokens });
        }
        line += lines;
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    statements
}

/// The tokens up to the end of a logical line, and its length.
fn tokens(text: &str) -> (Vec<Token<'_>>, usize) {
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\n' && (depth == 0 || starts_setting(rest)) {
            break;
        }
        let (kind, length) = token(c, rest);
        let (token, after) = rest.split_at(length);
        rest = after;
        let Some(kind) = kind else { continue };
        match kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens.push(Token { kind, text: token });
    }
    (tokens, text.len() - rest.len())
}

/// The first token and its length; blanks and comments have no kind.
fn token(c: char, rest: &str) -> (Option<Kind>, usize) {
    match c {
        '#' => (None, rest.find('\n').unwrap_or(rest.len())),
        c if c.is_whitespace() => (None, c.len_utf8()),
        '"' | '\'' => string(rest, Kind::Text),
        '[' | '(' | '{' => (Some(Kind::Open), 1),
        ']' | ')' | '}' => (Some(Kind::Close), 1),
        ',' => (Some(Kind::Comma), 1),
        c => word(c, rest),
    }
}

fn word(first: char, rest: &str) -> (Option<Kind>, usize) {
    let second = rest.chars().nth(1).unwrap_or(' ');
    let signed = matches!(first, '+' | '-' | '.') && (second.is_alphanumeric() || second == '.');
    let numeric = first.is_ascii_digit() || signed;
    if !(signed || first.is_alphanumeric() || first == '_') {
        return (Some(Kind::Mark), first.len_utf8());
    }
    let inside =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '.') || (numeric && matches!(c, '+' | '-' | ':'));
    let length = rest.find(|c| !inside(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(length);
    if is_prefix(word) && after.starts_with(['"', '\'']) {
        let (kind, string_length) = string(after, Kind::Prefixed);
        return (kind, length + string_length);
    }
    (Some(Kind::Word), length)
}

fn is_prefix(word: &str) -> bool {
    ["b", "r", "f", "u", "br", "rb", "fr", "rf"].contains(&word.to_ascii_lowercase().as_str())
}

/// A text from its opening quotes, by Python's rule: a backslash hides the character after it.
fn string(rest: &str, kind: Kind) -> (Option<Kind>, usize) {
    for quotes in ["\"\"\"", "'''"] {
        if let Some(inner) = rest.strip_prefix(quotes) {
            let kind = if kind == Kind::Text { Kind::Triple } else { kind };
            return match end_of(inner, quotes) {
                Some(length) => (Some(kind), length + 6),
                None => (Some(Kind::Unclosed), rest.len()),
            };
        }
    }
    let (quote, inner) = rest.split_at(1);
    if let Some(length) = end_of(inner, quote) {
        return (Some(kind), length + 2);
    }
    let line = rest.split('\n').next().unwrap_or_default();
    (Some(Kind::Unclosed), line.trim_end_matches('\r').len())
}

/// The length of a text up to its closing quotes: of one quote within the line, so that a line of many texts is
/// read once.
fn end_of(inner: &str, quotes: &str) -> Option<usize> {
    let mut hidden = false;
    for (index, c) in inner.char_indices() {
        match c {
            '\n' if quotes.len() == 1 => return None,
            _ if hidden => hidden = false,
            '\\' => hidden = true,
            _ if inner.split_at(index).1.starts_with(quotes) => return Some(index),
            _ => {}
        }
    }
    None
}

/// Whether a line that starts here, inside of brackets, sets something: then the brackets were never closed.
fn starts_setting(rest: &str) -> bool {
    // One line break: each of several is looked at by itself.
    let line = rest.strip_prefix('\n').unwrap_or(rest);
    let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let after = line.trim_start_matches(name);
    line.starts_with(|c: char| c.is_ascii_uppercase()) && after.trim_start_matches(' ').starts_with('=')
}

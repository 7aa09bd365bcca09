//! `application.cfg` is Python in a Flask application: what TOML would read differently is explained, never read.

mod lex;
mod literal;
#[cfg(test)]
mod tests;

pub(super) use lex::{Statement, Token, statements};

use std::path::Path;

use super::{
    Profile, echo, names,
    settings::{Display, Draft, HIDDEN, Setting},
    value::Value,
};
use lex::Kind;

/// What a statement is.
pub(super) enum Shape<'s, 'a> {
    /// `NAME = value`.
    Assignment { name: &'a str, value: &'s [Token<'a>] },
    /// Anything else.
    Foreign,
}

impl<'a> Statement<'a> {
    pub(super) fn shape(&self) -> Shape<'_, 'a> {
        match self.tokens.as_slice() {
            [Token { kind: Kind::Word, text: name }, Token { text: "=", .. }, value @ ..]
                if !name.contains('.') =>
            {
                Shape::Assignment { name, value }
            }
            _ => Shape::Foreign,
        }
    }
}

/// What a value of no setting has wrong that could hide a setting: quotes or brackets that do not end, and all by
/// which Python sets several names in one line.
pub(super) fn explain_hiding(value: &[Token<'_>]) -> Option<&'static str> {
    const SEVERAL: &str = "a ; or a second = may set another name: give each setting a line of its own";
    const BRACKETS: &str = "its brackets do not close";
    let mut open = Vec::new();
    let mut before = "";
    for token in value {
        match (token.kind, token.text) {
            (Kind::Unclosed, _) => return Some("its text does not end"),
            (Kind::Open, "[") => open.push("]"),
            (Kind::Open, "(") => open.push(")"),
            (Kind::Open, _) => open.push("}"),
            (Kind::Close, bracket) if open.last() != Some(&bracket) => return Some(BRACKETS),
            (Kind::Close, _) => drop(open.pop()),
            (Kind::Mark, ";") => return Some(SEVERAL),
            (Kind::Mark, "\\") => return Some("goes on behind a backslash: write it in one line"),
            // Within brackets it may be an argument's name, but not ours and not `:=`.
            (Kind::Mark, "=") if open.is_empty() || before == ":" || Setting::named(before).is_some() => {
                return Some(SEVERAL);
            }
            (Kind::Prefixed, text) if text.contains(":=") => return Some(SEVERAL),
            _ => {}
        }
        before = token.text;
    }
    (!open.is_empty()).then_some(BRACKETS)
}

/// What to do about a statement that sets nothing. Only its first word is shown: the rest may be a secret.
pub(super) fn explain_statement(statement: &Statement<'_>) -> String {
    const KEYWORDS: [&str; 14] = [
        "assert", "class", "def", "del", "elif", "else", "except", "finally", "for", "if", "raise", "try",
        "while", "with",
    ];
    match statement.tokens.as_slice() {
        [Token { text: word @ ("import" | "from"), .. }, ..] => {
            format!("`{word}` is Python: take the line out and write values as they are, as `NAME = 900`")
        }
        [Token { text: word, .. }, ..] if KEYWORDS.contains(word) => {
            format!("`{word}` is Python: take it out; write each setting once, as `NAME = \"value\"`")
        }
        [Token { text: "[", .. }, ..] => {
            "sections are not used here: take the line out; all settings are in one list".into()
        }
        [Token { kind: Kind::Word, text: name }, Token { text: "=", .. }, ..] if name.contains('.') => {
            "names have no dots here: write `NAME = value`".into()
        }
        [Token { kind: Kind::Word, text: name }, Token { text: ":", .. }, ..]
            if Setting::named(name).is_some() =>
        {
            format!("a type after the name is Python: write `{name} = value`")
        }
        [Token { kind: Kind::Text | Kind::Triple | Kind::Prefixed, .. }, ..] => {
            "a text that no name stands before: write `NAME = value`, and remarks after a #".into()
        }
        _ => "is not a line of the form `NAME = value`".into(),
    }
}

/// Why a value would be read differently, or not at all, with its TOML form; none when Python and TOML agree.
pub(super) fn explain(setting: &Setting, statement: &Statement<'_>) -> Option<String> {
    let Shape::Assignment { value, .. } = statement.shape() else {
        return None;
    };
    let difference = difference(value)?;
    let way_out = match (&difference, literal::evaluate(value)) {
        (
            Difference::Unclosed(_)
            | Difference::Triple
            | Difference::Prefix
            | Difference::Adjacent
            | Difference::Expression,
            _,
        ) if let Some(file) = names::file_of_key(setting.name) => in_a_file(file),
        (Difference::Unclosed(_) | Difference::Missing, _) => String::new(),
        (Difference::Constant("None"), _) => "\nleave the line out: that is TOML's None".into(),
        _ if holds_more(setting, statement, value) => "\ngive each setting a line of its own".into(),
        (_, Some(form)) if setting.display == Display::Plain && !swallowed_lines(&form) => {
            written_as(setting, &form)
        }
        (difference, _) if setting.display == Display::Plain => format!("\n{}", difference.way_out()),
        (difference, form) => {
            let form = form.map_or(HIDDEN.to_owned(), |form| setting.show(&form));
            format!("\n{}\n    {} = {form}", difference.way_out(), setting.name)
        }
    };
    Some(format!("{}\n    {}{way_out}", difference.reason(), shown_line(setting, statement, value)))
}

/// What to do about a key of several lines, or one that Python reads from a file.
fn in_a_file(setting: &str) -> String {
    format!(
        "\na key of several lines goes into a file of its own, and here its path from the instance folder:\n    \
         {setting} = \"key.pem\"\nor into one line inside \"…\", with \\n for each end of a line"
    )
}

/// Whether a text runs over lines, which may be other settings: quotes that were meant to end before.
fn swallowed_lines(form: &Value) -> bool {
    form.to_toml().contains("\\n")
}

/// The longest value that is written out in TOML, in bytes.
const LONGEST_FORM: usize = 1000;

/// The form in TOML, unless the setting refuses that too: then why.
fn written_as(setting: &Setting, form: &Value) -> String {
    let mut trial = Draft::new(Profile::Production, Path::new(""));
    match (setting.take)(&mut trial, form) {
        Ok(()) if form.to_toml().len() > LONGEST_FORM => "\nwrite the value itself".into(),
        Ok(()) => format!("\nwrite\n    {} = {}", setting.name, form.to_toml()),
        Err(refusal) => format!("\nand as {} it is refused: {refusal}", form.shown()),
    }
}

/// The line as far as it is this setting's: what follows may be a secret.
fn shown_line(setting: &Setting, statement: &Statement<'_>, value: &[Token<'_>]) -> String {
    if setting.display != Display::Plain {
        return format!("{} = [redacted]", setting.name);
    }
    if holds_more(setting, statement, value) {
        return format!("{} = …", setting.name);
    }
    let line = statement.text.lines().next().unwrap_or_default();
    match line.split_once('#') {
        Some((line, _)) => format!("{} …", echo::cut(line.trim())),
        None if statement.text.contains('\n') => format!("{} …", echo::cut(line.trim())),
        None => echo::cut(line.trim()),
    }
}

/// Whether a statement may hold another setting's value, which may be a secret.
fn holds_more(setting: &Setting, statement: &Statement<'_>, value: &[Token<'_>]) -> bool {
    let several = value.iter().any(|token| token.kind == Kind::Mark && matches!(token.text, "=" | ";"));
    setting.display == Display::Plain
        // The arguments of a `timedelta` have an = as well.
        && (several && literal::evaluate(value).is_none() || echo::holds_secret(statement.text))
}

/// What makes a value read differently in the two languages.
#[derive(Debug, PartialEq, Eq)]
enum Difference<'a> {
    Missing,
    Unclosed(&'a str),
    Backslash,
    Escape(String),
    Triple,
    Prefix,
    Adjacent,
    Constant(&'a str),
    Tuple,
    Table,
    Date,
    NotFinite,
    Number,
    Semicolon,
    Chain,
    Environment,
    Expression,
}

impl Difference<'_> {
    fn reason(&self) -> String {
        match self {
            Self::Missing => "no value stands after the =".into(),
            Self::Unclosed(open) if open.contains(['"', '\'']) => {
                format!("the text that {open} begins does not end")
            }
            Self::Unclosed(open) => format!("the {open} is not closed"),
            Self::Backslash => "a backslash inside '…' is an escape in Python and itself in TOML".into(),
            Self::Escape(escape) => format!("the escape {escape} is not the same in Python and in TOML"),
            Self::Triple => "three quotes: Python keeps the first line break, TOML drops it".into(),
            Self::Prefix => "letters before a quote are Python".into(),
            Self::Adjacent => "texts side by side are one text in Python and an error in TOML".into(),
            Self::Constant("None") => "None is Python: TOML has no such value".into(),
            Self::Constant(word) => format!("{word} is Python: TOML writes {}", word.to_ascii_lowercase()),
            Self::Tuple => "a tuple is Python: TOML writes lists, in [ ]".into(),
            Self::Table => "no setting is a table or dict".into(),
            Self::Date => "a date in TOML is a subtraction in Python; no setting is a date".into(),
            Self::NotFinite => "no setting is infinite, or no number".into(),
            Self::Number => "is a number that Python and TOML do not both read".into(),
            Self::Semicolon => "a semicolon is Python: one setting a line".into(),
            Self::Chain => "a second = sets another name as well: one setting a line".into(),
            Self::Environment => "reading the environment is Python".into(),
            Self::Expression => "an expression is Python: TOML has values only".into(),
        }
    }

    /// What to do where the value itself cannot be written out.
    fn way_out(&self) -> &'static str {
        match self {
            Self::Backslash | Self::Escape(_) => {
                "write it inside \"…\", and double every backslash that is meant as one"
            }
            Self::Environment => {
                "take the line out and set the environment variable of the setting's name, or write the value"
            }
            Self::Triple | Self::Prefix | Self::Adjacent => "write one text inside \"…\"",
            Self::Tuple => "write it as a list",
            Self::Semicolon | Self::Chain => "give each setting a line of its own",
            _ => "write the value itself",
        }
    }
}

/// The first difference of a value.
fn difference<'a>(value: &[Token<'a>]) -> Option<Difference<'a>> {
    if value.is_empty() {
        return Some(Difference::Missing);
    }
    if chains(value) {
        return Some(Difference::Chain);
    }
    let mut before: Option<&Token<'a>> = None;
    let mut open = Vec::new();
    for token in value {
        let follows = before.filter(|before| ends_operand(before.kind));
        match token.kind {
            Kind::Open => open.push(token.text),
            Kind::Close => drop(open.pop()),
            _ => {}
        }
        let found = match token.kind {
            Kind::Comma if open.is_empty() => Some(Difference::Tuple),
            Kind::Close | Kind::Comma => None,
            _ => {
                of_token(token, value).or_else(|| follows.map(|before| side_by_side(before.kind, token.kind)))
            }
        };
        if found.is_some() {
            return found;
        }
        before = Some(token);
    }
    open.pop().map(Difference::Unclosed)
}

/// Whether a value begins with another name that is set, and not compared.
fn chains(value: &[Token<'_>]) -> bool {
    let [Token { kind: Kind::Word, .. }, Token { text: "=", .. }, rest @ ..] = value else {
        return false;
    };
    rest.first().is_none_or(|token| token.text != "=")
}

const fn ends_operand(kind: Kind) -> bool {
    matches!(kind, Kind::Word | Kind::Text | Kind::Triple | Kind::Prefixed | Kind::Close)
}

const fn side_by_side<'a>(before: Kind, after: Kind) -> Difference<'a> {
    match (before, after) {
        (Kind::Text, Kind::Text) => Difference::Adjacent,
        _ => Difference::Expression,
    }
}

fn of_token<'a>(token: &Token<'a>, value: &[Token<'a>]) -> Option<Difference<'a>> {
    match (token.kind, token.text) {
        (Kind::Text, text) => of_text(text),
        (Kind::Unclosed, text) if text.starts_with('\'') && text.contains('\\') => {
            Some(Difference::Backslash)
        }
        (Kind::Unclosed, text) => {
            let quotes = text.len() - text.trim_start_matches(|c| text.starts_with(c)).len();
            text.get(..quotes.clamp(1, 3)).map(Difference::Unclosed)
        }
        (Kind::Triple, _) => Some(Difference::Triple),
        (Kind::Prefixed, _) => Some(Difference::Prefix),
        (Kind::Open, "{") => Some(Difference::Table),
        (Kind::Open, "(") => Some(match literal::evaluate(value) {
            Some(Value::List(_)) => Difference::Tuple,
            _ => Difference::Expression,
        }),
        (Kind::Word, word) => of_word(word),
        (Kind::Mark, ";") => Some(Difference::Semicolon),
        (Kind::Mark, _) => Some(Difference::Expression),
        (Kind::Open | Kind::Close | Kind::Comma, _) => None,
    }
}

fn of_text<'a>(text: &str) -> Option<Difference<'a>> {
    if text.starts_with('\'') {
        return text.contains('\\').then_some(Difference::Backslash);
    }
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            continue;
        }
        match chars.next()? {
            // The same in both, or refused by the parser where digits are missing.
            '\\' | '"' | 'b' | 'f' | 'n' | 'r' | 't' | 'u' | 'U' | 'x' => {}
            c => return Some(Difference::Escape(format!("\\{c}"))),
        }
    }
    None
}

fn of_word(word: &str) -> Option<Difference<'_>> {
    let digits = word.trim_start_matches(['+', '-']);
    let is_number = digits.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    match word {
        "true" | "false" => None,
        "True" | "False" | "None" => Some(Difference::Constant(word)),
        _ if matches!(digits, "inf" | "nan") => Some(Difference::NotFinite),
        _ if word.starts_with("os.") || word == "environ" || word == "getenv" => {
            Some(Difference::Environment)
        }
        _ if !is_number => Some(Difference::Expression),
        _ => of_number(digits),
    }
}

fn of_number<'a>(digits: &str) -> Option<Difference<'a>> {
    match toml::de::DeValue::parse(digits) {
        Ok(value) if value.get_ref().is_datetime() => Some(Difference::Date),
        Ok(_) => None,
        Err(_) if digits.contains(['+', '-']) => Some(Difference::Expression),
        Err(_) => Some(Difference::Number),
    }
}

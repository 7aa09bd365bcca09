//! What Python would read where that can be told without running it: texts, products, lists, `timedelta`.

use super::lex::{Kind, Token};
use crate::config::value::Value;

/// The longest expression that is told, in tokens: it bounds how deep brackets are followed.
const LONGEST: usize = 512;

/// The value of an expression, or none when only Python can tell.
pub(super) fn evaluate(tokens: &[Token<'_>]) -> Option<Value> {
    if tokens.len() > LONGEST {
        return None;
    }
    let commas = parts(tokens);
    if commas.len() > 1 {
        return list(&commas);
    }
    match tokens {
        [Token { kind: Kind::Word, text: "True" | "true" }] => Some(Value::Boolean(true)),
        [Token { kind: Kind::Word, text: "False" | "false" }] => Some(Value::Boolean(false)),
        [Token { text: "[", .. }, inner @ .., Token { text: "]", .. }] => list(&parts(inner)),
        [Token { text: "(", .. }, inner @ .., Token { text: ")", .. }] => evaluate(inner),
        [
            Token { text: "timedelta" | "datetime.timedelta", .. },
            Token { text: "(", .. },
            inner @ ..,
            Token { text: ")", .. },
        ] => timedelta(inner),
        [Token { kind: Kind::Text | Kind::Triple | Kind::Prefixed, .. }, ..] => texts(tokens),
        _ => product(tokens).map(Value::Integer),
    }
}

/// The parts between the commas of this level.
fn parts<'s, 'a>(tokens: &'s [Token<'a>]) -> Vec<&'s [Token<'a>]> {
    let mut depth = 0_i32;
    tokens
        .split(|token| {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            depth == 0 && token.kind == Kind::Comma
        })
        .collect()
}

fn list(parts: &[&[Token<'_>]]) -> Option<Value> {
    // Nothing follows the last comma.
    let parts = if let [parts @ .., []] = parts { parts } else { parts };
    parts.iter().map(|part| evaluate(part)).collect::<Option<_>>().map(Value::List)
}

fn product(tokens: &[Token<'_>]) -> Option<i64> {
    let number = |token: &Token<'_>| token.text.replace('_', "").parse::<i64>().ok();
    tokens.split(|token| token.text == "*").try_fold(1_i64, |product, factor| match factor {
        [token] => product.checked_mul(number(token)?),
        _ => None,
    })
}

fn timedelta(arguments: &[Token<'_>]) -> Option<Value> {
    let mut seconds = 0_i64;
    for (index, argument) in parts(arguments).into_iter().enumerate() {
        let (unit, number) = match argument {
            [] => continue,
            [name, Token { text: "=", .. }, number @ ..] => (unit(name.text)?, number),
            // The first two places are days and seconds.
            number => (*[24 * 60 * 60, 1].get(index)?, number),
        };
        seconds = seconds.checked_add(product(number)?.checked_mul(unit)?)?;
    }
    Some(Value::Integer(seconds))
}

fn unit(name: &str) -> Option<i64> {
    match name {
        "weeks" => Some(7 * 24 * 60 * 60),
        "days" => Some(24 * 60 * 60),
        "hours" => Some(60 * 60),
        "minutes" => Some(60),
        "seconds" => Some(1),
        _ => None,
    }
}

/// Texts side by side are one.
fn texts(tokens: &[Token<'_>]) -> Option<Value> {
    tokens.iter().map(text).collect::<Option<String>>().map(Value::Text)
}

fn text(token: &Token<'_>) -> Option<String> {
    let quote = token.text.find(['"', '\''])?;
    let (prefix, quoted) = token.text.split_at(quote);
    let inner = if quoted.len() >= 6 && (quoted.starts_with("\"\"\"") || quoted.starts_with("'''")) {
        quoted.get(3..quoted.len() - 3)?
    } else {
        quoted.get(1..quoted.len() - 1)?
    };
    match (token.kind, prefix.to_ascii_lowercase().as_str()) {
        (Kind::Text | Kind::Triple, _) | (Kind::Prefixed, "u") => unescape(inner),
        (Kind::Prefixed, "r") => Some(inner.to_owned()),
        (Kind::Prefixed, "b") if inner.is_ascii() => unescape(inner),
        (Kind::Prefixed, "br" | "rb") if inner.is_ascii() => Some(inner.to_owned()),
        _ => None,
    }
}

/// Python's reading of the escapes; none for names of characters and for what is no character.
fn unescape(inner: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next()? {
            '\n' => {}
            c @ ('\\' | '\'' | '"') => text.push(c),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'a' => text.push('\u{7}'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'v' => text.push('\u{b}'),
            'x' => text.push(coded(&mut chars, 2, 16)?),
            'u' => text.push(coded(&mut chars, 4, 16)?),
            'U' => text.push(coded(&mut chars, 8, 16)?),
            'N' => return None,
            first @ '0'..='7' => text.push(octal(first, &mut chars)?),
            c => text.extend(['\\', c]),
        }
    }
    Some(text)
}

fn coded(chars: &mut std::str::Chars<'_>, digits: usize, radix: u32) -> Option<char> {
    let code: String = chars.by_ref().take(digits).collect();
    let all = code.len() == digits && code.chars().all(|c| c.is_digit(radix));
    char::from_u32(u32::from_str_radix(&code, radix).ok().filter(|_| all)?)
}

/// One to three octal digits.
fn octal(first: char, chars: &mut std::str::Chars<'_>) -> Option<char> {
    let mut code = first.to_digit(8)?;
    for _ in 0..2 {
        let mut ahead = chars.clone();
        let Some(digit) = ahead.next().and_then(|c| c.to_digit(8)) else {
            break;
        };
        code = code * 8 + digit;
        *chars = ahead;
    }
    char::from_u32(code)
}

//! Strings: where one ends, and what it says where it is spelled with escapes (RFC 8259 section 7).

use std::borrow::Cow;

/// A string as it is spelled between its quotes; one that is spelled with escapes has its first quote before it,
/// which no other can begin with. So it is two words, and passes from hand to hand in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'j>(&'j str);

impl<'j> Text<'j> {
    /// What it says; borrowed unless it is spelled with escapes.
    #[inline]
    pub(crate) fn unescaped(self) -> Cow<'j, str> {
        match self.escaped() {
            None => Cow::Borrowed(self.0),
            Some(spelled) => Cow::Owned(unescape(spelled)),
        }
    }

    /// What it says, where that is how it is spelled.
    #[inline]
    pub(crate) fn plain(self) -> Option<&'j str> {
        if self.escaped().is_none() { Some(self.0) } else { None }
    }

    #[inline]
    fn escaped(self) -> Option<&'j str> {
        self.0.strip_prefix('"')
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.unescaped() == other.unescaped()
    }
}

impl PartialEq<str> for Text<'_> {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        match self.plain() {
            Some(plain) => plain == other,
            None => self.unescaped() == other,
        }
    }
}

/// Reads the string that begins with the quote at a place of a text: it, and the place behind its closing quote.
/// `None` for one that is none.
#[expect(clippy::inline_always, reason = "handed back by memory it costs more to take than to read")]
#[inline(always)]
pub(super) fn read(text: &str, quote: usize) -> Option<(Text<'_>, usize)> {
    let start = quote + 1;
    let end = start + plain_length(text.as_bytes().get(start..)?);
    match text.as_bytes().get(end)? {
        b'"' => Some((Text(text.get(start..end)?), end + 1)),
        b'\\' => read_escaped(text, quote, end),
        _ => None,
    }
}

/// Reads the rest of a string from its first escape on.
#[inline(never)]
fn read_escaped(text: &str, quote: usize, mut at: usize) -> Option<(Text<'_>, usize)> {
    loop {
        match text.as_bytes().get(at)? {
            b'"' => return Some((Text(text.get(quote..at)?), at + 1)),
            b'\\' => at += escaped(text.get(at..)?)?.1,
            _ => return None,
        }
        at += plain_length(text.as_bytes().get(at..)?);
    }
}

/// How many bytes there are before the first that means something: a quote, a backslash, or a control character.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    let (words, last) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return length + special.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    length + last.iter().position(is_special).unwrap_or(last.len())
}

/// Marks in eight bytes at once those that mean something. The lowest mark is true; those above it may be of
/// a carry.
const fn special_bytes(word: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xff;
    const TOP: u64 = EACH * 0x80;
    // A byte goes below zero in the subtraction exactly if it is less than what is taken off, for those under 0x80.
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(EACH * bound as u64) & !word & TOP
    }
    below(word, 0x20) | below(word ^ (EACH * b'"' as u64), 1) | below(word ^ (EACH * b'\\' as u64), 1)
}

/// The character that an escape at the start of a text stands for, and how many bytes the escape has.
fn escaped(text: &str) -> Option<(char, usize)> {
    let character = match text.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return escaped_unit(text),
        _ => return None,
    };
    Some((character, 2))
}

/// `\uXXXX`, or two of them that make one character. Half of a pair is no character.
fn escaped_unit(text: &str) -> Option<(char, usize)> {
    let first = unit(text)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, 6));
    }
    let pair = [first, unit(text.get(6..)?)?];
    let character = char::decode_utf16(pair).next()?.ok()?;
    Some((character, 12))
}

fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` takes a sign too.
    let all_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if all_hex { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[inline(never)]
fn unescape(spelled: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(spelled.len()), spelled);
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        text.push_str(plain);
        // It was read once already: there is no escape in it that is none.
        let Some((character, length)) = escaped(escape) else { break };
        text.push(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

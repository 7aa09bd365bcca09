//! JSON as tokens may have it (RFC 8259), read once and without the heap: no object in it has two members of one
//! name (RFC 7515 section 4, RFC 7519 section 4, the stricter of the two choices), names spelled with escapes
//! included.
//!
//! A reader of our own, because this is where a verification spends its time: a general one that is told by
//! types what to read took more of it than the signature. It knows what claims and headers need, a flat object
//! whose members are looked at once, and nothing more; whoever wants claims of a type of his own has `serde_json`.

#[cfg(test)]
mod tests;
mod text;

use std::{borrow::Cow, collections::HashSet};

pub(crate) use text::Text;

/// How deep lists and objects may lie in each other. RFC 8259 section 9 leaves it to the reader; this is
/// `serde_json`'s bound, so that what is read here can be read there.
const MAX_DEPTH: u8 = 127;

/// What a JSON value is, as far as claims and header members care.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'j> {
    Null,
    Bool(bool),
    Integer(i64),
    /// A number with a fraction or an exponent, or an integer beyond 64 bits.
    Float(f64),
    Text(Text<'j>),
    /// A list whose members are all strings.
    Texts(Texts<'j>),
    /// An object, or a list of anything else. What is in it was read, strictly, and left behind.
    Other,
}

/// Why a text has no members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    NotJson,
    NotAnObject,
}

/// The text is no JSON, or some object in it has two members of one name.
#[derive(Debug)]
struct NotJson;

/// Reads an object and hands over its members in turn. `take` says of each whether the object has not had its
/// name before; one that it has makes the whole no JSON.
///
/// What was handed over before a fault is seen means nothing.
#[inline]
pub(crate) fn members<'j>(text: &'j str, take: impl FnMut(Text<'j>, Value<'j>) -> bool) -> Result<(), Fault> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_blanks();
    if reader.peek() != Some(b'{') {
        return Err(if is_json(text) { Fault::NotAnObject } else { Fault::NotJson });
    }
    reader.object(MAX_DEPTH, take).and_then(|()| reader.end()).map_err(|NotJson| Fault::NotJson)
}

/// Whether a text is JSON of whatever kind, without duplicate members.
pub(crate) fn is_json(text: &str) -> bool {
    let mut reader = Reader { text, at: 0 };
    reader.skip_blanks();
    reader.value(MAX_DEPTH).and_then(|_| reader.end()).is_ok()
}

/// A list of strings as it stands in the text, between its brackets; it was read once already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Texts<'j>(&'j str);

impl<'j> Texts<'j> {
    pub(crate) fn iter(self) -> impl Iterator<Item = Text<'j>> {
        let mut reader = Reader { text: self.0, at: 0 };
        std::iter::from_fn(move || {
            reader.skip_blanks();
            let text = reader.string().ok()?;
            reader.skip_blanks();
            reader.take(b',');
            Some(text)
        })
    }
}

/// The names that an object has had so far. A few are compared one by one, many by their hash, so that an
/// object of a thousand members costs no more than a thousand look-ups.
#[derive(Default)]
pub(crate) struct Names<'j> {
    few: [&'j str; Names::FEW],
    used: usize,
    /// The others, and those spelled with escapes; made when it is needed, which is hardly ever.
    many: Option<HashSet<Cow<'j, str>>>,
}

impl<'j> Names<'j> {
    const FEW: usize = 12;

    /// Notes a name; `false` when the object has had it before.
    pub(crate) fn is_new(&mut self, name: Text<'j>) -> bool {
        let name = name.unescaped();
        let known = self.few.iter().take(self.used).any(|known| *known == name)
            || self.many.as_ref().is_some_and(|many| many.contains(&name));
        match (name, self.few.get_mut(self.used)) {
            _ if known => {}
            (Cow::Borrowed(name), Some(place)) => {
                *place = name;
                self.used += 1;
            }
            (name, _) => drop(self.many.get_or_insert_default().insert(name)),
        }
        !known
    }
}

/// A text, and how far it has been read. Every step goes on or fails, so reading ends with the text.
struct Reader<'j> {
    text: &'j str,
    at: usize,
}

impl<'j> Reader<'j> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over a byte if it is the next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.take(byte) { Ok(()) } else { Err(NotJson) }
    }

    fn skip_blanks(&mut self) {
        // Tokens hardly ever have any: one comparison says so.
        while let Some(byte) = self.peek().filter(|byte| *byte <= b' ') {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                _ => return,
            }
        }
    }

    fn end(&mut self) -> Result<(), NotJson> {
        self.skip_blanks();
        if self.at == self.text.len() { Ok(()) } else { Err(NotJson) }
    }

    /// Reads an object; `depth` is how many more may begin from here on, this one among them.
    #[inline]
    fn object(
        &mut self,
        depth: u8,
        mut take: impl FnMut(Text<'j>, Value<'j>) -> bool,
    ) -> Result<(), NotJson> {
        let depth = depth.checked_sub(1).ok_or(NotJson)?;
        self.expect(b'{')?;
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.skip_blanks();
            self.expect(b':')?;
            self.skip_blanks();
            let value = self.value(depth)?;
            if !take(name, value) {
                return Err(NotJson);
            }
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
            self.skip_blanks();
        }
    }

    /// Reads a value of whatever kind; lists and objects in it may lie as deep in each other as `depth`.
    #[expect(clippy::inline_always, reason = "handed back by memory it costs more to take than to read")]
    #[inline(always)]
    fn value(&mut self, depth: u8) -> Result<Value<'j>, NotJson> {
        match self.peek().ok_or(NotJson)? {
            b'"' => self.string().map(Value::Text),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            b'[' => self.list(depth),
            b'{' => self.inner_object(depth),
            _ => Err(NotJson),
        }
    }

    fn word(&mut self, word: &str, value: Value<'j>) -> Result<Value<'j>, NotJson> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(value)
    }

    #[inline(never)]
    fn inner_object(&mut self, depth: u8) -> Result<Value<'j>, NotJson> {
        let mut names = Names::default();
        self.object(depth, |name, _| names.is_new(name))?;
        Ok(Value::Other)
    }

    #[inline(never)]
    fn list(&mut self, depth: u8) -> Result<Value<'j>, NotJson> {
        let depth = depth.checked_sub(1).ok_or(NotJson)?;
        self.expect(b'[')?;
        let start = self.at;
        self.skip_blanks();
        let mut all_texts = true;
        if !self.take(b']') {
            loop {
                all_texts &= matches!(self.value(depth)?, Value::Text(_));
                self.skip_blanks();
                if self.take(b']') {
                    break;
                }
                self.expect(b',')?;
                self.skip_blanks();
            }
        }
        let between = self.text.get(start..self.at - 1).unwrap_or_default();
        Ok(if all_texts { Value::Texts(Texts(between)) } else { Value::Other })
    }

    /// RFC 8259 section 6: no sign but a minus, no leading zero, digits on both sides of a point.
    #[expect(clippy::inline_always, reason = "handed back by memory it costs more to take than to read")]
    #[inline(always)]
    fn number(&mut self) -> Result<Value<'j>, NotJson> {
        let start = self.at;
        let negative = self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let (whole, digits) = leading_digits(self.text.as_bytes().get(self.at..).unwrap_or_default());
        self.at += digits;
        if digits == 0 || leading_zero && digits > 1 {
            return Err(NotJson);
        }
        // The minus zero is a float, the others of so few digits fit.
        if !matches!(self.peek(), Some(b'.' | b'e' | b'E')) && digits <= 18 && !(negative && whole == 0) {
            return Ok(Value::Integer(if negative { -whole } else { whole }));
        }
        self.long_number(start)
    }

    /// The rest of a number that is no small integer.
    #[inline(never)]
    fn long_number(&mut self, start: usize) -> Result<Value<'j>, NotJson> {
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let spelled = self.text.get(start..self.at).ok_or(NotJson)?;
        if spelled != "-0"
            && let Ok(whole) = spelled.parse()
        {
            return Ok(Value::Integer(whole));
        }
        // A number beyond the range is no number: it would be read as another. Where the range ends is for
        // `serde_json` to say, which rounds otherwise than `str::parse`: what verifies is to be read there too.
        serde_json::from_str(spelled).map(Value::Float).map_err(|_| NotJson)
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(NotJson) }
    }

    /// Reads a string (RFC 8259 section 7).
    #[expect(clippy::inline_always, reason = "handed back by memory it costs more to take than to read")]
    #[inline(always)]
    fn string(&mut self) -> Result<Text<'j>, NotJson> {
        if self.peek() != Some(b'"') {
            return Err(NotJson);
        }
        let (text, behind) = text::read(self.text, self.at).ok_or(NotJson)?;
        self.at = behind;
        Ok(text)
    }
}

/// The number that the digits at the start of a text make, and how many they are. One of more than 18 digits wraps:
/// it is too long to be taken for an integer.
#[inline(never)]
fn leading_digits(text: &[u8]) -> (i64, usize) {
    // Times have ten digits, of which the first eight are read at once.
    let first = text.first_chunk().and_then(|chunk| eight_digits(u64::from_le_bytes(*chunk)));
    let (mut whole, mut digits) = first.map_or((0, 0), |number| (i64::from(number), 8));
    while let Some(digit @ b'0'..=b'9') = text.get(digits) {
        whole = whole.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        digits += 1;
    }
    (whole, digits)
}

/// The number that eight bytes are, the first of them lowest, if all are digits: neighbours are put together to
/// pairs, pairs to fours, fours to eight.
const fn eight_digits(word: u64) -> Option<u32> {
    const UPPER: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    // A digit has the upper half 3, also when 6 is added to it.
    let above = word.wrapping_add(0x0606_0606_0606_0606);
    if word & UPPER != ZEROS || above & UPPER != ZEROS {
        return None;
    }
    let ones = word - ZEROS;
    let pairs = (ones.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul(1 + (10_000 << 32)) >> 32;
    Some(eight as u32)
}

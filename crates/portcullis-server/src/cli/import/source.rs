//! The bytes of a file or a pipe, one after another, and where they stand.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// What users are read from.
pub(super) struct Source {
    input: Box<dyn BufRead>,
    /// The line of the next byte, from 1.
    line: u64,
    /// How many bytes are before the next one.
    offset: u64,
}

/// The longest record that is read, in bytes: what is longer is no user.
pub(super) const LONGEST: usize = 1 << 20;

impl Source {
    /// Begins to read. A byte order mark at the beginning is no part of the text.
    pub(super) fn of(mut input: impl Read + 'static) -> io::Result<Self> {
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        let mut start = Vec::new();
        input.by_ref().take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut start)?;
        let mut offset = 0;
        if start == BYTE_ORDER_MARK {
            offset = start.len() as u64;
            start.clear();
        }
        let input = BufReader::with_capacity(1 << 16, Cursor::new(start).chain(input));
        Ok(Self { input: Box::new(input), line: 1, offset })
    }

    /// The next byte, if there is one; it stays the next.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.input.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next byte, if there is one.
    pub(super) fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.input.consume(1);
            self.offset += 1;
            self.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }

    /// The line of the next byte, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text_and_what_only_begins_like_one_is() {
        for (text, rest, offset) in
            [("\u{feff}a\nb", "a\nb", 6), ("\u{feaa}\n", "\u{feaa}\n", 4), ("a", "a", 1), ("\u{feff}", "", 3)]
        {
            let mut source = Source::of(text.as_bytes()).unwrap();
            assert_eq!(source.peek().unwrap(), rest.bytes().next());
            let read: Vec<_> = std::iter::from_fn(|| source.byte().unwrap()).collect();
            assert_eq!((read.as_slice(), source.offset()), (rest.as_bytes(), offset));
            assert_eq!(source.line(), 1 + u64::from(rest.contains('\n')));
        }
    }
}

//! The bytes of a file or a pipe, by lines, with a way back to a line that was passed.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
};

/// What users are read from.
pub(super) struct Source {
    input: Input,
    /// What was read once and is to be read again.
    back: VecDeque<u8>,
    mark: Option<Mark>,
    /// The line of the next byte, from 1.
    line: u64,
    /// How many bytes are before the next one.
    offset: u64,
}

enum Input {
    File(BufReader<File>),
    /// What cannot go back by itself.
    Pipe(Box<dyn BufRead>),
}

/// A place to come back to.
struct Mark {
    line: u64,
    offset: u64,
    /// What was read since, as long as it is not too much.
    kept: Option<Vec<u8>>,
}

/// Whether a source is back at its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rewound {
    /// It is.
    Yes,
    /// What was read since cannot be read again.
    No,
}

/// The longest record that is read, in bytes: what is longer is no user. As much is kept of a pipe.
pub(super) const LONGEST: usize = 1 << 20;

impl Source {
    pub(super) fn file(file: File) -> io::Result<Self> {
        Self::of(Input::File(BufReader::with_capacity(1 << 16, file)))
    }

    pub(super) fn pipe(input: impl Read + 'static) -> io::Result<Self> {
        Self::of(Input::Pipe(Box::new(BufReader::with_capacity(1 << 16, input))))
    }

    /// A byte order mark at the beginning is no part of the text.
    fn of(input: Input) -> io::Result<Self> {
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        let mut source = Self { input, back: VecDeque::new(), mark: None, line: 1, offset: 0 };
        source.mark();
        for expected in BYTE_ORDER_MARK {
            if source.byte()? != Some(*expected) {
                source.rewind()?;
                break;
            }
        }
        source.mark = None;
        Ok(source)
    }

    /// The next byte, if there is one.
    pub(super) fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = match self.back.pop_front() {
            Some(byte) => byte,
            None => match self.input.byte()? {
                Some(byte) => byte,
                None => return Ok(None),
            },
        };
        self.offset += 1;
        self.line += u64::from(byte == b'\n');
        if let Some(Mark { kept, .. }) = &mut self.mark {
            *kept = kept.take().filter(|kept| kept.len() < LONGEST);
            if let Some(kept) = kept {
                kept.push(byte);
            }
        }
        Ok(Some(byte))
    }

    /// Reads up to the end of the line and over it.
    pub(super) fn skip_line(&mut self) -> io::Result<()> {
        while !matches!(self.byte()?, None | Some(b'\n')) {}
        Ok(())
    }

    /// The line of the next byte, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Notes this place; an earlier one is forgotten.
    pub(super) fn mark(&mut self) {
        self.mark = Some(Mark { line: self.line, offset: self.offset, kept: Some(Vec::new()) });
    }

    /// Forgets the place that was noted.
    pub(super) fn forget(&mut self) {
        self.mark = None;
    }

    /// Goes back to the place that was noted last; where there is none, nothing is to be read again.
    pub(super) fn rewind(&mut self) -> io::Result<Rewound> {
        let Some(Mark { line, offset, kept }) = self.mark.take() else { return Ok(Rewound::Yes) };
        match (kept, &mut self.input) {
            (Some(kept), _) => {
                for byte in kept.into_iter().rev() {
                    self.back.push_front(byte);
                }
            }
            (None, Input::File(file)) => {
                file.seek(SeekFrom::Start(offset))?;
                self.back.clear();
            }
            (None, Input::Pipe(_)) => return Ok(Rewound::No),
        }
        (self.line, self.offset) = (line, offset);
        Ok(Rewound::Yes)
    }
}

impl Input {
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let input: &mut dyn BufRead = match self {
            Self::File(file) => file,
            Self::Pipe(pipe) => pipe,
        };
        let byte = loop {
            match input.fill_buf() {
                Ok(buffer) => break buffer.first().copied(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        input.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn rest(source: &mut Source) -> Vec<u8> {
        std::iter::from_fn(|| source.byte().unwrap()).collect()
    }

    #[test]
    fn it_goes_back_to_a_mark() {
        let mut source = Source::pipe(&b"\xef\xbb\xbfa\nb\nc"[..]).unwrap();
        source.skip_line().unwrap();
        source.mark();
        assert_eq!((source.line(), rest(&mut source)), (2, b"b\nc".to_vec()));
        assert_eq!(source.rewind().unwrap(), Rewound::Yes);
        assert_eq!((source.line(), source.byte().unwrap()), (2, Some(b'b')));
        source.mark();
        rest(&mut source);
        source.rewind().unwrap();
        assert_eq!((source.line(), source.offset(), rest(&mut source)), (2, 6, b"\nc".to_vec()));
        assert_eq!(rest(&mut Source::pipe(&b"\xef\xbbx"[..]).unwrap()), b"\xef\xbbx");
    }

    #[test]
    fn a_file_goes_back_further_than_a_pipe() {
        let text = [b"first\n", vec![b'x'; 2 * LONGEST].as_slice(), b"\nlast"].concat();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&text).unwrap();
        file.rewind().unwrap();
        let sources =
            [(Source::file(file), Rewound::Yes), (Source::pipe(io::Cursor::new(text.clone())), Rewound::No)];
        for (source, rewound) in sources {
            let mut source = source.unwrap();
            source.skip_line().unwrap();
            source.mark();
            assert_eq!(rest(&mut source).len(), text.len() - 6);
            assert_eq!(source.rewind().unwrap(), rewound);
            if rewound == Rewound::Yes {
                assert_eq!((source.line(), source.offset()), (2, 6));
                assert!(rest(&mut source) == text[6..]);
            }
        }
    }
}

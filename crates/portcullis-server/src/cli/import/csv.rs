//! Comma-separated values (RFC 4180), strict: a record may go on over lines within quotes, and one that is damaged costs
//! the line that it begins in.
//!
//! It is no reader that makes the best of everything: what stands within quotes may be a stranger's, and must never become
//! a record of its own. Only what is malformed is begun again with its second line, and no file that was written right is.

use std::io;

use super::source::{LONGEST, Rewound, Source};

/// What was read where a record begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The line that it begins in.
    pub(super) line: u64,
    /// Its fields, or what is wrong with it.
    pub(super) fields: Result<Vec<String>, String>,
}

/// The next record that is not empty. `width` is how many fields one has, where that is known.
pub(super) fn next(source: &mut Source, width: Option<usize>) -> io::Result<Option<Record>> {
    loop {
        let line = source.line();
        let mut parser = Parser::default();
        source.forget();
        let Some(read) = read(source, &mut parser)? else { return Ok(None) };
        let fields = match read.and_then(|()| parser.fields(width)) {
            Ok(fields) if fields.iter().all(String::is_empty) && fields.len() == 1 => continue,
            Ok(fields) => Ok(fields),
            Err(Problem::TooLong) => Err(format!("is longer than {LONGEST} bytes")),
            Err(Problem::Malformed(problem)) => Err(begin_again(source, problem)?),
        };
        return Ok(Some(Record { line, fields }));
    }
}

/// Goes back to the second line of a damaged record, where it has one; answers what is to be said.
fn begin_again(source: &mut Source, problem: String) -> io::Result<String> {
    let reached = source.line();
    Ok(match source.rewind()? {
        Rewound::Yes => problem,
        Rewound::No => {
            format!("{problem}; what is behind it was not read, up to line {reached}: a file could have been")
        }
    })
}

/// Why a record is none.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    /// Well written, and more than is read.
    TooLong,
    /// Not as the format has it.
    Malformed(String),
}

impl Problem {
    fn malformed(problem: &str) -> Self {
        Self::Malformed(problem.to_owned())
    }
}

/// Reads a record; `None` where there is nothing more.
fn read(source: &mut Source, parser: &mut Parser) -> io::Result<Option<Result<(), Problem>>> {
    let mut first = true;
    let mut one_line = true;
    loop {
        let Some(byte) = source.byte()? else {
            return Ok(match parser.place {
                _ if first => None,
                Place::Quoted => Some(Err(Problem::malformed("has a quoted field that does not end"))),
                _ => Some(parser.take(b'\n')),
            });
        };
        first = false;
        let ends = byte == b'\n' && parser.place != Place::Quoted;
        if let Err(problem) = parser.take(byte) {
            if one_line && byte != b'\n' {
                source.skip_line()?;
            }
            return Ok(Some(Err(problem)));
        }
        if ends {
            return Ok(Some(Ok(())));
        }
        if byte == b'\n' && one_line {
            one_line = false;
            source.mark();
        }
    }
}

/// Where in a record the next byte is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// At the beginning of a field.
    #[default]
    Start,
    Unquoted,
    Quoted,
    /// Behind a quote within quotes, which ends the field or is the first of two.
    Quote,
    /// Behind a carriage return that a line feed has to follow.
    Return,
}

#[derive(Default)]
struct Parser {
    place: Place,
    field: Vec<u8>,
    fields: Vec<Vec<u8>>,
    size: usize,
}

impl Parser {
    fn take(&mut self, byte: u8) -> Result<(), Problem> {
        self.place = match (self.place, byte) {
            (Place::Start, b'"') => Place::Quoted,
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quoted, _) | (Place::Quote, b'"') => self.push(byte, Place::Quoted),
            (Place::Return, b'\n') | (Place::Start | Place::Unquoted | Place::Quote, b',' | b'\n') => {
                self.end_field()
            }
            (Place::Return, _) => {
                return Err(Problem::malformed("has a carriage return without a line feed"));
            }
            (Place::Start | Place::Unquoted | Place::Quote, b'\r') => Place::Return,
            (Place::Unquoted, b'"') => {
                return Err(Problem::malformed("has a quote within a field that does not begin with one"));
            }
            (Place::Quote, _) => {
                return Err(Problem::malformed("goes on behind the quote that ends a field"));
            }
            (Place::Start | Place::Unquoted, _) => self.push(byte, Place::Unquoted),
        };
        Ok(())
    }

    /// Keeps a byte, as long as there is room.
    fn push(&mut self, byte: u8, then: Place) -> Place {
        self.size += 1;
        if self.size <= LONGEST {
            self.field.push(byte);
        }
        then
    }

    fn end_field(&mut self) -> Place {
        // A field costs something too, be it empty.
        self.size += 1;
        if self.size <= LONGEST {
            self.fields.push(std::mem::take(&mut self.field));
        }
        Place::Start
    }

    fn fields(self, width: Option<usize>) -> Result<Vec<String>, Problem> {
        if self.size > LONGEST {
            return Err(Problem::TooLong);
        }
        let count = self.fields.len();
        let is_empty = count == 1 && self.fields.iter().all(Vec::is_empty);
        if let Some(width) = width.filter(|width| *width != count && !is_empty) {
            return Err(Problem::Malformed(format!("has {count} fields, and the head has {width}")));
        }
        let fields = self.fields.into_iter().map(String::from_utf8).collect::<Result<_, _>>();
        fields.map_err(|_| Problem::malformed("is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn records(mut source: Source) -> Vec<(u64, Result<Vec<String>, String>)> {
        std::iter::from_fn(|| next(&mut source, Some(2)).unwrap())
            .map(|record| (record.line, record.fields))
            .collect()
    }

    fn of(text: impl AsRef<[u8]>) -> Vec<(u64, Result<Vec<String>, String>)> {
        records(Source::pipe(io::Cursor::new(text.as_ref().to_vec())).unwrap())
    }

    fn good(line: u64, fields: [&str; 2]) -> (u64, Result<Vec<String>, String>) {
        (line, Ok(fields.map(str::to_owned).to_vec()))
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        assert_eq!(
            of("a,b\r\n\r\n\"c,\"\"d\"\"\",\n,\"x\ny\"\r\ne,f"),
            [good(1, ["a", "b"]), good(3, ["c,\"d\"", ""]), good(4, ["", "x\ny"]), good(6, ["e", "f"])]
        );
        assert_eq!(of(""), []);
        assert_eq!(of("\n\n"), []);
    }

    #[test]
    fn a_damaged_record_costs_the_line_that_it_begins_in() {
        for (damaged, says) in [
            ("a", "has 1 fields, and the head has 2"),
            ("a,b,c", "has 3 fields"),
            ("a\"b,c", "a quote within a field"),
            ("a,\"b\"c", "behind the quote"),
            ("a,b\rc", "carriage return"),
            ("a,\"b", "behind the quote"),
            ("\"a,b", "behind the quote"),
            ("a,\"b\"\"", "behind the quote"),
        ] {
            let read = of(format!("1,2\n{damaged}\n3,4\n\"5\",6\n7,8\n"));
            let (line, problem) = read[1].clone();
            assert!(line == 2 && problem.clone().unwrap_err().contains(says), "{damaged}: {problem:?}");
            let rest = [good(3, ["3", "4"]), good(4, ["5", "6"]), good(5, ["7", "8"])];
            assert_eq!(read[2..], rest, "{damaged}");
        }
        let read = of("1,2\na,\"b\n3,4\n");
        assert_eq!(read[1].1.as_ref().unwrap_err(), "has a quoted field that does not end");
        assert_eq!(read[2..], [good(3, ["3", "4"])]);
        assert_eq!(of(b"a,\xff\nb,c\n")[1..], [good(2, ["b", "c"])]);
    }

    #[test]
    fn what_a_stranger_wrote_within_quotes_becomes_no_record() {
        // However long it is.
        for length in [0, 3 * LONGEST] {
            let text = format!("1,\"bio {}\nmallory,admin\n\"\"x,y\n\"\n3,4\n", "x".repeat(length));
            let read = of(text);
            assert_eq!(read.len(), 2, "{length}");
            assert_eq!((read[0].0, read[0].1.is_ok()), (1, length == 0));
            assert_eq!(read[1], good(5, ["3", "4"]));
        }
    }

    #[test]
    fn behind_a_quote_that_is_never_closed_a_file_is_read_on_and_a_pipe_says_what_it_missed() {
        let mut text = "1,2\na,\"b\n".to_owned();
        while text.len() < 2 * LONGEST {
            text.push_str("name,0123456789012345678901234567890123456789\n");
        }
        let lines = text.lines().count();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        let read = records(Source::file(file).unwrap());
        assert_eq!(read.len(), lines);
        assert_eq!(read.iter().filter(|(_, fields)| fields.is_err()).count(), 1);
        let read = of(&text);
        let problem = read[1].1.as_ref().unwrap_err();
        assert!(
            read.len() == 2 && problem.contains("up to line") && problem.contains("a file could have been"),
            "{problem}"
        );
    }
}

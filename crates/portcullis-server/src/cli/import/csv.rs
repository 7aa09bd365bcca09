//! Comma-separated values (RFC 4180), strict: a record may go on over lines within quotes, and a damaged one costs all of
//! its lines.
//!
//! It is no reader that makes the best of everything: what stands within quotes may be a stranger's, and must never become
//! a record of its own. So nothing is ever read a second time, and where it is not sure any more where a record ends, the
//! reading does. That is so with a backslash that another dialect would take for an escape, too.

use std::io;

use super::source::{LONGEST, Source};

/// What was read where a record begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The line that it begins in.
    pub(super) line: u64,
    /// Its fields, or what is wrong with it.
    pub(super) fields: Result<Vec<String>, Damage>,
}

/// Why a record is none, and what that costs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// This record; where it ends is known.
    Record(String),
    /// This one and all behind it: nobody knows where it ends.
    Rest(&'static str),
}

/// The next record that is not empty. `width` is how many fields one has, where that is known.
pub(super) fn next(source: &mut Source, width: Option<usize>) -> io::Result<Option<Record>> {
    loop {
        let line = source.line();
        let mut parser = Parser::default();
        let Some(read) = read(source, &mut parser)? else { return Ok(None) };
        let fields = match read {
            Ok(()) => parser.fields(width).map_err(Damage::Record),
            Err(problem) => Err(Damage::Rest(problem)),
        };
        if !matches!(&fields, Ok(fields) if fields.len() == 1 && fields.iter().all(String::is_empty)) {
            return Ok(Some(Record { line, fields }));
        }
    }
}

/// Reads a record to its end, or to what is not as the format has it; `None` where there is nothing more.
fn read(source: &mut Source, parser: &mut Parser) -> io::Result<Option<Result<(), &'static str>>> {
    let mut first = true;
    loop {
        let Some(byte) = source.byte()? else {
            return Ok(match parser.place {
                _ if first => None,
                Place::Quoted => Some(Err("has a quoted field that does not end")),
                _ => Some(parser.take(b'\n')),
            });
        };
        first = false;
        let ends = byte == b'\n' && parser.place != Place::Quoted;
        if let Err(problem) = parser.take(byte) {
            return Ok(Some(Err(problem)));
        }
        if ends {
            return Ok(Some(Ok(())));
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
    /// Whether an odd number of backslashes stands right before: there are programs that mean an escape by that.
    escapes: bool,
}

impl Parser {
    fn take(&mut self, byte: u8) -> Result<(), &'static str> {
        self.place = match (self.place, byte) {
            (Place::Start, b'"') => Place::Quoted,
            (Place::Quoted, b'"') if self.escapes => return Err("has a backslash before a quote"),
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quoted, _) | (Place::Quote, b'"') => self.push(byte, Place::Quoted),
            (Place::Unquoted, b',' | b'\r' | b'\n') if self.escapes => {
                return Err("has a backslash at the end of a field without quotes");
            }
            (Place::Return, b'\n') | (Place::Start | Place::Unquoted | Place::Quote, b',' | b'\n') => {
                self.end_field()
            }
            (Place::Return, _) => return Err("has a carriage return without a line feed"),
            (Place::Start | Place::Unquoted | Place::Quote, b'\r') => Place::Return,
            (Place::Unquoted, b'"') => {
                return Err("has a quote within a field that does not begin with one");
            }
            (Place::Quote, _) => return Err("goes on behind the quote that ends a field"),
            (Place::Start | Place::Unquoted, _) => self.push(byte, Place::Unquoted),
        };
        Ok(())
    }

    /// Keeps a byte, as long as there is room.
    fn push(&mut self, byte: u8, then: Place) -> Place {
        self.escapes = byte == b'\\' && !self.escapes;
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

    fn fields(self, width: Option<usize>) -> Result<Vec<String>, String> {
        if self.size > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let count = self.fields.len();
        let is_empty = count == 1 && self.fields.iter().all(Vec::is_empty);
        if let Some(width) = width.filter(|width| *width != count && !is_empty) {
            return Err(format!("has {count} fields, and the head has {width}"));
        }
        let fields = self.fields.into_iter().map(String::from_utf8).collect::<Result<_, _>>();
        fields.map_err(|_| "is not UTF-8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of two fields that a text has.
    fn of(text: impl AsRef<[u8]>) -> Vec<(u64, Result<Vec<String>, Damage>)> {
        let mut source = Source::of(io::Cursor::new(text.as_ref().to_vec())).unwrap();
        let mut records = Vec::new();
        while let Some(Record { line, fields }) = next(&mut source, Some(2)).unwrap() {
            let is_last = matches!(fields, Err(Damage::Rest(_)));
            records.push((line, fields));
            if is_last {
                break;
            }
        }
        records
    }

    fn good(line: u64, fields: [&str; 2]) -> (u64, Result<Vec<String>, Damage>) {
        (line, Ok(fields.map(str::to_owned).to_vec()))
    }

    fn lost(line: u64, problem: &str) -> (u64, Result<Vec<String>, Damage>) {
        (line, Err(Damage::Record(problem.to_owned())))
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        assert_eq!(
            of("a,b\r\n\r\n\"c,\"\"d\"\"\",\n,\"x\ny\"\r\ne,f"),
            [good(1, ["a", "b"]), good(3, ["c,\"d\"", ""]), good(4, ["", "x\ny"]), good(6, ["e", "f"])]
        );
        assert_eq!(of(r#"C:\\,"D:\\""#), [good(1, [r"C:\\", r"D:\\"])], "an escape to nobody");
        assert_eq!(of(r#"\N,"a\b\ ""#), [good(1, [r"\N", r"a\b\ "])]);
        assert_eq!(of(""), []);
        assert_eq!(of("\n\n"), []);
    }

    #[test]
    fn a_damaged_record_costs_all_of_its_lines_and_no_more() {
        // What a stranger wrote within quotes becomes no record: of a byte of Latin-1, with a field too few or too many,
        // and however long it is.
        let within = "\nmallory,admin\n\"\"x,y\n";
        let long = "x".repeat(3 * LONGEST);
        for (record, problem) in [
            (format!("1,\"b\u{e4}r{within}\""), "is not UTF-8"),
            (format!("\"bio{within}\""), "has 1 fields, and the head has 2"),
            (format!("1,2,\"bio{within}\""), "has 3 fields, and the head has 2"),
            (format!("1,\"{long}{within}\""), "is longer than 1048576 bytes"),
        ] {
            let latin: Vec<u8> = format!("{record}\n3,4\n").chars().map(|it| it as u8).collect();
            assert_eq!(of(latin), [lost(1, problem), good(5, ["3", "4"])]);
        }
        assert_eq!(of(format!("1,\"bio{within}\"\n3,4"))[1..], [good(5, ["3", "4"])]);
    }

    #[test]
    fn where_nobody_knows_where_a_record_ends_nothing_more_is_read() {
        for (damaged, says) in [
            ("a\"b,c", "has a quote within a field that does not begin with one"),
            ("a,\"b\"c", "goes on behind the quote that ends a field"),
            ("a,b\rc", "has a carriage return without a line feed"),
            ("a,\"b", "goes on behind the quote that ends a field"),
            ("a,\"b\"\"", "goes on behind the quote that ends a field"),
            // What a program wrote that puts a backslash before quotes, commas and ends of lines.
            (r#"a,"\""#, "has a backslash before a quote"),
            (r#"a,"\"""#, "has a backslash before a quote"),
            (r#"a,"\\\""#, "has a backslash before a quote"),
            ("a,b\\", "has a backslash at the end of a field without quotes"),
            ("a\\,b,c", "has a backslash at the end of a field without quotes"),
        ] {
            let read = of(format!("1,2\n{damaged}\nmallory,admin\n\"5\",6\n7,8\n"));
            assert_eq!(read, [good(1, ["1", "2"]), (2, Err(Damage::Rest(says)))], "{damaged}");
        }
        let read = of("1,2\na,\"b\nmallory,admin\n");
        assert_eq!(read[1..], [(2, Err(Damage::Rest("has a quoted field that does not end")))]);
    }
}

//! A file of users as rows: from JSON lines or CSV to the fields that are read, whatever else stands there.

use std::{collections::BTreeSet, fmt, io};

use clap::ValueEnum;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{
    csv::{self, Damage},
    source::{LONGEST, Source},
};

/// How a file of users is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values, the names of the columns first
    Csv,
}

/// A field that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Username,
    PasswordHash,
    Password,
    Access,
    CreatedAt,
    Disabled,
}

impl Field {
    pub(super) const ALL: [Self; 6] =
        [Self::Username, Self::PasswordHash, Self::Password, Self::Access, Self::CreatedAt, Self::Disabled];

    /// The field's name, which it has in a file unless that is told otherwise.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::PasswordHash => "password_hash",
            Self::Password => "password",
            Self::Access => "access",
            Self::CreatedAt => "created_at",
            Self::Disabled => "disabled",
        }
    }
}

/// What the fields are called in a file.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<(Field, String)>);

impl Names {
    /// The names of the fields, some of them other than usual.
    ///
    /// # Errors
    /// A text when two fields would have one name.
    pub(super) fn with(others: &[(Field, String)]) -> Result<Self, String> {
        let name_of = |field: Field| others.iter().rev().find(|(other, _)| *other == field);
        let of_field = |field: Field| {
            let usual = || field.name().to_owned();
            // A usual name that was given to another field is no more this one's.
            let given_away = others.iter().any(|(other, name)| *other != field && name == field.name());
            match name_of(field) {
                Some((_, name)) => Some((field, name.clone())),
                None if given_away => None,
                None => Some((field, usual())),
            }
        };
        let names: Vec<_> = Field::ALL.into_iter().filter_map(of_field).collect();
        let different: BTreeSet<_> = names.iter().map(|(_, name)| name).collect();
        if different.len() == names.len() {
            Ok(Self(names))
        } else {
            Err("two fields have one name in the file".to_owned())
        }
    }

    fn field(&self, name: &str) -> Option<Field> {
        self.0.iter().find(|(_, known)| known == name).map(|(field, _)| *field)
    }

    /// What a field is called in the file, if it can be there.
    pub(super) fn of(&self, field: Field) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == field).map(|(_, name)| name.as_str())
    }
}

/// What stands in the fields of a row; nothing for what is empty or null.
#[derive(Default)]
pub(super) struct Row([Option<Value>; 6]);

impl Row {
    /// What stands in a field.
    pub(super) fn get(&self, field: Field) -> Option<&Value> {
        self.0.get(field as usize).and_then(Option::as_ref)
    }

    fn set(&mut self, field: Field, value: Value) {
        if let Some(place) = self.0.get_mut(field as usize) {
            *place = Some(value).filter(|value| !value.is_null());
        }
    }
}

/// A row of a file, or what is wrong with it.
pub(super) struct Numbered {
    /// The line that it begins in.
    pub(super) line: u64,
    pub(super) row: Result<Row, String>,
}

/// The rows of a file, one after another.
pub(super) struct Rows {
    source: Source,
    format: Format,
    names: Names,
    /// The columns of a CSV, known by their head.
    columns: Vec<Option<Field>>,
    /// Some of what is there and not read.
    ignored: BTreeSet<String>,
    /// The line behind which nothing can be read, once one was met.
    last_line: Option<u64>,
}

impl Rows {
    /// How many names are remembered of what is not read.
    const IGNORED: usize = 20;

    /// Begins to read, with the head of a CSV.
    ///
    /// # Errors
    /// What makes all of it unreadable.
    pub(super) fn begin(source: Source, format: Format, names: Names) -> Result<Self, String> {
        let (columns, ignored) = (Vec::new(), BTreeSet::new());
        let mut rows = Self { source, format, names, columns, ignored, last_line: None };
        match format {
            Format::Csv => rows.read_head()?,
            Format::Jsonl => rows.refuse_array().map_err(|error| error.to_string())??,
        }
        Ok(rows)
    }

    fn read_head(&mut self) -> Result<(), String> {
        let head = csv::next(&mut self.source, None).map_err(|error| error.to_string())?;
        let head = head.ok_or("there is nothing in it")?.fields.map_err(|damage| match damage {
            Damage::Record(problem) => format!("the head {problem}"),
            Damage::Rest(problem) => format!("the head {problem}; {NO_CSV}"),
        })?;
        let mut seen = BTreeSet::new();
        for name in head.iter().map(|name| name.trim()) {
            let field = self.names.field(name);
            if field.is_some_and(|field| !seen.insert(field)) {
                return Err(format!("the head has the column {name:?} twice"));
            }
            self.columns.push(field);
            if field.is_none() {
                self.ignore(name);
            }
        }
        match self.names.of(Field::Username) {
            Some(name) if !seen.contains(&Field::Username) => Err(format!(
                "the head has no column {name:?}, only {}; --field says what a column is called",
                self.ignored_names()
            )),
            _ => Ok(()),
        }
    }

    /// A document that is one array would be one damaged line after another.
    fn refuse_array(&mut self) -> io::Result<Result<(), String>> {
        // White space before an object says nothing.
        let first = loop {
            match self.source.peek()? {
                Some(byte) if byte.is_ascii_whitespace() => drop(self.source.byte()?),
                other => break other,
            }
        };
        Ok(match first {
            Some(b'[') => {
                Err("it is one JSON array, and not one object a line; `jq -c '.[]'` makes that of it"
                    .to_owned())
            }
            _ => Ok(()),
        })
    }

    /// The next row.
    pub(super) fn next(&mut self) -> io::Result<Option<Numbered>> {
        match self.format {
            Format::Jsonl => self.next_json(),
            Format::Csv => self.next_csv(),
        }
    }

    fn next_csv(&mut self) -> io::Result<Option<Numbered>> {
        if self.last_line.is_some() {
            return Ok(None);
        }
        let Some(record) = csv::next(&mut self.source, Some(self.columns.len()))? else { return Ok(None) };
        let row = match record.fields {
            Ok(fields) => Ok(self.row(fields)),
            Err(Damage::Record(problem)) => Err(problem),
            Err(Damage::Rest(problem)) => {
                self.last_line = Some(record.line);
                Err(format!("{problem}; nothing behind that was read"))
            }
        };
        Ok(Some(Numbered { line: record.line, row }))
    }

    fn row(&self, fields: Vec<String>) -> Row {
        let mut row = Row::default();
        for (field, text) in self.columns.iter().zip(fields) {
            if let Some(field) = field.filter(|_| !text.is_empty()) {
                row.set(field, Value::String(text));
            }
        }
        row
    }

    fn next_json(&mut self) -> io::Result<Option<Numbered>> {
        loop {
            let line = self.source.line();
            let mut text = Vec::new();
            let ended = loop {
                match self.source.byte()? {
                    Some(b'\n') => break false,
                    None => break true,
                    Some(_) if text.len() > LONGEST => {}
                    Some(byte) => text.push(byte),
                }
            };
            if text.iter().all(u8::is_ascii_whitespace) {
                if ended {
                    return Ok(None);
                }
                continue;
            }
            let row = if text.len() > LONGEST {
                Err(format!("is longer than {LONGEST} bytes"))
            } else {
                self.read_json(&text)
            };
            return Ok(Some(Numbered { line, row }));
        }
    }

    fn read_json(&mut self, text: &[u8]) -> Result<Row, String> {
        let mut ignored = Vec::new();
        let mut json = serde_json::Deserializer::from_slice(text);
        let read = RowReader { names: &self.names, ignored: &mut ignored }.deserialize(&mut json);
        let read = read.and_then(|row| json.end().map(|()| row));
        for name in ignored {
            self.ignore(&name);
        }
        read.map_err(|error| {
            let column = error.column();
            match error.classify() {
                // Its text may quote what stands there.
                serde_json::error::Category::Data if error.to_string().starts_with(TWICE) => {
                    "has a member twice that is read".to_owned()
                }
                serde_json::error::Category::Data => "is no JSON object".to_owned(),
                _ => format!("is no JSON: damaged at column {column}"),
            }
        })
    }

    fn ignore(&mut self, name: &str) {
        if self.ignored.len() < Self::IGNORED {
            self.ignored.insert(name.chars().take(64).collect());
        }
    }

    /// Why not all was read, where that is so.
    pub(super) fn stopped(&self) -> Option<String> {
        self.last_line.map(|line| format!("nothing behind line {line} was read; {NO_CSV}"))
    }

    /// Some of the names that are there and not read.
    pub(super) fn ignored(&self) -> &BTreeSet<String> {
        &self.ignored
    }

    fn ignored_names(&self) -> String {
        self.ignored.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> u64 {
        self.source.offset()
    }
}

/// What is to be done about a file whose records cannot be told apart.
const NO_CSV: &str = "the file is not CSV as RFC 4180 has it: export it again, or as JSON lines";

/// How the error of a double member begins.
const TWICE: &str = "twice";

/// Reads an object, of whose members only some are kept.
struct RowReader<'a> {
    names: &'a Names,
    ignored: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for RowReader<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Row, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowReader<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Row, A::Error> {
        let (mut row, mut seen) = (Row::default(), BTreeSet::new());
        while let Some(name) = members.next_key::<String>()? {
            match self.names.field(&name) {
                Some(field) if !seen.insert(field) => return Err(de::Error::custom(TWICE)),
                Some(field) => row.set(field, members.next_value()?),
                None => {
                    members.next_value::<IgnoredAny>()?;
                    self.ignored.push(name);
                }
            }
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, format: Format, others: &[(Field, String)]) -> Result<Rows, String> {
        let source = Source::of(io::Cursor::new(text.as_bytes().to_vec())).unwrap();
        Rows::begin(source, format, Names::with(others).unwrap())
    }

    fn names_of(rows: &mut Rows) -> Vec<(u64, Result<String, String>)> {
        let name = |row: Row| row.get(Field::Username).map(Value::to_string).unwrap_or_default();
        std::iter::from_fn(|| rows.next().unwrap()).map(|it| (it.line, it.row.map(name))).collect()
    }

    fn error(text: &str, format: Format) -> String {
        rows(text, format, &[]).err().unwrap()
    }

    #[test]
    fn json_lines_are_read_one_by_one() {
        let long = format!("{{\"username\":\"{}\"}}", "x".repeat(LONGEST));
        let text = format!(
            "{{\"username\":\"a\",\"_id\":{{\"$oid\":1}}}}\n\n{{\"username\":\n[]\n{{\"username\":\"b\"}} x\n\
             {{\"username\":1,\"username\":2}}\n{long}\n{{\"username\":\"\u{e9}\"}}"
        );
        let mut rows = rows(&text, Format::Jsonl, &[]).unwrap();
        let read = names_of(&mut rows);
        let problem = |problem: &str| Err(problem.to_owned());
        assert_eq!(
            read,
            [
                (1, Ok("\"a\"".to_owned())),
                (3, problem("is no JSON: damaged at column 12")),
                (4, problem("is no JSON object")),
                (5, problem("is no JSON: damaged at column 18")),
                (6, problem("has a member twice that is read")),
                (7, problem("is longer than 1048576 bytes")),
                (8, Ok("\"\u{e9}\"".to_owned())),
            ]
        );
        assert_eq!(rows.ignored().iter().collect::<Vec<_>>(), ["_id"]);
    }

    #[test]
    fn csv_has_a_head() {
        let mut read = rows("id, username ,password_hash\n1,a,x\n2,,y\n3\n", Format::Csv, &[]).unwrap();
        let problem = Err("has 1 fields, and the head has 3".to_owned());
        assert_eq!(names_of(&mut read), [(2, Ok("\"a\"".into())), (3, Ok(String::new())), (4, problem)]);
        assert_eq!(read.ignored().iter().collect::<Vec<_>>(), ["id"]);
        assert!(error("", Format::Csv).contains("nothing in it"));
        assert!(error("a;b\n", Format::Csv).contains("no column \"username\", only \"a;b\""));
        assert!(error("username,username\n", Format::Csv).contains("twice"));
        assert!(error(" \n [{}]", Format::Jsonl).contains("one JSON array"));
    }

    #[test]
    fn fields_may_have_other_names() {
        let others = [(Field::PasswordHash, "password".to_owned()), (Field::Username, "login".to_owned())];
        let mut rows =
            rows("{\"login\":\"a\",\"password\":\"x\",\"username\":\"b\"}", Format::Jsonl, &others).unwrap();
        let row = rows.next().unwrap().unwrap().row.ok().unwrap();
        assert_eq!(row.get(Field::Username).unwrap(), "a");
        assert_eq!(row.get(Field::PasswordHash).unwrap(), "x");
        assert_eq!(row.get(Field::Password), None, "its name is given away");
        let double = [(Field::Access, "x".to_owned()), (Field::Disabled, "x".to_owned())];
        assert!(Names::with(&double).is_err());
    }
}

//! A value as a source gives it, and its reading into the type that a setting has.

use std::{ops::RangeInclusive, time::Duration};

use portcullis::{Lifetime, Secret};
use toml::de::{DeTable, DeValue};

use super::echo;

/// A value before its setting reads it. No `Debug`: it may be a secret.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    /// The text of a variable or a flag: it has no type, the setting decides.
    Untyped(String),
    /// A text in quotes.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    List(Vec<Value>),
    /// What no setting takes, by what it is.
    Other(&'static str),
}

/// Why a setting does not take a value.
pub(super) type Refusal = String;

impl Value {
    /// A parsed TOML value.
    pub(super) fn of_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Boolean(truth) => Self::Boolean(*truth),
            DeValue::Array(values) => {
                Self::List(values.iter().map(|value| Self::of_toml(value.as_ref())).collect())
            }
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Self::Other("a number beyond 64 bits"), Self::Integer),
            DeValue::Float(_) => Self::Other("a number with a fraction"),
            DeValue::Datetime(_) => Self::Other("a date or time"),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }

    /// The value as TOML writes it: only for settings that may be shown.
    pub(super) fn to_toml(&self) -> String {
        match self {
            Self::Untyped(text) | Self::Text(text) => quoted(text),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(truth) => truth.to_string(),
            Self::List(values) => {
                format!("[{}]", values.iter().map(Self::to_toml).collect::<Vec<_>>().join(", "))
            }
            Self::Other(kind) => (*kind).to_owned(),
        }
    }

    /// The value as a refusal shows it.
    pub(super) fn shown(&self) -> String {
        echo::found(&self.to_toml())
    }

    /// What kind of value it is, without the value.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Untyped(_) | Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }

    pub(super) fn text(&self) -> Result<&str, Refusal> {
        match self {
            Self::Untyped(text) | Self::Text(text) => Ok(text),
            other => Err(format!("expected a text in quotes, found {}", other.kind())),
        }
    }

    /// A text that says something.
    pub(super) fn words(&self) -> Result<String, Refusal> {
        match self.text()? {
            "" => Err("is empty".into()),
            text => Ok(text.to_owned()),
        }
    }

    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Refusal> {
        let text = self.text()?;
        let choice = choices.iter().find(|(name, _)| *name == text);
        choice.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            format!("{} is not one of {}", echo::found_text(text), names.join(", "))
        })
    }

    pub(super) fn boolean(&self) -> Result<bool, Refusal> {
        match self {
            Self::Boolean(truth) => Ok(*truth),
            // Variables of Flask applications say True.
            Self::Untyped(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Self::Untyped(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            other => Err(format!("expected true or false, found {}", other.shown())),
        }
    }

    pub(super) fn number<T>(&self, bounds: RangeInclusive<u32>) -> Result<T, Refusal>
    where
        T: TryFrom<u32>,
    {
        let number = match self {
            Self::Integer(number) => u32::try_from(*number).ok(),
            Self::Untyped(text) => text.trim().parse().ok(),
            _ => None,
        };
        let inside = number.filter(|number| bounds.contains(number));
        inside.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            let (least, most) = (bounds.start(), bounds.end());
            format!("expected a whole number from {least} to {most}, found {}", self.shown())
        })
    }

    pub(super) fn lifetime(&self) -> Result<Lifetime, Refusal> {
        let lifetime = match self {
            Self::Boolean(_) => {
                return Err("a token always expires: give seconds (900) or a text such as \"15m\"".into());
            }
            Self::Integer(seconds) => u64::try_from(*seconds).ok().map(Lifetime::from_secs),
            Self::Untyped(text) | Self::Text(text) => Some(text.parse()),
            _ => None,
        };
        match lifetime {
            Some(Ok(lifetime)) => Ok(lifetime),
            Some(Err(why)) => Err(format!("{why}, found {}", self.shown())),
            None => Err(format!(
                "expected seconds (900) or a number with a unit (\"15m\", \"30d\"), found {}",
                self.shown()
            )),
        }
    }

    /// A duration of whole seconds within bounds, which are given in seconds.
    pub(super) fn duration(&self, bounds: RangeInclusive<u64>) -> Result<Duration, Refusal> {
        let seconds = match self {
            Self::Integer(seconds) => u64::try_from(*seconds).ok(),
            Self::Untyped(text) | Self::Text(text) if matches!(text.trim(), "0" | "0s") => Some(0),
            Self::Untyped(text) | Self::Text(text) => {
                text.parse().ok().map(|lifetime: Lifetime| lifetime.duration().as_secs())
            }
            _ => None,
        };
        let inside = seconds.filter(|seconds| bounds.contains(seconds));
        inside.map(Duration::from_secs).ok_or_else(|| {
            let (least, most) = (bounds.start(), bounds.end());
            format!(
                "expected {least} to {most} seconds, as a number (10) or with a unit (\"10s\", \"2m\"), found {}",
                self.shown()
            )
        })
    }

    /// A list of texts; one text is a list of one. Variables separate them by commas.
    pub(super) fn texts(&self) -> Result<Vec<String>, Refusal> {
        let texts: Vec<String> = match self {
            Self::Untyped(text) if text.trim_start().starts_with('[') => {
                return Err("write the entries with commas between them, without brackets and quotes".into());
            }
            Self::Untyped(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            Self::Text(text) => vec![text.clone()],
            Self::List(values) => values
                .iter()
                .map(|value| value.text().map(str::to_owned))
                .collect::<Result<_, _>>()
                .map_err(|refusal| format!("in the list: {refusal}"))?,
            other => return Err(format!("expected a list of texts, found {}", other.kind())),
        };
        if texts.iter().any(String::is_empty) {
            return Err("an entry of the list is empty".into());
        }
        Ok(texts)
    }

    /// A secret, byte for byte. Refusals never hold it.
    pub(super) fn secret(&self) -> Result<Secret, Refusal> {
        match self {
            Self::Untyped(text) | Self::Text(text) if text.is_empty() => {
                Err("is empty: give a secret, or leave the setting out".into())
            }
            Self::Untyped(text) | Self::Text(text) => Ok(Secret::new(text)),
            other => Err(format!(
                "expected a text, found {}: write the secret in quotes, as \"[redacted]\"",
                other.kind()
            )),
        }
    }

    /// A list of secrets. In a variable it must be a TOML list: a secret may hold commas and blanks.
    pub(super) fn secrets(&self) -> Result<Vec<Secret>, Refusal> {
        let values = match self {
            Self::List(values) => values,
            Self::Untyped(text) => &Self::toml_list(text).ok_or(
                "expected a TOML list of texts, as ['one', \"two\"]: commas alone do not part secrets",
            )?,
            other => return Err(format!("expected a list of texts, found {}", other.kind())),
        };
        let secrets = values.iter().map(Self::secret).collect::<Result<_, _>>();
        secrets.map_err(|refusal| format!("in the list: {refusal}"))
    }

    fn toml_list(text: &str) -> Option<Vec<Self>> {
        // A whole document, since a lone value may be followed by anything.
        let document = format!("list = {text}");
        let table = DeTable::parse(&document).ok()?;
        match table.get_ref().iter().map(|(_, value)| Self::of_toml(value.as_ref())).collect::<Vec<_>>().pop()
        {
            Some(Self::List(values)) if table.get_ref().len() == 1 => Some(values),
            _ => None,
        }
    }
}

/// A text between double quotes, as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.extend(format!("\\u{:04X}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

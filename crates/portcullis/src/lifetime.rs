//! How long a token lives, and how durations are written in a configuration.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// How long a token lives: whole seconds, at least one and at most a hundred years.
///
/// Written as seconds (`900`) or as a number and a unit (`"15m"`, `"30d"`; `s`, `m`, `h`, `d`, `w`). Zero is an
/// error, never "for ever" as in Flask-JWT-Extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(Duration);

/// A duration that no token can live for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLifetime(&'static str);

impl Lifetime {
    pub(crate) const MINUTES_15: Self = Self(Duration::from_mins(15));
    pub(crate) const DAYS_30: Self = Self(Duration::from_hours(30 * 24));
    const MAX_SECONDS: u64 = 100 * 366 * 24 * 60 * 60;

    /// A lifetime of whole seconds.
    ///
    /// # Errors
    /// [`InvalidLifetime`] for zero and for more than a hundred years.
    pub const fn from_secs(seconds: u64) -> Result<Self, InvalidLifetime> {
        match seconds {
            0 => Err(InvalidLifetime("a lifetime of zero is not \"for ever\": give at least one second")),
            1..=Self::MAX_SECONDS => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(InvalidLifetime("a lifetime is at most a hundred years")),
        }
    }

    /// The lifetime as a duration.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<Duration> for Lifetime {
    type Error = InvalidLifetime;

    /// Takes a duration's whole seconds.
    fn try_from(duration: Duration) -> Result<Self, InvalidLifetime> {
        Self::from_secs(duration.as_secs())
    }
}

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, InvalidLifetime> {
        parse_seconds(text)
            .ok_or(InvalidLifetime("expected seconds (900) or a number with a unit (\"15m\", \"30d\")"))
            .and_then(Self::from_secs)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Seconds::deserialize(deserializer)? {
            Seconds::Number(seconds) => Self::from_secs(seconds),
            Seconds::Text(text) => text.parse(),
            Seconds::Other(_) => Err(InvalidLifetime(LIFETIME_FORM)),
        }
        .map_err(de::Error::custom)
    }
}

const LIFETIME_FORM: &str =
    "expected seconds (900) or a number with a unit (\"15m\", \"30d\"); a token always expires";

/// Reads `"90"`, `"90s"`, `"15m"`, `"12h"`, `"30d"`, `"2w"` as seconds.
fn parse_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
    /// Whatever else, Flask's `False` for "never" among it: named so that the refusal can say what is expected.
    Other(de::IgnoredAny),
}

/// Reads a duration of an option.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match Seconds::deserialize(deserializer)? {
        Seconds::Number(seconds) => Some(seconds),
        Seconds::Text(text) => parse_seconds(&text),
        Seconds::Other(_) => None,
    }
    .map(Duration::from_secs)
    .ok_or_else(|| de::Error::custom("expected seconds or a text such as \"30s\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_seconds_or_a_number_with_a_unit() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)]
        {
            assert_eq!(text.parse::<Lifetime>().unwrap().duration().as_secs(), seconds, "{text}");
        }
        for text in
            ["", "m", "-1", "+1", "1.5h", "0", "0d", "1y", "1 d", "99999999999999999999", "1000000000000d"]
        {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }
}

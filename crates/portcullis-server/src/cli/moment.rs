//! Moments as people read them, RFC 3339 in UTC, and as they and other programs write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::NumericDate;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment for people, to the second: `2026-11-28T16:34:44Z`.
pub(super) fn readable(moment: impl Into<NumericDate>) -> String {
    let seconds = moment.into().seconds();
    let date = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|date| date.format(&Rfc3339).ok());
    // What the calendar does not have is a number all the same.
    date.unwrap_or_else(|| seconds.to_string())
}

/// How far a moment is from now, in the largest unit that it fills: `5 minutes ago`, `in 3 days`.
pub(super) fn distance(moment: NumericDate, now: NumericDate) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let seconds = moment.seconds().abs_diff(now.seconds());
    let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| seconds >= *size) else {
        return "now".to_owned();
    };
    let count = seconds / size;
    let plural = if count == 1 { "" } else { "s" };
    if moment.seconds() > now.seconds() {
        format!("in {count} {unit}{plural}")
    } else {
        format!("{count} {unit}{plural} ago")
    }
}

/// Reads a moment: RFC 3339, also with a blank for the `T`, with a short offset or none, which is UTC, or as a date alone;
/// or seconds since 1970. Those are the forms in which databases and the JSON of other programs have them.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return from_seconds(seconds);
    }
    let date = text.get(..10)?;
    let text = match text.get(10..)? {
        "" => format!("{date}T00:00:00Z"),
        rest => {
            let time = rest.strip_prefix(['T', 't', ' '])?;
            let offset = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
            let (time, offset) = time.split_at_checked(offset)?;
            format!("{date}T{time}{}", whole_offset(offset)?)
        }
    };
    let date = OffsetDateTime::parse(&text, &Rfc3339).ok()?;
    let whole = from_seconds(date.unix_timestamp())?;
    whole.checked_add(Duration::from_nanos(u64::from(date.nanosecond())))
}

/// Seconds since 1970, also before, as a moment of the calendar.
pub(super) fn from_seconds(seconds: i64) -> Option<SystemTime> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

/// An offset with its minutes: `+00` and `+0000` are `+00:00`.
fn whole_offset(offset: &str) -> Option<String> {
    match (offset.len(), offset.contains(':')) {
        (0, _) => Some("Z".to_owned()),
        (3, _) => Some(format!("{offset}:00")),
        (5, false) => offset.split_at_checked(3).map(|(hours, minutes)| format!("{hours}:{minutes}")),
        _ => Some(offset.to_owned()),
    }
}

/// A length of time as people type it: `90s`, `30m`, `12h`, `7d`.
pub(super) fn parse_length(text: &str) -> Option<Duration> {
    let number = text.strip_suffix(['s', 'm', 'h', 'd'])?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = match text.get(number.len()..)? {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 86_400,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        parse(text).map(|moment| NumericDate::from(moment).seconds())
    }

    #[test]
    fn the_forms_of_other_programs_are_read() {
        const NOON: i64 = 1_554_120_000;
        for text in [
            "2019-04-01T12:00:00Z",
            "2019-04-01t12:00:00z",
            "2019-04-01 12:00:00",
            "2019-04-01T12:00:00",
            "2019-04-01 12:00:00.5",
            "2019-04-01 12:00:00+00",
            "2019-04-01 13:00:00+01",
            "2019-04-01T14:00:00.123456+0200",
            "2019-04-01T10:30:00-01:30",
            " 1554120000 ",
        ] {
            assert_eq!(seconds(text), Some(NOON), "{text}");
        }
        assert_eq!(seconds("2019-04-01"), Some(NOON - 12 * 3600));
        assert_eq!(seconds("1969-12-31T23:59:59Z"), Some(-1));
        assert_eq!(seconds("-1"), Some(-1));
        let half = parse("1969-12-31T23:59:59.5Z").unwrap();
        assert_eq!(UNIX_EPOCH.duration_since(half).unwrap(), Duration::from_millis(500));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "now",
            "2019-13-01",
            "2019-02-30",
            "01.04.2019",
            "2019-04-01T",
            "2019-04-01T25:00:00Z",
            "2019-04-01X12:00:00Z",
            "2019-04-01T12:00:00+",
            "2019-04-01T12:00:00Europe/Berlin",
            "2019-04-\u{661}1",
            "99999999999999999",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_shown_as_it_is_read() {
        for text in ["2019-04-01T12:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(readable(parse(text).unwrap()), text);
        }
        assert_eq!(readable(NumericDate::from_seconds(i64::MAX)), i64::MAX.to_string());
    }

    #[test]
    fn distances_are_in_the_largest_unit() {
        let from_now = |seconds: i64| {
            let now = NumericDate::from_seconds(1_000_000);
            distance(NumericDate::from_seconds(1_000_000 + seconds), now)
        };
        assert_eq!(from_now(0), "now");
        assert_eq!(from_now(-1), "1 second ago");
        assert_eq!(from_now(119), "in 1 minute");
        assert_eq!(from_now(-7200), "2 hours ago");
        assert_eq!(from_now(86_400 * 30), "in 30 days");
    }

    #[test]
    fn lengths_have_a_unit() {
        assert_eq!(parse_length("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_length("7d"), Some(Duration::from_hours(7 * 24)));
        for text in ["", "d", "7", "7w", "-1d", "1.5h", "99999999999999999999d", "999999999999999999d"] {
            assert_eq!(parse_length(text), None, "{text}");
        }
    }
}

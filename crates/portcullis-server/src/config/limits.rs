//! How often strangers may try, as it is written in a configuration.

use std::{num::NonZeroU32, str::FromStr, time::Duration};

use super::value::{Refusal, Value};

/// The settings of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Whether there are limits.
    pub switch: LimitsSwitch,
    /// Logins of one address with one name.
    pub login_by_address_and_name: Rate,
    /// Logins of one address.
    pub login_by_address: Rate,
    /// Logins with one name, from all addresses.
    pub login_by_name: Rate,
    /// Logins of one device that is known.
    pub login_by_device: Rate,
    /// How many different names may fail from one address in a window before it is blocked.
    pub login_names: u32,
    /// How long they are counted together.
    pub login_names_window: Duration,
    /// How long the address is blocked then.
    pub login_names_block: Duration,
    /// Registrations of one address.
    pub registration: Rate,
    /// Refreshes of one address that fail.
    pub refresh_failures: Rate,
}

/// Whether there are limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitsSwitch {
    /// As they should be.
    On,
    /// For those who have their own.
    Off,
}

/// How many tries may come at once, and how many more as time passes: `5, 1/min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many at once.
    pub burst: NonZeroU32,
    /// So many more in each span.
    pub more: NonZeroU32,
    /// The span.
    pub per: Per,
}

/// The span of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// `s`
    Second,
    /// `min`, or `m` as in durations
    Minute,
    /// `h`
    Hour,
}

impl Rate {
    /// The most that a rate has at once or in a span: more is no limit.
    const MOST: u32 = 100_000;

    /// What stands before anything is read.
    pub(super) const UNSET: Self = Self { burst: NonZeroU32::MIN, more: NonZeroU32::MIN, per: Per::Second };
}

impl LimitSettings {
    /// Nothing read yet.
    pub(super) const UNSET: Self = Self {
        switch: LimitsSwitch::Off,
        login_by_address_and_name: Rate::UNSET,
        login_by_address: Rate::UNSET,
        login_by_name: Rate::UNSET,
        login_by_device: Rate::UNSET,
        login_names: 0,
        login_names_window: Duration::ZERO,
        login_names_block: Duration::ZERO,
        registration: Rate::UNSET,
        refresh_failures: Rate::UNSET,
    };
}

impl FromStr for Rate {
    type Err = &'static str;

    /// Reads `5, 1/min`: five at once, and one more a minute.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str =
            "expected how many may come at once and how many more in each s, min or h, as \"5, 1/min\"";
        let (burst, rate) = text.split_once(',').ok_or(FORM)?;
        let (more, per) = rate.split_once('/').ok_or(FORM)?;
        let per = match per.trim() {
            "s" => Per::Second,
            "min" | "m" => Per::Minute,
            "h" => Per::Hour,
            _ => return Err(FORM),
        };
        let number = |text: &str| {
            let text = text.trim();
            // What parses takes a sign too.
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number: Option<u32> = text.parse().ok().filter(|number| *number <= Self::MOST);
            let number = number.and_then(NonZeroU32::new);
            if digits { number.ok_or("expected numbers from 1 to 100000") } else { Err(FORM) }
        };
        Ok(Self { burst: number(burst)?, more: number(more)?, per })
    }
}

pub(super) fn rate(value: &Value) -> Result<Rate, Refusal> {
    value.text()?.parse().map_err(|expected| format!("{expected}, found {}", value.shown()))
}

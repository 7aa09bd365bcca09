//! The three access levels of the Flask application: allowed means `access >= level`.

/// What a user may do, ordered: a guard asks for at least a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Access {
    /// May log in and nothing more.
    Guest = 0,
    /// The level of every registration.
    #[default]
    User = 1,
    /// May administer users.
    Admin = 2,
}

impl Access {
    /// The level as it stands in tokens and in the store: 0, 1 or 2.
    pub const fn level(self) -> u8 {
        self as u8
    }

    /// The level as people say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// The access of a stored level, `None` for a number that is none of the three.
    pub const fn from_level(level: i64) -> Option<Self> {
        match level {
            0 => Some(Self::Guest),
            1 => Some(Self::User),
            2 => Some(Self::Admin),
            _ => None,
        }
    }
}

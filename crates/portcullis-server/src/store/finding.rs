//! What somebody who looks at an instance finds: whether it is as it should be, and what to do about it.

/// How good or bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// It does not work, or cannot be trusted.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about, in a word.
    pub about: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub what: String,
    /// What to do about it; none where nothing is to be done.
    pub todo: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn ok(about: &'static str, what: impl Into<String>) -> Self {
        Self { about, level: Level::Ok, what: what.into(), todo: None }
    }

    /// Somebody should look at it.
    pub fn warn(about: &'static str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { about, level: Level::Warn, what: what.into(), todo: Some(todo.into()) }
    }

    /// It has to be mended.
    pub fn fail(about: &'static str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { about, level: Level::Fail, what: what.into(), todo: Some(todo.into()) }
    }

    /// What an error says, which has to be mended.
    pub fn failed(about: &'static str, error: &dyn std::error::Error, todo: impl Into<String>) -> Self {
        let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
        Self::fail(about, format!("{error}{cause}"), todo)
    }

    /// Whether somebody can administer users.
    pub(super) fn of_admins(admins: u64, users: u64) -> Self {
        let todo =
            "make one: portcullis user create NAME --access admin, or portcullis user access NAME admin";
        match admins {
            0 => Self::warn("administrators", format!("none of {users} users can administer others"), todo),
            1 => Self::ok("administrators", "one"),
            _ => Self::ok("administrators", format!("{admins}")),
        }
    }
}

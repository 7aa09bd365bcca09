//! From a row to a user who can be taken over, or to the reason why not. No reason quotes a password or a hash.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::rows::{Field, Names, Row};
use crate::{
    cli::moment,
    model::{Access, NewUser, Password, PasswordHash, PasswordPolicy, UserState, Username},
    passwords::{Unverifiable, judge as judge_hash},
};

/// Why a row is not taken: a word that stays the same for programs, and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Reason {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// A user of a row, who has not been looked for in the store yet.
#[derive(Debug)]
pub(super) struct Candidate {
    username: Username,
    secret: Secret,
    access: Access,
    created_at: Option<SystemTime>,
    state: UserState,
}

/// What a user logs in with.
#[derive(Clone, Debug)]
pub(super) enum Secret {
    Hash(PasswordHash),
    /// That is still to be hashed.
    Password(Password),
}

impl Candidate {
    pub(super) fn username(&self) -> &Username {
        &self.username
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The user with a hash, which is the row's or was made of its password.
    pub(super) fn with(&self, hash: PasswordHash) -> NewUser {
        let user = NewUser::new(self.username.clone(), hash, self.access);
        NewUser { created_at: self.created_at, state: self.state, ..user }
    }
}

/// What rows are judged by.
pub(super) struct Judge {
    pub(super) names: Names,
    pub(super) policy: PasswordPolicy,
    pub(super) now: SystemTime,
}

impl Judge {
    /// How far in the future somebody may have become a user: dates without a time zone are read as UTC.
    const TIME_ZONES: Duration = Duration::from_hours(24);

    /// Judges a row. What is wrong first is the reason.
    pub(super) fn judge(&self, row: &Row) -> Result<Candidate, Reason> {
        let username = self.username(row)?;
        Ok(Candidate {
            secret: self.secret(row, &username)?,
            access: self.access(row)?,
            created_at: self.created_at(row)?,
            state: self.state(row)?,
            username,
        })
    }

    fn username(&self, row: &Row) -> Result<Username, Reason> {
        let bad = |problem: &str| self.bad("bad_username", Field::Username, problem);
        match row.get(Field::Username) {
            None => Err(bad("is missing")),
            Some(Value::String(name)) => Username::parse(name).map_err(|problem| bad(&problem.to_string())),
            Some(_) => Err(bad("must be text")),
        }
    }

    fn secret(&self, row: &Row, username: &Username) -> Result<Secret, Reason> {
        let text = |field, value: &Value| match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.bad("bad_password", field, "must be text")),
        };
        match (row.get(Field::PasswordHash), row.get(Field::Password)) {
            (Some(hash), None) => {
                let hash = PasswordHash::stored(text(Field::PasswordHash, hash)?);
                let unusable = |problem: Unverifiable| {
                    let said = match problem {
                        Unverifiable::Unknown => "is of no scheme that is known here",
                        Unverifiable::Damaged => "is damaged",
                        Unverifiable::AboveCap => "costs more than a login may",
                    };
                    self.bad("bad_password_hash", Field::PasswordHash, said)
                };
                judge_hash(&hash).map_err(unusable)?;
                Ok(Secret::Hash(hash))
            }
            (None, Some(password)) => {
                let password = text(Field::Password, password)?;
                let bad = |problem: &str| self.bad("bad_password", Field::Password, problem);
                if judge_hash(&PasswordHash::stored(password.as_str())) != Err(Unverifiable::Unknown) {
                    return Err(bad(
                        "looks like a hash; `--field password_hash=…` says which field has hashes",
                    ));
                }
                let chosen = Password::choose(&password, self.policy, Some(username.as_str()));
                chosen.map(Secret::Password).map_err(|problem| bad(&problem.to_string()))
            }
            (Some(_), Some(_)) => Err(Reason::new("bad_password", "there is a password and a hash of one")),
            (None, None) => Err(Reason::new("bad_password", "there is neither a password nor a hash of one")),
        }
    }

    fn access(&self, row: &Row) -> Result<Access, Reason> {
        let Some(value) = row.get(Field::Access) else { return Ok(Access::default()) };
        let level = match value {
            Value::Number(number) => number.as_i64().and_then(Access::from_level),
            Value::String(text) => match text.parse() {
                Ok(level) => Access::from_level(level),
                Err(_) => {
                    [Access::Guest, Access::User, Access::Admin].into_iter().find(|it| it.name() == text)
                }
            },
            _ => None,
        };
        level
            .ok_or_else(|| self.bad("bad_access", Field::Access, "must be 0 or guest, 1 or user, 2 or admin"))
    }

    fn created_at(&self, row: &Row) -> Result<Option<SystemTime>, Reason> {
        let Some(value) = row.get(Field::CreatedAt) else { return Ok(None) };
        let bad = |problem: &str| self.bad("bad_created_at", Field::CreatedAt, problem);
        let moment = moment_of(value)
            .ok_or_else(|| bad("must be a moment as 2019-04-01T12:00:00Z, or seconds since 1970"))?;
        match self.now.checked_add(Self::TIME_ZONES) {
            Some(latest) if moment > latest => Err(bad("is in the future")),
            _ => Ok(Some(moment)),
        }
    }

    fn state(&self, row: &Row) -> Result<UserState, Reason> {
        let Some(value) = row.get(Field::Disabled) else { return Ok(UserState::Enabled) };
        let disabled = match value {
            Value::Bool(disabled) => Some(*disabled),
            Value::Number(number) => number.as_u64().filter(|number| *number < 2).map(|number| number == 1),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "1" => Some(true),
                "false" | "f" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        match disabled {
            Some(true) => Ok(UserState::Disabled),
            Some(false) => Ok(UserState::Enabled),
            None => Err(self.bad("bad_disabled", Field::Disabled, "must be true or false")),
        }
    }

    fn bad(&self, code: &'static str, field: Field, problem: &str) -> Reason {
        Reason::new(code, format!("{} {problem}", self.names.of(field).unwrap_or(field.name())))
    }
}

/// A moment in the forms of other programs: also as MongoDB's JSON has dates.
fn moment_of(value: &Value) -> Option<SystemTime> {
    match value {
        Value::String(text) => moment::parse(text),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number beyond the range is its end, which is none"
        )]
        Value::Number(number) => {
            moment::from_seconds(number.as_i64().or_else(|| number.as_f64().map(|it| it.floor() as i64))?)
        }
        Value::Object(members) => match members.get("$date")? {
            Value::Object(long) => from_millis(long.get("$numberLong")?.as_str()?.parse().ok()?),
            Value::Number(millis) => from_millis(millis.as_i64()?),
            date => moment::parse(date.as_str()?),
        },
        _ => None,
    }
}

fn from_millis(millis: i64) -> Option<SystemTime> {
    let whole = moment::from_seconds(millis.div_euclid(1000))?;
    whole.checked_add(Duration::from_millis(millis.rem_euclid(1000).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{
        cli::import::{
            rows::{Format, Rows},
            source::Source,
        },
        model::CommonPasswords,
    };

    const HASH: &str =
        "$pbkdf2-sha256$1000$YYxRKkUopTTGGOMcY0wpRQ$2.oxvmFH6QhfzIHkfgpDMs4T0JYx3NqyD4MMoiBvTZ8";

    fn judge(row: &Value) -> Result<NewUser, Reason> {
        let names = Names::with(&[]).unwrap();
        let policy = PasswordPolicy { min_length: 8, common: CommonPasswords::Refuse };
        let now = UNIX_EPOCH + Duration::from_secs(1_900_000_000);
        let source = Source::of(std::io::Cursor::new(row.to_string().into_bytes())).unwrap();
        let mut rows = Rows::begin(source, Format::Jsonl, names.clone()).unwrap();
        let row = rows.next().unwrap().unwrap().row.ok().unwrap();
        let candidate = Judge { names, policy, now }.judge(&row)?;
        Ok(match candidate.secret() {
            Secret::Hash(hash) => candidate.with(hash.clone()),
            Secret::Password(password) => candidate.with(PasswordHash::stored(password.presented())),
        })
    }

    fn with(member: &str, value: impl Into<Value>) -> Result<NewUser, Reason> {
        let mut row = serde_json::json!({"username": "alice", "password_hash": HASH});
        row[member] = value.into();
        judge(&row)
    }

    #[test]
    fn what_is_not_said_is_as_with_a_registration() {
        let user = with("username", "alice").unwrap();
        assert_eq!((user.access, user.created_at, user.state), (Access::User, None, UserState::Enabled));
        assert_eq!((user.username.as_str(), user.password.as_str()), ("alice", HASH));
        let user =
            judge(&serde_json::json!({"username": "a", "password": "correct horse", "password_hash": null}));
        assert_eq!(user.unwrap().password.as_str(), "correct horse");
    }

    #[test]
    fn values_are_read_as_other_programs_write_them() {
        for (level, access) in [(0, Access::Guest), (1, Access::User), (2, Access::Admin)] {
            for value in [Value::from(level), Value::from(level.to_string()), Value::from(access.name())] {
                assert_eq!(with("access", value).unwrap().access, access);
            }
        }
        for (value, state) in [
            (Value::from(true), UserState::Disabled),
            (Value::from("True"), UserState::Disabled),
            (Value::from(1), UserState::Disabled),
            (Value::from("f"), UserState::Enabled),
            (Value::from(0), UserState::Enabled),
        ] {
            assert_eq!(with("disabled", value).unwrap().state, state);
        }
        let moment = UNIX_EPOCH + Duration::from_millis(1_554_120_000_500);
        for value in [
            Value::from("2019-04-01 12:00:00.5"),
            serde_json::json!({"$date": "2019-04-01T12:00:00.500Z"}),
            serde_json::json!({"$date": {"$numberLong": "1554120000500"}}),
            serde_json::json!({"$date": 1_554_120_000_500_i64}),
        ] {
            assert_eq!(with("created_at", value).unwrap().created_at, Some(moment));
        }
        let whole = moment - Duration::from_millis(500);
        for value in [Value::from(1_554_120_000), Value::from(1_554_120_000.7)] {
            assert_eq!(with("created_at", value).unwrap().created_at, Some(whole));
        }
    }

    #[test]
    fn each_bad_value_has_its_reason_and_no_secret_in_it() {
        for (member, value, code, says) in [
            ("username", Value::Null, "bad_username", "username is missing"),
            ("username", "two words".into(), "bad_username", "without blanks"),
            ("username", 7.into(), "bad_username", "must be text"),
            ("password_hash", Value::Null, "bad_password", "neither"),
            ("password_hash", 7.into(), "bad_password", "must be text"),
            ("password_hash", "hunter2".into(), "bad_password_hash", "no scheme"),
            ("password_hash", "$2b$12$hunter2".into(), "bad_password_hash", "damaged"),
            ("password_hash", HASH.replace("1000", "99999999").into(), "bad_password_hash", "costs more"),
            ("password", "hunter2".into(), "bad_password", "a password and a hash"),
            ("access", 3.into(), "bad_access", "guest"),
            ("access", "root".into(), "bad_access", "guest"),
            ("access", 1.5.into(), "bad_access", "guest"),
            ("created_at", "yesterday".into(), "bad_created_at", "must be a moment"),
            ("created_at", 1e300.into(), "bad_created_at", "must be a moment"),
            ("created_at", "2040-01-01".into(), "bad_created_at", "in the future"),
            ("disabled", "maybe".into(), "bad_disabled", "true or false"),
            ("disabled", 2.into(), "bad_disabled", "true or false"),
        ] {
            let reason = with(member, value.clone()).unwrap_err();
            assert_eq!(reason.code, code, "{member} {value}");
            assert!(reason.message.contains(says), "{reason:?}");
            assert!(!reason.message.contains("hunter2") && !reason.message.contains('$'), "{reason:?}");
        }
        for (password, says) in
            [("short", "at least 8"), ("password1", "most used"), (HASH, "looks like a hash")]
        {
            let row = serde_json::json!({"username": "alice", "password": password});
            let reason = judge(&row).unwrap_err();
            assert!(reason.code == "bad_password" && reason.message.contains(says), "{reason:?}");
        }
    }
}

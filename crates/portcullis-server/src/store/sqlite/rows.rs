//! Between rows and the model: what a column holds, read without trust.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Row, types::FromSql};

use super::failure::Failure;
use crate::model::{Access, Failures, PasswordHash, User, UserId, UserState};

/// The columns that [`user`] reads, in its order.
pub(super) const USER_COLUMNS: &str =
    "id, username, password, access, created_at, epoch, disabled, failures, locked_until";

/// How many they are.
pub(super) const USER_COLUMN_COUNT: usize = 9;

/// A user from a row of [`USER_COLUMNS`].
pub(super) fn user(row: &Row<'_>) -> Result<User, Failure> {
    let row = Reading::of(row, "users");
    let locked_until = match row.column::<Option<i64>>(8)? {
        Some(_) => Some(row.known(8, "time", from_millis)?),
        None => None,
    };
    Ok(User {
        id: UserId::new(row.column::<String>(0)?),
        username: row.column(1)?,
        password: PasswordHash::stored(row.column::<String>(2)?),
        access: row.known(3, "access level", Access::from_level)?,
        created_at: row.known(4, "time", from_millis)?,
        epoch: row.column(5)?,
        state: row.known(6, "state of a user", state_from_number)?,
        failures: Failures { count: row.column(7)?, locked_until },
    })
}

/// The state of a user as the column `disabled` has it.
pub(super) fn state_number(state: UserState) -> i64 {
    match state {
        UserState::Enabled => 0,
        UserState::Disabled => 1,
    }
}

fn state_from_number(number: i64) -> Option<UserState> {
    [UserState::Enabled, UserState::Disabled].into_iter().find(|state| state_number(*state) == number)
}

/// A time as the store keeps it: whole milliseconds since the epoch, what is finer is dropped.
pub(super) fn millis(time: SystemTime) -> i64 {
    let whole = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}

/// The time that [`millis`] made, `None` for one that the system cannot express.
pub(super) fn from_millis(millis: i64) -> Option<SystemTime> {
    let distance = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

/// A time as it will be read again after [`millis`] has written it.
pub(super) fn as_stored(time: SystemTime) -> SystemTime {
    from_millis(millis(time)).unwrap_or(time)
}

/// A row under reading, which knows how to name itself in an error. Its first column is its id.
pub(super) struct Reading<'a> {
    row: &'a Row<'a>,
    table: &'static str,
}

impl<'a> Reading<'a> {
    pub(super) fn of(row: &'a Row<'a>, table: &'static str) -> Self {
        Self { row, table }
    }

    pub(super) fn column<T: FromSql>(&self, index: usize) -> Result<T, Failure> {
        self.row.get(index).map_err(|error| self.failure(index, &error.to_string()))
    }

    /// A number that must be one of those that `parse` knows.
    pub(super) fn known<T>(
        &self,
        index: usize,
        what: &str,
        parse: impl Fn(i64) -> Option<T>,
    ) -> Result<T, Failure> {
        let number: i64 = self.column(index)?;
        parse(number).ok_or_else(|| self.failure(index, &format!("{number} is no {what}")))
    }

    /// What is wrong with a column.
    pub(super) fn failure(&self, index: usize, problem: &str) -> Failure {
        let column = self.row.as_ref().column_name(index).unwrap_or("?");
        Failure::Row {
            table: self.table,
            id: self.row.get(0).unwrap_or_else(|_| "?".to_owned()),
            problem: format!("{column}: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_to_the_millisecond_on_both_sides_of_the_epoch() {
        for expected in [-86_400_001, -1, 0, 1, 1_900_000_000_123] {
            assert_eq!(millis(from_millis(expected).unwrap()), expected);
        }
        let finer = UNIX_EPOCH + Duration::from_nanos(1_999_999);
        assert_eq!(millis(finer), 1);
    }
}

//! The tables, as numbered migrations, and the marks that tell our file from another program's.

use rusqlite::{Connection, TransactionBehavior};

/// `PRAGMA application_id` of our files: "prtc". It is in the header since the file's creation and never changes.
pub(super) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"prtc");

/// The migrations in order; `PRAGMA user_version` counts those that a file has. One that was released is never
/// edited: a change is a new file.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_users_and_revoked_tokens.sql"),
    include_str!("migrations/0002_sessions.sql"),
    include_str!("migrations/0003_disabled_users.sql"),
    include_str!("migrations/0004_revocation_feed.sql"),
    include_str!("migrations/0005_adopted_sessions.sql"),
    include_str!("migrations/0006_flask_beside.sql"),
    include_str!("migrations/0007_failed_logins.sql"),
    include_str!("migrations/0008_deleted_users.sql"),
    include_str!("migrations/0009_user_lists.sql"),
    include_str!("migrations/0010_audit.sql"),
];

/// The tables of a file that has them all.
const TABLES: [&str; 6] = ["users", "revoked_tokens", "sessions", "revocations", "revocation_log", "audit"];

/// A table that a file should have and has not.
pub(super) fn missing_table(connection: &Connection) -> rusqlite::Result<Option<&'static str>> {
    for table in TABLES {
        if !connection.table_exists(None, table)? {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// How many migrations a file has.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let count: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // A negative number is nobody's count; as the largest one it is refused as newer.
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Applies what the file lacks, each migration in a transaction of its own together with its number.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let done = version(connection)?;
    for (index, migration) in migrations.iter().enumerate().skip(done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> Vec<String> {
        let mut statement =
            connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn a_file_gets_what_it_lacks_and_nothing_twice() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &["CREATE TABLE a (x)"]).unwrap();
        migrate(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        assert_eq!((version(&connection).unwrap(), tables(&connection)), (2, vec!["a".into(), "b".into()]));
    }

    #[test]
    fn a_migration_that_fails_leaves_the_file_at_the_one_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        let migrations = ["CREATE TABLE a (x)", "CREATE TABLE b (x); CREATE TABLE a (x)"];
        migrate(&mut connection, &migrations).unwrap_err();
        assert_eq!((version(&connection).unwrap(), tables(&connection)), (1, vec!["a".into()]));
    }

    /// The hot statements, each with the index that it has to use.
    const HOT: &[(&str, &str)] = &[
        ("SELECT id FROM users WHERE name_key = 'x'", "sqlite_autoindex_users_2"),
        ("SELECT id FROM users WHERE username = 'x'", "users_username"),
        ("SELECT name FROM revocation_log WHERE seq > 9 ORDER BY seq", "PRIMARY KEY"),
        (
            "SELECT name FROM revocations WHERE expires_at < 9 ORDER BY expires_at LIMIT 9",
            "revocations_expires_at",
        ),
        (
            "SELECT jti FROM revoked_tokens WHERE expires_at < 9 ORDER BY expires_at LIMIT 9",
            "revoked_tokens_expires_at",
        ),
        ("SELECT epoch FROM users WHERE id = 'x'", "sqlite_autoindex_users_1"),
        ("SELECT device FROM sessions WHERE id = 'x'", "sqlite_autoindex_sessions_1"),
        (
            "SELECT device FROM sessions WHERE user_id = 'x' AND ended_at IS NULL \
             AND epoch = (SELECT epoch FROM users WHERE id = 'x' AND disabled = 0) ORDER BY last_used DESC",
            "sessions_user (user_id=? AND ended_at=?)",
        ),
        ("SELECT 1 FROM sessions WHERE user_id = 'x'", "sessions_user"),
        ("SELECT id FROM users WHERE name_free_at < 9 ORDER BY name_free_at LIMIT 9", "users_name_free_at"),
        (
            "SELECT id FROM users WHERE name_free_at IS NULL AND id >= 'x' AND id < x'' ORDER BY id LIMIT 9",
            "sqlite_autoindex_users_1",
        ),
        (
            "SELECT id FROM users WHERE name_free_at IS NULL AND name_key >= 'x' AND name_key < 'y' \
             ORDER BY name_key LIMIT 9",
            "sqlite_autoindex_users_2",
        ),
        (
            "SELECT name_key FROM users WHERE name_free_at IS NULL AND id >= 'x' AND id < x'' AND access = 2 \
             ORDER BY id LIMIT 9",
            "users_access",
        ),
        (
            "SELECT name_key FROM users WHERE name_free_at IS NULL AND id >= 'x' AND id < x'' AND disabled = 1 \
             ORDER BY id LIMIT 9",
            "users_disabled",
        ),
        (
            "SELECT 1 FROM users WHERE access = 2 AND disabled = 0 AND name_free_at IS NULL AND id <> 'x'",
            "users_access",
        ),
        ("SELECT id FROM audit WHERE at < 9 ORDER BY at LIMIT 9", "audit_at"),
        (
            "SELECT detail FROM audit WHERE at >= 1 AND at <= 9 AND (at < 9 OR id < 9) \
             ORDER BY at DESC, id DESC LIMIT 9",
            "audit_at",
        ),
        (
            "SELECT detail FROM audit WHERE at >= 1 AND at <= 9 AND (at < 9 OR id < 9) AND kind = 'x' \
             ORDER BY at DESC, id DESC LIMIT 9",
            "audit_kind",
        ),
        (
            "SELECT detail FROM audit WHERE actor = 'x' AND at >= 1 AND at <= 9 AND (at < 9 OR id < 9) \
             ORDER BY at DESC, id DESC LIMIT 9",
            "audit_actor",
        ),
        (
            "SELECT detail FROM audit WHERE subject = 'x' AND actor IS NOT 'x' AND at >= 1 AND at <= 9 \
             AND (at < 9 OR id < 9) ORDER BY at DESC, id DESC LIMIT 9",
            "audit_subject",
        ),
        (
            "SELECT id, void_access, remembered_until FROM sessions WHERE void_access > 0 AND ended_at IS NULL \
             AND remembered_until >= 9",
            "sessions_void_access",
        ),
        (
            "SELECT id FROM sessions WHERE remembered_until < 9 ORDER BY remembered_until LIMIT 9",
            "sessions_remembered_until",
        ),
    ];

    #[test]
    fn the_hot_statements_use_their_indexes() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, MIGRATIONS).unwrap();
        for (sql, index) in HOT {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps = plan.query_map([], |row| row.get(3)).unwrap();
            let steps: Vec<String> = steps.collect::<rusqlite::Result<_>>().unwrap();
            assert!(steps[0].contains("SEARCH") && steps[0].contains(index), "{sql}: {steps:?}");
            // What is read a page at a time is not sorted whole for each.
            let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE"));
            assert!(!sorts || !sql.contains("LIMIT"), "{sql}: {steps:?}");
        }
    }
}

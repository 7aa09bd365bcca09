//! Users, sessions and events as commands show them: the members of JSON are those of the HTTP API.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::NumericDate;
use serde::Serialize;

use super::{moment::readable, output::shown};
use crate::model::{AuditEvent, Session, SessionId, StoredEvent, User, UserId, UserState};

/// A user; times in seconds since 1970. No command shows a hash.
#[derive(Serialize)]
pub(super) struct SeenUser<'a> {
    id: &'a str,
    username: &'a str,
    /// 0 guest, 1 user, 2 admin.
    access: u8,
    disabled: bool,
    created_at: i64,
    failures: u32,
    locked_until: Option<i64>,
}

impl<'a> From<&'a User> for SeenUser<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id.as_str(),
            username: &user.username,
            access: user.access.level(),
            disabled: user.state == UserState::Disabled,
            created_at: seconds(user.created_at),
            failures: user.failures.count,
            locked_until: user.failures.locked_until.map(seconds),
        }
    }
}

/// A session; times in seconds since 1970.
#[derive(Serialize)]
pub(super) struct SeenSession<'a> {
    id: &'a str,
    device: Option<&'a str>,
    opened_at: i64,
    last_used: i64,
    expires_at: i64,
}

impl<'a> From<&'a Session> for SeenSession<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id.as_str(),
            device: session.device.as_deref(),
            opened_at: seconds(session.opened_at),
            last_used: seconds(session.last_used),
            expires_at: session.expires_at().seconds(),
        }
    }
}

/// An event; `at` is in seconds since 1970, to the millisecond.
#[derive(Serialize)]
pub(super) struct SeenEvent<'a> {
    id: &'a str,
    event: &'static str,
    at: f64,
    actor: Option<&'a str>,
    subject: Option<&'a str>,
    session: Option<&'a str>,
    address: Option<String>,
    detail: Option<&'a str>,
}

impl<'a> From<&'a StoredEvent> for SeenEvent<'a> {
    fn from(StoredEvent { id, event }: &'a StoredEvent) -> Self {
        let AuditEvent { kind, at, actor, subject, session, address, detail } = event;
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = Duration::from_millis(since.as_millis().try_into().unwrap_or(u64::MAX));
        Self {
            id,
            event: kind.name(),
            at: millis.as_secs_f64(),
            actor: actor.as_ref().map(UserId::as_str),
            subject: subject.as_ref().map(UserId::as_str),
            session: session.as_ref().map(SessionId::as_str),
            address: address.map(|address| address.to_string()),
            detail: detail.as_deref(),
        }
    }
}

/// A name as it is shown.
pub(super) fn name(user: &User) -> String {
    shown(&user.username)
}

/// Whether a user may be here, in a few words.
pub(super) fn state(user: &User, now: SystemTime) -> String {
    match (user.state, user.failures.locked_until) {
        (UserState::Disabled, _) => "disabled".to_owned(),
        (UserState::Enabled, Some(until)) if now < until => format!("locked until {}", readable(until)),
        (UserState::Enabled, _) => "enabled".to_owned(),
    }
}

fn seconds(moment: SystemTime) -> i64 {
    NumericDate::from(moment).seconds()
}

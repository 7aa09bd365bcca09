//! `/admin/audit`: what happened, the newest first.

use std::time::{Duration, SystemTime};

use axum::{Json, extract::State};
use serde::Serialize;

use super::{Admin, PAGE, limit};
use crate::{
    http::{error::Refusal, query::Params},
    model::{EventCursor, EventKind, EventQuery, SessionId, StoredEvent, UserId},
    state::AppState,
};

/// A page of events.
#[derive(Serialize)]
pub(in crate::http) struct Events {
    events: Vec<SeenEvent>,
    next: Option<String>,
}

/// An event as administrators see it.
#[derive(Serialize)]
struct SeenEvent {
    id: String,
    event: &'static str,
    /// Seconds since 1970, to the millisecond.
    at: f64,
    actor: Option<String>,
    subject: Option<String>,
    session: Option<String>,
    address: Option<String>,
    detail: Option<String>,
}

impl From<StoredEvent> for SeenEvent {
    fn from(StoredEvent { id, event }: StoredEvent) -> Self {
        let user = |id: UserId| id.as_str().to_owned();
        Self {
            id,
            event: event.kind.name(),
            at: seconds(event.at),
            actor: event.actor.map(user),
            subject: event.subject.map(user),
            session: event.session.as_ref().map(SessionId::to_string),
            address: event.address.map(|address| address.to_string()),
            detail: event.detail,
        }
    }
}

/// `GET /admin/audit`
pub(in crate::http) async fn list(
    _: Admin,
    State(state): State<AppState>,
    mut query: Params,
) -> Result<Json<Events>, Refusal> {
    let known = |text: &str| EventKind::from_name(text).ok_or("is no event that is kept here");
    let wanted = EventQuery {
        user: query.take("user", |text| Ok::<_, &str>(UserId::new(text))),
        kind: query.take("event", known),
        from: query.take("from", moment),
        until: query.take("until", moment),
        after: query.take("after", EventCursor::parse),
        limit: query.take("limit", limit).unwrap_or(PAGE),
    };
    query.done()?;
    let page = state.accounts().events(&wanted).await?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(Events { events: page.events.into_iter().map(SeenEvent::from).collect(), next }))
}

/// A moment as answers have it: a number of seconds, with up to three decimals.
fn moment(text: &str) -> Result<SystemTime, &'static str> {
    let problem = "must be seconds since 1970, with up to three decimals";
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || !is_number(decimals) || !(1..=3).contains(&decimals.len()) {
        return Err(problem);
    }
    let millis = format!("{decimals:0<3}").parse().map_err(|_| problem)?;
    let since = Duration::from_secs(seconds.parse().map_err(|_| problem)?);
    let since = since.checked_add(Duration::from_millis(millis));
    since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)).ok_or(problem)
}

/// A moment as seconds since 1970, whose fraction ends at the millisecond.
fn seconds(moment: SystemTime) -> f64 {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(since.as_millis().try_into().unwrap_or(u64::MAX)).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_shown() {
        for (text, millis) in
            [("0", 0), ("1900000000", 1_900_000_000_000), ("1900000000.5", 1_900_000_000_500)]
        {
            assert_eq!(moment(text), Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(millis)), "{text}");
        }
        for text in ["1900000000.123", "1900000000.001", "1.999"] {
            assert_eq!(seconds(moment(text).unwrap()).to_string(), text);
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1.0000",
            "1 ",
            "99999999999999999999",
            "18446744073709551615",
        ] {
            assert!(moment(text).is_err(), "{text:?}");
        }
    }
}

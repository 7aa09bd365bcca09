//! `/admin/audit`: what happened, the newest first.

use std::time::{Duration, SystemTime};

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Admin, PAGE, limit, listed};
use crate::{
    http::{
        error::Refusal,
        openapi::{About, Group, fields},
        query::Params,
    },
    model::{EventCursor, EventKind, EventQuery, SessionId, StoredEvent, UserId},
    state::AppState,
};

/// A page of events.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Events {
    events: Vec<SeenEvent>,
    /// Where the next page begins, for `after`; null where there is none.
    #[schema(required)]
    next: Option<String>,
}

/// An event as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
struct SeenEvent {
    id: String,
    #[schema(schema_with = fields::event)]
    event: &'static str,
    /// Seconds since 1970, to the millisecond.
    #[schema(examples(1_900_000_000.123))]
    at: f64,
    /// Who did it; null where that is not known, or where it was done on the command line.
    #[schema(required)]
    actor: Option<String>,
    /// To whom it was done.
    #[schema(required)]
    subject: Option<String>,
    /// In which session, or to which.
    #[schema(required)]
    session: Option<String>,
    /// From which address.
    #[schema(required, examples("192.0.2.7"))]
    address: Option<String>,
    /// What else there is to say.
    #[schema(required, max_length = 200)]
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

pub(in crate::http) const LIST: About = About {
    id: "listEvents",
    group: Group::Administration,
    does: "List what happened, the newest first",
    more: |it| {
        listed(it.gives::<Events>(StatusCode::OK, "A page of events."))
            .in_query("user", "Who did it, or to whom it was done.", fields::id())
            .in_query("event", "What happened.", fields::event())
            .in_query("from", "The first moment.", fields::moment())
            .in_query("until", "The moment behind the last.", fields::moment())
    },
};

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

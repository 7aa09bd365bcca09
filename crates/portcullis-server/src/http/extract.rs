//! Bodies: JSON objects of a bounded size that arrive in time, and their fields, with every problem at once.

use std::fmt;

use axum::{
    body::{Body, HttpBody as _},
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portcullis::{Location, ReadBody};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{
    error::{FieldProblems, Refusal},
    openapi::{Asks, Operation},
    passage::Passage,
};
use crate::state::AppState;

/// The fields of a request's JSON body.
///
/// ```text
/// let mut form = Form::from(fields);
/// let username = form.text("username", Username::parse);
/// let password = form.text("password", Password::parse);
/// let (Some(username), Some(password)) = (username, password) else { return Err(form.refused()) };
/// ```
#[derive(Debug)]
pub(super) struct Form {
    fields: Map<String, Value>,
    problems: FieldProblems,
    /// The members that may be the request's token.
    tokens: Vec<String>,
}

impl Form {
    /// Takes a text field and parses it; `None` has left its problem behind. Members that nobody takes are
    /// ignored: whatever a stranger adds changes nothing.
    pub(super) fn text<T, P: ToString>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, P>,
    ) -> Option<T> {
        let parsed = match self.fields.get(name) {
            None => Err("is required".to_owned()),
            Some(Value::String(text)) => parse(text).map_err(|problem| problem.to_string()),
            Some(_) => Err("must be text".to_owned()),
        };
        self.noted(name, parsed)
    }

    /// Takes a field of any type that may be missing; `None` where it is, or has left its problem behind.
    pub(super) fn optional<T, P: ToString>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Value) -> Result<T, P>,
    ) -> Option<T> {
        let parsed = parse(self.fields.get(name)?).map_err(|problem| problem.to_string());
        self.noted(name, parsed)
    }

    /// Makes a problem of every member that is none of these, for what is not to be misread: who misspells what takes
    /// something away would believe that it is gone.
    pub(super) fn nothing_but(&mut self, names: &[&str]) {
        let foreign = |name: &&String| !names.contains(&name.as_str()) && !self.tokens.contains(*name);
        for name in self.fields.keys().filter(foreign) {
            self.problems.entry(name.clone().into()).or_default().push("is not known".to_owned());
        }
    }

    /// Whether a field has left a problem behind.
    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    fn noted<T>(&mut self, name: &'static str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|problem| self.problems.entry(name.into()).or_default().push(problem)).ok()
    }

    /// The refusal that names every problem found.
    pub(super) fn refused(self) -> Refusal {
        Refusal::fields(self.problems)
    }
}

impl FromRequest<AppState> for Form {
    type Rejection = Refusal;

    /// 415 without a JSON media type, 413 above the limit, 408 when the body takes too long, 400 for what is
    /// not JSON, 422 for JSON that is no object, or one with a member twice.
    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(no_json());
        }
        let (parts, body) = request.into_parts();
        let bytes = whole(&parts, body, state).await?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) if !has_a_member_twice(&bytes, &fields) => {
                Ok(Self { fields, problems: FieldProblems::new(), tokens: token_members(state) })
            }
            Ok(Value::Object(_)) => Err(member_twice()),
            Ok(_) => Err(no_object()),
            Err(_) => Err(bad_json()),
        }
    }
}

impl Asks for Form {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        let fields = FieldProblems::from([("username".into(), vec!["is required".to_owned()])]);
        let refusals = [no_json(), bad_json(), no_object(), member_twice(), Refusal::fields(fields)];
        refusals.into_iter().chain(refusals_of_bodies()).fold(operation, Operation::refuses)
    }
}

/// The members of a body in which a guard looks for a token.
fn token_members(state: &AppState) -> Vec<String> {
    let options = &state.terms().tokens;
    if !options.token_location.contains(&Location::Json) {
        return Vec::new();
    }
    vec![options.json_key.clone(), options.refresh_json_key.clone()]
}

/// Whether an object, of which these are the fields, is written with a member twice: which of the two counts, others may
/// judge otherwise (RFC 8259 section 4).
fn has_a_member_twice(body: &[u8], fields: &Map<String, Value>) -> bool {
    struct Count;
    impl<'de> Visitor<'de> for Count {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<usize, A::Error> {
            let mut count = 0;
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                count += 1;
            }
            Ok(count)
        }
    }
    let count = serde_json::Deserializer::from_slice(body).deserialize_map(Count);
    count.is_ok_and(|count| count != fields.len())
}

/// Lets the guards look for a token, or for what has to stand beside one, in a request's body, with the refusals of a
/// [`Form`].
pub(super) async fn search_body(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if !state.jwt().looks_into_body(&parts) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    match whole(&parts, body, &state).await {
        Ok(bytes) => {
            parts.extensions.insert(ReadBody::new(bytes.as_slice()));
            next.run(Request::from_parts(parts, Body::from(bytes))).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The whole body of a request, bounded in size and time.
async fn whole(parts: &Parts, body: Body, state: &AppState) -> Result<Vec<u8>, Refusal> {
    let limits = state.limits();
    let Ok(bytes) = tokio::time::timeout(limits.request, read(body, limits.body)).await else {
        return Err(late());
    };
    let bytes = bytes?;
    if let Some(passage) = Passage::of(&parts.extensions) {
        passage.body_is_read();
    }
    Ok(bytes)
}

/// `application/json`, or another JSON type by its suffix (RFC 6839 section 3.1), with or without parameters.
///
/// Anything else could be sent by a foreign page's form without asking.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    // A declared length is believed when it is too long: nothing of such a body is waited for.
    let declared = body.size_hint().lower();
    if usize::try_from(declared).map_or(true, |declared| declared > limit) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(cut_off()),
    }
}

/// How a body is refused before anybody looks at its fields, in whatever place it is searched.
pub(super) fn refusals_of_bodies() -> [Refusal; 3] {
    [cut_off(), late(), too_large()]
}

fn no_json() -> Refusal {
    let text = "The body must be JSON, with the header Content-Type: application/json";
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
}

fn bad_json() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "The body is not valid JSON")
}

fn no_object() -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "The body must be a JSON object")
}

fn member_twice() -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "The body has a member twice")
}

fn cut_off() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "The body did not arrive whole")
}

fn late() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive")
}

fn too_large() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large")
}

//! The answers of an operation: what its status, headers and body are, for the refusals as a client would get them.

use std::{
    collections::BTreeMap,
    pin::pin,
    task::{Context, Poll, Waker},
};

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt;
use portcullis::ErrorStyle;
use serde_json::Value;
use utoipa::openapi::{
    Header, HeaderBuilder, Ref, RefOr, Responses, ResponsesBuilder,
    content::ContentBuilder,
    example::ExampleBuilder,
    extensions::Extensions,
    response::ResponseBuilder,
    schema::{AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, Schema, SchemaFormat, Type},
};

use super::JSON;
use crate::{http::error::Refusal, state::Terms};

/// What the schema of a refusal's body is called.
pub(super) const REFUSAL: &str = "Refusal";

/// The answers of an operation, by their status.
pub(super) struct Answers<'t> {
    terms: &'t Terms,
    by_status: BTreeMap<StatusCode, Answer>,
}

#[derive(Default)]
struct Answer {
    says: Vec<String>,
    content: Option<(String, RefOr<Schema>)>,
    headers: BTreeMap<String, RefOr<Header>>,
    /// The texts of the refusals that have this status, and their bodies.
    refusals: Vec<(String, Value)>,
}

impl<'t> Answers<'t> {
    /// What any request may be answered.
    pub(super) fn of_every_request(terms: &'t Terms) -> Self {
        let mut answers = Self { terms, by_status: BTreeMap::new() };
        answers.says(
            StatusCode::BAD_REQUEST,
            "Of HTTP/1.1 without one `Host` header, or of a `Transfer-Encoding` other than `chunked`.",
        );
        answers.says(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Address and headers have more than 32 KiB together.",
        );
        answers.refused(Refusal::defect("an example").write(terms.jwt()));
        answers.refused(Refusal::unavailable().write(terms.jwt()));
        answers
    }

    /// An answer to a request that is done.
    pub(super) fn done(&mut self, status: StatusCode, says: &str, body: Option<(&str, RefOr<Schema>)>) {
        let answer = self.by_status.entry(status).or_default();
        answer.says.push(says.to_owned());
        answer.content = body.map(|(media_type, schema)| (media_type.to_owned(), schema));
    }

    /// A header that an answer may have.
    pub(super) fn may_have(&mut self, status: StatusCode, name: &str, says: &str, schema: Schema) {
        let header = HeaderBuilder::new().description(Some(says)).schema(Some(schema)).build();
        self.by_status.entry(status).or_default().headers.insert(name.to_owned(), header.into());
    }

    /// A refusal whose text is one of many.
    fn says(&mut self, status: StatusCode, says: &str) {
        let media_type = refusal_media_type(self.terms).to_owned();
        let answer = self.by_status.entry(status).or_default();
        answer.says.push(says.to_owned());
        answer.content = Some((media_type, Ref::from_schema_name(REFUSAL).into()));
    }

    /// A refusal, as a client would get it.
    pub(super) fn refused(&mut self, response: Response) {
        let (parts, body) = response.into_parts();
        let Some(Ok(body)) = at_once(body.collect()) else { return };
        let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        let text = body.get(text_member(self.terms)).and_then(Value::as_str).unwrap_or_default().to_owned();
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or(JSON).to_owned();
        let answer = self.by_status.entry(parts.status).or_default();
        answer.content = Some((media_type, Ref::from_schema_name(REFUSAL).into()));
        answer.take_headers(parts.status, &parts.headers);
        if !answer.refusals.iter().any(|(before, _)| *before == text) {
            answer.refusals.push((text, body));
        }
    }

    pub(super) fn described(self) -> Responses {
        let responses = self.by_status.into_iter().fold(ResponsesBuilder::new(), |all, (status, answer)| {
            all.response(status.as_str(), answer.described(status))
        });
        responses.build()
    }
}

impl Answer {
    /// The headers of a refusal that say something of it.
    fn take_headers(&mut self, status: StatusCode, headers: &HeaderMap) {
        if headers.contains_key(header::RETRY_AFTER) {
            self.headers.insert(RETRY_AFTER.to_owned(), reference(RETRY_AFTER));
        }
        if headers.contains_key(header::WWW_AUTHENTICATE) {
            let always = status == StatusCode::UNAUTHORIZED;
            let header = if always { reference(CHALLENGE) } else { challenge(Presence::Sometimes).into() };
            self.headers.insert(CHALLENGE.to_owned(), header);
        }
    }

    fn described(self, status: StatusCode) -> ResponseBuilder {
        let texts = self.refusals.iter().filter(|(text, _)| !text.is_empty());
        let texts: Vec<String> = texts.map(|(text, _)| format!("* {text}")).collect();
        let mut paragraphs = vec![meaning(status).to_owned()];
        paragraphs.retain(|text| !text.is_empty());
        paragraphs.extend(self.says);
        paragraphs.extend((!texts.is_empty()).then(|| texts.join("\n")));
        let response = ResponseBuilder::new().description(paragraphs.join("\n\n"));
        let response = EVERY.iter().fold(response, |response, name| response.header_ref(*name, to(name)));
        let response = self.headers.into_iter().fold(response, |response, (name, header)| match header {
            RefOr::Ref(header) => response.header_ref(name, header),
            RefOr::T(header) => response.header(name, header),
        });
        let Some((media_type, schema)) = self.content else { return response };
        let examples = self.refusals.into_iter().map(|(text, body)| {
            (name_of_example(&text), ExampleBuilder::new().summary(text).value(Some(body)))
        });
        let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples);
        response.content(media_type, content.build())
    }
}

const CHALLENGE: &str = "WWW-Authenticate";
const RETRY_AFTER: &str = "Retry-After";
const REQUEST_ID: &str = "X-Request-Id";
const CACHE_CONTROL: &str = "Cache-Control";

/// What every answer has.
const EVERY: [&str; 2] = [REQUEST_ID, CACHE_CONTROL];

/// Whether an answer always has a header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Always,
    Sometimes,
}

/// The headers that answers refer to.
pub(super) fn headers() -> [(&'static str, Header); 4] {
    let id =
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::Custom("uuid".to_owned())));
    let text = |text: &str| ObjectBuilder::new().schema_type(Type::String).enum_values(Some([text]));
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    [
        (CHALLENGE, challenge(Presence::Always)),
        (
            RETRY_AFTER,
            header_of(seconds, "In how many seconds the same request may be made again.", Presence::Always),
        ),
        (REQUEST_ID, header_of(id, "Every line of the log about the request has it.", Presence::Always)),
        (CACHE_CONTROL, header_of(text("no-store"), "No answer may be kept.", Presence::Always)),
    ]
}

fn challenge(presence: Presence) -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    header_of(text, "The scheme, and why a token was refused (RFC 6750 section 3).", presence)
}

fn header_of(schema: ObjectBuilder, says: &str, presence: Presence) -> Header {
    let header = HeaderBuilder::new().description(Some(says)).schema(Some(schema));
    // A field of every header object, for which utoipa has no name.
    let required = Extensions::from_iter([("required", true)]);
    header.extensions((presence == Presence::Always).then_some(required)).build()
}

fn reference(name: &str) -> RefOr<Header> {
    RefOr::Ref(to(name))
}

fn to(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// The schema of a refusal's body.
pub(super) fn refusal_schema(terms: &Terms) -> Schema {
    let text = |says: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(says));
    let problems = ArrayBuilder::new().items(Object::with_type(Type::String));
    let errors = ObjectBuilder::new()
        .description(Some("What is wrong with which field or parameter, all of it."))
        .additional_properties(Some(RefOr::from(problems)));
    let key = text_member(terms);
    let body = match terms.tokens.error_style {
        ErrorStyle::Problem => problem(),
        _ => ObjectBuilder::new().property(key, text("Why, in one text for one reason.")).required(key),
    };
    let body = body.property("errors", errors).description(Some("A request that is not done, and why."));
    body.additional_properties(Some(AdditionalProperties::FreeForm(false))).build().into()
}

/// RFC 9457.
fn problem() -> ObjectBuilder {
    let text = |says: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(says));
    let status = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(400)).maximum(Some(599));
    let problem = ObjectBuilder::new()
        .property("type", text("No more than the status says.").enum_values(Some(["about:blank"])))
        .property("title", text("The status in words."))
        .property("status", status.description(Some("The status.")))
        .property("detail", text("Why, in one text for one reason."));
    ["type", "title", "status", "detail"].into_iter().fold(problem, ObjectBuilder::required)
}

/// The member of a refusal's body that says why.
fn text_member(terms: &Terms) -> &str {
    match terms.tokens.error_style {
        ErrorStyle::Problem => "detail",
        _ => &terms.tokens.error_message_key,
    }
}

fn refusal_media_type(terms: &Terms) -> &'static str {
    match terms.tokens.error_style {
        ErrorStyle::Problem => "application/problem+json",
        _ => JSON,
    }
}

/// What a status means here.
fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request is not well formed.",
        StatusCode::UNAUTHORIZED => "Nobody knows who asks: there is no token, or none that holds.",
        StatusCode::FORBIDDEN => "Whoever asks may not.",
        StatusCode::NOT_FOUND => "It is not there.",
        StatusCode::REQUEST_TIMEOUT => "The body took too long.",
        StatusCode::CONFLICT => "It cannot be as things are.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The body is no JSON.",
        StatusCode::UNPROCESSABLE_ENTITY => "What was sent is missing something, or is invalid.",
        StatusCode::TOO_MANY_REQUESTS => "There were too many tries. Nothing has happened.",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "The head of the request is too large.",
        StatusCode::INTERNAL_SERVER_ERROR => "A defect; the request id leads to it in the log.",
        StatusCode::SERVICE_UNAVAILABLE => {
            "The same request may succeed later. Nothing is known to have happened; it never stands for work that is \
             half done."
        }
        _ => "",
    }
}

/// A text as the name of an example: small letters, digits and hyphens.
fn name_of_example(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// What is there without waiting for anything, as the bodies of refusals are.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

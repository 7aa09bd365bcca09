//! The description of all routes (OpenAPI 3.1), made with them: a route is added with what it is for.
//!
//! It tells what this configuration does, from the terms of the service.

mod about;
mod answers;
pub(super) mod fields;
mod guards;

use std::{
    collections::BTreeMap,
    future::{self, Ready},
    sync::{Arc, OnceLock},
};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderName, Method, StatusCode, header},
};
use utoipa::openapi::{
    Components, ComponentsBuilder, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem,
    PathsBuilder, Ref, RefOr, Response, Server,
    path::{HttpMethod, Operation as Described},
    schema::{AdditionalProperties, ObjectBuilder, Schema},
    tag::TagBuilder,
};

pub(super) use about::{About, Asks, Group, Operation};
pub(super) use guards::Asked;

use super::rules::{Added, Public};
use crate::state::{AppState, Terms};

/// The media type of bodies and answers.
const JSON: &str = "application/json";

const ABOUT: &str = "Users, login, refresh and revocation over HTTP.

A token is sent as the security schemes say. Every refusal has one shape, `Refusal`; its text is one of a fixed set. \
Answers carry `X-Request-Id`, by which the log knows the request.

Store the new refresh token before you use the new access token: then no lost answer can log you out.";

/// `GET /openapi.json`
pub(super) const DOCUMENT: About = About {
    id: "describe",
    group: Group::Service,
    does: "This description",
    more: |it| {
        let document = ObjectBuilder::new().required("openapi").required("info").required("paths");
        let says = "An OpenAPI document of what this service does with its configuration; it changes with a restart only.";
        it.gives_other(StatusCode::OK, JSON, document.build(), says)
    },
};

/// The document as it is served: made when somebody asks for it first, since a start has no time and no memory for it, and
/// the same bytes to everybody from there on.
#[derive(Clone, Default)]
pub(super) struct Document(Arc<Parts>);

#[derive(Default)]
struct Parts {
    /// All routes, when they are known.
    routes: OnceLock<Vec<Added>>,
    json: OnceLock<Bytes>,
}

/// The document, and what it is.
type Served = ([(HeaderName, &'static str); 1], Bytes);

impl Document {
    /// Tells it of all routes.
    pub(super) fn describes(&self, routes: &[Added]) {
        // There is one for each service: what is there stays.
        let _ = self.0.routes.set(routes.to_vec());
    }

    /// The handler that answers with it.
    pub(super) fn handler(
        &self,
    ) -> impl Fn(Public, State<AppState>) -> Ready<Served> + Clone + Send + Sync + 'static {
        let document = self.0.clone();
        move |_, State(state)| {
            let json = document.json.get_or_init(|| {
                let routes = document.routes.get().map_or(&[][..], Vec::as_slice);
                of(routes, state.terms()).to_json().unwrap_or_default().into()
            });
            future::ready(([(header::CONTENT_TYPE, JSON)], json.clone()))
        }
    }
}

/// The description of routes on some terms.
pub(super) fn of(routes: &[Added], terms: &Terms) -> OpenApi {
    let mut schemas = vec![(answers::REFUSAL.to_owned(), answers::refusal_schema(terms).into())];
    let mut described = Vec::new();
    for added in routes {
        let operation = Operation::new(terms, &added.route.method);
        let operation = (added.about.more)((added.asks)(operation));
        let (operation, own) = operation.described(&added.about);
        schemas.extend(own);
        described.push((added.route.path, method(&added.route.method), operation));
    }
    let common = share_answers(&mut described);
    let paths = described.into_iter().fold(PathsBuilder::new(), |paths, (path, method, operation)| {
        paths.path(path, PathItem::new(method, operation))
    });
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([Server::new("/")]))
        .tags(Some(
            Group::ALL.map(|group| {
                TagBuilder::new().name(group.name()).description(Some(group.describe())).build()
            }),
        ))
        .paths(paths)
        .components(Some(components(terms, schemas, common)))
        .build()
}

fn info() -> Info {
    let licence = env!("CARGO_PKG_LICENSE");
    let licence = LicenseBuilder::new().name(licence).identifier(Some(licence)).build();
    InfoBuilder::new()
        .title("portcullis")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(licence))
        .build()
}

fn method(method: &Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// Puts each answer that several operations have in one place, under the name of its status: of those of one status the
/// one that most have.
fn share_answers(operations: &mut [(&'static str, HttpMethod, Described)]) -> Vec<(String, Response)> {
    let mut by_status: BTreeMap<String, Vec<(usize, Response)>> = BTreeMap::new();
    for (.., operation) in operations.iter() {
        for (status, answer) in &operation.responses.responses {
            let RefOr::T(answer) = answer else { continue };
            let answers = by_status.entry(status.clone()).or_default();
            match answers.iter_mut().find(|(_, before)| before == answer) {
                Some((times, _)) => *times += 1,
                None => answers.push((1, answer.clone())),
            }
        }
    }
    let shared = by_status.into_iter().filter_map(|(status, answers)| {
        let (times, answer) = answers.into_iter().rev().max_by_key(|(times, _)| *times)?;
        let reason = StatusCode::from_bytes(status.as_bytes()).ok()?.canonical_reason()?;
        (times > 1).then(|| (status, reason.replace(' ', ""), answer))
    });
    let shared: Vec<_> = shared.collect();
    for (.., operation) in operations {
        for (status, name, shared) in &shared {
            if let Some(answer) = operation.responses.responses.get_mut(status)
                && matches!(answer, RefOr::T(answer) if answer == shared)
            {
                *answer = RefOr::Ref(Ref::from_response_name(name));
            }
        }
    }
    shared.into_iter().map(|(_, name, answer)| (name, answer)).collect()
}

fn components(
    terms: &Terms,
    schemas: Vec<(String, RefOr<Schema>)>,
    answers: Vec<(String, Response)>,
) -> Components {
    let all = ComponentsBuilder::new();
    let all = schemas.into_iter().fold(all, |all, (name, schema)| all.schema(name, closed(schema)));
    let all = answers.into_iter().fold(all, |all, (name, answer)| all.response(name, answer));
    let all = answers::headers().into_iter().fold(all, |all, (name, header)| all.header(name, header));
    let ways = guards::schemes(terms).into_iter();
    ways.fold(all, |all, (name, scheme)| all.security_scheme(name, scheme)).build()
}

/// A schema of what is answered: an object has what its type has, and nothing else.
fn closed(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) if !object.properties.is_empty() => {
            let nothing = || Box::new(AdditionalProperties::FreeForm(false));
            object.additional_properties.get_or_insert_with(nothing);
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}

//! What a route is for, as its clients read it: written beside its handler, and needed to add it.
//!
//! Only what nobody could tell from types is written down. What follows from the arguments of a handler each of them says
//! by [`Asks`]: a guard which tokens it takes and how it refuses, a body how it may be wrong. Refusals are not described but
//! shown: each is made as a request would meet it, in the style of this configuration.

use std::time::Duration;

use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::Response,
};
use utoipa::{
    ToSchema,
    openapi::{
        Content, Ref, RefOr, Required,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{AdditionalProperties, Object, ObjectBuilder, Schema},
        security::SecurityRequirement,
    },
};

use super::{JSON, answers::Answers};
use crate::{
    accounts::{AccountsError, Client},
    http::error::Refusal,
    state::{AppState, Terms},
};

/// What a route is for.
#[derive(Clone)]
pub(in crate::http) struct About {
    /// The operation's name in programs that are made from the document: it stays.
    pub(in crate::http) id: &'static str,
    /// What it stands among.
    pub(in crate::http) group: Group,
    /// What it does, in a few words.
    pub(in crate::http) does: &'static str,
    /// All else, on the terms of a service.
    pub(in crate::http) more: fn(Operation<'_>) -> Operation<'_>,
}

/// What operations stand among.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Group {
    Tokens,
    Account,
    Administration,
    Service,
    Tests,
}

impl Group {
    pub(super) const ALL: [Self; 5] =
        [Self::Tokens, Self::Account, Self::Administration, Self::Service, Self::Tests];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "Tokens",
            Self::Account => "Account",
            Self::Administration => "Administration",
            Self::Service => "Service",
            Self::Tests => "Tests",
        }
    }

    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Tokens => "Register, log in, refresh, log out: how tokens are come by and ended.",
            Self::Account => "What people see of themselves and do with their sessions and passwords.",
            Self::Administration => {
                "What administrators see and do. Both the token and the store have to say that somebody is one; what \
                 changes something takes a fresh access token."
            }
            Self::Service => "For those who run the service, and for programs that find out what it does.",
            Self::Tests => "Two resources to try a client with: an open one and a guarded one.",
        }
    }
}

/// What an argument of a handler asks of clients, and how it refuses them.
#[diagnostic::on_unimplemented(
    message = "nobody has said what this argument of a handler asks of clients",
    note = "implement `Asks`, empty where it asks nothing of them"
)]
pub(in crate::http) trait Asks {
    /// Adds it to the operation's description.
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        operation
    }
}

impl Asks for State<AppState> {}

impl Asks for Client {}

/// An operation whose description is in the making.
pub(in crate::http) struct Operation<'t> {
    pub(super) terms: &'t Terms,
    pub(super) method: &'t Method,
    pub(super) security: Vec<SecurityRequirement>,
    pub(super) answers: Answers<'t>,
    texts: Vec<String>,
    parameters: Vec<Parameter>,
    body: Option<(Object, Required)>,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl<'t> Operation<'t> {
    pub(super) fn new(terms: &'t Terms, method: &'t Method) -> Self {
        Self {
            terms,
            method,
            security: Vec::new(),
            answers: Answers::of_every_request(terms),
            texts: Vec::new(),
            parameters: Vec::new(),
            body: None,
            schemas: Vec::new(),
        }
    }

    /// The terms of the service, for what depends on them.
    pub(in crate::http) fn terms(&self) -> &'t Terms {
        self.terms
    }

    /// Says more, a paragraph in Markdown.
    pub(in crate::http) fn says(mut self, text: impl Into<String>) -> Self {
        self.texts.push(text.into());
        self
    }

    /// Says something where it is so.
    pub(in crate::http) fn only(self, condition: bool, then: impl FnOnce(Self) -> Self) -> Self {
        if condition { then(self) } else { self }
    }

    /// A parameter of the path.
    pub(in crate::http) fn in_path(self, name: &str, says: &str, schema: impl Into<Schema>) -> Self {
        self.parameter(ParameterIn::Path, Required::True, name, says, schema.into())
    }

    /// A parameter of the query, which may be missing.
    pub(in crate::http) fn in_query(self, name: &str, says: &str, schema: impl Into<Schema>) -> Self {
        self.parameter(ParameterIn::Query, Required::False, name, says, schema.into())
    }

    fn parameter(
        mut self,
        place: ParameterIn,
        required: Required,
        name: &str,
        says: &str,
        schema: Schema,
    ) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(required);
        self.parameters.push(parameter.description(Some(says)).schema(Some(schema)).build());
        self
    }

    /// A field of the body that has to be there.
    pub(in crate::http) fn takes(self, name: &str, field: impl Into<Schema>) -> Self {
        self.with_body(Required::True, |body| body.property(name, field.into()).required(name))
    }

    /// A field of the body that may be missing.
    pub(in crate::http) fn may_take(self, name: &str, field: impl Into<Schema>) -> Self {
        self.with_body(Required::True, |body| body.property(name, field.into()))
    }

    /// Says that any other field is refused.
    pub(in crate::http) fn takes_nothing_else(self) -> Self {
        let nothing = AdditionalProperties::FreeForm(false);
        self.with_body(Required::True, |body| body.additional_properties(Some(nothing)))
    }

    /// Says that at least one field has to be there.
    pub(in crate::http) fn takes_something(mut self) -> Self {
        if let Some((body, _)) = &mut self.body {
            body.min_properties = Some(1);
        }
        self
    }

    /// A member that the body has, if there is one; it makes none necessary.
    pub(super) fn may_have_member(self, name: &str, field: impl Into<Schema>) -> Self {
        self.with_body(Required::False, |body| body.property(name, field.into()))
    }

    fn with_body(mut self, required: Required, change: impl FnOnce(ObjectBuilder) -> ObjectBuilder) -> Self {
        let (body, before) = self.body.take().unwrap_or_default();
        let required = if before == Required::True { before } else { required };
        self.body = Some((change(ObjectBuilder::from(body)).build(), required));
        self
    }

    /// The answer to a request that is done, of a type that is serialised.
    pub(in crate::http) fn gives<T: ToSchema>(mut self, status: StatusCode, says: &str) -> Self {
        T::schemas(&mut self.schemas);
        self.gives_a(&T::name(), T::schema(), status, says)
    }

    /// The same, where the terms decide what a type looks like.
    pub(in crate::http) fn gives_a(
        mut self,
        name: &str,
        schema: RefOr<Schema>,
        status: StatusCode,
        says: &str,
    ) -> Self {
        self.schemas.push((name.to_owned(), schema));
        let schema = RefOr::Ref(Ref::from_schema_name(name));
        self.answers.done(status, says, Some((JSON, schema)));
        self
    }

    /// An answer of another media type than JSON.
    pub(in crate::http) fn gives_other(
        mut self,
        status: StatusCode,
        media_type: &'static str,
        schema: impl Into<Schema>,
        says: &str,
    ) -> Self {
        self.answers.done(status, says, Some((media_type, RefOr::T(schema.into()))));
        self
    }

    /// An answer without a body.
    pub(in crate::http) fn gives_nothing(mut self, says: &str) -> Self {
        self.answers.done(StatusCode::NO_CONTENT, says, None);
        self
    }

    /// A header that an answer may have.
    pub(in crate::http) fn with_header(
        mut self,
        status: StatusCode,
        name: &'static str,
        says: &str,
        schema: impl Into<Schema>,
    ) -> Self {
        self.answers.may_have(status, name, says, schema.into());
        self
    }

    /// A refusal, as a client would get it.
    pub(in crate::http) fn refuses(mut self, refusal: impl Into<Refusal>) -> Self {
        self.answers.refused(refusal.into().write(self.terms.jwt()));
        self
    }

    /// A refusal that a guard writes itself.
    pub(in crate::http) fn answers(mut self, refusal: Response) -> Self {
        self.answers.refused(refusal);
        self
    }

    /// The refusal of one try too many, where there are limits.
    pub(in crate::http) fn limited(self) -> Self {
        let (limited, retry_after) = (self.terms.limited, Duration::from_secs(12));
        self.only(limited, |it| it.refuses(AccountsError::Limited { retry_after }))
    }

    /// The whole, and the schemas that it refers to.
    pub(super) fn described(
        self,
        about: &About,
    ) -> (utoipa::openapi::path::Operation, Vec<(String, RefOr<Schema>)>) {
        let operation = OperationBuilder::new()
            .operation_id(Some(about.id))
            .tag(about.group.name())
            .summary(Some(about.does))
            .description((!self.texts.is_empty()).then(|| self.texts.join("\n\n")))
            .responses(self.answers.described());
        let operation = self.parameters.into_iter().fold(operation, OperationBuilder::parameter);
        let operation = self.security.into_iter().fold(operation, OperationBuilder::security);
        let operation = match self.body {
            None => operation,
            Some((body, required)) => {
                let content = Content::new(Some(Schema::Object(body)));
                let body = RequestBodyBuilder::new().content(JSON, content).required(Some(required));
                operation.request_body(Some(body.build()))
            }
        };
        (operation.build(), self.schemas)
    }
}

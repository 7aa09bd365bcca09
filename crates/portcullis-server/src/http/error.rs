//! Every refusal of the service: what each room's errors mean to a client, in one table, and how they are said.
//!
//! A handler answers with a [`Refusal`]; the outermost layer writes it in the configured style. So a refusal
//! looks the same wherever it comes from, and its cause, which is for the log, has no way into a body.

use std::{borrow::Cow, collections::BTreeMap, error::Error, sync::Arc, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use portcullis::JwtManager;

use crate::accounts::{AccountsError, Cause};

/// What is wrong with which field or parameter; each may have several problems. A name that is not known is the client's.
pub(super) type FieldProblems = BTreeMap<Cow<'static, str>, Vec<String>>;

/// A request that is not done, and what its client is told.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: &'static str,
    fields: FieldProblems,
    /// In how many seconds the same request may be made again, where that is known.
    retry_after: Option<u64>,
    /// For the log, once; never for the client.
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text, fields: FieldProblems::new(), retry_after: None, cause: None }
    }

    /// What is wrong with the fields of a body, all of it.
    pub(super) fn fields(fields: FieldProblems) -> Self {
        Self { fields, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Some fields are missing or invalid") }
    }

    /// What is wrong with the parameters of an address, all of it.
    pub(super) fn params(params: FieldProblems) -> Self {
        let text = "Some parameters are not known or invalid";
        Self { fields: params, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, text) }
    }

    /// 500: a defect of ours.
    pub(super) fn defect(cause: impl Into<Cause>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here").caused_by(cause)
    }

    /// 503: the same request may succeed later.
    pub(super) fn unavailable() -> Self {
        let refusal =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "The service is not available at the moment");
        Self { retry_after: Some(1), ..refusal }
    }

    /// 429: the same request may be made again in a while. Whatever was limited, the text is one.
    fn too_many(retry_after: Duration) -> Self {
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many tries: wait before the next one");
        Self { retry_after: Some(retry_after.as_secs()), ..refusal }
    }

    pub(super) fn caused_by(self, cause: impl Into<Cause>) -> Self {
        Self { cause: Some(Arc::from(cause.into())), ..self }
    }

    pub(super) fn cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    /// Writes the refusal in the style of the tokens' manager, with its scheme in the challenge.
    pub(super) fn write(&self, jwt: &JwtManager) -> Response {
        let format = jwt.error_format();
        let mut response = if self.fields.is_empty() {
            format.response(self.status, self.text)
        } else {
            format.response_with(self.status, self.text, &self.fields)
        };
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_str(jwt.scheme());
            headers.extend(scheme.ok().map(|scheme| (header::WWW_AUTHENTICATE, scheme)));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for Refusal {
    /// The bare status, with the refusal beside it for the outermost layer.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AccountsError> for Refusal {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::RegistrationClosed => Self::new(StatusCode::FORBIDDEN, "Registration is closed"),
            AccountsError::NameTaken => Self::new(StatusCode::CONFLICT, "The username is taken"),
            AccountsError::BadCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "Wrong username or password")
            }
            AccountsError::Limited { retry_after } => Self::too_many(retry_after),
            AccountsError::SessionOver => Self::new(StatusCode::UNAUTHORIZED, "The session is over"),
            AccountsError::NotAllowed => Self::new(StatusCode::FORBIDDEN, "Only administrators may do this"),
            AccountsError::BadSetupSecret => {
                Self::new(StatusCode::UNAUTHORIZED, "The setup secret is wrong, used or expired")
            }
            AccountsError::AlreadySetUp => {
                Self::new(StatusCode::CONFLICT, "There is an administrator already")
            }
            AccountsError::NoSuchUser => Self::new(StatusCode::NOT_FOUND, "There is no such user"),
            AccountsError::NoSuchSession => Self::new(StatusCode::NOT_FOUND, "There is no such session"),
            AccountsError::LastAdmin => {
                Self::new(StatusCode::CONFLICT, "The last administrator cannot be taken away")
            }
            AccountsError::UnknownCursor => {
                let problem = "is not a cursor that this service gave out".to_owned();
                Self::params(FieldProblems::from([("after".into(), vec![problem])]))
            }
            AccountsError::NoTokenId => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "The token has no jti and cannot be revoked")
            }
            AccountsError::Unavailable(cause) => Self::unavailable().caused_by(cause),
            AccountsError::Defect(cause) => Self::defect(cause),
        }
    }
}

/// A route that does not exist.
pub(super) async fn not_found() -> Refusal {
    nothing_here()
}

/// 404: no route, and no file.
pub(super) fn nothing_here() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "There is nothing at this address")
}

/// A route that exists, for other methods: the router adds `Allow`.
pub(super) async fn method_not_allowed() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not take this method")
}

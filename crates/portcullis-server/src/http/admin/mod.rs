//! `/admin`: what administrators see and do, and who is one.

pub(super) mod audit;
pub(super) mod sessions;
pub(super) mod setup;
pub(super) mod users;

use std::ops::Deref;

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use portcullis::{AuthError, AuthRejection, FreshJwt, Guard, Jwt, JwtManager, Permission};

use super::{
    client::client,
    error::Refusal,
    openapi::{Asked, Asks, Operation, fields},
    passage::Passage,
};
use crate::{
    accounts::{AccountsError, By},
    model::{Access, SessionId, UserId},
    state::AppState,
};

/// An administrator, by the token and by what the store knows now.
pub(super) type Admin = Administrator<Jwt>;

/// One who has shown the password lately: for what a stolen token alone must not do.
pub(super) type FreshAdmin = Administrator<FreshJwt>;

/// Refused as the guard of the token is; 403 for everybody of a lower level, which is an event; 401 for a user who is
/// gone or disabled.
pub(super) struct Administrator<G> {
    by: By,
    _token: G,
}

impl<G> Deref for Administrator<G> {
    type Target = By;

    fn deref(&self) -> &By {
        &self.by
    }
}

impl<G> FromRequestParts<AppState> for Administrator<G>
where
    G: Guard + FromRequestParts<AppState, Rejection = AuthRejection> + Send,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let token = G::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        let (client, accounts) = (client(parts, state), state.accounts());
        let admin = match token.permit(&Permission::at_least("access", Access::Admin.level().into())) {
            Ok(()) => accounts.administrator(token.verified(), &client).await,
            Err(_) => Err(AccountsError::NotAllowed),
        };
        match admin {
            Ok(by) => Ok(Self { by, _token: token }),
            Err(AccountsError::NotAllowed) => {
                accounts.note_refused(token.verified(), &client, &route(parts)).await;
                Err(not_allowed(state.jwt()))
            }
            Err(error) => Err(Refusal::from(error).into_response()),
        }
    }
}

impl Asks for Admin {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        for_administrators(operation, Asked::Access)
    }
}

impl Asks for FreshAdmin {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        for_administrators(operation, Asked::FreshAccess)
    }
}

fn for_administrators(operation: Operation<'_>, asked: Asked) -> Operation<'_> {
    let not_allowed = not_allowed(operation.terms().jwt());
    operation.guarded(asked, &["admin"]).answers(not_allowed).refuses(AccountsError::SessionOver)
}

/// As the library refuses who lacks a permission.
fn not_allowed(jwt: &JwtManager) -> Response {
    AuthRejection::new(AuthError::InsufficientScope, jwt.clone()).into_response()
}

/// The method and the route's pattern.
fn route(parts: &Parts) -> String {
    let path = Passage::of(&parts.extensions).and_then(Passage::pattern).unwrap_or("unknown");
    format!("{} {path}", parts.method)
}

/// The user that a path names: 404 for a path that is no text, as for every id that nobody has.
pub(super) struct UserAt(UserId);

impl FromRequestParts<AppState> for UserAt {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refusal> {
        let Ok(Path(id)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(AccountsError::NoSuchUser.into());
        };
        Ok(Self(UserId::new(id)))
    }
}

impl Asks for UserAt {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        operation.in_path("id", "The user.", fields::id()).refuses(AccountsError::NoSuchUser)
    }
}

/// The session of a user that a path names.
pub(super) struct SessionAt(UserId, SessionId);

impl FromRequestParts<AppState> for SessionAt {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refusal> {
        let Ok(Path((user, session))) = Path::<(String, String)>::from_request_parts(parts, state).await
        else {
            return Err(AccountsError::NoSuchSession.into());
        };
        Ok(Self(UserId::new(user), SessionId::new(session)))
    }
}

impl Asks for SessionAt {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        operation
            .in_path("id", "The user.", fields::id())
            .in_path("session", "The session.", fields::id())
            .refuses(AccountsError::NoSuchUser)
            .refuses(AccountsError::NoSuchSession)
    }
}

/// What lists have in common.
fn listed(operation: Operation<'_>) -> Operation<'_> {
    operation
        .in_query("limit", "How many at most.", fields::limit(PAGE, LONGEST_PAGE))
        .in_query("after", "The `next` of the page before, with the same other parameters.", fields::cursor())
        .refuses(AccountsError::UnknownCursor)
}

/// How much of a list is asked for.
const PAGE: usize = 50;

/// How much of a list is given at most.
const LONGEST_PAGE: usize = 200;

/// Reads the parameter `limit`.
fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    limit.ok_or_else(|| format!("must be a number from 1 to {LONGEST_PAGE}"))
}

/// Nothing was asked for that could be changed.
fn nothing_to_change() -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "There is nothing to change in the body")
}

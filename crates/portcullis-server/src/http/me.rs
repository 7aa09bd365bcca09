//! `/users/me`: what people see of themselves and do with their sessions.

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use portcullis::{AuthError, AuthRejection, Claims, FreshJwt, Jwt, NumericDate, Require, Verified};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    cookies,
    error::Refusal,
    extract::Form,
    openapi::{About, Asked, Asks, Group, Operation, fields},
    tokens::{Handed, Handing, Known, Tokens},
};
use crate::{
    accounts::{AccountsError, Client},
    model::{Password, SessionId},
    state::AppState,
};

/// A user as the user sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    id: String,
    /// The name, in its owner's spelling.
    #[schema(examples("alice"))]
    username: String,
    #[schema(schema_with = fields::access)]
    access: u8,
    /// Seconds since 1970.
    #[schema(examples(1_900_000_000))]
    created_at: i64,
}

/// `GET /users/me`
pub(super) async fn me(token: Jwt, State(state): State<AppState>) -> Result<Json<Me>, Refusal> {
    let user = state.accounts().user_of(&token).await?;
    Ok(Json(Me {
        id: user.id.as_str().to_owned(),
        access: user.access.level(),
        created_at: NumericDate::from(user.created_at).seconds(),
        username: user.username,
    }))
}

pub(super) const ME: About = About {
    id: "readMe",
    group: Group::Account,
    does: "See who one is",
    more: |it| it.gives::<Me>(StatusCode::OK, "The user of the token.").refuses(AccountsError::SessionOver),
};

/// One's own sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = MySessions)]
pub(super) struct Sessions {
    sessions: Vec<OwnSession>,
}

/// A session as its owner sees it; times in seconds since 1970.
#[derive(Serialize, ToSchema)]
#[schema(as = MySession)]
struct OwnSession {
    id: String,
    /// Whether this is the session that asks.
    current: bool,
    /// The `User-Agent` of the login.
    #[schema(required, max_length = 200)]
    device: Option<String>,
    opened_at: i64,
    last_used: i64,
    /// When it ends if it is not refreshed until then.
    expires_at: i64,
}

/// `GET /users/me/sessions`
pub(super) async fn sessions(token: Jwt, State(state): State<AppState>) -> Result<Json<Sessions>, Refusal> {
    let own = token.session().map(|session| session.id.to_owned());
    let sessions = state.accounts().sessions(&token).await?.into_iter().map(|session| OwnSession {
        current: own.as_deref() == Some(session.id.as_str()),
        id: session.id.as_str().to_owned(),
        opened_at: NumericDate::from(session.opened_at).seconds(),
        last_used: NumericDate::from(session.last_used).seconds(),
        expires_at: session.expires_at().seconds(),
        device: session.device,
    });
    Ok(Json(Sessions { sessions: sessions.collect() }))
}

pub(super) const SESSIONS: About = About {
    id: "listMySessions",
    group: Group::Account,
    does: "List one's own living sessions",
    more: |it| {
        it.gives::<Sessions>(StatusCode::OK, "The sessions, the most recently used first.")
            .refuses(AccountsError::SessionOver)
    },
};

/// Whoever ends a session of his own: by an access token that lives. To end its own session, as a logout does, also by one
/// that was revoked: a client that does not know what became of its request repeats it.
pub(super) struct Ending {
    token: Verified,
    /// None for a path that is no text.
    session: Option<String>,
}

impl FromRequestParts<AppState> for Ending {
    type Rejection = Response;

    async fn from_request_parts(request: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let path = Path::<String>::from_request_parts(request, state).await;
        let (jwt, session) = (state.jwt(), path.ok().map(|Path(id)| id));
        let token = match jwt.verify_request(request, Require::access()).await {
            Err(AuthError::Revoked) => {
                let revoked = jwt.verify_request(request, Require::access().even_revoked()).await;
                revoked.and_then(|token| match &session {
                    Some(id) if is_of(&token, id) => Ok(token),
                    _ => Err(AuthError::Revoked),
                })
            }
            verdict => verdict,
        };
        let refused = |error| AuthRejection::new(error, jwt.clone()).into_response();
        Ok(Self { token: token.map_err(refused)?, session })
    }
}

impl Asks for Ending {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        operation.guarded(Asked::Access, &[]).in_path("id", "The session.", fields::id())
    }
}

/// `DELETE /users/me/sessions/{id}`
pub(super) async fn end_session(
    Ending { token, session }: Ending,
    State(state): State<AppState>,
    client: Client,
) -> Result<Response, Refusal> {
    let id = session.ok_or(AccountsError::NoSuchSession)?;
    let is_own = is_of(&token, &id);
    state.accounts().end_own_session(&token, &SessionId::new(id), &client).await?;
    if is_own {
        return cookies::session_is_over(state.jwt(), token.location());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) const END_SESSION: About = About {
    id: "endMySession",
    group: Group::Account,
    does: "End one of one's own sessions",
    more: |it| {
        it.gives_nothing("Its tokens are refused from now on. The same request again has the same answer.")
            .takes_away()
            .refuses(AccountsError::NoSuchSession)
            .refuses(AccountsError::SessionOver)
    },
};

fn is_of(token: &Claims, id: &str) -> bool {
    token.session().is_some_and(|session| session.id == id)
}

/// `POST /users/me/fresh`
pub(super) async fn fresh(
    token: Jwt,
    State(state): State<AppState>,
    client: Client,
    mut form: Form,
) -> Result<Handed, Refusal> {
    let Some(password) = form.text("password", Password::parse) else { return Err(form.refused()) };
    let fresh = state.accounts().freshen(&token, password, &client).await?;
    Tokens::hand_out(&state, token.location(), (fresh.access, fresh.expires_in), None)
}

pub(super) const FRESH: About = About {
    id: "freshen",
    group: Group::Account,
    does: "Get a fresh access token for one's password",
    more: |it| {
        it.takes("password", fields::password())
            .hands_out(Handing::AccessAlone, StatusCode::OK, "A fresh access token of the same session.")
            .refuses(AccountsError::BadCredentials)
            .refuses(AccountsError::SessionOver)
            .limited()
    },
};

/// `PUT /users/me/password`
pub(super) async fn change_password(
    token: FreshJwt,
    State(state): State<AppState>,
    client: Client,
    mut form: Form,
) -> Result<(StatusCode, Known), Refusal> {
    let policy = state.accounts().policy().password;
    let owner = state.accounts().user_of(&token).await?.username;
    let present = form.text("password", Password::parse);
    let new = form.text("new_password", |text| Password::choose(text, policy, Some(&owner)));
    let (Some(present), Some(new)) = (present, new) else { return Err(form.refused()) };
    let device = state.accounts().change_password(&token, present, new, &client).await?;
    Ok((StatusCode::NO_CONTENT, cookies::set_device(device, token.location(), &state)?))
}

pub(super) const CHANGE_PASSWORD: About = About {
    id: "changePassword",
    group: Group::Account,
    does: "Change one's password",
    more: |it| {
        let terms = it.terms();
        it.says("All other sessions of the user end; this one goes on with the tokens that it has.")
            .takes("password", fields::password())
            .takes("new_password", fields::new_password(terms))
            .gives_nothing("The new password holds. The same request again has the same answer.")
            .makes_known(StatusCode::NO_CONTENT)
            .refuses(AccountsError::BadCredentials)
            .refuses(AccountsError::SessionOver)
            .limited()
    },
};

//! `/users`: registration, login, refresh, logout.

use axum::{
    extract::{FromRequestParts, Query, State},
    http::{HeaderName, HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use portcullis::{AuthError, AuthRejection, RefreshJwt, Require, Verified};

use super::{
    client::client,
    cookies,
    error::Refusal,
    extract::Form,
    openapi::{About, Asked, Asks, Group, Operation, fields},
    rules::Public,
    tokens::{Handed, Handing, Known, Tokens},
};
use crate::{
    accounts::{AccountsError, Client, LoggedIn, LogoutScope, RepeatReason},
    model::{LoginName, Password, Username},
    state::AppState,
};

/// Says why a refresh did not yield the next pair: `concurrent` or `lost-answer`.
pub(super) const REFRESH_REPEAT: HeaderName = HeaderName::from_static("refresh-repeat");

/// `POST /users/registration`
pub(super) async fn register(
    _: Public,
    State(state): State<AppState>,
    client: Client,
    mut form: Form,
) -> Result<(StatusCode, Known, Handed), Refusal> {
    let Some((username, password)) = chosen(&mut form, &state) else { return Err(form.refused()) };
    let LoggedIn { pair, device } = state.accounts().register(username, password, &client).await?;
    Ok((StatusCode::CREATED, cookies::set_device(device, None, &state)?, Tokens::pair(&state, None, pair)?))
}

pub(super) const REGISTER: About = About {
    id: "register",
    group: Group::Tokens,
    does: "Register, and be logged in",
    more: |it| {
        let terms = it.terms();
        it.takes("username", fields::new_name())
            .takes("password", fields::new_password(terms))
            .says("Members that are not named here are ignored.")
            .only(!terms.registration_open, |it| {
                it.says("**Registration is closed here**: only administrators make users.")
                    .refuses(AccountsError::RegistrationClosed)
            })
            .only(terms.registration_open, |it| {
                it.hands_out(Handing::Pair, StatusCode::CREATED, "The first pair of tokens of a new session.")
                    .makes_known(StatusCode::CREATED)
                    .refuses(AccountsError::NameTaken)
                    .refuses(AccountsError::BadCredentials)
                    .limited()
            })
    },
};

/// The name and the password that somebody has chosen, for himself or for another.
pub(super) fn chosen(form: &mut Form, state: &AppState) -> Option<(Username, Password)> {
    let policy = state.accounts().policy().password;
    let username = form.text("username", Username::parse);
    let owner = username.as_ref().map(Username::as_str);
    let password = form.text("password", |text| Password::choose(text, policy, owner));
    username.zip(password)
}

/// `POST /users/login`
pub(super) async fn login(
    _: Public,
    State(state): State<AppState>,
    client: Client,
    mut form: Form,
) -> Result<(Known, Handed), Refusal> {
    let name = form.text("username", LoginName::parse);
    let password = form.text("password", Password::parse);
    let (Some(name), Some(password)) = (name, password) else {
        return Err(form.refused());
    };
    let LoggedIn { pair, device } = state.accounts().login(name, password, &client).await?;
    Ok((cookies::set_device(device, None, &state)?, Tokens::pair(&state, None, pair)?))
}

pub(super) const LOGIN: About = About {
    id: "logIn",
    group: Group::Tokens,
    does: "Log in",
    more: |it| {
        it.takes("username", fields::login_name())
            .takes("password", fields::password())
            .says("A wrong password and an unknown name have the same answer, after the same work.")
            .says("Members that are not named here are ignored.")
            .hands_out(Handing::Pair, StatusCode::OK, "The first pair of tokens of a new session.")
            .makes_known(StatusCode::OK)
            .refuses(AccountsError::BadCredentials)
            .limited()
    },
};

/// Whoever has a refresh token, as long as not too many were none that came from the same address.
pub(super) struct Refreshing(RefreshJwt);

impl FromRequestParts<AppState> for Refreshing {
    type Rejection = Response;

    async fn from_request_parts(request: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let (client, accounts) = (client(request, state), state.accounts());
        accounts.may_refresh(&client).map_err(|error| Refusal::from(error).into_response())?;
        let token = RefreshJwt::from_request_parts(request, state).await;
        token.map(Self).map_err(|rejection| {
            if is_of_a_token(rejection.error()) {
                accounts.note_failed_refresh(&client);
            }
            rejection.into_response()
        })
    }
}

impl Asks for Refreshing {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        operation.guarded(Asked::Refresh, &[]).limited()
    }
}

/// Whether a refusal says something of a token: not where there was none, as with a page that asks before anybody has
/// logged in, nor where another site would else use up what a user's address has left.
fn is_of_a_token(error: &AuthError) -> bool {
    use AuthError::{BodyTooLarge, BodyUnreadable, CrossSite, CsrfMissing, Missing, Unavailable};
    !matches!(error, Missing(_) | BodyTooLarge | BodyUnreadable | CrossSite | CsrfMissing | Unavailable(_))
}

/// `POST /users/refresh`: a refresh token for a pair.
pub(super) async fn refresh(
    Refreshing(token): Refreshing,
    State(state): State<AppState>,
    client: Client,
) -> Result<Response, Response> {
    let refreshed = match state.accounts().refresh(&token, &client).await {
        Ok(refreshed) => refreshed,
        // What it is to a client: a token that opens nothing any more.
        Err(AccountsError::SessionOver) => {
            return Err(AuthRejection::new(AuthError::Revoked, state.jwt().clone()).into_response());
        }
        Err(error) => return Err(Refusal::from(error).into_response()),
    };
    let pair = Tokens::pair(&state, token.location(), refreshed.pair).map_err(IntoResponse::into_response)?;
    let mut response = pair.into_response();
    if let Some(reason) = refreshed.repeat {
        let reason = match reason {
            RepeatReason::Concurrent => "concurrent",
            RepeatReason::LostAnswer => "lost-answer",
        };
        response.headers_mut().insert(REFRESH_REPEAT, HeaderValue::from_static(reason));
    }
    Ok(response)
}

pub(super) const REFRESH: About = About {
    id: "refresh",
    group: Group::Tokens,
    does: "Get the next pair of tokens",
    more: |it| {
        it.says(
            "Store the new refresh token before you use the new access token. The same request again gives the same \
             pair, for as long as `REFRESH_REUSE_WINDOW` says. A refresh token that was used before that, and whose \
             successor was used, ends the session: somebody has a copy.",
        )
        .hands_out(Handing::Pair, StatusCode::OK, "The next pair of the session, or the newest one again.")
        .with_header(
            StatusCode::OK,
            "Refresh-Repeat",
            "Why this is not the next pair: the newest one is given out again, or the answer that had it was lost.",
            fields::one_of(["concurrent", "lost-answer"]),
        )
    },
};

/// Whoever logs out: by any token that is genuine, as often as a client likes. More than its own session only a token can
/// end whose session lives.
pub(super) struct Leaving {
    token: Verified,
    scope: Option<LogoutScope>,
}

impl FromRequestParts<AppState> for Leaving {
    type Rejection = Response;

    async fn from_request_parts(request: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let scope = scope(request).map_err(IntoResponse::into_response)?;
        let require = match scope {
            None => Require::any().even_expired().even_revoked(),
            Some(_) => Require::any(),
        };
        let token = state.jwt().verify_request(request, require).await;
        let refused = |error| AuthRejection::new(error, state.jwt().clone()).into_response();
        Ok(Self { token: token.map_err(refused)?, scope })
    }
}

impl Asks for Leaving {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        let scopes = fields::one_of(["others", "all"]);
        operation
            .guarded(Asked::Any, &[])
            .in_query("scope", "Which sessions end instead of this one: the user's others, or all.", scopes)
            .refuses(unknown_scope())
    }
}

/// `POST /users/logout`
pub(super) async fn logout(
    Leaving { token, scope }: Leaving,
    State(state): State<AppState>,
    client: Client,
) -> Result<Response, Refusal> {
    let device = match scope {
        None => state.accounts().logout(&token, &client).await.map(|()| None)?,
        Some(scope) => state.accounts().logout_many(&token, scope, &client).await?,
    };
    if scope == Some(LogoutScope::Others) {
        let device = cookies::set_device(device, token.location(), &state)?;
        return Ok((StatusCode::NO_CONTENT, device).into_response());
    }
    cookies::session_is_over(state.jwt(), token.location())
}

pub(super) const LOGOUT: About = About {
    id: "logOut",
    group: Group::Tokens,
    does: "Log out",
    more: |it| {
        it.says(
            "Ends the session of the token, which may be expired or revoked: the same request again has the same \
             answer. With a `scope` the token's session has to live.",
        )
        .gives_nothing("The tokens of the session are refused from now on.")
        .takes_away()
        .makes_known(StatusCode::NO_CONTENT)
        .refuses(AccountsError::SessionOver)
        .refuses(AccountsError::NoTokenId)
    },
};

/// The parameter `scope` of a logout: `others` or `all`.
fn scope(request: &Parts) -> Result<Option<LogoutScope>, Refusal> {
    let Query(query) =
        Query::<Vec<(String, String)>>::try_from_uri(&request.uri).map_err(|_| unknown_scope())?;
    // A name that is nearly ours is meant to be: less would end than the client believes.
    let mut scopes = query.iter().filter(|(name, _)| name.eq_ignore_ascii_case("scope"));
    match (scopes.next(), scopes.next()) {
        (None, _) => Ok(None),
        (Some((name, scope)), None) if name == "scope" && scope == "others" => Ok(Some(LogoutScope::Others)),
        (Some((name, scope)), None) if name == "scope" && scope == "all" => Ok(Some(LogoutScope::All)),
        _ => Err(unknown_scope()),
    }
}

fn unknown_scope() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "The scope of a logout is \"others\" or \"all\"")
}

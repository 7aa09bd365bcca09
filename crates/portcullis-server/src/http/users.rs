//! `/users`: registration, login, refresh, logout.

use axum::{
    Json,
    extract::{FromRequestParts, Query, State},
    http::{HeaderName, HeaderValue, StatusCode, request::Parts},
    response::{AppendHeaders, IntoResponse, Response},
};
use portcullis::{AuthError, AuthRejection, Location, RefreshJwt, Require, SetCookies, Token, Verified};
use serde::Serialize;

use super::{client::client, cookies, error::Refusal, extract::Form, rules::Public};
use crate::{
    accounts::{AccountsError, Client, LoggedIn, LogoutScope, RepeatReason, TokenPair},
    model::{LoginName, Password, Username},
    state::AppState,
};

/// Tokens as a client gets them (RFC 6749 section 5.1); those that it gets in cookies are left out.
#[derive(Serialize)]
pub(super) struct Tokens {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    token_type: String,
    expires_in: i64,
    /// What has to stand beside the cookies, for pages that cannot read those that have it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_refresh_token: Option<String>,
}

/// An answer that hands tokens out.
pub(super) type Handed = (SetCookies, Json<Tokens>);

/// What the answer to a login has besides.
pub(super) type Known = AppendHeaders<Option<(HeaderName, HeaderValue)>>;

impl Tokens {
    /// Hands an access token out, and the refresh token of its pair; `presented` is where the request's own token was.
    pub(super) fn hand_out(
        state: &AppState,
        presented: Option<Location>,
        (access, expires_in): (Token, i64),
        refresh: Option<Token>,
    ) -> Result<Handed, Refusal> {
        let jwt = state.jwt();
        let tokens: Vec<&Token> = [Some(&access), refresh.as_ref()].into_iter().flatten().collect();
        let cookies = cookies::set(jwt, presented, &tokens)?;
        let in_body = !cookies::alone(jwt, presented);
        let csrf = |token: &Token| token.csrf().map(str::to_owned);
        let tokens = Self {
            csrf_access_token: csrf(&access),
            csrf_refresh_token: refresh.as_ref().and_then(csrf),
            access_token: in_body.then(|| access.into_string()),
            refresh_token: refresh.filter(|_| in_body).map(Token::into_string),
            token_type: jwt.scheme().to_owned(),
            expires_in,
        };
        Ok((cookies, Json(tokens)))
    }

    fn pair(state: &AppState, presented: Option<Location>, pair: TokenPair) -> Result<Handed, Refusal> {
        Self::hand_out(state, presented, (pair.access, pair.expires_in), Some(pair.refresh))
    }
}

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

/// The parameter `scope` of a logout: `others` or `all`.
fn scope(request: &Parts) -> Result<Option<LogoutScope>, Refusal> {
    let unknown = || Refusal::new(StatusCode::BAD_REQUEST, "The scope of a logout is \"others\" or \"all\"");
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&request.uri).map_err(|_| unknown())?;
    // A name that is nearly ours is meant to be: less would end than the client believes.
    let mut scopes = query.iter().filter(|(name, _)| name.eq_ignore_ascii_case("scope"));
    match (scopes.next(), scopes.next()) {
        (None, _) => Ok(None),
        (Some((name, scope)), None) if name == "scope" && scope == "others" => Ok(Some(LogoutScope::Others)),
        (Some((name, scope)), None) if name == "scope" && scope == "all" => Ok(Some(LogoutScope::All)),
        _ => Err(unknown()),
    }
}

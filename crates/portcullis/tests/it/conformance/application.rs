//! The application of a case: one route behind its guard, asked with the case's request.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts, Request, State},
    http::request::Parts,
    response::{IntoResponse as _, Response},
};
use portcullis::{
    AnyJwt, AuthRejection, Claims, CurrentUser, FreshJwt, Guard, Jwt, JwtManager, LoadUser, Location,
    RefreshJwt, Verified,
};
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use super::{
    answer::Got,
    case::Case,
    helpers, setup,
    tokens::{self, Minted},
};
use crate::common::clock;

/// What the handler answers from.
struct Seen {
    token: Option<Arc<Verified>>,
    user: Option<Value>,
}

#[derive(Clone, FromRef)]
struct App {
    jwt: JwtManager,
    users: Arc<dyn LoadUser<Value>>,
    #[from_ref(skip)]
    plan: Arc<Plan>,
}

struct Plan {
    guard: Option<Kind>,
    optional: bool,
    loads_user: bool,
    returns: String,
    tokens: Vec<(String, Minted)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    Fresh,
    Refresh,
    Any,
}

pub(super) async fn run(case: &Case<'_>) -> Got {
    match prepare(case) {
        Ok(app) => send(case, app).await,
        Err(why) => Got::Refused(why),
    }
}

fn prepare(case: &Case<'_>) -> Result<App, String> {
    let jwt = setup::manager(case, clock())?;
    let mut made = Vec::new();
    for (name, spec) in case.tokens() {
        made.push((name.clone(), tokens::make(case, spec)?));
    }
    let guard = match (case.guard_is("fresh"), case.guard_is("refresh"), case.verifies_type()) {
        _ if case.guard().is_none() => None,
        (false, false, true) => Some(Kind::Access),
        (true, false, true) => Some(Kind::Fresh),
        (false, true, true) => Some(Kind::Refresh),
        (false, _, false) => Some(Kind::Any),
        (true, ..) => return Err("fresh and another kind cannot be written".into()),
    };
    let lookup = case.hook("user_lookup").as_str().unwrap_or_default().to_owned();
    let loads_user = !lookup.is_empty();
    if !loads_user && case.returns().starts_with("current_user") && !case.guard_is("optional") {
        return Err("a current user without a loader cannot be written".into());
    }
    let users = move |claims: Arc<Claims>| {
        let user = match &*lookup {
            "echo" => Some(json!({"username": claims.identity()})),
            "false_value" => Some(Value::Bool(false)),
            _ => None,
        };
        std::future::ready(Ok::<_, Infallible>(user))
    };
    if let Some(given) = case.guard().and_then(|guard| guard.get("locations")) {
        let known = |name: &Value| serde_json::from_value::<Location>(name.clone()).is_ok();
        let all_known =
            given.is_null() || known(given) || given.as_array().is_some_and(|it| it.iter().all(known));
        all_known.then_some(()).ok_or("a place that does not exist cannot be written")?;
    }
    let (optional, returns) = (case.guard_is("optional"), case.returns().to_owned());
    let plan = Plan { guard, optional, loads_user, returns, tokens: made };
    Ok(App { jwt, users: Arc::new(users), plan: Arc::new(plan) })
}

/// Sends the request through the layer and, where an extractor can see as much, through an extractor: both
/// say the same.
async fn send(case: &Case<'_>, app: App) -> Got {
    let layered = through_layer(case, app.clone()).await;
    let needs_layer = ["locations", "skip_revocation_check"];
    let needs_layer = case.guard().is_some_and(|guard| needs_layer.iter().any(|it| guard.contains_key(*it)));
    let reads_body =
        case.config().get("JWT_TOKEN_LOCATION").is_some_and(|it| it.to_string().contains("json"))
            || case.config().contains_key("JWT_CSRF_CHECK_FORM");
    if needs_layer || reads_body || app.plan.guard.is_none() {
        return layered;
    }
    let router = Router::new().fallback(extracted).with_state(app.clone());
    let response = router.oneshot(request(case, &app.plan.tokens)).await.unwrap();
    let got = Got::of(response, &app.plan.tokens).await;
    assert_eq!(got.json(), layered.json(), "{}: extractor and layer", case.id());
    got
}

async fn through_layer(case: &Case<'_>, app: App) -> Got {
    let mut router = Router::new().fallback(layered).with_state(app.clone());
    let require = app.jwt.require();
    macro_rules! with {
        ($layer:expr) => {{
            let mut layer = $layer;
            if app.plan.optional {
                layer = layer.optional();
            }
            if case.guard_is("skip_revocation_check") {
                layer = layer.skip_revocation();
            }
            if let Some(locations) = locations(case) {
                layer = layer.locations(locations);
            }
            router.layer(layer)
        }};
    }
    router = match app.plan.guard {
        None => router,
        Some(Kind::Access) => with!(require),
        Some(Kind::Fresh) => with!(require.fresh()),
        Some(Kind::Refresh) => with!(require.refresh()),
        Some(Kind::Any) => with!(require.any_kind()),
    };
    let response = router.oneshot(request(case, &app.plan.tokens)).await.unwrap();
    Got::of(response, &app.plan.tokens).await
}

fn locations(case: &Case<'_>) -> Option<Vec<Location>> {
    let given = case.guard()?.get("locations").filter(|it| !it.is_null())?;
    let list = if given.is_string() { json!([given]) } else { given.clone() };
    Some(serde_json::from_value(list).unwrap())
}

/// The handler under the layer: takes what the layer left, and loads the user as one would.
async fn layered(State(app): State<App>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    if app.plan.loads_user && app.plan.guard.is_some() {
        return match see::<AnyJwt>(&mut parts, &app).await {
            Ok(seen) => respond(&app, &parts, seen).await,
            Err(rejection) => rejection.into_response(),
        };
    }
    let token = parts.extensions.get::<Arc<Verified>>().cloned();
    respond(&app, &parts, Seen { token, user: None }).await
}

/// The handler that guards itself.
async fn extracted(State(app): State<App>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let seen = match app.plan.guard {
        Some(Kind::Access) => see::<Jwt>(&mut parts, &app).await,
        Some(Kind::Fresh) => see::<FreshJwt>(&mut parts, &app).await,
        Some(Kind::Refresh) => see::<RefreshJwt>(&mut parts, &app).await,
        Some(Kind::Any) => see::<AnyJwt>(&mut parts, &app).await,
        None => panic!("not guarded"),
    };
    match seen {
        Ok(seen) => respond(&app, &parts, seen).await,
        Err(rejection) => rejection.into_response(),
    }
}

async fn see<G>(parts: &mut Parts, app: &App) -> Result<Seen, AuthRejection>
where
    G: Guard
        + FromRequestParts<App, Rejection = AuthRejection>
        + OptionalFromRequestParts<App, Rejection = AuthRejection>
        + Send
        + Sync,
{
    if app.plan.loads_user {
        let user = if app.plan.optional {
            <Option<CurrentUser<Value, G>> as FromRequestParts<App>>::from_request_parts(parts, app).await?
        } else {
            Some(<CurrentUser<Value, G> as FromRequestParts<App>>::from_request_parts(parts, app).await?)
        };
        let token = user.as_ref().map(|user| user.guard().verified().clone());
        return Ok(Seen { token, user: user.map(CurrentUser::into_user) });
    }
    let guard = if app.plan.optional {
        <Option<G> as FromRequestParts<App>>::from_request_parts(parts, app).await?
    } else {
        Some(<G as FromRequestParts<App>>::from_request_parts(parts, app).await?)
    };
    Ok(Seen { token: guard.map(|guard| guard.verified().clone()), user: None })
}

async fn respond(app: &App, parts: &Parts, seen: Seen) -> Response {
    let Plan { returns, tokens, .. } = &*app.plan;
    if let Some(name) = returns.strip_prefix("call:") {
        return helpers::call(&app.jwt, name, tokens.first(), parts).await;
    }
    if let Some(name) = returns.strip_prefix("cookies:") {
        return helpers::cookies(&app.jwt, name, tokens.first());
    }
    let token = seen.token.as_deref();
    let claims: Map<String, Value> = token.map(|token| token.custom().unwrap()).unwrap_or_default();
    let identity = token.map(|token| token.identity());
    Json(match &**returns {
        "ok" => json!({"foo": "bar"}),
        "identity" => json!({"identity": identity}),
        "claim_keys" => {
            let mut keys: Vec<&String> = claims.keys().collect();
            keys.sort();
            json!({"keys": keys})
        }
        "all_claims" => Value::Object(claims),
        "user_claims" => claims.get("user_claims").cloned().unwrap_or_else(|| json!({})),
        "header" => token.map_or_else(|| json!({}), |token| token.header().unwrap()),
        "location" => json!({"location": token.and_then(Verified::location).map(Location::name)}),
        "current_user" => json!({"user": seen.user}),
        "current_user_proxy" => json!({"user": seen.user.map(|user| user["username"].clone())}),
        names => {
            let names = names.strip_prefix("claims:").unwrap_or("there is no such handler");
            let absent = || Value::from("<absent>");
            let claim = |name: &str| (name.to_owned(), claims.get(name).cloned().unwrap_or_else(absent));
            Value::Object(names.split(',').map(claim).collect())
        }
    })
    .into_response()
}

/// The case's request, with the tokens in their places.
fn request(case: &Case<'_>, tokens: &[(String, Minted)]) -> Request {
    let recorded = case.request();
    let fill = |text: &str| {
        tokens.iter().fold(text.to_owned(), |text, (name, token)| {
            let text = text.replace(&format!("{{{name}.csrf}}"), &token.csrf().unwrap_or_default());
            text.replace(&format!("{{{name}}}"), &token.text)
        })
    };
    let form = |members: &Map<String, Value>| {
        let pairs = members.iter().map(|(name, value)| (name.clone(), fill(value.as_str().unwrap())));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let query = recorded["raw_query"].as_str().map(fill).or_else(|| recorded["query"].as_object().map(form));
    let uri = query.map_or_else(|| "/".to_owned(), |query| format!("/?{}", query.replace(' ', "%20")));
    let mut request = Request::builder().method(case.method()).uri(uri);
    for (name, value) in recorded["headers"].as_object().into_iter().flatten() {
        let one = std::slice::from_ref(value);
        for value in value.as_array().map_or(one, Vec::as_slice) {
            request = request.header(name, fill(value.as_str().unwrap()).as_bytes());
        }
    }
    if let Some(cookies) = recorded["cookies"].as_object() {
        let pairs = cookies.iter().map(|(name, value)| format!("{name}={}", fill(value.as_str().unwrap())));
        request = request.header("cookie", pairs.collect::<Vec<_>>().join("; "));
    }
    let (media_type, body) = if recorded["json"].is_null() {
        match recorded["form"].as_object() {
            Some(members) => ("application/x-www-form-urlencoded", form(members)),
            None => ("", recorded["raw"].as_str().map(fill).unwrap_or_default()),
        }
    } else {
        ("application/json", fill(&recorded["json"].to_string()))
    };
    let media_type = recorded["content_type"].as_str().unwrap_or(media_type);
    if !media_type.is_empty() {
        request = request.header("content-type", media_type);
    }
    request.body(Body::from(body)).unwrap()
}

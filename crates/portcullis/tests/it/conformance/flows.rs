//! Recorded conversations: log in, use, refresh, log out.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRef, State},
    http::{Request, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post},
};
use http_body_util::BodyExt as _;
use portcullis::{AnyJwt, ErrorStyle, FreshJwt, Jwt, JwtManager, RefreshJwt, RevocationIndex};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::common::builder;

pub(super) enum Outcome {
    Held,
    NoSuchRoute(String),
}

#[derive(Clone, FromRef)]
struct App {
    jwt: JwtManager,
    revoked: Arc<RevocationIndex>,
}

#[derive(serde::Deserialize)]
struct Admin {
    #[serde(default)]
    is_administrator: bool,
}

pub(super) async fn run(flow: &Value) -> Outcome {
    let app = app();
    let mut tokens: BTreeMap<String, String> = BTreeMap::new();
    for step in flow["steps"].as_array().unwrap() {
        let [method, path] = [0, 1].map(|place| step["do"][place].as_str().unwrap());
        let mut request = Request::builder().method(method).uri(path);
        if let Some(name) = step["bearer"].as_str() {
            request = request.header("authorization", format!("Bearer {}", tokens[name]));
        }
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        if [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&status) {
            return Outcome::NoSuchRoute(format!("{method} {path}"));
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let mut body: Value = serde_json::from_slice(&bytes).unwrap();
        for (name, member) in step["save"].as_object().into_iter().flatten() {
            tokens.insert(name.clone(), body[member.as_str().unwrap()].as_str().unwrap().to_owned());
        }
        for (name, value) in body.as_object_mut().unwrap() {
            if name.ends_with("_token") {
                *value = "<token>".into();
            }
        }
        let expected = &step["expected"];
        assert_eq!(
            (status.as_u16(), &body),
            (u16::try_from(expected["status"].as_u64().unwrap()).unwrap(), &expected["body"],),
            "{}: {step}",
            flow["id"]
        );
    }
    Outcome::Held
}

fn app() -> Router {
    let revoked = Arc::new(RevocationIndex::new());
    let style = |config: &mut portcullis::JwtConfig| config.error_style = ErrorStyle::Flask4;
    let jwt = builder().revocation(revoked.clone()).configure(style).build().unwrap();
    let user = |identity: &str| Json(json!({"user": identity}));
    Router::new()
        .route("/login", post(log_in))
        .route("/admin_login", post(log_in_as_admin))
        .route("/refresh", post(refresh))
        .route("/logout", delete(log_out))
        .route("/protected", get(move |jwt: Jwt| async move { user(jwt.identity()) }))
        .route("/fresh", get(move |jwt: FreshJwt| async move { user(jwt.identity()) }))
        .route(
            "/maybe",
            get(|jwt: Option<Jwt>| async move {
                Json(json!({"user": jwt.as_deref().map(portcullis::Claims::identity)}))
            }),
        )
        .route("/admin", get(admin))
        .with_state(App { jwt, revoked })
}

async fn log_in(State(jwt): State<JwtManager>) -> Json<Value> {
    let access = jwt.access("alice").fresh().sign().unwrap().into_string();
    let refresh = jwt.refresh("alice").sign().unwrap().into_string();
    Json(json!({"access_token": access, "refresh_token": refresh}))
}

async fn log_in_as_admin(State(jwt): State<JwtManager>) -> Json<Value> {
    let token = jwt.access("root").claim("is_administrator", true).sign().unwrap();
    Json(json!({"access_token": token.as_str()}))
}

async fn refresh(State(jwt): State<JwtManager>, token: RefreshJwt) -> Json<Value> {
    Json(json!({"access_token": jwt.access(token.identity()).sign().unwrap().as_str()}))
}

async fn log_out(State(revoked): State<Arc<RevocationIndex>>, token: AnyJwt) -> Json<Value> {
    revoked.revoke_token(token.jti().unwrap(), token.expires_at());
    Json(json!({"msg": format!("{} revoked", token.kind().name())}))
}

async fn admin(jwt: Jwt<Admin>) -> Response {
    if jwt.own().is_administrator {
        return Json(json!({"ok": true})).into_response();
    }
    (StatusCode::FORBIDDEN, Json(json!({"msg": "Admins only!"}))).into_response()
}

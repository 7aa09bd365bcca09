//! Guards with claims and users of one's own, and the hooks that have their say.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::FromRef,
    http::{Request, StatusCode},
    response::IntoResponse as _,
    routing::get,
};
use portcullis::{
    AuthError, Check, CheckClaims, Claims, CurrentUser, ErrorClass, ErrorStyle, Jwt, JwtManager, LoadUser,
    RefreshJwt, Refused, Verdict, asks,
};
use tower::ServiceExt as _;

use super::{assert_silent, cause_of, line, whole};
use crate::common::{builder, manager};

#[derive(serde::Deserialize)]
struct Editor {
    role: String,
}

async fn ask(app: Router, authorization: Option<&str>) -> axum::http::Response<Body> {
    let mut request = Request::get("/");
    if let Some(token) = authorization {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn claims_of_ones_own_are_read_or_the_token_is_refused() {
    let jwt = manager();
    let app = Router::new().route("/", get(|jwt: Jwt<Editor>| async move { jwt.into_own().role }));
    let app = app.with_state(jwt.clone());
    let token = jwt.access("alice").claim("role", "editor").sign().unwrap();
    assert_eq!(line(ask(app.clone(), Some(token.as_str())).await).await, "200 editor");
    let token = jwt.access("alice").claim("role", 7).sign().unwrap();
    let said = line(ask(app, Some(token.as_str())).await).await;
    assert_eq!(said, "401 The claims of the token are of another type");
}

#[derive(Clone, FromRef)]
struct App {
    jwt: JwtManager,
    users: Arc<dyn LoadUser<String>>,
}

fn app() -> (JwtManager, Router) {
    let jwt = builder().configure(|config| config.error_style = ErrorStyle::Flask4).build().unwrap();
    let users = |claims: Arc<Claims>| async move {
        match claims.identity() {
            "nobody" => Ok(None),
            "outage" => Err("the database at 10.0.0.7 is down"),
            name => Ok(Some(name.to_uppercase())),
        }
    };
    let app = Router::new()
        .route(
            "/",
            get(|user: Option<CurrentUser<String>>| async move {
                user.map_or_else(|| "anonymous".to_owned(), CurrentUser::into_user)
            }),
        )
        .route(
            "/refresh",
            get(|user: CurrentUser<String, RefreshJwt>| async move {
                format!("{} by {}", *user, user.guard().kind().name())
            }),
        )
        .with_state(App { jwt: jwt.clone(), users: Arc::new(users) });
    (jwt, app)
}

#[tokio::test]
async fn a_user_is_loaded_missing_or_unknown() {
    let (jwt, app) = app();
    let text = |response| async move { whole(response).await.replace('\n', " ") };
    let token = |name: &str| jwt.access(name).sign().unwrap().into_string();
    assert!(text(ask(app.clone(), Some(&token("alice"))).await).await.ends_with("ALICE"));
    assert!(text(ask(app.clone(), None).await).await.ends_with("anonymous"));
    let said = text(ask(app.clone(), Some(&token("nobody"))).await).await;
    assert!(said.starts_with("401") && said.contains(r#"{"msg":"Error loading the user nobody"}"#), "{said}");
    let outage = ask(app, Some(&token("outage"))).await;
    assert_eq!((outage.status().as_u16(), &*cause_of(&outage)), (503, "the database at 10.0.0.7 is down"));
    assert_silent(outage, "10.0.0.7").await;
}

#[tokio::test]
async fn a_user_may_stand_behind_another_guard() {
    let (jwt, app) = app();
    let token = jwt.refresh("alice").sign().unwrap();
    let request = Request::get("/refresh").header("authorization", format!("Bearer {}", token.as_str()));
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert!(whole(answer).await.ends_with("ALICE by refresh"));
}

#[tokio::test]
async fn the_own_check_comes_last_and_its_failure_is_no_verdict() {
    async fn said(check: impl CheckClaims, style: ErrorStyle) -> String {
        let jwt =
            builder().check_claims(check).configure(|config| config.error_style = style).build().unwrap();
        let app = Router::new().route("/", get(|_: Jwt| async { "in" })).with_state(jwt.clone());
        let token = jwt.access("alice").sign().unwrap();
        whole(ask(app, Some(token.as_str())).await).await.replace('\n', " ")
    }
    let refuse = |_: &Claims| Check::Fail;
    assert!(said(refuse, ErrorStyle::Flask4).await.starts_with("400"));
    let problem = said(refuse, ErrorStyle::Problem).await;
    assert!(problem.starts_with("401") && problem.contains(r#"error="invalid_token""#), "{problem}");
    let asked = asks(|_| async { Ok::<_, Infallible>(false) });
    assert!(said(asked, ErrorStyle::Flask3).await.contains("User claims verification failed"));
    let down = asks(|_| async { Err::<bool, _>("down") });
    assert!(said(down, ErrorStyle::Flask4).await.starts_with("503"));

    let check = |_: &Claims| -> Check { panic!("it is asked after revocation") };
    let revoked = |_: Arc<Claims>| async { Ok::<_, Infallible>(true) };
    let jwt = builder().check_claims(check).revocation(Arc::new(revoked)).build().unwrap();
    let token = jwt.access("alice").sign().unwrap();
    let verdict = jwt.authenticate(token.as_str(), portcullis::Require::access()).await;
    assert_eq!(verdict.unwrap_err(), AuthError::Revoked);
    assert!(matches!(jwt.verify(token.as_str()), Err(AuthError::Unavailable(_))));
    let _: fn(&dyn portcullis::Revocation, &Claims) -> Verdict = |hook, claims| hook.check(claims);
}

#[tokio::test]
async fn an_application_writes_refusals_in_its_own_way() {
    let render = |refused: &Refused<'_>| {
        let expired = refused.error.class() == ErrorClass::Unauthorized;
        expired.then(|| (StatusCode::UNAUTHORIZED, format!("sorry: {}", refused.text)).into_response())
    };
    let jwt = builder().render_error(render).build().unwrap();
    let app = Router::new().route("/", get(|_: Jwt| async { "in" })).with_state(jwt);
    // BRR-01: the challenge is there whoever writes the answer.
    let said = whole(ask(app.clone(), None).await).await;
    assert!(
        said.contains("www-authenticate: Bearer") && said.ends_with("sorry: No token was sent"),
        "{said}"
    );
    let said = whole(ask(app, Some("x")).await).await;
    assert!(said.contains("application/problem+json"), "{said}");
}

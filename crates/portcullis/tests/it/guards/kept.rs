//! What was verified in a request is not verified again, but every check that did not run is made up for: one
//! test per combination of what ran and what is asked.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use axum::{Extension, Router, body::Body, extract::FromRef, http::Request, routing::get};
use portcullis::{
    AnyJwt, Check, Claims, FreshJwt, Jwt, JwtManager, Location, RefreshJwt, Revocation, Verdict, Verified,
};
use tower::ServiceExt as _;

use super::line;
use crate::common::{SECRET, builder};

/// Counts how often it is asked.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicUsize>, bool);

impl Revocation for Asked {
    fn check(&self, _: &Claims) -> Verdict {
        self.0.fetch_add(1, Relaxed);
        if self.1 { Verdict::Revoked } else { Verdict::Live }
    }
}

impl Asked {
    fn count(&self) -> usize {
        self.0.swap(0, Relaxed)
    }
}

fn counted() -> (JwtManager, Asked, Arc<AtomicUsize>) {
    let (asked, checked) = (Asked::default(), Arc::new(AtomicUsize::new(0)));
    let count = checked.clone();
    let check = move |_: &Claims| {
        count.fetch_add(1, Relaxed);
        Check::Pass
    };
    (builder().revocation(Arc::new(asked.clone())).check_claims(check).build().unwrap(), asked, checked)
}

async fn ask(app: Router, headers: &[(&str, &str)]) -> String {
    let mut request = Request::get("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    line(app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await
}

fn bearer(jwt: &JwtManager) -> String {
    format!("Bearer {}", jwt.access("alice").sign().unwrap().as_str())
}

#[tokio::test]
async fn a_hook_that_was_asked_is_not_asked_again() {
    let (jwt, asked, checked) = counted();
    let app = Router::new()
        .route("/", get(|_: Jwt, _: AnyJwt, _: Option<Jwt>| async { "in" }))
        .layer(jwt.require())
        .with_state(jwt.clone());
    assert_eq!(ask(app, &[("authorization", &bearer(&jwt))]).await, "200 in");
    assert_eq!((asked.count(), checked.load(Relaxed)), (1, 1));
}

#[tokio::test]
async fn a_hook_that_was_skipped_is_asked_by_the_extractor() {
    let revoked = Asked(Arc::default(), true);
    let jwt = builder().revocation(Arc::new(revoked.clone())).build().unwrap();
    let authorization = bearer(&jwt);
    let with = |app: Router<JwtManager>| app.layer(jwt.require().skip_revocation()).with_state(jwt.clone());
    let app = with(Router::new().route("/", get(|_: Jwt| async { "in" })));
    assert_eq!(ask(app, &[("authorization", &authorization)]).await, "401 The token has been revoked");
    assert_eq!(revoked.count(), 1);
    let left = |Extension(token): Extension<Arc<Verified>>| async move { token.identity().to_owned() };
    let app = with(Router::new().route("/", get(left)));
    assert_eq!(ask(app, &[("authorization", &authorization)]).await, "200 alice");
    assert_eq!(revoked.count(), 0);
}

#[tokio::test]
async fn kind_and_freshness_are_asked_by_every_guard() {
    let (jwt, ..) = counted();
    let stale = jwt.access("alice").sign().unwrap();
    let (fresh, refresh) =
        (jwt.access("alice").fresh().sign().unwrap(), jwt.refresh("alice").sign().unwrap());
    for (token, route, said) in [
        (&stale, get(|_: FreshJwt| async { "in" }), "401 A fresh token is required"),
        (&fresh, get(|_: FreshJwt| async { "in" }), "200 in"),
        (&stale, get(|_: RefreshJwt| async { "in" }), "401 A refresh token is required"),
        (&refresh, get(|_: Jwt| async { "in" }), "401 An access token is required"),
        (&refresh, get(|_: RefreshJwt| async { "in" }), "200 in"),
    ] {
        let authorization = format!("Bearer {}", token.as_str());
        let app = Router::new().route("/", route).layer(jwt.require().any_kind()).with_state(jwt.clone());
        assert_eq!(ask(app, &[("authorization", &authorization)]).await, said);
    }
}

#[derive(Clone)]
struct Machines(JwtManager);

impl AsRef<JwtManager> for Machines {
    fn as_ref(&self) -> &JwtManager {
        &self.0
    }
}

#[derive(Clone, FromRef)]
struct Two {
    users: JwtManager,
    machines: Machines,
}

/// The same key and the same token: what differs is who verified it.
#[tokio::test]
async fn another_managers_token_means_nothing() {
    let (users, ..) = counted();
    let strict = Asked(Arc::default(), true);
    let machines = Machines(
        JwtManager::builder(portcullis::Key::hs256(SECRET).unwrap())
            .clock(Arc::new(crate::common::clock()))
            .revocation(Arc::new(strict.clone()))
            .build()
            .unwrap(),
    );
    let authorization = bearer(&users);
    let app = Router::new()
        .route("/", get(|_: Jwt<portcullis::Unread, Machines>| async { "in" }))
        .layer(users.require())
        .with_state(Two { users: users.clone(), machines });
    assert_eq!(ask(app, &[("authorization", &authorization)]).await, "401 The token has been revoked");
    assert_eq!(strict.count(), 1);
}

/// A clone of a manager is the manager; one built in the same way is not.
#[tokio::test]
async fn a_clone_is_the_same_manager() {
    let (jwt, asked, _) = counted();
    let layers =
        Router::new().route("/", get(|| async { "in" })).layer(jwt.clone().require()).layer(jwt.require());
    assert_eq!(ask(layers, &[("authorization", &bearer(&jwt))]).await, "200 in");
    assert_eq!(asked.count(), 1);
}

/// A layer with places of its own does not take over what was found elsewhere.
#[tokio::test]
async fn a_token_from_another_place_is_not_taken_over() {
    let (jwt, ..) = counted();
    let authorization = bearer(&jwt);
    let app = Router::new()
        .route("/", get(|| async { "in" }))
        .layer(jwt.require().locations([Location::Cookies]))
        .layer(jwt.require());
    assert_eq!(ask(app, &[("authorization", &authorization)]).await, "401 No token was sent");
}

/// Where cookies are named by kind, one request has a token for each guard.
#[tokio::test]
async fn two_cookies_are_two_tokens() {
    let jwt = builder().configure(|config| config.token_location = vec![Location::Cookies]).build().unwrap();
    let (access, refresh) = (jwt.access("alice").sign().unwrap(), jwt.refresh("bob").sign().unwrap());
    let cookies = format!(
        "__Host-access_token_cookie={}; __Host-refresh_token_cookie={}",
        access.as_str(),
        refresh.as_str()
    );
    let names = |access: Jwt, refresh: RefreshJwt, any: AnyJwt| async move {
        [access.identity(), refresh.identity(), any.identity()].join(" ")
    };
    let app = Router::new().route("/", get(names)).with_state(jwt.clone());
    assert_eq!(ask(app, &[("cookie", &cookies)]).await, "200 alice bob alice");
    let only = format!("__Host-refresh_token_cookie={}", refresh.as_str());
    let app = Router::new().route("/", get(|jwt: AnyJwt| async move { jwt.identity().to_owned() }));
    assert_eq!(ask(app.with_state(jwt), &[("cookie", &only)]).await, "200 bob");
}

#[tokio::test]
async fn hooks_that_ask_count_as_asked() {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    let hook = move |_: Arc<Claims>| {
        asked.fetch_add(1, Relaxed);
        async { Ok::<_, Infallible>(false) }
    };
    let jwt = builder().revocation(Arc::new(hook)).build().unwrap();
    let app = Router::new().route("/", get(|_: Jwt| async { "in" })).layer(jwt.require());
    assert_eq!(ask(app.with_state(jwt.clone()), &[("authorization", &bearer(&jwt))]).await, "200 in");
    assert_eq!(count.load(Relaxed), 1);
}

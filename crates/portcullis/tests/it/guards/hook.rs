//! Guards whose revocation list has to be asked, and what a refused request costs.

use std::{
    convert::Infallible,
    error::Error as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{Method, Request, header},
    routing::post,
};
use http_body_util::{BodyExt as _, Full};
use insta::assert_snapshot;
use portcullis::{
    AuthError, AuthRejection, Claims, Clock, ErrorStyle, Jwt, JwtManager, ManualClock, Require, Revocation,
    RevocationIndex, Verdict, asks,
};
use tower::ServiceExt as _;

use super::{app, assert_silent, cause_of, send, whole};
use crate::common::{builder, clock, manager, token};

/// A revocation list that somebody else keeps.
enum Elsewhere {
    Live,
    Revoked,
    Fails,
}

impl Revocation for Elsewhere {
    fn check(&self, _: &Claims) -> Verdict {
        let answer = match self {
            Self::Live => Ok(false),
            Self::Revoked => Ok(true),
            Self::Fails => Err("the database at 10.0.0.7 is down".into()),
        };
        Verdict::Ask(Box::pin(async {
            tokio::task::yield_now().await;
            answer
        }))
    }
}

#[tokio::test]
async fn a_hook_may_ask_and_its_failure_is_neither_allowed_nor_forbidden() {
    // BRR-10
    async fn answer(list: Elsewhere) -> String {
        let jwt = builder().revocation(Arc::new(list)).build().unwrap();
        let authorization = format!("Bearer {}", jwt.access("alice").sign().unwrap().as_str());
        whole(send(app(jwt), Method::GET, "/jwt", &[&authorization]).await).await
    }
    assert_snapshot!(answer(Elsewhere::Live).await, @r"
    200 OK
    content-type: text/plain; charset=utf-8
    alice
    ");
    assert_snapshot!(answer(Elsewhere::Revoked).await, @r#"
    401 Unauthorized
    content-type: application/problem+json
    www-authenticate: Bearer error="invalid_token", error_description="The token has been revoked"
    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The token has been revoked"}
    "#);
    assert_snapshot!(answer(Elsewhere::Fails).await, @r#"
    503 Service Unavailable
    content-type: application/problem+json
    retry-after: 1
    {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"Tokens cannot be checked at the moment"}
    "#);
}

/// Whose token nobody can judge is not nobody.
#[tokio::test]
async fn an_optional_guard_does_not_pass_over_a_hook_that_fails_or_says_revoked() {
    for (list, status) in [(Elsewhere::Fails, 503), (Elsewhere::Revoked, 401), (Elsewhere::Live, 200)] {
        let jwt = builder().revocation(Arc::new(list)).build().unwrap();
        let authorization = format!("Bearer {}", jwt.access("alice").sign().unwrap().as_str());
        let answer = send(app(jwt), Method::GET, "/optional/jwt", &[&authorization]).await;
        assert_eq!(answer.status().as_u16(), status);
    }
}

#[test]
fn verify_from_memory_never_passes_over_a_hook_that_asks() {
    let jwt = builder().revocation(Arc::new(Elsewhere::Live)).build().unwrap();
    let token = jwt.access("alice").sign().unwrap();
    let error = jwt.verify(token.as_str()).unwrap_err();
    assert!(matches!(error, AuthError::Unavailable(_)));
    assert!(error.source().unwrap().to_string().ends_with("use `authenticate`"));
}

/// The cause of a 503 is for who logs the answer, in every style, and for nobody else.
#[tokio::test]
async fn a_failure_has_its_cause_beside_the_answer_and_not_in_it() {
    // OBS-05
    for style in [ErrorStyle::Flask3, ErrorStyle::Flask4, ErrorStyle::Problem] {
        let list = builder().revocation(Arc::new(Elsewhere::Fails));
        let check =
            builder().check_claims(asks(|_| async { Err::<bool, _>("the database at 10.0.0.7 is down") }));
        for hook in [list, check] {
            let jwt = hook.configure(|config| config.error_style = style).build().unwrap();
            let token = jwt.access("alice").sign().unwrap();
            let error = jwt.authenticate(token.as_str(), Require::access()).await.unwrap_err();
            assert_eq!(error.source().unwrap().to_string(), "the database at 10.0.0.7 is down");
            assert_eq!(error, AuthError::unavailable("whatever it was"));
            let bearer = format!("Bearer {}", token.as_str());
            let answer = send(app(jwt), Method::GET, "/jwt", &[&bearer]).await;
            assert_eq!(answer.extensions().get(), Some(&error));
            assert_eq!(cause_of(&answer), "the database at 10.0.0.7 is down");
            assert_silent(answer, "10.0.0.7").await;
        }
    }
}

#[tokio::test]
async fn every_refusal_has_its_reason_beside_the_answer() {
    let jwt = manager();
    let refresh = format!("Bearer {}", jwt.refresh("alice").sign().unwrap().as_str());
    let layered = app(jwt.clone()).layer(jwt.require());
    for app in [app(jwt), layered] {
        for (authorization, reason) in [
            ("", "no token was sent"),
            ("Bearer x", "the token is malformed"),
            (&refresh, "an access token is required"),
        ] {
            let answer = send(app.clone(), Method::GET, "/jwt", &[authorization]).await;
            assert_eq!(answer.extensions().get::<AuthError>().unwrap().to_string(), reason);
        }
    }
}

#[test]
fn a_rejection_is_an_error_with_its_cause() {
    let rejection = AuthRejection::new(AuthError::unavailable("down"), manager());
    assert_eq!(rejection.to_string(), "tokens cannot be checked at the moment");
    assert_eq!(rejection.source().unwrap().to_string(), "down");
    assert!(AuthRejection::new(AuthError::Expired, manager()).source().is_none());
}

/// A hook sees nothing of a token that has any other fault.
#[test]
fn the_hook_is_asked_last() {
    // JWT-15
    struct Never;
    impl Revocation for Never {
        fn check(&self, claims: &Claims) -> Verdict {
            panic!("asked about {claims:?}");
        }
    }
    let jwt = builder().revocation(Arc::new(Never)).build().unwrap();
    let refresh = jwt.refresh("alice").sign().unwrap().into_string();
    for token in [refresh, token(&[("exp", "1")]), token(&[]) + "A", token(&[("jti", "1")])] {
        assert!(jwt.verify(&token).is_err());
    }
}

/// A hook that is chosen when the program runs has no type to name.
#[test]
fn a_hook_may_be_any_of_several() {
    let hooks: [(Arc<dyn Revocation>, bool); 2] =
        [(Arc::new(RevocationIndex::new()), true), (Arc::new(Elsewhere::Revoked), false)];
    for (hook, is_live) in hooks {
        let jwt = builder().revocation(hook).build().unwrap();
        let token = jwt.access("alice").sign().unwrap();
        assert_eq!(jwt.verify(token.as_str()).is_ok(), is_live);
    }
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_never_read() {
    async fn store(_: Jwt, State(_): State<JwtManager>, body: Bytes) -> String {
        body.len().to_string()
    }
    let jwt = manager();
    let good = format!("Bearer {}", jwt.access("alice").sign().unwrap().as_str());
    let refresh = format!("Bearer {}", jwt.refresh("alice").sign().unwrap().as_str());
    for (authorization, status, is_read) in [(&*good, 200, true), (&*refresh, 401, false), ("", 401, false)] {
        let read = Arc::new(AtomicBool::new(false));
        let noting = read.clone();
        let body = Full::new(Bytes::from_static(b"{ not json")).map_frame(move |frame| {
            noting.store(true, Ordering::Relaxed);
            frame
        });
        let app: Router = Router::new().route("/", post(store)).with_state(jwt.clone());
        let request = Request::post("/").header(header::AUTHORIZATION, authorization);
        let answer = app.oneshot(request.body(Body::new(body)).unwrap()).await.unwrap();
        assert_eq!((answer.status().as_u16(), read.load(Ordering::Relaxed)), (status, is_read));
    }
}

/// The order of the checks is one for hooks that know and for hooks that ask.
#[tokio::test]
async fn hooks_are_asked_in_turn_and_once() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (first, second) = (asked.clone(), asked.clone());
    let revoked = move |_: Arc<Claims>| {
        let asked = first.clone();
        async move {
            tokio::task::yield_now().await;
            asked.lock().unwrap().push("revocation");
            Ok::<_, Infallible>(false)
        }
    };
    let check = asks(move |claims: Arc<Claims>| {
        let asked = second.clone();
        async move {
            asked.lock().unwrap().push("own check");
            Ok::<_, Infallible>(claims.identity() == "alice")
        }
    });
    let jwt = builder().revocation(Arc::new(revoked)).check_claims(check).build().unwrap();
    for (name, expected) in [("alice", None), ("mallory", Some(AuthError::ClaimsRefused))] {
        let token = jwt.access(name).sign().unwrap();
        let error = jwt.authenticate(token.as_str(), Require::access()).await.err();
        assert_eq!(
            (error, std::mem::take(&mut *asked.lock().unwrap())),
            (expected, vec!["revocation", "own check"])
        );
        let error = jwt.authenticate(token.as_str(), Require::access().even_revoked()).await.is_err();
        assert_eq!(
            (error, std::mem::take(&mut *asked.lock().unwrap())),
            (name != "alice", vec!["own check"])
        );
    }
}

/// A token is judged by one moment, and asking the clock costs more than reading the claims' times.
#[tokio::test]
async fn a_verification_reads_the_clock_once() {
    struct Counting(ManualClock, AtomicUsize);
    impl Clock for Counting {
        fn now(&self) -> SystemTime {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.now()
        }

        fn monotonic(&self) -> Instant {
            self.0.monotonic()
        }
    }
    let clock = Arc::new(Counting(clock(), AtomicUsize::new(0)));
    let jwt = builder().clock(clock.clone()).build().unwrap();
    let token = jwt.access("alice").sign().unwrap();
    let reads = || clock.1.swap(0, Ordering::Relaxed);
    assert_eq!(reads(), 1);
    jwt.verify(token.as_str()).unwrap();
    assert_eq!(reads(), 1);
    jwt.authenticate(token.as_str(), Require::access()).await.unwrap();
    assert_eq!(reads(), 1);
    let bearer = format!("Bearer {}", token.as_str());
    assert_eq!(send(app(jwt.clone()), Method::GET, "/jwt", &[&bearer]).await.status(), 200);
    assert_eq!(reads(), 1);
}

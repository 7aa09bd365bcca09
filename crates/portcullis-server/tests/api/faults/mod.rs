//! Every route while a call of the store fails: the first, the second, until no call is left, and in each way in which
//! one can (D2, DUR-03).
//!
//! Whatever fails, no answer says of undone work that it is done, a client that goes on as `docs/http-api.md` says gets
//! through, and what holds in the end holds after a restart too.

mod admin;
mod ends;
mod refreshes;

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use portcullis::Require;
use portcullis_server::model::SessionId;
use serde_json::json;

use self::{
    ends::{
        ChangePassword, EndSession, EndThisSession, Logout, LogoutAll, LogoutOthers, LogoutWithoutASession,
    },
    refreshes::{Adoption, LogoutOfALegacyToken, Refresh, RefreshAfterALostAnswer, Replay},
};
use crate::support::{Answer, Fault, TestApp, Tokens};

/// A route, and what is to be said about it.
trait Route: Sized {
    /// What the request is answered with when nothing fails.
    const DONE: StatusCode = StatusCode::OK;

    /// What is there before.
    async fn prepare(app: &TestApp) -> Self;

    fn request(&self) -> Request<Body>;

    /// The client has been told that it is done.
    async fn done(&mut self, _: &TestApp, _: &Answer) {}

    /// The client has not: it goes on as documented. By default it repeats the request, and that is done.
    async fn unknown(&mut self, app: &TestApp) {
        let answer = app.send(self.request()).await;
        assert_eq!(answer.status, Self::DONE, "{}", answer.body);
        self.done(app, &answer).await;
    }

    /// What is true in the end, now and after a restart.
    async fn stands(&self, _: &TestApp) {}
}

/// Lets every call of a route fail in every way.
async fn every_fault<R: Route>() {
    for fault in Fault::ALL {
        let mut nth = 1;
        while one_fault::<R>(fault, nth).await {
            nth += 1;
        }
        assert!(nth > 1, "the route asks the store for something");
    }
}

/// Lets one call of a route fail, and says whether there was such a call.
async fn one_fault<R: Route>(fault: Fault, nth: usize) -> bool {
    let (app, faulty) = TestApp::with_faults().await;
    app.expect_errors();
    let mut route = R::prepare(&app).await;
    faulty.fail(nth, fault);
    let answer = tokio::select! {
        answer = app.send(route.request()) => Some(answer),
        () = faulty.hung_up() => None,
    };
    let failed = faulty.settle().await;
    match answer {
        Some(answer) if answer.status == R::DONE => route.done(&app, &answer).await,
        Some(answer) => {
            assert!(failed, "{fault:?} {nth}: {} {}", answer.status, answer.body);
            answer.says(503, "The service is not available at the moment");
            assert_eq!(answer.header("retry-after"), "1");
            route.unknown(&app).await;
        }
        None => route.unknown(&app).await,
    }
    route.stands(&app).await;
    let app = app.restarted().await;
    route.stands(&app).await;
    failed
}

fn post(path: &str, body: &serde_json::Value) -> Request<Body> {
    with_body(Method::POST, path, body)
}

fn with_body(method: Method, path: &str, body: &serde_json::Value) -> Request<Body> {
    let request =
        Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

fn with_token(method: Method, path: &str, token: &str) -> Request<Body> {
    by(Request::builder().method(method).uri(path).body(Body::empty()).unwrap(), token)
}

/// The request of whoever has a token.
fn by(mut request: Request<Body>, token: &str) -> Request<Body> {
    request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    request
}

fn alice() -> serde_json::Value {
    json!({"username": "alice", "password": "password"})
}

async fn lets_in(app: &TestApp, tokens: &Tokens) {
    assert_eq!(app.get_as("/tests/secret", &tokens.access).await.status, StatusCode::OK);
}

/// A session is over: access token and refresh token are refused.
async fn is_over(app: &TestApp, tokens: &Tokens) {
    app.get_as("/tests/secret", &tokens.access).await.says(401, "Token has been revoked");
    app.post_as("/users/refresh", &tokens.refresh).await.says(401, "Token has been revoked");
}

/// A session lives, and what its client holds is its head: there is one line, and the client is on it.
async fn goes_on(app: &TestApp, tokens: &Tokens) {
    lets_in(app, tokens).await;
    let claims = app.state.jwt().verify_as(&tokens.refresh, Require::refresh()).unwrap();
    let id = SessionId::new(claims.session().unwrap().id);
    let session = app.state.store().session(&id).await.unwrap().unwrap();
    assert!(session.ended.is_none());
    assert_eq!(Some(session.head.refresh.jti.as_str()), claims.jti());
    let again = app.post_as("/users/refresh", &tokens.refresh).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
}

/// `POST /users/registration`
struct Registration(Option<Tokens>);

impl Route for Registration {
    const DONE: StatusCode = StatusCode::CREATED;

    async fn prepare(_: &TestApp) -> Self {
        Self(None)
    }

    fn request(&self) -> Request<Body> {
        post("/users/registration", &alice())
    }

    async fn done(&mut self, _: &TestApp, answer: &Answer) {
        self.0 = Some(answer.tokens());
    }

    async fn unknown(&mut self, app: &TestApp) {
        let answer = app.send(self.request()).await;
        self.0 = Some(match answer.status {
            // By the first attempt.
            StatusCode::CONFLICT => app.login("alice").await,
            _ => answer.tokens(),
        });
    }

    async fn stands(&self, app: &TestApp) {
        goes_on(app, self.0.as_ref().unwrap()).await;
        app.login("alice").await;
        assert_eq!(app.send(self.request()).await.status, StatusCode::CONFLICT);
    }
}

/// `POST /users/login`, of a user who has as many sessions as may live.
struct Login {
    before: Vec<Tokens>,
    pair: Option<Tokens>,
}

impl Route for Login {
    async fn prepare(app: &TestApp) -> Self {
        app.register("alice").await;
        let mut before = Vec::new();
        while before.len() < 50 {
            app.wait(1);
            before.push(app.login("alice").await);
        }
        app.wait(1);
        Self { before, pair: None }
    }

    fn request(&self) -> Request<Body> {
        post("/users/login", &alice())
    }

    async fn done(&mut self, _: &TestApp, answer: &Answer) {
        self.pair = Some(answer.tokens());
    }

    async fn stands(&self, app: &TestApp) {
        goes_on(app, self.pair.as_ref().unwrap()).await;
        // Nobody was told that this one ends for it. The node hears of it in a moment all the same.
        let refused = async {
            while app.get_as("/tests/secret", &self.before[0].access).await.status == StatusCode::OK {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), refused).await.expect("it is refused");
        is_over(app, &self.before[0]).await;
        lets_in(app, &self.before[2]).await;
    }
}

/// Somebody with three sessions, one of which does something with the others.
struct Three {
    own: Tokens,
    others: [Tokens; 2],
}

impl Three {
    async fn prepare(app: &TestApp) -> Self {
        let others = [app.register("alice").await, app.login("alice").await];
        Self { own: app.login("alice").await, others }
    }

    async fn others_are_over(&self, app: &TestApp) {
        for other in &self.others {
            is_over(app, other).await;
        }
    }
}

/// `GET /users/me`
struct Me(Tokens);

impl Route for Me {
    async fn prepare(app: &TestApp) -> Self {
        Self(app.register("alice").await)
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::GET, "/users/me", &self.0.access)
    }

    async fn done(&mut self, _: &TestApp, answer: &Answer) {
        assert_eq!(answer.body["username"], "alice");
    }
}

/// `GET /users/me/sessions`
struct Sessions(Three);

impl Route for Sessions {
    async fn prepare(app: &TestApp) -> Self {
        Self(Three::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::GET, "/users/me/sessions", &self.0.own.access)
    }

    async fn done(&mut self, _: &TestApp, answer: &Answer) {
        assert_eq!(answer.body["sessions"].as_array().map(Vec::len), Some(3));
    }
}

/// `POST /users/me/fresh`
struct Fresh {
    own: Tokens,
    fresh: Option<String>,
}

impl Route for Fresh {
    async fn prepare(app: &TestApp) -> Self {
        Self { own: app.register("alice").await, fresh: None }
    }

    fn request(&self) -> Request<Body> {
        by(post("/users/me/fresh", &json!({"password": "password"})), &self.own.access)
    }

    async fn done(&mut self, _: &TestApp, answer: &Answer) {
        self.fresh = answer.body["access_token"].as_str().map(str::to_owned);
    }

    async fn stands(&self, app: &TestApp) {
        app.state.jwt().verify_as(self.fresh.as_ref().unwrap(), Require::access().fresh()).unwrap();
        goes_on(app, &self.own).await;
    }
}

/// `GET /readyz`
struct Ready;

impl Route for Ready {
    async fn prepare(_: &TestApp) -> Self {
        Self
    }

    fn request(&self) -> Request<Body> {
        Request::get("/readyz").body(Body::empty()).unwrap()
    }
}

/// One test a route, so that they run side by side.
macro_rules! under_every_fault {
    ($($name:ident: $route:ty),+ $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            every_fault::<$route>().await;
        })+
    };
}

under_every_fault! {
    registration: Registration,
    login: Login,
    refresh: Refresh<0>,
    refresh_repeated_after_the_window: Refresh<600>,
    refresh_after_a_lost_answer: RefreshAfterALostAnswer,
    replay: Replay,
    adoption: Adoption,
    logout_of_a_legacy_token: LogoutOfALegacyToken,
    logout: Logout,
    logout_without_a_session: LogoutWithoutASession,
    logout_others: LogoutOthers,
    logout_all: LogoutAll,
    me: Me,
    sessions: Sessions,
    end_session: EndSession,
    end_this_session: EndThisSession,
    change_password: ChangePassword,
    fresh: Fresh,
    ready: Ready,
    login_with_a_wrong_password: admin::WrongPassword,
    create_user: admin::CreateUser,
    set_access: admin::SetAccess,
    disable_user: admin::Disable,
    delete_user: admin::Delete,
    end_sessions_of_a_user: admin::EndSessions,
    end_a_session_of_a_user: admin::EndSession,
    set_up: admin::SetUp,
    users: admin::Read<0>,
    user: admin::Read<1>,
    sessions_of_a_user: admin::Read<2>,
    audit: admin::Read<3>,
}

#[tokio::test]
async fn a_guarded_route_asks_the_store_for_nothing() {
    let (app, faulty) = TestApp::with_faults().await;
    let alice = app.register("alice").await;
    faulty.fail(1, Fault::Before);
    lets_in(&app, &alice).await;
    assert!(!faulty.settle().await);
}

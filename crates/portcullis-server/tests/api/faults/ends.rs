//! What ends sessions: logouts, one's own sessions, another password.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::json;

use super::{Route, Three, by, goes_on, is_over, with_body, with_token};
use crate::support::{TestApp, Tokens};

/// `POST /users/logout`
pub(super) struct Logout(Tokens);

impl Route for Logout {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        Self(app.register("alice").await)
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::POST, "/users/logout", &self.0.access)
    }

    async fn stands(&self, app: &TestApp) {
        is_over(app, &self.0).await;
    }
}

/// `POST /users/logout` of a token that has no session.
pub(super) struct LogoutWithoutASession(String);

impl Route for LogoutWithoutASession {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        Self(app.state.jwt().access("alice").sign().unwrap().into_string())
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::POST, "/users/logout", &self.0)
    }

    async fn stands(&self, app: &TestApp) {
        app.get_as("/tests/secret", &self.0).await.says(401, "Token has been revoked");
    }
}

/// `POST /users/logout?scope=others`
pub(super) struct LogoutOthers(Three);

impl Route for LogoutOthers {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        Self(Three::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::POST, "/users/logout?scope=others", &self.0.own.access)
    }

    async fn stands(&self, app: &TestApp) {
        self.0.others_are_over(app).await;
        goes_on(app, &self.0.own).await;
    }
}

/// `POST /users/logout?scope=all`
pub(super) struct LogoutAll(Three);

impl Route for LogoutAll {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        Self(Three::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::POST, "/users/logout?scope=all", &self.0.own.access)
    }

    async fn unknown(&mut self, app: &TestApp) {
        // Or 401: it was done the first time, and the session of this token was among them.
        let answer = app.send(self.request()).await;
        assert!(matches!(answer.status.as_u16(), 204 | 401), "{}", answer.body);
    }

    async fn stands(&self, app: &TestApp) {
        self.0.others_are_over(app).await;
        is_over(app, &self.0.own).await;
        app.login("alice").await;
    }
}

/// `DELETE /users/me/sessions/{id}`
pub(super) struct EndSession {
    three: Three,
    path: String,
}

impl Route for EndSession {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        let three = Three::prepare(app).await;
        Self { path: app.session_path(&three.others[0]), three }
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::DELETE, &self.path, &self.three.own.access)
    }

    async fn stands(&self, app: &TestApp) {
        is_over(app, &self.three.others[0]).await;
        goes_on(app, &self.three.others[1]).await;
        goes_on(app, &self.three.own).await;
    }
}

/// `DELETE /users/me/sessions/{id}` of the very session that asks.
pub(super) struct EndThisSession(Tokens, String);

impl Route for EndThisSession {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        let own = app.register("alice").await;
        let path = app.session_path(&own);
        Self(own, path)
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::DELETE, &self.1, &self.0.access)
    }

    async fn stands(&self, app: &TestApp) {
        is_over(app, &self.0).await;
    }
}

/// `PUT /users/me/password`
pub(super) struct ChangePassword(Three);

impl Route for ChangePassword {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        Self(Three::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        let body = json!({"password": "password", "new_password": "another password"});
        by(with_body(Method::PUT, "/users/me/password", &body), &self.0.own.access)
    }

    async fn stands(&self, app: &TestApp) {
        self.0.others_are_over(app).await;
        goes_on(app, &self.0.own).await;
        for (password, status) in [("password", 401), ("another password", 200)] {
            let body = json!({"username": "alice", "password": password});
            assert_eq!(app.post("/users/login", &body).await.status, status);
        }
    }
}

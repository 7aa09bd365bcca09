//! `POST /users/refresh`, of ours and of the Flask application's tokens (BRR-14).

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};

use super::{Route, goes_on, is_over, lets_in, with_token};
use crate::support::{Answer, TestApp, Tokens, legacy, signed};

/// `POST /users/refresh` with the newest token; a client without an answer repeats it `AFTER` so many seconds.
pub(super) struct Refresh<const AFTER: u64> {
    first: Tokens,
    pair: Option<Tokens>,
}

impl<const AFTER: u64> Route for Refresh<AFTER> {
    async fn prepare(app: &TestApp) -> Self {
        let first = app.register("alice").await;
        app.wait(60);
        Self { first, pair: None }
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::POST, "/users/refresh", &self.first.refresh)
    }

    async fn done(&mut self, _: &TestApp, answer: &Answer) {
        self.pair = Some(answer.tokens());
    }

    async fn unknown(&mut self, app: &TestApp) {
        app.wait(AFTER);
        let answer = app.send(self.request()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        self.done(app, &answer).await;
    }

    async fn stands(&self, app: &TestApp) {
        goes_on(app, self.pair.as_ref().unwrap()).await;
    }
}

/// `POST /users/refresh` when the answer to the last one was lost, and with it a pair.
pub(super) struct RefreshAfterALostAnswer {
    lost: Tokens,
    refresh: Refresh<0>,
}

impl Route for RefreshAfterALostAnswer {
    async fn prepare(app: &TestApp) -> Self {
        let refresh = Refresh::prepare(app).await;
        let lost = app.send(refresh.request()).await.tokens();
        app.wait(60);
        Self { lost, refresh }
    }

    fn request(&self) -> Request<Body> {
        self.refresh.request()
    }

    async fn done(&mut self, app: &TestApp, answer: &Answer) {
        self.refresh.done(app, answer).await;
        app.get_as("/tests/secret", &self.lost.access).await.says(401, "Token has been revoked");
    }

    async fn stands(&self, app: &TestApp) {
        self.refresh.stands(app).await;
    }
}

/// `POST /users/refresh` with a token that somebody must have a copy of: that ends the session.
pub(super) struct Replay {
    stolen: Tokens,
    newest: Tokens,
}

impl Route for Replay {
    const DONE: StatusCode = StatusCode::UNAUTHORIZED;

    async fn prepare(app: &TestApp) -> Self {
        let stolen = app.register("alice").await;
        app.wait(60);
        let newest = app.post_as("/users/refresh", &stolen.refresh).await.tokens();
        lets_in(app, &newest).await;
        app.wait(60);
        Self { stolen, newest }
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::POST, "/users/refresh", &self.stolen.refresh)
    }

    async fn stands(&self, app: &TestApp) {
        is_over(app, &self.newest).await;
        is_over(app, &self.stolen).await;
    }
}

/// `POST /users/refresh` with a token that the Flask application gave out.
pub(super) struct Adoption {
    legacy: String,
    pair: Option<Tokens>,
}

impl Route for Adoption {
    async fn prepare(app: &TestApp) -> Self {
        Self { legacy: legacy_token(app).await, pair: None }
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::POST, "/users/refresh", &self.legacy)
    }

    async fn done(&mut self, _: &TestApp, answer: &Answer) {
        self.pair = Some(answer.tokens());
    }

    async fn stands(&self, app: &TestApp) {
        goes_on(app, self.pair.as_ref().unwrap()).await;
    }
}

/// `POST /users/logout` of such a token: it is never adopted afterwards.
pub(super) struct LogoutOfALegacyToken(String);

impl Route for LogoutOfALegacyToken {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        Self(legacy_token(app).await)
    }

    fn request(&self) -> Request<Body> {
        with_token(Method::POST, "/users/logout", &self.0)
    }

    async fn stands(&self, app: &TestApp) {
        app.post_as("/users/refresh", &self.0).await.says(401, "Token has been revoked");
    }
}

/// A refresh token of the Flask application, of somebody with an account here.
async fn legacy_token(app: &TestApp) -> String {
    let ours = app.register("alice").await;
    let id = app.state.jwt().verify(&ours.access).unwrap().identity().to_owned();
    signed(legacy(app, &id))
}

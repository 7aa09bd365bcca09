//! What administrators do: no answer says of undone work that it is done, and what was done has its event.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use portcullis_server::{
    accounts::By,
    model::{Access, EventKind, EventQuery, LoginName, UserId},
};
use serde_json::{Value, json};

use super::{Route, goes_on, is_over, post};
use crate::support::{Answer, TestApp, Tokens, bearing};

/// An administrator, and somebody whom something is done to.
struct Two {
    root: Tokens,
    bob: Tokens,
    id: UserId,
}

impl Two {
    async fn prepare(app: &TestApp) -> Self {
        let (root, bob) = (app.admin("root").await, app.register("bob").await);
        let id = app.id_of(&bob);
        Self { root, bob, id }
    }

    fn request(&self, method: Method, below: &str, body: Option<&Value>) -> Request<Body> {
        let path = format!("/admin/users/{}{below}", self.id.as_str());
        bearing(method, &path, Some(&self.root.access), body)
    }
}

/// Whether there is such an event in the store.
async fn is_durable(app: &TestApp, kind: EventKind) -> bool {
    let query = EventQuery { kind: Some(kind), limit: 1, ..EventQuery::default() };
    !app.state.store().events(&query).await.unwrap().events.is_empty()
}

/// There is such an event, or there will be: it waits for the store.
async fn is_kept(app: &TestApp, kind: EventKind) {
    let query = EventQuery { kind: Some(kind), limit: 1, ..EventQuery::default() };
    let events = app.state.accounts().events(&query).await.unwrap().events;
    assert!(!events.is_empty(), "{kind:?}");
}

/// `POST /admin/users`
pub(super) struct CreateUser(Tokens);

impl Route for CreateUser {
    const DONE: StatusCode = StatusCode::CREATED;

    async fn prepare(app: &TestApp) -> Self {
        Self(app.admin("root").await)
    }

    fn request(&self) -> Request<Body> {
        let body = json!({"username": "carol", "password": "password", "access": 2});
        bearing(Method::POST, "/admin/users", Some(&self.0.access), Some(&body))
    }

    async fn done(&mut self, app: &TestApp, _: &Answer) {
        let events = EventQuery { kind: Some(EventKind::UserCreated), limit: 9, ..EventQuery::default() };
        let events = app.state.store().events(&events).await.unwrap().events;
        assert!(events.iter().any(|it| it.event.actor == Some(app.id_of(&self.0))));
    }

    async fn unknown(&mut self, app: &TestApp) {
        // 409: by the first attempt.
        let answer = app.send(self.request()).await;
        assert!(matches!(answer.status.as_u16(), 201 | 409), "{}", answer.body);
    }

    async fn stands(&self, app: &TestApp) {
        let carol = app.login("carol").await;
        assert_eq!(app.get_as("/admin/users", &carol.access).await.status, StatusCode::OK);
        is_kept(app, EventKind::UserCreated).await;
    }
}

/// `PATCH /admin/users/{id}`: a lower level.
pub(super) struct SetAccess(Two);

impl Route for SetAccess {
    async fn prepare(app: &TestApp) -> Self {
        Self(Two::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        self.0.request(Method::PATCH, "", Some(&json!({"access": 0})))
    }

    async fn done(&mut self, app: &TestApp, _: &Answer) {
        assert!(is_durable(app, EventKind::PermissionsChanged).await);
    }

    async fn stands(&self, app: &TestApp) {
        app.get_as("/tests/secret", &self.0.bob.access).await.says(401, "Token has been revoked");
        let now = app.post_as("/users/refresh", &self.0.bob.refresh).await;
        assert_eq!(now.status, StatusCode::OK, "{}", now.body);
        assert_eq!(app.get_as("/users/me", &now.tokens().access).await.body["access"], 0);
        is_kept(app, EventKind::PermissionsChanged).await;
    }
}

/// `PATCH /admin/users/{id}`: disabled.
pub(super) struct Disable(Two);

impl Route for Disable {
    async fn prepare(app: &TestApp) -> Self {
        Self(Two::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        self.0.request(Method::PATCH, "", Some(&json!({"disabled": true})))
    }

    async fn done(&mut self, app: &TestApp, _: &Answer) {
        assert!(is_durable(app, EventKind::UserDisabled).await);
    }

    async fn stands(&self, app: &TestApp) {
        is_over(app, &self.0.bob).await;
        let login = json!({"username": "bob", "password": "password"});
        app.post("/users/login", &login).await.says(401, "Wrong username or password");
        is_kept(app, EventKind::UserDisabled).await;
    }
}

/// `DELETE /admin/users/{id}`
pub(super) struct Delete(Two);

impl Route for Delete {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        Self(Two::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        self.0.request(Method::DELETE, "", None)
    }

    async fn done(&mut self, app: &TestApp, _: &Answer) {
        assert!(is_durable(app, EventKind::UserDeleted).await);
    }

    async fn unknown(&mut self, app: &TestApp) {
        // 404: it was done the first time.
        let answer = app.send(self.request()).await;
        assert!(matches!(answer.status.as_u16(), 204 | 404), "{}", answer.body);
    }

    async fn stands(&self, app: &TestApp) {
        is_over(app, &self.0.bob).await;
        let bob = app.state.store().user_by_name(&LoginName::parse("bob").unwrap()).await.unwrap();
        assert!(bob.is_none());
        is_kept(app, EventKind::UserDeleted).await;
    }
}

/// `DELETE /admin/users/{id}/sessions`
pub(super) struct EndSessions(Two);

impl Route for EndSessions {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        Self(Two::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        self.0.request(Method::DELETE, "/sessions", None)
    }

    async fn done(&mut self, app: &TestApp, _: &Answer) {
        assert!(is_durable(app, EventKind::SessionEnded).await);
    }

    async fn stands(&self, app: &TestApp) {
        is_over(app, &self.0.bob).await;
        is_kept(app, EventKind::SessionEnded).await;
        app.login("bob").await;
    }
}

/// `DELETE /admin/users/{id}/sessions/{session}`
pub(super) struct EndSession {
    two: Two,
    other: Tokens,
    below: String,
}

impl Route for EndSession {
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    async fn prepare(app: &TestApp) -> Self {
        let two = Two::prepare(app).await;
        let below = format!("/sessions/{}", app.session_of(&two.bob).as_str());
        Self { other: app.login("bob").await, two, below }
    }

    fn request(&self) -> Request<Body> {
        self.two.request(Method::DELETE, &self.below, None)
    }

    async fn done(&mut self, app: &TestApp, _: &Answer) {
        assert!(is_durable(app, EventKind::SessionEnded).await);
    }

    async fn stands(&self, app: &TestApp) {
        is_over(app, &self.two.bob).await;
        goes_on(app, &self.other).await;
        is_kept(app, EventKind::SessionEnded).await;
    }
}

/// `POST /admin/setup`
pub(super) struct SetUp(String);

impl Route for SetUp {
    const DONE: StatusCode = StatusCode::CREATED;

    async fn prepare(app: &TestApp) -> Self {
        Self(app.state.accounts().setup_secret(&By::operator(None)).await.unwrap().into_string())
    }

    fn request(&self) -> Request<Body> {
        post("/admin/setup", &json!({"secret": self.0, "username": "root", "password": "password"}))
    }

    async fn done(&mut self, app: &TestApp, _: &Answer) {
        assert!(is_durable(app, EventKind::SetupAdminCreated).await);
    }

    async fn unknown(&mut self, app: &TestApp) {
        // 409 or 401: by the first attempt, which has made the administrator or even used the secret up.
        let answer = app.send(self.request()).await;
        assert!(matches!(answer.status.as_u16(), 201 | 401 | 409), "{}", answer.body);
    }

    async fn stands(&self, app: &TestApp) {
        let root = app.login("root").await;
        assert_eq!(app.get_as("/admin/users", &root.access).await.status, StatusCode::OK);
        let again = app.send(self.request()).await;
        assert!(matches!(again.status.as_u16(), 401 | 409), "{}", again.body);
        is_kept(app, EventKind::SetupAdminCreated).await;
    }
}

/// A route of administrators that only reads.
pub(super) struct Read<const LIST: usize>(Two);

impl<const LIST: usize> Route for Read<LIST> {
    async fn prepare(app: &TestApp) -> Self {
        Self(Two::prepare(app).await)
    }

    fn request(&self) -> Request<Body> {
        let path = match LIST {
            0 => "/admin/users?name=b".to_owned(),
            1 => format!("/admin/users/{}", self.0.id.as_str()),
            2 => format!("/admin/users/{}/sessions", self.0.id.as_str()),
            _ => "/admin/audit?event=privilege_permissions_changed&limit=1".to_owned(),
        };
        bearing(Method::GET, &path, Some(&self.0.root.access), None)
    }

    async fn done(&mut self, _: &TestApp, answer: &Answer) {
        let said = match LIST {
            0 => &answer.body["users"][0]["username"],
            1 => &answer.body["username"],
            2 => &answer.body["sessions"][0]["opened_at"],
            _ => &answer.body["events"][0]["event"],
        };
        let expected =
            [json!("bob"), json!("bob"), json!(1_900_000_000), json!("privilege_permissions_changed")];
        assert_eq!(*said, expected[LIST]);
    }
}

/// `POST /users/login` with a wrong password: it is counted, or nobody is told that it was wrong.
pub(super) struct WrongPassword(UserId);

impl Route for WrongPassword {
    const DONE: StatusCode = StatusCode::UNAUTHORIZED;

    async fn prepare(app: &TestApp) -> Self {
        let bob = app.register("bob").await;
        app.set_access(&bob, Access::Guest).await;
        Self(app.id_of(&bob))
    }

    fn request(&self) -> Request<Body> {
        post("/users/login", &json!({"username": "bob", "password": "wrong"}))
    }

    async fn done(&mut self, app: &TestApp, _: &Answer) {
        assert!(is_durable(app, EventKind::LoginFail).await);
    }

    async fn stands(&self, app: &TestApp) {
        let bob = app.state.accounts().user(&self.0).await.unwrap();
        assert!((1..=2).contains(&bob.failures.count), "{:?}", bob.failures);
    }
}

//! The service in this process: the same function that `main` calls, on a real database in a folder of its own.

use std::{
    cell::{Cell, OnceCell},
    collections::BTreeMap,
    ffi::OsString,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt;
use portcullis::{Claims, ManualClock, NumericDate, Require};
use portcullis_server::{
    App,
    accounts::By,
    app,
    config::{self, Config, Environment, Sources},
    model::{Access, Revocation, SessionId, UserId},
    state::AppState,
    store,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinSet};
use tower::ServiceExt;

use super::{contract::Contract, faulty::Faulty};

/// The other end of the connection that a request comes over, in its extensions; without one it comes over none.
#[derive(Clone, Copy)]
pub struct Peer(pub IpAddr);

/// A service with a clock that stands still. Ends the test if any answer is not as the service describes it, or was a 5xx
/// that nobody expected.
pub struct TestApp {
    pub clock: ManualClock,
    pub state: AppState,
    service: App,
    errors_expected: Cell<bool>,
    errors: Cell<usize>,
    contract: OnceCell<Contract>,
    place: Place,
}

/// What a service is opened with, once and again.
#[derive(Clone)]
struct Place {
    config: Config,
    clock: ManualClock,
    instance: Arc<TempDir>,
}

/// How long news may take from one node to another: a second, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(4);

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// What a login hands out.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

/// What a service of the tests signs with.
pub(super) const SECRET: &str = "a secret of the tests, 32 bytes or more";

impl TestApp {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A service with settings, as the environment would give them.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let place = Place::new(settings);
        let state = AppState::open(&place.config, Arc::new(place.clock.clone())).await.unwrap();
        Self::of(place, state)
    }

    /// A service, and a way to let calls of its store fail.
    pub async fn with_faults() -> (Self, Arc<Faulty>) {
        Self::with_faults_and(&[]).await
    }

    /// The same with settings.
    pub async fn with_faults_and(settings: &[(&str, &str)]) -> (Self, Arc<Faulty>) {
        let place = Place::new(settings);
        let store = store::open(&place.config.database).await.unwrap();
        let faulty = Arc::new(Faulty::new(store));
        let clock = Arc::new(place.clock.clone());
        let state = AppState::with_store(&place.config, clock, faulty.clone()).await.unwrap();
        (Self::of(place, state), faulty)
    }

    /// The service after a restart: the same data and the same time.
    pub async fn restarted(mut self) -> Self {
        self.restart().await;
        self
    }

    /// Another node of the service, on the same database and with the same clock.
    #[cfg(feature = "mongo")]
    pub async fn another_node(&self) -> Self {
        let place = self.place.clone();
        let state = AppState::open(&place.config, Arc::new(place.clock.clone())).await.unwrap();
        Self::of(place, state)
    }

    fn of(place: Place, state: AppState) -> Self {
        Self {
            clock: place.clock.clone(),
            service: app(&state),
            state,
            errors_expected: Cell::new(false),
            errors: Cell::new(0),
            contract: OnceCell::new(),
            place,
        }
    }

    /// The address of the session that tokens are of.
    pub fn session_path(&self, tokens: &Tokens) -> String {
        let claims = self.state.jwt().verify(&tokens.access).unwrap();
        format!("/users/me/sessions/{}", claims.session().unwrap().id)
    }

    /// The file of the database, where it is an embedded one.
    pub fn database(&self) -> PathBuf {
        self.state.store().location().strip_prefix("sqlite:").unwrap().into()
    }

    /// Waits until a guarded route answers a token with a status, without doing anything for it.
    pub async fn comes_to(&self, status: u16, token: &str) {
        let coming = async {
            let mut rhythm = tokio::time::interval(Duration::from_millis(5));
            while self.get_as("/tests/secret", token).await.status != status {
                rhythm.tick().await;
            }
        };
        tokio::time::timeout(SOON, coming).await.unwrap_or_else(|_| panic!("it does not come to {status}"));
    }

    /// Stops the service and starts it again, on the same data and at the same time.
    pub async fn restart(&mut self) {
        self.state.close().await;
        let clock = Arc::new(self.place.clock.clone());
        self.state = AppState::open(&self.place.config, clock).await.unwrap();
        self.service = app(&self.state);
        self.contract = OnceCell::new();
    }

    /// The same with other settings.
    pub async fn restart_with(&mut self, settings: &[(&str, &str)]) {
        self.place.config = configuration(self.place.instance.path(), settings);
        self.restart().await;
    }

    /// Says that this test makes the service fail.
    pub fn expect_errors(&self) {
        self.errors_expected.set(true);
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn get_as(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub async fn post_as(&self, path: &str, token: &str) -> Answer {
        let request = Request::post(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The same request many times at once, each on a task of its own.
    pub async fn at_once(&self, times: usize, path: &str, token: &str) -> Vec<Answer> {
        let mut tasks = JoinSet::new();
        for _ in 0..times {
            let request = Request::post(path).header(header::HOST, "test");
            let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            let answer = self.service.clone().oneshot(request.body(Body::empty()).unwrap());
            tasks.spawn(async move { Answer::of(answer.await.unwrap()).await });
        }
        let answers = tasks.join_all().await;
        for answer in &answers {
            self.contract().hold(&Method::POST, path, answer);
        }
        answers
    }

    fn contract(&self) -> &Contract {
        self.contract.get_or_init(|| Contract::of(self.state.terms()))
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_bytes(path, "application/json", body.to_string()).await
    }

    pub async fn post_bytes(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, content_type);
        self.send(request.body(body.into()).unwrap()).await
    }

    pub async fn method(&self, method: Method, path: &str) -> Answer {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    }

    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry(header::HOST).or_insert_with(|| "test".parse().unwrap());
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let peer = request.extensions_mut().remove();
        let service = peer.map_or_else(|| self.service.clone(), |Peer(peer)| self.service.connected(peer));
        let answer = Answer::of(service.oneshot(request).await.unwrap()).await;
        self.contract().hold(&method, &path, &answer);
        if answer.status.is_server_error() {
            self.errors.set(self.errors.get() + 1);
        }
        answer
    }

    /// Registers somebody, with the password "password".
    pub async fn register(&self, username: &str) -> Tokens {
        let body = serde_json::json!({"username": username, "password": "password"});
        let answer = self.post("/users/registration", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.tokens()
    }

    /// Logs somebody in, with the password "password".
    pub async fn login(&self, username: &str) -> Tokens {
        let body = serde_json::json!({"username": username, "password": "password"});
        let answer = self.post("/users/login", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.tokens()
    }

    /// Somebody who administers users, with a fresh token.
    pub async fn admin(&self, username: &str) -> Tokens {
        let tokens = self.register(username).await;
        self.set_access(&tokens, Access::Admin).await;
        self.login(username).await
    }

    /// Gives the user of a token another level, as whoever runs the program can.
    pub async fn set_access(&self, tokens: &Tokens, access: Access) {
        let accounts = self.state.accounts();
        accounts.set_access(&By::operator(None), &self.id_of(tokens), access).await.unwrap();
    }

    /// The user of a token that is genuine, whatever has become of it.
    pub fn id_of(&self, tokens: &Tokens) -> UserId {
        UserId::new(self.claims(&tokens.access).identity())
    }

    /// The session of such a token.
    pub fn session_of(&self, tokens: &Tokens) -> SessionId {
        SessionId::new(self.claims(&tokens.access).session().unwrap().id)
    }

    fn claims(&self, token: &str) -> Claims {
        let require = Require::any().even_expired().even_revoked();
        self.state.jwt().verify_as(token, require).unwrap()
    }

    /// A request with a token and, where there is one, a body.
    pub async fn request(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> Answer {
        self.send(bearing(method, path, Some(token), body)).await
    }

    /// The `jti`s on the store's list, in their order.
    pub async fn revoked(&self) -> Vec<String> {
        let (sender, mut batches) = mpsc::channel(8);
        let ever = NumericDate::from_seconds(i64::MIN);
        self.state.store().revocations(None, ever, sender).await.unwrap();
        let mut jtis = Vec::new();
        while let Some(batch) = batches.recv().await {
            jtis.extend(batch.into_iter().filter_map(|revocation| match revocation {
                Revocation::Token(token) => Some(token.jti),
                _ => None,
            }));
        }
        jtis.sort();
        jtis
    }

    pub fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Place {
    fn new(settings: &[(&str, &str)]) -> Self {
        let instance = tempfile::tempdir().unwrap();
        let config = configuration(instance.path(), settings);
        let clock = ManualClock::at(NumericDate::from_seconds(1_900_000_000));
        Self { config, clock, instance: Arc::new(instance) }
    }
}

/// A request, with a token and a body where there are any.
pub fn bearing(method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    match body {
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

/// The testing profile with settings, as the environment would give them.
fn configuration(instance: &Path, settings: &[(&str, &str)]) -> Config {
    // Cheap hashes: what they cost is not what these tests are about.
    let mut environment = BTreeMap::from([
        ("JWT_SECRET_KEY", SECRET),
        ("PASSWORD_ARGON2_MEMORY_KIB", "64"),
        ("PASSWORD_ARGON2_PASSES", "1"),
    ]);
    environment.extend(settings.iter().copied());
    let environment: Environment =
        environment.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
    let sources = Sources {
        instance: instance.to_owned(),
        profile: Some("testing".to_owned()),
        environment,
        command_line: Vec::new(),
    };
    let (config, _) = config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    config
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let media_type = parts.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap());
        let body = match media_type {
            _ if bytes.is_empty() => Value::Null,
            Some(text) if !text.contains("json") => String::from_utf8(bytes.into()).unwrap().into(),
            _ => serde_json::from_slice(&bytes).unwrap(),
        };
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The lines that set cookies or take them away.
    pub fn cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    pub fn tokens(&self) -> Tokens {
        let text = |name: &str| self.body[name].as_str().unwrap().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }

    /// Status and body, as the Flask styles have them.
    pub fn says(&self, status: u16, msg: &str) {
        assert_eq!((self.status.as_u16(), &self.body), (status, &serde_json::json!({ "msg": msg })));
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.errors_expected.get() {
            assert_eq!(self.errors.get(), 0, "answers were 5xx that nobody expected");
        }
    }
}

//! The running program on a MongoDB.

#[path = "../store/mongo/place.rs"]
pub(crate) mod place;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use mongodb::{
    Client,
    bson::{Bson, DateTime, Document, doc},
};
use portcullis::{Key, testing::Mint};
use portcullis_server::model::{Access, UserQuery, UserState};
use serde_json::json;

use self::place::{Place, is_there};
use crate::{
    harness::{
        kill::{self, Plan, StoreKind},
        secantus::Secantus,
    },
    support::{Answer, Server, TestApp, Tokens, instance},
};

/// Whether tests can have a server of their own, which they may stop and kill.
pub(crate) fn is_secantus() -> bool {
    let here = is_there() && Secantus::is_here();
    if is_there() && !here {
        place::say("SKIPPED: outages of a MongoDB; scripts/mongo cannot fetch a server to stop");
    }
    here
}

const SECRET: &str = "JWT_SECRET_KEY = 'a secret that all nodes share, 32 bytes'\n";

#[test]
fn a_user_registers_logs_in_and_out_and_stays_out_after_a_kill() {
    if !is_there() {
        return;
    }
    let place = Place::new();
    let folder = instance(SECRET);
    let start = || Server::start(folder.path(), &["--profile", "testing"], &[("MONGO_URI", &place.uri)]);
    let alice = json!({"username": "Alice", "password": "correct horse"});
    let secret = (200, json!({"Hello": "Secret!"}));
    let refused = (401, json!({"msg": "Token has been revoked"}));

    let server = start();
    assert!(server.ready.contains("store mongodb://") && server.ready.contains(&place.name));
    assert_eq!(server.post("/users/registration", &alice).0, 201);
    assert_eq!(server.post("/users/registration", &alice).0, 409);
    let (status, tokens) = server.post("/users/login", &alice);
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(server.bearer("GET", "/tests/secret", token), secret);
    assert_eq!(server.bearer("POST", "/users/logout", token).0, 204);
    assert_eq!(server.bearer("GET", "/tests/secret", token), refused);
    // Killed, not stopped: what was acknowledged is durable.
    drop(server);

    let server = start();
    assert_eq!(server.bearer("GET", "/tests/secret", token), refused);
    let again = server.post("/users/login", &json!({"username": "ALICE", "password": "correct horse"}));
    assert_eq!(again.0, 200, "{}", again.1);
    assert_eq!(server.bearer("GET", "/tests/secret", again.1["access_token"].as_str().unwrap()), secret);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the configuration lies there");
    server.signal("TERM");
    assert!(server.wait().success());
}

/// A user who is logged in, on as many nodes over one database.
async fn nodes(count: usize, place: &Place, settings: &[(&str, &str)]) -> (Vec<TestApp>, Tokens) {
    let settings = [settings, &[("MONGO_URI", place.uri.as_str())]].concat();
    let mut nodes = vec![TestApp::with(&settings).await];
    while nodes.len() < count {
        nodes.push(nodes[0].another_node().await);
    }
    let alice = nodes[0].register("alice").await;
    nodes[0].wait(60);
    (nodes, alice)
}

/// Uses one refresh token many times at once, on all nodes.
async fn refreshes_at_once(uses: usize, nodes: &[TestApp], token: &str) -> Vec<Answer> {
    let each = uses / nodes.len();
    let (first, rest) = nodes.split_first().unwrap();
    let second = rest.first().unwrap_or(first);
    let path = "/users/refresh";
    let (mut answers, others) = tokio::join!(first.at_once(uses - each * rest.len(), path, token), async {
        second.at_once(each * rest.len(), path, token).await
    });
    answers.extend(others);
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_uses_of_a_refresh_token_at_once_all_get_one_pair_on_one_node_and_on_two() {
    // BRR-12
    if !is_there() {
        return;
    }
    for (count, uses) in [(1, 10), (2, 10), (1, 100), (2, 100), (1, 1000), (2, 1000)] {
        let place = Place::new();
        let (nodes, alice) = nodes(count, &place, &[]).await;
        let answers = refreshes_at_once(uses, &nodes, &alice.refresh).await;
        let mut pairs: Vec<_> = answers.iter().map(|answer| answer.tokens().refresh).collect();
        let made = answers.iter().filter(|answer| answer.header("refresh-repeat").is_empty()).count();
        pairs.dedup();
        assert_eq!((pairs.len(), made), (1, 1), "{uses} uses on {count} nodes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_patience_one_of_many_uses_at_once_succeeds_on_one_node_and_on_two() {
    if !is_there() {
        return;
    }
    let settings = [("REFRESH_REUSE_WINDOW", "0"), ("REFRESH_LOST_ANSWER", "refuse")];
    for (count, uses) in [(1, 10), (2, 10), (1, 100), (2, 100), (1, 1000), (2, 1000)] {
        let place = Place::new();
        let (nodes, alice) = nodes(count, &place, &settings).await;
        let answers = refreshes_at_once(uses, &nodes, &alice.refresh).await;
        let done = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
        let refused = answers.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count();
        assert_eq!((done, refused), (1, uses - 1), "{uses} uses on {count} nodes");
    }
}

/// A node on a MongoDB, with one way of hearing of others.
async fn node(place: &Place, feed: &str) -> TestApp {
    let settings = [("MONGO_URI", place.uri.as_str()), ("REVOCATION_FEED", feed)];
    TestApp::with(&settings).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_on_one_node_is_refused_by_the_other() {
    // BRR-18
    if !is_there() {
        return;
    }
    for feed in ["poll", "stream"] {
        let place = Place::new();
        let (one, other) = (node(&place, feed).await, node(&place, feed).await);
        one.register("alice").await;
        for _ in 0..3 {
            let alice = one.login("alice").await;
            assert_eq!(other.get_as("/tests/secret", &alice.access).await.status, 200, "{feed}");
            assert_eq!(one.post_as("/users/logout", &alice.access).await.status, 204);
            other.comes_to(401, &alice.access).await;
            other.post_as("/users/refresh", &alice.refresh).await.says(401, "Token has been revoked");
        }
        // The access token of an answer that was lost.
        let first = other.login("alice").await;
        let clocks = |seconds| [&one, &other].map(|node| node.wait(seconds));
        clocks(60);
        let lost = other.post_as("/users/refresh", &first.refresh).await.tokens();
        clocks(600);
        let third = one.post_as("/users/refresh", &first.refresh).await;
        assert_eq!(third.header("refresh-repeat"), "lost-answer");
        other.comes_to(401, &lost.access).await;
        let third = third.tokens();
        assert_eq!(other.get_as("/tests/secret", &third.access).await.status, 200);
        // All of a user, those of no session among them.
        let identity = one.state.jwt().verify(&third.access).unwrap().identity().to_owned();
        let theirs = one.state.jwt().access(identity).sign().unwrap();
        assert_eq!(other.get_as("/tests/secret", theirs.as_str()).await.status, 200);
        assert_eq!(one.post_as("/users/logout?scope=all", &third.access).await.status, 204);
        other.comes_to(401, &third.access).await;
        other.comes_to(401, theirs.as_str()).await;
        for node in [one, other] {
            node.state.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_administrator_does_on_one_node_holds_on_the_other() {
    // CLM-11, CLM-19, BRR-26
    if !is_there() {
        return;
    }
    for feed in ["poll", "stream"] {
        let place = Place::new();
        let (one, other) = (node(&place, feed).await, node(&place, feed).await);
        let (root, bob) = (one.admin("root").await, other.register("bob").await);
        let path = format!("/admin/users/{}", one.id_of(&bob).as_str());
        let change = async |body: serde_json::Value| {
            let answer = one.request(Method::PATCH, &path, &root.access, Some(&body)).await;
            assert_eq!(answer.status, 200, "{feed}: {}", answer.body);
        };
        change(json!({"access": 2})).await;
        one.get_as("/tests/secret", &bob.access).await.says(401, "Token has been revoked");
        other.comes_to(401, &bob.access).await;
        let promoted = other.post_as("/users/refresh", &bob.refresh).await.tokens();
        assert_eq!(other.get_as("/admin/users", &promoted.access).await.status, 200);
        change(json!({"access": 0})).await;
        // By what the store says, before this node has heard of it.
        let refused = other.get_as("/admin/users", &promoted.access).await.status.as_u16();
        assert!(matches!(refused, 401 | 403), "{refused}");
        other.comes_to(401, &promoted.access).await;
        let demoted = other.post_as("/users/refresh", &promoted.refresh).await.tokens();
        assert_eq!(other.get_as("/users/me", &demoted.access).await.body["access"], 0);

        change(json!({"disabled": true})).await;
        other.comes_to(401, &demoted.access).await;
        other.post_as("/users/refresh", &demoted.refresh).await.says(401, "Token has been revoked");
        let login = json!({"username": "bob", "password": "password"});
        other.post("/users/login", &login).await.says(401, "Wrong username or password");
        change(json!({"disabled": false})).await;
        let back = other.login("bob").await;
        assert_eq!(one.request(Method::DELETE, &path, &root.access, None).await.status, 204);
        other.comes_to(401, &back.access).await;
        one.request(Method::DELETE, &path, &root.access, None).await.says(404, "There is no such user");
        let kept = other.get_as("/admin/audit?event=user_deleted", &root.access).await.body;
        assert_eq!(kept["events"][0]["subject"], one.id_of(&bob).as_str());
        for node in [one, other] {
            node.state.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_administrators_who_take_each_other_away_on_two_nodes_one_stays_at_least() {
    // ADM-04
    if !is_there() {
        return;
    }
    let place = Place::new();
    let (one, other) = (node(&place, "poll").await, node(&place, "poll").await);
    for round in 0..5 {
        let names = [format!("one{round}"), format!("other{round}")];
        let (first, second) = (one.admin(&names[0]).await, other.admin(&names[1]).await);
        let path = |tokens| format!("/admin/users/{}", one.id_of(tokens).as_str());
        let (of_first, of_second) = (path(&first), path(&second));
        let body = json!({"disabled": true});
        let (by_first, by_second) = tokio::join!(
            one.request(Method::PATCH, &of_second, &first.access, Some(&body)),
            other.request(Method::PATCH, &of_first, &second.access, Some(&body)),
        );
        let done = [&by_first, &by_second].into_iter().filter(|answer| answer.status == 200).count();
        assert!(done <= 1, "{round}: {} {}", by_first.body, by_second.body);
        let enabled = UserQuery {
            access: Some(Access::Admin),
            state: Some(UserState::Enabled),
            limit: 9,
            ..UserQuery::default()
        };
        let left = one.state.accounts().users(&enabled).await.unwrap().users;
        assert_eq!(left.len(), 2 - done, "{round}");
        // The next round begins with nobody of this one.
        let client = Client::with_uri_str(&place.uri).await.unwrap();
        let users = client.database(&place.name).collection::<Document>("users");
        users.update_many(doc! {}, doc! { "$set": { "access": 0 } }).await.unwrap();
    }
    for node in [one, other] {
        node.state.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_flask_application_revokes_is_refused_by_a_running_node() {
    if !is_there() {
        return;
    }
    for feed in ["poll", "stream"] {
        let place = Place::new();
        let node = node(&place, feed).await;
        let alice = node.register("alice").await;
        let jti = node.state.jwt().verify(&alice.access).unwrap().jti().unwrap().to_owned();
        let client = Client::with_uri_str(&place.uri).await.unwrap();
        // As pymongo writes `datetime.now()`: local time, taken for UTC.
        let theirs = doc! { "jti": jti, "created_at": DateTime::from_millis(1_554_120_000_123) };
        let revoked = client.database(&place.name).collection::<Document>("revoked_tokens");
        revoked.insert_one(theirs.clone()).await.unwrap();
        node.comes_to(401, &alice.access).await;
        node.state.close().await;
        let mut kept = revoked.find_one(doc! {}).await.unwrap().unwrap();
        kept.remove("_id");
        kept.remove("at");
        assert_eq!(kept, theirs);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whose_document_cannot_be_read_is_answered_as_an_unknown_name_is() {
    // LOG-01
    if !is_there() {
        return;
    }
    let place = Place::new();
    let node = node(&place, "poll").await;
    for name in ["alice", "bob"] {
        node.register(name).await;
    }
    let client = Client::with_uri_str(&place.uri).await.unwrap();
    let users = client.database(&place.name).collection::<Document>("users");
    let log_in = async |name: &str| {
        node.post("/users/login", &json!({"username": name, "password": "password"})).await
    };
    let unknown = log_in("nobody").await;
    unknown.says(401, "Wrong username or password");
    for damage in [doc! { "access": Bson::Null }, doc! { "access": "1" }, doc! { "disabled": 1 }] {
        users.update_one(doc! { "username": "alice" }, doc! { "$set": damage.clone() }).await.unwrap();
        let answer = log_in("alice").await;
        assert_eq!((answer.status, &answer.body), (unknown.status, &unknown.body), "{damage}");
        let repair = doc! { "$set": { "access": 1 }, "$unset": { "disabled": "" } };
        users.update_one(doc! { "username": "alice" }, repair).await.unwrap();
    }
    for name in ["alice", "bob"] {
        assert_eq!(log_in(name).await.status, StatusCode::OK, "{name}");
    }
    node.state.close().await;
}

/// The short form of `scripts/bench kill --store mongo`: the server and the database are killed.
#[test]
fn what_was_acknowledged_under_load_survives_and_nothing_comes_back() {
    // DUR-04
    if !is_secantus() {
        return;
    }
    let longest = Duration::from_millis(400);
    let plan = Plan { rounds: 2, seed: 1, store: StoreKind::Mongo, rounds_of_a_life: 2, longest };
    let report = kill::run(&plan, |_| {});
    assert!(report.violations.is_empty(), "{report}\n{:#?}", report.violations);
    assert!(!report.facts.is_empty() && report.database_kills > 0, "{report}");
}

#[test]
fn a_flask_refresh_token_is_one_session_on_all_nodes_and_ended_on_all_at_once() {
    if !is_there() {
        return;
    }
    let place = Place::new();
    let folder = instance(SECRET);
    let start = || Server::start(folder.path(), &["--profile", "testing"], &[("MONGO_URI", &place.uri)]);
    let (one, other) = (start(), start());
    let body = json!({"username": "alice", "password": "correct horse"});
    let access = one.post("/users/registration", &body).1["access_token"].as_str().unwrap().to_owned();
    let alice = one.bearer("GET", "/users/me", &access).1["id"].as_str().unwrap().to_owned();
    let key = Key::hs256("a secret that all nodes share, 32 bytes").unwrap();
    let legacy = || Mint::refresh(alice.as_str()).sign(&key);
    let refused = (401, json!({"msg": "Token has been revoked"}));

    let token = legacy();
    let (status, first) = one.bearer("POST", "/users/refresh", &token);
    assert_eq!((status, other.bearer("POST", "/users/refresh", &token)), (200, (200, first)));

    // Before the other node can have read the list of what is revoked.
    for _ in 0..5 {
        let token = legacy();
        assert_eq!(one.bearer("POST", "/users/logout", &token).0, 204);
        assert_eq!(other.bearer("POST", "/users/refresh", &token), refused);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_stands_in_the_list_for_an_application_that_may_come_back() {
    if !is_there() {
        return;
    }
    let place = Place::new();
    let app = node(&place, "poll").await;
    let first = app.register("alice").await;
    let jti = |token: &str| app.state.jwt().verify(token).unwrap().jti().unwrap().to_owned();
    let access = [jti(&first.access)];
    app.wait(60);
    let second = app.post_as("/users/refresh", &first.refresh).await.tokens();
    let access = [access[0].clone(), jti(&second.access)];
    let client = Client::with_uri_str(&place.uri).await.unwrap();
    let list = client.database(&place.name).collection::<Document>("revoked_tokens");
    assert_eq!(list.count_documents(doc! {}).await.unwrap(), 0, "a refresh alone is nobody's business");
    assert_eq!(app.post_as("/users/logout", &second.access).await.status, 204);
    // The application does not run: a job tells it soon, and no logout waits for that.
    let told = tokio::time::timeout(Duration::from_mins(1), async {
        let mut rhythm = tokio::time::interval(Duration::from_millis(100));
        while list.count_documents(doc! {}).await.unwrap() < 4 {
            rhythm.tick().await;
        }
    });
    told.await.expect("both access tokens and both refresh tokens");
    for jti in &access {
        assert_eq!(list.count_documents(doc! { "jti": jti }).await.unwrap(), 1);
    }
    assert_eq!(list.count_documents(doc! {}).await.unwrap(), 4);
    app.state.close().await;
}

//! `/admin/users` and `/admin/users/{id}`

use axum::http::{Method, StatusCode};
use portcullis_server::model::{
    Access, EventCursor, EventKind, LoginName, StoredEvent, UserId, UserQuery, UserState,
};
use serde_json::{Value, json};

use super::{Console, at, events};
use crate::support::{Answer, TestApp, Tokens, bearing};

/// The names on a page.
fn names(page: &Value) -> Vec<&str> {
    page["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_user_is_made_and_seen_without_a_hash() {
    // PWD-20
    let app = TestApp::with(&[("REGISTRATION", "open")]).await;
    let root = Console::of(&app).await;
    let body = json!({"username": "Carol", "password": "password", "access": 0});
    let made = root.post("/admin/users", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let id = made.body["id"].as_str().unwrap();
    let carol = json!({
        "id": id, "username": "Carol", "access": 0, "disabled": false, "created_at": 1_900_000_000,
        "failures": 0, "locked_until": null,
    });
    assert_eq!(made.body, carol);
    assert_eq!(root.get(&format!("/admin/users/{id}")).await.body, carol);
    let hash = app.state.store().user_by_id(&UserId::new(id)).await.unwrap().unwrap();
    for path in ["/admin/users", "/admin/users?name=carol", "/admin/audit"] {
        let said = root.get(path).await.body.to_string();
        assert!(!said.contains(hash.password.as_str()) && !said.contains("argon2"), "{path}");
    }
    let login = json!({"username": "carol", "password": "password"});
    assert_eq!(app.post("/users/login", &login).await.status, StatusCode::OK);
    root.post("/admin/users", &body).await.says(409, "The username is taken");
    // Without a level it is that of a registration.
    let dave = root.post("/admin/users", &json!({"username": "dave", "password": "password"})).await;
    assert_eq!(dave.body["access"], 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_user_is_named_all_at_once() {
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    for access in
        [json!("2"), json!(3), json!(-1), json!(1.0), json!(null), json!([1]), json!(true), json!("admin")]
    {
        let body = json!({"username": "two words", "password": "", "access": access, "acces": 2});
        let answer = root.post("/admin/users", &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let errors = answer.body["errors"].as_object().unwrap();
        let fields: Vec<_> = errors.keys().map(String::as_str).collect();
        assert_eq!(fields, ["acces", "access", "password", "username"], "{access}");
        assert_eq!(errors["access"], json!(["must be 0 (guest), 1 (user) or 2 (admin)"]));
        assert_eq!(errors["acces"], json!(["is not known"]));
    }
}

#[tokio::test]
async fn a_change_is_of_a_known_member_and_of_its_type() {
    // ADM-05
    let app = TestApp::new().await;
    let (root, bob) = (Console::of(&app).await, app.register("bob").await);
    let path = at(&app, &bob);
    for (body, field, problem) in [
        (json!({"access": "0"}), "access", "must be 0 (guest), 1 (user) or 2 (admin)"),
        (json!({"disabled": 1}), "disabled", "must be true or false"),
        (json!({"disabled": null}), "disabled", "must be true or false"),
        (json!({"locked": true}), "locked", "must be false: what locks a user is failed logins"),
        (json!({"access": 0, "password": "password"}), "password", "is not known"),
        (json!({"disabled": true, "username": "bobby"}), "username", "is not known"),
    ] {
        let answer = root.patch(&path, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.body["errors"], json!({field: [problem]}), "{body}");
    }
    root.patch(&path, &json!({})).await.says(422, "There is nothing to change in the body");
    let as_it_was = root.get(&path).await.body;
    assert_eq!((&as_it_was["access"], &as_it_was["disabled"]), (&json!(1), &json!(false)));
}

#[tokio::test]
async fn every_page_together_has_every_user_once_whoever_comes_meanwhile() {
    // ADM-07
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    for number in 0..20 {
        app.register(&format!("user{number:02}")).await;
    }
    for list in ["/admin/users?", "/admin/users?name=user&"] {
        let (mut seen, mut next, mut late) = (Vec::new(), None::<String>, 0);
        loop {
            let after = next.map(|next| format!("&after={next}")).unwrap_or_default();
            let page = root.get(&format!("{list}limit=3{after}")).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            assert!(names(&page.body).len() <= 3);
            seen.extend(names(&page.body).into_iter().map(str::to_owned));
            next = page.body["next"].as_str().map(str::to_owned);
            if next.is_none() {
                break;
            }
            if late < 4 {
                app.register(&format!("late{}{late}", list.len())).await;
                late += 1;
            }
        }
        for number in 0..20 {
            let name = format!("user{number:02}");
            assert_eq!(seen.iter().filter(|seen| **seen == name).count(), 1, "{list} {name}");
        }
    }
}

#[tokio::test]
async fn users_are_found_by_what_their_names_begin_with_level_and_state() {
    // ADM-08
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    for name in ["Alice", "alina", "Bob", "jos\u{e9}", "%percent", "_under", "a.b", "$ne"] {
        app.register(name).await;
    }
    for (begin, expected) in [
        ("al", vec!["Alice", "alina"]),
        ("AL", vec!["Alice", "alina"]),
        ("\u{ff41}l", vec!["Alice", "alina"]),
        ("alice", vec!["Alice"]),
        ("Jose\u{301}", vec!["jos\u{e9}"]),
        ("%", vec!["%percent"]),
        ("_", vec!["_under"]),
        ("a.", vec!["a.b"]),
        ("$", vec!["$ne"]),
        (".*", vec![]),
        ("^", vec![]),
        ("[a-z]", vec![]),
        ("{\"$ne\":null}", vec![]),
        ("' OR 1=1 --", vec![]),
        ("\u{0}", vec![]),
        ("\u{10ffff}", vec![]),
    ] {
        let encoded: Vec<_> = begin.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let encoded = encoded.concat();
        let page = root.get(&format!("/admin/users?name={encoded}")).await;
        assert_eq!(page.status, StatusCode::OK, "{begin:?}: {}", page.body);
        assert_eq!(names(&page.body), expected, "{begin:?}");
    }
    let admins = root.get("/admin/users?access=2").await;
    assert_eq!(names(&admins.body), ["root"]);
    let bob = root.get("/admin/users?name=bob").await.body["users"][0]["id"].as_str().unwrap().to_owned();
    root.patch(&format!("/admin/users/{bob}"), &json!({"disabled": true})).await;
    assert_eq!(names(&root.get("/admin/users?state=disabled").await.body), ["Bob"]);
    assert_eq!(names(&root.get("/admin/users?state=enabled&access=1&name=b").await.body), [""; 0]);
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_with_what_is_wrong_with_it() {
    // ADM-07
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    for (query, name, problem) in [
        ("limit=0", "limit", "must be a number from 1 to 200"),
        ("limit=201", "limit", "must be a number from 1 to 200"),
        ("limit=-1", "limit", "must be a number from 1 to 200"),
        ("limit=1e2", "limit", "must be a number from 1 to 200"),
        ("limit=99999999999999999999", "limit", "must be a number from 1 to 200"),
        ("limit=", "limit", "must be a number from 1 to 200"),
        ("limit=2&limit=3", "limit", "is given more than once"),
        ("access=admin", "access", "must be 0 (guest), 1 (user) or 2 (admin)"),
        ("access=9", "access", "must be 0 (guest), 1 (user) or 2 (admin)"),
        ("state=gone", "state", "must be enabled or disabled"),
        ("name=", "name", "must not be empty"),
        ("after=1", "after", "is not a cursor that this service gave out"),
        ("after=i.%24ne", "after", "is not a cursor that this service gave out"),
        ("after=n.YWxpY2U", "after", "is a cursor of another list"),
        ("name=a&after=i.YWxpY2U", "after", "is a cursor of another list"),
        ("Limit=2", "Limit", "is not known"),
        ("sort=password", "sort", "is not known"),
        ("access[$ne]=2", "access[$ne]", "is not known"),
    ] {
        let answer = root.get(&format!("/admin/users?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(answer.body["errors"], json!({name: [problem]}), "{query}");
    }
    // A cursor of the right form that no store of this kind gave out (ADM-07).
    let after = EventCursor::behind(0, "5ca1f0c0d3b4a5e6f7081920").to_string();
    let answer = root.get(&format!("/admin/audit?after={after}")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem = "is not a cursor that this service gave out";
    assert_eq!(answer.body["errors"], json!({"after": [problem]}));
    let both = root.get("/admin/users?limit=0&acces=2").await;
    assert_eq!(both.body["errors"].as_object().unwrap().len(), 2, "all at once");
}

#[tokio::test]
async fn who_is_nobody_is_not_found_whatever_the_id_looks_like() {
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    let unknown = [
        "unknown",
        "0b1e9f5e-3f6c-4c55-9f39-000000000001",
        "5ca0b1b2c3d4e5f6a7b8c9d0",
        "%FF",
        "%C3%28",
        "..%2f",
        "%00",
        "%24ne",
        "root",
    ];
    for id in unknown {
        let path = format!("/admin/users/{id}");
        root.get(&path).await.says(404, "There is no such user");
        root.patch(&path, &json!({"access": 2, "locked": false})).await.says(404, "There is no such user");
        root.delete(&path).await.says(404, "There is no such user");
        root.get(&format!("{path}/sessions")).await.says(404, "There is no such user");
        root.delete(&format!("{path}/sessions")).await.says(404, "There is no such user");
        assert_eq!(root.delete(&format!("{path}/sessions/x")).await.status, StatusCode::NOT_FOUND);
    }
    assert!(app.revoked().await.is_empty(), "a name that nobody has leaves nothing behind");
}

#[tokio::test]
async fn who_is_deleted_is_gone_with_all_sessions_and_the_name_is_kept() {
    let app = TestApp::new().await;
    let (root, bob) = (Console::of(&app).await, app.register("bob").await);
    let path = at(&app, &bob);
    assert_eq!(root.delete(&path).await.status, StatusCode::NO_CONTENT);
    app.get_as("/tests/secret", &bob.access).await.says(401, "Token has been revoked");
    app.post_as("/users/refresh", &bob.refresh).await.says(401, "Token has been revoked");
    let login = json!({"username": "bob", "password": "password"});
    app.post("/users/login", &login).await.says(401, "Wrong username or password");
    root.get(&path).await.says(404, "There is no such user");
    root.delete(&path).await.says(404, "There is no such user");
    assert_eq!(names(&root.get("/admin/users").await.body), ["root"]);
    // As long as a token may live that says it: the longest is a session's age.
    app.post("/users/registration", &login).await.says(409, "The username is taken");
    app.wait(90 * 24 * 60 * 60 + 600);
    assert_eq!(app.post("/users/registration", &login).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_locked_account_is_unlocked() {
    let app = TestApp::new().await;
    let (root, bob) = (Console::of(&app).await, app.register("bob").await);
    let (right, wrong) =
        (json!({"username": "bob", "password": "password"}), json!({"username": "bob", "password": "wrong"}));
    for _ in 0..6 {
        app.post("/users/login", &wrong).await.says(401, "Wrong username or password");
    }
    // LOG-01: to the byte what a wrong password is told, and an unknown name.
    let locked = app.post("/users/login", &right).await;
    locked.says(401, "Wrong username or password");
    let unknown = app.post("/users/login", &json!({"username": "nobody", "password": "wrong"})).await;
    assert_eq!(locked.body, unknown.body);
    let headers = |answer: &Answer| {
        let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id");
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(headers(&locked), headers(&unknown));
    let seen = root.get(&at(&app, &bob)).await.body;
    assert_eq!((&seen["failures"], &seen["locked_until"]), (&json!(6), &json!(1_900_000_001)));

    let unlocked = root.patch(&at(&app, &bob), &json!({"locked": false})).await;
    assert_eq!((&unlocked.body["failures"], &unlocked.body["locked_until"]), (&json!(0), &json!(null)));
    assert_eq!(app.post("/users/login", &right).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_last_administrator_stays_and_loses_nothing() {
    // ADM-04
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let console = Console { app: &app, token: root.access.clone() };
    let path = at(&app, &root);
    // One who is disabled administers nobody.
    let other = app.admin("other").await;
    let answer = console.patch(&at(&app, &other), &json!({"disabled": true})).await;
    assert_eq!(answer.status, StatusCode::OK);
    let legacy = app.state.jwt().access(app.id_of(&root).as_str()).sign().unwrap();
    for body in [json!({"disabled": true}), json!({"access": 1}), json!({"access": 0, "disabled": true})] {
        console.patch(&path, &body).await.says(409, "The last administrator cannot be taken away");
    }
    console.delete(&path).await.says(409, "The last administrator cannot be taken away");
    assert_eq!(console.get(&path).await.body["access"], 2);
    assert_eq!(app.post_as("/users/refresh", &root.refresh).await.status, StatusCode::OK);
    assert_eq!(app.get_as("/tests/secret", legacy.as_str()).await.status, StatusCode::OK, "not logged out");
    // What takes nothing away is done.
    assert_eq!(
        console.patch(&path, &json!({"disabled": false, "locked": false})).await.status,
        StatusCode::OK
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_administrators_who_take_each_other_away_at_once_one_stays() {
    // ADM-04
    for body in [None, Some(json!({"access": 1})), Some(json!({"disabled": true}))] {
        let method = if body.is_some() { Method::PATCH } else { Method::DELETE };
        let take_away =
            |path: &str, tokens: &Tokens| bearing(method.clone(), path, Some(&tokens.access), body.as_ref());
        for round in 0..5 {
            let app = TestApp::new().await;
            let (one, other) = (app.admin("one").await, app.admin("other").await);
            let (path_of_one, path_of_other) = (at(&app, &one), at(&app, &other));
            let (by_one, by_other) = tokio::join!(
                app.send(take_away(&path_of_other, &one)),
                app.send(take_away(&path_of_one, &other)),
            );
            let done = [&by_one, &by_other].iter().filter(|answer| answer.status.is_success()).count();
            assert_eq!(done, 1, "{round}: {} {}", by_one.body, by_other.body);
            let query = UserQuery {
                access: Some(Access::Admin),
                state: Some(UserState::Enabled),
                limit: 9,
                ..Default::default()
            };
            assert_eq!(app.state.accounts().users(&query).await.unwrap().users.len(), 1, "{round}");
        }
    }
}

#[tokio::test]
async fn who_is_refused_is_known_by_the_id_also_where_tokens_have_names() {
    // OBS-01
    let app = TestApp::with(&[("JWT_IDENTITY", "username"), ("REGISTRATION", "open")]).await;
    let mallory = app.register("mallory").await;
    assert_eq!(app.get_as("/admin/users", &mallory.access).await.status, StatusCode::FORBIDDEN);
    let name = LoginName::parse("mallory").unwrap();
    let id = app.state.accounts().user_of_name(&name).await.unwrap().id;
    let events = events(&app).await;
    let refused = events.iter().find(|it| it.event.kind == EventKind::AuthorizationFail).unwrap();
    assert_eq!(refused.event.actor, Some(id));
}

#[tokio::test]
async fn who_is_refused_is_noted_once_in_a_while() {
    let app = TestApp::new().await;
    let mallory = app.register("mallory").await;
    for _ in 0..20 {
        app.get_as("/admin/users", &mallory.access).await;
    }
    let refused = |events: Vec<StoredEvent>| {
        let refused = events.into_iter().filter(|it| it.event.kind == EventKind::AuthorizationFail);
        refused.collect::<Vec<_>>()
    };
    let noted = refused(events(&app).await);
    assert_eq!(noted.len(), 1);
    let event = &noted[0].event;
    assert_eq!(event.actor, Some(app.id_of(&mallory)));
    assert_eq!(event.session, Some(app.session_of(&mallory)));
    assert_eq!(event.detail.as_deref(), Some("GET /admin/users"));
    app.wait(60);
    app.get_as("/admin/users", &mallory.access).await;
    assert_eq!(refused(events(&app).await).len(), 2);
}

#[tokio::test]
async fn a_token_in_the_body_is_no_member_that_is_not_known() {
    let app = TestApp::with(&[("JWT_TOKEN_LOCATION", "headers,json")]).await;
    let admin = app.admin("admin").await;
    let body = json!({"username": "bob", "password": "password", "access_token": admin.access});
    assert_eq!(app.post("/admin/users", &body).await.status, StatusCode::CREATED);
}

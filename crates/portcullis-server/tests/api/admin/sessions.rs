//! `/admin/users/{id}/sessions`

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;

use super::{Console, at};
use crate::support::TestApp;

#[tokio::test]
async fn an_administrator_sees_sessions_and_ends_one_or_all() {
    // BRR-24
    let app = TestApp::new().await;
    let (root, first) = (Console::of(&app).await, app.register("bob").await);
    app.wait(60);
    let login = json!({"username": "bob", "password": "password"}).to_string();
    let request = Request::post("/users/login")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "Netscape/4.0");
    let second = app.send(request.body(Body::from(login)).unwrap()).await.tokens();
    let third = app.login("bob").await;
    let path = format!("{}/sessions", at(&app, &first));
    let listed = root.get(&path).await;
    let sessions = listed.body["sessions"].as_array().unwrap();
    let session = sessions.iter().find(|it| it["id"] == app.session_of(&second).as_str()).unwrap();
    assert_eq!(
        *session,
        json!({
            "id": app.session_of(&second).as_str(), "device": "Netscape/4.0", "opened_at": 1_900_000_060,
            "last_used": 1_900_000_060, "expires_at": 1_902_592_060,
        })
    );
    assert_eq!(sessions.len(), 3);

    let one = format!("{path}/{}", app.session_of(&second).as_str());
    assert_eq!(root.delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(root.delete(&one).await.status, StatusCode::NO_CONTENT, "again");
    app.get_as("/tests/secret", &second.access).await.says(401, "Token has been revoked");
    app.post_as("/users/refresh", &second.refresh).await.says(401, "Token has been revoked");
    assert_eq!(app.get_as("/tests/secret", &first.access).await.status, StatusCode::OK);

    let legacy = app.state.jwt().refresh(app.id_of(&first).as_str()).sign().unwrap();
    assert_eq!(root.delete(&path).await.status, StatusCode::NO_CONTENT);
    for over in [&first, &third] {
        app.get_as("/tests/secret", &over.access).await.says(401, "Token has been revoked");
        app.post_as("/users/refresh", &over.refresh).await.says(401, "Token has been revoked");
    }
    let adopted = app.post_as("/users/refresh", legacy.as_str()).await;
    adopted.says(401, "Token has been revoked");
    assert_eq!(root.get(&path).await.body, json!({"sessions": []}));
    app.login("bob").await;
}

#[tokio::test]
async fn a_session_is_ended_only_as_its_users() {
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    let (alice, bob) = (app.register("alice").await, app.register("bob").await);
    for session in [app.session_of(&bob).as_str(), "unknown", "%FF", "%00"] {
        let path = format!("{}/sessions/{session}", at(&app, &alice));
        root.delete(&path).await.says(404, "There is no such session");
    }
    assert_eq!(app.get_as("/tests/secret", &bob.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once_and_comes_back_with_a_login() {
    // BRR-26, CLM-11
    let app = TestApp::new().await;
    let (root, bob) = (Console::of(&app).await, app.register("bob").await);
    let legacy = app.state.jwt().refresh(app.id_of(&bob).as_str()).sign().unwrap();
    let disabled = root.patch(&at(&app, &bob), &json!({"disabled": true})).await;
    assert_eq!((disabled.status, &disabled.body["disabled"]), (StatusCode::OK, &json!(true)));
    app.get_as("/tests/secret", &bob.access).await.says(401, "Token has been revoked");
    app.post_as("/users/refresh", &bob.refresh).await.says(401, "Token has been revoked");
    app.post_as("/users/refresh", legacy.as_str()).await.says(401, "Token has been revoked");
    let login = json!({"username": "bob", "password": "password"});
    app.post("/users/login", &login).await.says(401, "Wrong username or password");
    let enabled = root.patch(&at(&app, &bob), &json!({"disabled": false})).await;
    assert_eq!(enabled.body["disabled"], json!(false));
    app.get_as("/tests/secret", &bob.access).await.says(401, "Token has been revoked");
    app.login("bob").await;
}

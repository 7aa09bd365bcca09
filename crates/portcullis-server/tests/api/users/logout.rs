//! `POST /users/logout`

use axum::http::StatusCode;

use crate::support::TestApp;

const PATH: &str = "/users/logout";

#[tokio::test]
async fn the_presented_tokens_session_ends_and_no_other() {
    // BRR-29
    let app = TestApp::new().await;
    let (alice, again) = (app.register("alice").await, app.login("alice").await);
    assert_eq!(app.post_as(PATH, &alice.access).await.status, StatusCode::NO_CONTENT);
    app.get_as("/tests/secret", &alice.access).await.says(401, "Token has been revoked");
    // BRR-18: the refresh token with it.
    app.post_as("/users/refresh", &alice.refresh).await.says(401, "Token has been revoked");
    assert_eq!(app.get_as("/tests/secret", &again.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn it_can_be_repeated_and_comes_too_late_without_harm() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    for _ in 0..3 {
        assert_eq!(app.post_as(PATH, &alice.access).await.status, StatusCode::NO_CONTENT);
    }
    app.wait(3600);
    assert_eq!(app.post_as(PATH, &alice.access).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_refresh_token_can_be_ended_too() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    assert_eq!(app.post_as(PATH, &alice.refresh).await.status, StatusCode::NO_CONTENT);
    let claims = app.state.jwt().verify_as(&alice.refresh, portcullis::Require::refresh());
    assert_eq!(claims.unwrap_err(), portcullis::AuthError::Revoked);
}

#[tokio::test]
async fn what_is_not_genuine_ends_nothing() {
    // JWT-15
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    app.post_as(PATH, &format!("{}x", alice.access)).await.says(422, "Signature verification failed");
    assert_eq!(app.method(axum::http::Method::POST, PATH).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.get_as("/tests/secret", &alice.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_called_done_when_the_store_is_gone() {
    // BRR-20: 503; this node refuses the token all the same, and the client asks again.
    let app = TestApp::new().await;
    app.expect_errors();
    let alice = app.register("alice").await;
    app.state.store().close().await;
    let answer = app.post_as(PATH, &alice.access).await;
    answer.says(503, "The service is not available at the moment");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(app.post_as(PATH, &alice.access).await.status, StatusCode::SERVICE_UNAVAILABLE);
    app.get_as("/tests/secret", &alice.access).await.says(401, "Token has been revoked");
}

#[tokio::test]
async fn a_logout_whose_client_hangs_up_is_a_logout() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    // Polled once, when it waits for the store unless that was very fast, then dropped, as a connection that closes
    // drops it.
    let mut logout = Box::pin(app.post_as(PATH, &alice.access));
    let polled_once = std::future::poll_fn(|cx| std::task::Poll::Ready(logout.as_mut().poll(cx).is_ready()));
    let _ = polled_once.await;
    drop(logout);
    app.get_as("/tests/secret", &alice.access).await.says(401, "Token has been revoked");
    app.state.store().close().await;
}

#[tokio::test]
async fn a_token_of_a_session_that_the_store_does_not_know_is_remembered_by_itself() {
    let app = TestApp::new().await;
    let token = app.state.jwt().access("alice").session("of another time", 1).sign().unwrap();
    assert_eq!(app.post_as(PATH, token.as_str()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.revoked().await, [token.jti()]);
    app.get_as("/tests/secret", token.as_str()).await.says(401, "Token has been revoked");
}

//! Another access level holds at once: on the node that gave it, and soon on every other.

use portcullis::Require;
use portcullis_server::model::Access;
use serde_json::json;

use super::{Console, at};
use crate::support::{TestApp, Tokens};

/// The level that an access token says.
fn level(app: &TestApp, tokens: &Tokens) -> u64 {
    let claims = app.state.jwt().verify_as(&tokens.access, Require::access()).unwrap();
    claims.custom::<serde_json::Value>().unwrap()["access"].as_u64().unwrap()
}

#[tokio::test]
async fn a_level_changes_at_once_and_the_session_goes_on_with_the_new_one() {
    // CLM-19
    let app = TestApp::new().await;
    let (root, bob) = (Console::of(&app).await, app.register("bob").await);
    for (access, waiting) in [(Access::Admin, 0), (Access::Guest, 0), (Access::User, 60)] {
        let before = app.login("bob").await;
        app.wait(waiting);
        let changed = root.patch(&at(&app, &bob), &json!({"access": access.level()})).await;
        assert_eq!((changed.status.as_u16(), &changed.body["access"]), (200, &json!(access.level())));
        app.get_as("/tests/secret", &before.access).await.says(401, "Token has been revoked");
        let after = app.post_as("/users/refresh", &before.refresh).await.tokens();
        assert_eq!(level(&app, &after), u64::from(access.level()), "{access:?}");
        assert_eq!(app.session_of(&after), app.session_of(&before));
        let expected = if access == Access::Admin { 200 } else { 403 };
        assert_eq!(app.get_as("/admin/users", &after.access).await.status, expected, "{access:?}");
        assert_eq!(level(&app, &app.login("bob").await), u64::from(access.level()));
    }
    // The same level again is no other: what it costs is one refresh.
    let before = app.login("bob").await;
    root.patch(&at(&app, &bob), &json!({"access": 1})).await;
    app.get_as("/tests/secret", &before.access).await.says(401, "Token has been revoked");
    let after = app.post_as("/users/refresh", &before.refresh).await.tokens();
    assert_eq!(app.get_as("/tests/secret", &after.access).await.status, 200);
}

#[tokio::test]
async fn a_level_that_was_changed_stays_changed_after_a_restart() {
    let app = TestApp::new().await;
    let bob = app.register("bob").await;
    app.set_access(&bob, Access::Guest).await;
    let app = app.restarted().await;
    app.get_as("/tests/secret", &bob.access).await.says(401, "Token has been revoked");
    let after = app.post_as("/users/refresh", &bob.refresh).await.tokens();
    assert_eq!(level(&app, &after), 0);
}

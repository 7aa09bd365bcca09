//! Devices that are known: the owner gets in while others guess at the account.

use axum::http::{Method, StatusCode, header};
use portcullis_server::model::UserChange;
use serde_json::json;

use super::{
    AS_IN_PRODUCTION, ELSEWHERE, HOME, as_bearer, botnet, guesses, limited, limited_with, log_in,
    login_request, register, seconds, tokens,
};
use crate::support::{Answer, Fault, TestApp};

const NAME: &str = "__Host-device";

/// The device's cookie that an answer sets, without its attributes.
fn set(answer: &Answer) -> Option<String> {
    let lines = answer.cookies();
    let line = lines.iter().find(|line| line.contains("device="))?;
    Some(line.split(';').next().unwrap().to_owned())
}

async fn log_in_with(app: &TestApp, address: &str, name: &str, password: &str, cookie: &str) -> Answer {
    let mut request = login_request(address, name, password);
    request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    app.send(request).await
}

/// Somebody who registers at home, and the cookie that the device has then.
async fn at_home(app: &TestApp, name: &str) -> String {
    let answer = register(app, HOME, name).await;
    tokens(&answer);
    set(&answer).unwrap()
}

#[tokio::test]
async fn the_owner_gets_in_while_a_botnet_guesses_at_the_account() {
    // LOG-06
    let app = limited().await;
    let cookie = at_home(&app, "alice").await;
    botnet(&app, "alice").await;
    seconds(&log_in(&app, HOME, "alice", "password").await);
    // The account is locked by now too.
    let answer = log_in_with(&app, HOME, "alice", "password", &cookie).await;
    tokens(&answer);
    assert_eq!(set(&answer), None, "it is known already");
    // Whatever others did from the same address, too.
    for number in 0..25 {
        log_in(&app, HOME, &format!("user{number}"), "wrong").await;
    }
    tokens(&log_in_with(&app, HOME, "Alice", "password", &cookie).await);
    // The device has a limit of its own, which takes nothing from others, and a success gives it back.
    for _ in 0..5 {
        log_in_with(&app, HOME, "alice", "wrong", &cookie).await.says(401, "Wrong username or password");
    }
    assert_eq!(seconds(&log_in_with(&app, ELSEWHERE, "alice", "password", &cookie).await), 60);
    app.wait(60);
    tokens(&log_in_with(&app, ELSEWHERE, "alice", "password", &cookie).await);
}

#[tokio::test]
async fn a_device_of_one_user_asks_for_nobody_else() {
    // LOG-09: nothing is looked up before the limit, whose answer would come earlier for a name that there is.
    let (app, faulty) = TestApp::with_faults_and(&AS_IN_PRODUCTION).await;
    let mallory = at_home(&app, "mallory").await;
    register(&app, ELSEWHERE, "alice").await;
    for name in ["alice", "nobody"] {
        guesses(&app, HOME, name).await;
        faulty.fail(1, Fault::Before);
        seconds(&log_in_with(&app, HOME, name, "password", &mallory).await);
        // It is still there for who asks the store.
        app.expect_errors();
        let answer = log_in_with(&app, HOME, "MALLORY", "password", &mallory).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    tokens(&log_in_with(&app, HOME, "Mallory", "password", &mallory).await);
}

#[tokio::test]
async fn who_is_logged_in_shows_the_password_whatever_strangers_do() {
    // LOG-06
    let app = limited_with(&[("DEVICE_COOKIE", "false")]).await;
    let alice = tokens(&register(&app, HOME, "alice").await);
    let (fresh, change) = ("/users/me/fresh", "/users/me/password");
    botnet(&app, "alice").await;
    seconds(&log_in(&app, HOME, "alice", "password").await);
    let shown = |password: &str| json!({"password": password, "new_password": "a new password"});
    let answer = as_bearer(&app, Method::POST, fresh, &alice.access, Some(&shown("password"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    // By a limit of the session's own.
    for _ in 0..5 {
        let answer = as_bearer(&app, Method::POST, fresh, &alice.access, Some(&shown("wrong"))).await;
        answer.says(401, "Wrong username or password");
    }
    let answer = as_bearer(&app, Method::POST, fresh, &alice.access, Some(&shown("password"))).await;
    assert_eq!(seconds(&answer), 60);
    app.wait(60);
    let answer = as_bearer(&app, Method::PUT, change, &alice.access, Some(&shown("password"))).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    // Over, it is known for nothing.
    assert_eq!(
        as_bearer(&app, Method::POST, "/users/logout", &alice.access, None).await.status,
        StatusCode::NO_CONTENT
    );
    as_bearer(&app, Method::POST, fresh, &alice.access, Some(&shown("a new password")))
        .await
        .says(401, "Token has been revoked");
}

#[tokio::test]
async fn a_device_whose_session_goes_on_and_one_that_is_used_stay_known() {
    // LOG-06
    let app = limited().await;
    let answer = register(&app, HOME, "alice").await;
    let (alice, first) = (tokens(&answer), set(&answer).unwrap());
    let change = json!({"password": "password", "new_password": "a new password"});
    let changed = as_bearer(&app, Method::PUT, "/users/me/password", &alice.access, Some(&change)).await;
    let second = set(&changed).expect("a new one with the new password");
    let left = as_bearer(&app, Method::POST, "/users/logout?scope=others", &alice.access, None).await;
    let third = set(&left).expect("a new one when the others have ended");
    botnet(&app, "alice").await;
    for old in [&first, &second] {
        seconds(&log_in_with(&app, HOME, "alice", "a new password", old).await);
    }
    tokens(&log_in_with(&app, HOME, "alice", "a new password", &third).await);

    app.wait(89 * 24 * 3600);
    let answer = log_in_with(&app, HOME, "alice", "a new password", &third).await;
    tokens(&answer);
    assert_eq!(set(&answer), None, "it is known for long enough");
    app.wait(2 * 24 * 3600);
    let answer = log_in_with(&app, HOME, "alice", "a new password", &third).await;
    tokens(&answer);
    let fourth = set(&answer).expect("half of its time is over");
    app.wait(100 * 24 * 3600);
    botnet(&app, "alice").await;
    seconds(&log_in_with(&app, HOME, "alice", "a new password", &third).await);
    tokens(&log_in_with(&app, HOME, "alice", "a new password", &fourth).await);
}

#[tokio::test]
async fn what_is_no_device_of_the_user_is_none() {
    // LOG-06, CLM-13
    let app = limited().await;
    let alice = at_home(&app, "alice").await;
    let bob = at_home(&app, "bob").await;
    let session = tokens(&log_in(&app, HOME, "bob", "password").await);
    botnet(&app, "alice").await;
    let (_, token) = alice.split_once('=').unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let mut flipped = token.to_owned();
    flipped.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
    for cookie in [
        bob,
        format!("{NAME}={}", session.access),
        format!("{NAME}={}", session.refresh),
        format!("{NAME}={flipped}"),
        format!("{NAME}={signed}."),
        format!("{NAME}={header}.e30.{signature}"),
        format!("{NAME}={}", "x".repeat(10_000)),
        format!("{NAME}="),
        format!("device={token}"),
        format!("{alice}; {alice}"),
    ] {
        assert_eq!(seconds(&log_in_with(&app, HOME, "alice", "password", &cookie).await), 60, "{cookie}");
    }
    tokens(&log_in_with(&app, HOME, "alice", "password", &format!("a=b; {alice} ;c=d")).await);
    // Nor is it a token of anything else.
    app.get_as("/tests/secret", token).await.says(422, "Signature verification failed");
}

#[tokio::test]
async fn a_device_is_known_until_all_sessions_end_or_half_a_year_is_over() {
    // LOG-06
    for what in ["password", "logout", "disabled", "time"] {
        let app = limited().await;
        let answer = register(&app, HOME, "alice").await;
        let (alice, cookie) = (tokens(&answer), set(&answer).unwrap());
        let mut password = "password";
        match what {
            "password" => {
                password = "a new password";
                let change = json!({"password": "password", "new_password": password});
                let path = "/users/me/password";
                let answer = as_bearer(&app, Method::PUT, path, &alice.access, Some(&change)).await;
                assert_eq!(answer.status, StatusCode::NO_CONTENT);
            }
            "logout" => {
                let answer =
                    as_bearer(&app, Method::POST, "/users/logout?scope=all", &alice.access, None).await;
                assert_eq!(answer.status, StatusCode::NO_CONTENT);
            }
            "disabled" => {
                for change in [UserChange::Disable, UserChange::Enable] {
                    let id = app.id_of(&alice);
                    app.state.store().change_user(&id, &change, None, app.state.clock().now()).await.unwrap();
                }
            }
            _ => app.wait(180 * 24 * 3600),
        }
        botnet(&app, "alice").await;
        seconds(&log_in_with(&app, HOME, "alice", password, &cookie).await);
        // Until somebody logs in there again, which makes it known anew.
        app.wait(3600);
        let answer = log_in_with(&app, HOME, "alice", password, &cookie).await;
        tokens(&answer);
        let anew = set(&answer).unwrap();
        assert_ne!(anew, cookie, "{what}");
        botnet(&app, "alice").await;
        tokens(&log_in_with(&app, HOME, "alice", password, &anew).await);
    }
}

#[tokio::test]
async fn the_cookie_is_as_strict_as_cookies_are_and_failures_set_none() {
    // LOG-01
    let app = limited().await;
    let line = register(&app, HOME, "alice").await.cookies().pop().unwrap();
    let (cookie, attributes) = line.split_once("; ").unwrap();
    assert_eq!(attributes, "Max-Age=15552000; Secure; HttpOnly; Path=/; SameSite=Strict");
    assert!(cookie.starts_with("__Host-device=ey") && cookie.len() < 600, "{cookie}");
    assert!(log_in(&app, HOME, "alice", "wrong").await.cookies().is_empty());
    assert!(log_in_with(&app, HOME, "alice", "wrong", cookie).await.cookies().is_empty());
    assert!(log_in_with(&app, HOME, "nobody", "wrong", cookie).await.cookies().is_empty());
    assert!(register(&app, HOME, "alice").await.cookies().is_empty());
    // A login elsewhere, which shows none, has its own.
    assert_ne!(set(&log_in(&app, HOME, "alice", "password").await).unwrap(), cookie);

    let app = limited_with(&[("JWT_COOKIE_SECURE", "false")]).await;
    let line = register(&app, HOME, "alice").await.cookies().pop().unwrap();
    assert!(line.starts_with("device=ey") && !line.contains("Secure"), "{line}");
    let cookie = line.split(';').next().unwrap();
    botnet(&app, "alice").await;
    tokens(&log_in_with(&app, HOME, "alice", "password", cookie).await);
}

#[tokio::test]
async fn a_device_of_every_node_is_one_and_none_is_known_where_that_is_off() {
    // LOG-14
    let app = limited().await;
    let cookie = at_home(&app, "alice").await;
    let app = app.restarted().await;
    botnet(&app, "alice").await;
    tokens(&log_in_with(&app, HOME, "alice", "password", &cookie).await);

    let mut app = app;
    app.restart_with(&[&AS_IN_PRODUCTION[..], &[("DEVICE_COOKIE", "false")]].concat()).await;
    assert!(log_in(&app, HOME, "alice", "password").await.cookies().is_empty());
    botnet(&app, "alice").await;
    seconds(&log_in_with(&app, HOME, "alice", "password", &cookie).await);
}

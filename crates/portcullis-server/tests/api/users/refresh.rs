//! `POST /users/refresh`

use axum::http::StatusCode;
use portcullis::Require;

use crate::support::{Answer, Fault, TestApp, Tokens};

const PATH: &str = "/users/refresh";

async fn refresh(app: &TestApp, token: &str) -> Tokens {
    let answer = app.post_as(PATH, token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.tokens()
}

fn is_over(answer: &Answer) {
    answer.says(401, "Token has been revoked");
}

#[tokio::test]
async fn a_refresh_token_becomes_the_next_pair() {
    // BRR-08
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    app.wait(60);
    let answer = app.post_as(PATH, &first.refresh).await;
    assert_eq!(answer.header("refresh-repeat"), "");
    assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&"Bearer".into(), &900.into()));
    let second = answer.tokens();
    assert_eq!(app.get_as("/tests/secret", &second.access).await.status, StatusCode::OK);
    let jwt = app.state.jwt();
    let claims = jwt.verify(&second.access).unwrap();
    let first_claims = jwt.verify(&first.access).unwrap();
    assert_eq!(claims.identity(), first_claims.identity());
    assert_eq!(claims.session().map(|session| session.generation), Some(2));
    assert_eq!(claims.session().map(|session| session.id), first_claims.session().map(|session| session.id));
    assert!(
        jwt.verify_as(&second.access, Require::access().fresh()).is_err(),
        "a refresh token is no password"
    );
    assert!(jwt.verify_as(&first.access, Require::access().fresh()).is_ok());
}

#[tokio::test]
async fn only_a_refresh_token_refreshes() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    app.post_as(PATH, &alice.access).await.says(422, "Only refresh tokens are allowed");
    assert_eq!(app.method(axum::http::Method::POST, PATH).await.status, StatusCode::UNAUTHORIZED);
    app.get_as("/tests/secret", &alice.refresh).await.says(422, "Only access tokens are allowed");
}

#[tokio::test]
async fn tabs_and_retries_get_one_pair() {
    // BRR-13
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    app.wait(60);
    let second = refresh(&app, &first.refresh).await;
    app.wait(10);
    // The parent again, and the head: the same pair to the byte, with what is left of it.
    for token in [&first.refresh, &second.refresh] {
        let answer = app.post_as(PATH, token).await;
        assert_eq!(answer.header("refresh-repeat"), "concurrent");
        assert_eq!(answer.body["expires_in"], 890);
        let again = answer.tokens();
        assert_eq!((again.access, again.refresh), (second.access.clone(), second.refresh.clone()));
    }
}

#[tokio::test]
async fn right_after_a_login_the_pair_is_repeated_without_its_freshness() {
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    app.wait(10);
    let again = refresh(&app, &first.refresh).await;
    assert_eq!(again.refresh, first.refresh);
    assert_ne!(again.access, first.access);
    assert!(app.state.jwt().verify_as(&again.access, Require::access().fresh()).is_err());
    assert_eq!(app.get_as("/tests/secret", &again.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_lost_answer_logs_nobody_out() {
    // BRR-14
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    app.wait(60);
    let lost = refresh(&app, &first.refresh).await;
    app.wait(600);
    let answer = app.post_as(PATH, &first.refresh).await;
    assert_eq!(answer.header("refresh-repeat"), "lost-answer");
    let third = answer.tokens();
    assert_ne!(third.refresh, lost.refresh);
    // The pair that was taken for lost is void, and with it its access token.
    is_over(&app.get_as("/tests/secret", &lost.access).await);
    assert_eq!(app.get_as("/tests/secret", &third.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_lies_on_the_disk_is_no_token() {
    // BRR-16
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    app.wait(60);
    let second = refresh(&app, &first.refresh).await;
    let files = std::fs::read_dir(app.database().parent().unwrap()).unwrap();
    let kept: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let is_kept =
        |text: &str| kept.iter().any(|file| file.windows(text.len()).any(|it| it == text.as_bytes()));
    let jti = app.state.jwt().verify_as(&second.refresh, Require::refresh()).unwrap();
    assert!(is_kept(jti.jti().unwrap()), "the name of the newest one");
    for token in [first.access, first.refresh, second.access, second.refresh] {
        assert!(token.split('.').skip(1).all(|part| !is_kept(part)), "neither its claims nor its signature");
    }
}

#[tokio::test]
async fn a_client_that_loses_every_second_answer_stays_logged_in_for_a_month() {
    let app = TestApp::new().await;
    let mut held = app.register("alice").await.refresh;
    for turn in 0..2160 {
        app.wait(20 * 60);
        let pair = refresh(&app, &held).await;
        if turn % 2 == 1 {
            held = pair.refresh;
        }
    }
}

#[tokio::test]
async fn a_copy_ends_the_session_for_both() {
    // BRR-11
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    let stolen = first.refresh.clone();
    app.wait(60);
    let owners = refresh(&app, &first.refresh).await;
    app.wait(60);
    // Taken for a lost answer: the owner's pair is void now, and that tells.
    let thiefs = refresh(&app, &stolen).await;
    app.wait(60);
    is_over(&app.post_as(PATH, &owners.refresh).await);
    for token in [&owners.refresh, &thiefs.refresh] {
        is_over(&app.post_as(PATH, token).await);
    }
    for token in [&owners.access, &thiefs.access] {
        is_over(&app.get_as("/tests/secret", token).await);
    }
    // Only this session.
    app.login("alice").await;
}

#[tokio::test]
async fn a_token_of_before_the_last_seen_head_ends_the_session_at_the_first_try() {
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    let mut held = first.refresh.clone();
    for _ in 0..3 {
        app.wait(60);
        held = refresh(&app, &held).await.refresh;
    }
    is_over(&app.post_as(PATH, &first.refresh).await);
    is_over(&app.post_as(PATH, &held).await);
}

#[tokio::test]
async fn without_patience_every_copy_is_refused() {
    let app = TestApp::with(&[("REFRESH_REUSE_WINDOW", "0"), ("REFRESH_LOST_ANSWER", "refuse")]).await;
    let first = app.register("alice").await;
    let second = refresh(&app, &first.refresh).await;
    assert_ne!(second.refresh, first.refresh);
    is_over(&app.post_as(PATH, &first.refresh).await);
    is_over(&app.post_as(PATH, &second.refresh).await);
}

#[tokio::test]
async fn a_node_knows_its_own_pair_when_the_stores_answer_was_lost() {
    // DUR-03
    let settings = [("REFRESH_REUSE_WINDOW", "0"), ("REFRESH_LOST_ANSWER", "refuse")];
    let (app, faulty) = TestApp::with_faults_and(&settings).await;
    app.expect_errors();
    let first = app.register("alice").await;
    // The refresh itself: it has happened, and nobody was told.
    faulty.fail(1, Fault::After);
    assert_eq!(app.post_as(PATH, &first.refresh).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(faulty.settle().await);
    let second = refresh(&app, &first.refresh).await;
    assert_eq!(app.get_as("/tests/secret", &second.access).await.status, StatusCode::OK);
    assert_ne!(refresh(&app, &second.refresh).await.refresh, second.refresh);
    // Once it has been told, the same token is a copy.
    is_over(&app.post_as(PATH, &first.refresh).await);
}

#[tokio::test]
async fn a_session_ends_for_want_of_use_and_absolutely() {
    // BRR-15, CLM-20, DUR-16
    const DAY: u64 = 86_400;
    let settings = [("JWT_REFRESH_TOKEN_EXPIRES", "10d"), ("SESSION_MAX_AGE", "15d")];
    let app = TestApp::with(&settings).await;
    let idle = app.register("alice").await;
    app.wait(10 * DAY);
    app.post_as(PATH, &idle.refresh).await.says(401, "Token has expired");

    let mut held = app.login("alice").await.refresh;
    app.wait(9 * DAY);
    held = refresh(&app, &held).await.refresh;
    let ends = app.state.jwt().verify_as(&held, Require::refresh()).unwrap().expires_at().unwrap();
    app.wait(6 * DAY - 1);
    held = refresh(&app, &held).await.refresh;
    let still = app.state.jwt().verify_as(&held, Require::refresh()).unwrap().expires_at().unwrap();
    assert_eq!(still, ends, "no refresh moves the absolute end");
    app.wait(1);
    app.post_as(PATH, &held).await.says(401, "Token has expired");
}

#[tokio::test]
async fn of_many_sessions_the_least_recently_used_ends() {
    // BRR-25
    let app = TestApp::with(&[("SESSIONS_PER_USER", "2")]).await;
    let first = app.register("alice").await;
    app.wait(60);
    let second = app.login("alice").await;
    app.wait(60);
    let first = refresh(&app, &first.refresh).await;
    app.wait(60);
    let third = app.login("alice").await;
    is_over(&app.get_as("/tests/secret", &second.access).await);
    is_over(&app.post_as(PATH, &second.refresh).await);
    for token in [&first.access, &third.access] {
        assert_eq!(app.get_as("/tests/secret", token).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_the_store_nothing_is_called_done() {
    let app = TestApp::new().await;
    app.expect_errors();
    let alice = app.register("alice").await;
    app.state.store().close().await;
    let answer = app.post_as(PATH, &alice.refresh).await;
    answer.says(503, "The service is not available at the moment");
    assert_eq!(answer.header("retry-after"), "1");
    // Verification goes on.
    assert_eq!(app.get_as("/tests/secret", &alice.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_genuine_token_of_no_session_of_ours_is_refused() {
    // BRR-29
    let app = TestApp::new().await;
    let jwt = app.state.jwt();
    let foreign = jwt.refresh("alice").session("unknown", 1).sign().unwrap();
    is_over(&app.post_as(PATH, foreign.as_str()).await);
    let without = jwt.refresh("alice").sign().unwrap();
    is_over(&app.post_as(PATH, without.as_str()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_uses_at_once_all_get_one_pair() {
    // BRR-12, BRR-14
    for uses in [10, 100, 1000] {
        let app = TestApp::new().await;
        let first = app.register("alice").await;
        app.wait(60);
        let answers = app.at_once(uses, PATH, &first.refresh).await;
        let mut pairs: Vec<_> = answers.iter().map(|answer| answer.tokens().refresh).collect();
        let rotated = answers.iter().filter(|answer| answer.header("refresh-repeat").is_empty()).count();
        pairs.dedup();
        assert_eq!((pairs.len(), rotated), (1, 1), "{uses} uses");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_patience_one_of_many_uses_at_once_succeeds() {
    for uses in [10, 100, 1000] {
        let app = TestApp::with(&[("REFRESH_REUSE_WINDOW", "0"), ("REFRESH_LOST_ANSWER", "refuse")]).await;
        let first = app.register("alice").await;
        let answers = app.at_once(uses, PATH, &first.refresh).await;
        let (done, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == StatusCode::OK);
        assert_eq!((done.len(), refused.len()), (1, uses - 1));
        refused.into_iter().for_each(is_over);
    }
}

#[tokio::test]
async fn tabs_that_refresh_right_after_a_login_get_the_same_pair_with_no_fresh_token() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let first = app.post_as(PATH, &alice.refresh).await.tokens();
    app.wait(3);
    let second = app.post_as(PATH, &alice.refresh).await.tokens();
    assert_eq!((&first.access, &first.refresh), (&second.access, &alice.refresh));
    let claims = app.state.jwt().verify(&first.access).unwrap();
    assert_ne!(claims.freshness(), portcullis::Freshness::Fresh);
    assert_eq!(claims.jti().map(str::len), Some(36));
}

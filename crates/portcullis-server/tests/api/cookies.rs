//! Tokens elsewhere than in a header: cookies through a whole life, JSON bodies, query strings.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use portcullis_server::{
    accounts::By,
    model::{Access, UserId},
};
use serde_json::{Value, json};

use crate::support::{Answer, Browser, TestApp};

const ACCESS: &str = "__Host-csrf_access_token";
const REFRESH: &str = "__Host-csrf_refresh_token";
// Without the cookie of known devices, which is none of these.
const COOKIES: &[(&str, &str)] = &[("JWT_TOKEN_LOCATION", "cookies"), ("DEVICE_COOKIE", "false")];
const BOTH: &[(&str, &str)] = &[("JWT_TOKEN_LOCATION", "headers,cookies"), ("DEVICE_COOKIE", "false")];

fn alice() -> Value {
    json!({"username": "alice", "password": "password"})
}

/// Registers alice and answers with what the answer was.
async fn registered(browser: &mut Browser<'_>) -> Answer {
    let path = "/users/registration";
    let answer = browser.send(Request::post(path), path, Some(alice())).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer
}

async fn logged_in(browser: &mut Browser<'_>) -> Answer {
    let answer = browser.send(Request::post("/users/login"), "/users/login", Some(alice())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer
}

/// The lines that set cookies, with `…` for the values.
fn lines(answer: &Answer) -> Vec<String> {
    let hide = |line: &String| {
        let (name, rest) = line.split_once('=').unwrap();
        let (value, attributes) = rest.split_once("; ").unwrap();
        format!("{name}={}; {attributes}", if value.is_empty() { "" } else { "…" })
    };
    answer.cookies().iter().map(hide).collect()
}

fn body_has_no_token(answer: &Answer) {
    assert!(answer.body.get("access_token").is_none() && answer.body.get("refresh_token").is_none());
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_whole_life() {
    // CSR-01, CSR-02
    let app = TestApp::with(COOKIES).await;
    let mut page = Browser::new(&app);
    let answer = registered(&mut page).await;
    body_has_no_token(&answer);
    assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&"Bearer".into(), &900.into()));
    let set = [
        "__Host-access_token_cookie=…; Secure; HttpOnly; Path=/; SameSite=Lax",
        "__Host-csrf_access_token=…; Secure; Path=/; SameSite=Lax",
        "__Host-refresh_token_cookie=…; Secure; HttpOnly; Path=/; SameSite=Lax",
        "__Host-csrf_refresh_token=…; Secure; Path=/; SameSite=Lax",
    ];
    assert_eq!(lines(&answer), set);
    assert_eq!(page.get("/tests/secret").await.body, json!({"Hello": "Secret!"}));

    app.wait(60);
    let before = page.copy();
    let answer = page.script(Method::POST, "/users/refresh", REFRESH, None).await;
    assert_eq!((answer.status, lines(&answer)), (StatusCode::OK, set.map(String::from).into()));
    body_has_no_token(&answer);
    assert_ne!(page.read(ACCESS), before.read(ACCESS));
    assert_eq!(page.get("/users/me").await.body["username"], "alice");

    let change = json!({"password": "password", "new_password": "new password"});
    let path = "/users/me/password";
    page.script(Method::PUT, path, ACCESS, Some(change.clone())).await.says(401, "Fresh token required");
    let password = json!({"password": "password"});
    let answer = page.script(Method::POST, "/users/me/fresh", ACCESS, Some(password)).await;
    assert_eq!(
        (answer.status, lines(&answer)),
        (StatusCode::OK, set[..2].iter().map(|&it| it.into()).collect())
    );
    body_has_no_token(&answer);

    let (kept, mut other) = (page.copy(), Browser::new(&app));
    logged_in(&mut other).await;
    let answer = page.script(Method::PUT, path, ACCESS, Some(change)).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(page.read(REFRESH), kept.read(REFRESH));
    other.get("/tests/secret").await.says(401, "Token has been revoked");
    app.wait(60);
    let answer = page.script(Method::POST, "/users/refresh", REFRESH, None).await;
    assert_eq!(answer.status, StatusCode::OK);

    let stolen = page.copy();
    let answer = page.script(Method::POST, "/users/logout", ACCESS, None).await;
    assert_eq!((answer.status, answer.body.is_null()), (StatusCode::NO_CONTENT, true));
    assert!(page.names().is_empty(), "{:?}", page.names());
    // CSR-09
    assert_eq!(
        (answer.header("cache-control"), answer.header("clear-site-data")),
        ("no-store", "\"storage\"")
    );
    page.get("/tests/secret").await.says(401, "Missing cookie \"__Host-access_token_cookie\"");
    for mut browser in [stolen, kept] {
        browser.get("/tests/secret").await.says(401, "Token has been revoked");
    }
}

#[tokio::test]
async fn what_changes_something_needs_the_value_beside_the_cookie() {
    // CSR-04, CSR-05, CSR-07
    let app = TestApp::with(COOKIES).await;
    let mut page = Browser::new(&app);
    registered(&mut page).await;
    let body = json!({"password": "password", "new_password": "new password"});
    for (method, path, right, wrong) in [
        (Method::POST, "/users/refresh", REFRESH, ACCESS),
        (Method::POST, "/users/logout", ACCESS, REFRESH),
        (Method::POST, "/users/logout?scope=all", ACCESS, REFRESH),
        (Method::POST, "/users/me/fresh", ACCESS, REFRESH),
        (Method::PUT, "/users/me/password", ACCESS, REFRESH),
        (Method::DELETE, "/users/me/sessions/x", ACCESS, REFRESH),
    ] {
        let send = async |page: &mut Browser<'_>, headers: &[(&str, &str)]| {
            let mut request = Request::builder().method(method.clone()).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            page.send(request, path, Some(body.clone())).await
        };
        let value = |name: &str| page.read(name).unwrap().to_owned();
        let (right, wrong) = (value(right), value(wrong));
        let answer = send(&mut page, &[]).await;
        answer.says(401, "Missing CSRF token in headers");
        assert!(answer.cookies().is_empty(), "a refusal sets nothing");
        send(&mut page, &[("x-csrf-token", "")]).await.says(401, "Missing CSRF token in headers");
        let mismatch = "CSRF double submit tokens do not match";
        send(&mut page, &[("x-csrf-token", &wrong)]).await.says(401, mismatch);
        send(&mut page, &[("x-csrf-token", &right), ("x-csrf-token", &right)]).await.says(401, mismatch);
        let answer = send(&mut page, &[("x-csrf-token", &right), ("sec-fetch-site", "cross-site")]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    // CSR-06: what only looks needs none, and nothing has changed.
    assert_eq!(page.get("/users/me/sessions").await.body["sessions"].as_array().unwrap().len(), 1);
    // CSR-11: a login is JSON, which no foreign page sends without asking.
    let form = "username=alice&password=password";
    let answer = app.post_bytes("/users/login", "application/x-www-form-urlencoded", form).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, 0));
    let wrong = app.post("/users/login", &json!({"username": "alice", "password": "wrong"})).await;
    assert_eq!((wrong.status, wrong.cookies().len()), (StatusCode::UNAUTHORIZED, 0));
}

#[tokio::test]
async fn a_cookie_is_taken_away_with_the_attributes_that_it_was_set_with() {
    // CSR-09
    for settings in [
        &[][..],
        &[("JWT_COOKIE_DOMAIN", "example.com"), ("JWT_REFRESH_COOKIE_PATH", "/users/refresh")],
        &[
            ("JWT_COOKIE_SECURE", "false"),
            ("JWT_COOKIE_SAMESITE", "unset"),
            ("JWT_ACCESS_COOKIE_NAME", "access_token_cookie"),
            ("JWT_ACCESS_CSRF_COOKIE_PATH", "/app"),
        ],
        &[("JWT_COOKIE_SAMESITE", "none"), ("JWT_SESSION_COOKIE", "false")],
        &[("JWT_COOKIE_CSRF_PROTECT", "false")],
    ] {
        let app = TestApp::with(&[COOKIES, settings].concat()).await;
        let mut page = Browser::new(&app);
        let set = registered(&mut page).await.cookies();
        let csrf =
            page.names().into_iter().find(|name| name.contains("csrf_access")).unwrap_or("none").to_owned();
        let gone = page.script(Method::POST, "/users/logout", &csrf, None).await.cookies();
        let attributes = |line: &String| {
            let (cookie, attributes) = line.split_once("; ").unwrap();
            let lasting = |it: &&str| !it.starts_with("Expires=") && !it.starts_with("Max-Age=");
            let kept: Vec<String> = attributes.split("; ").filter(lasting).map(str::to_owned).collect();
            (cookie.split('=').next().unwrap().to_owned(), kept)
        };
        let all = |lines: &[String]| lines.iter().map(attributes).collect::<Vec<_>>();
        assert_eq!(all(&set), all(&gone), "{settings:?}");
        assert!(gone.iter().all(|line| line.contains("=; ") && line.contains("Expires=Thu, 01 Jan 1970")));
        assert!(page.names().is_empty(), "{settings:?}: {:?}", page.names());
        let lasts = set.iter().all(|line| line.contains("Max-Age=31540000"));
        assert_eq!(lasts, settings.contains(&("JWT_SESSION_COOKIE", "false")));
    }
}

#[tokio::test]
async fn a_refresh_cookie_of_one_path_goes_there_alone_and_ends_with_its_session() {
    let app = TestApp::with(&[COOKIES, &[("JWT_REFRESH_COOKIE_PATH", "/users/refresh")]].concat()).await;
    let mut page = Browser::new(&app);
    registered(&mut page).await;
    let before = page.copy();
    app.wait(60);
    assert_eq!(page.script(Method::POST, "/users/refresh", REFRESH, None).await.status, StatusCode::OK);
    let mut later = page.copy();
    assert_eq!(page.script(Method::POST, "/users/logout", ACCESS, None).await.status, StatusCode::NO_CONTENT);
    assert!(page.names().is_empty(), "{:?}", page.names());
    let over = "Token has been revoked";
    later.script(Method::POST, "/users/refresh", REFRESH, None).await.says(401, over);
    let missing = "Missing cookie \"__Host-access_token_cookie\"";
    Browser::new(&app).get("/tests/secret").await.says(401, missing);
    drop(before);
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_have_the_same_cookies() {
    let app = TestApp::with(COOKIES).await;
    let mut one = Browser::new(&app);
    registered(&mut one).await;
    // Right after a login each gets an access token of its own, since the login's was fresh.
    for mut tab in [one.copy(), one.copy()] {
        let answer = tab.script(Method::POST, "/users/refresh", REFRESH, None).await;
        assert_eq!((answer.status, answer.header("refresh-repeat")), (StatusCode::OK, "concurrent"));
        assert_eq!(tab.read(REFRESH), one.read(REFRESH));
        assert_eq!(tab.script(Method::DELETE, "/users/me/sessions/x", ACCESS, None).await.status, 404);
    }
    app.wait(60);
    let mut other = one.copy();
    let first = one.script(Method::POST, "/users/refresh", REFRESH, None).await;
    let second = other.script(Method::POST, "/users/refresh", REFRESH, None).await;
    assert_eq!((first.header("refresh-repeat"), second.header("refresh-repeat")), ("", "concurrent"));
    assert_eq!(first.cookies(), second.cookies(), "to the byte");
    // The cookies are shared, the value that a tab has read is not.
    for tab in [&mut one, &mut other] {
        let answer =
            tab.script(Method::POST, "/users/me/fresh", ACCESS, Some(json!({"password": "no"}))).await;
        answer.says(401, "Wrong username or password");
    }
    app.wait(60);
    assert_eq!(other.script(Method::POST, "/users/refresh", REFRESH, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn beside_headers_an_answer_goes_the_way_that_the_token_came() {
    // CSR-02, BRR-06
    let app = TestApp::with(BOTH).await;
    let mut page = Browser::new(&app);
    let answer = registered(&mut page).await;
    let tokens = answer.tokens();
    assert_eq!(answer.cookies().len(), 4);
    assert_eq!(answer.body["csrf_access_token"], page.read(ACCESS).unwrap());
    assert_eq!(answer.body["csrf_refresh_token"], page.read(REFRESH).unwrap());
    // A header needs nothing beside it.
    assert_eq!(app.get_as("/tests/secret", &tokens.access).await.status, StatusCode::OK);
    assert_eq!(page.get("/tests/secret").await.status, StatusCode::OK);
    app.wait(60);
    // A script that got into the page gets no token to take away.
    let answer = page.script(Method::POST, "/users/refresh", REFRESH, None).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, 4));
    body_has_no_token(&answer);
    let password = Some(json!({"password": "password"}));
    body_has_no_token(&page.script(Method::POST, "/users/me/fresh", ACCESS, password).await);

    let mut client = Browser::new(&app);
    let tokens = logged_in(&mut client).await.tokens();
    app.wait(60);
    let answer = app.post_as("/users/refresh", &tokens.refresh).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, 4), "a browser's are replaced");
    let tokens = answer.tokens();
    assert_eq!(app.post_as("/users/logout?scope=others", &tokens.access).await.cookies().len(), 0);
    page.get("/tests/secret").await.says(401, "Token has been revoked");
    // The first place that has something decides, and a bad token there is not passed over.
    assert_eq!(app.get_as("/tests/secret", "not.a.token").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let request = Request::get("/tests/secret").header(header::AUTHORIZATION, "Bearer not.a.token");
    let answer = client.send(request, "/tests/secret", None).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.post_as("/users/logout?scope=all", &tokens.access).await.cookies().len(), 4);
}

#[tokio::test]
async fn without_cookies_none_is_set_or_looked_at() {
    let app = TestApp::with(&[("DEVICE_COOKIE", "false")]).await;
    let mut page = Browser::new(&app);
    let answer = registered(&mut page).await;
    assert!(answer.cookies().is_empty() && answer.body.get("csrf_access_token").is_none());
    let tokens = answer.tokens();
    let cookie = format!("__Host-access_token_cookie={}", tokens.access);
    let request = Request::get("/tests/secret").header(header::COOKIE, cookie);
    page.send(request, "/tests/secret", None).await.says(401, "Missing Authorization Header");
    let answer = app.post_as("/users/logout", &tokens.access).await;
    assert_eq!((answer.cookies().len(), answer.header("clear-site-data")), (0, ""));
}

#[tokio::test]
async fn the_end_of_ones_own_session_takes_its_cookies_away_and_that_of_another_does_not() {
    let app = TestApp::with(COOKIES).await;
    let (mut page, mut other) = (Browser::new(&app), Browser::new(&app));
    registered(&mut page).await;
    app.wait(1);
    logged_in(&mut other).await;
    let sessions = page.get("/users/me/sessions").await.body;
    let id = |n: usize| format!("/users/me/sessions/{}", sessions["sessions"][n]["id"].as_str().unwrap());
    assert_eq!(sessions["sessions"][1]["current"], true);
    let answer = page.script(Method::DELETE, &id(0), ACCESS, None).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::NO_CONTENT, 0));
    other.get("/tests/secret").await.says(401, "Token has been revoked");
    let answer = page.script(Method::DELETE, &id(1), ACCESS, None).await;
    assert_eq!((answer.status, page.names().len()), (StatusCode::NO_CONTENT, 0));
}

#[tokio::test]
async fn a_page_that_cannot_read_the_cookie_gets_the_value_in_the_body() {
    let app = TestApp::with(&[COOKIES, &[("JWT_CSRF_IN_COOKIES", "false")]].concat()).await;
    let mut page = Browser::new(&app);
    let answer = registered(&mut page).await;
    assert_eq!(page.names(), ["__Host-access_token_cookie", "__Host-refresh_token_cookie"]);
    let refresh = |answer: &Answer| {
        let value = answer.body["csrf_refresh_token"].as_str().unwrap();
        Request::post("/users/refresh").header("x-csrf-token", value)
    };
    app.wait(60);
    let answer = page.send(refresh(&answer), "/users/refresh", None).await;
    assert_eq!(answer.status, StatusCode::OK);
    let value = answer.body["csrf_access_token"].as_str().unwrap();
    let logout = Request::post("/users/logout").header("x-csrf-token", value);
    assert_eq!(page.send(logout, "/users/logout", None).await.status, StatusCode::NO_CONTENT);
    assert!(page.names().is_empty());
}

#[tokio::test]
async fn a_page_without_scripts_refreshes_and_logs_out_by_a_form() {
    let app = TestApp::with(&[COOKIES, &[("JWT_CSRF_CHECK_FORM", "true")]].concat()).await;
    let mut page = Browser::new(&app);
    let answer = registered(&mut page).await;
    let cookies: Vec<_> =
        answer.cookies().iter().map(|line| line.split(';').next().unwrap().to_owned()).collect();
    let post = async |path: &str, field: &str| {
        let request = Request::post(path).header(header::COOKIE, cookies.join("; "));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        app.send(request.body(Body::from(format!("x=1&{field}"))).unwrap()).await
    };
    let value = |name: &str| format!("csrf_token={}", page.read(name).unwrap());
    assert_eq!(post("/users/refresh", &value(REFRESH)).await.status, StatusCode::OK);
    assert_eq!(post("/users/logout", "csrf_token=x").await.status, StatusCode::UNAUTHORIZED);
    let answer = post("/users/logout", &value(ACCESS)).await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (StatusCode::NO_CONTENT, ""),
        "its body was read"
    );
}

#[tokio::test]
async fn a_token_may_be_a_member_of_the_body() {
    let app = TestApp::with(&[("JWT_TOKEN_LOCATION", "headers,json")]).await;
    let tokens = app.register("alice").await;
    app.wait(60);
    let answer = app.post("/users/refresh", &json!({"refresh_token": tokens.refresh})).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, 0));
    let next = answer.tokens();
    let body = json!({"access_token": next.access, "password": "password"});
    let fresh = app.post("/users/me/fresh", &body).await;
    assert_eq!(fresh.status, StatusCode::OK);
    let change =
        json!({"access_token": fresh.body["access_token"], "password": "password", "new_password": "news"});
    let request = Request::put("/users/me/password").header(header::CONTENT_TYPE, "application/json");
    let answer = app.send(request.body(Body::from(change.to_string())).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    // A header goes on to work, and what is too long or no JSON is said as everywhere.
    assert_eq!(app.get_as("/tests/secret", &next.access).await.status, StatusCode::OK);
    let long = json!({"refresh_token": "x".repeat(20_000)});
    assert_eq!(app.post("/users/refresh", &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    for bad in ["", "{", "[]", "7"] {
        let answer = app.post_bytes("/users/refresh", "application/json", bad).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bad}");
    }
    let wrong = app.post("/users/refresh", &json!({"refresh_token": 7})).await;
    assert!(wrong.status.is_client_error());
    assert_eq!(
        app.post("/users/logout", &json!({"refresh_token": next.refresh})).await.status,
        StatusCode::NO_CONTENT
    );
    app.get_as("/tests/secret", &next.access).await.says(401, "Token has been revoked");
}

#[tokio::test]
async fn a_token_may_be_in_the_query_where_that_is_asked_for() {
    // BRR-05
    let app = TestApp::with(&[("JWT_TOKEN_LOCATION", "headers,query_string")]).await;
    let tokens = app.register("alice").await;
    assert_eq!(app.get(&format!("/tests/secret?jwt={}", tokens.access)).await.status, StatusCode::OK);
    app.wait(60);
    let path = format!("/users/refresh?jwt={}", tokens.refresh);
    let answer = app.method(Method::POST, &path).await;
    let path = format!("/users/logout?jwt={}", answer.tokens().access);
    assert_eq!(app.method(Method::POST, &path).await.status, StatusCode::NO_CONTENT);

    let app = TestApp::new().await;
    let tokens = app.register("alice").await;
    let missing = app.get(&format!("/tests/secret?jwt={}", tokens.access)).await;
    missing.says(401, "Missing Authorization Header");
}

#[tokio::test]
async fn a_link_plants_no_cookies_and_takes_none_away() {
    // CSR-07: what is in an address anybody can write there, also who has nobody's cookies to send along.
    let app = TestApp::with(&[("JWT_TOKEN_LOCATION", "cookies,query_string")]).await;
    let mallory = app.register("mallory").await;
    let foreign = async |path: &str, token: &str| {
        let request = Request::post(format!("{path}?jwt={token}"))
            .header("sec-fetch-site", "cross-site")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        app.send(request.body(Body::empty()).unwrap()).await
    };
    app.wait(60);
    let answer = foreign("/users/refresh", &mallory.refresh).await;
    assert_eq!(answer.cookies(), Vec::<String>::new(), "{}", answer.body);
    let answer = foreign("/users/logout", &mallory.access).await;
    assert_eq!((answer.cookies(), answer.header("clear-site-data")), (Vec::new(), ""), "{}", answer.status);
}

#[tokio::test]
async fn what_an_administrator_changes_by_a_cookie_needs_the_value_beside_it() {
    // CSR-04
    let app = TestApp::with(COOKIES).await;
    let mut page = Browser::new(&app);
    registered(&mut page).await;
    let id = page.get("/users/me").await.body["id"].as_str().unwrap().to_owned();
    let by = By::operator(None);
    app.state.accounts().set_access(&by, &UserId::new(id.as_str()), Access::Admin).await.unwrap();
    logged_in(&mut page).await;
    let path = format!("/admin/users/{id}");
    assert_eq!(page.get(&path).await.body["access"], 2);
    let change = || Some(json!({"locked": false}));
    for (method, body) in [(Method::PATCH, change()), (Method::DELETE, None)] {
        let answer = page.send(Request::builder().method(method).uri(&path), &path, body).await;
        answer.says(401, "Missing CSRF token in headers");
    }
    let changed = page.script(Method::PATCH, &path, ACCESS, change()).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
}

//! `GET /docs`: the page about the API, as it is sent and in a browser.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{SEED_LINE, Server, TestApp, WebDriver, instance};

const PAGE: &str = include_str!("../../src/http/docs/docs.html");

#[tokio::test]
async fn the_page_may_run_its_own_script_and_nothing_else() {
    // CSR-12
    let app = TestApp::new().await;
    let page = app.get("/docs").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                  require-trusted-types-for 'script'; trusted-types 'none'";
    for (name, value) in [
        ("content-security-policy", policy),
        ("content-type", "text/html; charset=utf-8"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    let permissions = page.header("permissions-policy").to_owned();
    let granted: Vec<_> = permissions.split(", ").filter(|it| !it.ends_with("=()")).collect();
    assert_eq!(granted, ["clipboard-write=(self)"], "copy buttons need it");
    assert!(permissions.contains("camera=()") && permissions.contains("geolocation=()"), "{permissions}");
}

#[tokio::test]
async fn the_page_has_no_script_and_no_style_of_its_own_and_all_its_files_are_here() {
    let app = TestApp::new().await;
    for inline in ["<style", "style=", "javascript:", " on", "<base", "http://", "https://"] {
        let tags = PAGE.split('<').map(|part| format!("<{}", part.split('>').next().unwrap()));
        let with: Vec<_> = tags.filter(|tag| tag.to_lowercase().contains(inline)).collect();
        assert!(with.is_empty(), "{inline}: {with:?}");
    }
    assert_eq!(PAGE.matches("<script").count(), PAGE.matches("<script type=\"module\" src=").count());
    let mut names: BTreeSet<String> = names(PAGE, &["src=\"", "href=\""]);
    names.retain(|name| name.starts_with("docs/"));
    let mut known = BTreeSet::new();
    while let Some(name) = names.pop_first() {
        let file = app.get(&format!("/{name}")).await;
        assert_eq!(file.status, StatusCode::OK, "{name}");
        let media_type = match name.rsplit_once('.').unwrap().1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml; charset=utf-8",
            other => panic!("{other}"),
        };
        assert_eq!(file.header("content-type"), media_type, "{name}");
        assert_eq!(file.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        let text = file.body.as_str().unwrap();
        for forbidden in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "localStorage", "sessionStorage"]
        {
            assert!(!text.contains(forbidden), "{name} has {forbidden}");
        }
        known.insert(name);
        let imported = self::names(text, &["from \"./"]).into_iter().map(|name| format!("docs/{name}"));
        names.extend(imported.filter(|name| !known.contains(name)));
    }
    assert_eq!(known.len(), 13, "{known:?}");
}

#[tokio::test]
async fn what_is_no_file_of_the_page_is_not_there() {
    let app = TestApp::new().await;
    for path in ["/docs/", "/docs/docs.html", "/docs/..%2fdocs.css", "/docs/DOCS.CSS", "/docs/docs.css/"] {
        assert_eq!(app.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_describe_itself_has_no_page() {
    let app = TestApp::with(&[("DOCS", "off")]).await;
    for path in ["/docs", "/docs/docs.js", "/openapi.json"] {
        app.get(path).await.says(404, "There is nothing at this address");
        app.post(path, &json!({})).await.says(404, "There is nothing at this address");
    }
}

#[test]
fn a_browser_shows_every_operation_and_finds_nothing_wrong() {
    // CSR-12
    let Some(browser) = WebDriver::start() else { return };
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    open(&browser, &server);
    let shown = browser.run(
        "return [...document.querySelectorAll('article')].map(it => \
         `${it.querySelector('.method').innerText} ${it.querySelector('.path').innerText}`)",
    );
    let mut shown: Vec<String> = serde_json::from_value(shown).unwrap();
    shown.sort();
    assert_eq!(shown, operations(&server));
    let entries = browser.run("return document.querySelectorAll('#menu li a').length");
    assert_eq!(entries, shown.len());
    let nowhere = browser.run(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map(it => it.hash.slice(1)) \
         .filter(id => document.getElementById(id) === null)",
    );
    assert_eq!(nowhere, json!([]), "every link on the page leads somewhere");
    let twice = browser.run(
        "const ids = [...document.querySelectorAll('[id]')].map(it => it.id); \
         return ids.filter((id, at) => ids.indexOf(id) !== at)",
    );
    assert_eq!(twice, json!([]), "no id is there twice");
    let nameless = browser.run(
        "return [...document.querySelectorAll('input, select, textarea')] \
         .filter(it => it.labels.length === 0).map(it => it.outerHTML)",
    );
    assert_eq!(nameless, json!([]), "every field has a label");

    browser.run("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true}))");
    assert_eq!(browser.run("return document.activeElement.id"), "filter", "a key leads there");
    browser.fill("#filter", "post login");
    let visible = "return [...document.querySelectorAll('article')].filter(it => it.checkVisibility()).map(it => it.id)";
    assert_eq!(browser.run(visible), json!(["post-users-login"]));
    browser.says("#menu .count", &format!("1 of {}", shown.len()));
    browser.fill("#filter", "no such word");
    assert_eq!(browser.run(visible), json!([]));
    // The key by which WebDriver knows Escape.
    browser.fill("#filter", "\u{e00c}");
    browser.comes_to(&format!("{visible}.length"), &json!(shown.len()));

    no_complaints(&browser);
}

#[test]
fn somebody_logs_in_looks_around_and_logs_out() {
    // CSR-14
    let Some(browser) = WebDriver::start() else { return };
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    open(&browser, &server);
    ask(&browser, "get-tests-secret", "401 Unauthorized");
    browser.fill("#post-users-registration-body", r#"{"username": "alice", "password": "correct horse"}"#);
    ask(&browser, "post-users-registration", "201 Created");
    browser.says("#session", "Logged in as alice, expires in ");
    ask(&browser, "get-tests-secret", "200 OK");
    browser.says("#get-tests-secret .received", "\"Secret!\"");
    browser.picture("docs-logged-in.png");
    // Without the token that it has.
    browser.click("#get-tests-secret-token");
    ask(&browser, "get-tests-secret", "401 Unauthorized");
    browser.click("#get-tests-secret-token");
    ask(&browser, "get-users-me", "200 OK");
    browser.says("#get-users-me .received", "\"alice\"");
    ask(&browser, "get-admin-users", "403 Forbidden");
    ask(&browser, "post-users-refresh", "200 OK");
    ask(&browser, "get-users-me", "200 OK");
    // An access token from a refresh is not fresh.
    ask(&browser, "put-users-me-password", "401 Unauthorized");
    browser.fill("#post-users-me-fresh-body", r#"{"password": "correct horse"}"#);
    ask(&browser, "post-users-me-fresh", "200 OK");
    browser.fill(
        "#put-users-me-password-body",
        r#"{"password": "correct horse", "new_password": "battery staple"}"#,
    );
    ask(&browser, "put-users-me-password", "204 No Content");

    browser.click("#session .acts button:last-child");
    browser.says("#session", "Logged out");
    ask(&browser, "get-users-me", "401 Unauthorized");
    log_in(&browser, "correct horse");
    browser.says("#session", "Wrong username or password");
    browser.picture("docs-refused.png");
    log_in(&browser, "battery staple");
    browser.says("#session", "Logged in as alice");
    ask(&browser, "get-tests-secret", "200 OK");
    // The command is the request, but for the token.
    let command = browser.text("#get-tests-secret .curl");
    let expected = format!(
        "curl -i 'http://{}/tests/secret' \\\n    -H \"Authorization: Bearer $ACCESS_TOKEN\"",
        server.address
    );
    assert_eq!(command, expected);

    let kept = browser.run("return localStorage.length + sessionStorage.length + document.cookie.length");
    assert_eq!(kept, 0, "nothing is kept");
    open(&browser, &server);
    ask(&browser, "get-tests-secret", "401 Unauthorized");
    no_complaints(&browser);
}

#[test]
fn with_tokens_in_cookies_the_page_sends_what_stands_beside_them() {
    let Some(browser) = WebDriver::start() else { return };
    let folder = instance(SEED_LINE);
    let settings = [("JWT_TOKEN_LOCATION", "cookies")];
    let server = Server::start(folder.path(), &["--profile", "testing"], &settings);
    open(&browser, &server);
    server.post("/users/registration", &json!({"username": "alice", "password": "correct horse"}));
    log_in(&browser, "correct horse");
    browser.says("#session", "Logged in as alice by cookie, expires in ");
    ask(&browser, "get-users-me", "200 OK");
    ask(&browser, "post-users-refresh", "200 OK");
    browser.fill("#post-users-me-fresh-body", r#"{"password": "correct horse"}"#);
    ask(&browser, "post-users-me-fresh", "200 OK");
    browser.click("#session .acts button:last-child");
    browser.says("#session", "Logged out");
    ask(&browser, "get-users-me", "401 Unauthorized");
    no_complaints(&browser);
}

#[test]
fn errors_are_said_in_words() {
    let Some(browser) = WebDriver::start() else { return };
    let folder = instance(SEED_LINE);
    let settings = [("LIMIT_LOGIN_BY_ADDRESS", "1, 1/min")];
    let server = Server::start(folder.path(), &["--profile", "testing"], &settings);
    open(&browser, &server);
    browser.fill("#post-users-login-body", "{");
    browser.says("#post-users-login .note", "This is not JSON");
    ask(&browser, "post-users-login", "400 Bad Request");
    log_in(&browser, "wrong");
    browser.says("#session", "Wrong username or password");
    log_in(&browser, "wrong");
    browser.says("#session", "Too many tries");
    browser.says("#session", "The next try is let in after ");
    drop(server);
    ask(&browser, "get-tests-hello", "No answer: the server cannot be reached");
    no_complaints(&browser);
}

#[test]
fn a_small_screen_has_room_for_it_and_the_dark_is_dark() {
    let Some(browser) = WebDriver::start() else { return };
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let metrics = json!({"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true});
    browser.tell("Emulation.setDeviceMetricsOverride", &metrics);
    open(&browser, &server);
    browser.run("document.querySelectorAll('details').forEach(it => { it.open = true; })");
    let widths = browser.run("return [document.documentElement.scrollWidth, innerWidth]");
    assert_eq!(widths, json!([360, 360]), "nothing has to be scrolled sideways");
    browser.run("document.querySelector('#menu details').open = false");
    browser.picture("docs-360.png");
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.tell("Emulation.setEmulatedMedia", &dark);
    let background = browser.run("return getComputedStyle(document.body).backgroundColor");
    assert_eq!(background, "rgb(18, 22, 25)");
    browser.picture("docs-360-dark.png");
    no_complaints(&browser);
}

#[test]
fn what_a_document_says_is_text_whatever_it_is_and_however_it_is_built() {
    // CSR-13
    let Some(browser) = WebDriver::start() else { return };
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let evil = "<img src=x onerror='document.title = 1'><script>document.title = 2</script>";
    let link = "[here](javascript:document.title=3) and [there](https://example.org/) **strong `code`**";
    let refer = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let schema = json!({"allOf": [refer("Tree"), {"type": "object", "required": ["kind"], "properties": {
        "kind": {"enum": ["a", evil], "description": evil, "x-unknown": [1]},
        "maybe": {"oneOf": [{"type": "null"}, refer("Tree")]},
        "old": {"type": "integer", "nullable": true, "minimum": 1},
        "either": {"oneOf": [{"title": "One", "type": "string"}, refer("Nowhere"), {"type": ["number", "null"]}]},
        "more": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "boolean"}}},
    }}]});
    let document = json!({
        "openapi": "3.1.0", "x-unknown": {}, "info": {"title": evil, "version": evil, "description": link},
        "components": {"schemas": {"Tree": {"type": "object", "properties": {
            "below": {"type": "array", "items": refer("Tree")},
            "name": {"type": "string", "examples": ["oak"]},
        }}}},
        "paths": {evil: {"post": {
            "summary": evil, "description": evil, "tags": [evil], "security": [{evil: [evil]}],
            "parameters": [{"name": evil, "in": "query", "schema": {"type": "string", "enum": [evil]}}],
            "requestBody": {"content": {"application/json": {"schema": schema}}},
            "responses": {"200": {"description": evil}, "default": {}},
        }}},
    });
    let script = format!("window.fetch = async () => new Response({:?})", document.to_string());
    browser.tell("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    open(&browser, &server);
    let made = browser.run("return document.querySelectorAll('main img, main script, [onerror]').length");
    assert_eq!(made, 0, "no element was made of a text");
    assert_eq!(browser.run("return document.title"), format!("{evil}: HTTP API"));
    assert_eq!(browser.run("return document.querySelector('h3').innerText"), evil);
    let links = "return [...document.querySelectorAll('.introduction .prose a')].map(it => it.href)";
    assert_eq!(browser.run(links), json!(["https://example.org/"]));
    let members = "return [...document.querySelectorAll('.says .schema > .members > li > .member')] \
                   .map(it => it.querySelector('.name').innerText + ': ' + it.querySelector('.type').innerText)";
    let expected = [
        "below: list of objects",
        "name: text",
        "either: One or anything or number or null",
        "kind: text",
        "maybe: object or null",
        "more: object",
        "old: integer or null",
    ];
    assert_eq!(browser.run(members), json!(expected));
    let body = browser.run("return JSON.parse(document.querySelector('textarea').value)");
    assert_eq!((&body["name"], &body["kind"], &body["old"]), (&json!("oak"), &json!("a"), &json!(1)));
    no_complaints(&browser);
}

/// Opens the page, in a window that has a column for the forms, and waits until it is made.
fn open(browser: &WebDriver, server: &Server) {
    browser.go(&format!("http://{}/docs", server.address));
    browser.comes_to("return document.querySelectorAll('article').length > 0", &Value::Bool(true));
    browser.run("document.querySelectorAll('details.try').forEach(it => { it.open = true; })");
}

/// Sends what is in the form of an operation, and waits for what is said of the answer.
fn ask(browser: &WebDriver, id: &str, said: &str) {
    browser.run(&format!("document.querySelector('#{id} .said').textContent = ''"));
    browser.click(&format!("#{id} button.send"));
    browser.says(&format!("#{id} .said"), said);
}

/// Types into the box at the top.
fn log_in(browser: &WebDriver, password: &str) {
    browser.run("document.querySelector('#session .said').textContent = ''");
    browser.fill("#login-username", "alice");
    browser.fill("#login-password", password);
    browser.click("#session button[type=submit]");
}

fn no_complaints(browser: &WebDriver) {
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Method and path of every operation of the document, sorted.
fn operations(server: &Server) -> Vec<String> {
    let (_, _, document) = server.request("GET", "/openapi.json", &[], "");
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys().filter(|it| it.as_str() != "parameters");
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let mut all: Vec<_> = each.collect();
    all.sort();
    all
}

/// What stands behind one of these and before a quote.
fn names(text: &str, before: &[&str]) -> BTreeSet<String> {
    let found = before.iter().flat_map(|before| text.split(before).skip(1));
    found.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

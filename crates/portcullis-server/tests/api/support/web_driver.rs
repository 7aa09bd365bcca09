//! A real browser: Chromium, driven through chromedriver by the W3C's protocol, of which this speaks what is needed.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{now, pause};

/// How long a page may take to come to something before a test says that it does not.
const PATIENCE: Duration = Duration::from_secs(30);

/// What Chromium is started with: no window, nothing of its own that it would ask its makers for, no movement that a click
/// could miss. Without its sandbox, which root cannot have: it sees no page but ours.
const ARGUMENTS: [&str; 11] = [
    "--headless",
    "--window-size=1400,900",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-prefers-reduced-motion",
];

/// A browser with one page; closed when the test is over.
pub struct WebDriver {
    driver: Child,
    address: String,
    /// `/session/` and its id.
    session: String,
    profile: TempDir,
}

impl WebDriver {
    /// A browser, if this machine has one; where not, it says so.
    pub fn start() -> Option<Self> {
        let browser = Command::new("chromium").arg("--version").output();
        let driver =
            browser.and_then(|_| Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn());
        let Ok(mut driver) = driver else {
            // Not by a macro, whose text the harness would keep to itself.
            let text = "SKIPPED: the page about the API in a browser; chromium or chromedriver is missing (apt-get install chromium chromium-driver)";
            let _ = writeln!(io::stderr(), "{text}");
            return None;
        };
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let address = format!("127.0.0.1:{}", port.expect("chromedriver says on which port it listens"));
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, address, session: String::new(), profile };
        browser.session = browser.open();
        Some(browser)
    }

    fn open(&self) -> String {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = self.send("POST", "/session", &wanted);
        format!("/session/{}", session["sessionId"].as_str().unwrap())
    }

    /// Opens an address, and waits until the page is there.
    pub fn go(&self, url: &str) {
        self.ask("POST", "/url", &json!({ "url": url }));
    }

    /// What a script answers: the body of a function.
    pub fn run(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a script answers with something.
    pub fn comes_to(&self, script: &str, expected: &Value) {
        let deadline = now() + PATIENCE;
        loop {
            let found = self.run(script);
            if found == *expected {
                return;
            }
            assert!(now() < deadline, "it does not come to {expected}: {script} is {found}");
            pause(Duration::from_millis(20));
        }
    }

    /// The text that somebody sees of an element; empty where there is none.
    pub fn text(&self, selector: &str) -> String {
        let text = self.run(&format!("return document.querySelector({selector:?})?.innerText ?? ''"));
        text.as_str().unwrap().to_owned()
    }

    /// Waits until somebody sees a text in an element.
    pub fn says(&self, selector: &str, text: &str) {
        let deadline = now() + PATIENCE;
        while !self.text(selector).contains(text) {
            assert!(now() < deadline, "{selector} does not say {text:?}: {:?}", self.text(selector));
            pause(Duration::from_millis(20));
        }
    }

    /// Clicks on an element, in the middle of the window.
    pub fn click(&self, selector: &str) {
        self.run(&format!("document.querySelector({selector:?}).scrollIntoView({{block: 'center'}})"));
        self.ask("POST", &format!("/element/{}/click", self.element(selector)), &json!({}));
    }

    /// Types into a field, in the place of what it had.
    pub fn fill(&self, selector: &str, text: &str) {
        self.run(&format!("document.querySelector({selector:?}).select()"));
        self.ask("POST", &format!("/element/{}/value", self.element(selector)), &json!({ "text": text }));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.ask("POST", "/element", &json!({"using": "css selector", "value": selector}));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    /// A command of the `DevTools` protocol.
    pub fn tell(&self, command: &str, parameters: &Value) -> Value {
        self.ask("POST", "/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// What the browser has complained about since the last time: scripts, policies, what is outdated. Not that an answer
    /// was a refusal, which it notes too, nor that it does not know a feature that it is told to leave off: each version
    /// knows others.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.ask("POST", "/se/log", &json!({"type": "browser"}));
        let unknown = "Error with Permissions-Policy header: Unrecognized feature";
        let entries = log.as_array().unwrap().iter();
        let entries = entries.filter(|entry| entry["level"] != "INFO" && entry["source"] != "network");
        entries.map(ToString::to_string).filter(|entry| !entry.contains(unknown)).collect()
    }

    /// Keeps a picture of the window, for people.
    pub fn picture(&self, name: &str) {
        let picture = self.ask("GET", "/screenshot", &Value::Null);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(path, STANDARD.decode(picture.as_str().unwrap()).unwrap()).unwrap();
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.send(method, &format!("{}{path}", self.session), body)
    }

    /// A command; the test ends if it is refused.
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut answer = self.exchange(method, path, body).unwrap();
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {}", answer["value"]["message"]);
        answer["value"].take()
    }

    /// A request to the driver, on a connection of its own.
    fn exchange(&self, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (address, length) = (&self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(2 * PATIENCE))?;
        stream.write_all(format!("{head}{body}").as_bytes())?;
        let (mut answer, mut line, mut length) = (BufReader::new(stream), String::new(), 0);
        while answer.read_line(&mut line)? > 2 {
            let field = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            length = field.map_or(length, |(_, value)| value.trim().parse().unwrap());
            line.clear();
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        // The driver ends its browser when the session ends, and leaves it where it is killed itself.
        let _ = self.exchange("DELETE", &self.session, &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

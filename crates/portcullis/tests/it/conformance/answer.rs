//! What came of a case: an answer, or a refusal before there could be one.

use axum::{body::Body, http::Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::tokens::Minted;

pub(super) enum Got {
    Answer {
        status: u16,
        body: Value,
        cookies: Vec<String>,
    },
    /// The options, the token or the combination cannot be made.
    Refused(String),
}

impl Got {
    pub(super) async fn of(response: Response<Body>, tokens: &[(String, Minted)]) -> Self {
        let status = response.status().as_u16();
        let lines = response.headers().get_all("set-cookie").iter();
        let cookies = lines.map(|line| normal(line.to_str().unwrap(), tokens)).collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Self::Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), cookies }
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. } => Some(*status),
            Self::Refused(_) => None,
        }
    }

    /// Whether this is what was recorded.
    pub(super) fn is(&self, expected: &Value) -> bool {
        match self {
            Self::Refused(_) => expected.get("token_creation_fails").is_some(),
            Self::Answer { status, body, cookies } => {
                let lines: Vec<&str> = expected["set_cookie"]
                    .as_array()
                    .map(|lines| lines.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                expected["status"] == *status && expected["body"] == *body && lines == *cookies
            }
        }
    }

    /// It was not let through.
    pub(super) fn refuses(&self) -> bool {
        self.status().is_none_or(|status| (400..500).contains(&status))
    }

    /// The text of the answer, under whatever key.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Answer { body: Value::Object(body), .. } => body.values().next()?.as_str(),
            _ => None,
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Refused(why) => json!({"refused": why}),
            Self::Answer { status, body, cookies } if cookies.is_empty() => {
                json!({"status": status, "body": body})
            }
            Self::Answer { status, body, cookies } => {
                json!({"status": status, "body": body, "set_cookie": cookies})
            }
        }
    }
}

/// A line with the recording's placeholders for what is new in every run.
fn normal(line: &str, tokens: &[(String, Minted)]) -> String {
    let mut line = line.to_owned();
    for (name, token) in tokens {
        line = line.replace(&token.text, &format!("<{name}>"));
        if let Some(csrf) = token.csrf() {
            line = line.replace(&csrf, &format!("<{name}.csrf>"));
        }
    }
    match line.split_once("Expires=") {
        Some((before, rest)) if !rest.contains("1970") => {
            let after = rest.split_once(';').map_or("", |(_, after)| after);
            format!("{before}Expires=<date>;{after}")
        }
        _ => line,
    }
}

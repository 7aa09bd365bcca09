//! A browser as far as cookies go: it keeps what answers set, sends what the path asks for, and reads what scripts may.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{Method, Request, header, request::Builder},
};
use serde_json::Value;

use super::{Answer, TestApp};

/// A jar of cookies before a service.
pub struct Browser<'a> {
    app: &'a TestApp,
    /// By name and path.
    jar: BTreeMap<(String, String), Cookie>,
}

#[derive(Clone, Debug)]
struct Cookie {
    value: String,
    http_only: bool,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, jar: BTreeMap::new() }
    }

    /// Another tab, at the moment as this one.
    pub fn copy(&self) -> Self {
        Self { app: self.app, jar: self.jar.clone() }
    }

    /// The value of a cookie that scripts may read.
    pub fn read(&self, name: &str) -> Option<&str> {
        let mut found = self.jar.iter().filter(|((known, _), cookie)| known == name && !cookie.http_only);
        found.next().map(|(_, cookie)| cookie.value.as_str())
    }

    pub fn names(&self) -> Vec<&str> {
        self.jar.keys().map(|(name, _)| name.as_str()).collect()
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), path, None).await
    }

    /// A request of a script that sends the value of a cookie in the header `X-CSRF-TOKEN`.
    pub async fn script(&mut self, method: Method, path: &str, csrf: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(value) = self.read(csrf) {
            request = request.header("x-csrf-token", value);
        }
        self.send(request, path, body).await
    }

    /// Sends a request with the cookies of its path, and takes over what its answer sets.
    pub async fn send(&mut self, mut request: Builder, path: &str, body: Option<Value>) -> Answer {
        let path = path.split('?').next().unwrap();
        let sent = self.jar.iter().filter(|((_, of), _)| of == "/" || path.starts_with(of.as_str()));
        let sent: Vec<_> = sent.map(|((name, _), cookie)| format!("{name}={}", cookie.value)).collect();
        if !sent.is_empty() {
            request = request.header(header::COOKIE, sent.join("; "));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answer = self.app.send(request.body(body).unwrap()).await;
        for line in answer.cookies() {
            self.take(&line);
        }
        answer
    }

    fn take(&mut self, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        let path = attributes.iter().find_map(|it| it.strip_prefix("Path=")).unwrap();
        let key = (name.to_owned(), path.to_owned());
        if attributes.contains(&"Expires=Thu, 01 Jan 1970 00:00:00 GMT") {
            self.jar.remove(&key);
        } else {
            let cookie = Cookie { value: value.to_owned(), http_only: attributes.contains(&"HttpOnly") };
            self.jar.insert(key, cookie);
        }
    }
}

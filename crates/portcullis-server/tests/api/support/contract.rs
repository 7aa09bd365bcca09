//! What the service says of itself, held against every answer that a test sees.

use std::{cell::RefCell, collections::HashMap};

use axum::http::Method;
use jsonschema::Validator;
use portcullis_server::{openapi_document, state::Terms};
use serde_json::{Value, json};

use super::Answer;

/// Headers that an answer has only where its description has them.
const TELLING: [&str; 7] = [
    "clear-site-data",
    "location",
    "refresh-repeat",
    "retry-after",
    "set-cookie",
    "www-authenticate",
    "x-request-id",
];

/// The document of a service, and what was made of its schemas so far.
pub struct Contract {
    document: Value,
    validators: RefCell<HashMap<String, Validator>>,
}

impl Contract {
    pub fn of(terms: &Terms) -> Self {
        let document = serde_json::from_str(&openapi_document(terms)).unwrap();
        Self { document, validators: RefCell::default() }
    }

    /// Ends the test if an answer is not one that the operation's description has. What is no operation, as an address that
    /// there is not and a method that an address does not take, has no description.
    pub fn hold(&self, method: &Method, path: &str, answer: &Answer) {
        let Some((operation, responses)) = self.responses(method, path) else {
            return;
        };
        let status = answer.status.as_str();
        let response = self.resolve(&responses[status]);
        assert!(!response.is_null(), "{operation} says nothing of {status}: {}", answer.body);
        self.hold_headers(&format!("{operation} {status}"), response, answer);
        match (&response["content"], &answer.body) {
            (Value::Null, body) => assert_eq!(*body, Value::Null, "{operation} {status} has a body"),
            (content, body) => {
                let media_type = answer.header("content-type");
                let schema = &content[media_type]["schema"];
                assert!(!schema.is_null(), "{operation} {status} is no {media_type}, by its description");
                self.hold_body(&format!("{operation} {status} {media_type}"), schema, body);
            }
        }
    }

    fn responses(&self, method: &Method, path: &str) -> Option<(String, &Value)> {
        let path = path.split('?').next().unwrap_or_default();
        let mut patterns: Vec<_> = self.document["paths"].as_object().unwrap().iter().collect();
        // A text before a parameter, as the router has it.
        patterns.sort_by_key(|(pattern, _)| pattern.contains('{'));
        let (pattern, item) = patterns.into_iter().find(|(pattern, _)| is_of(path, pattern))?;
        let operation = item.get(method.as_str().to_ascii_lowercase())?;
        Some((format!("{method} {pattern}"), &operation["responses"]))
    }

    fn hold_headers(&self, what: &str, response: &Value, answer: &Answer) {
        let described = response["headers"].as_object().unwrap();
        for (name, header) in described {
            let header = self.resolve(header);
            let value = answer.headers.get(name);
            assert!(value.is_some() || header["required"] != true, "{what} lacks {name}");
            if let Some(value) = value.and_then(|value| value.to_str().ok()) {
                let is_number = header["schema"]["type"] == "integer";
                let value = if is_number { value.parse::<i64>().unwrap().into() } else { json!(value) };
                self.hold_body(&format!("{what} {name}"), &header["schema"], &value);
            }
        }
        for name in TELLING.into_iter().filter(|name| answer.headers.contains_key(*name)) {
            let is_described = described.keys().any(|described| described.eq_ignore_ascii_case(name));
            assert!(is_described, "{what} says nothing of {name}");
        }
    }

    fn hold_body(&self, what: &str, schema: &Value, value: &Value) {
        let mut validators = self.validators.borrow_mut();
        let validator = validators.entry(what.to_owned()).or_insert_with(|| {
            let mut schema = schema.clone();
            schema["components"] = self.document["components"].clone();
            jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
        });
        let problems: Vec<String> = validator.iter_errors(value).map(|problem| problem.to_string()).collect();
        assert!(problems.is_empty(), "{what} is not as described: {problems:?}\n{value}");
    }

    /// What stands in the place of a reference.
    fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }
}

/// Whether a path is of a pattern.
fn is_of(path: &str, pattern: &str) -> bool {
    let (mut path, mut pattern) = (path.split('/'), pattern.split('/'));
    loop {
        match (path.next(), pattern.next()) {
            (None, None) => return true,
            (Some(segment), Some(pattern)) if pattern.starts_with('{') && !segment.is_empty() => {}
            (Some(segment), Some(pattern)) if segment == pattern => {}
            _ => return false,
        }
    }
}

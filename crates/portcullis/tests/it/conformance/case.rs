//! A recorded case, as one style of it reads.

use portcullis::{Algorithm, ErrorStyle};
use serde_json::{Map, Value};

pub(super) struct Case<'a> {
    pub(super) recorded: &'a Value,
    pub(super) style: ErrorStyle,
}

impl<'a> Case<'a> {
    pub(super) fn id(&self) -> &'a str {
        self.recorded["id"].as_str().unwrap()
    }

    pub(super) fn is_3(&self) -> bool {
        self.style == ErrorStyle::Flask3
    }

    pub(super) fn expected(&self) -> &'a Value {
        &self.recorded[if self.is_3() { "expected_3_18" } else { "expected" }]
    }

    pub(super) fn hook(&self, name: &str) -> &'a Value {
        &self.recorded["setup"]["hooks"][name]
    }

    pub(super) fn guard(&self) -> Option<&'a Map<String, Value>> {
        self.recorded["setup"]["guard"].as_object()
    }

    /// A keyword argument of the guard that is on.
    pub(super) fn guard_is(&self, name: &str) -> bool {
        self.guard().is_some_and(|guard| guard.get(name) == Some(&Value::Bool(true)))
    }

    pub(super) fn verifies_type(&self) -> bool {
        self.guard().and_then(|guard| guard.get("verify_type")) != Some(&Value::Bool(false))
    }

    pub(super) fn returns(&self) -> &'a str {
        self.recorded["setup"]["handler_returns"].as_str().unwrap_or("ok")
    }

    pub(super) fn request(&self) -> &'a Value {
        &self.recorded["request"]
    }

    pub(super) fn method(&self) -> &'a str {
        self.request()["method"].as_str().unwrap_or("GET")
    }

    /// The case's options, those of its style last.
    pub(super) fn config(&self) -> Map<String, Value> {
        let setup = &self.recorded["setup"];
        let mut config = setup["config"].as_object().cloned().unwrap_or_default();
        if self.is_3() {
            config.extend(setup["config_3x"].as_object().cloned().unwrap_or_default());
        }
        config
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.recorded["tokens"].as_object().into_iter().flatten()
    }

    /// Whether some token was given this claim as an extra one.
    pub(super) fn adds_claim(&self, is: impl Fn(&str) -> bool) -> bool {
        let given = self.tokens().map(|(_, spec)| &spec["additional_claims"]);
        let mut names = given.chain([self.hook("additional_claims")]).filter_map(Value::as_object);
        names.any(|claims| claims.keys().any(|name| is(name)))
    }

    /// Whether some hand-made token's claim is so.
    pub(super) fn signs_claim(&self, name: &str, is: impl Fn(&Value) -> bool) -> bool {
        self.tokens().filter_map(|(_, spec)| spec["sign"]["payload"].get(name)).any(is)
    }

    /// Whether some hand-made token's header member is so.
    pub(super) fn signs_header(&self, name: &str, is: impl Fn(&Value) -> bool) -> bool {
        self.tokens().filter_map(|(_, spec)| spec["sign"]["header"].get(name)).any(is)
    }

    pub(super) fn mutates(&self, is: impl Fn(&str) -> bool) -> bool {
        self.tokens().filter_map(|(_, spec)| spec["mutate"].as_str()).any(is)
    }

    /// The algorithm of the case's keys.
    pub(super) fn algorithm(&self) -> Algorithm {
        let config = self.config();
        config
            .get("JWT_ALGORITHM")
            .and_then(Value::as_str)
            .and_then(|name| name.parse().ok())
            .unwrap_or(Algorithm::HS256)
    }

    /// Whether the library, as it was built, has the algorithm of the case's keys.
    pub(super) fn can_run(&self) -> bool {
        cfg!(feature = "asymmetric") || self.algorithm().is_symmetric()
    }
}

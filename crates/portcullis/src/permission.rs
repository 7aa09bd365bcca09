//! What a bearer may do, said by a claim.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Claims;

/// Something that a bearer may do by a claim of his token: else 403 `insufficient_scope`.
///
/// Texts are compared whole and with their case: `admin,user` and `Admin` are not `admin`. A claim that is a
/// list holds each of its texts.
///
/// ```
/// use portcullis::Permission;
///
/// let admin = Permission::role("admin");
/// let level = Permission::at_least("access", 2);
/// let either = admin.or(level);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Permission(Vec<Rule>);

#[derive(Clone, Debug)]
enum Rule {
    Holds { claims: Vec<String>, text: String },
    AtLeast { claim: String, level: i64 },
}

impl Permission {
    /// The claim `role` is this text, or `roles` has it.
    pub fn role(role: impl Into<String>) -> Self {
        Self(vec![Rule::Holds { claims: vec!["role".into(), "roles".into()], text: role.into() }])
    }

    /// A claim is this text, or a list that has it.
    pub fn claim(claim: impl Into<String>, text: impl Into<String>) -> Self {
        Self(vec![Rule::Holds { claims: vec![claim.into()], text: text.into() }])
    }

    /// A claim is an integer of at least this level.
    pub fn at_least(claim: impl Into<String>, level: i64) -> Self {
        Self(vec![Rule::AtLeast { claim: claim.into(), level }])
    }

    /// This, or another.
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether claims give it.
    pub fn is_held_by(&self, claims: &Claims) -> bool {
        let Ok(claims) = claims.custom::<BTreeMap<String, Value>>() else { return false };
        self.0.iter().any(|rule| rule.is_held_by(&claims))
    }
}

impl Rule {
    fn is_held_by(&self, claims: &BTreeMap<String, Value>) -> bool {
        match self {
            Self::AtLeast { claim, level } => {
                claims.get(claim).and_then(Value::as_i64).is_some_and(|held| held >= *level)
            }
            Self::Holds { claims: names, text } => {
                names.iter().filter_map(|name| claims.get(name)).any(|value| holds(value, text))
            }
        }
    }
}

fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(held) => held == text,
        // A list with anything but texts in it is no set of texts, and nothing is read into it.
        Value::Array(held) => {
            held.iter().all(Value::is_string) && held.iter().any(|held| held.as_str() == Some(text))
        }
        _ => false,
    }
}

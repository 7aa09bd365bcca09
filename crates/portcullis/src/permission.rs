//! What a bearer may do, said by a claim.

use std::borrow::Cow;

use serde_json::{Map, Value};

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
/// let of_keycloak = Permission::claim(["realm_access", "roles"], "admin");
/// let of_oauth = Permission::scope("read:users");
/// ```
///
/// A claim is named by its [`ClaimPath`]; a [`Guard`](crate::Guard), a [`RequireLayer`](crate::RequireLayer) or
/// [`JwtManager::permits`](crate::JwtManager::permits) asks for it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Permission(Vec<Rule>);

#[derive(Clone, Debug)]
enum Rule {
    Holds { claims: Vec<ClaimPath>, text: String },
    AtLeast { claim: ClaimPath, level: i64 },
    Scope(String),
}

/// Where a claim stands.
///
/// A name is a claim of one's own: beside the library's claims, or in the object that the manager keeps them in
/// ([`user_claims`](crate::JwtConfig::user_claims)), and then there alone. A list of names leads from the top
/// through objects to the claim, whatever the manager's configuration is; a dot in a name is a part of it.
///
/// It is made from whatever a configuration has:
///
/// ```
/// use portcullis::Permission;
///
/// let configured: Vec<String> = "realm_access/roles".split('/').map(str::to_owned).collect();
/// let by_path = Permission::claim(configured, "admin");
/// let by_name = Permission::claim("groups", "admin");
/// ```
#[derive(Clone, Debug)]
pub struct ClaimPath(Path);

#[derive(Clone, Debug)]
enum Path {
    Own(String),
    FromTop(Vec<String>),
}

impl Permission {
    /// The claim `role` is this text, or `roles` has it.
    pub fn role(role: impl Into<String>) -> Self {
        Self(vec![Rule::Holds { claims: vec!["role".into(), "roles".into()], text: role.into() }])
    }

    /// A claim is this text, or a list that has it.
    pub fn claim(claim: impl Into<ClaimPath>, text: impl Into<String>) -> Self {
        Self(vec![Rule::Holds { claims: vec![claim.into()], text: text.into() }])
    }

    /// A claim is an integer of at least this level.
    pub fn at_least(claim: impl Into<ClaimPath>, level: i64) -> Self {
        Self(vec![Rule::AtLeast { claim: claim.into(), level }])
    }

    /// The claim `scope`, a text of words with a blank between them, has this one (RFC 9068 section 2.2.3).
    ///
    /// The refusal of a bearer without it names it (RFC 6750 section 3).
    pub fn scope(scope: impl Into<String>) -> Self {
        Self(vec![Rule::Scope(scope.into())])
    }

    /// This, or another.
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether claims give it, one's own being in an object of this name where there is one.
    pub(crate) fn is_held_by(&self, claims: &Claims, own_member: Option<&str>) -> bool {
        let Ok(top) = claims.custom::<Map<String, Value>>() else { return false };
        let own = own_member.map_or(Some(&top), |name| top.get(name).and_then(Value::as_object));
        let found = Found { top: &top, own };
        self.0.iter().any(|rule| rule.is_held_by(found))
    }

    /// The scopes among permissions that are all asked for, as a challenge names them. Of a choice it could not
    /// say that it is one.
    pub(crate) fn scopes(asked: &[Self]) -> Option<String> {
        let scopes: Vec<&str> = asked.iter().filter_map(Self::sole_scope).collect();
        if scopes.is_empty() { None } else { Some(scopes.join(" ")) }
    }

    /// A scope that RFC 6749 section 3.3 allows, which needs no escape in a header.
    fn sole_scope(&self) -> Option<&str> {
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        match self.0.as_slice() {
            [Rule::Scope(scope)] if !scope.is_empty() && scope.bytes().all(is_allowed) => Some(scope),
            _ => None,
        }
    }
}

/// A token's claims, and those among them that are one's own.
#[derive(Clone, Copy)]
struct Found<'a> {
    top: &'a Map<String, Value>,
    own: Option<&'a Map<String, Value>>,
}

impl Rule {
    fn is_held_by(&self, found: Found<'_>) -> bool {
        match self {
            Self::AtLeast { claim, level } => {
                claim.value(found).and_then(Value::as_i64).is_some_and(|held| held >= *level)
            }
            Self::Holds { claims, text } => {
                claims.iter().filter_map(|claim| claim.value(found)).any(|value| holds(value, text))
            }
            Self::Scope(scope) => {
                let held = found.own.and_then(|own| own.get("scope")).and_then(Value::as_str);
                held.is_some_and(|held| held.split(' ').any(|held| !held.is_empty() && held == scope))
            }
        }
    }
}

impl ClaimPath {
    fn from_top(names: impl IntoIterator<Item: Into<String>>) -> Self {
        Self(Path::FromTop(names.into_iter().map(Into::into).collect()))
    }

    fn value<'a>(&self, found: Found<'a>) -> Option<&'a Value> {
        match &self.0 {
            Path::Own(name) => found.own?.get(name),
            Path::FromTop(names) => {
                let (first, rest) = names.split_first()?;
                rest.iter().try_fold(found.top.get(first)?, |value, name| value.as_object()?.get(name))
            }
        }
    }
}

impl From<&str> for ClaimPath {
    fn from(name: &str) -> Self {
        name.to_owned().into()
    }
}

impl From<String> for ClaimPath {
    fn from(name: String) -> Self {
        Self(Path::Own(name))
    }
}

impl From<&String> for ClaimPath {
    fn from(name: &String) -> Self {
        name.clone().into()
    }
}

impl From<Cow<'_, str>> for ClaimPath {
    fn from(name: Cow<'_, str>) -> Self {
        name.into_owned().into()
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for ClaimPath {
    fn from(names: [S; N]) -> Self {
        Self::from_top(names)
    }
}

impl<S: Into<String>> From<Vec<S>> for ClaimPath {
    fn from(names: Vec<S>) -> Self {
        Self::from_top(names)
    }
}

impl<S: Into<String> + Clone> From<&[S]> for ClaimPath {
    fn from(names: &[S]) -> Self {
        Self::from_top(names.iter().cloned())
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

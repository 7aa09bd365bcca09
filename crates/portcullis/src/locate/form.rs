//! Reading a value out of a query string, a form or a JSON body.

use std::borrow::Cow;

use http::request::Parts;

use super::media_type;
use crate::{
    AuthError,
    jws::json::{self, Names, Value},
};

/// The values of a parameter, decoded.
pub(super) fn values<'r>(encoded: &'r [u8], name: &str) -> impl Iterator<Item = Cow<'r, str>> {
    form_urlencoded::parse(encoded).filter(move |(found, _)| found == name).map(|(_, value)| value)
}

/// Whether the body is a form that [`values`] can read. Forms that carry files are not: they would have to be
/// held whole for one field.
pub(super) fn is_form(parts: &Parts) -> bool {
    media_type(parts).is_some_and(|it| it.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// The text of a JSON object's member, `None` where it is absent or says nothing (`null`, `""`).
///
/// A body that is not a JSON object, or has a name twice, has no member.
///
/// # Errors
/// [`AuthError::TokenNotText`] when the member is of another type.
pub(super) fn json_text<'r>(body: &'r [u8], name: &str) -> Result<Option<Cow<'r, str>>, AuthError> {
    let (mut member, mut names) = (None, Names::default());
    let read = std::str::from_utf8(body).ok().and_then(|text| {
        let all = json::members(text, |found, value| {
            if found == *name {
                member = Some(value);
            }
            names.is_new(found)
        });
        all.ok()
    });
    match member.filter(|_| read.is_some()) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.unescaped()).filter(|text| !text.is_empty())),
        Some(_) => Err(AuthError::TokenNotText),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_a_text_or_not_there() {
        let text = |body: &'static str| json_text(body.as_bytes(), "t");
        assert_eq!(text(r#"{"x":1,"t":"a\u0062"}"#), Ok(Some("ab".into())));
        for none in ["", "{", "[1]", r#""t""#, "{}", r#"{"t":null}"#, r#"{"t":""}"#, r#"{"t":"a","t":"a"}"#] {
            assert_eq!(text(none), Ok(None), "{none}");
        }
        for bad in [r#"{"t":1}"#, r#"{"t":{"t":"a"}}"#, r#"{"t":["a"]}"#, r#"{"t":true}"#] {
            assert_eq!(text(bad), Err(AuthError::TokenNotText), "{bad}");
        }
    }
}

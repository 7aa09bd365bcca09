//! JSON as tokens may have it: no object in it has two members of one name (RFC 7515 section 4, RFC 7519
//! section 4, the stricter of the two choices), names spelled with escapes included.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

/// A member's name: borrowed, unless it is spelled with escapes.
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

/// A string value: borrowed, unless it is spelled with escapes.
pub(crate) type Text<'de> = Cow<'de, str>;

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

/// The names that an object has had so far. A few are compared one by one, many by their hash, so that an
/// object of a thousand members costs no more than a thousand look-ups.
#[derive(Default)]
pub(crate) struct Names<'de> {
    few: [&'de str; Names::FEW],
    used: usize,
    /// The others, and those spelled with escapes; made when it is needed, which is hardly ever.
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> Names<'de> {
    const FEW: usize = 12;

    /// Notes a name; `false` when the object has had it before.
    pub(crate) fn is_new(&mut self, name: Cow<'de, str>) -> bool {
        let known = self.few.iter().take(self.used).any(|known| *known == name)
            || self.many.as_ref().is_some_and(|many| many.contains(&name));
        match (name, self.few.get_mut(self.used)) {
            _ if known => {}
            (Cow::Borrowed(name), Some(place)) => {
                *place = name;
                self.used += 1;
            }
            (name, _) => drop(self.many.get_or_insert_default().insert(name)),
        }
        !known
    }
}

/// What a JSON value is, as far as claims and header members care.
pub(crate) enum Value<'de> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text<'de>),
    /// A list whose members are all strings.
    Texts(Vec<Text<'de>>),
    /// An object, or a list of anything else. What is in it was read, strictly, and left behind.
    Other,
}

/// A JSON number, by the three ways in which it can be exact enough.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    Integer(i64),
    /// An integer above the range of `i64`.
    Large,
    Float(f64),
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value without duplicate members")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Value::Number(Number::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(i64::try_from(value).map_or(Number::Large, Number::Integer)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Value::Number(Number::Float(value)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut texts, mut all_texts) = (Vec::new(), true);
        while let Some(member) = list.next_element()? {
            match member {
                Value::Text(text) => texts.push(text),
                _ => all_texts = false,
            }
        }
        Ok(if all_texts { Value::Texts(texts) } else { Value::Other })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut names = Names::default();
        while let Some((Name(name), _)) = object.next_entry::<Name<'de>, Value<'de>>()? {
            if !names.is_new(name) {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Other)
    }
}

/// Whether a text is JSON at all, of whatever kind: for telling "not JSON" from "not an object".
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value<'_>>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_members_of_one_name_are_refused_at_every_depth_and_in_every_spelling() {
        for bad in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"b":1,"b":2}}]"#] {
            assert!(!is_json(bad), "{bad}");
        }
        let many: Vec<String> = (0..40).map(|n| format!(r#""m{n}":0"#)).collect();
        assert!(is_json(&format!("{{{}}}", many.join(","))));
        assert!(!is_json(&format!(r#"{{{},"m39":0}}"#, many.join(","))));
    }

    #[test]
    fn what_is_not_json_is_not_read() {
        for bad in [
            "",
            "{",
            "{}x",
            "{}{}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":1e400}",
            "{/**/}",
            "\u{feff}{}",
            r#"{"a":"\ud800"}"#,
        ] {
            assert!(!is_json(bad), "{bad}");
        }
        assert!(!is_json(&"[".repeat(200_000)), "depth is bounded");
    }
}

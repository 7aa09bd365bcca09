//! What is read, what is not, and that both agree with a reader of general use.

use proptest::prelude::*;

use super::*;

fn value(text: &str) -> Option<Value<'_>> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_blanks();
    reader.value(MAX_DEPTH).ok().filter(|_| reader.end().is_ok())
}

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
    // JWT-31
    for bad in [
        "",
        " ",
        "{",
        "{}x",
        "{}{}",
        "{'a':1}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{/**/}",
        "\u{feff}{}",
        "tru",
        "True",
        "nul",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "-01",
        "0x10",
        "NaN",
        "Infinity",
        "1e400",
        "-1e400",
        r#"""#,
        r#""\x""#,
        r#""\u12""#,
        r#""\u+123""#,
        r#""\ud800""#,
        r#""\ud800\n""#,
        r#""\ud800\u0061""#,
        r#""\udc00\ud800""#,
        "\"a\nb\"",
        "\"a\tb\"",
        "\"eight by\u{1f}te\"",
        "\"\u{0}\"",
    ] {
        assert!(!is_json(bad), "{bad:?}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(is_json(&nested(127)));
    assert!(!is_json(&nested(128)));
    assert!(!is_json(&"[".repeat(200_000)));
    assert!(!is_json(&r#"{"a":"#.repeat(200_000)));
}

#[test]
fn numbers_are_integers_as_long_as_they_fit() {
    for (text, number) in [
        ("0", Value::Integer(0)),
        ("-1", Value::Integer(-1)),
        ("999999999999999999", Value::Integer(999_999_999_999_999_999)),
        ("1000000000000000000", Value::Integer(1_000_000_000_000_000_000)),
        ("9223372036854775807", Value::Integer(i64::MAX)),
        ("-9223372036854775808", Value::Integer(i64::MIN)),
        ("9223372036854775808", Value::Float(9_223_372_036_854_775_808.0)),
        ("100000000000000000000000", Value::Float(1e23)),
        ("1.0", Value::Float(1.0)),
        ("1e2", Value::Float(100.0)),
        ("-0", Value::Float(-0.0)),
        ("5e-324", Value::Float(5e-324)),
    ] {
        assert_eq!(value(text), Some(number), "{text}");
    }
}

/// At the end of the range ways of rounding part. Where it ends is up to `serde_json`, whose features a program chooses.
#[test]
fn the_range_ends_where_it_ends_for_serde_json() {
    for beyond in ["1e309", "-1e309", "1.8e308"] {
        assert_eq!((value(beyond), general(beyond)), (None, None), "{beyond}");
    }
    for number in [
        "1.7976931348623157e308",
        "-1.7976931348623157e308",
        "1.7976931348623158e308",
        "-1.7976931348623158e308",
        "1.797693134862315807e308",
        "0e999",
        "1e-400",
        "4.9e-324",
    ] {
        let theirs = general(number).and_then(|number| number.as_f64()).map(Value::Float);
        assert_eq!(is_json(&format!(r#"{{"a":[{number}]}}"#)), theirs.is_some(), "{number}");
        assert_eq!(value(number), theirs, "{number}");
    }
}

#[test]
fn a_string_says_what_its_escapes_stand_for() {
    for (spelled, said) in [
        (r#""plain""#, "plain"),
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""before \u00e9\u20AC after""#, "before é€ after"),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\uD83D\uDE00!""#, "😀!"),
        ("\"é😀\u{7f}\u{ffff}\"", "é😀\u{7f}\u{ffff}"),
        (r#""a text that is longer than eight bytes\u0021""#, "a text that is longer than eight bytes!"),
    ] {
        let Some(Value::Text(text)) = value(spelled) else { panic!("{spelled} is not read") };
        assert_eq!(text.unescaped(), said);
    }
}

#[test]
fn a_list_of_strings_is_read_again_for_its_members() {
    let members = |text: &str| match value(text) {
        Some(Value::Texts(texts)) => {
            Some(texts.iter().map(|text| text.unescaped().into_owned()).collect::<Vec<_>>())
        }
        _ => None,
    };
    assert_eq!(members(r#"[ "a" , "\u0062","c,]" ]"#), Some(vec!["a".into(), "b".into(), "c,]".into()]));
    assert_eq!(members("[ ]"), Some(vec![]));
    assert_eq!(members(r#"["a",1]"#), None);
    assert_eq!(members(r#"[["a"]]"#), None);
}

#[test]
fn an_object_hands_over_its_members_and_others_are_told_from_what_is_no_json() {
    let mut seen = Vec::new();
    let all = members(r#" { "a" : 1 , "\u0062" : {"c":[true,null]} } "#, |name, value| {
        seen.push((name.unescaped().into_owned(), value));
        true
    });
    assert_eq!(all, Ok(()));
    assert_eq!(seen, [("a".to_owned(), Value::Integer(1)), ("b".to_owned(), Value::Other)]);
    for (text, fault) in [
        ("[]", Fault::NotAnObject),
        (" null", Fault::NotAnObject),
        (r#""a""#, Fault::NotAnObject),
        ("[1", Fault::NotJson),
        ("", Fault::NotJson),
        ("{}1", Fault::NotJson),
    ] {
        assert_eq!(members(text, |_, _| true), Err(fault), "{text}");
    }
    assert_eq!(members(r#"{"a":1}"#, |_, _| false), Err(Fault::NotJson), "a name that was there before");
}

/// JSON, or nearly: pieces in any order, most of them where they belong.
fn texts() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        "-?[0-9]{1,24}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        "\"[ -~é😀]{0,20}\"",
        "\"(\\\\[\"\\\\/bfnrtux]|\\\\u[0-9a-fA-F]{4}|\\\\ud83d\\\\ude00|[a-z]{0,9}){0,5}\"",
        ".{0,3}",
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let name = "\"(a|b|c|\\\\u0061|[ -~]{0,9})\"";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|list| format!("[{}]", list.join(","))),
            proptest::collection::vec((name, inner), 0..5).prop_map(|members| {
                let members: Vec<String> =
                    members.into_iter().map(|(name, value)| format!("{name} :{value}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}

/// The same value as `serde_json` reads it, and how often a member was given twice.
fn general(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(text).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is JSON here is JSON there; what is JSON there is refused here for a name given twice alone.
    #[test]
    fn both_readers_agree(text in texts()) {
        // JWT-36
        let (ours, theirs) = (value(&text), general(&text));
        match (ours, theirs) {
            (None, None) => {}
            (Some(_), None) => prop_assert!(false, "only ours reads {text:?}"),
            (None, Some(_)) => prop_assert!(has_twins(&text), "only theirs reads {text:?}"),
            (Some(ours), Some(theirs)) => match ours {
                Value::Null => prop_assert!(theirs.is_null()),
                Value::Bool(ours) => prop_assert_eq!(theirs.as_bool(), Some(ours)),
                Value::Integer(ours) => prop_assert_eq!(theirs.as_i64(), Some(ours)),
                Value::Float(ours) => {
                    // Theirs keeps integers up to 64 bits without a sign.
                    prop_assert_eq!(theirs.as_f64().map(f64::to_bits), Some(ours.to_bits()));
                }
                Value::Text(ours) => prop_assert_eq!(theirs.as_str(), Some(&*ours.unescaped())),
                Value::Texts(ours) => {
                    let ours: Vec<_> = ours.iter().map(|text| text.unescaped().into_owned()).collect();
                    prop_assert_eq!(theirs, serde_json::Value::from(ours));
                }
                Value::Other => prop_assert!(theirs.is_object() || theirs.is_array()),
            },
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,64}") {
        let _ = is_json(&text);
    }
}

/// Whether some object of a text that is JSON has a name twice.
fn has_twins(text: &str) -> bool {
    struct Twins(bool);

    impl<'de> serde::Deserialize<'de> for Twins {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Seeker)
        }
    }

    struct Seeker;

    impl<'de> serde::de::Visitor<'de> for Seeker {
        type Value = Twins;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("JSON")
        }

        fn visit_unit<E>(self) -> Result<Twins, E> {
            Ok(Twins(false))
        }

        fn visit_bool<E>(self, _: bool) -> Result<Twins, E> {
            Ok(Twins(false))
        }

        fn visit_i64<E>(self, _: i64) -> Result<Twins, E> {
            Ok(Twins(false))
        }

        fn visit_u64<E>(self, _: u64) -> Result<Twins, E> {
            Ok(Twins(false))
        }

        fn visit_f64<E>(self, _: f64) -> Result<Twins, E> {
            Ok(Twins(false))
        }

        fn visit_str<E>(self, _: &str) -> Result<Twins, E> {
            Ok(Twins(false))
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Twins, A::Error> {
            let mut twins = false;
            while let Some(Twins(inner)) = list.next_element()? {
                twins |= inner;
            }
            Ok(Twins(twins))
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut object: A) -> Result<Twins, A::Error> {
            let (mut names, mut twins) = (HashSet::new(), false);
            while let Some((name, Twins(inner))) = object.next_entry::<String, Twins>()? {
                twins |= inner || !names.insert(name);
            }
            Ok(Twins(twins))
        }
    }

    serde_json::from_str(text).is_ok_and(|Twins(twins)| twins)
}

//! What claims may not say, although the signature over them is right.

use portcullis::{AuthError, JwtConfig, Registered, Require, TokenKind};

use crate::common::{HEADER, configured, manager, mint, token};

fn refusal(changes: &[(&str, &str)]) -> AuthError {
    let verdict = manager().verify(&token(changes));
    verdict.err().unwrap_or_else(|| panic!("accepted: {changes:?}"))
}

#[test]
fn jwt_29_no_claim_stands_twice() {
    let doubled = |more: &str| {
        let usual = crate::common::claims(&[]);
        mint(HEADER, format!("{},{more}}}", usual.strip_suffix('}').unwrap()))
    };
    for more in [
        r#""sub":"alice""#,
        r#""sub":"admin""#,
        r#""\u0073ub":"admin""#,
        r#""exp":1900000900"#,
        r#""\u0065\u0078\u0070":1"#,
        r#""jti":"j2""#,
        r#""typ\u0065":"refresh""#,
        r#""role":"a","role":"a""#,
        r#""role":"a","rol\u0065":"b""#,
        r#""deep":[{"x":{"a":1,"a":1}}]"#,
    ] {
        assert_eq!(manager().verify(&doubled(more)).unwrap_err(), AuthError::PayloadJson, "{more}");
    }
    // Names differ by their characters, not by their looks or case.
    assert!(manager().verify(&doubled(r#""Sub":"admin","subject":"admin""#)).is_ok());
}

#[test]
fn jwt_28_30_31_and_32_claims_are_one_strict_json_object() {
    let verdict = |payload: &[u8]| manager().verify(&mint(HEADER, payload)).unwrap_err();
    let good = crate::common::claims(&[]);
    for payload in [
        format!("{good}x"),
        format!("{good}{good}"),
        format!("{good}\0"),
        format!("\u{feff}{good}"),
        good.replace('"', "'"),
        good.replace("\"alice\"", "\"al\nice\""),
        good.replace("alice", r"\ud800"),
        String::new(),
    ] {
        assert_eq!(verdict(payload.as_bytes()), AuthError::PayloadJson, "{payload}");
    }
    for bytes in [&b"\xc1\xa1"[..], b"\xed\xa0\xbd\xed\xb8\x80", b"\xff", b"\xf4\x90\x80\x80"] {
        let mut payload = good.clone().into_bytes();
        let place = good.find("alice").unwrap();
        payload.splice(place..place + 5, bytes.iter().copied());
        assert_eq!(verdict(&payload), AuthError::PayloadJson, "{bytes:x?}");
    }
    for payload in ["[]", "null", "1", r#""alice""#, "true", &format!("[{good}]")] {
        assert_eq!(verdict(payload.as_bytes()), AuthError::PayloadNotObject, "{payload}");
    }
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(manager().verify(&token(&[("x", &nested(100))])).is_ok());
    for depth in [130, 2500] {
        assert_eq!(refusal(&[("x", &nested(depth))]), AuthError::PayloadJson, "{depth}");
    }
    assert_eq!(verdict("[".repeat(4000).as_bytes()), AuthError::PayloadJson);
}

#[test]
fn clm_08_and_09_the_audience_names_one_of_ours() {
    let jwt = configured(|config| config.decode_audience = vec!["api".into(), "admin api".into()]);
    let verdict = |aud: &str| jwt.verify(&token(&[("aud", aud)])).map(drop);
    for aud in [r#""api""#, r#""admin api""#, r#"["api"]"#, r#"["other","api"]"#, r#""\u0061pi""#] {
        assert_eq!(verdict(aud), Ok(()), "{aud}");
    }
    for aud in [
        r#""""#,
        r#""ap""#,
        r#""apis""#,
        r#""API""#,
        r#""api ""#,
        r#""api admin api""#,
        r#"["other"]"#,
        "[]",
        r#"[""]"#,
    ] {
        assert_eq!(verdict(aud), Err(AuthError::Audience), "{aud}");
    }
    for aud in
        ["null", "1", "true", "{}", r#"{"0":"api"}"#, r#"["api",1]"#, r#"["api",null]"#, r#"[["api"]]"#]
    {
        assert_eq!(verdict(aud), Err(AuthError::ClaimType(Registered::Audience)), "{aud}");
    }
    assert_eq!(verdict(""), Err(AuthError::MissingClaim("aud".into())));
    // Where none is configured any audience will do, but a wrong type never.
    assert!(manager().verify(&token(&[("aud", r#"["other"]"#)])).is_ok());
    assert_eq!(refusal(&[("aud", "[1]")]), AuthError::ClaimType(Registered::Audience));
}

#[test]
fn clm_10_the_issuer_is_one_of_ours_byte_for_byte() {
    let jwt = configured(|config| config.decode_issuer = vec!["https://auth.example".into(), "b".into()]);
    let verdict = |iss: &str| jwt.verify(&token(&[("iss", iss)])).map(drop);
    assert_eq!(verdict(r#""https://auth.example""#), Ok(()));
    assert_eq!(verdict(r#""b""#), Ok(()));
    for iss in [
        r#""https://auth.example/""#,
        r#""https://auth.example.attacker""#,
        r#""https://auth""#,
        r#""HTTPS://auth.example""#,
        r#"" https://auth.example""#,
        r#""""#,
        r#""https://auth.example\u0000""#,
    ] {
        assert_eq!(verdict(iss), Err(AuthError::Issuer), "{iss}");
    }
    for iss in ["null", "1", r#"["b"]"#, r#"{"b":1}"#] {
        assert_eq!(verdict(iss), Err(AuthError::ClaimType(Registered::Issuer)), "{iss}");
    }
    assert_eq!(verdict(""), Err(AuthError::MissingClaim("iss".into())));
}

#[test]
fn clm_12_names_are_text() {
    for value in ["null", "1", "true", "[]", r#"["a"]"#, r#"{"$ne":null}"#] {
        assert_eq!(refusal(&[("sub", value)]), AuthError::ClaimType(Registered::Subject), "{value}");
        assert_eq!(refusal(&[("jti", value)]), AuthError::ClaimType(Registered::TokenId), "{value}");
        assert_eq!(refusal(&[("iss", value)]), AuthError::ClaimType(Registered::Issuer), "{value}");
    }
}

#[test]
fn clm_13_a_token_is_access_or_refresh_and_nothing_else() {
    for kind in [r#""Access""#, r#""access ""#, r#""id""#, r#""""#, "null", "1", r#"["access"]"#, "true"] {
        for require in [Require::access(), Require::refresh(), Require::any()] {
            let verdict = manager().verify_as(&token(&[("type", kind)]), require);
            assert_eq!(verdict.unwrap_err(), AuthError::ClaimType(Registered::Type), "{kind}");
        }
    }
    let refresh = token(&[("type", r#""refresh""#)]);
    assert_eq!(manager().verify(&refresh).unwrap_err(), AuthError::AccessRequired);
    assert_eq!(manager().verify_as(&token(&[]), Require::refresh()).unwrap_err(), AuthError::RefreshRequired);
}

#[test]
fn fresh_is_a_boolean_or_a_time() {
    let fresh = |value: &str| manager().verify_as(&token(&[("fresh", value)]), Require::access().fresh());
    for value in ["true", "1900000000", "1900000000.7", "1900000001", "18446744073709551617"] {
        assert!(fresh(value).is_ok(), "{value}");
    }
    for value in ["false", "", "1899999999", "1899999999.9", "0", "1", "-1"] {
        assert_eq!(fresh(value).unwrap_err(), AuthError::FreshRequired, "{value}");
    }
    for value in ["null", r#""true""#, "[]", "{}"] {
        assert_eq!(refusal(&[("fresh", value)]), AuthError::ClaimType(Registered::Fresh), "{value}");
    }
}

#[test]
fn the_claims_that_must_be_there_are_the_configured_ones() {
    for name in ["exp", "jti", "type"] {
        assert_eq!(refusal(&[(name, "")]), AuthError::MissingClaim(name.into()));
    }
    // A bare token of another library, where its owner says that this is enough.
    let lenient = configured(|config| config.required_claims.clear());
    let claims = lenient.verify(&mint(HEADER, r#"{"sub":"alice"}"#)).unwrap();
    assert_eq!((claims.identity(), claims.kind()), ("alice", TokenKind::Access));
    assert_eq!((claims.jti(), claims.expires_at(), claims.issued_at()), (None, None, None));
    let strict = configured(|config| {
        config.required_claims = ["iat", "role", "iat", "role", "exp"].map(String::from).into();
    });
    assert!(strict.verify(&token(&[("role", "null")])).is_ok(), "a name that is listed twice is one name");
    assert!(strict.verify(&token(&[("rol\\u0065", "1")])).is_ok());
    assert_eq!(strict.verify(&token(&[("Role", "1")])).unwrap_err(), AuthError::MissingClaim("role".into()));
    let many = configured(|config| config.required_claims = (0..64).map(|n| format!("c{n}")).collect());
    let all: Vec<String> = (0..64).map(|n| format!("c{n}")).collect();
    let with: Vec<(&str, &str)> = all.iter().map(|name| (&**name, "1")).collect();
    assert!(many.verify(&token(&with)).is_ok());
    assert_eq!(many.verify(&token(&with[..63])).unwrap_err(), AuthError::MissingClaim("c63".into()));
}

#[test]
fn the_identity_is_read_from_sub_and_from_identity_of_older_tokens() {
    let identity = |jwt: &portcullis::JwtManager, changes: &[(&str, &str)]| {
        jwt.verify(&token(changes)).map(|claims| claims.identity().to_owned())
    };
    let missing = |name: &'static str| Err(AuthError::MissingClaim(name.into()));
    let older = [("sub", ""), ("identity", r#""alice""#)];
    let usual = manager();
    assert_eq!(identity(&usual, &older), Ok("alice".into()));
    assert_eq!(identity(&usual, &[("sub", ""), ("identity", "17")]), Ok("17".into()));
    assert_eq!(identity(&usual, &[("sub", ""), ("identity", r#""\u00e9""#)]), Ok("é".into()));
    // Whoever can write one of the two must not speak for the other.
    assert_eq!(identity(&usual, &[("identity", r#""admin""#)]), Ok("alice".into()));
    assert_eq!(identity(&usual, &[("identity", r#"{"$ne":1}"#)]), Ok("alice".into()));
    assert_eq!(identity(&usual, &[("sub", "")]), missing("sub"));
    for value in ["null", "true", "1.5", "18446744073709551615", "[]", r#"{"id":1}"#] {
        assert_eq!(
            identity(&usual, &[("sub", ""), ("identity", value)]),
            Err(AuthError::ClaimType(Registered::Identity)),
            "{value}"
        );
    }

    let named = |name: &str| configured(|config: &mut JwtConfig| config.identity_claim = Some(name.into()));
    assert_eq!(identity(&named("sub"), &older), missing("sub"));
    assert_eq!(identity(&named("sub"), &[]), Ok("alice".into()));
    assert_eq!(identity(&named("identity"), &older), Ok("alice".into()));
    assert_eq!(identity(&named("identity"), &[]), missing("identity"));
    let both = [("sub", r#""s""#), ("username", r#""u""#)];
    assert_eq!(identity(&named("username"), &both), Ok("u".into()));
    assert_eq!(identity(&named("username"), &older), missing("username"));
    assert_eq!(
        identity(&named("username"), &[("sub", "1"), ("username", r#""u""#)]),
        Err(AuthError::ClaimType(Registered::Subject))
    );
}

#[test]
fn claims_of_one_s_own_are_read_and_unknown_ones_left_alone() {
    // CLM-15
    #[derive(serde::Deserialize)]
    struct Own<'a> {
        role: &'a str,
    }
    let claims = manager().verify(&token(&[("role", r#""editor""#), ("x", "[{}]")])).unwrap();
    assert_eq!(claims.custom::<Own<'_>>().unwrap().role, "editor");
    let claims = manager().verify(&token(&[])).unwrap();
    assert!(claims.custom::<Own<'_>>().is_err());
}

/// Whoever asks for the claims of a token that verified gets them.
#[test]
fn no_number_verifies_that_cannot_be_read_afterwards() {
    // JWT-36
    let manager = manager();
    for number in ["1e400", "-1e400", "1.8e308"] {
        assert_eq!(refusal(&[("x", number)]), AuthError::PayloadJson, "{number}");
    }
    for number in [
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "-1.7976931348623158e308",
        "1.797693134862315807e308",
        "18446744073709551616",
        "5e-324",
        "1e-400",
        "-0",
        "0e999",
    ] {
        let can_be_read = serde_json::from_str::<serde_json::Value>(number).is_ok();
        for spelled in [number, &format!(r#"[{{"y":{number}}}]"#)] {
            let verified = manager.verify(&token(&[("x", spelled)]));
            assert_eq!(verified.is_ok(), can_be_read, "{spelled}");
            assert!(verified.is_err_and(|error| error == AuthError::PayloadJson) || can_be_read, "{spelled}");
        }
    }
}

#[test]
fn an_identity_spelled_with_escapes_is_the_same_identity() {
    let claims = manager().verify(&token(&[("sub", r#""al\u0069ce""#), ("jti", r#""\"j\"""#)])).unwrap();
    assert_eq!((claims.identity(), claims.jti()), ("alice", Some("\"j\"")));
    assert!(!format!("{claims:?}").contains("alice"), "claims do not show whom they speak of");
}

#[test]
fn a_refresh_token_is_never_fresh_whatever_it_says() {
    for fresh in ["true", "1900009999"] {
        let refresh = token(&[("type", r#""refresh""#), ("fresh", fresh)]);
        let verdict = |require: Require| manager().verify_as(&refresh, require).map(drop);
        assert_eq!(verdict(Require::any().fresh()), Err(AuthError::FreshRequired), "{fresh}");
        assert_eq!(verdict(Require::refresh()), Ok(()), "{fresh}");
    }
}

//! What a header may not say, although the signature over it is right.

use portcullis::{AuthError, JwsError, Key, Require};

use crate::common::{SECRET, builder, claims, manager, mint, mint_with};

fn refusal(header: impl AsRef<[u8]>) -> AuthError {
    let header = header.as_ref();
    let verdict = manager().verify(&mint(header, claims(&[])));
    verdict.err().unwrap_or_else(|| panic!("accepted: {}", String::from_utf8_lossy(header)))
}

fn is_accepted(header: &str) -> bool {
    manager().verify(&mint(header, claims(&[]))).is_ok()
}

#[test]
fn jwt_02_and_03_an_algorithm_has_one_name() {
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        "",
        "hs256",
        "Hs256",
        "HS256 ",
        " HS256",
        "HS256\\u0000",
        "HS-256",
        "SHA256",
        "HS2560",
        "RS256",
        "ES256",
        "EdDSA",
        "PS512",
        "HS384",
        "HS512",
        "dir",
        "A128KW",
    ] {
        let header = format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
        assert_eq!(refusal(&header), AuthError::Jws(JwsError::AlgorithmNotAllowed), "{header}");
    }
    for alg in ["null", "[]", r#"["HS256"]"#, "256", "true", r#"{"HS256":1}"#] {
        let header = format!(r#"{{"alg":{alg},"typ":"JWT"}}"#);
        assert_eq!(refusal(&header), AuthError::Jws(JwsError::AlgorithmNotAllowed), "{header}");
    }
    for header in ["{}", r#"{"typ":"JWT"}"#, r#"{"ALG":"HS256"}"#, r#"{"alg ":"HS256"}"#] {
        assert_eq!(refusal(header), AuthError::Jws(JwsError::AlgorithmMissing), "{header}");
    }
    // Escapes spell the same text, so this is the same name.
    assert!(is_accepted(r#"{"alg":"HS\u0032\u0035\u0036"}"#));
}

#[test]
fn jwt_02_none_without_a_signature() {
    let token = mint(r#"{"alg":"none"}"#, claims(&[]));
    let (input, _) = token.rsplit_once('.').unwrap();
    assert_eq!(
        manager().verify(&format!("{input}.")).unwrap_err(),
        AuthError::Jws(JwsError::AlgorithmNotAllowed)
    );
    assert!(manager().verify(input).is_err());
}

/// JWT-04: the right secret, in every algorithm but the key's own.
#[test]
fn jwt_04_the_algorithm_belongs_to_the_key() {
    for alg in ["HS384", "HS512"] {
        let header = format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
        let token = mint_with(alg, SECRET.as_bytes(), &header, &claims(&[]));
        assert_eq!(
            manager().verify(&token).unwrap_err(),
            AuthError::Jws(JwsError::AlgorithmNotAllowed),
            "{alg}"
        );
        // Named by the key's algorithm, the MAC of another is a wrong one.
        let token = mint_with(alg, SECRET.as_bytes(), r#"{"alg":"HS256"}"#, &claims(&[]));
        assert_eq!(manager().verify(&token).unwrap_err(), AuthError::Jws(JwsError::Signature), "{alg}");
    }
}

#[test]
fn jwt_19_and_20_critical_extensions_are_not_understood() {
    for crit in [
        "[]",
        r#"["exp"]"#,
        r#"["alg"]"#,
        r#"["b64"]"#,
        r#"["x","x"]"#,
        "[1]",
        "[[]]",
        "null",
        "true",
        r#""exp""#,
        "{}",
    ] {
        let header = format!(r#"{{"alg":"HS256","crit":{crit},"exp":1,"x":1,"b64":true}}"#);
        assert!(matches!(refusal(&header), AuthError::Jws(JwsError::Critical { .. })), "{header}");
    }
    for b64 in ["false", "true", "null", r#""false""#, "0"] {
        let header = format!(r#"{{"alg":"HS256","b64":{b64}}}"#);
        assert!(matches!(refusal(&header), AuthError::Jws(JwsError::Critical { .. })), "{header}");
    }
}

#[test]
fn clm_14_the_media_type_is_a_jwts() {
    // BRR-09
    for typ in ["JWT", "jwt", "application/jwt", "APPLICATION/JWT", "at+jwt", "AT+JWT", "application/at+jwt"]
    {
        assert!(is_accepted(&format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#)), "{typ}");
    }
    assert!(is_accepted(r#"{"alg":"HS256"}"#));
    for typ in [
        r#""""#,
        r#""JOSE""#,
        r#""JWT ""#,
        r#""dpop+jwt""#,
        r#""logout+jwt""#,
        r#""rt+jwt""#,
        r#""text/jwt""#,
        r#""application/application/jwt""#,
        r#""application/""#,
        "null",
        "1",
        r#"["JWT"]"#,
        "{}",
    ] {
        assert_eq!(refusal(format!(r#"{{"alg":"HS256","typ":{typ}}}"#)), AuthError::Typ, "{typ}");
    }
}

#[test]
fn clm_13_an_at_jwt_is_an_access_token() {
    let header = r#"{"alg":"HS256","typ":"at+jwt"}"#;
    let refresh = mint(header, claims(&[("type", r#""refresh""#)]));
    for require in [Require::refresh(), Require::any(), Require::access()] {
        assert_eq!(manager().verify_as(&refresh, require).unwrap_err(), AuthError::Typ);
    }
}

#[test]
fn jwt_24_a_nested_token_is_refused() {
    for cty in [r#""JWT""#, r#""jwt""#, r#""application/jwt""#, "null", "1", r#"["JWT"]"#] {
        assert_eq!(refusal(format!(r#"{{"alg":"HS256","cty":{cty}}}"#)), AuthError::Typ, "{cty}");
    }
    assert!(is_accepted(r#"{"alg":"HS256","cty":"json"}"#));
}

#[test]
fn jwt_21_a_token_brings_no_key() {
    let own = b"a key of the attacker's own, of any length at all";
    let jwk = format!(r#"{{"kty":"oct","k":"{}"}}"#, crate::common::base64(own));
    for member in [
        format!(r#""jwk":{jwk}"#),
        format!(r#""jwks":{{"keys":[{jwk}]}}"#),
        r#""jku":"https://attacker.example/jwks""#.to_owned(),
        r#""x5u":"https://attacker.example/cert""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT",{member}}}"#);
        let forged = mint_with("HS256", own, &header, &claims(&[]));
        assert_eq!(manager().verify(&forged).unwrap_err(), AuthError::Jws(JwsError::Signature), "{member}");
        // Beside a right signature they are as any unknown member (CLM-15).
        assert!(is_accepted(&header), "{member}");
    }
}

#[test]
fn jwt_22_a_kid_is_text_and_short() {
    for kid in ["null", "1", "true", "[]", r#"["k"]"#, r#"{"$ne":null}"#] {
        assert_eq!(
            refusal(format!(r#"{{"alg":"HS256","kid":{kid}}}"#)),
            AuthError::Jws(JwsError::Kid),
            "{kid}"
        );
    }
    let of_length = |length: usize| format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(length));
    assert!(is_accepted(&of_length(128)), "no key has an id, so the token's is not looked at");
    assert_eq!(refusal(of_length(129)), AuthError::Jws(JwsError::Signature));
    // Bytes count, not characters.
    let wide = |length: usize| format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "é".repeat(length));
    assert!(is_accepted(&wide(64)));
    assert_eq!(refusal(wide(65)), AuthError::Jws(JwsError::Signature));
}

#[test]
fn jwt_22_and_23_an_unknown_kid_finds_no_key() {
    let key = Key::hs256(SECRET).unwrap().with_kid("2026-a").unwrap();
    let jwt = portcullis::JwtManager::builder(key)
        .clock(std::sync::Arc::new(crate::common::clock()))
        .build()
        .unwrap();
    let verdict = |kid: &str| jwt.verify(&mint(format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#), claims(&[])));
    assert!(verdict("2026-a").is_ok());
    assert!(verdict(r"2026\u002da").is_ok());
    for kid in ["", "2026-A", "2026-a ", "2026-", "../../dev/null", "' OR 1=1 --", "2026-a\\u0000"] {
        assert_eq!(verdict(kid).unwrap_err(), AuthError::Jws(JwsError::Signature), "{kid}");
    }
    // A token without one is tried with the keys there are.
    assert!(jwt.verify(&mint(r#"{"alg":"HS256"}"#, claims(&[]))).is_ok());
}

#[test]
fn jwt_29_no_member_stands_twice() {
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","\u0061lg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"HS256","x":1,"x":1}"#,
        r#"{"alg":"HS256","jwk":{"k":1,"\u006b":2}}"#,
        r#"{"alg":"HS256","list":[{"a":1},{"a":1,"a":2}]}"#,
    ] {
        assert_eq!(refusal(header), AuthError::Jws(JwsError::HeaderJson), "{header}");
    }
}

#[test]
fn jwt_28_30_31_and_32_a_header_is_one_strict_json_object() {
    for header in [
        &br#"{"alg":"HS256"}x"#[..],
        br#"{"alg":"HS256"}{}"#,
        b"{'alg':'HS256'}",
        br#"{alg:"HS256"}"#,
        br#"{"alg":"HS256",}"#,
        br#"{"alg":"HS256","n":01}"#,
        br#"{"alg":"HS256","n":NaN}"#,
        b"{\"alg\":\"HS256\",\"x\":\"\xc0\xaf\"}",
        b"{\"alg\":\"HS256\",\"x\":\"\xed\xa0\x80\"}",
        b"\xef\xbb\xbf{\"alg\":\"HS256\"}",
        b"\xff\xfe{\0}\0",
        b"",
        br#"{"alg":"HS256"/**/}"#,
    ] {
        assert_eq!(refusal(header), AuthError::Jws(JwsError::HeaderJson));
    }
    for header in ["[]", "null", r#""HS256""#, "1", r#"[{"alg":"HS256"}]"#] {
        assert_eq!(refusal(header), AuthError::Jws(JwsError::HeaderNotObject), "{header}");
    }
    let nested =
        |depth: usize| format!(r#"{{"alg":"HS256","x":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(is_accepted(&nested(100)));
    assert_eq!(refusal(nested(130)), AuthError::Jws(JwsError::HeaderJson));
    assert_eq!(refusal(nested(2000)), AuthError::Jws(JwsError::HeaderJson));
}

/// The order is Flask-JWT-Extended's: how all three segments are spelled, then `kid` and `crit`, then `alg`.
#[test]
fn a_header_with_several_faults_is_refused_for_the_first() {
    let verdict = |header: &str, rest: &str| {
        let token = format!("{}.{rest}", crate::common::base64(header));
        builder().build().unwrap().verify(&token).unwrap_err()
    };
    let faulty = r#"{"alg":"none","kid":1,"crit":["x"],"typ":"x"}"#;
    assert_eq!(verdict(faulty, "!.AAAA"), AuthError::Jws(JwsError::PayloadEncoding));
    assert_eq!(verdict(faulty, "AAAA.!"), AuthError::Jws(JwsError::SignatureEncoding));
    assert_eq!(verdict(faulty, "AAAA.AAAA"), AuthError::Jws(JwsError::Kid));
    let critical = AuthError::Jws(JwsError::Critical { extension: Some("x".into()) });
    assert_eq!(verdict(r#"{"alg":"none","crit":["x"],"typ":"x"}"#, "AAAA.AAAA"), critical);
    assert_eq!(verdict(r#"{"alg":"none"}"#, "AAAA.AAAA"), AuthError::Jws(JwsError::AlgorithmNotAllowed));
}

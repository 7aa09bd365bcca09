//! Issued tokens: every member, its order, and what no token may be.

use std::{sync::Arc, time::Duration};

use portcullis::{
    Algorithm, Freshness, Issue, IssueError, JwtConfig, JwtManager, Key, Lifetime, Require, Token, TokenKind,
    token_id,
};

use crate::common::{NOW, SECRET, at, builder, clock, configured, manager, payload_of, unbase64};

/// The payload with the token's random id replaced, to compare it to the byte.
fn payload(token: &Token) -> String {
    payload_of(token.as_str()).replace(token.jti(), "JTI")
}

fn header(token: &Token) -> String {
    String::from_utf8(unbase64(token.as_str().split('.').next().unwrap())).unwrap()
}

#[test]
fn an_access_token_to_the_byte() {
    // CLM-20
    let token = manager().access("alice").sign().unwrap();
    assert_eq!(header(&token), r#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(
        payload(&token),
        r#"{"fresh":false,"iat":1900000000,"jti":"JTI","type":"access","sub":"alice","nbf":1900000000,"exp":1900000900}"#
    );
    assert_eq!(token.expires_at(), at(NOW + 15 * 60));
}

#[test]
fn a_refresh_token_to_the_byte() {
    let token = manager().refresh("alice").sign().unwrap();
    assert_eq!(header(&token), r#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(
        payload(&token),
        r#"{"fresh":false,"iat":1900000000,"jti":"JTI","type":"refresh","sub":"alice","nbf":1900000000,"exp":1902592000}"#
    );
    assert_eq!(token.expires_at(), at(NOW + 30 * 24 * 60 * 60));
}

#[test]
fn every_option_has_its_member_and_its_place() {
    let jwt = configured(|config| {
        config.identity_claim = Some("username".into());
        config.encode_nbf = false;
        config.encode_audience = vec!["api".into()];
        config.encode_issuer = Some("https://auth.example".into());
        config.access_token_expires = Lifetime::from_secs(60).unwrap();
        config.refresh_token_expires = "2h".parse().unwrap();
    });
    let access = jwt.access("alice").fresh().claim("role", "editor").claim("n", [1, 2]).sign().unwrap();
    assert_eq!(
        payload(&access),
        r#"{"fresh":true,"iat":1900000000,"jti":"JTI","type":"access","username":"alice","aud":"api","iss":"https://auth.example","exp":1900000060,"role":"editor","n":[1,2]}"#
    );
    let refresh = jwt.refresh("alice").sign().unwrap();
    assert_eq!(
        payload(&refresh),
        r#"{"fresh":false,"iat":1900000000,"jti":"JTI","type":"refresh","username":"alice","aud":"api","iss":"https://auth.example","exp":1900007200}"#
    );
}

#[test]
fn several_audiences_are_a_list() {
    let jwt = configured(|config| {
        config.encode_audience = vec!["a".into(), "b".into()];
        config.decode_audience = vec!["b".into()];
    });
    let token = jwt.access("alice").sign().unwrap();
    assert!(payload(&token).contains(r#","aud":["a","b"],"#));
    assert!(jwt.verify(token.as_str()).is_ok());
}

#[test]
fn a_token_of_its_own_life_and_freshness() {
    let jwt = manager();
    let token = jwt
        .access("alice")
        .fresh_for(Duration::from_mins(5))
        .expires_in(Duration::from_millis(90_900))
        .sign()
        .unwrap();
    assert_eq!(
        payload(&token),
        r#"{"fresh":1900000300,"iat":1900000000,"jti":"JTI","type":"access","sub":"alice","nbf":1900000000,"exp":1900000090}"#
    );
    let claims = jwt.verify_as(token.as_str(), Require::access().fresh()).unwrap();
    assert_eq!(claims.freshness(), Freshness::Until(at(NOW + 300)));
    // The last word counts.
    let token = jwt.access("alice").fresh_for(Duration::from_mins(5)).fresh().sign().unwrap();
    assert_eq!(jwt.verify(token.as_str()).unwrap().freshness(), Freshness::Fresh);
}

#[test]
fn what_is_issued_is_what_is_verified() {
    let clock = clock();
    let jwt = builder().clock(Arc::new(clock.clone())).build().unwrap();
    clock.advance(Duration::from_millis(1500));
    for identity in ["alice", "", "é 👤", "\"\\\n\0", "{\"$ne\":1}", &"x".repeat(2000)] {
        let token = jwt.refresh(identity).claim("n", 1).sign().unwrap();
        let claims = jwt.verify_as(token.as_str(), Require::refresh()).unwrap();
        assert_eq!((claims.identity(), claims.jti()), (identity, Some(token.jti())));
        assert_eq!((claims.kind(), claims.freshness()), (TokenKind::Refresh, Freshness::Stale));
        assert_eq!((claims.issued_at(), claims.expires_at()), (Some(at(NOW + 1)), Some(token.expires_at())));
    }
}

#[test]
fn clm_16_every_token_has_a_name_of_its_own() {
    let jwt = manager();
    let mut names: Vec<String> =
        (0..1000).map(|_| jwt.access("a").sign().unwrap().jti().to_owned()).collect();
    for name in &names {
        let id = uuid::Uuid::parse_str(name).unwrap();
        assert_eq!((id.get_version_num(), id.to_string()), (4, name.clone()));
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 1000);
}

#[test]
fn clm_18_reserved_claims_cannot_be_overwritten() {
    // `identity` is what an application of 3.x reads, beside ours.
    for name in
        ["aud", "csrf", "exp", "fresh", "gen", "iat", "identity", "iss", "jti", "nbf", "sid", "sub", "type"]
    {
        let issued = manager().access("alice").claim(name, "x").sign();
        assert!(matches!(issued, Err(IssueError::ReservedClaim(reserved)) if reserved == name));
    }
    let jwt = configured(|config: &mut JwtConfig| config.identity_claim = Some("username".into()));
    for name in ["username", "sub"] {
        assert!(matches!(jwt.access("alice").claim(name, "admin").sign(), Err(IssueError::ReservedClaim(_))));
    }
    assert!(jwt.access("alice").claim("Sub", "x").sign().is_ok());
}

#[test]
fn a_claim_is_given_once_and_is_json() {
    let jwt = manager();
    assert!(matches!(
        jwt.access("alice").claim("role", "a").claim("role", "a").sign(),
        Err(IssueError::DuplicateClaim(name)) if name == "role"
    ));
    let no_json = std::collections::HashMap::from([((1, 2), 3)]);
    assert!(matches!(
        jwt.access("alice").claim("map", no_json).sign(),
        Err(IssueError::ClaimJson(name, _)) if name == "map"
    ));
    // What a nested value holds is written without duplicates, so that our own verifier takes it.
    let nested = serde_json::json!({"a": [{"b": null}]});
    let token = jwt.access("alice").claim("nested", nested).sign().unwrap();
    assert!(jwt.verify(token.as_str()).is_ok());
}

#[test]
fn a_lifetime_is_a_whole_second_at_least_and_a_hundred_years_at_most() {
    let jwt = manager();
    let lives = |lifetime| jwt.access("alice").expires_in(lifetime).sign();
    for never in
        [Duration::ZERO, Duration::from_millis(999), Duration::MAX, Duration::from_hours(24 * 36_601)]
    {
        assert!(matches!(lives(never), Err(IssueError::Lifetime(_))), "{never:?}");
    }
    for some in [Duration::from_secs(1), Duration::from_hours(24 * 36_600)] {
        assert!(lives(some).is_ok(), "{some:?}");
    }
    let text = lives(Duration::ZERO).unwrap_err().to_string();
    assert_eq!(text, "a lifetime of zero is not \"for ever\": give at least one second");
}

#[test]
fn a_token_that_would_be_refused_for_its_length_is_not_issued() {
    let jwt = manager();
    let of = |pad: usize| jwt.access("alice").claim("pad", "x".repeat(pad)).sign();
    let room = (0..8192).rev().find(|pad| of(*pad).is_ok()).unwrap();
    let longest = of(room).unwrap();
    assert!(longest.as_str().len() > 8192 - 4 && jwt.verify(longest.as_str()).is_ok());
    let Err(IssueError::TooLong { bytes }) = of(room + 1) else {
        panic!("a token of more than 8 KiB was issued");
    };
    assert!(bytes > 8192);
}

#[test]
fn the_header_names_the_algorithm_and_the_key() {
    let secret = SECRET.as_bytes();
    for (key, expected) in [
        (Key::hs384(secret).unwrap(), r#"{"alg":"HS384","typ":"JWT"}"#),
        (Key::hs512(secret).unwrap(), r#"{"alg":"HS512","typ":"JWT"}"#),
        (
            Key::hmac(Algorithm::HS256, secret).unwrap().with_kid("2026 \"a\"").unwrap(),
            r#"{"alg":"HS256","typ":"JWT","kid":"2026 \"a\""}"#,
        ),
    ] {
        let jwt = JwtManager::builder(key).clock(Arc::new(clock())).build().unwrap();
        let token = jwt.access("alice").sign().unwrap();
        assert_eq!(header(&token), expected);
        assert!(jwt.verify(token.as_str()).is_ok());
    }
}

#[test]
fn a_new_token_does_not_show_itself() {
    let token = manager().access("alice").sign().unwrap();
    assert_eq!(format!("{token:?}"), format!("Token {{ jti: {:?}, .. }}", token.jti()));
    assert_eq!(token.clone().into_string(), token.as_str());
}

#[test]
fn header_members_of_ones_own_stand_behind_ours() {
    let jwt = manager();
    let token = jwt.access("alice").header("tenant", "a").header("b", 1).sign().unwrap();
    let header = String::from_utf8(unbase64(token.as_str().split('.').next().unwrap())).unwrap();
    assert_eq!(header, r#"{"alg":"HS256","typ":"JWT","b":1,"tenant":"a"}"#);
    assert_eq!(jwt.verify(token.as_str()).unwrap().identity(), "alice");
    for name in ["alg", "typ", "kid", "crit", "b64", "jwk", "jku", "x5u", "x5c", "cty"] {
        let refused = jwt.access("alice").header(name, "x").sign();
        assert!(matches!(refused, Err(IssueError::ReservedHeader(_))), "{name}");
    }
    let twice = jwt.access("alice").header("a", 1).header("a", 2).sign();
    assert!(matches!(twice, Err(IssueError::DuplicateClaim(_))));
}

#[test]
fn another_key_may_sign() {
    let jwt = manager();
    let key = Key::hs256("another key of thirty-two bytes.").unwrap().with_kid("tenant").unwrap();
    let token = jwt.access("alice").signed_by(key.clone()).sign().unwrap();
    assert!(jwt.verify(token.as_str()).is_err());
    let tenant = JwtManager::builder(key).clock(std::sync::Arc::new(crate::common::clock())).build().unwrap();
    assert_eq!(tenant.verify(token.as_str()).unwrap().identity(), "alice");
}

#[test]
fn claims_of_ones_own_may_have_an_object_of_their_own() {
    fn payload<K>(issue: Issue<'_, K>) -> serde_json::Value {
        serde_json::from_str(&payload_of(issue.sign().unwrap().as_str())).unwrap()
    }
    let jwt = configured(|config| config.user_claims = Some("user_claims".into()));
    let claims = payload(jwt.access("alice").claim("role", "x").claim("exp", 1));
    assert_eq!(claims["user_claims"], serde_json::json!({"role": "x", "exp": 1}));
    assert_eq!(claims["exp"], crate::common::NOW + 900);
    assert_eq!(payload(jwt.access("alice")).get("user_claims"), None);
    assert_eq!(payload(jwt.refresh("alice").claim("role", "x")).get("user_claims"), None);
    let both = configured(|config| {
        config.user_claims = Some("user_claims".into());
        config.claims_in_refresh_token = true;
    });
    assert_eq!(payload(both.refresh("alice").claim("role", "x"))["user_claims"]["role"], "x");
    let taken = builder().configure(|config| config.user_claims = Some("exp".into())).build();
    assert_eq!(taken.unwrap_err().iter().next().unwrap().option(), "JWT_USER_CLAIMS");
}

#[test]
fn a_token_can_be_written_again_to_the_byte() {
    let clock = clock();
    let jwt = builder().clock(Arc::new(clock.clone())).build().unwrap();
    let first = jwt.access("alice").session("s1", 2).claim("role", "editor").sign().unwrap();
    clock.advance(Duration::from_mins(1));
    let again = |jti: &str| {
        let issue = jwt.access("alice").session("s1", 2).claim("role", "editor");
        issue.id(jti).issued_at(first.issued_at()).sign().unwrap()
    };
    assert_eq!(again(first.jti()).as_str(), first.as_str());
    assert_eq!(again(first.jti()).expires_at(), first.expires_at());
    let other = token_id().unwrap();
    assert_eq!(jwt.verify(again(&other).as_str()).unwrap().jti(), Some(&*other));
}

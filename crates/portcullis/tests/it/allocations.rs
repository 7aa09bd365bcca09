//! Verifying a usual token asks the heap for nothing, the revocation list included; an entry of that takes 40 bytes.

use std::sync::Arc;

use allocation_counter::measure;
use portcullis::{Claims, JwtManager, Key, Require, Revocation as _, RevocationIndex, Verdict};

use crate::common::{NOW, SECRET, at, builder, claims, clock, manager, mint, mint_with, token};

/// How often verifying a token asks for memory, once whatever is made at a thread's first use is there.
fn of(jwt: &JwtManager, token: &str) -> u64 {
    let verify = || {
        let verdict = jwt.verify_as(token, Require::any());
        assert_eq!(verdict.as_ref().map(Claims::identity), Ok("alice"));
        verdict.unwrap().jti().map(str::len)
    };
    verify();
    measure(|| {
        std::hint::black_box(verify());
    })
    .count_total
}

#[test]
fn a_usual_token_is_verified_without_the_heap() {
    let revoked = Arc::new(RevocationIndex::new());
    for n in 0..1000 {
        revoked.revoke_token(&n.to_string(), None);
    }
    let jwt = builder().revocation(revoked).build().unwrap();
    let flask_3 = r#"{"iat":1900000000,"nbf":1900000000,"jti":"j","exp":1900000900,"identity":"alice","fresh":false,"type":"access"}"#;
    for (what, token) in [
        ("access", jwt.access("alice").fresh().claim("role", "editor").sign().unwrap().into_string()),
        ("refresh", jwt.refresh("alice").sign().unwrap().into_string()),
        ("of a session", jwt.access("alice").session("8aYb0c", 1).sign().unwrap().into_string()),
        ("of Flask-JWT-Extended 3", mint(r#"{"typ":"JWT","alg":"HS256"}"#, flask_3)),
        ("with an audience", token(&[("aud", r#""api""#), ("iss", r#""https://auth.example""#)])),
    ] {
        assert_eq!(of(&jwt, &token), 0, "{what}");
    }
}

#[test]
fn a_key_with_an_id_costs_no_more() {
    let key = Key::hs512(SECRET).unwrap().with_kid("2026-a").unwrap();
    let jwt = JwtManager::builder(key).clock(Arc::new(clock())).build().unwrap();
    assert_eq!(of(&jwt, jwt.access("alice").sign().unwrap().as_str()), 0);
}

#[test]
fn a_forged_token_costs_no_more_than_a_good_one() {
    let jwt = builder().build().unwrap();
    let forged = mint_with("HS256", b"another secret", r#"{"alg":"HS256","typ":"JWT"}"#, &claims(&[]));
    jwt.verify(&forged).unwrap_err();
    assert_eq!(measure(|| drop(jwt.verify(&forged))).count_total, 0);
    // JWT-26, JWT-27: what is too long or nothing but dots is not taken apart.
    let (long, dots) = ("a.".repeat(1 << 20), ".".repeat(8192));
    assert_eq!(measure(|| drop(jwt.verify(&long))).count_total, 0);
    assert!(measure(|| drop(jwt.verify(&dots))).bytes_max < 4 * 8192);
}

#[test]
fn a_million_entries_take_40_bytes_each_and_a_check_takes_none() {
    const MANY: u32 = 1_000_000;
    fn filled(note: impl Fn(&RevocationIndex, &str)) -> (RevocationIndex, f64) {
        let index = RevocationIndex::new();
        let asked = measure(|| (0..MANY).for_each(|n| note(&index, &format!("{n}"))));
        let bytes = f64::from(i32::try_from(asked.bytes_current).unwrap()) / f64::from(MANY);
        (index, bytes)
    }
    let (tokens, a_token) = filled(|index, jti| index.revoke_token(jti, Some(at(NOW))));
    let (sessions, a_session) = filled(|index, sid| index.revoke_access(sid, 3, Some(at(NOW))));
    println!("bytes an entry, of {MANY}: {a_token:.1} for a token, {a_session:.1} for a session (goal: 40)");
    assert!(a_token <= 40.0 && a_session <= 40.0);

    let jwt = manager();
    let read =
        |token: Result<portcullis::Token, _>| jwt.verify_as(token.unwrap().as_str(), Require::any()).unwrap();
    for (what, claims, revoked) in [
        ("without a session", read(jwt.access("alice").sign()), false),
        ("of a live session", read(jwt.access("alice").session("live", 3).sign()), false),
        ("of a later generation", read(jwt.access("alice").session("7", 4).sign()), false),
        ("of an earlier generation", read(jwt.access("alice").session("7", 3).sign()), true),
        ("refresh", read(jwt.refresh("alice").session("7", 3).sign()), false),
    ] {
        let check = || matches!(sessions.check(&claims), Verdict::Revoked);
        assert_eq!(check(), revoked, "{what}");
        assert_eq!(measure(|| _ = std::hint::black_box(check())).count_total, 0, "{what}");
        assert_eq!(measure(|| drop(tokens.check(&claims))).count_total, 0, "{what}");
    }
}

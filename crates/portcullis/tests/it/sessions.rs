//! The session that a token is of: read where both claims are ours, and otherwise not there.

use portcullis::{AuthError, Claims, Require};

use crate::common::{manager, token};

fn read(changes: &[(&str, &str)]) -> Claims {
    manager()
        .verify_as(&token(changes), Require::any())
        .unwrap_or_else(|error| panic!("{changes:?}: {error}"))
}

#[test]
fn a_token_is_of_a_session_when_both_claims_are_there_and_of_the_right_type() {
    for (sid, generation, session) in [
        (r#""s1""#, "0", Some(("s1", 0))),
        (r#""s1""#, "7", Some(("s1", 7))),
        (r#""s\u0031""#, "7", Some(("s1", 7))),
        (r#""""#, "7", Some(("", 7))),
        // A generation above 63 bits, which nobody reaches, is read as the last one.
        (r#""s1""#, "9223372036854775807", Some(("s1", 9_223_372_036_854_775_807))),
        (r#""s1""#, "9223372036854775808", Some(("s1", u64::MAX))),
        (r#""s1""#, "18446744073709551615", Some(("s1", u64::MAX))),
        // Anything else is another application's own.
        (r#""s1""#, "18446744073709551616", None),
        (r#""s1""#, "", None),
        ("", "7", None),
        (r#""s1""#, "-1", None),
        (r#""s1""#, "7.0", None),
        (r#""s1""#, r#""7""#, None),
        (r#""s1""#, "null", None),
        (r#""s1""#, "[7]", None),
        ("1", "7", None),
        ("null", "7", None),
        (r#"["s1"]"#, "7", None),
        (r#"{"id":"s1"}"#, "7", None),
    ] {
        for kind in [r#""access""#, r#""refresh""#] {
            let claims = read(&[("sid", sid), ("gen", generation), ("type", kind)]);
            let read = claims.session().map(|session| (session.id, session.generation));
            assert_eq!(read, session, "{sid} {generation}");
        }
    }
    assert_eq!(read(&[]).session(), None);
}

#[test]
fn claims_of_a_session_can_be_required_and_stand_once() {
    let jwt = crate::common::configured(|config| config.required_claims.push("sid".into()));
    assert_eq!(jwt.verify(&token(&[])).unwrap_err(), AuthError::MissingClaim("sid".into()));
    assert!(jwt.verify(&token(&[("sid", r#""s1""#)])).is_ok());
    for doubled in [r#""s1","sid":"s2""#, r#""s1","s\u0069d":"s1""#] {
        assert!(manager().verify(&token(&[("sid", doubled), ("gen", "1")])).is_err(), "{doubled}");
    }
}

//! The session that a token is of: written by the issuer, read where both claims are ours, and otherwise not there.

use portcullis::{AuthError, Claims, Require};

use crate::common::{builder, manager, payload_of, token};

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
        (r#""s1""#, "4294967295", Some(("s1", u32::MAX))),
        // Anything else is another application's own.
        (r#""s1""#, "4294967296", None),
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

#[test]
fn a_session_is_written_and_read_by_both_kinds_of_token() {
    let jwt = manager();
    let both = [jwt.access("alice").session("s1", 3).sign(), jwt.refresh("alice").session("s1", 3).sign()];
    for token in both.map(Result::unwrap) {
        let claims = jwt.verify_as(token.as_str(), Require::any()).unwrap();
        let session = claims.session().unwrap();
        assert_eq!((session.id, session.generation), ("s1", 3));
        assert!(payload_of(token.as_str()).ends_with(r#","sid":"s1","gen":3}"#));
    }
    // Beside an object of one's own claims, in which these names are anybody's.
    let nested = crate::common::configured(|config| config.user_claims = Some("user_claims".into()));
    let token = nested.access("alice").claim("sid", "own").claim("gen", 9).session("s1", 3).sign().unwrap();
    assert_eq!(nested.verify(token.as_str()).unwrap().session().map(|session| session.id), Some("s1"));
    let token = nested.access("alice").claim("sid", "own").claim("gen", 9).sign().unwrap();
    assert_eq!(nested.verify(token.as_str()).unwrap().session(), None);
}

#[test]
fn no_option_gives_the_names_of_a_session_to_something_else() {
    for name in ["sid", "gen"] {
        let identity = builder().configure(|config| config.identity_claim = Some(name.into())).build();
        assert_eq!(identity.unwrap_err().iter().next().unwrap().option(), "JWT_IDENTITY_CLAIM");
        let nested = builder().configure(|config| config.user_claims = Some(name.into())).build();
        assert_eq!(nested.unwrap_err().iter().next().unwrap().option(), "JWT_USER_CLAIMS");
    }
}

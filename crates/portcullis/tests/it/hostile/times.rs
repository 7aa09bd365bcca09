//! `exp`, `nbf`, `iat`: to the second, whatever JSON calls a number (CLM-01 to CLM-07).

use std::time::Duration;

use portcullis::{AuthError, JwtManager, Registered};

use crate::common::{NOW, configured, manager, token};

fn with_leeway(seconds: u64) -> JwtManager {
    configured(|config| config.decode_leeway = Duration::from_secs(seconds))
}

/// The verdict on a token with this member; a refusal for an unrelated reason is a different error.
fn verdict(jwt: &JwtManager, name: &str, value: impl std::fmt::Display) -> Result<(), AuthError> {
    jwt.verify(&token(&[(name, &value.to_string())])).map(drop)
}

#[test]
fn clm_04_and_05_a_token_is_valid_strictly_before_its_end() {
    for leeway in [0, 60, 300] {
        let (jwt, end) = (with_leeway(leeway), NOW - i64::try_from(leeway).unwrap());
        assert_eq!(verdict(&jwt, "exp", end + 1), Ok(()), "leeway {leeway}");
        assert_eq!(verdict(&jwt, "exp", end), Err(AuthError::Expired), "leeway {leeway}");
        assert_eq!(verdict(&jwt, "exp", end - 1), Err(AuthError::Expired), "leeway {leeway}");
    }
}

#[test]
fn clm_06_and_07_a_token_is_valid_from_its_first_second_on() {
    for leeway in [0, 60, 300] {
        let (jwt, start) = (with_leeway(leeway), NOW + i64::try_from(leeway).unwrap());
        for (claim, error) in [("nbf", AuthError::NotYetValid), ("iat", AuthError::IssuedInFuture)] {
            assert_eq!(verdict(&jwt, claim, start), Ok(()), "{claim}, leeway {leeway}");
            assert_eq!(verdict(&jwt, claim, start + 1), Err(error.clone()), "{claim}, leeway {leeway}");
            assert_eq!(verdict(&jwt, claim, "1e300"), Err(error.clone()), "{claim}");
            assert_eq!(verdict(&jwt, claim, "9223372036854775808"), Err(error.clone()), "{claim}");
            assert_eq!(verdict(&jwt, claim, "18446744073709551617"), Err(error), "{claim}");
            assert_eq!(verdict(&jwt, claim, -1), Ok(()), "{claim}");
        }
    }
}

#[test]
fn clm_05_more_than_five_minutes_of_leeway_is_a_second_lifetime() {
    let builder = |leeway| {
        crate::common::builder().configure(|config| config.decode_leeway = Duration::from_secs(leeway))
    };
    assert!(builder(300).build().is_ok());
    assert!(builder(301).build().is_err());
}

#[test]
fn clm_03_a_number_is_a_number_in_every_form() {
    let jwt = manager();
    for (exp, expected) in [
        ("1900000001.0", Ok(())),
        ("1900000001.9", Ok(())),
        ("1900000000.9", Err(AuthError::Expired)),
        ("1900000000.0", Err(AuthError::Expired)),
        ("1.900000001e9", Ok(())),
        ("1.900000001E+9", Ok(())),
        ("19000000010e-1", Ok(())),
        ("19e8", Err(AuthError::Expired)),
        ("0", Err(AuthError::Expired)),
        ("-0", Err(AuthError::Expired)),
        ("-0.0", Err(AuthError::Expired)),
        ("-1900000001", Err(AuthError::Expired)),
        ("-1e300", Err(AuthError::Expired)),
        ("-9223372036854775808", Err(AuthError::Expired)),
        ("-9223372036854775809", Err(AuthError::Expired)),
        ("5e-324", Err(AuthError::Expired)),
        // Beyond the range is the far future and never another time.
        ("9223372036854775807", Ok(())),
        ("9223372036854775808", Ok(())),
        ("18446744073709551615", Ok(())),
        ("18446744073709551616", Ok(())),
        ("18446744073709551617", Ok(())),
        ("1e300", Ok(())),
        // Beyond what JSON numbers can be read as.
        ("1e400", Err(AuthError::PayloadJson)),
        ("-1e400", Err(AuthError::PayloadJson)),
        // No numbers of JSON (JWT-31).
        ("01900000001", Err(AuthError::PayloadJson)),
        ("+1900000001", Err(AuthError::PayloadJson)),
        ("1900000001.", Err(AuthError::PayloadJson)),
        ("0x7fffffff", Err(AuthError::PayloadJson)),
        ("NaN", Err(AuthError::PayloadJson)),
        ("Infinity", Err(AuthError::PayloadJson)),
        ("1_900_000_001", Err(AuthError::PayloadJson)),
    ] {
        assert_eq!(verdict(&jwt, "exp", exp), expected, "{exp}");
    }
}

#[test]
fn clm_03_an_end_beyond_the_range_stops_at_its_end() {
    let claims = manager().verify(&token(&[("exp", "18446744073709551617")])).unwrap();
    assert_eq!(claims.expires_at().unwrap().seconds(), i64::MAX);
    let claims = with_leeway(300).verify(&token(&[("exp", "9223372036854775807")])).unwrap();
    assert_eq!(claims.expires_at().unwrap().seconds(), i64::MAX);
}

#[test]
fn clm_02_a_time_of_a_wrong_type_is_not_an_absent_one() {
    let jwt = configured(|config| config.required_claims.clear());
    for (claim, registered) in
        [("exp", Registered::Expires), ("nbf", Registered::NotBefore), ("iat", Registered::IssuedAt)]
    {
        for value in ["null", "true", r#""1900000900""#, r#""""#, "[]", "[1900000900]", "{}", r#"{"$gt":0}"#]
        {
            assert_eq!(verdict(&jwt, claim, value), Err(AuthError::ClaimType(registered)), "{claim} {value}");
        }
        assert_eq!(verdict(&jwt, claim, ""), Ok(()), "{claim} is not required here");
    }
}

#[test]
fn clm_01_exp_is_required_unless_said_otherwise() {
    assert_eq!(verdict(&manager(), "exp", ""), Err(AuthError::MissingClaim("exp".into())));
}

#[test]
fn a_token_that_has_expired_and_has_another_fault_is_refused_for_the_other() {
    let jwt = configured(|config| config.decode_audience = vec!["api".into()]);
    for (faults, error) in [
        (&[("aud", r#""other""#)][..], AuthError::Audience),
        (&[("aud", r#""api""#), ("nbf", "1900000001")], AuthError::NotYetValid),
        (&[("aud", r#""api""#), ("sub", "")], AuthError::MissingClaim("sub".into())),
        (&[("aud", r#""api""#), ("type", r#""refresh""#)], AuthError::Expired),
    ] {
        let expired = [&[("exp", "1")], faults].concat();
        assert_eq!(jwt.verify(&token(&expired)).unwrap_err(), error);
    }
}

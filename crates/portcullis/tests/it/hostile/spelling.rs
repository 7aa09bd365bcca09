//! A token has exactly one spelling (JWT-16, JWT-17), and a length limit before anything else (JWT-27).

use portcullis::{AuthError, JwsError};

use crate::common::{HEADER, base64, claims, manager, mint, sign_segments, token};

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn jwt_17_no_character_of_a_token_can_be_another() {
    let (jwt, good) = (manager(), token(&[]));
    assert!(jwt.verify(&good).is_ok());
    for (place, was) in good.char_indices() {
        for other in ALPHABET.chars().chain("=+/ .\t\n\0~é".chars()).filter(|other| *other != was) {
            let bad = format!("{}{other}{}", &good[..place], &good[place + 1..]);
            assert!(jwt.verify(&bad).is_err(), "{other:?} at {place}");
        }
    }
}

#[test]
fn jwt_17_no_character_can_be_added_taken_or_doubled() {
    let (jwt, good) = (manager(), token(&[]));
    for place in 0..good.len() {
        let (before, after) = good.split_at(place);
        let bad = [
            format!("{before}{}", &after[1..]),
            format!("{before}{}{after}", &after[..1]),
            format!("{before}={after}"),
            format!("{before} {after}"),
            format!("{before}\n{after}"),
            format!("{before}.{after}"),
            before.to_owned(),
            format!("{good}{after}"),
        ];
        for bad in bad {
            assert!(jwt.verify(&bad).is_err(), "{bad:?}");
        }
    }
    for bad in [format!(" {good}"), format!("{good} "), format!("{good}="), format!("{good}\r\n")] {
        assert!(jwt.verify(&bad).is_err(), "{bad:?}");
    }
}

/// The signature is over the segments as they are spelled, so a second spelling can be signed; by somebody who
/// has a key, to get past a list of tokens.
#[test]
fn jwt_17_a_second_spelling_is_refused_even_when_it_is_signed() {
    let (header, payload) = (base64(HEADER), base64(claims(&[])));
    // 27 bytes end on whole groups; a blank makes stray bits possible.
    let loose = base64(HEADER.to_owned() + " ");
    let jwt = manager();
    assert!(jwt.verify(&sign_segments(&loose, &payload)).is_ok());
    for spelling in [
        with_stray_bits(&loose),
        format!("{loose}=="),
        format!("{header}="),
        format!(" {header}"),
        format!("{}\n{}", &header[..4], &header[4..]),
        format!("{header}A"),
    ] {
        assert_eq!(
            jwt.verify(&sign_segments(&spelling, &payload)).unwrap_err(),
            AuthError::Jws(JwsError::HeaderEncoding),
            "{spelling}"
        );
    }
    let mut text = claims(&[]);
    while text.len() % 3 != 1 {
        text.push(' ');
    }
    let loose = base64(text);
    assert!(jwt.verify(&sign_segments(&header, &loose)).is_ok());
    for spelling in [with_stray_bits(&loose), format!("{loose}="), format!("{loose}.")] {
        assert_eq!(
            jwt.verify(&sign_segments(&header, &spelling)).unwrap_err(),
            AuthError::Jws(JwsError::PayloadEncoding),
            "{spelling}"
        );
    }
}

/// The same bytes with a bit set that no byte has.
fn with_stray_bits(segment: &str) -> String {
    let (start, last) = segment.split_at(segment.len() - 1);
    let place = ALPHABET.find(last).unwrap();
    format!("{start}{}", &ALPHABET[place + 1..place + 2])
}

#[test]
fn jwt_17_the_standard_alphabet_is_another_one() {
    // A payload that needs the two characters in which the alphabets differ.
    let payload = base64(claims(&[("x", r#""~~~???>>>""#)]));
    assert!(payload.contains(['-', '_']));
    let standard = payload.replace('-', "+").replace('_', "/");
    let jwt = manager();
    assert!(jwt.verify(&sign_segments(&base64(HEADER), &payload)).is_ok());
    assert_eq!(
        jwt.verify(&sign_segments(&base64(HEADER), &standard)).unwrap_err(),
        AuthError::Jws(JwsError::PayloadEncoding)
    );
}

#[test]
fn jwt_16_three_segments_and_no_other_number() {
    let (jwt, good) = (manager(), token(&[]));
    let segments: Vec<&str> = good.split('.').collect();
    for bad in ["", ".", "a", &segments[0..2].join("."), segments[0]] {
        assert_eq!(jwt.verify(bad).unwrap_err(), AuthError::Jws(JwsError::NotEnoughSegments), "{bad}");
    }
    for bad in [
        format!("{good}.{}", segments[2]),
        format!("{}.{good}", segments[0]),
        format!("{good}."),
        format!(".{good}"),
        ".".repeat(8192),
        r#"{"payload":"e30","signatures":[]}"#.into(),
        "..".into(),
    ] {
        assert!(jwt.verify(&bad).is_err(), "{bad}");
    }
    // JWT-24: the five segments of a JWE
    assert!(jwt.verify(&format!("{good}.{}.{}", segments[1], segments[2])).is_err());
}

#[test]
fn jwt_27_eight_kib_is_the_last_length_that_is_looked_at() {
    let jwt = manager();
    let of_length = |length: usize| {
        let segment = length - base64(HEADER).len() - base64([0; 32]).len() - 2;
        let empty = claims(&[("pad", r#""""#)]).len();
        let pad = format!(r#""{}""#, "x".repeat(segment * 3 / 4 - empty));
        token(&[("pad", &pad)])
    };
    let (last, over) = (of_length(8192), of_length(8193));
    assert_eq!((last.len(), over.len()), (8192, 8193));
    assert_eq!(jwt.verify(&last).unwrap().identity(), "alice");
    assert_eq!(jwt.verify(&over).unwrap_err(), AuthError::Jws(JwsError::TooLong));
    // The limit comes first: what is too long is not even split.
    assert_eq!(jwt.verify(&"x".repeat(8193)).unwrap_err(), AuthError::Jws(JwsError::TooLong));
    assert_eq!(jwt.verify(&"x".repeat(8192)).unwrap_err(), AuthError::Jws(JwsError::NotEnoughSegments));
}

#[test]
fn a_payload_of_any_length_is_read() {
    let jwt = manager();
    for pad in 0..700 {
        let pad = format!(r#""{}""#, "x".repeat(pad));
        let payload = claims(&[("pad", &pad)]);
        let claims = jwt.verify(&mint(HEADER, &payload));
        let claims = claims.unwrap_or_else(|error| panic!("a payload of {} bytes: {error}", payload.len()));
        assert_eq!((claims.identity(), claims.jti()), ("alice", Some("j1")));
    }
}

#[test]
fn jwt_14_a_signature_of_another_length_or_spelling_is_none() {
    // JWT-13
    use JwsError::{Signature, SignatureEncoding};
    let (jwt, good) = (manager(), token(&[]));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let mac = crate::common::unbase64(signature);
    let hex = mac.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    for (bad, error) in [
        (String::new(), Signature),
        (base64(&mac[..31]), Signature),
        (base64(&mac[..16]), Signature),
        (base64([&mac[..], &[0]].concat()), Signature),
        (base64([&mac[..], &mac].concat()), Signature),
        (base64(mac.repeat(4)), Signature),
        (base64(mac.repeat(100)), Signature),
        (base64([0; 32]), Signature),
        (hex, Signature),
        (with_stray_bits(signature), SignatureEncoding),
        (format!("{signature}="), SignatureEncoding),
        (format!("{}=", base64(mac.repeat(100))), SignatureEncoding),
    ] {
        assert_eq!(jwt.verify(&format!("{input}.{bad}")).unwrap_err(), AuthError::Jws(error), "{bad}");
    }
}

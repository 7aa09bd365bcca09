//! `portcullis token inspect`: the header and the claims of any compact JWS, as they stand, and not verified.

use std::{fmt::Write as _, process::ExitCode, string::FromUtf8Error};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{Clock, NumericDate, SystemClock};
use serde_json::Value;

use super::layout::{Layout, laid_out};
use crate::cli::{
    Failure,
    moment::{distance, readable},
    output::{Form, quiet_json, shown},
    say,
};

/// What stands first, whatever follows.
const NOTICE: &str =
    "NOT VERIFIED: anybody can have written this. Whether it is genuine says `portcullis token check`.";

/// Claims that are moments.
const MOMENTS: [&str; 4] = ["auth_time", "iat", "nbf", "exp"];

/// A token taken apart.
struct Parts {
    /// A JSON object as it stands.
    header: String,
    /// JSON as it stands, where it is that.
    claims: Result<String, Vec<u8>>,
    signature_bytes: usize,
}

pub(super) fn run(token: &str, form: Form) -> Result<ExitCode, Failure> {
    let parts = Parts::of(token).map_err(Failure::new)?;
    say(&if form.json { parts.to_json() } else { parts.to_text(SystemClock.now().into()) })
}

impl Parts {
    fn of(token: &str) -> Result<Self, String> {
        let segments: Vec<_> = token.split('.').collect();
        let [header, claims, signature] = *segments else {
            return Err(match segments.len() {
                5 => "this is an encrypted token (JWE, five segments); nothing of it can be shown".to_owned(),
                count => {
                    format!("a compact JWS has three segments with dots between them, and this has {count}")
                }
            });
        };
        let bytes = |name: &str, segment: &str| {
            let decoded = URL_SAFE_NO_PAD.decode(segment);
            decoded.map_err(|error| format!("the {name} is not base64url without padding: {error}"))
        };
        let header = String::from_utf8(bytes("header", header)?).ok();
        let header = header.filter(|text| is_json(text) && text.trim_start().starts_with('{'));
        let claims = String::from_utf8(bytes("payload", claims)?).map_err(FromUtf8Error::into_bytes);
        Ok(Self {
            header: header.ok_or("the header is no JSON object")?,
            claims: claims.and_then(|text| if is_json(&text) { Ok(text) } else { Err(text.into_bytes()) }),
            signature_bytes: bytes("signature", signature)?.len(),
        })
    }

    /// The moments among the claims, as far as they are numbers of whole seconds or parts of them.
    fn moments(&self) -> Vec<(&'static str, NumericDate)> {
        let claims = self.claims.as_ref().ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let moment = |name: &'static str| {
            let claim = claims.as_ref()?.get(name)?;
            #[expect(clippy::cast_possible_truncation, reason = "a number beyond the range is its end")]
            let seconds = claim.as_i64().or_else(|| claim.as_f64().map(|it| it.floor() as i64))?;
            Some((name, NumericDate::from_seconds(seconds)))
        };
        MOMENTS.into_iter().filter_map(moment).collect()
    }

    fn to_text(&self, now: NumericDate) -> String {
        let part = |json: &str| quiet_json(&laid_out(json, Layout::Lines(2)));
        let mut text = format!("{NOTICE}\n\nheader\n  {}\n", part(&self.header));
        let _ = match &self.claims {
            Ok(claims) => writeln!(text, "claims\n  {}", part(claims)),
            Err(bytes) => match std::str::from_utf8(bytes) {
                Ok(payload) => writeln!(text, "payload, which is no JSON\n  {}", shown(payload)),
                Err(_) => writeln!(text, "payload, which is no text: {} bytes", bytes.len()),
            },
        };
        let moments = self.moments();
        if !moments.is_empty() {
            text.push_str("times\n");
        }
        for (name, moment) in moments {
            let _ = writeln!(text, "  {name:<10} {}, {}", readable(moment), distance(moment, now));
        }
        let _ = match self.signature_bytes {
            0 => writeln!(text, "signature\n  none: this token is not signed at all"),
            bytes => writeln!(text, "signature\n  {bytes} bytes, not shown and not checked"),
        };
        text
    }

    /// One document. Its parts stand in it as they stand in the token.
    fn to_json(&self) -> String {
        let line = |json: &str| laid_out(json, Layout::Line);
        let claims = self.claims.as_ref().map_or_else(|_| "null".to_owned(), |claims| line(claims));
        let times: Vec<_> = self
            .moments()
            .into_iter()
            .map(|(name, moment)| format!("\"{name}\":\"{}\"", readable(moment)))
            .collect();
        quiet_json(&format!(
            "{{\"verified\":false,\"notice\":\"{NOTICE}\",\"header\":{},\"claims\":{claims},\"times\":{{{}}},\
             \"signature_bytes\":{}}}\n",
            line(&self.header),
            times.join(","),
            self.signature_bytes
        ))
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &[u8], signature: &[u8]) -> String {
        let [header, payload, signature] =
            [header.as_bytes(), payload, signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{payload}.{signature}")
    }

    #[test]
    fn what_a_token_says_is_shown_as_not_verified() {
        let claims = br#"{"sub":"alice","exp":1000060,"iat":999940.5,"exp2":"x"}"#;
        let token = token(r#"{"typ":"JWT","alg":"HS256"}"#, claims, &[7; 32]);
        let parts = Parts::of(&token).unwrap();
        insta::assert_snapshot!(parts.to_text(NumericDate::from_seconds(1_000_000)), @r#"
        NOT VERIFIED: anybody can have written this. Whether it is genuine says `portcullis token check`.

        header
          {
            "typ": "JWT",
            "alg": "HS256"
          }
        claims
          {
            "sub": "alice",
            "exp": 1000060,
            "iat": 999940.5,
            "exp2": "x"
          }
        times
          iat        1970-01-12T13:45:40Z, 1 minute ago
          exp        1970-01-12T13:47:40Z, in 1 minute
        signature
          32 bytes, not shown and not checked
        "#);
        let json: Value = serde_json::from_str(&parts.to_json()).unwrap();
        assert_eq!(json["verified"], false);
        assert_eq!(json["claims"]["sub"], "alice");
        assert_eq!(json["times"]["exp"], "1970-01-12T13:47:40Z");
        assert_eq!(json["signature_bytes"], 32);
        let signature = token.rsplit('.').next().unwrap();
        assert!(!parts.to_json().contains(signature));
    }

    #[test]
    fn a_payload_may_be_anything() {
        let of = |payload: &[u8]| Parts::of(&token(r#"{"alg":"none"}"#, payload, b"")).unwrap();
        let now = NumericDate::from_seconds(0);
        assert!(of(b"plain \x1b[31m").to_text(now).contains("no JSON\n  plain \\u{1b}[31m\n"));
        assert!(of(b"\xff\xfe").to_text(now).contains("no text: 2 bytes"));
        assert!(of(b"\xff\xfe").to_json().contains("\"claims\":null"));
        assert!(of(b"[1,2]").to_text(now).contains("claims\n  [\n    1,\n    2\n  ]\n"));
        assert!(of(b"{}").to_text(now).contains("not signed at all"));
        let double = of(br#"{"sub":"a","sub":"b"}"#);
        assert!(double.to_json().contains(r#"{"sub":"a","sub":"b"}"#), "as it stands");
        assert!(of(br#"{"exp":1e300}"#).to_text(now).contains("exp        9223372036854775807"));
    }

    #[test]
    fn what_is_no_compact_jws_is_told() {
        for (token, says) in [
            ("plain", "has 1"),
            ("a.b", "has 2"),
            ("a.b.c.d.e", "encrypted"),
            ("e30=.e30.", "the header is not base64url"),
            ("W10.e30.", "the header is no JSON object"),
            ("e30.e3 0.", "the payload is not base64url"),
            ("e30.e30.a", "the signature is not base64url"),
        ] {
            let problem = Parts::of(token).err().unwrap();
            assert!(problem.contains(says), "{token}: {problem}");
        }
    }
}

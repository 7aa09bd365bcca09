//! `portcullis token check`: whether this instance accepts a token now.

use std::process::ExitCode;

use portcullis::{Clock, TokenKind};
use serde::Serialize;

use crate::{
    accounts::{CheckedToken, TokenRefusal},
    causes::causes,
    cli::{
        Failure,
        acting::At,
        moment::{distance, readable},
        output::{Form, json_line, put, shown},
    },
    state::Instance,
};

/// The verdict for programs.
#[derive(Default, Serialize)]
struct Verdict<'a> {
    accepted: bool,
    /// Why not.
    reason: Option<String>,
    kind: Option<&'static str>,
    identity: Option<&'a str>,
    /// The name of the user here, where there is one who is enabled.
    username: Option<&'a str>,
    session: Option<&'a str>,
    expires_at: Option<i64>,
}

pub(super) fn run(at: At, token: &str, form: Form) -> Result<ExitCode, Failure> {
    at.act(Instance::Seen, async |acting| {
        let checked = acting.accounts().check_token(token).await;
        match checked.map_err(|error| Failure::new(causes(&error)))? {
            Ok(token) => {
                let text = if form.json {
                    json_line(&Verdict::of(&token))?
                } else {
                    accepted(&token, acting.operator.clock())
                };
                put(&text).map(|_| ExitCode::SUCCESS)
            }
            Err(refusal) => {
                let reason = reason(&refusal);
                let text = if form.json {
                    json_line(&Verdict { reason: Some(reason), ..Verdict::default() })?
                } else {
                    format!("refused: {reason}\n")
                };
                put(&text).map(|_| ExitCode::FAILURE)
            }
        }
    })
}

fn reason(refusal: &TokenRefusal) -> String {
    causes(refusal)
}

impl<'a> Verdict<'a> {
    fn of(token: &'a CheckedToken) -> Self {
        let claims = &token.claims;
        Self {
            accepted: true,
            reason: None,
            kind: Some(kind(claims.kind())),
            identity: Some(claims.identity()),
            username: token.user.as_ref().map(|user| user.username.as_str()),
            session: claims.session().map(|session| session.id),
            expires_at: claims.expires_at().map(portcullis::NumericDate::seconds),
        }
    }
}

fn kind(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Access => "access",
        TokenKind::Refresh => "refresh",
    }
}

fn accepted(token: &CheckedToken, clock: &dyn Clock) -> String {
    let claims = &token.claims;
    let whose = match &token.user {
        Some(user) => format!("{} (identity {})", shown(&user.username), shown(claims.identity())),
        None => format!("{}, who is nobody here that is enabled", shown(claims.identity())),
    };
    let session = match claims.session() {
        Some(session) => format!("session {}, generation {}", shown(session.id), session.generation),
        None => "no session".to_owned(),
    };
    let expires = match claims.expires_at() {
        Some(at) => format!("{}, {}", readable(at), distance(at, clock.now().into())),
        None => "never".to_owned(),
    };
    format!(
        "accepted: {} token of {whose}\n{session}\nexpires {expires}\n",
        match claims.kind() {
            TokenKind::Access => "an access",
            TokenKind::Refresh => "a refresh",
        }
    )
}

//! The index beside a list of everything that was ever noted, which is slow and plainly right.

use portcullis::{Claims, NumericDate, RevocationIndex, TokenKind};
use proptest::prelude::*;

use super::kinds::{claims, is_revoked};
use crate::common::at;

#[derive(Clone, Debug)]
enum Act {
    Token(String, Option<i64>),
    Session(String, Option<i64>),
    Access(String, u32, Option<i64>),
    User(String, i64, Option<i64>),
    All(i64),
    Forget(i64),
}

/// Every note by itself; expired ones leave, unless another for the same thing lasts longer.
#[derive(Default)]
struct Model(Vec<Act>);

impl Model {
    fn act(&mut self, act: Act) {
        let Act::Forget(before) = act else { return self.0.push(act) };
        let lasting: Vec<_> =
            self.0.iter().filter(|act| act.lasts_until(before)).filter_map(Act::thing).collect();
        self.0.retain(|act| act.thing().is_none_or(|thing| lasting.contains(&thing)));
    }

    fn len(&self) -> usize {
        let mut things: Vec<_> = self.0.iter().map(Act::thing).collect();
        things.sort();
        things.dedup();
        things.len()
    }

    fn is_revoked(&self, claims: &Claims) -> bool {
        let issued_by = |end: i64| claims.issued_at().is_none_or(|issued| issued.seconds() <= end);
        self.0.iter().any(|act| match (act, claims.session()) {
            (Act::Token(jti, _), _) => claims.jti() == Some(jti),
            (Act::Session(sid, _), Some(session)) => session.id == sid,
            (Act::Access(sid, up_to, _), Some(session)) => {
                session.id == sid && claims.kind() == TokenKind::Access && session.generation <= *up_to
            }
            (Act::User(identity, before, _), None) => claims.identity() == identity && issued_by(before + 60),
            (Act::All(before), _) => issued_by(*before),
            _ => false,
        })
    }
}

impl Act {
    /// What a note is of: those of one thing are one entry. Nothing, for what is revoked as a whole.
    fn thing(&self) -> Option<(u8, String)> {
        match self {
            Self::Token(jti, _) => Some((0, jti.clone())),
            Self::Session(sid, _) | Self::Access(sid, ..) => Some((1, sid.clone())),
            Self::User(identity, ..) => Some((2, identity.clone())),
            Self::All(_) | Self::Forget(_) => None,
        }
    }

    fn lasts_until(&self, moment: i64) -> bool {
        match self {
            Self::Token(_, expiry)
            | Self::Session(_, expiry)
            | Self::Access(_, _, expiry)
            | Self::User(_, _, expiry) => expiry.is_none_or(|expiry| expiry >= moment),
            Self::All(_) | Self::Forget(_) => true,
        }
    }

    fn on(&self, index: &RevocationIndex) {
        let date = |expiry: &Option<i64>| expiry.map(NumericDate::from_seconds);
        match self {
            Self::Token(jti, expiry) => index.revoke_token(jti, date(expiry)),
            Self::Session(sid, expiry) => index.revoke_session(sid, date(expiry)),
            Self::Access(sid, up_to, expiry) => index.revoke_access(sid, *up_to, date(expiry)),
            Self::User(identity, before, expiry) => index.revoke_user(identity, at(*before), date(expiry)),
            Self::All(before) => index.revoke_all(at(*before)),
            Self::Forget(before) => index.forget_expired(at(*before)),
        }
    }
}

/// One of few names, the same for all things: a note must not reach a thing of another kind.
fn name() -> impl Strategy<Value = String> {
    "[ab]"
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let expiry = || prop::option::of(0_i64..50);
    let act = prop_oneof![
        4 => (name(), expiry()).prop_map(|(jti, expiry)| Act::Token(jti, expiry)),
        2 => (name(), expiry()).prop_map(|(sid, expiry)| Act::Session(sid, expiry)),
        4 => (name(), 0_u32..6, expiry()).prop_map(|(sid, up_to, expiry)| Act::Access(sid, up_to, expiry)),
        4 => (name(), 0_i64..300, expiry())
            .prop_map(|(identity, before, expiry)| Act::User(identity, before, expiry)),
        1 => (0_i64..300).prop_map(Act::All),
        3 => (0_i64..60).prop_map(Act::Forget),
    ];
    prop::collection::vec(act, 0..12)
}

/// Tokens of every kind, of the names that are noted and of others.
fn tokens() -> Vec<Claims> {
    let mut tokens = Vec::new();
    for kind in [r#""access""#, r#""refresh""#] {
        for iat in ["", "0", "100", "200", "360", "361"] {
            for (name, session) in
                [(r#""a""#, None), (r#""b""#, Some("2")), (r#""c""#, Some("5")), (r#""c""#, None)]
            {
                let of_session = ["a", "b"].map(|sid| format!("{sid:?}"));
                for sid in &of_session {
                    let session = session.map(|generation| [("sid", sid.as_str()), ("gen", generation)]);
                    let mut changes = vec![("type", kind), ("iat", iat), ("jti", name), ("sub", name)];
                    changes.extend(session.into_iter().flatten());
                    tokens.push(claims(&changes));
                }
            }
        }
    }
    tokens
}

#[test]
fn the_index_says_what_a_list_of_everything_says() {
    let tokens = tokens();
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(acts in acts())| {
        let (index, mut model) = (RevocationIndex::new(), Model::default());
        for act in acts {
            act.on(&index);
            model.act(act);
            prop_assert_eq!(index.len(), model.len());
        }
        for claims in &tokens {
            prop_assert_eq!(is_revoked(&index, claims), model.is_revoked(claims), "{:?}", claims);
        }
    });
}

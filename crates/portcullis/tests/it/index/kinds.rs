//! What each kind of note ends, for every kind of token there is.

use portcullis::{Claims, Require, Revocation as _, RevocationIndex, Verdict};

use crate::common::{NOW, at, manager, token};

/// The claims of a token with these changed.
pub(super) fn claims(changes: &[(&str, &str)]) -> Claims {
    manager().verify_as(&token(changes), Require::any()).unwrap()
}

pub(super) fn is_revoked(index: &RevocationIndex, claims: &Claims) -> bool {
    matches!(index.check(claims), Verdict::Revoked)
}

/// The tokens of the table: access and refresh, of a session and not, with a time of issue and without. The usual
/// token is named `j1`, is `alice`'s and was issued at [`NOW`].
fn tokens() -> [(&'static str, Claims); 8] {
    const ACCESS: (&str, &str) = ("type", r#""access""#);
    const REFRESH: (&str, &str) = ("type", r#""refresh""#);
    const SESSION: [(&str, &str); 2] = [("sid", r#""s1""#), ("gen", "5")];
    const TIMELESS: (&str, &str) = ("iat", "");
    let [sid, generation] = SESSION;
    [
        ("access", claims(&[ACCESS])),
        ("refresh", claims(&[REFRESH])),
        ("access, session", claims(&[ACCESS, sid, generation])),
        ("refresh, session", claims(&[REFRESH, sid, generation])),
        ("access, no iat", claims(&[ACCESS, TIMELESS])),
        ("refresh, no iat", claims(&[REFRESH, TIMELESS])),
        ("access, session, no iat", claims(&[ACCESS, sid, generation, TIMELESS])),
        ("refresh, session, no iat", claims(&[REFRESH, sid, generation, TIMELESS])),
    ]
}

#[test]
fn every_kind_of_note_ends_what_it_says_and_nothing_else() {
    type Note = fn(&RevocationIndex);
    type Ends = fn(&str) -> bool;
    let all: Ends = |_: &str| true;
    let none: Ends = |_: &str| false;
    let of_session: Ends = |token: &str| token.contains("session");
    let access_of_session: Ends = |token: &str| token.starts_with("access, session");
    let without_session: Ends = |token: &str| !token.contains("session");
    let timeless_without_session: Ends = |token: &str| !token.contains("session") && token.contains("no iat");
    let timeless: Ends = |token: &str| token.contains("no iat");
    let table: [(&str, Note, Ends); 22] = [
        ("nothing", |_| {}, none),
        ("the token", |index| index.revoke_token("j1", None), all),
        ("another token", |index| index.revoke_token("j2", None), none),
        ("a token by the name of the session", |index| index.revoke_token("s1", None), none),
        ("the session", |index| index.revoke_session("s1", None), of_session),
        ("another session", |index| index.revoke_session("s2", None), none),
        ("a session by the name of the token", |index| index.revoke_session("j1", None), none),
        ("a session by the name of the user", |index| index.revoke_session("alice", None), none),
        ("access before", |index| index.revoke_access("s1", 4, None), none),
        ("access up to", |index| index.revoke_access("s1", 5, None), access_of_session),
        ("access beyond", |index| index.revoke_access("s1", u32::MAX, None), access_of_session),
        ("access of another session", |index| index.revoke_access("s2", 9, None), none),
        ("the user", |index| index.revoke_user("alice", at(NOW), None), without_session),
        ("the user, a minute off", |index| index.revoke_user("alice", at(NOW - 60), None), without_session),
        (
            "the user, long before",
            |index| index.revoke_user("alice", at(NOW - 61), None),
            timeless_without_session,
        ),
        ("the user, for ever", |index| index.revoke_user("alice", at(i64::MAX), None), without_session),
        ("another user", |index| index.revoke_user("bob", at(NOW), None), none),
        ("a user by the name of the session", |index| index.revoke_user("s1", at(NOW), None), none),
        ("all", |index| index.revoke_all(at(NOW)), all),
        ("all, a second before", |index| index.revoke_all(at(NOW - 1)), timeless),
        ("all, before all time", |index| index.revoke_all(at(i64::MIN)), timeless),
        ("all, and then less", |index| [NOW, 5].map(at).into_iter().for_each(|at| index.revoke_all(at)), all),
    ];
    let tokens = tokens();
    for (what, note, ends) in table {
        let index = RevocationIndex::new();
        note(&index);
        for (token, claims) in &tokens {
            assert_eq!(is_revoked(&index, claims), ends(token), "{what}: {token}");
        }
        assert_eq!((index.len(), index.is_empty()), (usize::from(what != "nothing"), what == "nothing"));
    }
}

#[test]
fn own_claims_by_the_names_of_a_session_let_nobody_escape() {
    let index = RevocationIndex::new();
    index.revoke_user("alice", at(NOW), None);
    for foreign in [
        vec![("sid", r#""s1""#)],
        vec![("gen", "1")],
        vec![("sid", r#""s1""#), ("gen", r#""1""#)],
        vec![("sid", r#""s1""#), ("gen", "-1")],
        vec![("sid", "1"), ("gen", "1")],
    ] {
        assert!(is_revoked(&index, &claims(&foreign)), "{foreign:?}");
    }
    assert!(!is_revoked(&index, &claims(&[("sid", r#""s1""#), ("gen", "1")])), "it ends with its session");
}

#[test]
fn a_session_that_has_ended_stays_so_whatever_is_noted_of_it_later() {
    let index = RevocationIndex::new();
    let refresh = claims(&[("type", r#""refresh""#), ("sid", r#""s1""#), ("gen", "5")]);
    index.revoke_session("s1", Some(at(NOW + 100)));
    index.revoke_access("s1", 3, Some(at(NOW + 200)));
    index.forget_expired(at(NOW + 200));
    assert!(is_revoked(&index, &refresh), "and as long as the later note says");
    index.forget_expired(at(NOW + 201));
    assert!(!is_revoked(&index, &refresh) && index.is_empty());
}

#[test]
fn entries_go_when_they_have_expired_and_no_sooner() {
    // BRR-30
    let index = RevocationIndex::new();
    index.revoke_token("j1", Some(at(100)));
    index.revoke_token("j2", None);
    index.revoke_session("s1", Some(at(100)));
    index.revoke_session("s2", None);
    index.revoke_access("s3", 1, Some(at(100)));
    index.revoke_user("alice", at(5), Some(at(100)));
    index.revoke_user("bob", at(5), None);
    index.revoke_all(at(5));
    index.forget_expired(at(100));
    assert_eq!(index.len(), 8);
    index.forget_expired(at(101));
    assert_eq!(index.len(), 4);
    assert!(!index.is_token_revoked("j1") && index.is_token_revoked("j2"));
    index.forget_expired(at(i64::MAX));
    assert_eq!(index.len(), 4, "what has no expiry stays");
}

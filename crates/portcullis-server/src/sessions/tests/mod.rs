//! The rule as a table, and against a model.

mod model;

use std::time::UNIX_EPOCH;

use super::*;
use crate::model::Revocation;

const WINDOW: Duration = Duration::from_secs(30);
const POLICY: RefreshPolicy = RefreshPolicy { reuse_window: WINDOW, lost_answer: LostAnswer::Forgive };

pub(super) fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_900_000_000_000 + millis)
}

pub(super) fn next(name: &str) -> NextHead {
    NextHead {
        refresh_jti: format!("refresh {name}"),
        access_jti: format!("access {name}"),
        issued_by: NumericDate::from_seconds(i64::MAX),
        access_lifetime: Duration::from_mins(15),
        refresh_lifetime: Duration::from_hours(24 * 30),
    }
}

pub(super) fn fresh(now: SystemTime) -> Session {
    let (id, user) = (SessionId::new("s"), UserId::new("alice"));
    opened(id, (&user, 0), &next("1"), Duration::from_hours(24 * 90), now)
}

fn token(generation: u32, jti: &str) -> RefreshId {
    RefreshId { generation, jti: format!("refresh {jti}") }
}

fn used(session: &Session, presented: &RefreshId, name: &str, now: SystemTime) -> (Verdict, Session) {
    let refresh = Refresh { presented: presented.clone(), seen: 0, next: next(name), policy: POLICY };
    let (verdict, changed) = decide(session, &refresh, now);
    (verdict, changed.unwrap_or_else(|| session.clone()))
}

/// Parent 1, head 2, made at second 100.
fn rotated() -> Session {
    let (verdict, session) = used(&fresh(at(0)), &token(1, "1"), "2", at(100_000));
    assert_eq!(verdict, Verdict::Rotate);
    session
}

#[test]
fn every_row_of_the_rule() {
    // BRR-11, BRR-13
    let seen = Session { seen: 2, ..rotated() };
    for (what, session, presented, seconds, verdict) in [
        ("the head, within the window", rotated(), token(2, "2"), 129, Verdict::Repeat),
        ("the head, at its end", rotated(), token(2, "2"), 130, Verdict::Rotate),
        ("the parent, within the window", rotated(), token(1, "1"), 129, Verdict::Repeat),
        ("the parent, within the window, head seen", seen.clone(), token(1, "1"), 129, Verdict::Repeat),
        ("the parent, later, head unseen", rotated(), token(1, "1"), 130, Verdict::Reissue),
        ("the parent, later, head seen", seen.clone(), token(1, "1"), 130, Verdict::Replayed),
        ("older than the parent", rotated(), token(0, "0"), 101, Verdict::Replayed),
        ("ahead", rotated(), token(3, "3"), 101, Verdict::Ahead),
        ("the head's generation with another jti", rotated(), token(2, "x"), 101, Verdict::Ahead),
        ("the parent's generation with another jti", rotated(), token(1, "x"), 101, Verdict::Ahead),
        ("ahead, with the head's jti", rotated(), token(3, "2"), 101, Verdict::Ahead),
        ("a clock that was set back", rotated(), token(1, "1"), 0, Verdict::Repeat),
        ("the first head, no parent", fresh(at(0)), token(1, "1"), 1, Verdict::Repeat),
        ("older than the first", fresh(at(0)), token(0, "0"), 1, Verdict::Replayed),
        ("after its idle end", rotated(), token(2, "2"), 100 + 30 * 86_400, Verdict::Gone),
        ("just before it", rotated(), token(2, "2"), 100 + 30 * 86_400 - 1, Verdict::Rotate),
        ("ended", ended(&rotated(), EndReason::LoggedOut, at(0)), token(2, "2"), 101, Verdict::Gone),
        (
            "ended, replayed again",
            ended(&rotated(), EndReason::LoggedOut, at(0)),
            token(0, "0"),
            101,
            Verdict::Gone,
        ),
    ] {
        assert_eq!(judge(&session, &presented, at(seconds * 1000), &POLICY), verdict, "{what}");
    }
}

#[test]
fn what_the_caller_has_seen_counts_before_the_store_has_heard() {
    let refresh = Refresh { presented: token(1, "1"), seen: 2, next: next("3"), policy: POLICY };
    assert_eq!(decide(&rotated(), &refresh, at(130_000)).0, Verdict::Replayed);
    let refresh = Refresh { seen: 1, ..refresh };
    assert_eq!(decide(&rotated(), &refresh, at(130_000)).0, Verdict::Reissue);
}

#[test]
fn a_void_head_ends_the_session() {
    let (verdict, reissued) = used(&rotated(), &token(1, "1"), "3", at(200_000));
    assert_eq!((verdict, reissued.head.refresh.generation), (Verdict::Reissue, 3));
    assert_eq!(reissued.parent, Some(token(1, "1")), "the parent stays");
    let (verdict, after) = used(&reissued, &token(2, "2"), "4", at(201_000));
    assert_eq!(verdict, Verdict::Replayed);
    assert_eq!(after.ended.map(|ended| ended.reason), Some(EndReason::Replayed));
    // The window begins anew: whoever lost this answer too gets it again.
    assert_eq!(judge(&reissued, &token(1, "1"), at(229_999), &POLICY), Verdict::Repeat);
    assert_eq!(judge(&reissued, &token(1, "1"), at(230_000), &POLICY), Verdict::Reissue);
}

#[test]
fn a_lost_answer_can_be_refused() {
    let policy = RefreshPolicy { lost_answer: LostAnswer::Refuse, ..POLICY };
    assert_eq!(judge(&rotated(), &token(1, "1"), at(130_000), &policy), Verdict::Replayed);
    assert_eq!(judge(&rotated(), &token(1, "1"), at(129_999), &policy), Verdict::Repeat);
}

#[test]
fn without_a_window_every_use_is_a_new_pair() {
    let policy = RefreshPolicy { reuse_window: Duration::ZERO, ..POLICY };
    assert_eq!(judge(&rotated(), &token(2, "2"), at(100_000), &policy), Verdict::Rotate);
    assert_eq!(judge(&rotated(), &token(1, "1"), at(100_000), &policy), Verdict::Reissue);
    // A clock that was set back makes no window of none.
    assert_eq!(judge(&rotated(), &token(2, "2"), at(0), &policy), Verdict::Rotate);
}

#[test]
fn the_same_call_again_finds_its_own_head() {
    let policy = RefreshPolicy { reuse_window: Duration::ZERO, lost_answer: LostAnswer::Refuse };
    let refresh = Refresh { presented: token(1, "1"), seen: 0, next: next("2"), policy };
    let session = fresh(at(0));
    let (_, changed) = decide(&session, &refresh, at(100_000));
    assert_eq!(decide(&changed.unwrap(), &refresh, at(101_000)), (Verdict::Rotate, None));
}

#[test]
fn what_is_presented_has_been_seen() {
    let (_, session) = used(&rotated(), &token(2, "2"), "3", at(110_000));
    assert_eq!((session.seen, session.head.refresh.generation), (2, 2), "a repeat notes it");
    let (_, session) = used(&rotated(), &token(1, "1"), "3", at(110_000));
    assert_eq!(session.seen, 1, "the parent says nothing of the head");
}

#[test]
fn a_refresh_moves_the_idle_end_and_never_the_absolute_one() {
    let day = |days: u64| at(days * 86_400_000);
    let mut session = fresh(day(0));
    for (days, name) in [(29, "2"), (58, "3"), (87, "4")] {
        let (verdict, after) = used(&session, &session.head.refresh.clone(), name, day(days));
        assert_eq!(verdict, Verdict::Rotate, "day {days}");
        session = after;
    }
    assert_eq!(session.head.refresh_expires_at, session.ends_at);
    assert!(session.lives(at(90 * 86_400_000 - 1000)));
    assert!(!session.lives(day(90)));
    assert_eq!(judge(&session, &session.head.refresh.clone(), day(90), &POLICY), Verdict::Gone);
}

#[test]
fn the_first_reason_to_end_stays() {
    let once = ended(&rotated(), EndReason::LoggedOut, at(1));
    assert_eq!(ended(&once, EndReason::Replayed, at(2)), once);
}

#[test]
fn where_clocks_differ_a_pair_is_issued_at_the_earlier_time_and_judged_by_the_stores() {
    let behind = NextHead { issued_by: NumericDate::from(at(40_000)), ..next("2") };
    let refresh = Refresh { presented: token(1, "1"), seen: 0, next: behind, policy: POLICY };
    let (verdict, changed) = decide(&fresh(at(0)), &refresh, at(100_000));
    let head = changed.unwrap().head;
    assert_eq!((verdict, head.made_at), (Verdict::Rotate, at(100_000)));
    assert_eq!(head.issued_at, NumericDate::from(at(40_000)));
    assert_eq!(head.access_expires_at, head.issued_at.plus(Duration::from_mins(15)));
}

/// A token that was issued at second -10 and expires after a year, adopted at second 0.
pub(super) fn adopted_session() -> Session {
    let year = Duration::from_hours(24 * 365);
    let token = AdoptedToken {
        jti: "refresh theirs",
        issued_at: Some(NumericDate::from(at(0)).minus(Duration::from_secs(10))),
        expires_at: Some(NumericDate::from(at(0)).plus(year)),
    };
    let (id, user) = (SessionId::adopted(token.jti), UserId::new("alice"));
    adopted(id, (&user, 0), &token, Duration::from_hours(24 * 90), at(0))
}

#[test]
fn an_adopted_token_is_the_oldest_of_its_session_and_never_given_out_again() {
    let theirs = token(0, "theirs");
    let (verdict, session) = used(&adopted_session(), &theirs, "1", at(0));
    assert_eq!((verdict, session.head.refresh.clone()), (Verdict::Rotate, token(1, "1")));
    assert_eq!(session.parent, Some(theirs.clone()));
    assert_eq!(used(&session, &theirs, "x", at(29_999)).0, Verdict::Repeat);
    assert_eq!(used(&session, &token(0, "another's"), "x", at(1)).0, Verdict::Ahead);
    let (verdict, again) = used(&session, &theirs, "2", at(30_000));
    assert_eq!((verdict, again.head.refresh.clone()), (Verdict::Reissue, token(2, "2")));
    assert_eq!(used(&again, &token(1, "1"), "x", at(31_000)).0, Verdict::Replayed);
    let seen = Session { seen: 1, ..session };
    assert_eq!(used(&seen, &theirs, "x", at(30_000)).0, Verdict::Replayed);
}

#[test]
fn an_adopted_session_is_remembered_as_long_as_its_first_token_lives() {
    let session = used(&adopted_session(), &token(0, "theirs"), "1", at(0)).1;
    let from_now = |days: u64| NumericDate::from(at(0)).plus(Duration::from_hours(24 * days));
    assert_eq!((session.ends_at, session.remembered_until()), (from_now(90), from_now(365)));
    let endless = AdoptedToken { jti: "x", issued_at: None, expires_at: None };
    let user = UserId::new("alice");
    let endless = adopted(session.id.clone(), (&user, 0), &endless, Duration::from_hours(1), at(0));
    assert_eq!(endless.remembered_until(), Session::FOR_GOOD);
    assert!(endless.expires_at() < from_now(1));
}

/// As `rotated`, and then the user got another level, twice: parent 1, head 4, which was given out as 2 and as 3.
fn relevelled_twice(session: &Session) -> Session {
    relevelled(&relevelled(session).unwrap()).unwrap()
}

#[test]
fn after_another_level_the_same_tokens_mean_the_same() {
    let (unseen, seen) = (relevelled_twice(&rotated()), relevelled_twice(&Session { seen: 2, ..rotated() }));
    let reissued = used(&rotated(), &token(1, "1"), "3", at(200_000)).1;
    for (what, session, presented, seconds, verdict) in [
        ("the head, as it was given out first", &unseen, token(2, "2"), 129, Verdict::Repeat),
        ("and in between", &unseen, token(3, "2"), 129, Verdict::Repeat),
        ("and now", &unseen, token(4, "2"), 129, Verdict::Repeat),
        ("the window is that of before", &unseen, token(2, "2"), 130, Verdict::Rotate),
        ("with the newest number", &unseen, token(4, "2"), 130, Verdict::Rotate),
        ("ahead, with the head's jti", &unseen, token(5, "2"), 101, Verdict::Ahead),
        ("the head's number with another jti", &unseen, token(4, "x"), 101, Verdict::Ahead),
        ("an earlier number of the head with another jti", &unseen, token(3, "x"), 101, Verdict::Replayed),
        ("the head's jti as another application's", &unseen, token(0, "2"), 101, Verdict::Replayed),
        ("the parent, within the window", &unseen, token(1, "1"), 129, Verdict::Repeat),
        ("the parent, later, head unseen", &unseen, token(1, "1"), 130, Verdict::Reissue),
        ("the parent, later, head seen before", &seen, token(1, "1"), 130, Verdict::Replayed),
        ("the parent's number with another jti", &unseen, token(1, "x"), 101, Verdict::Ahead),
        ("the parent's jti with a number of the head", &unseen, token(2, "1"), 101, Verdict::Replayed),
        ("older than the parent", &unseen, token(0, "0"), 101, Verdict::Replayed),
        ("a void head", &relevelled_twice(&reissued), token(2, "2"), 201, Verdict::Replayed),
        (
            "a void head with a number of the line",
            &relevelled_twice(&reissued),
            token(4, "2"),
            201,
            Verdict::Replayed,
        ),
    ] {
        assert_eq!(judge(session, &presented, at(seconds * 1000), &POLICY), verdict, "{what}");
    }
}

#[test]
fn another_level_makes_the_access_tokens_of_before_void_and_those_after_it_good() {
    let before = rotated();
    let after = relevelled(&before).unwrap();
    let revoked = Some(Revocation::Access {
        session: before.id.clone(),
        up_to: before.head.refresh.generation,
        until: before.remembered_until(),
    });
    assert_eq!(after.revocation(), revoked);
    assert_eq!(after.head.refresh, token(3, "2"));
    assert_ne!(after.head.access_jti, before.head.access_jti);
    assert_eq!((after.head.made_at, after.parent.clone()), (before.head.made_at, before.parent.clone()));
    assert_eq!((after.head.access, after.seen), (AccessTokenKind::Refreshed, before.seen));
    // A login's access token is not fresh any more when it comes again with another level.
    let fresh = fresh(at(0));
    let after = relevelled(&fresh).unwrap();
    assert_eq!(after.head.access, AccessTokenKind::Refreshed);
    assert_ne!(after.head.access_jti, fresh.head.stale_access_jti());
    assert_eq!(after.void_access, 1);
    // Nothing is given out with what was adopted, and what has ended is refused whole.
    assert_eq!(relevelled(&adopted_session()), None);
    assert_eq!(relevelled(&ended(&rotated(), EndReason::LoggedOut, at(0))), None);
}

#[test]
fn what_was_seen_of_a_head_is_seen_of_it_under_its_next_number() {
    let seen = relevelled(&Session { seen: 2, ..rotated() }).unwrap();
    assert_eq!(seen.seen, 3);
    // Whoever presents it under an earlier number has it too.
    let unseen = relevelled_twice(&rotated());
    for presented in [token(2, "2"), token(3, "2"), token(4, "2")] {
        let (verdict, repeated) = used(&unseen, &presented, "3", at(110_000));
        assert_eq!((verdict, repeated.seen), (Verdict::Repeat, 4));
        assert_eq!(used(&repeated, &token(1, "1"), "3", at(130_000)).0, Verdict::Replayed);
    }
    let (_, repeated) = used(&unseen, &token(1, "1"), "3", at(110_000));
    assert_eq!(repeated.seen, 1, "the parent says nothing of the head");
}

#[test]
fn a_head_that_becomes_the_parent_is_known_under_all_its_numbers() {
    let (verdict, rotated) = used(&relevelled_twice(&rotated()), &token(2, "2"), "3", at(200_000));
    assert_eq!((verdict, rotated.head.refresh.clone()), (Verdict::Rotate, token(5, "3")));
    assert_eq!(rotated.parent, Some(token(4, "2")));
    for generation in 2..=4 {
        assert_eq!(judge(&rotated, &token(generation, "2"), at(229_999), &POLICY), Verdict::Repeat);
        assert_eq!(judge(&rotated, &token(generation, "2"), at(230_000), &POLICY), Verdict::Reissue);
    }
    assert_eq!(judge(&rotated, &token(4, "x"), at(201_000), &POLICY), Verdict::Ahead);
    assert_eq!(judge(&rotated, &token(1, "1"), at(201_000), &POLICY), Verdict::Replayed);
}

#[test]
fn a_use_whose_answer_was_not_known_finds_its_own_head_after_another_level() {
    let policy = RefreshPolicy { reuse_window: Duration::ZERO, lost_answer: LostAnswer::Refuse };
    let refresh = Refresh { presented: token(1, "1"), seen: 0, next: next("2"), policy };
    let after = relevelled(&decide(&fresh(at(0)), &refresh, at(100_000)).1.unwrap()).unwrap();
    assert_eq!(decide(&after, &refresh, at(101_000)), (Verdict::Rotate, None));
}

#[test]
fn the_void_access_tokens_of_another_level_are_known_for_another_application() {
    let kept = fresh(at(0)).keeping_access_tokens();
    let refresh = Refresh { presented: token(1, "1"), seen: 0, next: next("2"), policy: POLICY };
    let kept = decide(&kept, &refresh, at(100_000)).1.unwrap();
    let after = relevelled(&kept).unwrap();
    let void: Vec<_> = after.void_access_tokens().into_iter().map(|token| token.jti).collect();
    assert_eq!(void, ["access 1", "access 2"]);
    assert_eq!(relevelled(&rotated()).unwrap().void_access_tokens(), []);
}

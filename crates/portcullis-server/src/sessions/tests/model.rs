//! The rule against everything that can happen to a session: tabs, lost answers, late copies, clocks.

use proptest::prelude::*;

use super::{at, fresh, next};
use crate::sessions::*;

const WINDOW_MILLIS: u64 = 30_000;
const POLICY: RefreshPolicy =
    RefreshPolicy { reuse_window: Duration::from_millis(WINDOW_MILLIS), lost_answer: LostAnswer::Forgive };

/// A server with one session, and every token that it ever gave out.
struct World {
    session: Session,
    now: u64,
    given: Vec<RefreshId>,
    /// The user's access level, as it was counted up.
    level: u32,
    /// The access tokens, each as its generation and the level that it says.
    access: Vec<(u32, u32)>,
}

impl World {
    fn new() -> Self {
        let session = fresh(at(0));
        Self { given: vec![session.head.refresh.clone()], session, now: 0, level: 0, access: vec![(1, 0)] }
    }

    /// The user gets another access level.
    fn relevel(&mut self) {
        self.level += 1;
        self.session = relevelled(&self.session).unwrap_or_else(|| self.session.clone());
    }

    /// Presents a token on a node whose clock is off; answers with the pair, if there is one.
    fn present(&mut self, token: &RefreshId, off: i64) -> (Verdict, Option<RefreshId>) {
        let now = at(self.now.saturating_add_signed(off));
        let refresh = Refresh {
            presented: token.clone(),
            seen: 0,
            next: next(&format!("n{}", self.given.len())),
            policy: POLICY,
        };
        let (verdict, changed) = decide(&self.session, &refresh, now);
        if let Some(changed) = changed {
            self.session = changed;
        }
        let pair = matches!(verdict, Verdict::Repeat | Verdict::Rotate | Verdict::Reissue)
            .then(|| self.session.head.refresh.clone());
        self.given.extend(pair.clone().filter(|pair| !self.given.contains(pair)));
        self.access.extend(pair.as_ref().map(|pair| (pair.generation, self.level)));
        (verdict, pair)
    }

    /// An access token of a generation passes a verification, if it does.
    fn use_access(&mut self, token: &RefreshId) {
        if token.generation > self.session.void_access && self.session.ended.is_none() {
            self.session.seen = self.session.seen.max(token.generation);
        }
    }

    /// Whether two tokens are one, which may have got another number meanwhile.
    fn is(known: Option<&RefreshId>, token: &RefreshId) -> bool {
        known.is_some_and(|known| known.jti == token.jti)
    }
}

/// Owner and thief hold one token and take turns, each after a pause, on a node whose clock is off, and where it says so
/// with another access level; answers how the session has ended.
fn end_with_a_thief(thief_first: bool, turns: Vec<(u64, i64, bool)>) -> Option<EndReason> {
    let mut world = World::new();
    let mut held = [world.given[0].clone(), world.given[0].clone()];
    for (turn, (pause, off, level)) in turns.into_iter().enumerate() {
        world.now += pause;
        if level {
            world.relevel();
        }
        let whose = (turn + usize::from(thief_first)) % 2;
        if let (_, Some(pair)) = world.present(&held[whose].clone(), off) {
            held[whose] = pair;
        }
    }
    world.session.ended.map(|ended| ended.reason)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Any tokens, in any order, at any time, on nodes whose clocks differ, with other levels in between: what gets a pair is
    /// the head or its parent, all who get one get the same, generations only grow, and an end is for good. No access
    /// token that says an earlier level is good, and each is when it is given out.
    #[test]
    fn there_is_one_living_line(
        steps in proptest::collection::vec(
            (any::<prop::sample::Index>(), 0..90_000_u64, -2000..2000_i64, any::<bool>(), 0..6_u8), 1..60,
        ),
    ) {
        let mut world = World::new();
        for (which, pause, off, uses, levels) in steps {
            world.now += pause;
            for _ in 4..levels {
                world.relevel();
            }
            let (before, token) = (world.session.clone(), which.get(&world.given).clone());
            let (verdict, pair) = world.present(&token, off);
            let known = World::is(Some(&before.head.refresh), &token) || World::is(before.parent.as_ref(), &token);
            match pair {
                Some(pair) => {
                    prop_assert!(known && before.ended.is_none());
                    prop_assert_eq!(&pair, &world.session.head.refresh);
                    let grown = pair.generation - before.head.refresh.generation;
                    prop_assert_eq!(grown, u32::from(verdict != Verdict::Repeat));
                    prop_assert!(pair.generation > world.session.void_access);
                    if uses { world.use_access(&pair) }
                }
                None => prop_assert!(world.session.ended.is_some(), "a token that we gave out is never just refused"),
            }
            if before.ended.is_some() {
                prop_assert_eq!(&world.session, &before);
                continue;
            }
            for (generation, level) in &world.access {
                prop_assert!(*level == world.level || *generation <= world.session.void_access);
            }
        }
    }

    /// One client, several tabs with one memory, answers lost at random, pauses of any length, other levels at any time:
    /// nobody is logged out.
    #[test]
    fn a_lost_answer_never_ends_a_session(
        steps in proptest::collection::vec(
            (
                0..400_000_u64,
                any::<bool>(),
                any::<bool>(),
                proptest::collection::vec(-2000..2000_i64, 1..4),
                any::<bool>(),
            ),
            1..80,
        ),
    ) {
        let mut world = World::new();
        let mut held = world.given[0].clone();
        for (pause, lost, uses, tabs, level) in steps {
            world.now += pause;
            if level {
                world.relevel();
            }
            // The other tabs have read the memory before the first stored its answer, and ask within the window.
            let read_before = held.clone();
            // Each asks a node of its own, whose clock is off.
            for off in tabs {
                world.now += 100;
                let (verdict, pair) = world.present(&read_before, off);
                prop_assert!(pair.is_some(), "{:?} on a node that is {} ms off", verdict, off);
                if !lost {
                    held = pair.unwrap();
                }
            }
            // The new refresh token is stored before the new access token is used.
            if uses {
                world.use_access(&held);
            }
        }
        prop_assert!(world.session.ended.is_none());
    }

    /// Somebody has a copy of the owner's token and both go on, in any order and with any pauses beyond the window,
    /// and none ever uses an access token: the session ends, at the latest when each has come twice.
    #[test]
    fn with_a_thief_the_session_ends(
        thief_first in any::<bool>(),
        pauses in proptest::collection::vec((WINDOW_MILLIS..4_000_000, any::<bool>()), 4),
    ) {
        // BRR-11
        let turns = pauses.into_iter().map(|(pause, level)| (pause, 0, level)).collect();
        prop_assert_eq!(end_with_a_thief(thief_first, turns), Some(EndReason::Replayed));
    }

    /// The same on nodes whose clocks differ, with pauses that are beyond the window by each of them.
    #[test]
    fn with_a_thief_the_session_ends_on_whichever_nodes(
        thief_first in any::<bool>(),
        turns in proptest::collection::vec((WINDOW_MILLIS + 4000..4_000_000, -2000..2000_i64, any::<bool>()), 4),
    ) {
        prop_assert_eq!(end_with_a_thief(thief_first, turns), Some(EndReason::Replayed));
    }

    /// A token of before the last head that was seen ends the session at the first try.
    #[test]
    fn an_old_copy_ends_the_session_at_the_first_try(
        rotations in 2..12_usize,
        stolen in any::<prop::sample::Index>(),
        pause in WINDOW_MILLIS..4_000_000,
        level_every in 1..5_usize,
    ) {
        let mut world = World::new();
        for rotation in 0..rotations {
            world.now += pause;
            if rotation % level_every == 0 {
                world.relevel();
            }
            let head = world.session.head.refresh.clone();
            world.present(&head, 0).1.unwrap();
        }
        world.use_access(&world.session.head.refresh.clone());
        world.relevel();
        world.now += pause;
        let older = &world.given[..world.given.len() - 1];
        let copy = stolen.get(older).clone();
        prop_assert_eq!(world.present(&copy, 0).0, Verdict::Replayed);
    }

    /// The store was set back to an earlier state: tokens of the time that is gone are refused and end nothing, as long
    /// as the session stands where it stood.
    #[test]
    fn after_a_restore_no_token_of_the_lost_time_ends_the_session(lost_rotations in 1..6_usize) {
        let mut world = World::new();
        let kept = world.session.clone();
        for _ in 0..lost_rotations {
            world.now += WINDOW_MILLIS;
            let head = world.session.head.refresh.clone();
            world.present(&head, 0).1.unwrap();
        }
        let newest = world.session.head.refresh.clone();
        world.session = kept.clone();
        prop_assert_eq!(world.present(&newest, 0), (Verdict::Ahead, None));
        prop_assert_eq!(&world.session, &kept);
    }
}

/// What the design says of a thief and an owner who take turns, with nothing ever seen: the owner's next refresh.
#[test]
fn thief_and_owner_taking_turns_end_it_at_the_owners_next_refresh() {
    let mut world = World::new();
    let stolen = world.given[0].clone();
    world.now += WINDOW_MILLIS;
    let (_, owners) = world.present(&stolen, 0);
    world.now += WINDOW_MILLIS;
    assert_eq!(world.present(&stolen, 0).0, Verdict::Reissue, "the thief is taken for a lost answer");
    world.now += 1;
    assert_eq!(world.present(&owners.unwrap(), 0).0, Verdict::Replayed, "and the owner holds a void head");
}

//! Sets of keys: who verifies what, and how a set is exchanged while requests run.

use std::{sync::Arc, thread};

use portcullis::{Algorithm, AuthError, IssueError, JwsError, JwtManager, Key, KeyError, KeySet};

use super::made::{ALL, Pair, key, manager};
use crate::common::clock;

#[test]
fn one_set_verifies_every_algorithm_by_its_key() {
    let all = ALL.into_iter().fold(KeySet::verify_only([]), |set, algorithm| set.and(key(algorithm)));
    let reader = manager(all);
    for algorithm in ALL {
        let token = manager(key(algorithm)).access("alice").sign().unwrap();
        assert!(reader.verify(token.as_str()).is_ok(), "{algorithm}");
    }
    assert!(matches!(reader.access("alice").sign(), Err(IssueError::NoSigningKey)));
}

#[test]
fn a_rotation_leaves_no_request_without_its_key() {
    // JWT-37
    let (old, new) = (Pair::new(Algorithm::ES256).key(), Pair::new(Algorithm::ES256).key());
    let jwt = manager(old.clone());
    let clone = jwt.clone();
    let before = jwt.access("alice").sign().unwrap();
    jwt.replace_keys(KeySet::new(new.clone()).and(old.verifying())).unwrap();
    let after = clone.access("alice").sign().unwrap();
    assert!(manager(new.clone()).verify(after.as_str()).is_ok(), "signed by the new one, by clones too");
    assert!(clone.verify(before.as_str()).is_ok());
    // KEY-05: then the old one is gone, from the memory of verified tokens too.
    jwt.replace_keys(new).unwrap();
    assert_eq!(clone.verify(before.as_str()).unwrap_err(), AuthError::Jws(JwsError::Signature));
    assert!(clone.verify(after.as_str()).is_ok());
}

#[test]
fn an_exchange_is_whole_for_every_request() {
    let (one, two) = (Key::hs256([1; 32]).unwrap(), Key::hs256([2; 32]).unwrap());
    let jwt = manager(KeySet::new(one.clone()).and(two.clone()));
    let good =
        [manager(one.clone()), manager(two.clone())].map(|it| it.access("a").sign().unwrap().into_string());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let token = jwt.access("a").sign().unwrap();
                    assert!(good.iter().all(|token| jwt.verify(token).is_ok()));
                    assert!(jwt.verify(token.as_str()).is_ok());
                }
            });
        }
        for turn in 0..500 {
            let (first, second) = if turn % 2 == 0 { (&two, &one) } else { (&one, &two) };
            jwt.replace_keys(KeySet::new(first.clone()).and(second.clone())).unwrap();
        }
    });
}

#[test]
fn keys_that_no_token_would_reach_are_a_mistake() {
    let secret = |n: u8| Key::hs256([n; 32]).unwrap();
    let four = || KeySet::new(secret(0)).and(secret(1)).and(secret(2)).and(secret(3));
    let jwt = manager(four());
    assert_eq!(jwt.replace_keys(four().and(secret(4))), Err(KeyError::TooMany));
    assert!(JwtManager::builder(four().and(secret(4))).build().is_err());
    // With an id each can be reached, and keys of another algorithm stand apart.
    let named = |n: u8| secret(n).with_kid(n.to_string()).unwrap();
    assert_eq!(jwt.replace_keys((5..20).fold(four(), |set, n| set.and(named(n)))), Ok(()));
    assert_eq!(jwt.replace_keys(four().and(Key::hs512([9; 64]).unwrap())), Ok(()));
}

#[test]
fn a_set_shows_nothing_of_its_keys() {
    let jwt = JwtManager::builder(Key::hs256([b'k'; 32]).unwrap()).clock(Arc::new(clock())).build().unwrap();
    assert!(!format!("{:?} {jwt:?}", jwt.key_set()).contains("kkkk"));
}

#[test]
fn the_same_token_again_has_the_same_csrf_value_where_signatures_are_the_same() {
    for algorithm in [Algorithm::EdDSA, Algorithm::RS256] {
        let (jwt, same) = (manager(key(algorithm)), manager(key(algorithm)));
        let of = |jwt: &JwtManager, id: &str| jwt.refresh("alice").id(id).csrf().sign().unwrap();
        let (first, again) = (of(&jwt, "one"), of(&same, "one"));
        assert_eq!((first.as_str(), first.csrf()), (again.as_str(), again.csrf()));
        assert_ne!(first.csrf(), of(&jwt, "two").csrf());
    }
    // Where they are not, a key has one value for a name all the same.
    let jwt = manager(key(Algorithm::ES256));
    let of = |jwt: &JwtManager| jwt.refresh("alice").id("one").csrf().sign().unwrap();
    assert_eq!(of(&jwt).csrf(), of(&jwt).csrf());
    assert_ne!(of(&jwt).csrf(), of(&manager(key(Algorithm::ES256))).csrf());
}

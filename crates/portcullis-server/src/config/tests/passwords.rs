//! How cheap a hash and how short a password may be, by profile.

use super::Start;

fn argon2(memory: u32, passes: u32) -> Start {
    Start::with_file(format!("PASSWORD_ARGON2_MEMORY_KIB = {memory}\nPASSWORD_ARGON2_PASSES = {passes}\n"))
}

#[test]
fn the_pairs_of_owasp_and_more_are_taken() {
    // PWD-09
    let pairs = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
    for (memory, passes) in pairs {
        for profile in ["production", "development"] {
            for (more, longer) in [(0, 0), (1, 0), (0, 1), (1000, 2)] {
                argon2(memory + more, passes + longer).profile(profile).config();
            }
            let one_kib_less = argon2(memory - 1, passes).profile(profile).problems();
            assert!(one_kib_less.contains("KiB and passes of at least one of"), "{one_kib_less}");
        }
        argon2(memory - 1, passes).profile("testing").config();
    }
    // What is between two pairs is as strong as neither.
    for (memory, passes) in [(47_103, 1), (19_455, 2), (262_144, 0), (7_167, 20)] {
        assert!(!argon2(memory, passes).problems().is_empty());
    }
}

#[test]
fn hashes_are_not_cheap_outside_tests() {
    // PWD-09
    insta::assert_snapshot!(argon2(64, 1).problems(), @"instance/application.cfg:1: PASSWORD_ARGON2_MEMORY_KIB: expected, together with PASSWORD_ARGON2_PASSES (instance/application.cfg:2), KiB and passes of at least one of 47104 and 1, 19456 and 2, 12288 and 3, 9216 and 4, 7168 and 5 in the production profile, found 64 and 1");
    insta::assert_snapshot!(argon2(64, 1).profile("development").problems(), @"instance/application.cfg:1: PASSWORD_ARGON2_MEMORY_KIB: expected, together with PASSWORD_ARGON2_PASSES (instance/application.cfg:2), KiB and passes of at least one of 47104 and 1, 19456 and 2, 12288 and 3, 9216 and 4, 7168 and 5 in the development profile, found 64 and 1");
    argon2(64, 1).profile("testing").config();
    // The other one is the default: told where somebody wrote something.
    let passes = Start::with_file("PASSWORD_ARGON2_PASSES = 1\n").problems();
    let told = "instance/application.cfg:1: PASSWORD_ARGON2_PASSES: expected, together with \
                PASSWORD_ARGON2_MEMORY_KIB (default.toml:";
    assert!(passes.starts_with(told) && passes.ends_with("found 19456 and 1"), "{passes}");
    let memory = Start::without_file().variables(&[("PASSWORD_ARGON2_MEMORY_KIB", "19455")]).problems();
    let told =
        "variable PASSWORD_ARGON2_MEMORY_KIB: expected, together with PASSWORD_ARGON2_PASSES (default.toml:";
    assert!(memory.starts_with(told) && memory.ends_with("found 19455 and 2"), "{memory}");
}

#[test]
fn pbkdf2_has_owasps_rounds_outside_tests_also_beside_flask() {
    for beside in ["", "FLASK_BESIDE = true\n"] {
        let rounds = |rounds: u32| Start::with_file(format!("PASSWORD_PBKDF2_ROUNDS = {rounds}\n{beside}"));
        insta::allow_duplicates! {
            insta::assert_snapshot!(rounds(599_999).problems(), @"instance/application.cfg:1: PASSWORD_PBKDF2_ROUNDS: expected at least 600000 in the production profile, found 599999");
        }
        assert_eq!(rounds(600_000).config().pbkdf2_rounds.get(), 600_000);
        assert_eq!(rounds(1).profile("testing").config().pbkdf2_rounds.get(), 1);
    }
    assert!(
        Start::with_file("PASSWORD_PBKDF2_ROUNDS = 1\n").profile("development").problems().contains("600000")
    );
}

#[test]
fn hashes_are_not_dearer_than_what_is_verified() {
    Start::with_file("PASSWORD_ARGON2_MEMORY_KIB = 262144\n").config();
    insta::assert_snapshot!(Start::with_file("PASSWORD_ARGON2_MEMORY_KIB = 262145\n").problems(), @"instance/application.cfg:1: PASSWORD_ARGON2_MEMORY_KIB: expected a whole number from 8 to 262144, found 262145");
    Start::with_file("PASSWORD_PBKDF2_ROUNDS = 10000000\n").config();
    insta::assert_snapshot!(Start::with_file("PASSWORD_PBKDF2_ROUNDS = 10000001\n").problems(), @"instance/application.cfg:1: PASSWORD_PBKDF2_ROUNDS: expected a whole number from 1 to 10000000, found 10000001");
}

#[test]
fn short_passwords_are_refused_in_production_and_a_visible_choice_elsewhere() {
    // PWD-01
    let of = |length: usize, profile| {
        Start::with_file(format!("PASSWORD_MIN_LENGTH = {length}\n")).profile(profile)
    };
    insta::assert_snapshot!(of(7, "production").problems(), @"instance/application.cfg:1: PASSWORD_MIN_LENGTH: a password of 7 characters can be guessed: take at least 8");
    insta::assert_snapshot!(of(7, "development").good().1.join("\n"), @"instance/application.cfg:1: PASSWORD_MIN_LENGTH: a password of 7 characters can be guessed: take at least 8");
    assert_eq!(of(1, "testing").good().1, Vec::<String>::new());
    for profile in ["production", "development"] {
        assert_eq!(Start::without_file().profile(profile).config().password_min_length, 8);
        assert_eq!(of(8, profile).good().1, Vec::<String>::new());
    }
}

//! The settings of limits and locks.

use super::*;

#[test]
fn all_of_them_have_the_defaults_of_the_page() {
    let config = Start::without_file().config();
    let limits = config.limits;
    let rate = |text: &str| text.parse::<Rate>().unwrap();
    assert_eq!((limits.switch, config.device_cookie), (LimitsSwitch::On, true));
    assert_eq!(limits.login_by_address_and_name, rate("5, 1/min"));
    assert_eq!(limits.login_by_address, rate("20, 20/min"));
    assert_eq!(limits.login_by_name, rate("30, 60/h"));
    assert_eq!(limits.login_by_device, rate("5, 1/min"));
    assert_eq!((limits.registration, limits.refresh_failures), (rate("3, 3/h"), rate("30, 30/min")));
    let names = (limits.login_names, limits.login_names_window.as_secs(), limits.login_names_block.as_secs());
    assert_eq!(names, (20, 600, 900));
    let lock =
        (config.lock_after_failures, config.lock_first_delay.as_secs(), config.lock_max_delay.as_secs());
    assert_eq!(lock, (5, 1, 900));
}

#[test]
fn a_rate_has_one_notation_in_every_source() {
    let start = Start::with_file("LIMIT_LOGIN_BY_NAME = '100000,7/m'\n")
        .variables(&[("LIMIT_REGISTRATION", "10, 100/h"), ("LIMITS", "off")]);
    let config = start.config();
    let Rate { burst, more, per } = config.limits.login_by_name;
    assert_eq!((burst.get(), more.get(), per), (100_000, 7, Per::Minute));
    let Rate { burst, more, per } = config.limits.registration;
    assert_eq!((burst.get(), more.get(), per), (10, 100, Per::Hour));
    assert_eq!(config.limits.switch, LimitsSwitch::Off);
    assert!(shown(&config, "LIMIT_REGISTRATION").starts_with("LIMIT_REGISTRATION = \"10, 100/h\"  # "));
}

#[test]
fn what_is_no_rate_is_told_how_one_is_written() {
    for (value, says) in [
        ("'5'", "as \"5, 1/min\", found \"5\""),
        ("'5, 1'", "as \"5, 1/min\""),
        ("'5, 1/day'", "in each s, min or h"),
        ("'5 1/min'", "as \"5, 1/min\""),
        ("'+5, 1/min'", "as \"5, 1/min\""),
        ("'five, 1/min'", "as \"5, 1/min\""),
        ("'5, 1/min, 3/h'", "as \"5, 1/min\""),
        ("'0, 1/min'", "expected numbers from 1 to 100000"),
        ("'5, 0/min'", "expected numbers from 1 to 100000"),
        ("'100001, 1/min'", "expected numbers from 1 to 100000"),
        ("'5, 99999999999999999999/min'", "expected numbers from 1 to 100000"),
        ("5", "expected a text in quotes"),
    ] {
        let problems = Start::with_file(format!("LIMIT_LOGIN_BY_NAME = {value}\n")).problems();
        assert!(problems.starts_with("instance/application.cfg:1: LIMIT_LOGIN_BY_NAME: "), "{problems}");
        assert!(problems.contains(says), "{value}: {problems}");
    }
    assert!(Start::with_file("LIMITS = false\n").problems().contains("LIMITS: expected a text in quotes"));
    assert!(Start::with_file("LIMITS = 'no'\n").problems().contains("not one of on, off"));
    assert!(Start::with_file("LIMIT_LOGIN_NAMES = 0\n").problems().contains("from 1 to 10000"));
}

#[test]
fn a_lock_grows() {
    let problems = Start::with_file("LOCK_FIRST_DELAY = '1h'\n").problems();
    assert!(
        problems.contains("LOCK_MAX_DELAY: 900 s are less than the 3600 s of LOCK_FIRST_DELAY"),
        "{problems}"
    );
    Start::with_file("LOCK_FIRST_DELAY = '1h'\nLOCK_MAX_DELAY = '1h'\n").config();
    assert!(Start::with_file("LOCK_AFTER_FAILURES = 101\n").problems().contains("from 1 to 100"));
}

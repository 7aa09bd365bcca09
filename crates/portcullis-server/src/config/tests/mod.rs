//! The configuration as a whole: what `load` makes of files, variables and flags.

mod hostile;
mod key_pair;
mod limits;
mod passwords;
mod problems;
mod secrets;
mod together;
mod values;

use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;

const GOOD: &str = "0123456789abcdef0123456789abcdef";

/// An instance folder with an `application.cfg`, and sources around it.
struct Start {
    folder: TempDir,
    sources: Sources,
}

impl Start {
    fn with_file(text: impl AsRef<[u8]>) -> Self {
        let start = Self::without_file();
        fs::write(start.folder.path().join("application.cfg"), text).unwrap();
        start
    }

    fn without_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources { instance: folder.path().to_owned(), ..Sources::default() };
        Self { folder, sources }
    }

    fn variables(mut self, variables: &[(&str, &str)]) -> Self {
        self.sources.environment = variables.iter().copied().collect();
        self
    }

    fn profile(mut self, name: &str) -> Self {
        self.sources.profile = Some(name.to_owned());
        self
    }

    fn flag(mut self, setting: &'static str, flag: &str, value: &str) -> Self {
        let (flag, value) = (flag.to_owned(), value.to_owned());
        self.sources.command_line.push(Flag { setting, flag, value });
        self
    }

    fn good(&self) -> (Config, Vec<String>) {
        let (config, warnings) = load(&self.sources).unwrap_or_else(|problems| panic!("{problems}"));
        (config, warnings.iter().map(|warning| self.relative(warning)).collect())
    }

    fn config(&self) -> Config {
        self.good().0
    }

    fn problems(&self) -> String {
        match load(&self.sources) {
            Ok(_) => panic!(
                "nothing is wrong in {:?}",
                fs::read_to_string(self.folder.path().join("application.cfg"))
            ),
            Err(problems) => self.relative(&problems),
        }
    }

    /// A text with the temporary folder as `instance`.
    fn relative(&self, text: &impl ToString) -> String {
        text.to_string().replace(&self.folder.path().display().to_string(), "instance")
    }
}

fn shown(config: &Config, name: &str) -> String {
    config.settings().find(|shown| shown.name == name).unwrap().to_string()
}

#[test]
fn nothing_at_all_starts_in_production_on_sqlite() {
    let start = Start::without_file();
    let (config, warnings) = start.good();
    assert_eq!(config.profile, Profile::Production);
    assert_eq!(config.database, DatabaseUrl::Sqlite(start.folder.path().join("portcullis.sqlite3")));
    assert!(config.jwt.secret_key.is_none() && !config.jwt.accept_short_secret && warnings.is_empty());
}

#[test]
fn default_toml_sets_every_field_and_agrees_with_the_library() {
    let config = Start::without_file().config();
    let unset = Config::unset(Profile::Production, Path::new(""));
    let set = [
        config.listen != unset.listen,
        config.metrics_address != unset.metrics_address,
        config.client_address_header != unset.client_address_header,
        config.database != unset.database,
        config.registration != unset.registration,
        config.password_min_length != unset.password_min_length,
        config.password_common != unset.password_common,
        config.argon2_memory_kib != unset.argon2_memory_kib,
        config.argon2_passes != unset.argon2_passes,
        config.pbkdf2_rounds != unset.pbkdf2_rounds,
        config.legacy_refresh != unset.legacy_refresh,
        config.hash_queue != unset.hash_queue,
        config.body_limit != unset.body_limit,
        config.request_timeout != unset.request_timeout,
        config.header_read_timeout != unset.header_read_timeout,
        config.shutdown_grace != unset.shutdown_grace,
        config.shutdown_notice != unset.shutdown_notice,
        config.log_filter != unset.log_filter,
        config.max_connections != unset.max_connections,
    ];
    assert_eq!(set, [true; 19]);
    let without_default: Vec<_> =
        config.settings().filter(|shown| shown.value.is_none()).map(|shown| shown.name).collect();
    assert_eq!(
        without_default,
        [
            "TLS_CERT",
            "TLS_KEY",
            "MONGO_URI",
            "PASSWORD_SCHEME",
            "PASSWORD_UPGRADE",
            "JWT_SECRET_KEY",
            "SECRET_KEY",
            "JWT_PRIVATE_KEY",
            "JWT_PRIVATE_KEY_FILE",
            "JWT_PUBLIC_KEY",
            "JWT_PUBLIC_KEY_FILE",
            "JWT_IDENTITY_CLAIM",
            "JWT_ENCODE_ISSUER",
            "JWT_ACCESS_COOKIE_NAME",
            "JWT_REFRESH_COOKIE_NAME",
            "JWT_COOKIE_DOMAIN",
            "JWT_ACCESS_CSRF_COOKIE_NAME",
            "JWT_REFRESH_CSRF_COOKIE_NAME"
        ]
    );
    let library = JwtConfig { error_style: config.jwt.error_style, ..JwtConfig::default() };
    assert_eq!(format!("{:?}", config.jwt), format!("{library:?}"));
    assert_eq!(config.jwt.error_style, portcullis::ErrorStyle::Flask3);
}

#[test]
fn default_toml_lists_exactly_the_declared_settings() {
    let lines = include_str!("../../../config/default.toml").lines();
    let mut listed: Vec<_> = lines.filter_map(reference::documented).map(|(name, _)| name).collect();
    let mut declared: Vec<_> = settings::SETTINGS.iter().map(|setting| setting.name).collect();
    listed.sort_unstable();
    declared.sort_unstable();
    assert_eq!(listed, declared);
    let reference = reference();
    for row in reference.lines().filter(|line| line.starts_with("| `")) {
        assert!(!row.ends_with("|  |"), "{row}: has no text");
    }
}

#[test]
fn every_profile_is_good_by_itself() {
    for profile in Profile::ALL {
        let config = Start::without_file().profile(profile.name()).config();
        assert_eq!(config.profile, profile);
    }
    let testing = Start::without_file().profile("testing").config();
    assert_eq!((testing.password_min_length, testing.argon2_memory_kib), (4, 64));
    assert_eq!(testing.password_common, PasswordCommon::Allow);
}

#[test]
fn later_sources_win() {
    let start = Start::with_file("PASSWORD_MIN_LENGTH = 10\nPASSWORD_QUEUE = 10\nBODY_LIMIT = 1000\n")
        .profile("testing")
        .variables(&[("PASSWORD_QUEUE", "20"), ("BODY_LIMIT", "2000")])
        .flag("BODY_LIMIT", "--body-limit", "3000");
    let config = start.config();
    assert_eq!((config.password_min_length, config.hash_queue, config.body_limit), (10, 20, 3000));
    let shown = |name| start.relative(&shown(&config, name));
    assert_eq!(shown("PASSWORD_MIN_LENGTH"), "PASSWORD_MIN_LENGTH = 10  # instance/application.cfg:1");
    assert_eq!(shown("PASSWORD_QUEUE"), "PASSWORD_QUEUE = 20  # variable PASSWORD_QUEUE");
    assert_eq!(shown("BODY_LIMIT"), "BODY_LIMIT = 3000  # --body-limit");
    assert!(shown("LOG_FILTER").starts_with("LOG_FILTER = \"warn\"  # testing.toml:"));
    assert!(shown("LISTEN").starts_with("LISTEN = \"127.0.0.1:5000\"  # default.toml:"));
    assert_eq!(shown("SECRET_KEY"), "# SECRET_KEY is not set");
}

#[test]
fn variables_give_texts_verbatim() {
    for secret in ["12345678", "007", "[x]", "true", " with blanks ", "a,b", "\\d", "'q'"] {
        let start = Start::without_file().profile("testing").variables(&[("JWT_SECRET_KEY", secret)]);
        assert_eq!(start.config().jwt.secret_key.unwrap().expose(), secret);
    }
    let start = Start::without_file().variables(&[
        ("JWT_DECODE_AUDIENCE", "one, two"),
        ("JWT_ENCODE_AUDIENCE", "one"),
        ("JWT_ENCODE_NBF", "False"),
        ("JWT_ACCESS_TOKEN_EXPIRES", "900"),
        ("JWT_DECODE_LEEWAY", "0"),
        ("JWT_HEADER_TYPE", ""),
        ("JWT_SECRET_KEYS_PREVIOUS", "['old, one', \"older\"]"),
    ]);
    let jwt = start.config().jwt;
    assert_eq!((jwt.decode_audience, jwt.encode_nbf), (vec!["one".to_owned(), "two".to_owned()], false));
    assert_eq!((jwt.access_token_expires.duration().as_secs(), jwt.header_type.as_str()), (900, ""));
    let previous: Vec<_> = jwt.secret_keys_previous.iter().map(portcullis::Secret::expose).collect();
    assert_eq!(previous, ["old, one", "older"]);
}

#[test]
fn variables_are_shown_as_the_file_would_have_them() {
    let config = Start::without_file()
        .variables(&[
            ("JWT_DECODE_AUDIENCE", "one, 2"),
            ("JWT_ENCODE_AUDIENCE", "2"),
            ("JWT_ENCODE_NBF", "False"),
            ("LOG_FILTER", "info,hyper=warn"),
            ("REQUEST_TIMEOUT", "5s"),
        ])
        .config();
    let value = |name| shown(&config, name).split("  #").next().unwrap().to_owned();
    assert_eq!(value("JWT_DECODE_AUDIENCE"), "JWT_DECODE_AUDIENCE = [\"one\", \"2\"]");
    assert_eq!(value("JWT_ENCODE_NBF"), "JWT_ENCODE_NBF = false");
    assert_eq!(value("LOG_FILTER"), "LOG_FILTER = \"info,hyper=warn\"");
    assert_eq!(value("REQUEST_TIMEOUT"), "REQUEST_TIMEOUT = \"5s\"");
}

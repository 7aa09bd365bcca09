//! Names that are not ours: those of Flask and its extensions, which have no effect here, and near misses.

use super::settings::SETTINGS;

/// The variables that name a profile, the stronger first.
pub(super) const PROFILE_VARIABLES: [&str; 2] = ["PORTCULLIS_ENV", "FLASK_ENV"];

/// The keys that can also stand in a file of their own, each with the setting of the file's path.
pub(super) const KEY_FILES: [(&str, &str); 2] =
    [("JWT_PRIVATE_KEY", "JWT_PRIVATE_KEY_FILE"), ("JWT_PUBLIC_KEY", "JWT_PUBLIC_KEY_FILE")];

/// The other of two names or two forms of one thing: the later source of either wins.
pub(super) fn twin(name: &str) -> Option<&'static str> {
    [("DATABASE_URL", "MONGO_URI")].into_iter().chain(KEY_FILES).find_map(|pair| match pair {
        (one, other) if one == name => Some(other),
        (other, one) if one == name => Some(other),
        _ => None,
    })
}

/// The setting of the file that a key can also stand in.
pub(super) fn file_of_key(name: &str) -> Option<&'static str> {
    KEY_FILES.into_iter().find(|(key, _)| *key == name).map(|(_, file)| file)
}

/// Whether Flask or one of the extensions of the application we take over from reads this name.
pub(super) fn is_flask(name: &str) -> bool {
    FLASK.contains(&name)
}

/// Whether other programs commonly use this name for something else, although it is spelt like one of ours.
pub(super) fn is_foreign(name: &str) -> bool {
    ["AWS_SECRET_KEY", "LOG_FILE"].contains(&name)
}

/// The setting that a wrong name most likely means.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    /// A longer name is no slip of the finger.
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let likeness = |ours: &&str| strsim::jaro_winkler(&upper, ours);
    let best =
        SETTINGS.iter().map(|setting| setting.name).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) > 0.8).then_some(best)
}

const FLASK: &[&str] = &[
    // Flask-JWT-Extended, 3.18 to 4.7.
    "JWT_BLACKLIST_ENABLED",
    "JWT_BLACKLIST_TOKEN_CHECKS",
    "JWT_CLAIMS_IN_REFRESH_TOKEN",
    "JWT_CSRF_HEADER_NAME",
    "JWT_USER_CLAIMS",
    "JWT_VERIFY_SUB",
    // Flask.
    "APPLICATION_ROOT",
    "DEBUG",
    "ENV",
    "EXPLAIN_TEMPLATE_LOADING",
    "JSON_AS_ASCII",
    "JSON_SORT_KEYS",
    "JSONIFY_MIMETYPE",
    "JSONIFY_PRETTYPRINT_REGULAR",
    "LOGGER_HANDLER_POLICY",
    "LOGGER_NAME",
    "MAX_CONTENT_LENGTH",
    "MAX_COOKIE_SIZE",
    "MAX_FORM_MEMORY_SIZE",
    "MAX_FORM_PARTS",
    "PERMANENT_SESSION_LIFETIME",
    "PREFERRED_URL_SCHEME",
    "PRESERVE_CONTEXT_ON_EXCEPTION",
    "PROPAGATE_EXCEPTIONS",
    "PROVIDE_AUTOMATIC_OPTIONS",
    "SECRET_KEY_FALLBACKS",
    "SEND_FILE_MAX_AGE_DEFAULT",
    "SERVER_NAME",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_PARTITIONED",
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_SAMESITE",
    "SESSION_COOKIE_SECURE",
    "SESSION_REFRESH_EACH_REQUEST",
    "TEMPLATES_AUTO_RELOAD",
    "TESTING",
    "TRAP_BAD_REQUEST_ERRORS",
    "TRAP_HTTP_EXCEPTIONS",
    "TRUSTED_HOSTS",
    "USE_X_SENDFILE",
    // Flask-PyMongo, 0.x to 3.
    "MONGO_AUTH_MECHANISM",
    "MONGO_AUTH_SOURCE",
    "MONGO_AUTO_START_REQUEST",
    "MONGO_CONNECT",
    "MONGO_CONNECT_TIMEOUT_MS",
    "MONGO_CURSORCLASS",
    "MONGO_DBNAME",
    "MONGO_DOCUMENT_CLASS",
    "MONGO_HOST",
    "MONGO_MAX_POOL_SIZE",
    "MONGO_OPTIONS",
    "MONGO_PASSWORD",
    "MONGO_PORT",
    "MONGO_READ_PREFERENCE",
    "MONGO_REPLICA_SET",
    "MONGO_SERVER_SELECTION_TIMEOUT_MS",
    "MONGO_SOCKET_TIMEOUT_MS",
    "MONGO_SSL",
    "MONGO_TZ_AWARE",
    "MONGO_USERNAME",
    // Flask-RESTful.
    "BUNDLE_ERRORS",
    "ERROR_404_HELP",
    "HTTP_BASIC_AUTH_REALM",
    "RESTFUL_JSON",
];

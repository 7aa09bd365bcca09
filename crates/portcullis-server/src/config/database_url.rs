//! The URL of the database, read as far as choosing a store needs; its credentials are never shown.

use std::{
    fmt,
    net::Ipv6Addr,
    path::{Path, PathBuf},
};

use portcullis::Secret;

use super::value::Refusal;

/// Where users and sessions are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file; a relative path has been joined to the instance folder.
    Sqlite(PathBuf),
    /// A MongoDB.
    Mongo(MongoUrl),
}

/// The URL of a MongoDB. Shown without its credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct MongoUrl(Secret);

impl MongoUrl {
    /// The whole URL, credentials included. The name says what the caller does.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Display for MongoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(self.0.expose()))
    }
}

impl fmt::Debug for MongoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const EXPECTED: &str = "expected sqlite: and a path, or a mongodb: URL";

impl DatabaseUrl {
    /// Reads a URL; a relative path of SQLite is one within the instance folder.
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub(super) fn parse(text: &str, instance: &Path) -> Result<Self, Refusal> {
        match text.split_once(':') {
            Some(("sqlite", path)) => sqlite(path, instance),
            Some(("mongodb" | "mongodb+srv", rest)) => mongo(text, rest),
            Some((scheme, rest)) if rest.starts_with("//") && is_scheme(scheme) => {
                Err(format!("{scheme}: is no database that portcullis knows; {EXPECTED}"))
            }
            _ => Err(EXPECTED.into()),
        }
    }
}

fn sqlite(path: &str, instance: &Path) -> Result<DatabaseUrl, Refusal> {
    let refused = |why: &str| Err(format!("{why}; write sqlite:name.sqlite3 or sqlite:/folder/name.sqlite3"));
    match path {
        "" => refused("sqlite: without a path names no file"),
        ":memory:" => refused("a database in memory would forget every user and every logout"),
        path if path.starts_with("//") => refused("sqlite:// is read in several ways"),
        path if path.ends_with('/') => refused("a path that ends in a slash is a folder"),
        path if path.contains(['?', '\0']) => refused("sqlite: takes no options"),
        path => Ok(DatabaseUrl::Sqlite(instance.join(path))),
    }
}

fn mongo(url: &str, rest: &str) -> Result<DatabaseUrl, Refusal> {
    let refused = |why: &str| Err(format!("{why}; write mongodb://host:27017/name"));
    let Some(rest) = rest.strip_prefix("//") else {
        return refused("the URL names no host");
    };
    let (_, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
    match hosts(rest) {
        "" => refused("the URL names no host"),
        hosts if hosts.split(',').all(is_host) => Ok(DatabaseUrl::Mongo(MongoUrl(Secret::new(url)))),
        _ => Err("what stands behind the // is no host[:port]; a name and a password go before an @, as in \
                  mongodb://name:password@host:27017/name"
            .into()),
    }
}

/// The hosts of what follows the credentials.
fn hosts(rest: &str) -> &str {
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// Whether a text is `host`, `host:port`, an IPv6 address in brackets, or the escaped path of a socket.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => ("v6", port),
        _ => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"-._%".contains(&b);
    let port = match port.strip_prefix(':') {
        Some(number) => number.bytes().all(|b| b.is_ascii_digit()) && number.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    !name.is_empty() && name.bytes().all(letters) && port
}

fn is_scheme(text: &str) -> bool {
    text.len() <= 20
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
}

/// A URL as it may be shown: no credentials, and no option that could hold one.
pub(super) fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return match url.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{path}"),
            None => "[redacted]".into(),
        };
    };
    // The last @, since a password may wrongly hold one unescaped, and rather too much is hidden.
    let (user, rest) = match rest.rsplit_once('@') {
        None => (String::new(), rest),
        Some((credentials, rest)) => match credentials.split_once(':') {
            Some((user, _)) => (format!("{user}:[redacted]@"), rest),
            None => ("[redacted]@".to_owned(), rest),
        },
    };
    if !hosts(rest).split(',').all(is_host) {
        // Most likely credentials whose @ is missing.
        return format!("{scheme}://[redacted]");
    }
    let Some((place, options)) = rest.split_once('?') else {
        return format!("{scheme}://{user}{rest}");
    };
    let options: Vec<_> = options.split('&').map(redacted_option).collect();
    format!("{scheme}://{user}{place}?{}", options.join("&"))
}

fn redacted_option(option: &str) -> String {
    const HARMLESS: [&str; 34] = [
        "appname",
        "authmechanism",
        "authsource",
        "compressors",
        "connecttimeoutms",
        "directconnection",
        "heartbeatfrequencyms",
        "journal",
        "loadbalanced",
        "localthresholdms",
        "maxconnecting",
        "maxidletimems",
        "maxpoolsize",
        "maxstalenessseconds",
        "minpoolsize",
        "readconcernlevel",
        "readpreference",
        "replicaset",
        "retryreads",
        "retrywrites",
        "serverselectiontimeoutms",
        "sockettimeoutms",
        "srvmaxhosts",
        "srvservicename",
        "ssl",
        "tls",
        "tlsallowinvalidcertificates",
        "tlsallowinvalidhostnames",
        "tlscafile",
        "tlsinsecure",
        "uuidrepresentation",
        "w",
        "waitqueuetimeoutms",
        "wtimeoutms",
    ];
    match option.split_once('=') {
        Some((name, _)) if !HARMLESS.contains(&name.to_ascii_lowercase().as_str()) => {
            format!("{name}=[redacted]")
        }
        _ => option.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseUrl, Refusal> {
        DatabaseUrl::parse(text, Path::new("/srv/instance"))
    }

    #[test]
    fn a_relative_file_lies_in_the_instance_folder() {
        let file = |text| match parse(text) {
            Ok(DatabaseUrl::Sqlite(path)) => path.display().to_string(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(file("sqlite:portcullis.sqlite3"), "/srv/instance/portcullis.sqlite3");
        assert_eq!(file("sqlite:data/users.db"), "/srv/instance/data/users.db");
        assert_eq!(file("sqlite:/var/lib/users.db"), "/var/lib/users.db");
        for text in
            ["sqlite:", "sqlite::memory:", "sqlite://x", "sqlite:///x", "sqlite:x?mode=ro", "sqlite:data/"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mongodb_url_is_kept_whole_and_shown_without_credentials() {
        let shown = |text: &str| match parse(text) {
            Ok(DatabaseUrl::Mongo(url)) => {
                assert_eq!(url.expose(), text);
                assert_eq!(format!("{url:?}"), url.to_string());
                url.to_string()
            }
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(shown("mongodb://db:27017/flask_api_demo"), "mongodb://db:27017/flask_api_demo");
        assert_eq!(shown("mongodb://me:pw@h1,h2/db"), "mongodb://me:[redacted]@h1,h2/db");
        assert_eq!(shown("mongodb+srv://me:p@ss/w?rd@h/db"), "mongodb+srv://me:[redacted]@h/db");
        assert_eq!(shown("mongodb://token@h/db"), "mongodb://[redacted]@h/db");
        assert_eq!(
            shown("mongodb://h/db?replicaSet=rs0&tlsCertificateKeyFilePassword=pw"),
            "mongodb://h/db?replicaSet=rs0&tlsCertificateKeyFilePassword=[redacted]"
        );
    }

    #[test]
    fn what_is_no_host_is_refused_and_not_shown() {
        for text in
            ["mongodb://u:hidden", "mongodb://u:hid/den", "mongodb://h,u:hidden/db", "mongodb://h:/hidden"]
        {
            let refusal = parse(text).unwrap_err();
            assert!(refusal.contains("before an @") && !refusal.contains("hid"), "{refusal}");
            assert_eq!(redacted(text), "mongodb://[redacted]");
        }
        for text in ["mongodb://h", "mongodb://h:1,[::1]:2,[::1]/db", "mongodb://u:p@%2Ftmp%2Fm.sock/db"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_refusal_names_what_is_known_and_shows_nothing_else() {
        assert_eq!(
            parse("postgres://me:pw@h/db").unwrap_err(),
            "postgres: is no database that portcullis knows; expected sqlite: and a path, or a mongodb: URL"
        );
        for text in
            ["", "users.db", "me:pw@h", "mongodb:", "mongodb://", "mongodb://me:pw@", "Mongodb://me:pw@h"]
        {
            assert!(!parse(text).unwrap_err().contains("pw"), "{text}");
        }
    }
}

//! The Flask application and this service on one database: each has its own process, in the versions of 2019 and of
//! today, and each names users by id or by name.

use std::{
    io::{BufRead, BufReader},
    ops::Deref,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{SECRET, python};
use crate::{
    mongo::place::{Place, is_there},
    support::{Server, Site, instance},
};

const SIDES: [(&str, &str); 4] =
    [("3.18.1", "id"), ("3.18.1", "username"), ("4.7.4", "id"), ("4.7.4", "username")];

/// A running Flask application; killed when the test is over.
struct Flask {
    child: Child,
    site: Site,
}

impl Flask {
    fn start(version: &str, uri: &str, identity: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flask/seed.py");
        let mut command = Command::new(python(version));
        command.arg(script).args([SECRET, uri, identity]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.trim_end().strip_prefix("http://").expect("it says where it is").to_owned();
        Self { child, site: Site { address } }
    }

    /// Every document of a collection as pymongo reads it: texts, and the types of other fields.
    fn documents(&self, collection: &str) -> Vec<Value> {
        let (status, _, body) = self.request("GET", &format!("/documents/{collection}"), &[], "");
        assert_eq!(status, 200);
        body["documents"].as_array().unwrap().clone()
    }
}

impl Deref for Flask {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for Flask {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both of them on a database of their own.
struct Both {
    flask: Flask,
    ours: Server,
    settings: Vec<(&'static str, String)>,
    folder: TempDir,
    _place: Place,
}

impl Both {
    /// With settings for this service besides those that it needs to read the other's tokens.
    fn start((version, identity): (&str, &str), settings: &[(&'static str, &str)]) -> Self {
        let place = Place::new();
        let folder = instance(&format!("JWT_SECRET_KEY = '{SECRET}'\n"));
        let mut all = vec![("MONGO_URI", place.uri.clone()), ("JWT_IDENTITY", identity.to_owned())];
        if version.starts_with('3') {
            all.push(("JWT_IDENTITY_CLAIM", "identity".to_owned()));
        }
        all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let flask = Flask::start(version, &place.uri, identity);
        let ours = start(&folder, &all);
        Self { flask, ours, settings: all, folder, _place: place }
    }

    /// This service anew, with another setting.
    fn restart_with(&mut self, name: &'static str, value: &str) {
        self.settings.push((name, value.to_owned()));
        self.ours = start(&self.folder, &self.settings);
    }
}

fn start(folder: &TempDir, settings: &[(&str, String)]) -> Server {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start(folder.path(), &["--profile", "testing"], &settings)
}

fn somebody(name: &str) -> Value {
    json!({"username": name, "password": "correct horse"})
}

/// The pair that a registration, a login or a refresh gives out.
#[track_caller]
fn pair((status, body): (u16, Value)) -> (String, String) {
    assert!(matches!(status, 200 | 201), "{status} {body}");
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (text("access_token"), text("refresh_token"))
}

fn secret() -> (u16, Value) {
    (200, json!({"Hello": "Secret!"}))
}

fn revoked() -> (u16, Value) {
    (401, json!({"msg": "Token has been revoked"}))
}

#[test]
fn users_and_tokens_of_each_are_good_at_the_other() {
    if !is_there() {
        return;
    }
    for side in SIDES {
        let Both { flask, ours, .. } = &Both::start(side, &[("FLASK_BESIDE", "true")]);
        let theirs = pair(flask.post("/users/registration", &somebody("flo")));
        assert_eq!(ours.bearer("GET", "/tests/secret", &theirs.0), secret(), "{side:?}");
        assert_eq!(ours.bearer("GET", "/users/me", &theirs.0).1["username"], "flo", "{side:?}");
        assert_eq!(ours.post("/users/registration", &somebody("flo")).0, 409);
        let hash = flask.documents("users")[0]["password"].clone();
        pair(ours.post("/users/login", &somebody("flo")));
        assert_eq!(ours.post("/users/login", &json!({"username": "flo", "password": "wrong"})).0, 401);

        let (access, refresh) = pair(ours.post("/users/registration", &somebody("rosa")));
        assert_eq!(flask.bearer("GET", "/tests/secret", &access), secret(), "{side:?}");
        let (by_them, _) = pair(flask.bearer("POST", "/users/refresh", &refresh));
        assert_eq!(ours.bearer("GET", "/tests/secret", &by_them), secret(), "{side:?}");
        assert_eq!(ours.bearer("GET", "/users/me", &by_them).1["username"], "rosa");
        pair(flask.post("/users/login", &somebody("rosa")));
        assert_eq!(flask.post("/users/login", &json!({"username": "rosa", "password": "wrong"})).0, 401);
        assert_eq!(flask.documents("users")[0]["password"], hash, "hashes stay");
    }
}

#[test]
fn what_ends_here_is_refused_there() {
    if !is_there() {
        return;
    }
    for side in SIDES {
        let Both { flask, ours, .. } = &Both::start(side, &[("FLASK_BESIDE", "true")]);
        let theirs = pair(flask.post("/users/registration", &somebody("flo")));
        // The other's refresh token opens a session here, and is used up by that.
        let first = pair(ours.bearer("POST", "/users/refresh", &theirs.1));
        assert_eq!(flask.bearer("POST", "/users/refresh", &theirs.1), revoked(), "{side:?}");
        let again = pair(ours.bearer("POST", "/users/refresh", &theirs.1));
        assert_eq!(again, first, "here it is a retry");
        pair(flask.bearer("POST", "/users/refresh", &first.1));

        assert_eq!(ours.bearer("POST", "/users/logout", &first.0).0, 204);
        assert_eq!(flask.bearer("GET", "/tests/secret", &first.0), revoked(), "{side:?}");
        assert_eq!(flask.bearer("POST", "/users/refresh", &first.1), revoked(), "{side:?}");
        assert_eq!(ours.bearer("POST", "/users/refresh", &theirs.1), revoked());
        // A token of theirs that is ended here, and all sessions at once.
        assert_eq!(ours.bearer("POST", "/users/logout", &theirs.0).0, 204);
        assert_eq!(flask.bearer("GET", "/tests/secret", &theirs.0), revoked(), "{side:?}");
        let [one, other] = [(); 2].map(|()| pair(ours.post("/users/login", &somebody("flo"))));
        assert_eq!(ours.bearer("POST", "/users/logout?scope=all", &one.0).0, 204);
        for (access, refresh) in [one, other] {
            assert_eq!(flask.bearer("GET", "/tests/secret", &access), revoked(), "{side:?}");
            assert_eq!(flask.bearer("POST", "/users/refresh", &refresh), revoked(), "{side:?}");
        }
    }
}

#[test]
fn what_ended_there_is_refused_here_after_a_start() {
    if !is_there() {
        return;
    }
    let mut both = Both::start(("3.18.1", "id"), &[("FLASK_BESIDE", "true")]);
    let theirs = pair(both.flask.post("/users/registration", &somebody("flo")));
    let ours = pair(both.ours.post("/users/login", &somebody("flo")));
    for (access, refresh) in [&theirs, &ours] {
        assert_eq!(both.flask.bearer("POST", "/users/logout", access).0, 200);
        assert_eq!(both.flask.bearer("POST", "/users/logout/refresh", refresh).0, 200);
    }
    both.restart_with("LOG_FILTER", "warn");
    for (access, refresh) in [&theirs, &ours] {
        assert_eq!(both.ours.bearer("GET", "/tests/secret", access), revoked());
        assert_eq!(both.ours.bearer("POST", "/users/refresh", refresh), revoked());
    }
}

/// How long it may take until what the application revokes is refused here: a second, and what a busy machine adds.
const HEARD: Duration = Duration::from_secs(5);

#[test]
fn what_ends_there_is_refused_here() {
    if !is_there() {
        return;
    }
    for side in [SIDES[1], SIDES[2]] {
        let Both { flask, ours, .. } = &Both::start(side, &[("FLASK_BESIDE", "true")]);
        let theirs = pair(flask.post("/users/registration", &somebody("flo")));
        let of_ours = pair(ours.post("/users/login", &somebody("flo")));
        for (access, refresh) in [&theirs, &of_ours] {
            assert_eq!(ours.bearer("GET", "/tests/secret", access), secret());
            assert_eq!(flask.bearer("POST", "/users/logout", access).0, 200);
            assert_eq!(flask.bearer("POST", "/users/logout/refresh", refresh).0, 200);
            assert!(within(HEARD, || ours.bearer("GET", "/tests/secret", access) == revoked()), "{side:?}");
            assert!(
                within(HEARD, || ours.bearer("POST", "/users/refresh", refresh) == revoked()),
                "{side:?}"
            );
        }
    }
}

#[test]
fn what_stands_in_the_list_for_the_application_alone_is_not_heard_here() {
    if !is_there() {
        return;
    }
    let Both { flask, ours, .. } =
        &Both::start(SIDES[2], &[("FLASK_BESIDE", "true"), ("REFRESH_REUSE_WINDOW", "60s")]);
    let theirs = pair(flask.post("/users/registration", &somebody("flo")));
    let other = pair(flask.post("/users/login", &somebody("flo")));
    let first = pair(ours.bearer("POST", "/users/refresh", &theirs.1));
    assert_eq!(flask.bearer("POST", "/users/refresh", &theirs.1), revoked());
    // What comes later has been heard, so what came before has been read.
    assert_eq!(flask.bearer("POST", "/users/logout", &other.0).0, 200);
    assert!(within(HEARD, || ours.bearer("GET", "/tests/secret", &other.0) == revoked()));
    let (status, again) = ours.bearer("POST", "/users/refresh", &theirs.1);
    assert_eq!((status, pair((status, again))), (200, first), "a retry, and no revoked token");
}

#[test]
fn documents_have_the_applications_form() {
    if !is_there() {
        return;
    }
    for side in [SIDES[0], SIDES[2]] {
        let Both { flask, ours, .. } = &Both::start(side, &[("FLASK_BESIDE", "true")]);
        pair(flask.post("/users/registration", &somebody("flo")));
        let (access, _) = pair(ours.post("/users/registration", &somebody("rosa")));
        pair(ours.post("/users/login", &somebody("flo")));
        let form = json!({"_id": "ObjectId", "access": "int", "created_at": "datetime, naive"});
        for (document, name) in flask.documents("users").into_iter().zip(["flo", "rosa"]) {
            for (field, kind) in form.as_object().unwrap() {
                assert_eq!(document[field], *kind, "{side:?} {name} {field}");
            }
            let hash = document["password"].as_str().unwrap();
            assert!(hash.starts_with("$pbkdf2-sha256$"), "{hash}");
            assert_eq!((&document["username"], &document["name_key"]), (&json!(name), &json!(name)));
        }
        assert_eq!(ours.bearer("POST", "/users/logout", &access).0, 204);
        let revoked = flask.documents("revoked_tokens");
        assert_eq!(revoked.len(), 2);
        for document in revoked {
            assert_eq!(document["_id"], "ObjectId");
            assert_eq!(document["created_at"], "datetime, naive");
            assert_eq!(document["jti"].as_str().unwrap().len(), 36);
        }
    }
}

#[test]
fn taking_over_replaces_hashes_and_giving_back_writes_theirs_again() {
    if !is_there() {
        return;
    }
    let mut both = Both::start(("4.7.4", "id"), &[]);
    pair(both.flask.post("/users/registration", &somebody("flo")));
    pair(both.ours.post("/users/login", &somebody("flo")));
    assert!(hash_of_flo(&both, "$argon2id$"));
    let found = both.flask.post("/argon2/flo", &json!({"password": "correct horse"}));
    assert_eq!(found, (200, json!({"holds": true})), "passlib reads it");
    pair(both.ours.post("/users/login", &somebody("flo")));

    both.restart_with("PASSWORD_SCHEME", "pbkdf2_sha256");
    pair(both.ours.post("/users/login", &somebody("flo")));
    assert!(hash_of_flo(&both, "$pbkdf2-sha256$"));
    pair(both.flask.post("/users/login", &somebody("flo")));
    assert_eq!(both.flask.post("/users/login", &json!({"username": "flo", "password": "wrong"})).0, 401);
}

/// Waits for a hash of a form, which nobody does at the login.
fn hash_of_flo(both: &Both, form: &str) -> bool {
    within(Duration::from_secs(20), || {
        both.flask.documents("users")[0]["password"].as_str().unwrap().starts_with(form)
    })
}

/// Whether something comes to be within a time.
fn within(time: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut rhythm = tokio::time::interval(Duration::from_millis(20));
        let there = async {
            while !is_so() {
                rhythm.tick().await;
            }
        };
        tokio::time::timeout(time, there).await.is_ok()
    })
}

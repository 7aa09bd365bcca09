//! Permissions: claims by name and by path, scopes, and what a claim of another type gives, which is nothing.

use std::borrow::Cow;

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
    routing::get,
};
use portcullis::{AuthRejection, ErrorStyle, Guard as _, Jwt, JwtManager, Permission, Require};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::common::{configured, manager, token};

/// Whether a token with one claim besides the usual ones has a permission.
fn gives(permission: &Permission, claim: &str, value: &Value) -> bool {
    let jwt = manager();
    let claims = jwt.verify(&token(&[(claim, &value.to_string())])).unwrap();
    jwt.permits(&claims, permission)
}

#[test]
fn a_claim_may_be_named_by_its_path() {
    let admin = Permission::claim(["realm_access", "roles"], "admin");
    let gives = |value: Value| gives(&admin, "realm_access", &value);
    assert!(gives(json!({"roles": ["user", "admin"]})));
    assert!(gives(json!({"roles": "admin"})));
    for other in [
        json!({"roles": ["user"]}),
        json!({"roles": "admin,user"}),
        json!({"roles": ["admin", 1]}),
        json!({"roles": [["admin"]]}),
        json!({"roles": {"admin": true}}),
        json!({"roles": [{"roles": "admin"}]}),
        json!({"roles": true}),
        json!({"roles": 7}),
        json!({"roles": null}),
        json!({"realm_access": {"roles": ["admin"]}}),
        json!([{"roles": ["admin"]}]),
        json!(["roles", "admin"]),
        json!("admin"),
        json!(true),
        json!(1),
        json!(null),
    ] {
        assert!(!gives(other.clone()), "{other}");
    }
}

#[test]
fn a_path_goes_as_deep_as_it_says_and_a_name_with_a_dot_is_one_name() {
    let deep = Permission::claim(["a", "b", "c"], "x");
    assert!(gives(&deep, "a", &json!({"b": {"c": ["x"]}})));
    assert!(!gives(&deep, "a", &json!({"b": {"c": {"d": "x"}}})));
    assert!(!gives(&deep, "a", &json!({"b": ["x"]})));
    let dotted = Permission::claim("a.b", "x");
    assert!(gives(&dotted, "a.b", &json!("x")));
    assert!(!gives(&dotted, "a", &json!({"b": "x"})));
    let url = Permission::claim("https://api.example/roles", "admin");
    assert!(gives(&url, "https://api.example/roles", &json!(["admin"])));
    let nowhere: [&str; 0] = [];
    assert!(!gives(&Permission::claim(nowhere, "alice"), "a", &json!("alice")));
}

/// What a configuration has is a name or a list of names, owned or not.
#[test]
fn a_path_is_made_of_any_texts() {
    let name = String::from("role");
    for by_name in [
        Permission::claim("role", "admin"),
        Permission::claim(&name, "admin"),
        Permission::claim(name.clone(), "admin"),
        Permission::claim(Cow::Borrowed("role"), "admin"),
        Permission::claim(Cow::Owned::<str>(name.clone()), "admin"),
    ] {
        assert!(gives(&by_name, "role", &json!("admin")), "{by_name:?}");
        assert!(!gives(&by_name, "roles", &json!({"role": "admin"})), "{by_name:?}");
    }
    let names = vec![String::from("roles"), name];
    for by_path in [
        Permission::claim(["roles", "role"], "admin"),
        Permission::claim(vec!["roles", "role"], "admin"),
        Permission::claim(names.clone(), "admin"),
        Permission::claim(names.as_slice(), "admin"),
        Permission::claim(&["roles", "role"][..], "admin"),
        Permission::claim(vec![Cow::Borrowed("roles"), Cow::Borrowed("role")], "admin"),
    ] {
        assert!(gives(&by_path, "roles", &json!({"role": "admin"})), "{by_path:?}");
        assert!(!gives(&by_path, "role", &json!("admin")), "{by_path:?}");
    }
    // One name in a list is a path still, and none leads nowhere.
    assert!(gives(&Permission::claim(vec!["role"], "admin"), "role", &json!("admin")));
    assert!(!gives(&Permission::claim(Vec::<String>::new(), "admin"), "role", &json!("admin")));
}

#[test]
fn a_level_may_stand_deeper_and_is_an_integer() {
    let level = Permission::at_least(["app", "level"], 2);
    let gives = |value: Value| gives(&level, "app", &json!({"level": value}));
    assert!(gives(json!(2)) && gives(json!(3)));
    for other in [
        json!(1),
        json!(-2),
        json!(2.0),
        json!("2"),
        json!([2]),
        json!({"level": 2}),
        json!(true),
        json!(null),
    ] {
        assert!(!gives(other.clone()), "{other}");
    }
}

#[test]
fn a_scope_is_a_word_of_a_text() {
    let read = Permission::scope("read:users");
    for held in ["read:users", "openid read:users", "read:users write:users", " read:users", "a  read:users"]
    {
        assert!(gives(&read, "scope", &json!(held)), "{held}");
    }
    for other in [
        json!("read:user"),
        json!("read:users2"),
        json!("Read:Users"),
        json!("read:users,write:users"),
        json!("read:users\twrite:users"),
        json!("read:users\u{a0}x"),
        json!("\u{212a}read:users"),
        json!(""),
        json!(["read:users"]),
        json!([["read:users"]]),
        json!({"read:users": true}),
        json!(true),
        json!(1),
        json!(null),
    ] {
        assert!(!gives(&read, "scope", &other), "{other}");
    }
    // What is no scope is nobody's.
    for none in ["", " ", "a b"] {
        assert!(!gives(&Permission::scope(none), "scope", &json!("a b  c")), "{none:?}");
    }
}

/// 3.x keeps one's own claims in an object: there, and nowhere else, a name is looked for.
#[test]
fn a_name_is_a_claim_of_ones_own_wherever_the_manager_keeps_them() {
    let nested = configured(|config| config.user_claims = Some("user_claims".into()));
    let issued = nested.access("alice").claim("role", "admin").claim("access", 2).claim("scope", "a b");
    let claims = nested.verify(issued.sign().unwrap().as_str()).unwrap();
    let own = [Permission::role("admin"), Permission::at_least("access", 2), Permission::scope("b")];
    assert!(own.iter().all(|permission| nested.permits(&claims, permission)));
    assert!(!own.iter().any(|permission| manager().permits(&claims, permission)));
    let by_path = Permission::claim(["user_claims", "role"], "admin");
    assert!(nested.permits(&claims, &by_path) && manager().permits(&claims, &by_path));

    let has = |changes: &[(&str, &str)], permission: &Permission| {
        nested.permits(&nested.verify(&token(changes)).unwrap(), permission)
    };
    let beside = [("role", r#""admin""#), ("user_claims", r#"{"role":"user"}"#)];
    assert!(!has(&beside, &Permission::role("admin")), "a claim beside ours is none of its own");
    assert!(has(&beside, &Permission::role("user")));
    assert!(has(&beside, &Permission::claim(["role"], "admin")), "a path begins at the top");
    // A name that somebody else may choose is not taken for the library's.
    let shadow = [("user_claims", r#"{"sub":"root"}"#)];
    assert!(!has(&shadow, &Permission::claim(["sub"], "root")));
    for hostile in ["null", "true", "1", r#""admin""#, r#"["admin"]"#, r#"[{"role":"admin"}]"#, "{}"] {
        let changes = [("user_claims", hostile), ("role", r#""admin""#)];
        assert!(!has(&changes, &Permission::role("admin")), "{hostile}");
    }
    assert!(!has(&[("role", r#""admin""#)], &Permission::role("admin")));
}

#[tokio::test]
async fn a_guard_and_a_layer_find_nested_claims_too() {
    async fn purge(jwt: Jwt) -> Result<&'static str, AuthRejection> {
        jwt.permit(&Permission::role("admin"))?;
        Ok("purged")
    }
    let jwt = configured(|config| config.user_claims = Some("user_claims".into()));
    let under = Router::new().route("/layer", get(|| async { "in" })).layer(jwt.require().role("admin"));
    let app = Router::new().route("/guard", get(purge)).merge(under).with_state(jwt.clone());
    for (role, status) in [("admin", 200), ("user", 403)] {
        let token = jwt.access("alice").claim("role", role).sign().unwrap();
        for path in ["/guard", "/layer"] {
            assert_eq!(ask(app.clone(), path, token.as_str()).await.status(), status, "{path} {role}");
        }
    }
}

async fn ask(app: Router, path: &str, token: &str) -> Response<Body> {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// RFC 6750 section 3: the challenge of a 403 names the scopes that the route asks for.
#[tokio::test]
async fn a_refusal_names_the_scopes_in_every_style() {
    const LACKING: &str =
        r#"Bearer error="insufficient_scope", error_description="The token does not permit this""#;
    let challenge = |jwt: JwtManager, asked: Vec<Permission>| async move {
        let layer = asked.into_iter().fold(jwt.require(), portcullis::RequireLayer::permit);
        let app = Router::new().route("/", get(|| async { "in" })).layer(layer);
        let answer = ask(app, "/", jwt.access("alice").sign().unwrap().as_str()).await;
        assert_eq!(answer.status(), 403);
        answer.headers()["www-authenticate"].to_str().unwrap().to_owned()
    };
    let scope = Permission::scope;
    for style in [ErrorStyle::Flask3, ErrorStyle::Flask4, ErrorStyle::Problem] {
        let jwt = configured(|config| config.error_style = style);
        let said = challenge(jwt.clone(), vec![scope("read:users"), Permission::role("x"), scope("b")]).await;
        assert_eq!(said, format!(r#"{LACKING}, scope="read:users b""#));
    }
    for unsaid in
        [scope("a").or(scope("b")), scope("a\"b"), scope("a\\"), scope("é"), scope("a b"), scope("")]
    {
        assert_eq!(challenge(manager(), vec![unsaid]).await, LACKING);
    }
    assert_eq!(challenge(manager(), vec![Permission::role("admin")]).await, LACKING);
}

#[tokio::test]
async fn a_scope_lets_through_who_has_it() {
    async fn users(jwt: Jwt) -> Result<&'static str, AuthRejection> {
        jwt.permit(&Permission::scope("read:users"))?;
        Ok("alice, bob")
    }
    let jwt = manager();
    let under =
        Router::new().route("/layer", get(|| async { "in" })).layer(jwt.require().scope("read:users"));
    let app = Router::new().route("/guard", get(users)).merge(under).with_state(jwt.clone());
    for (held, status) in [("openid read:users", 200), ("openid", 403)] {
        let token = jwt.access("alice").claim("scope", held).sign().unwrap();
        for path in ["/guard", "/layer"] {
            let answer = ask(app.clone(), path, token.as_str()).await;
            assert_eq!(answer.status(), status, "{path} {held}");
            if status == 403 {
                let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
                assert!(challenge.ends_with(r#", scope="read:users""#), "{challenge}");
            }
        }
    }
}

/// What a reader of another order would take for something else is no token of ours.
#[test]
fn a_nested_member_that_is_there_twice_gives_nothing() {
    let twice = token(&[("realm_access", r#"{"roles":["user"],"roles":["admin"]}"#)]);
    assert!(manager().verify_as(&twice, Require::access()).is_err());
}

//! Every deliberate difference: which cases it is in, said of the case itself, and why.

use portcullis::Location;
use serde_json::Value;

use super::{answer::Got, case::Case};

/// What a difference may be taken for.
enum Sort {
    /// We refuse what they let through, or refuse it for another reason: it counts only where we refuse.
    Stricter,
    /// They answer 500; anything else is better.
    Crash,
    /// 3.18 had a rule of its own; a style decides status and text, behaviour is 4.7's.
    Old,
    /// We let through what they refuse: named here and nowhere else.
    Looser,
    /// Both refuse, the words are not ours.
    Words,
}

struct Difference {
    sort: Sort,
    reason: &'static str,
    is_in: fn(&Case<'_>) -> bool,
}

/// The reason why a case that does not hold does not have to.
pub(super) fn find(case: &Case<'_>, got: &Got) -> Option<&'static str> {
    let expected = case.expected();
    let possible = |sort: &Sort| match sort {
        Sort::Stricter => got.refuses(),
        Sort::Crash => expected["status"] == 500 && got.status() != Some(500),
        Sort::Old => case.is_3() && got.status() != Some(500),
        Sort::Looser => got.status() == Some(200),
        Sort::Words => {
            let (theirs, ours) = (expected["body"]["msg"].as_str(), got.text());
            got.status().map(u64::from) == expected["status"].as_u64()
                && theirs.zip(ours).is_some_and(|(theirs, ours)| before_colon(theirs) == before_colon(ours))
        }
    };
    let differences = DIFFERENCES.iter().filter(|it| possible(&it.sort) && (it.is_in)(case));
    differences.map(|it| it.reason).next()
}

fn before_colon(text: &str) -> &str {
    text.split(':').next().unwrap_or_default()
}

const DIFFERENCES: [Difference; 38] = [
    Difference {
        sort: Sort::Crash,
        reason: "they answer 500",
        is_in: |case| !case.expected()["server_error"].is_null(),
    },
    Difference {
        sort: Sort::Words,
        reason: "the text is a Python parser's",
        is_in: |case| {
            let text = case.expected()["body"]["msg"].as_str().unwrap_or_default();
            text.starts_with("Invalid payload string: ") || text.starts_with("Invalid header string: ")
        },
    },
    // Looser, and only these.
    Difference {
        sort: Sort::Looser,
        reason: "the scheme is taken in any letter case (RFC 9110 section 11.1)",
        is_in: |case| {
            let config = case.config();
            let scheme = config.get("JWT_HEADER_TYPE").and_then(Value::as_str).unwrap_or("Bearer");
            authorization(case).iter().any(|value| {
                let word = value.split_whitespace().next().unwrap_or_default();
                word.eq_ignore_ascii_case(scheme) && word != scheme
            })
        },
    },
    Difference {
        sort: Sort::Looser,
        reason: "3.18 knows one spelling of one JSON media type",
        is_in: |case| case.is_3() && !case.request()["content_type"].is_null(),
    },
    Difference {
        sort: Sort::Looser,
        reason: "a guard for either kind looks for the access token, then for the refresh token",
        is_in: |case| !case.verifies_type() && !authorization(case).iter().any(|value| !value.is_empty()),
    },
    // Configuration.
    Difference {
        sort: Sort::Old,
        reason: "JWT_CSRF_HEADER_NAME is gone since 4.0: access and refresh tokens have an option each",
        is_in: |case| case.config().contains_key("JWT_CSRF_HEADER_NAME"),
    },
    Difference {
        sort: Sort::Stricter,
        reason: "no token is read that was not verified (JWT-33)",
        is_in: |case| case.returns() == "call:get_unverified_jwt_headers",
    },
    Difference {
        sort: Sort::Stricter,
        reason: "a token always expires: a lifetime of zero or false is refused",
        is_in: |case| {
            let never = |value: &Value| *value == Value::Bool(false) || *value == 0 || value["seconds"] == 0;
            let config = case.config();
            let lifetimes = ["JWT_ACCESS_TOKEN_EXPIRES", "JWT_REFRESH_TOKEN_EXPIRES"];
            lifetimes.iter().filter_map(|name| config.get(*name)).any(never)
                || case.tokens().any(|(_, spec)| never(&spec["expires_delta"]))
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "an algorithm that does not exist is refused when the configuration is read",
        is_in: |case| {
            case.config()
                .get("JWT_ALGORITHM")
                .is_some_and(|name| serde_json::from_value::<portcullis::Algorithm>(name.clone()).is_err())
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "a key has one algorithm: to accept one that no key has is refused when read",
        is_in: |case| {
            let config = case.config();
            let accepted = config.get("JWT_DECODE_ALGORITHMS").and_then(Value::as_array);
            accepted.into_iter().flatten().any(|it| *it != case.algorithm().name())
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "methods are compared as they are spelled: one in small letters is refused when read",
        is_in: |case| {
            let config = case.config();
            let methods = config.get("JWT_CSRF_METHODS").and_then(Value::as_array);
            methods
                .into_iter()
                .flatten()
                .any(|it| it.as_str().is_some_and(|it| it != it.to_ascii_uppercase()))
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "an identity is a text; JWT_VERIFY_SUB is no option",
        is_in: |case| {
            case.config().contains_key("JWT_VERIFY_SUB")
                || case.tokens().any(|(_, spec)| spec.get("identity").is_some_and(|it| !it.is_string()))
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "SameSite=None without Secure is refused: browsers drop such cookies",
        is_in: |case| {
            let config = case.config();
            let none = config.get("JWT_COOKIE_SAMESITE").and_then(Value::as_str);
            none.is_some_and(|it| it.eq_ignore_ascii_case("none"))
                && config.get("JWT_COOKIE_SECURE") != Some(&Value::Bool(true))
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "a refresh token is never fresh: the combination cannot be written",
        is_in: |case| case.guard_is("fresh") && (case.guard_is("refresh") || !case.verifies_type()),
    },
    // Issuing.
    Difference {
        sort: Sort::Stricter,
        reason: "claims of one's own never overwrite ours (CLM-18)",
        is_in: |case| case.adds_claim(is_ours),
    },
    Difference {
        sort: Sort::Stricter,
        reason: "header members of one's own never say how a token is verified",
        is_in: |case| {
            let reserved = ["alg", "typ", "cty", "crit", "b64", "jwk", "jku", "x5u", "x5c", "kid"];
            let given = case.tokens().map(|(_, spec)| &spec["additional_headers"]);
            let mut given = given.chain([case.hook("additional_headers")]).filter_map(Value::as_object);
            given.any(|members| members.keys().any(|name| reserved.contains(&&**name)))
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "cookies are set for tokens that were issued, not for any text",
        is_in: |case| {
            case.returns().starts_with("cookies:set_")
                && case.tokens().all(|(_, spec)| spec["mint"].is_null())
        },
    },
    // Where tokens are.
    Difference {
        sort: Sort::Stricter,
        reason: "two Authorization fields, or a list in one, are refused (BRR-07)",
        is_in: |case| {
            let values = authorization(case);
            values.len() > 1 || values.iter().any(|value| value.contains(','))
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "two cookies of one name are refused (CSR-10)",
        is_in: |case| {
            let line = case.request()["headers"]["Cookie"].as_str().unwrap_or_default();
            let names: Vec<&str> =
                line.split(';').filter_map(|pair| pair.split('=').next()).map(str::trim).collect();
            repeats(&names)
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "a parameter that is there twice is refused (RFC 6749 section 3.1)",
        is_in: |case| {
            let query = case.request()["raw_query"].as_str().unwrap_or_default();
            repeats(&query.split('&').filter_map(|pair| pair.split('=').next()).collect::<Vec<_>>())
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "forms with files are not read for a CSRF field",
        is_in: |case| {
            let media_type = case.request()["content_type"].as_str().unwrap_or_default();
            case.config().contains_key("JWT_CSRF_CHECK_FORM") && media_type.starts_with("multipart/")
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "OPTIONS is guarded unless it is a CORS preflight",
        is_in: |case| case.method() == "OPTIONS" && case.guard().is_some(),
    },
    // What tokens say.
    Difference {
        sort: Sort::Stricter,
        reason: "a token has one spelling: no padding (JWT-17)",
        is_in: |case| case.mutates(|how| ["append_eq", "pad_segments"].contains(&how)),
    },
    Difference {
        sort: Sort::Stricter,
        reason: "a time is a number (CLM-02)",
        is_in: |case| {
            ["exp", "nbf", "iat"].iter().any(|name| {
                case.signs_claim(name, |value| {
                    let placeholder = !value["$now"].is_null() || !value["$now_float"].is_null();
                    !value.is_number() && !placeholder
                })
            })
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "a token is an access or a refresh token",
        is_in: |case| case.signs_claim("type", |value| *value != "access" && *value != "refresh"),
    },
    Difference {
        sort: Sort::Stricter,
        reason: "claims that we read are of their type, asked for or not",
        is_in: |case| {
            case.signs_claim("fresh", |value| !value.is_boolean() && !value.is_number() && !value.is_object())
                || ["csrf", "iss"].iter().any(|name| case.signs_claim(name, |value| !value.is_string()))
                || case.signs_claim("aud", |value| !value.is_string() && !value.is_array())
                || ["sub", "jti", "$id"].iter().any(|name| case.signs_claim(name, |value| !value.is_string()))
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "a token that says it is something else is refused (RFC 8725 section 3.11)",
        is_in: |case| {
            let ours = ["jwt", "at+jwt"];
            let ours =
                |value: &Value| value.as_str().is_some_and(|it| ours.contains(&&*it.to_ascii_lowercase()));
            case.signs_header("typ", |value| !ours(value)) || case.signs_header("cty", |_| true)
        },
    },
    Difference {
        sort: Sort::Stricter,
        reason: "JSON has no member twice (JWT-29)",
        is_in: |case| {
            case.tokens().any(|(_, spec)| {
                ["header", "payload"].iter().any(|part| {
                    spec["sign"][part]
                        .as_str()
                        .is_some_and(|text| repeats(&text.split('"').skip(1).step_by(2).collect::<Vec<_>>()))
                })
            })
        },
    },
    // 3.18's own.
    Difference {
        sort: Sort::Old,
        reason: "3.18 reads crit and b64 over",
        is_in: |case| case.signs_header("crit", |_| true) || case.signs_header("b64", |_| true),
    },
    Difference {
        sort: Sort::Old,
        reason: "3.18 refuses an audience that nobody asks for",
        is_in: |case| !case.config().contains_key("JWT_DECODE_AUDIENCE") && case.signs_claim("aud", |_| true),
    },
    Difference {
        sort: Sort::Old,
        reason: "PyJWT 1.7 lets a token live through its last second, and iat lie in the future",
        is_in: |case| {
            case.signs_claim("exp", |value| value["$now"].is_i64() || value["$now_float"].is_f64())
                || case.signs_claim("iat", |value| value["$now"].as_i64().is_some_and(|offset| offset > 0))
        },
    },
    Difference {
        sort: Sort::Old,
        reason: "3.18 searches in an order of its own",
        is_in: |case| {
            let config = case.config();
            let Some(order) = config.get("JWT_TOKEN_LOCATION").filter(|it| it.is_array()) else {
                return false;
            };
            let order: Vec<Location> = serde_json::from_value(order.clone()).unwrap_or_default();
            !order.is_sorted()
        },
    },
    Difference {
        sort: Sort::Old,
        reason: "3.18 fills in what a token does not say, and leaves fresh out of refresh tokens",
        is_in: |case| {
            let shows = ["claim_keys", "claims:", "all_claims"];
            shows.iter().any(|it| case.returns().starts_with(it))
        },
    },
    Difference {
        sort: Sort::Old,
        reason: "3.18's optional guard takes a malformed header for none, its refresh guard skips the own check",
        is_in: |case| {
            let bad = authorization(case).iter().any(|value| value.split_whitespace().count() != 2);
            case.guard_is("optional") && bad
                || case.guard_is("refresh") && !case.hook("token_verification").is_null()
        },
    },
    Difference {
        sort: Sort::Old,
        reason: "3.18 takes everybody for nobody on OPTIONS",
        is_in: |case| case.method() == "OPTIONS" && case.guard().is_some(),
    },
    Difference {
        sort: Sort::Old,
        reason: "a current user without a loader cannot be written; 3.18 answers that there is none",
        is_in: |case| case.returns().starts_with("current_user") && case.hook("user_lookup").is_null(),
    },
    Difference {
        sort: Sort::Old,
        reason: "3.18 asks for revocation before freshness",
        is_in: |case| case.guard_is("fresh") && !case.hook("blocklist").is_null(),
    },
    Difference {
        sort: Sort::Old,
        reason: "Werkzeug 1 writes dates with dashes and keeps a domain's dot, PyJWT 1.7 reads over what is no base64",
        is_in: |case| {
            let dotted = case
                .config()
                .get("JWT_COOKIE_DOMAIN")
                .and_then(Value::as_str)
                .is_some_and(|it| it.starts_with('.'));
            let odd = |value: &String| value.chars().any(|c| "!$%&*+/".contains(c));
            case.returns().starts_with("cookies:unset_")
                || dotted && case.returns().starts_with("cookies:")
                || authorization(case).iter().any(odd)
                || case
                    .tokens()
                    .any(|(_, spec)| spec["literal"].as_str().map(str::to_owned).as_ref().is_some_and(odd))
        },
    },
];

fn is_ours(name: &str) -> bool {
    ["sub", "identity", "iss", "aud", "exp", "nbf", "iat", "jti", "type", "fresh", "csrf"].contains(&name)
}

fn repeats(names: &[&str]) -> bool {
    names.iter().enumerate().any(|(place, name)| names.iter().skip(place + 1).any(|it| it == name))
}

/// The values of the header that carries tokens.
fn authorization(case: &Case<'_>) -> Vec<String> {
    let config = case.config();
    let name = config.get("JWT_HEADER_NAME").and_then(Value::as_str).unwrap_or("Authorization");
    match &case.request()["headers"][name] {
        Value::String(value) => vec![value.clone()],
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

//! Reasons that stand in the claims, and those of a token that is genuine.

use super::{Row, bearer, check};

#[tokio::test]
async fn reasons_in_the_claims() {
    let row = |changes: &[(&str, &str)], flask: &'static str, problem: &'static str| -> Row {
        ("/jwt", bearer(changes), (422, flask), (422, flask), (401, problem))
    };
    let wrong = "A claim of the token has a wrong type";
    let early = "The token is not yet valid";
    let lacks = "The token lacks a required claim";
    let audience = (401, "The token is for another audience");
    check(vec![
        row(&[("exp", r#""x""#)], "Expiration Time claim (exp) must be an integer.", wrong),
        row(&[("nbf", "null")], "Not Before claim (nbf) must be an integer.", wrong),
        row(&[("iat", "[]")], "Issued At claim (iat) must be an integer.", wrong),
        row(&[("nbf", "1900000001")], "The token is not yet valid (nbf)", early),
        row(&[("iat", "1900000001")], "The token is not yet valid (iat)", early),
        row(&[("aud", "")], r#"Token is missing the "aud" claim"#, lacks),
        row(&[("aud", "1")], "Invalid claim format in token", wrong),
        (
            "/jwt",
            bearer(&[("aud", r#""x""#)]),
            (422, "Invalid audience"),
            (422, "Audience doesn't match"),
            audience,
        ),
        row(&[("iss", "")], r#"Token is missing the "iss" claim"#, lacks),
        row(&[("iss", r#""x""#)], "Invalid issuer", "The token is from another issuer"),
        row(&[("iss", "1")], "Payload Issuer (iss) must be a string", wrong),
        row(&[("sub", "1")], "Subject must be a string", wrong),
        row(&[("jti", "null")], "JWT ID must be a string", wrong),
        row(&[("sub", "")], "Missing claim: sub", lacks),
        row(&[("sub", ""), ("identity", "[]")], "Identity must be a string", wrong),
        row(&[("exp", "")], r#"Token is missing the "exp" claim"#, lacks),
        row(&[("jti", "")], "Missing claim: jti", lacks),
        row(&[("type", "")], "Missing claim: type", lacks),
        row(&[("type", r#""other""#)], "Missing or invalid claim: type", wrong),
        row(&[("fresh", "null")], "Missing or invalid claim: fresh", wrong),
    ])
    .await;
}

#[tokio::test]
async fn reasons_of_a_genuine_token() {
    let refresh = bearer(&[("type", r#""refresh""#)]);
    let same = |path, authorization, flask, problem| -> Row { (path, authorization, flask, flask, problem) };
    check(vec![
        same("/jwt", bearer(&[("exp", "1")]), (401, "Token has expired"), (401, "The token has expired")),
        (
            "/jwt",
            refresh,
            (422, "Only access tokens are allowed"),
            (422, "Only non-refresh tokens are allowed"),
            (401, "An access token is required"),
        ),
        same(
            "/refresh",
            bearer(&[]),
            (422, "Only refresh tokens are allowed"),
            (401, "A refresh token is required"),
        ),
        same("/fresh", bearer(&[]), (401, "Fresh token required"), (401, "A fresh token is required")),
        same(
            "/jwt",
            bearer(&[("jti", r#""revoked""#)]),
            (401, "Token has been revoked"),
            (401, "The token has been revoked"),
        ),
        same(
            "/jwt",
            bearer(&[("jti", r#""unknown""#)]),
            (503, "Tokens cannot be checked at the moment"),
            (503, "Tokens cannot be checked at the moment"),
        ),
    ])
    .await;
}

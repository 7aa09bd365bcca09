//! Tokens as the Flask application signs them, with the same secret.

use portcullis::{Key, NumericDate, testing::Mint};

use super::{TestApp, app::SECRET};

/// A refresh token as Flask-JWT-Extended 4.7 makes it, a minute old.
pub fn legacy(app: &TestApp, identity: &str) -> Mint {
    let now = NumericDate::from(app.state.clock().now()).seconds();
    let token = Mint::refresh(identity).claim("fresh", false).claim("csrf", "of the Flask application");
    token.claim("iat", now - 60).claim("nbf", now - 60).claim("exp", now + 30 * 86_400)
}

/// Such a token, signed.
pub fn signed(token: Mint) -> String {
    token.sign(&Key::hs256(SECRET).unwrap())
}

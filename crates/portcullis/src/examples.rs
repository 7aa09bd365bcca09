//! Whole programs, each a page: what to try, and the source.
//!
//! They are files of `crates/portcullis/examples`; each runs as
//! `cargo run -p portcullis --example simple -- "$(openssl rand -hex 32)"` and listens on `127.0.0.1:3000`.
//!
//! | to see | read |
//! |---|---|
//! | logging in and guarding a route | [`simple`] |
//! | short access tokens, one long refresh token, and what needs a fresh one | [`refresh`] |
//! | tokens that a browser keeps, out of reach of scripts | [`cookies`] |
//! | logging out | [`revocation`] |
//! | who may do what, and claims of one's own | [`roles`] |
//! | refusals in one's own words | [`custom_errors`] |

/// Log in, then send the token.
///
/// `POST /login` with `{"username": "test", "password": "test"}` answers a token; `GET /protected` takes it as
/// `Authorization: Bearer …`.
///
/// ```no_run
#[doc = include_str!("../examples/simple.rs")]
/// ```
pub mod simple {}

/// Short access tokens, one long refresh token, and what wants a fresh one.
///
/// `POST /login` answers both. `POST /refresh` with the refresh token answers an access token that is not fresh: it opens
/// `GET /profile`, and `POST /password` refuses it.
///
/// ```no_run
#[doc = include_str!("../examples/refresh.rs")]
/// ```
pub mod refresh {}

/// Tokens in cookies, for browsers.
///
/// `POST /login` sets them; `GET /page` is read with the cookie alone, `POST /page` wants the CSRF value beside it;
/// `POST /logout` takes them back.
///
/// ```no_run
#[doc = include_str!("../examples/cookies.rs")]
/// ```
pub mod cookies {}

/// Logging out.
///
/// `POST /login` answers a token, `GET /protected` takes it until `DELETE /logout` was sent with it. Where tokens are of
/// sessions, [`RevocationIndex::revoke_session`](crate::RevocationIndex::revoke_session) ends all of one at once.
///
/// ```no_run
#[doc = include_str!("../examples/revocation.rs")]
/// ```
pub mod revocation {}

/// Who may do what, by a layer, by a word in the handler and by claims of one's own.
///
/// `POST /login/admin` and `POST /login/editor` answer tokens of a role; `GET /admin/users` and `DELETE /log` ask for more
/// than an editor has, `GET /whoami` for any.
///
/// ```no_run
#[doc = include_str!("../examples/roles.rs")]
/// ```
pub mod roles {}

/// Refusals in one's own words.
///
/// `GET /protected` without a token says what to do instead of what is wrong.
///
/// ```no_run
#[doc = include_str!("../examples/custom_errors.rs")]
/// ```
pub mod custom_errors {}

//! JSON Web Tokens for axum: issue, verify, find, refuse. What Flask-JWT-Extended is for Flask.
//!
//! ```
//! use axum::{Router, routing::get};
//! use portcullis::{Jwt, JwtManager, Key};
//!
//! // A handler that names `Jwt` is guarded by it.
//! async fn secret(jwt: Jwt) -> String {
//!     format!("hello {}", jwt.identity())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jwt = JwtManager::builder(Key::hs256(b"32 bytes from a random generator")?).build()?;
//! let token = jwt.access("alice").sign()?;
//! let app: Router = Router::new().route("/secret", get(secret)).with_state(jwt);
//! # Ok(()) }
//! ```
//!
//! # The map
//!
//! | you want to | you use |
//! |---|---|
//! | guard a handler | [`Jwt`], [`FreshJwt`], [`RefreshJwt`], [`AnyJwt`], `Option` of each |
//! | make keys, publish them, exchange them | [`Key`], [`VerifyingKey`], [`KeySet`], [`JwtManager::replace_keys`] |
//! | verify something signed that is no JWT | [`jws::verify`] |
//! | guard a whole router | [`JwtManager::require`] |
//! | read claims of your own | `Jwt<T>`, [`Claims::custom`] |
//! | load the user | [`CurrentUser`], [`LoadUser`] |
//! | let only some do it | [`Permission`], [`Guard::permit`], [`RequireLayer::permit`] |
//! | issue a token | [`JwtManager::access`], [`JwtManager::refresh`] |
//! | carry tokens in cookies | [`Location::Cookies`], [`JwtManager::cookies`] |
//! | verify a token yourself | [`JwtManager::verify`], [`JwtManager::authenticate`], [`Require`] |
//! | revoke tokens | [`Revocation`], [`RevocationIndex`] |
//! | configure | [`JwtManager::builder`], or [`JwtConfig`] with Flask-JWT-Extended's option names |
//! | judge tokens yourself, too | [`CheckClaims`] |
//! | answer errors in one style | [`ErrorStyle`], [`ErrorFormat`], [`RenderError`] |
//! | test what time does | [`Clock`], [`ManualClock`] |
//! | mint good and bad tokens in tests | `testing::Mint`, with the feature `testing` |
//!
//! # What every token must hold
//!
//! [`JwtManager::verify`] is the one ordered list: at most 8 KiB; three segments, each in its one base64url
//! spelling; a header that is a JSON object without duplicate members, without `crit` and `b64`, with a `typ`
//! of `JWT`, `at+jwt` (access tokens only) or none; the algorithm of one of our keys; the signature; claims
//! that are a JSON object without duplicate members and of the right types; `exp`, `jti` and `type` present;
//! `iat` and `nbf` not in the future; issuer and audience as configured; not expired; the right kind; fresh
//! where asked; not revoked; not refused by your own check. The user comes last.
//!
//! # Where a token is looked for
//!
//! In the places of [`JwtConfig::token_location`], in their order. The first that has something decides; what is
//! bad there does not fall through to the next. Two headers, cookies or parameters of one name are refused. A
//! token in a cookie needs its `csrf` claim beside it, in a header or (under the layer) in a form field, for
//! every method that changes something, and no request that another site caused is let through with one
//! (`Sec-Fetch-Site`), unless the cookies are meant for other sites.
//!
//! # What it does not do
//!
//! * It opens no connection and keeps no table: users, sessions and the revocation list are the application's
//!   (or the portcullis server's). [`RevocationIndex`] holds in memory what the application tells it.
//! * It reads no key from a token (`jwk`, `jku`, `x5u`, `x5c` are ignored) and decrypts nothing (JWE).
//! * It has no way to read a token without verifying it.
//! * It compares no `Origin` with a name of its own, which behind a proxy it cannot know, and reads no CSRF field
//!   out of forms with files.

mod answer;
mod builder;
mod claims;
mod clock;
mod config;
mod configured_keys;
mod cookies;
mod error;
mod extract;
mod hooks;
mod http_date;
mod issue;
#[cfg(feature = "asymmetric")]
mod jwk;
pub mod jws;
mod keys;
mod layer;
mod lifetime;
mod locate;
mod manager;
mod permission;
mod places;
mod rejection;
mod remembered;
mod require;
mod revocation;
mod secret;
mod style;
#[cfg(feature = "testing")]
pub mod testing;
mod user;
mod verified;

pub use builder::{JwtConfigError, JwtConfigErrors, JwtManagerBuilder};
pub use claims::{Claims, ClaimsError, Freshness, Registered, TokenKind};
pub use clock::{Clock, ManualClock, NumericDate, SystemClock};
pub use config::{CsrfClaim, JwtConfig};
pub use cookies::{CookieError, SameSite, SetCookies, TokenCookies};
pub use error::{Absence, Absences, AuthError, ErrorClass};
pub use extract::{AnyJwt, FreshJwt, FromClaims, Guard, Jwt, RefreshJwt, Unread};
pub use hooks::{Check, CheckClaims, HookError, LoadUser, Refused, RenderError, Working, asks};
pub use issue::{Issue, IssueError, Token};
pub use jws::{Algorithm, JwsError, UnknownAlgorithm};
pub use keys::{Key, KeyError, KeySet, VerifyingKey};
pub use layer::{Decided, KindIsOpen, RequireLayer, RequireService, Undecided};
pub use lifetime::{InvalidLifetime, Lifetime};
pub use locate::Location;
pub use manager::JwtManager;
pub use permission::Permission;
pub use rejection::AuthRejection;
pub use require::Require;
pub use revocation::{Asking, Revocation, RevocationIndex, Verdict};
pub use secret::Secret;
pub use style::{ErrorFormat, ErrorStyle};
pub use user::CurrentUser;
pub use verified::Verified;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

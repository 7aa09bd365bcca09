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
//! | let only some do it | [`Permission`], [`Guard::permit`], [`RequireLayer::permit`], [`JwtManager::permits`] |
//! | issue a token | [`JwtManager::access`], [`JwtManager::refresh`] |
//! | carry tokens in cookies | [`Location::Cookies`], [`JwtManager::cookies`] |
//! | verify a token yourself | [`JwtManager::verify`], [`JwtManager::authenticate`], [`Require`] |
//! | revoke tokens, end sessions | [`RevocationIndex`], [`Issue::session`], a [`Revocation`] of your own |
//! | configure | [`JwtManager::builder`], or [`JwtConfig`] with Flask-JWT-Extended's option names |
//! | judge tokens yourself, too | [`CheckClaims`] |
//! | answer errors in one style | [`ErrorStyle`], [`ErrorFormat`], [`RenderError`] |
//! | log why a request was refused | [`AuthError`] in the answer's extensions, see [`AuthRejection`] |
//! | test what time does | [`Clock`], [`ManualClock`] |
//! | mint good and bad tokens in tests | `testing::Mint`, with the feature `testing` |
//!
//! # Coming from Flask-JWT-Extended
//!
//! | there | here |
//! |---|---|
//! | `JWTManager(app)` | [`JwtManager::builder`], the manager in the router's state |
//! | `app.config["JWT_…"]` | [`JwtConfig`], the same names in its serialized form |
//! | `@jwt_required()` | [`Jwt`], [`JwtManager::require`] |
//! | `optional=True` | `Option<Jwt>`, [`RequireLayer::optional`] |
//! | `fresh=True` | [`FreshJwt`], [`RequireLayer::fresh`] |
//! | `refresh=True` | [`RefreshJwt`], [`RequireLayer::refresh`] |
//! | `verify_type=False` | [`AnyJwt`], [`RequireLayer::any_kind`] |
//! | `locations=…` | [`RequireLayer::locations`] |
//! | `skip_revocation_check=True` | [`RequireLayer::skip_revocation`], [`Require::even_revoked`] |
//! | `verify_jwt_in_request()` | [`JwtManager::authenticate_request`] |
//! | `create_access_token`, `create_refresh_token` | [`JwtManager::access`], [`JwtManager::refresh`] |
//! | `additional_claims`, `additional_headers`, `expires_delta` | [`Issue::claim`], [`Issue::header`], [`Issue::expires_in`] |
//! | `get_jwt_identity()` | [`Claims::identity`] |
//! | `get_jwt()`, `get_jwt_header()` | [`Claims::custom`], [`Jwt::header`] |
//! | `current_user`, `user_lookup_loader` | [`CurrentUser`], [`LoadUser`] |
//! | `decode_token` | [`JwtManager::authenticate`], [`JwtManager::verify_as`] |
//! | `get_jti`, `get_csrf_token` | [`Token::jti`], [`Token::csrf`] |
//! | `set_access_cookies`, `set_refresh_cookies` | [`TokenCookies::set`] |
//! | `unset_jwt_cookies` | [`TokenCookies::unset_all`] |
//! | `token_in_blocklist_loader` | [`JwtManagerBuilder::revocation`] |
//! | `token_verification_loader` | [`JwtManagerBuilder::check_claims`] |
//! | `encode_key_loader`, `decode_key_loader` | [`Issue::signed_by`], [`KeySet`] |
//! | `expired_token_loader` and the other error hooks | [`JwtManagerBuilder::render_error`], [`ErrorClass`] |
//!
//! Every option, hook and function, with what differs, is in `docs/migrate-from-flask.md`.
//!
//! # Whole programs
//!
//! [`examples`] has six, with their source: logging in ([`simple`](examples::simple)), refresh tokens and freshness
//! ([`refresh`](examples::refresh)), [`cookies`](examples::cookies), [`revocation`](examples::revocation),
//! [`roles`](examples::roles) and [error answers of one's own](examples::custom_errors).
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
// Pages and nothing else.
#[cfg(any(doc, doctest))]
pub mod examples;
mod extract;
mod hooks;
mod http_date;
mod issue;
mod judged;
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
pub use claims::{Claims, ClaimsError, Freshness, Registered, Session, TokenKind};
pub use clock::{Clock, ManualClock, NumericDate, SystemClock};
pub use config::{CsrfClaim, JwtConfig};
pub use cookies::{CookieError, SameSite, SetCookies, TokenCookies};
pub use error::{Absence, Absences, AuthError, Cause, ErrorClass};
pub use extract::{AnyJwt, FreshJwt, FromClaims, Guard, Jwt, RefreshJwt, Unread};
pub use hooks::{Check, CheckClaims, HookError, LoadUser, Refused, RenderError, Working, asks};
pub use issue::{Access, Issue, IssueError, Refresh, Token, token_id};
#[cfg(feature = "asymmetric")]
pub use jwk::JwkJson;
pub use jws::{Algorithm, JwsError, UnknownAlgorithm};
pub use keys::{Key, KeyError, KeySet, VerifyingKey};
pub use layer::{Decided, KindIsOpen, RequireLayer, RequireService, Undecided};
pub use lifetime::{InvalidLifetime, Lifetime};
pub use locate::{Location, ReadBody};
pub use manager::JwtManager;
pub use permission::{ClaimPath, Permission};
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

/// The examples for who comes from Flask compile; one of them needs the feature.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../../../docs/migrate-from-flask.md")]
struct MigrateFromFlask;

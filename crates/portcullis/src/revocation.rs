//! Revocation: the hook that a manager asks about every token, and an index that answers from memory.

mod index;
mod note;

use crate::{Claims, Working};

pub use index::RevocationIndex;

/// Says whether a verified token has been revoked.
///
/// An answer from memory ([`Verdict::Live`], [`Verdict::Revoked`]) costs no allocation. A hook that has to ask
/// somebody hands back the asking ([`Verdict::Ask`]); when that fails the request is answered 503: a token
/// whose state is unknown is neither allowed nor called revoked.
///
/// ```
/// use portcullis::{Claims, Revocation, Verdict};
///
/// struct Banned;
///
/// impl Revocation for Banned {
///     fn check(&self, claims: &Claims) -> Verdict {
///         if claims.identity() == "mallory" { Verdict::Revoked } else { Verdict::Live }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing of revocation",
    note = "use a `RevocationIndex`, or a closure `|claims: Arc<Claims>| async move {{ Ok::<bool, MyError>(..) }}`"
)]
pub trait Revocation: Send + Sync + 'static {
    /// Judges a token whose signature and claims have held.
    fn check(&self, claims: &Claims) -> Verdict;
}

/// What a [`Revocation`] knows of a token.
#[must_use]
pub enum Verdict {
    /// It is not revoked.
    Live,
    /// It is revoked.
    Revoked,
    /// It takes asking: `true` when revoked.
    Ask(Asking),
}

/// A question under way: whether a token is revoked, or why nobody can say.
pub type Asking = Working<bool>;

//! The user behind a token, as an extractor.

use std::{ops::Deref, sync::Arc};

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::{AuthRejection, Guard, Jwt, LoadUser};

/// The user that the token speaks of, loaded by the [`LoadUser`] in the state.
///
/// Refused as the guard is ([`Jwt`] by default), with 401 when there is no such user, with 503 when the loader
/// failed. `Option<CurrentUser<U>>` is `None` where nothing was sent.
///
/// ```
/// use std::sync::Arc;
/// use axum::extract::FromRef;
/// use portcullis::{CurrentUser, JwtManager, LoadUser};
///
/// struct User { name: String }
///
/// #[derive(Clone, FromRef)]
/// struct App { jwt: JwtManager, users: Arc<dyn LoadUser<User>> }
///
/// #[axum::debug_handler(state = App)]
/// async fn whoami(user: CurrentUser<User>) -> String {
///     user.name.clone()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentUser<U, G = Jwt> {
    user: U,
    guard: G,
}

impl<U, G> CurrentUser<U, G> {
    /// The user, for good.
    pub fn into_user(self) -> U {
        self.user
    }

    /// The guard that let the request through.
    pub fn guard(&self) -> &G {
        &self.guard
    }
}

impl<U: 'static, G: Guard> CurrentUser<U, G> {
    async fn load(guard: G, loader: Arc<dyn LoadUser<U>>) -> Result<Self, AuthRejection> {
        match guard.manager().user(guard.verified(), &*loader).await {
            Ok(user) => Ok(Self { user, guard }),
            Err(error) => {
                Err(AuthRejection::of(error, guard.manager().clone(), Some(guard.verified().clone())))
            }
        }
    }
}

impl<U, G> Deref for CurrentUser<U, G> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.user
    }
}

impl<S, U, G> FromRequestParts<S> for CurrentUser<U, G>
where
    S: Send + Sync,
    U: Send + 'static,
    G: Guard + FromRequestParts<S, Rejection = AuthRejection> + Send + Sync,
    Arc<dyn LoadUser<U>>: FromRef<S>,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        let guard = G::from_request_parts(parts, state).await?;
        Self::load(guard, FromRef::from_ref(state)).await
    }
}

impl<S, U, G> OptionalFromRequestParts<S> for CurrentUser<U, G>
where
    S: Send + Sync,
    U: Send + 'static,
    G: Guard + OptionalFromRequestParts<S, Rejection = AuthRejection> + Send + Sync,
    Arc<dyn LoadUser<U>>: FromRef<S>,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, AuthRejection> {
        match G::from_request_parts(parts, state).await? {
            Some(guard) => Self::load(guard, FromRef::from_ref(state)).await.map(Some),
            None => Ok(None),
        }
    }
}

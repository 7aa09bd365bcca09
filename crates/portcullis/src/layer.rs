//! The layer: guards a whole router, and is the only guard that reads a body.

use std::{
    convert::Infallible,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum_core::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::request::Parts;
use http_body_util::{BodyExt as _, Full, Limited};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    AuthError, AuthRejection, ClaimPath, JwtManager, Location, Permission, Require,
    extract::{Wants, admit},
    locate::is_preflight,
    verified::Kept,
};

/// What a [`RequireLayer`] asks for that was not told: an access token.
#[derive(Clone, Copy, Debug)]
pub struct Undecided(Infallible);

/// What a [`RequireLayer`] asks for that was told: [`fresh`](RequireLayer::fresh),
/// [`refresh`](RequireLayer::refresh) or [`any_kind`](RequireLayer::any_kind).
#[derive(Clone, Copy, Debug)]
pub struct Decided(Infallible);

/// A layer that was not told yet what kind of token it asks for.
#[diagnostic::on_unimplemented(
    message = "this layer was told already what kind of token it asks for",
    label = "a second word about the kind",
    note = "a refresh token is never fresh: choose one of `.fresh()`, `.refresh()` and `.any_kind()`"
)]
pub trait KindIsOpen {}

impl KindIsOpen for Undecided {}

impl JwtManager {
    /// A layer that lets requests with an access token through; its words change what it asks for.
    ///
    /// Handlers under it may name the guards as ever: what the layer verified, they do not verify again.
    ///
    /// ```
    /// use axum::{Router, routing::{get, post}};
    /// use portcullis::{JwtManager, Location};
    ///
    /// # fn app(jwt: JwtManager) -> Router {
    /// let admin = Router::new().route("/users", get(|| async {})).layer(jwt.require().fresh().role("admin"));
    /// let tokens = Router::new()
    ///     .route("/refresh", post(|| async {}))
    ///     .layer(jwt.require().refresh().locations([Location::Json]).json_body(4096));
    /// admin.merge(tokens)
    /// # }
    /// ```
    ///
    /// A refresh token is never fresh, so this does not compile:
    ///
    /// ```compile_fail,E0277
    /// # fn layer(jwt: portcullis::JwtManager) {
    /// let layer = jwt.require().refresh().fresh();
    /// # }
    /// ```
    ///
    /// and neither does this:
    ///
    /// ```compile_fail,E0277
    /// # fn layer(jwt: portcullis::JwtManager) {
    /// let layer = jwt.require().any_kind().refresh();
    /// # }
    /// ```
    pub fn require(&self) -> RequireLayer {
        let rules = Rules {
            require: Require::access(),
            optional: false,
            order: None,
            body_limit: RequireLayer::<Undecided>::BODY_LIMIT,
            permissions: Vec::new(),
        };
        RequireLayer { jwt: self.clone(), rules, kind: PhantomData }
    }
}

/// Guards a whole router: see [`JwtManager::require`].
#[must_use = "a layer does nothing until a router has it"]
pub struct RequireLayer<K = Undecided> {
    jwt: JwtManager,
    rules: Rules,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone)]
struct Rules {
    require: Require,
    optional: bool,
    order: Option<Vec<Location>>,
    body_limit: usize,
    permissions: Vec<Permission>,
}

impl<K> RequireLayer<K> {
    /// The longest body that is searched for a token, where [`json_body`](Self::json_body) does not say.
    pub const BODY_LIMIT: usize = 256 * 1024;

    /// Asks for a fresh access token.
    pub fn fresh(self) -> RequireLayer<Decided>
    where
        K: KindIsOpen,
    {
        self.decided(Require::fresh)
    }

    /// Asks for a refresh token.
    pub fn refresh(self) -> RequireLayer<Decided>
    where
        K: KindIsOpen,
    {
        self.decided(|require| Require { kind: Require::refresh().kind, ..require })
    }

    /// Asks for a token of either kind.
    pub fn any_kind(self) -> RequireLayer<Decided>
    where
        K: KindIsOpen,
    {
        self.decided(|require| Require { kind: None, ..require })
    }

    /// Lets requests through that have no token at all; a bad token is refused all the same, and so is no token
    /// where a permission is asked for.
    pub fn optional(mut self) -> Self {
        self.rules.optional = true;
        self
    }

    /// Looks into these places, in this order, instead of the configured ones. Without any it finds nothing.
    pub fn locations(mut self, locations: impl IntoIterator<Item = Location>) -> Self {
        let mut order = Vec::with_capacity(Location::COUNT);
        for location in locations {
            if !order.contains(&location) {
                order.push(location);
            }
        }
        self.rules.order = Some(order);
        self
    }

    /// Does not ask the revocation hook. A guard in a handler does; a handler that shall see a revoked token
    /// too, as a logout that may be repeated, takes what the layer leaves in the request's extensions: an
    /// `Arc<`[`Verified`](crate::Verified)`>`.
    pub fn skip_revocation(mut self) -> Self {
        self.rules.require = self.rules.require.even_revoked();
        self
    }

    /// Reads bodies of at most this many bytes for a token or a CSRF field; a longer one is refused with 413.
    pub fn json_body(mut self, limit: usize) -> Self {
        self.rules.body_limit = limit;
        self
    }

    /// Asks also for a permission, else 403 `insufficient_scope`. A second one is asked for too.
    pub fn permit(mut self, permission: Permission) -> Self {
        self.rules.permissions.push(permission);
        self
    }

    /// Asks also that `role` is this text, or `roles` has it: [`Permission::role`].
    pub fn role(self, role: impl Into<String>) -> Self {
        self.permit(Permission::role(role))
    }

    /// Asks also that a claim is an integer of at least this level: [`Permission::at_least`].
    pub fn claim_at_least(self, claim: impl Into<ClaimPath>, level: i64) -> Self {
        self.permit(Permission::at_least(claim, level))
    }

    /// Asks also that the claim `scope` has this one: [`Permission::scope`].
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.permit(Permission::scope(scope))
    }

    fn decided(mut self, kind: impl FnOnce(Require) -> Require) -> RequireLayer<Decided> {
        self.rules.require = kind(self.rules.require);
        RequireLayer { jwt: self.jwt, rules: self.rules, kind: PhantomData }
    }
}

impl<K> Clone for RequireLayer<K> {
    fn clone(&self) -> Self {
        Self { jwt: self.jwt.clone(), rules: self.rules.clone(), kind: PhantomData }
    }
}

impl<S, K> Layer<S> for RequireLayer<K> {
    type Service = RequireService<S>;

    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService { inner, jwt: self.jwt.clone(), rules: Arc::new(self.rules.clone()) }
    }
}

/// A service behind a [`RequireLayer`].
#[derive(Clone)]
pub struct RequireService<S> {
    inner: S,
    jwt: JwtManager,
    rules: Arc<Rules>,
}

impl<S> Service<Request> for RequireService<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that was ready is the one to call; its clone may not be.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (jwt, rules) = (self.jwt.clone(), self.rules.clone());
        Box::pin(async move {
            if is_preflight(request.method(), request.headers()) {
                return inner.call(request).await;
            }
            match rules.let_through(&jwt, request).await {
                Ok(request) => inner.call(request).await,
                Err(rejection) => Ok(rejection.into_response()),
            }
        })
    }
}

impl Rules {
    /// The request as it goes on: intact, with what was verified kept in its extensions.
    async fn let_through(&self, jwt: &JwtManager, request: Request) -> Result<Request, AuthRejection> {
        let refuse = |error| AuthRejection::new(error, jwt.clone());
        let (mut parts, body) = request.into_parts();
        let order = self.order.as_deref();
        let known = Kept::of(&parts.extensions, jwt, self.require.kind, order).is_some();
        if known || !jwt.places().needs_body(&parts, order) {
            self.judge(jwt, &mut parts, None).await?;
            return Ok(Request::from_parts(parts, body));
        }
        let read = Limited::new(body, self.body_limit).collect().await.map_err(|error| {
            let long = error.is::<http_body_util::LengthLimitError>();
            refuse(if long { AuthError::BodyTooLarge } else { AuthError::BodyUnreadable })
        })?;
        let trailers = read.trailers().cloned();
        let bytes = read.to_bytes();
        self.judge(jwt, &mut parts, Some(&bytes)).await?;
        let body = Full::new(bytes).with_trailers(std::future::ready(trailers.map(Ok)));
        Ok(Request::from_parts(parts, Body::new(body)))
    }

    /// Nobody has no permission.
    fn lets_nobody_in(&self) -> bool {
        self.optional && self.permissions.is_empty()
    }

    async fn judge(
        &self,
        jwt: &JwtManager,
        parts: &mut Parts,
        body: Option<&[u8]>,
    ) -> Result<(), AuthRejection> {
        let wants = Wants { require: self.require, order: self.order.as_deref(), body };
        let token = match admit(jwt, parts, wants).await {
            Ok(token) => token,
            Err(rejection) if self.lets_nobody_in() && rejection.error().is_absence() => return Ok(()),
            Err(rejection) => return Err(rejection),
        };
        if !self.permissions.iter().all(|permission| jwt.permits(&token, permission)) {
            return Err(AuthRejection::lacking(&self.permissions, jwt.clone(), token));
        }
        parts.extensions.insert(token);
        Ok(())
    }
}

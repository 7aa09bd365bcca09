//! Who may use a route, and what it is for: every route is added with its rule and its description. One whose handler does
//! not ask for just what the rule says does not compile, nor does one that nobody has described.

use std::{convert::Infallible, marker::PhantomData};

use axum::{
    Router,
    extract::{FromRequestParts, Request},
    handler::Handler,
    http::{Method, request::Parts},
    routing::{MethodFilter, MethodRouter, on},
};
use portcullis::{FreshJwt, Jwt};

use super::{
    admin::{Admin, FreshAdmin},
    error::method_not_allowed,
    me::Ending,
    openapi::{About, Asks, Operation},
    passage::Passage,
    users::{Leaving, Refreshing},
};
use crate::state::AppState;

/// A route, and who may use it.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path's pattern.
    pub path: &'static str,
    /// Who may.
    pub rule: Rule,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Everybody.
    Public,
    /// Whoever has an access token.
    Token,
    /// Whoever has an access token and has shown a password for it lately.
    FreshToken,
    /// Whoever has a refresh token.
    RefreshToken,
    /// Whoever has a genuine token, which may be over already: what it ends may have been ended before.
    EndingToken,
    /// Administrators.
    Admin,
    /// Administrators who have shown their password lately.
    FreshAdmin,
}

/// A rule with its guard, which is the first argument of every handler under it.
pub(super) struct Guarded<G> {
    rule: Rule,
    guard: PhantomData<fn() -> G>,
}

pub(super) const PUBLIC: Guarded<Public> = Guarded::by(Rule::Public);
pub(super) const TOKEN: Guarded<Jwt> = Guarded::by(Rule::Token);
pub(super) const FRESH_TOKEN: Guarded<FreshJwt> = Guarded::by(Rule::FreshToken);
pub(super) const REFRESH_TOKEN: Guarded<Refreshing> = Guarded::by(Rule::RefreshToken);
pub(super) const LEAVING: Guarded<Leaving> = Guarded::by(Rule::EndingToken);
pub(super) const ENDING: Guarded<Ending> = Guarded::by(Rule::EndingToken);
pub(super) const ADMIN: Guarded<Admin> = Guarded::by(Rule::Admin);
pub(super) const FRESH_ADMIN: Guarded<FreshAdmin> = Guarded::by(Rule::FreshAdmin);

impl<G> Guarded<G> {
    const fn by(rule: Rule) -> Self {
        Self { rule, guard: PhantomData }
    }
}

/// The guard that lets everybody in: a handler says so.
pub(super) struct Public;

impl<S: Sync> FromRequestParts<S> for Public {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

/// The arguments of a handler whose first is a guard. It is asked before all others: whoever may not is told nothing of
/// paths and bodies.
#[diagnostic::on_unimplemented(
    message = "the handler's first argument is not the guard of the route's rule, or an argument asks something of \
               clients that nobody has described"
)]
pub(super) trait Arguments<G> {
    /// Describes what they ask of clients.
    fn describe(operation: Operation<'_>) -> Operation<'_>;
}

macro_rules! guard_first {
    ($(($($other:ident),*))*) => {
        // axum's tuple of a handler's arguments begins with a mark of its own.
        $(impl<M, G: Asks, $($other: Asks),*> Arguments<G> for (M, G, $($other,)*) {
            fn describe(operation: Operation<'_>) -> Operation<'_> {
                let operation = G::describe(operation);
                $(let operation = $other::describe(operation);)*
                operation
            }
        })*
    };
}

guard_first! { () (A) (A, B) (A, B, C) (A, B, C, D) }

/// The routes in the making.
pub(super) struct Routes {
    router: Router<AppState>,
    added: Vec<Added>,
}

/// A route with its description.
#[derive(Clone)]
pub(super) struct Added {
    pub(super) route: Route,
    /// What it is for.
    pub(super) about: About,
    /// What its handler's arguments ask of clients.
    pub(super) asks: fn(Operation<'_>) -> Operation<'_>,
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {
        $(pub(super) fn $name<G, H, T>(
            self,
            rule: Guarded<G>,
            path: &'static str,
            handler: H,
            about: About,
        ) -> Self
        where
            H: Handler<T, AppState>,
            T: Arguments<G> + 'static,
        {
            let route = Route { method: Method::$method, path, rule: rule.rule };
            let handler = on(MethodFilter::$method, Of { path, handler });
            self.add(Added { route, about, asks: T::describe }, handler)
        })*
    };
}

impl Routes {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), added: Vec::new() }
    }

    methods! { get GET post POST put PUT patch PATCH delete DELETE }

    /// The router, for layers and for what answers where no route does.
    pub(super) fn into_router(self) -> Router<AppState> {
        self.router
    }

    /// All that were added, in their order.
    pub(super) fn added(&self) -> &[Added] {
        &self.added
    }

    fn add(mut self, added: Added, methods: MethodRouter<AppState>) -> Self {
        let path = added.route.path;
        // Once for all methods of a path.
        let methods = if self.added.iter().any(|earlier| earlier.route.path == path) {
            methods
        } else {
            methods.fallback(Of { path, handler: method_not_allowed })
        };
        self.added.push(added);
        Self { router: self.router.route(path, methods), ..self }
    }
}

/// The handler of a route, which notes that it is the one that answers. axum's own note of that costs every request more.
#[derive(Clone)]
struct Of<H> {
    path: &'static str,
    handler: H,
}

impl<T, H: Handler<T, AppState>> Handler<T, AppState> for Of<H> {
    type Future = H::Future;

    fn call(self, request: Request, state: AppState) -> H::Future {
        if let Some(passage) = Passage::of(request.extensions()) {
            passage.answered_by(self.path);
        }
        self.handler.call(request, state)
    }
}

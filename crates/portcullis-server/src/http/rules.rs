//! Who may use a route: every route is added with its rule, and one whose handler does not ask for just that does not
//! compile.

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
#[diagnostic::on_unimplemented(message = "the handler's first argument is not the guard of the route's rule")]
pub(super) trait First<G> {}

macro_rules! guard_first {
    ($(($($other:ident),*))*) => {
        // axum's tuple of a handler's arguments begins with a mark of its own.
        $(impl<M, G, $($other),*> First<G> for (M, G, $($other,)*) {})*
    };
}

guard_first! { () (A) (A, B) (A, B, C) (A, B, C, D) }

/// The routes in the making.
pub(super) struct Routes {
    router: Router<AppState>,
    table: Vec<Route>,
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {
        $(pub(super) fn $name<G, H, T>(self, rule: Guarded<G>, path: &'static str, handler: H) -> Self
        where
            H: Handler<T, AppState>,
            T: First<G> + 'static,
        {
            let handler = Of { path, handler };
            self.add(Method::$method, &rule, path, on(MethodFilter::$method, handler))
        })*
    };
}

impl Routes {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), table: Vec::new() }
    }

    methods! { get GET post POST put PUT patch PATCH delete DELETE }

    /// The router, for layers and for what answers where no route does.
    pub(super) fn into_router(self) -> Router<AppState> {
        self.router
    }

    pub(super) fn into_table(self) -> Vec<Route> {
        self.table
    }

    fn add<G>(
        self,
        method: Method,
        rule: &Guarded<G>,
        path: &'static str,
        methods: MethodRouter<AppState>,
    ) -> Self {
        let Self { router, mut table } = self;
        // Once for all methods of a path.
        let methods = if table.iter().any(|route| route.path == path) {
            methods
        } else {
            methods.fallback(Of { path, handler: method_not_allowed })
        };
        table.push(Route { method, path, rule: rule.rule });
        Self { router: router.route(path, methods), table }
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

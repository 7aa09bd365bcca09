//! `/docs`: a page about the API, which a script in the browser makes of `/openapi.json`. Its files are compiled in; nothing
//! comes from elsewhere.
//!
//! Like all answers these are not kept (`Cache-Control: no-store`): a page that few people open has no need of more, and
//! none of its scripts is ever older than the document that it shows.

use axum::{
    extract::{FromRequestParts, Path},
    http::{HeaderName, StatusCode, header, request::Parts},
};
use utoipa::openapi::schema::{Object, SchemaType};

use super::{
    error::{Refusal, nothing_here},
    openapi::{About, Asks, Group, Operation, fields},
    rules::Public,
};

/// A file with its media type.
type File = ([(HeaderName, &'static str); 1], &'static str);

/// What the page may do: run its own script and style, show its own picture, ask this service. A text of the document or
/// of an answer that got to be HTML would be refused by the last two (Trusted Types), and nothing here makes such.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// What browsers could do for a page, all of it off, but for what its copy buttons need.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(self), \
                           display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), \
                           hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), \
                           payment=(), picture-in-picture=(), publickey-credentials-create=(), \
                           publickey-credentials-get=(), screen-wake-lock=(), serial=(), storage-access=(), \
                           usb=(), window-management=(), xr-spatial-tracking=()";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// No window that opened it, and none that it opens, has a hand on it (HTML standard).
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml; charset=utf-8";
const MODULE: &str = "text/javascript; charset=utf-8";

macro_rules! scripts {
    ($($name:literal)*) => {
        /// The scripts of the page, by their names.
        const SCRIPTS: &[(&str, &str)] = &[$(($name, include_str!(concat!("docs/", $name)))),*];
    };
}

scripts! {
    "article.js" "docs.js" "dom.js" "login.js" "menu.js" "operations.js" "prose.js" "schema.js" "send.js" "session.js"
    "try.js"
}

/// `GET /docs`
pub(super) async fn page(_: Public) -> ([(HeaderName, &'static str); 4], &'static str) {
    let headers = [
        (header::CONTENT_TYPE, HTML),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (OPENER_POLICY, "same-origin"),
        (PERMISSIONS_POLICY, PERMISSIONS),
    ];
    (headers, include_str!("docs/docs.html"))
}

pub(super) const PAGE: About = About {
    id: "docs",
    group: Group::Service,
    does: "A page about all this",
    more: |it| it.gives_other(StatusCode::OK, HTML, anything(), "The page, for a browser with scripts."),
};

/// `GET /docs/docs.css`
pub(super) async fn style(_: Public) -> File {
    ([(header::CONTENT_TYPE, STYLE)], include_str!("docs/docs.css"))
}

pub(super) const LOOKS: About = About {
    id: "docsStyle",
    group: Group::Service,
    does: "How the page looks",
    more: |it| it.gives_other(StatusCode::OK, STYLE, anything(), "The page's style."),
};

/// `GET /docs/icon.svg`
pub(super) async fn icon(_: Public) -> File {
    ([(header::CONTENT_TYPE, PICTURE)], include_str!("docs/icon.svg"))
}

pub(super) const ICON: About = About {
    id: "docsIcon",
    group: Group::Service,
    does: "The page's icon",
    more: |it| it.gives_other(StatusCode::OK, PICTURE, anything(), "The page's icon."),
};

/// `GET /docs/{script}`
pub(super) async fn script(_: Public, Script(text): Script) -> File {
    ([(header::CONTENT_TYPE, MODULE)], text)
}

pub(super) const CODE: About = About {
    id: "docsScript",
    group: Group::Service,
    does: "What makes the page",
    more: |it| it.gives_other(StatusCode::OK, MODULE, anything(), "One of the page's scripts."),
};

/// The script that a path names.
pub(super) struct Script(&'static str);

impl<S: Send + Sync> FromRequestParts<S> for Script {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let named = Path::<String>::from_request_parts(parts, state).await.ok();
        let script = named.and_then(|Path(name)| SCRIPTS.iter().find(|(known, _)| *known == name));
        script.map(|(_, text)| Self(text)).ok_or_else(nothing_here)
    }
}

impl Asks for Script {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        let names = SCRIPTS.iter().map(|(name, _)| *name);
        operation.in_path("script", "The script's name.", fields::one_of(names)).refuses(nothing_here())
    }
}

/// Of a file its media type says all.
fn anything() -> Object {
    Object::with_type(SchemaType::AnyValue)
}

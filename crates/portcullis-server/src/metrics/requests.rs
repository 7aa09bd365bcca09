//! The requests of a service, counted by method, route and status in a table that is made once.

use std::{
    array,
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::{Method, StatusCode};

use super::{Reading, Series, Times};

/// How many requests there were, of what kind, and how long they took.
///
/// A request costs one look into a table that never changes and a few additions to atomics: no lock, nothing that is
/// made. A method that is not known is `other`, and what no route answers has the route `unknown` (OBS-07).
#[derive(Debug)]
pub struct Requests {
    /// By the route's pattern.
    routes: HashMap<&'static str, Route>,
    unknown: Route,
    in_flight: AtomicU64,
    abandoned: AtomicU64,
}

/// One route, by the method.
#[derive(Debug, Default)]
struct Route([Of; METHODS.len() + 1]);

/// What was asked of one route with one method.
#[derive(Debug)]
struct Of {
    statuses: [AtomicU64; STATUSES.len() + 1],
    times: Times,
}

const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];

/// All that the service answers with, what is frequent first.
const STATUSES: [(StatusCode, &str); 22] = [
    (StatusCode::OK, "200"),
    (StatusCode::UNAUTHORIZED, "401"),
    (StatusCode::CREATED, "201"),
    (StatusCode::NO_CONTENT, "204"),
    (StatusCode::TOO_MANY_REQUESTS, "429"),
    (StatusCode::UNPROCESSABLE_ENTITY, "422"),
    (StatusCode::NOT_FOUND, "404"),
    (StatusCode::FORBIDDEN, "403"),
    (StatusCode::BAD_REQUEST, "400"),
    (StatusCode::CONFLICT, "409"),
    (StatusCode::SERVICE_UNAVAILABLE, "503"),
    (StatusCode::INTERNAL_SERVER_ERROR, "500"),
    (StatusCode::METHOD_NOT_ALLOWED, "405"),
    (StatusCode::REQUEST_TIMEOUT, "408"),
    (StatusCode::PAYLOAD_TOO_LARGE, "413"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "415"),
    (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "431"),
    (StatusCode::NOT_MODIFIED, "304"),
    (StatusCode::PERMANENT_REDIRECT, "308"),
    (StatusCode::NOT_ACCEPTABLE, "406"),
    (StatusCode::PRECONDITION_FAILED, "412"),
    (StatusCode::NOT_IMPLEMENTED, "501"),
];

/// What is not in a table of these.
const OTHER: &str = "other";

impl Requests {
    /// The requests of a service that has these routes.
    pub fn of(patterns: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            routes: patterns.into_iter().map(|pattern| (pattern, Route::default())).collect(),
            unknown: Route::default(),
            in_flight: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        }
    }

    /// Begins one.
    pub fn begin(&self) -> Underway<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Underway { requests: self, answered: Answered::NotYet }
    }

    fn entry(&self, method: &Method, pattern: Option<&str>) -> &Of {
        pattern.and_then(|pattern| self.routes.get(pattern)).unwrap_or(&self.unknown).of(method)
    }

    /// How many are being answered.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How many ended without an answer: their clients hung up.
    pub fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// How many were answered, by method, route and status; what has not happened yet is left out.
    pub fn answered(&self) -> Vec<Series<3, u64>> {
        let mut series = Vec::new();
        for (method, route, of) in self.each() {
            let names = STATUSES.iter().map(|(_, name)| *name).chain([OTHER]);
            let counts = of.statuses.iter().map(|count| count.load(Ordering::Relaxed));
            let some = names.zip(counts).filter(|(_, count)| *count > 0);
            series.extend(some.map(|(status, count)| ([method, route, status], count)));
        }
        series
    }

    /// How long their answers took, by method and route; what has not happened yet is left out.
    pub fn times(&self) -> Vec<Series<2, Reading>> {
        let all = self.each().into_iter().map(|(method, route, of)| ([method, route], of.times.read()));
        all.filter(|(_, reading)| reading.count() > 0).collect()
    }

    /// In one order, so that two readings can be compared.
    fn each(&self) -> Vec<(&'static str, &'static str, &Of)> {
        let mut routes: Vec<_> = self.routes.iter().map(|(pattern, route)| (*pattern, route)).collect();
        routes.sort_unstable_by_key(|(pattern, _)| *pattern);
        routes.push(("unknown", &self.unknown));
        let each = routes.into_iter().flat_map(|(pattern, Route(methods))| {
            let names = METHOD_NAMES.into_iter().chain([OTHER]);
            names.zip(methods).map(move |(method, of)| (method, pattern, of))
        });
        each.collect()
    }
}

/// The name of a method, where it is one of those that are known; it may be any word that a stranger makes up.
pub fn method_name(method: &Method) -> &'static str {
    METHODS.iter().zip(METHOD_NAMES).find(|(known, _)| *known == method).map_or(OTHER, |(_, name)| name)
}

/// As [`METHODS`].
const METHOD_NAMES: [&str; METHODS.len()] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl Route {
    fn of(&self, method: &Method) -> &Of {
        let Self(methods) = self;
        let [.., other] = methods;
        METHODS.iter().zip(methods).find(|(known, _)| *known == method).map_or(other, |(_, of)| of)
    }
}

impl Default for Of {
    fn default() -> Self {
        Self { statuses: array::from_fn(|_| AtomicU64::new(0)), times: Times::default() }
    }
}

/// A request that is being answered. One that goes without an answer was given up by its client.
#[derive(Debug)]
pub struct Underway<'r> {
    requests: &'r Requests,
    answered: Answered,
}

#[derive(Debug, PartialEq, Eq)]
enum Answered {
    NotYet,
    Yes,
}

impl Underway<'_> {
    /// Ends it with an answer of the route whose pattern it matched.
    pub fn answered(mut self, method: &Method, pattern: Option<&str>, status: StatusCode, took: Duration) {
        self.answered = Answered::Yes;
        let of = self.requests.entry(method, pattern);
        let [.., other] = &of.statuses;
        let mut statuses = STATUSES.iter().zip(&of.statuses);
        let count = statuses.find(|((known, _), _)| *known == status).map_or(other, |(_, count)| count);
        count.fetch_add(1, Ordering::Relaxed);
        of.times.note(took);
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.requests.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.answered == Answered::NotYet {
            self.requests.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_make_up_is_counted_together() {
        // OBS-07
        let requests = Requests::of(["/a/{id}"]);
        let ask = |method: &[u8], route, status| {
            let method = Method::from_bytes(method).unwrap();
            let status = StatusCode::from_u16(status).unwrap();
            requests.begin().answered(&method, route, status, Duration::ZERO);
        };
        for (method, route, status) in [
            (b"GET".as_slice(), Some("/a/{id}"), 200),
            (b"GET", Some("/b"), 404),
            (b"GET", None, 404),
            (b"BREW", None, 404),
            (b"CANARY", None, 404),
            (b"get", None, 799),
        ] {
            ask(method, route, status);
        }
        let expected = [
            (["GET", "/a/{id}", "200"], 1),
            (["GET", "unknown", "404"], 2),
            (["other", "unknown", "404"], 2),
            (["other", "unknown", "other"], 1),
        ];
        assert_eq!(requests.answered(), expected);
        let counts: Vec<_> = requests.times().into_iter().map(|(of, times)| (of, times.count())).collect();
        assert_eq!(counts, [(["GET", "/a/{id}"], 1), (["GET", "unknown"], 2), (["other", "unknown"], 3)]);
    }

    #[test]
    fn a_request_is_in_flight_until_it_is_answered_or_given_up() {
        let requests = Requests::of(["/a"]);
        let (one, two) = (requests.begin(), requests.begin());
        assert_eq!((requests.in_flight(), requests.abandoned()), (2, 0));
        one.answered(&Method::GET, Some("/a"), StatusCode::OK, Duration::ZERO);
        assert_eq!((requests.in_flight(), requests.abandoned()), (1, 0));
        drop(two);
        assert_eq!((requests.in_flight(), requests.abandoned()), (0, 1));
        assert_eq!(requests.answered().len(), 1);
    }

    #[test]
    fn names_are_those_of_what_they_stand_for() {
        for (method, name) in METHODS.iter().zip(METHOD_NAMES) {
            assert_eq!((method.as_str(), method_name(method)), (name, name));
        }
        assert_eq!(method_name(&Method::from_bytes(b"CANARY").unwrap()), "other");
        for (status, name) in STATUSES {
            assert_eq!(status.as_str(), name);
        }
    }
}

//! The parameters of a query: each taken once and parsed, with every problem at once.

use axum::{
    extract::{FromRequestParts, Query},
    http::{StatusCode, request::Parts},
};

use super::{
    error::{FieldProblems, Refusal},
    openapi::{Asks, Operation},
};
use crate::state::AppState;

/// The parameters of a request's address. One that nobody takes is refused: a filter that is misspelled would show more
/// than was asked for.
pub(super) struct Params {
    given: Vec<(String, String)>,
    problems: FieldProblems,
}

impl Params {
    /// Takes a parameter and parses it; `None` where it was not given, or has left its problem behind.
    pub(super) fn take<T, P: ToString>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, P>,
    ) -> Option<T> {
        let given: Vec<_> = self.given.extract_if(.., |(given, _)| given == name).collect();
        let parsed = match given.as_slice() {
            [] => return None,
            [(_, text)] => parse(text).map_err(|problem| problem.to_string()),
            _ => Err("is given more than once".to_owned()),
        };
        parsed.map_err(|problem| self.problems.entry(name.into()).or_default().push(problem)).ok()
    }

    /// Whether a parameter is there that was not taken yet.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| given == name)
    }

    /// Says that all have been taken.
    ///
    /// # Errors
    /// The refusal that names every problem found, and every parameter that is left.
    pub(super) fn done(self) -> Result<(), Refusal> {
        let Self { given, mut problems } = self;
        for (name, _) in given {
            problems.entry(name.into()).or_insert_with(|| vec!["is not known".to_owned()]);
        }
        if problems.is_empty() { Ok(()) } else { Err(Refusal::params(problems)) }
    }
}

impl FromRequestParts<AppState> for Params {
    type Rejection = Refusal;

    /// 400 for what is no query.
    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Refusal> {
        let Ok(Query(given)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) else {
            return Err(no_query());
        };
        Ok(Self { given, problems: FieldProblems::new() })
    }
}

impl Asks for Params {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        let unknown = FieldProblems::from([("nmae".into(), vec!["is not known".to_owned()])]);
        operation.refuses(no_query()).refuses(Refusal::params(unknown))
    }
}

fn no_query() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "The query is not well formed")
}

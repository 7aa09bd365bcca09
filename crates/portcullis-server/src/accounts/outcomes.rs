//! What came of what people did, counted: for whoever watches the service, never for a client.

use std::sync::atomic::{AtomicU64, Ordering};

use super::AccountsError;
use crate::{
    metrics::{Counts, Label},
    sessions::Verdict,
};

/// What came of the acts of a service since it started. An act whose client hung up before its end is in none.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Logins.
    pub logins: Counts<Outcome>,
    /// Registrations.
    pub registrations: Counts<Outcome>,
    /// Logouts, of one session and of many.
    pub logouts: Counts<Outcome>,
    /// Refreshes by a genuine refresh token, and those that were turned away before.
    pub refreshes: Counts<RefreshOutcome>,
    adopted: AtomicU64,
}

/// What came of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Accepted,
    /// It was not: the client's doing, or a configuration's.
    Refused,
    /// There were too many of its like.
    Limited,
    /// A part was too busy or did not answer.
    Unavailable,
    /// A defect.
    Failed,
}

impl Label for Outcome {
    const ALL: &'static [Self] =
        &[Self::Accepted, Self::Refused, Self::Limited, Self::Unavailable, Self::Failed];

    fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}

impl From<&AccountsError> for Outcome {
    fn from(error: &AccountsError) -> Self {
        match error {
            AccountsError::Limited { .. } => Self::Limited,
            AccountsError::Unavailable(_) => Self::Unavailable,
            AccountsError::Defect(_) => Self::Failed,
            _ => Self::Refused,
        }
    }
}

/// What came of a refresh: what the rule said, or why it was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// What the rule said, and was done.
    Judged(Verdict),
    /// Too many from the same address had failed.
    Limited,
    /// A part was too busy or did not answer.
    Unavailable,
    /// A defect.
    Failed,
}

impl Label for RefreshOutcome {
    const ALL: &'static [Self] = &[
        Self::Judged(Verdict::Rotate),
        Self::Judged(Verdict::Repeat),
        Self::Judged(Verdict::Reissue),
        Self::Judged(Verdict::Replayed),
        Self::Judged(Verdict::Ahead),
        Self::Judged(Verdict::Gone),
        Self::Limited,
        Self::Unavailable,
        Self::Failed,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Judged(Verdict::Rotate) => "rotated",
            Self::Judged(Verdict::Repeat) => "repeated_concurrent",
            Self::Judged(Verdict::Reissue) => "repeated_lost_answer",
            Self::Judged(Verdict::Replayed) => "replayed",
            Self::Judged(Verdict::Ahead) => "ahead_of_store",
            Self::Judged(Verdict::Gone) => "gone",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}

impl RefreshOutcome {
    /// What came of a refresh of which the rule said something, and which ended so.
    pub(super) fn of<T>(verdict: Verdict, ended: &Result<T, AccountsError>) -> Self {
        match ended.as_ref().err().map(Outcome::from) {
            None | Some(Outcome::Accepted | Outcome::Refused) => Self::Judged(verdict),
            Some(Outcome::Limited) => Self::Limited,
            Some(Outcome::Unavailable) => Self::Unavailable,
            Some(Outcome::Failed) => Self::Failed,
        }
    }
}

impl Outcomes {
    /// How many refresh tokens of another application became a session.
    pub fn adopted(&self) -> u64 {
        self.adopted.load(Ordering::Relaxed)
    }

    pub(super) fn count_adopted(&self) {
        self.adopted.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts what came of an act, and hands it on.
pub(super) fn counted<T>(
    counts: &Counts<Outcome>,
    ended: Result<T, AccountsError>,
) -> Result<T, AccountsError> {
    counts.add(ended.as_ref().err().map_or(Outcome::Accepted, Outcome::from));
    ended
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_outcome_has_a_name_of_its_own() {
        let names: BTreeSet<_> = RefreshOutcome::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), RefreshOutcome::ALL.len());
        let names: BTreeSet<_> = Outcome::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Outcome::ALL.len());
    }

    #[test]
    fn a_defect_is_no_refusal_and_a_verdict_that_could_not_be_carried_out_none() {
        let defect = Err::<(), _>(AccountsError::Defect("broken".into()));
        let counts = Counts::default();
        drop(counted(&counts, defect));
        drop(counted(&counts, Ok::<_, AccountsError>(())));
        drop(counted(&counts, Err::<(), _>(AccountsError::NameTaken)));
        let some = counts.series().into_iter().filter(|(_, count)| *count > 0);
        let some: Vec<_> = some.map(|([name], count)| (name, count)).collect();
        assert_eq!(some, [("accepted", 1), ("refused", 1), ("failed", 1)]);
        let of = |ended: Result<(), _>| RefreshOutcome::of(Verdict::Rotate, &ended);
        assert_eq!(of(Ok(())), RefreshOutcome::Judged(Verdict::Rotate));
        assert_eq!(of(Err(AccountsError::Unavailable("late".into()))), RefreshOutcome::Unavailable);
        assert_eq!(of(Err(AccountsError::Defect("broken".into()))), RefreshOutcome::Failed);
    }
}

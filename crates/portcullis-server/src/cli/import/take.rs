//! Taking rows over: many at once, so that an embedded store writes them together.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use serde_json::Value;
use tokio::{sync::OnceCell, task::JoinSet};

use super::{
    judge::{Candidate, Judge, Reason, Secret},
    report::Outcome,
    rows::{Field, Numbered},
};
use crate::{
    accounts::{Accounts, AccountsError, Attempt, By},
    causes::causes,
    cli::acting::Acting,
    model::{Password, PasswordHash, Username},
    state::Operator,
};

/// Where rows are taken to.
pub(super) struct Taking {
    accounts: Option<Arc<Accounts>>,
    act: Act,
    /// How many are taken at once now: fewer for a store that does not keep up.
    at_once: usize,
}

enum Act {
    Import(By),
    /// Nothing is written. The names that would be there by now, by a hash of each.
    DryRun {
        hasher: RandomState,
        names: HashSet<u64>,
    },
}

/// What became of some rows.
pub(super) struct TakenRows {
    pub(super) outcomes: Vec<Outcome>,
    /// Why no more should be tried, where that is so.
    pub(super) stopped: Option<String>,
}

impl Taking {
    /// How many are taken at once, at most: so many become one write of an embedded store, and as many passwords may wait to
    /// be hashed.
    const MOST_AT_ONCE: usize = Operator::HASH_QUEUE;

    /// How often a row is tried whose store does not answer. Each takes seconds by itself.
    const ATTEMPTS: usize = 3;

    /// Into a store.
    pub(super) fn into(acting: &Acting) -> Self {
        let (accounts, act) = (Some(acting.accounts().clone()), Act::Import(acting.by.clone()));
        Self { accounts, act, at_once: Self::MOST_AT_ONCE }
    }

    /// Nowhere; the names of a store are taken, where there is one.
    pub(super) fn dry(acting: Option<&Acting>) -> Self {
        let act = Act::DryRun { hasher: RandomState::new(), names: HashSet::new() };
        let accounts = acting.map(|acting| acting.accounts().clone());
        Self { accounts, act, at_once: Self::MOST_AT_ONCE }
    }

    /// How many rows are to be taken next.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// Takes rows; answers in their order.
    pub(super) async fn take(&mut self, rows: Vec<Numbered>, judge: &Judge) -> TakenRows {
        let (mut outcomes, mut waiting) = (Vec::new(), JoinSet::new());
        // Of two rows with one name the first is taken, whichever the store would see first.
        let mut lines = HashMap::new();
        for (place, Numbered { line, row }) in rows.into_iter().enumerate() {
            let username = row.as_ref().ok().and_then(|row| row.get(Field::Username)).and_then(Value::as_str);
            let username = username.map(str::to_owned);
            let judged = row.map_err(|problem| Reason::new("bad_line", problem));
            let judged = judged.and_then(|row| judge.judge(&row)).and_then(|candidate| {
                match lines.insert(candidate.username().key().as_str().to_owned(), line) {
                    Some(first) => Err(name_taken(format!("the name stands in line {first} already"))),
                    None => self.is_new(candidate.username()).map(|()| candidate),
                }
            });
            let taken = match judged {
                Ok(candidate) => {
                    waiting.spawn(self.of_one().take(place, candidate));
                    Ok(None)
                }
                Err(reason) => Err(reason),
            };
            outcomes.push(Outcome { line, username, taken });
        }
        let mut stopped = None;
        let mut slow = false;
        for TakenOne { place, taken, at_once } in waiting.join_all().await {
            slow |= !at_once;
            if let Err(reason) = &taken
                && reason.code == STORE
            {
                stopped = Some(format!(
                    "{}; the same import again goes on, since names that are there are left alone",
                    reason.message
                ));
            }
            if let Some(outcome) = outcomes.get_mut(place) {
                outcome.taken = taken;
            }
        }
        self.at_once =
            if slow { (self.at_once / 2).max(1) } else { (self.at_once * 2).min(Self::MOST_AT_ONCE) };
        TakenRows { outcomes, stopped }
    }

    /// In a dry run: whether an earlier row has the name.
    fn is_new(&mut self, name: &Username) -> Result<(), Reason> {
        match &mut self.act {
            Act::Import(_) => Ok(()),
            Act::DryRun { hasher, names } => {
                let is_new = names.insert(hasher.hash_one(name.key()));
                is_new.then_some(()).ok_or_else(|| name_taken("an earlier line has the name already"))
            }
        }
    }

    fn of_one(&self) -> One {
        let by = match &self.act {
            Act::Import(by) => Some(by.clone()),
            Act::DryRun { .. } => None,
        };
        One { accounts: self.accounts.clone(), by, hash: OnceCell::new() }
    }
}

/// What one row needs.
struct One {
    accounts: Option<Arc<Accounts>>,
    /// Who takes it over; nobody in a dry run.
    by: Option<By>,
    /// What was made of its password, where it has one and not a hash.
    hash: OnceCell<PasswordHash>,
}

/// The code of a store that failed.
const STORE: &str = "store";

/// What became of one row.
struct TakenOne {
    place: usize,
    taken: Result<Option<String>, Reason>,
    /// Whether the store answered at once.
    at_once: bool,
}

impl One {
    async fn take(self, place: usize, candidate: Candidate) -> TakenOne {
        let mut attempt = Attempt::First;
        let mut tried = 1;
        let mut taken = self.attempt(&candidate, attempt).await;
        while matches!(taken, Err(AccountsError::Unavailable(_))) && tried < Taking::ATTEMPTS {
            (attempt, tried) = (Attempt::Again, tried + 1);
            taken = self.attempt(&candidate, attempt).await;
        }
        let taken = taken.map_err(|error| match error {
            AccountsError::NameTaken => name_taken("the name is taken; whoever has it is left alone"),
            error => Reason::new(STORE, causes(&error)),
        });
        TakenOne { place, taken, at_once: attempt == Attempt::First }
    }

    async fn attempt(
        &self,
        candidate: &Candidate,
        attempt: Attempt,
    ) -> Result<Option<String>, AccountsError> {
        let Some(accounts) = &self.accounts else { return Ok(None) };
        let Some(by) = &self.by else {
            let is_free = accounts.looks_free(candidate.username()).await?;
            return if is_free { Ok(None) } else { Err(AccountsError::NameTaken) };
        };
        let hash = match candidate.secret() {
            Secret::Hash(hash) => hash.clone(),
            Secret::Password(password) => self.hash_of(accounts, password).await?,
        };
        let user = accounts.import_user(by, candidate.with(hash), attempt).await?;
        Ok(Some(user.id.as_str().to_owned()))
    }

    /// The hash of a password, the same one in every attempt.
    async fn hash_of(&self, accounts: &Accounts, password: &Password) -> Result<PasswordHash, AccountsError> {
        let hash = self.hash.get_or_try_init(|| accounts.hash_of(password.clone())).await?;
        Ok(hash.clone())
    }
}

fn name_taken(message: impl Into<String>) -> Reason {
    Reason::new("name_taken", message)
}

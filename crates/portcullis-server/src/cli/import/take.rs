//! Taking rows over: many at once, so that an embedded store writes them together.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use serde_json::Value;
use tokio::task::JoinSet;

use super::{
    judge::{Candidate, Judge, Reason, Secret},
    report::Outcome,
    rows::{Field, Numbered},
};
use crate::{
    accounts::{Accounts, AccountsError, By},
    causes::causes,
    cli::acting::Acting,
    model::Username,
};

/// Where rows are taken to.
pub(super) struct Taking {
    accounts: Option<Arc<Accounts>>,
    act: Act,
}

#[derive(Clone)]
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
    /// How many are taken at once.
    pub(super) const AT_ONCE: usize = 64;

    /// How often a row is tried whose store does not answer. Each takes seconds by itself.
    const ATTEMPTS: usize = 3;

    /// Into a store.
    pub(super) fn into(acting: &Acting) -> Self {
        Self { accounts: Some(acting.accounts().clone()), act: Act::Import(acting.by.clone()) }
    }

    /// Nowhere; the names of a store are taken, where there is one.
    pub(super) fn dry(acting: Option<&Acting>) -> Self {
        let act = Act::DryRun { hasher: RandomState::new(), names: HashSet::new() };
        Self { accounts: acting.map(|acting| acting.accounts().clone()), act }
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
                    waiting.spawn(self.clone_for_one().one(place, candidate));
                    Ok(None)
                }
                Err(reason) => Err(reason),
            };
            outcomes.push(Outcome { line, username, taken });
        }
        let mut stopped = None;
        for (place, taken) in waiting.join_all().await {
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
        TakenRows { outcomes, stopped }
    }

    /// In a dry run: whether an earlier row has the name.
    fn is_new(&mut self, name: &Username) -> Result<(), Reason> {
        match &mut self.act {
            Act::Import(_) => Ok(()),
            Act::DryRun { hasher, names } => match names.insert(hasher.hash_one(name.key())) {
                true => Ok(()),
                false => Err(name_taken("an earlier line has the name already")),
            },
        }
    }

    fn clone_for_one(&self) -> One {
        let by = match &self.act {
            Act::Import(by) => Some(by.clone()),
            Act::DryRun { .. } => None,
        };
        One { accounts: self.accounts.clone(), by }
    }
}

/// What one row needs.
struct One {
    accounts: Option<Arc<Accounts>>,
    /// Who takes it over; nobody in a dry run.
    by: Option<By>,
}

/// The code of a store that failed.
const STORE: &str = "store";

impl One {
    async fn one(self, place: usize, candidate: Candidate) -> (usize, Result<Option<String>, Reason>) {
        let mut attempt = 1;
        let taken = loop {
            match self.attempt(&candidate).await {
                Err(AccountsError::Unavailable(_)) if attempt < Taking::ATTEMPTS => attempt += 1,
                Err(AccountsError::NameTaken) if attempt > 1 => {
                    break Err(name_taken(
                        "the name is taken, perhaps by this very row: the store did not answer at first",
                    ));
                }
                Err(AccountsError::NameTaken) => {
                    break Err(name_taken("the name is taken; whoever has it is left alone"));
                }
                Err(error) => break Err(Reason::new(STORE, causes(&error))),
                Ok(id) => break Ok(id),
            }
        };
        (place, taken)
    }

    async fn attempt(&self, candidate: &Candidate) -> Result<Option<String>, AccountsError> {
        let Some(accounts) = &self.accounts else { return Ok(None) };
        let Some(by) = &self.by else {
            return match accounts.looks_free(candidate.username()).await? {
                true => Ok(None),
                false => Err(AccountsError::NameTaken),
            };
        };
        let hash = match candidate.secret() {
            Secret::Hash(hash) => hash.clone(),
            Secret::Password(password) => accounts.hash_of(password.clone()).await?,
        };
        let user = accounts.import_user(by, candidate.with(hash)).await?;
        Ok(Some(user.id.as_str().to_owned()))
    }
}

fn name_taken(message: impl Into<String>) -> Reason {
    Reason::new("name_taken", message)
}

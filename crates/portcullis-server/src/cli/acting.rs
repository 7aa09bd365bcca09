//! From a configuration to an act on its store, and back down in order.

use std::{process::ExitCode, sync::Arc};

use portcullis::SystemClock;
use tokio::runtime::Runtime;

use super::{Failure, Place, load, output::shown};
use crate::{
    accounts::{Accounts, AccountsError, By},
    causes::causes,
    config::{Config, Environment},
    model::{LoginName, User, UserId},
    state::{Instance, Operator},
    store,
};

/// What an act has at hand.
pub(super) struct Acting {
    pub(super) operator: Operator,
    pub(super) by: By,
}

/// Where an act happens: the configuration's place and the environment that changes it.
pub(super) struct At {
    pub(super) place: Place,
    pub(super) environment: Environment,
}

/// A configuration that an act can happen by.
pub(super) struct Ready {
    config: Config,
    by: By,
}

impl At {
    /// Reads the configuration.
    pub(super) fn ready(self) -> Result<Ready, Failure> {
        let by = By::operator(Some(&account(self.environment.claimed_account())));
        let (config, _) = load(&self.place.sources(self.environment, Vec::new()))?;
        Ok(Ready { config, by })
    }

    /// Runs an act on the store of the configuration. `instance` says what is made that is not there yet.
    pub(super) fn act(
        self,
        instance: Instance,
        act: impl AsyncFnOnce(&Acting) -> Result<ExitCode, Failure>,
    ) -> Result<ExitCode, Failure> {
        self.ready()?.act(instance, act)
    }
}

impl Ready {
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn by(&self) -> &By {
        &self.by
    }

    /// Whether the store is an embedded one that was not made yet.
    pub(super) fn has_no_store(&self) -> bool {
        store::is_not_made(&self.config.database)
    }

    /// The same as [`At::act`].
    pub(super) fn act(
        self,
        instance: Instance,
        act: impl AsyncFnOnce(&Acting) -> Result<ExitCode, Failure>,
    ) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            let operator = Operator::open(&self.config, Arc::new(SystemClock), instance).await;
            let operator = operator.map_err(|error| Failure::new(causes(&error)))?;
            let acting = Acting { operator, by: self.by };
            let done = act(&acting).await;
            let closed = acting.operator.close().await;
            let code = done?;
            closed.map_err(|error| {
                let untold = format!("not everybody was told: {}", causes(&error));
                Failure::new(untold).after("it was done")
            })?;
            Ok(code)
        })
    }
}

/// The account that runs the program: what the system says, and behind it what only the environment does.
fn account(claimed: Option<&str>) -> String {
    const LONGEST: usize = 64;
    let claimed = claimed.map(|name| name.chars().take(LONGEST).collect::<String>());
    let claimed = claimed.map(|name| format!("; SUDO_USER claims {name:?}")).unwrap_or_default();
    system_account() + &claimed
}

/// The user that the process has, by number and by name where the system knows one.
#[cfg(unix)]
fn system_account() -> String {
    let uid = uzers::get_current_uid();
    let user = uzers::get_user_by_uid(uid);
    let name = user.map(|user| format!(" ({})", user.name().to_string_lossy())).unwrap_or_default();
    format!("uid {uid}{name}")
}

/// Elsewhere nobody is asked.
#[cfg(not(unix))]
fn system_account() -> String {
    "somebody".to_owned()
}

/// Runs what needs no store.
pub(super) fn without_store(
    act: impl Future<Output = Result<ExitCode, Failure>>,
) -> Result<ExitCode, Failure> {
    runtime()?.block_on(act)
}

fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::new(format!("no runtime: {error}")))
}

impl Acting {
    pub(super) fn accounts(&self) -> &Arc<Accounts> {
        self.operator.accounts()
    }

    /// The user that somebody means, by id or by name as a login would find it.
    pub(super) async fn user(&self, text: &str) -> Result<User, Failure> {
        let failed = |error| failure(text, error);
        let by_id = match self.accounts().user(&UserId::new(text)).await {
            Err(AccountsError::NoSuchUser) => None,
            found => Some(found.map_err(failed)?),
        };
        let by_name = match LoginName::parse(text) {
            Ok(name) => match self.accounts().user_of_name(&name).await {
                Err(AccountsError::NoSuchUser) => None,
                found => Some(found.map_err(failed)?),
            },
            Err(_) => None,
        };
        match (by_id, by_name) {
            // Names like ids cannot be registered; one may be older than that rule.
            (Some(one), Some(other)) if one.id != other.id => Err(Failure::new(format!(
                "{} is the id of one user and the name of another, whose id is {}; say an id",
                quoted(text),
                other.id.as_str()
            ))),
            (Some(user), _) | (None, Some(user)) => Ok(user),
            (None, None) => Err(failed(AccountsError::NoSuchUser)),
        }
    }
}

/// An act that did not happen, with what it was about.
pub(super) fn failure(about: &str, error: AccountsError) -> Failure {
    let about = quoted(about);
    Failure::new(match error {
        AccountsError::NoSuchUser => format!("there is no user {about}"),
        AccountsError::NoSuchSession => format!("there is no session {about}"),
        AccountsError::NameTaken => {
            format!(
                "the name {about} is taken, by one that cannot be told from it or by a user deleted lately"
            )
        }
        AccountsError::LastAdmin => {
            format!("{about} is the only one who can administer users; make another an admin first")
        }
        error => format!("{about}: {}", causes(&error)),
    })
}

/// An act that did not happen, or of which nobody knows whether it did.
pub(super) fn act_failure(about: &str, error: AccountsError) -> Failure {
    let is_unknown = matches!(error, AccountsError::Unavailable(_) | AccountsError::Defect(_));
    let failure = failure(about, error);
    if !is_unknown {
        return failure;
    }
    failure.after("it may have been done: the same command again settles it")
}

/// What somebody typed, as a message repeats it.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 100;
    let short: String = text.chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", shown(&short))
}

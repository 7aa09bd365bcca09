//! `portcullis user list` and `portcullis user show`.

use std::{fmt::Write as _, process::ExitCode, time::SystemTime};

use clap::Args;

use super::access_level;
use crate::{
    cli::{
        Failure,
        acting::{Acting, At, failure, quoted},
        moment::readable,
        output::{Form, Reader, Table, json_line, put},
        say, say_problem,
        seen::{self, SeenUser},
    },
    model::{Access, NamePrefix, User, UserQuery, UserState},
    state::Instance,
};

/// How many are read and written at once.
const PAGE: usize = 500;

#[derive(Args, Debug)]
pub(in crate::cli) struct List {
    /// Only those whose name begins so; case and width make no difference
    #[arg(long, value_name = "PREFIX")]
    name: Option<String>,
    /// Only those of this level
    #[arg(long, value_name = "LEVEL", value_parser = access_level())]
    access: Option<Access>,
    /// Only those who are disabled
    #[arg(long, conflicts_with = "enabled")]
    disabled: bool,
    /// Only those who are not disabled
    #[arg(long)]
    enabled: bool,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "all")]
    limit: usize,
    /// All of them, however many there are
    #[arg(long)]
    all: bool,
}

impl List {
    pub(super) fn run(self, at: At, form: Form) -> Result<ExitCode, Failure> {
        let prefix = self.name.as_deref().map(NamePrefix::parse).transpose();
        let name_prefix = prefix.map_err(|problem| {
            Failure::new(format!("--name {} {problem}", quoted(self.name.as_deref().unwrap_or_default())))
        })?;
        let state = match (self.disabled, self.enabled) {
            (true, _) => Some(UserState::Disabled),
            (_, true) => Some(UserState::Enabled),
            _ => None,
        };
        let query = UserQuery { name_prefix, access: self.access, state, ..UserQuery::default() };
        let limit = if self.all { usize::MAX } else { self.limit };
        at.act(Instance::Seen, async |acting| list(acting, query, limit, form).await)
    }
}

/// Writes page after page, so that no list is too long.
async fn list(acting: &Acting, mut query: UserQuery, limit: usize, form: Form) -> Result<ExitCode, Failure> {
    let mut table = Table::of(["NAME", "ACCESS", "STATE", "CREATED", "ID"]);
    let mut left = limit;
    while left > 0 {
        query.limit = left.min(PAGE);
        let page = acting.accounts().users(&query).await.map_err(|error| failure("users", error))?;
        left -= page.users.len().min(left);
        let text = if form.json {
            page.users.iter().map(|user| json_line(&SeenUser::from(user))).collect::<Result<String, _>>()?
        } else {
            table.rows(page.users.iter().map(|user| row(user, acting.operator.clock().now())).collect())
        };
        if put(&text)? == Reader::Gone {
            return Ok(ExitCode::SUCCESS);
        }
        match page.next {
            Some(next) if left > 0 => query.after = Some(next),
            Some(_) => say_problem("there are more; --all shows everybody, --limit and --name choose"),
            None => break,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(user: &User, now: SystemTime) -> [String; 5] {
    [
        seen::name(user),
        user.access.name().to_owned(),
        seen::state(user, now),
        readable(user.created_at),
        user.id.as_str().to_owned(),
    ]
}

pub(super) fn show(at: At, user: &str, form: Form) -> Result<ExitCode, Failure> {
    at.act(Instance::Seen, async |acting| {
        let user = acting.user(user).await?;
        if form.json {
            return say(&json_line(&SeenUser::from(&user))?);
        }
        let sessions = acting.accounts().sessions_of(&user.id).await;
        let sessions = sessions.map_err(|error| failure(&user.username, error))?.len();
        let now = acting.operator.clock().now();
        let mut text = String::new();
        for (name, value) in [
            ("name", seen::name(&user)),
            ("id", user.id.as_str().to_owned()),
            ("access", user.access.name().to_owned()),
            ("state", seen::state(&user, now)),
            ("created", readable(user.created_at)),
            ("failed logins", user.failures.count.to_string()),
            ("sessions", sessions.to_string()),
        ] {
            let _ = writeln!(text, "{name:<14} {value}");
        }
        say(&text)
    })
}

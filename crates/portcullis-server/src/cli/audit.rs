//! `portcullis audit`: what happened, and who did it.

use std::{collections::BTreeMap, process::ExitCode, time::SystemTime};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use portcullis::{Clock, SystemClock};

use super::{
    Failure,
    acting::{Acting, At, failure, quoted},
    moment,
    output::{Form, Reader, Table, json_line, put, shown},
    say_problem,
    seen::{self, SeenEvent},
};
use crate::{
    model::{EventKind, EventQuery, StoredEvent, UserId},
    state::Instance,
};

/// How many are read and written at once.
const PAGE: usize = 500;

#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    form: Form,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List what happened, the newest first
    ///
    /// Logins, failed ones too, changes of users and passwords, ended sessions, and what was done at a terminal. Shows the
    /// last 50 unless told otherwise.
    #[command(after_long_help = "\
Examples:
  portcullis audit list --user alice --since 7d
  portcullis audit list --event authn_login_fail --since 2026-11-28T08:00:00Z --limit 1000
  portcullis audit list --json | jq -r .event | sort | uniq -c")]
    List(List),
}

#[derive(Args, Debug)]
struct List {
    /// Only what this user did, or what was done to the user; a name or an id
    #[arg(long, value_name = "NAME_OR_ID")]
    user: Option<String>,
    /// Only events of this kind
    #[arg(long, value_name = "EVENT", value_parser = event_kind(), hide_possible_values = true, long_help = kinds())]
    event: Option<EventKind>,
    /// Only what happened since then: a moment such as 2026-11-28 or 2026-11-28T16:34:44Z, or as long ago as 90s, 30m, 12h
    /// or 7d
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<SystemTime>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

impl Command {
    pub(super) fn run(self, at: At) -> Result<ExitCode, Failure> {
        let (form, Act::List(list)) = (self.form, self.act);
        at.act(Instance::Seen, async |acting| list.run(acting, form).await)
    }
}

impl List {
    async fn run(self, acting: &Acting, form: Form) -> Result<ExitCode, Failure> {
        let user = match &self.user {
            Some(user) => Some(subject(acting, user).await?),
            None => None,
        };
        let mut query = EventQuery { user, kind: self.event, from: self.since, ..EventQuery::default() };
        let (mut left, mut names) = (self.limit, Names::default());
        let mut table = Table::of(["WHEN", "EVENT", "BY", "ABOUT", "FROM", "DETAIL"]);
        while left > 0 {
            query.limit = left.min(PAGE);
            let page = acting.accounts().events(&query).await.map_err(|error| failure("events", error))?;
            left -= page.events.len().min(left);
            let text = if form.json {
                page.events
                    .iter()
                    .map(|event| json_line(&SeenEvent::from(event)))
                    .collect::<Result<String, _>>()?
            } else {
                let mut rows = Vec::new();
                for event in &page.events {
                    rows.push(names.row(acting, event).await?);
                }
                table.rows(rows)
            };
            if put(&text)? == Reader::Gone {
                break;
            }
            match page.next {
                Some(next) if left > 0 => query.after = Some(next),
                Some(_) => say_problem("there is more; --limit, --since, --user and --event choose"),
                None => break,
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Whom events are about: also somebody who was deleted, by an id of which they tell still.
async fn subject(acting: &Acting, text: &str) -> Result<UserId, Failure> {
    let unknown = match acting.user(text).await {
        Ok(user) => return Ok(user.id),
        Err(unknown) => unknown,
    };
    let id = UserId::new(text);
    let query = EventQuery { user: Some(id.clone()), limit: 1, ..EventQuery::default() };
    let page = acting.accounts().events(&query).await.map_err(|error| failure(text, error))?;
    if page.events.is_empty() { Err(unknown) } else { Ok(id) }
}

/// The names of users, each looked up once.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    async fn row(&mut self, acting: &Acting, stored: &StoredEvent) -> Result<[String; 6], Failure> {
        let event = &stored.event;
        Ok([
            moment::readable(event.at),
            event.kind.name().to_owned(),
            self.of(acting, event.actor.as_ref()).await?,
            self.of(acting, event.subject.as_ref()).await?,
            event.address.map(|address| address.to_string()).unwrap_or_default(),
            event.detail.as_deref().map(shown).unwrap_or_default(),
        ])
    }

    /// The name of a user; the id of one who is gone.
    async fn of(&mut self, acting: &Acting, id: Option<&UserId>) -> Result<String, Failure> {
        let Some(id) = id else { return Ok(String::new()) };
        if let Some(name) = self.0.get(id.as_str()) {
            return Ok(name.clone());
        }
        let name = match acting.accounts().user(id).await {
            Ok(user) => seen::name(&user),
            Err(crate::accounts::AccountsError::NoSuchUser) => shown(id.as_str()),
            Err(error) => return Err(failure(id.as_str(), error)),
        };
        self.0.insert(id.as_str().to_owned(), name.clone());
        Ok(name)
    }
}

fn event_kind() -> impl TypedValueParser<Value = EventKind> {
    let names = PossibleValuesParser::new(EventKind::ALL.iter().map(|kind| kind.name()));
    names.try_map(|name| EventKind::from_name(&name).ok_or("is no event"))
}

fn kinds() -> String {
    let mut text = "Only events of this kind, which is one of".to_owned();
    for kind in EventKind::ALL {
        text.push_str("\n  ");
        text.push_str(kind.name());
    }
    text
}

fn since(text: &str) -> Result<SystemTime, String> {
    let ago = moment::parse_length(text).and_then(|length| SystemClock.now().checked_sub(length));
    ago.or_else(|| moment::parse(text)).ok_or_else(|| {
        format!("{} is no moment; write 2026-11-28, 2026-11-28T16:34:44Z, 12h or 7d", quoted(text))
    })
}

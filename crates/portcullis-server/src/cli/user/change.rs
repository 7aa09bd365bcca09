//! The commands that make, change and delete a user.

use std::process::ExitCode;

use clap::Args;

use super::{Who, access_level};
use crate::{
    cli::{
        Failure,
        acting::{Acting, At, act_failure, quoted},
        output::{Form, json_line, shown},
        prompt, say,
        seen::{self, SeenUser},
    },
    model::{self, Access, User, UserState, Username},
    state::Instance,
};

#[derive(Args, Debug)]
pub(in crate::cli) struct Create {
    /// The new user's name
    #[arg(value_name = "NAME")]
    name: String,
    /// The access level: guest, user, or admin, who may administer all users
    #[arg(long, value_name = "LEVEL", value_parser = access_level(), default_value = "user")]
    access: Access,
    /// Read the password from standard input, as its one line
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Password {
    #[command(flatten)]
    who: Who,
    /// Read the password from standard input, as its one line
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct SetAccess {
    #[command(flatten)]
    who: Who,
    /// The new level: guest, user, or admin, who may administer all users
    #[arg(value_name = "LEVEL", value_parser = access_level())]
    access: Access,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Delete {
    #[command(flatten)]
    who: Who,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Create {
    pub(super) fn run(self, at: At, form: Form) -> Result<ExitCode, Failure> {
        let name = Username::parse(&self.name)
            .map_err(|problem| Failure::new(format!("the name {} {problem}", quoted(&self.name))))?;
        at.act(Instance::WithStore, async |acting| {
            let password = new_password(acting, self.password_stdin, name.as_str())?;
            let (accounts, by) = (acting.accounts(), &acting.by);
            let made = accounts.create_user(by, name, password, self.access).await;
            let user = made.map_err(|error| act_failure(&self.name, error))?;
            let id = user.id.as_str();
            done(
                &user,
                form,
                &format!("{} is made, access {}, id {id}", seen::name(&user), user.access.name()),
            )
        })
    }
}

impl Password {
    pub(super) fn run(self, at: At, form: Form) -> Result<ExitCode, Failure> {
        at.act(Instance::AsItIs, async |acting| {
            let user = acting.user(&self.who.user).await?;
            let password = new_password(acting, self.password_stdin, &user.username)?;
            let changed = acting.accounts().set_password(&acting.by, &user.id, password).await;
            let user = changed.map_err(|error| act_failure(&user.username, error))?;
            done(
                &user,
                form,
                &format!("the password of {} is changed, all sessions have ended", seen::name(&user)),
            )
        })
    }
}

impl SetAccess {
    pub(super) fn run(self, at: At, form: Form) -> Result<ExitCode, Failure> {
        at.act(Instance::AsItIs, async |acting| {
            let user = acting.user(&self.who.user).await?;
            let changed = acting.accounts().set_access(&acting.by, &user.id, self.access).await;
            let user = changed.map_err(|error| act_failure(&user.username, error))?;
            done(&user, form, &format!("the access of {} is {}", seen::name(&user), user.access.name()))
        })
    }
}

impl Delete {
    pub(super) fn run(self, at: At, form: Form) -> Result<ExitCode, Failure> {
        at.act(Instance::AsItIs, async |acting| {
            let user = acting.user(&self.who.user).await?;
            let question = format!(
                "Delete {} (id {}, access {}) for good, with all sessions?",
                seen::name(&user),
                user.id.as_str(),
                user.access.name()
            );
            if !self.yes && !prompt::confirmed(&question)? {
                return Err(Failure::new(format!("{} was not deleted", seen::name(&user))));
            }
            let deleted = acting.accounts().delete_user(&acting.by, &user.id).await;
            let user = deleted.map_err(|error| act_failure(&user.username, error))?;
            done(&user, form, &format!("{} is deleted, all sessions have ended", seen::name(&user)))
        })
    }
}

pub(super) fn disable(at: At, user: &str, form: Form) -> Result<ExitCode, Failure> {
    set_state(at, user, UserState::Disabled, form, "is disabled, all sessions have ended")
}

pub(super) fn enable(at: At, user: &str, form: Form) -> Result<ExitCode, Failure> {
    set_state(at, user, UserState::Enabled, form, "is enabled")
}

fn set_state(at: At, user: &str, state: UserState, form: Form, said: &str) -> Result<ExitCode, Failure> {
    at.act(Instance::AsItIs, async |acting| {
        let user = acting.user(user).await?;
        let changed = acting.accounts().set_state(&acting.by, &user.id, state).await;
        let user = changed.map_err(|error| act_failure(&user.username, error))?;
        done(&user, form, &format!("{} {said}", seen::name(&user)))
    })
}

pub(super) fn unlock(at: At, user: &str, form: Form) -> Result<ExitCode, Failure> {
    at.act(Instance::AsItIs, async |acting| {
        let user = acting.user(user).await?;
        let changed = acting.accounts().unlock(&acting.by, &user.id).await;
        let user = changed.map_err(|error| act_failure(&user.username, error))?;
        done(&user, form, &format!("the failed logins of {} are forgotten", seen::name(&user)))
    })
}

/// A password that the policy takes.
fn new_password(acting: &Acting, from_stdin: bool, of: &str) -> Result<model::Password, Failure> {
    let text = prompt::new_password(from_stdin, &shown(of))?;
    let policy = acting.accounts().policy().password;
    model::Password::choose(&text, policy, Some(of))
        .map_err(|problem| Failure::new(format!("the password {problem}")))
}

/// Says what was done, or shows the user as it is now: one that was deleted, as it was.
fn done(user: &User, form: Form, said: &str) -> Result<ExitCode, Failure> {
    let answer = if form.json { json_line(&SeenUser::from(user)) } else { Ok(format!("{said}\n")) };
    answer.and_then(|answer| say(&answer)).map_err(|failure| failure.after(said))
}

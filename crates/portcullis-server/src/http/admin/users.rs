//! `/admin/users`: the users, one page or one of them, made, changed and deleted.

use axum::{Json, extract::State, http::StatusCode};
use portcullis::NumericDate;
use serde::Serialize;
use serde_json::Value;

use super::{Admin, FreshAdmin, PAGE, UserAt, limit, nothing_to_change};
use crate::{
    http::{error::Refusal, extract::Form, query::Params, users::chosen},
    model::{Access, NamePrefix, User, UserCursor, UserOrder, UserQuery, UserState},
    state::AppState,
};

/// A user as administrators see one; times in seconds since 1970.
#[derive(Serialize)]
pub(in crate::http) struct SeenUser {
    id: String,
    username: String,
    /// 0 guest, 1 user, 2 admin.
    access: u8,
    disabled: bool,
    created_at: i64,
    /// How many logins have failed since the last that succeeded.
    failures: u32,
    /// Until when no password is accepted, where that is so.
    locked_until: Option<i64>,
}

impl From<User> for SeenUser {
    /// All but what could be used to log in: no answer has a hash.
    fn from(user: User) -> Self {
        Self {
            id: user.id.as_str().to_owned(),
            access: user.access.level(),
            disabled: user.state == UserState::Disabled,
            created_at: NumericDate::from(user.created_at).seconds(),
            failures: user.failures.count,
            locked_until: user.failures.locked_until.map(|until| NumericDate::from(until).seconds()),
            username: user.username,
        }
    }
}

/// A page of users.
#[derive(Serialize)]
pub(in crate::http) struct Users {
    users: Vec<SeenUser>,
    next: Option<String>,
}

/// `GET /admin/users`
pub(in crate::http) async fn list(
    _: Admin,
    State(state): State<AppState>,
    mut query: Params,
) -> Result<Json<Users>, Refusal> {
    let order = if query.has("name") { UserOrder::ByName } else { UserOrder::ById };
    let wanted = UserQuery {
        name_prefix: query.take("name", NamePrefix::parse),
        access: query.take("access", |text| level(text.parse().ok())),
        state: query.take("state", user_state),
        after: query.take("after", |text| UserCursor::parse(text, order)),
        limit: query.take("limit", limit).unwrap_or(PAGE),
    };
    query.done()?;
    let page = state.accounts().users(&wanted).await?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(Users { users: page.users.into_iter().map(SeenUser::from).collect(), next }))
}

/// `POST /admin/users`
pub(in crate::http) async fn create(
    by: FreshAdmin,
    State(state): State<AppState>,
    mut form: Form,
) -> Result<(StatusCode, Json<SeenUser>), Refusal> {
    let chosen = chosen(&mut form, &state);
    let access = form.optional("access", access_level);
    form.nothing_but(&["username", "password", "access"]);
    let (Some((username, password)), false) = (chosen, form.has_problems()) else {
        return Err(form.refused());
    };
    let access = access.unwrap_or_default();
    let user = state.accounts().create_user(&by, username, password, access).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// `GET /admin/users/{id}`
pub(in crate::http) async fn read(
    _: Admin,
    State(state): State<AppState>,
    UserAt(id): UserAt,
) -> Result<Json<SeenUser>, Refusal> {
    Ok(Json(state.accounts().user(&id).await?.into()))
}

/// `PATCH /admin/users/{id}`: each member by itself, in an order in which nobody gets more for a moment than in the end.
pub(in crate::http) async fn change(
    by: FreshAdmin,
    State(state): State<AppState>,
    UserAt(id): UserAt,
    mut form: Form,
) -> Result<Json<SeenUser>, Refusal> {
    let access = form.optional("access", access_level);
    let disabled = form.optional("disabled", |value| value.as_bool().ok_or("must be true or false"));
    let unlock = form.optional("locked", |value| match value {
        Value::Bool(false) => Ok(()),
        _ => Err("must be false: what locks a user is failed logins"),
    });
    form.nothing_but(&["access", "disabled", "locked"]);
    if form.has_problems() {
        return Err(form.refused());
    }
    let accounts = state.accounts();
    let mut changed = None;
    if disabled == Some(true) {
        changed = Some(accounts.set_state(&by, &id, UserState::Disabled).await?);
    }
    if let Some(access) = access {
        changed = Some(accounts.set_access(&by, &id, access).await?);
    }
    if let Some(()) = unlock {
        changed = Some(accounts.unlock(&by, &id).await?);
    }
    if disabled == Some(false) {
        changed = Some(accounts.set_state(&by, &id, UserState::Enabled).await?);
    }
    changed.map(|user| Json(user.into())).ok_or_else(nothing_to_change)
}

/// `DELETE /admin/users/{id}`
pub(in crate::http) async fn delete(
    by: FreshAdmin,
    State(state): State<AppState>,
    UserAt(id): UserAt,
) -> Result<StatusCode, Refusal> {
    state.accounts().delete_user(&by, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A level as a body has it: the number and nothing like it.
fn access_level(value: &Value) -> Result<Access, &'static str> {
    level(value.as_i64())
}

fn level(number: Option<i64>) -> Result<Access, &'static str> {
    number.and_then(Access::from_level).ok_or("must be 0 (guest), 1 (user) or 2 (admin)")
}

fn user_state(text: &str) -> Result<UserState, &'static str> {
    match text {
        "enabled" => Ok(UserState::Enabled),
        "disabled" => Ok(UserState::Disabled),
        _ => Err("must be enabled or disabled"),
    }
}

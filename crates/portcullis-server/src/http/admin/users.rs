//! `/admin/users`: the users, one page or one of them, made, changed and deleted.

use axum::{Json, extract::State, http::StatusCode};
use portcullis::NumericDate;
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::schema::{ObjectBuilder, Type},
};

use super::{Admin, FreshAdmin, PAGE, UserAt, limit, listed, nothing_to_change};
use crate::{
    accounts::AccountsError,
    http::{
        error::Refusal,
        extract::Form,
        openapi::{About, Group, fields},
        query::Params,
        users::chosen,
    },
    model::{Access, LoginName, NamePrefix, User, UserCursor, UserOrder, UserQuery, UserState},
    state::AppState,
};

/// A user as administrators see one; times in seconds since 1970.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(in crate::http) struct SeenUser {
    id: String,
    /// The name, in its owner's spelling.
    #[schema(examples("alice"))]
    username: String,
    #[schema(schema_with = fields::access)]
    access: u8,
    /// Whether the user is out, and cannot log in.
    disabled: bool,
    created_at: i64,
    /// How many logins have failed since the last that succeeded.
    failures: u32,
    /// Until when no password is accepted, where that is so.
    #[schema(required)]
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
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Users {
    users: Vec<SeenUser>,
    /// Where the next page begins, for `after`; null where there is none.
    #[schema(required)]
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

pub(in crate::http) const LIST: About = About {
    id: "listUsers",
    group: Group::Administration,
    does: "List users",
    more: |it| {
        let begins =
            fields::text("In any case and form.").min_length(Some(1)).max_length(Some(LoginName::MAX_BYTES));
        listed(it.gives::<Users>(StatusCode::OK, "A page of users."))
            .in_query("name", "What the name begins with.", begins.build())
            .in_query("access", "The level.", fields::access())
            .in_query("state", "Whether they are disabled.", fields::one_of(["enabled", "disabled"]))
    },
};

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

pub(in crate::http) const CREATE: About = About {
    id: "createUser",
    group: Group::Administration,
    does: "Make a user",
    more: |it| {
        let terms = it.terms();
        it.takes("username", fields::new_name())
            .takes("password", fields::new_password(terms))
            .may_take("access", fields::access())
            .takes_nothing_else()
            .gives::<SeenUser>(StatusCode::CREATED, "The user.")
            .refuses(AccountsError::NameTaken)
    },
};

/// `GET /admin/users/{id}`
pub(in crate::http) async fn read(
    _: Admin,
    State(state): State<AppState>,
    UserAt(id): UserAt,
) -> Result<Json<SeenUser>, Refusal> {
    Ok(Json(state.accounts().user(&id).await?.into()))
}

pub(in crate::http) const READ: About = About {
    id: "readUser",
    group: Group::Administration,
    does: "See a user",
    more: |it| it.gives::<SeenUser>(StatusCode::OK, "The user."),
};

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

pub(in crate::http) const CHANGE: About = About {
    id: "changeUser",
    group: Group::Administration,
    does: "Change a user",
    more: |it| {
        let flag = |says: &str| ObjectBuilder::new().schema_type(Type::Boolean).description(Some(says));
        let unlock = flag("Forgets the failed logins that lock the account.").enum_values(Some([false]));
        it.says(
            "Each member is an act of its own, done whole or not at all. After a 503 some may be done: the same \
             request again does the rest.",
        )
        .may_take("access", fields::access())
        .may_take("disabled", flag("Whether the user is out at once, and cannot log in.").build())
        .may_take("locked", unlock.build())
        .takes_something()
        .takes_nothing_else()
        .gives::<SeenUser>(StatusCode::OK, "The user, changed.")
        .refuses(AccountsError::LastAdmin)
        .refuses(nothing_to_change())
    },
};

/// `DELETE /admin/users/{id}`
pub(in crate::http) async fn delete(
    by: FreshAdmin,
    State(state): State<AppState>,
    UserAt(id): UserAt,
) -> Result<StatusCode, Refusal> {
    state.accounts().delete_user(&by, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(in crate::http) const DELETE: About = About {
    id: "deleteUser",
    group: Group::Administration,
    does: "Delete a user",
    more: |it| {
        it.says("Nobody can register the name until every token that may say it has expired.")
            .gives_nothing("The user is gone with all sessions.")
            .refuses(AccountsError::LastAdmin)
    },
};

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

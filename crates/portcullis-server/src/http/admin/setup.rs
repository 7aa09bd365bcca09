//! `/admin/setup`: the first administrator, made with a secret that whoever runs the program has made.

use axum::{Json, extract::State, http::StatusCode};

use super::users::SeenUser;
use crate::{
    accounts::{AccountsError, Client},
    http::{
        error::Refusal,
        extract::Form,
        openapi::{About, Group, fields},
        rules::Public,
        users::chosen,
    },
    state::AppState,
};

/// `POST /admin/setup`
pub(in crate::http) async fn set_up(
    _: Public,
    State(state): State<AppState>,
    client: Client,
    mut form: Form,
) -> Result<(StatusCode, Json<SeenUser>), Refusal> {
    let secret = form.text("secret", |text| Ok::<_, &str>(text.to_owned()));
    let chosen = chosen(&mut form, &state);
    form.nothing_but(&["secret", "username", "password"]);
    let (Some(secret), Some((username, password)), false) = (secret, chosen, form.has_problems()) else {
        return Err(form.refused());
    };
    let user = state.accounts().set_up(&secret, username, password, &client).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

pub(in crate::http) const SET_UP: About = About {
    id: "setUp",
    group: Group::Administration,
    does: "Make the first administrator",
    more: |it| {
        let terms = it.terms();
        it.says(
            "With a secret that `portcullis setup` has made, which holds for one hour and once, while there is no \
             administrator.",
        )
        .takes("secret", fields::text("The secret.").build())
        .takes("username", fields::new_name())
        .takes("password", fields::new_password(terms))
        .takes_nothing_else()
        .gives::<SeenUser>(StatusCode::CREATED, "The administrator, who can log in now.")
        .refuses(AccountsError::BadSetupSecret)
        .refuses(AccountsError::AlreadySetUp)
        .refuses(AccountsError::NameTaken)
        .limited()
    },
};

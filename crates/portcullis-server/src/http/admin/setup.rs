//! `/admin/setup`: the first administrator, made with a secret that whoever runs the program has made.

use axum::{Json, extract::State, http::StatusCode};

use super::users::SeenUser;
use crate::{
    accounts::Client,
    http::{error::Refusal, extract::Form, rules::Public, users::chosen},
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

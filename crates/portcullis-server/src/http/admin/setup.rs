//! `/admin/setup`: the first administrator, made with a secret that whoever runs the program has made.

use axum::{Json, extract::State, http::StatusCode, http::request::Parts};

use super::users::SeenUser;
use crate::{
    http::{
        error::Refusal,
        extract::{self, Form},
        rules::Public,
        users::chosen,
    },
    state::AppState,
};

/// `POST /admin/setup`
pub(in crate::http) async fn set_up(
    _: Public,
    State(state): State<AppState>,
    request: Parts,
    mut form: Form,
) -> Result<(StatusCode, Json<SeenUser>), Refusal> {
    let secret = form.text("secret", |text| Ok::<_, &str>(text.to_owned()));
    let chosen = chosen(&mut form, &state);
    form.nothing_but(&["secret", "username", "password"]);
    let (Some(secret), Some((username, password)), false) = (secret, chosen, form.has_problems()) else {
        return Err(form.refused());
    };
    let address = extract::address(&request);
    let user = state.accounts().set_up(&secret, username, password, address).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

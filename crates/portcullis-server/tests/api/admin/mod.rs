//! `/admin`

mod audit;
mod levels;
mod rules;
mod sessions;
mod setup;
mod strangers;
mod users;

use axum::http::Method;
use portcullis_server::model::{EventQuery, StoredEvent};
use serde_json::Value;

use crate::support::{Answer, TestApp, Tokens};

/// Requests of an administrator.
struct Console<'a> {
    app: &'a TestApp,
    token: String,
}

impl<'a> Console<'a> {
    async fn of(app: &'a TestApp) -> Self {
        Self { app, token: app.admin("root").await.access }
    }

    async fn get(&self, path: &str) -> Answer {
        self.app.request(Method::GET, path, &self.token, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.app.request(Method::POST, path, &self.token, Some(body)).await
    }

    async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.app.request(Method::PATCH, path, &self.token, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.app.request(Method::DELETE, path, &self.token, None).await
    }
}

/// Where a user is.
fn at(app: &TestApp, user: &Tokens) -> String {
    format!("/admin/users/{}", app.id_of(user).as_str())
}

/// All that is kept of what happened, the oldest first.
async fn events(app: &TestApp) -> Vec<StoredEvent> {
    let query = EventQuery { limit: 1000, ..EventQuery::default() };
    let mut events = app.state.accounts().events(&query).await.unwrap().events;
    events.reverse();
    events
}

//! Making a user: one document, which is there with its event or not at all.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{DateTime, Document, doc, oid::ObjectId},
};

use super::{
    admins::enabled_admins, announced::Announced, claims::Claim, deletions, failure::Failure,
    sessions::Sessions, users::spelled,
};
use crate::{
    model::{EndReason, Failures, NewUser, Provided, User, UserId, UserState, Username},
    store::Creation,
};

/// A user who is to be made, and the collections that it takes.
pub(super) struct Making {
    pub(super) sessions: Sessions,
    pub(super) freed_names: Collection<Document>,
    pub(super) claims: Collection<Document>,
    pub(super) announced: Announced,
    pub(super) now: SystemTime,
}

/// The name of the claim of whoever makes the first administrator.
const FIRST_ADMIN: &str = "first_admin";

impl Making {
    /// Makes it.
    pub(super) async fn make(self, user: NewUser) -> Result<Creation, Failure> {
        if user.provided == Provided::Nothing {
            return Ok(match self.insert(user).await? {
                (_, Some(user)) => Creation::Created(user),
                (_, None) => Creation::NameTaken,
            });
        }
        let claim = Claim::take(self.claims.clone(), FIRST_ADMIN, self.now).await?;
        // Whoever has it may have failed: that is known when its time is over.
        let claim = claim.ok_or(Failure::Claimed)?;
        if self.sessions.users.find_one(enabled_admins()).await?.is_some() {
            claim.give_back().await?;
            return Ok(Creation::SomebodyAdministers);
        }
        let (making, made) = self.insert(user).await?;
        match (claim.give_back().await?, made) {
            (true, Some(user)) => Ok(Creation::Created(user)),
            (_, None) => Ok(Creation::NameTaken),
            // It took so long that somebody else may have begun.
            (false, Some(user)) => {
                making.take_out(&user.id).await?;
                Ok(Creation::SomebodyAdministers)
            }
        }
    }

    /// The name is free when nobody has its key, nor its very spelling: a user whose name has no key blocks that. Of two
    /// at once the unique index on the key lets one through.
    ///
    /// Nor is a name free that is kept for a deleted user. Whoever deletes keeps the name first and then takes the document
    /// out, so that who was inserted in between sees it after that.
    async fn insert(self, user: NewUser) -> Result<(Self, Option<User>), Failure> {
        if !self.is_free(&user.username).await? {
            return Ok((self, None));
        }
        let id = ObjectId::new();
        let made = UserId::new(id.to_hex());
        let making = Self { announced: self.announced.of(|event| user.event(event, &made)), ..self };
        let created_at = DateTime::from_system_time(user.created_at.unwrap_or(making.now));
        making.announced.write().await?;
        match making.sessions.users.insert_one(document(id, created_at, &user)).await.map_err(Failure::from) {
            Ok(_) => {}
            Err(failure) if failure.is_duplicate() => {
                making.announced.take_back(TAKEN).await?;
                return Ok((making, None));
            }
            Err(failure) => return Err(failure),
        }
        if deletions::is_kept(&making.freed_names, &user.username, making.now).await? {
            making.take_out(&made).await?;
            return Ok((making, None));
        }
        let made = User {
            id: made,
            username: user.username.as_str().to_owned(),
            // As it will be read again.
            created_at: created_at.to_system_time(),
            password: user.password,
            access: user.access,
            state: user.state,
            epoch: 0,
            failures: Failures::default(),
        };
        Ok((making, Some(made)))
    }

    async fn is_free(&self, name: &Username) -> Result<bool, Failure> {
        let users = &self.sessions.users;
        let has_key = async { Ok(users.find_one(doc! { "name_key": name.key().as_str() }).await?) };
        let kept = deletions::is_kept(&self.freed_names, name, self.now);
        let (spelled, has_key, kept) = tokio::try_join!(spelled(users, name.as_str()), has_key, kept)?;
        Ok(spelled.is_none() && has_key.is_none() && !kept)
    }

    /// Takes a user out who should not have been made, and what may have been opened since.
    async fn take_out(&self, user: &UserId) -> Result<(), Failure> {
        if let Ok(id) = ObjectId::parse_str(user.as_str()) {
            self.sessions.users.delete_one(doc! { "_id": id }).await?;
        }
        for session in self.sessions.open_of(user).await? {
            self.sessions.end(&session.id, EndReason::Epoch, self.now).await?;
        }
        self.announced.take_back(TAKEN).await
    }
}

/// Why somebody was not made.
const TAKEN: &str = "somebody else was faster";

fn document(id: ObjectId, created_at: DateTime, user: &NewUser) -> Document {
    let mut document = doc! {
        "_id": id,
        "username": user.username.as_str(),
        "password": user.password.as_str(),
        "access": i32::from(user.access.level()),
        "created_at": created_at,
        "name_key": user.username.key().as_str(),
    };
    if user.state == UserState::Disabled {
        document.insert("disabled", true);
    }
    document
}

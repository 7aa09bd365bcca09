//! Ending all sessions of a user for good. One update of the user says it, and why: the epoch is raised, and the new
//! password or the disabling stands in the same document; then the sessions follow, each by itself.

use std::time::SystemTime;

use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::{failure::Failure, sessions::Sessions};
use crate::{
    model::{EndReason, PasswordHash, Session, SessionId, UserChange, UserChanged, UserId, UserState},
    sessions::{Owner, Standing, standing},
};

/// What is written together with a raised epoch.
#[derive(Default)]
struct With<'a> {
    /// The hash that must be the user's.
    expected: Option<&'a PasswordHash>,
    /// Fields of the user.
    set: Document,
}

/// What became of raising an epoch.
enum Raised {
    /// The user as it is since then.
    To(Owner),
    /// Nothing: the hash was not the expected one.
    OtherHash(Owner),
    /// Nothing: there is no such user.
    Nobody,
}

impl Sessions {
    /// Changes a user.
    pub(super) async fn change(
        self,
        user: UserId,
        change: UserChange,
        now: SystemTime,
    ) -> Result<UserChanged, Failure> {
        let sessions = match change {
            UserChange::EndSessions { keep } => self.clone().end_all(user.clone(), keep, now).await?,
            UserChange::Password { expected, new, keep } => {
                match self.clone().change_password(user.clone(), (expected, new), keep, now).await? {
                    Ok(sessions) => sessions,
                    Err(changed) => return Ok(changed),
                }
            }
            UserChange::Disable => {
                let done = self.clone().set_user_state(user.clone(), UserState::Disabled, now).await?;
                done.unwrap_or_default()
            }
            UserChange::Enable => {
                let done = self.clone().set_user_state(user.clone(), UserState::Enabled, now).await?;
                done.unwrap_or_default()
            }
            UserChange::Access(_) | UserChange::Unlock | UserChange::Delete { .. } => {
                return Err(Failure::Closed);
            }
        };
        match self.owner(&user).await? {
            Some(owner) => Ok(UserChanged::Done { user: owner.user, sessions }),
            None => Ok(UserChanged::NoSuchUser),
        }
    }

    /// Raises a user's epoch, takes the session that is kept along and ends all others of an earlier one.
    pub(super) async fn end_all(
        self,
        user: UserId,
        except: Option<SessionId>,
        now: SystemTime,
    ) -> Result<Vec<Session>, Failure> {
        let owner = match self.raise(&user, except.as_ref(), With::default()).await? {
            Raised::To(owner) | Raised::OtherHash(owner) => Some(owner),
            Raised::Nobody => None,
        };
        self.end_earlier(&user, owner.as_ref(), now).await
    }

    /// Replaces a user's hash by another, and ends all sessions but one.
    pub(super) async fn change_password(
        self,
        user: UserId,
        (expected, new): (PasswordHash, PasswordHash),
        keep: Option<SessionId>,
        now: SystemTime,
    ) -> Result<Result<Vec<Session>, UserChanged>, Failure> {
        let set = doc! { "password": new.as_str() };
        let with = With { expected: Some(&expected), set };
        // Into itself nothing is raised.
        let raised = match self.owner(&user).await? {
            Some(owner) if owner.user.password == new => Raised::OtherHash(owner),
            Some(_) => self.raise(&user, keep.as_ref(), with).await?,
            None => Raised::Nobody,
        };
        let owner = match raised {
            Raised::To(owner) => owner,
            // This very change has been made before: what is left of it is done now.
            Raised::OtherHash(owner) if owner.user.password == new => owner,
            Raised::OtherHash(_) => return Ok(Err(UserChanged::NotAsExpected)),
            Raised::Nobody => return Ok(Err(UserChanged::NoSuchUser)),
        };
        Ok(Ok(self.end_earlier(&user, Some(&owner), now).await?))
    }

    /// Disables a user and ends all sessions, or enables the user again.
    pub(super) async fn set_user_state(
        self,
        user: UserId,
        state: UserState,
        now: SystemTime,
    ) -> Result<Option<Vec<Session>>, Failure> {
        match state {
            UserState::Disabled => {
                let with = With { expected: None, set: doc! { "disabled": true } };
                let Raised::To(owner) = self.raise(&user, None, with).await? else { return Ok(None) };
                Ok(Some(self.end_earlier(&user, Some(&owner), now).await?))
            }
            UserState::Enabled => {
                let Ok(id) = ObjectId::parse_str(user.as_str()) else { return Ok(None) };
                let enabled =
                    self.users.update_one(doc! { "_id": id }, doc! { "$unset": { "disabled": "" } });
                Ok((enabled.await?.matched_count > 0).then(Vec::new))
            }
        }
    }

    /// Takes the session along that was kept and ends all others of an earlier epoch than the user's: those that are
    /// over by themselves as well, which a clock that is set back would wake.
    async fn end_earlier(
        &self,
        user: &UserId,
        owner: Option<&Owner>,
        now: SystemTime,
    ) -> Result<Vec<Session>, Failure> {
        let mut over = Vec::new();
        for session in self.open_of(user).await? {
            match standing(&session, owner) {
                Standing::Kept => self.take_along(&session).await?,
                // Opened since, it may be after the next end of all.
                _ if owner.is_some_and(|owner| session.epoch >= owner.user.epoch) => {}
                Standing::Present | Standing::Past => {
                    if self.end(&session.id, EndReason::Epoch, now).await? {
                        over.extend(self.find(&session.id).await?);
                    }
                }
            }
        }
        Ok(over)
    }

    /// Raises the epoch of a user by one and notes which session that spares; answers how the user is then.
    async fn raise(
        &self,
        user: &UserId,
        except: Option<&SessionId>,
        with: With<'_>,
    ) -> Result<Raised, Failure> {
        let Ok(id) = ObjectId::parse_str(user.as_str()) else { return Ok(Raised::Nobody) };
        loop {
            let Some(owner) = self.owner(user).await? else { return Ok(Raised::Nobody) };
            if with.expected.is_some_and(|expected| *expected != owner.user.password) {
                return Ok(Raised::OtherHash(owner));
            }
            // Spared by the last end and not taken along yet: by this one it would be two behind.
            if let Some(kept) = except.filter(|except| owner.kept.as_ref() == Some(*except))
                && let Some(session) = self.find(kept).await?
                && standing(&session, Some(&owner)) == Standing::Kept
            {
                self.take_along(&session).await?;
            }
            let epoch = owner.user.epoch;
            let mut as_seen = doc! { "_id": id, "epoch": epoch_of(epoch) };
            as_seen.extend(with.expected.map(|hash| ("password".to_owned(), Bson::from(hash.as_str()))));
            let spared = except.map_or(Bson::Null, |kept| Bson::from(kept.as_str()));
            let mut set = doc! { "epoch": epoch + 1, "kept_session": spared };
            set.extend(with.set.clone());
            let raised = self.users.update_one(as_seen, doc! { "$set": set }).await?;
            if raised.matched_count > 0 {
                let user = crate::model::User { epoch: epoch + 1, ..owner.user };
                return Ok(Raised::To(Owner { user, kept: except.cloned() }));
            }
        }
    }
}

/// The condition that an epoch is the one that was read; where it was 0, nobody may have written one.
fn epoch_of(epoch: i64) -> Document {
    if epoch == 0 {
        doc! { "$in": [0_i64, Bson::Null] }
    } else {
        doc! { "$eq": epoch }
    }
}

//! Changes of a user. One update of the user's document says what changes, and raises the epoch where sessions end by it;
//! then the sessions follow, each by itself.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{Bson, Document, doc, oid::ObjectId},
};

use tokio::task::JoinSet;

use super::{
    admins::{LEAVING, LEAVING_BY, Leave},
    announced::Announced,
    deletions, documents,
    failure::Failure,
    sessions::Sessions,
    users,
};
use crate::{
    model::{
        Access, EndReason, Failures, PasswordHash, Session, SessionId, User, UserChange, UserChanged, UserId,
        UserState,
    },
    sessions::{Owner, Standing, relevelled, standing},
};

/// A change that is to be made, and the collections that it is made in.
pub(super) struct Change {
    pub(super) sessions: Sessions,
    pub(super) freed_names: Collection<Document>,
    pub(super) announced: Announced,
    pub(super) user: UserId,
    pub(super) what: UserChange,
    pub(super) now: SystemTime,
}

/// What is written of a user, with a condition.
#[derive(Default)]
struct Write {
    /// The hash that must be the user's.
    expected: Option<PasswordHash>,
    /// The fields that are set.
    set: Document,
    /// The fields that go.
    unset: Document,
}

/// What became of a write.
enum Written {
    /// It is there; the user as it is since then.
    Done(Owner),
    /// The hash was not the expected one.
    OtherHash(Owner),
    /// Nobody else could administer users any more.
    LastAdmin,
    /// There is no such user.
    Nobody,
}

/// Whether the epoch is raised by a write.
enum Epoch<'a> {
    /// It is, and spares a session.
    Raised(Option<&'a SessionId>),
    /// It stays.
    Same,
}

impl Change {
    /// Makes it. Its event is there before; where it was all done by an earlier call, or somebody was faster, after.
    pub(super) async fn make(self) -> Result<UserChanged, Failure> {
        let changed = self.carry_out().await?;
        match &changed {
            UserChanged::Done { .. } => self.announced.write().await?,
            _ => self.announced.take_back("the user was changed meanwhile").await?,
        }
        Ok(changed)
    }

    async fn carry_out(&self) -> Result<UserChanged, Failure> {
        match &self.what {
            UserChange::EndSessions { keep } => self.end(keep.as_ref(), Write::default()).await,
            UserChange::Password { expected, new, keep } => self.password(expected, new, keep.as_ref()).await,
            UserChange::Disable => self.end(None, Write::of(disabled())).await,
            UserChange::Enable => self.set(Write::without(&["disabled"])).await,
            UserChange::Access(access) => self.access(*access).await,
            UserChange::Unlock => self.set(Write::without(&users::FAILURES)).await,
            UserChange::Delete { name_free_at } => self.delete(*name_free_at).await,
        }
    }

    /// Writes what no session ends by.
    async fn set(&self, write: Write) -> Result<UserChanged, Failure> {
        Ok(match self.write(&Epoch::Same, &write).await? {
            Written::Done(owner) => UserChanged::Done { user: owner.user, sessions: Vec::new() },
            Written::OtherHash(_) => UserChanged::NotAsExpected,
            Written::LastAdmin => UserChanged::LastAdmin,
            Written::Nobody => UserChanged::NoSuchUser,
        })
    }

    /// Raises the epoch, writes what belongs to it, takes the session that is kept along and ends all others.
    async fn end(&self, keep: Option<&SessionId>, write: Write) -> Result<UserChanged, Failure> {
        match self.write(&Epoch::Raised(keep), &write).await? {
            Written::Done(owner) => {
                let sessions = self.end_earlier(Some(&owner)).await?;
                Ok(UserChanged::Done { user: owner.user, sessions })
            }
            Written::OtherHash(_) => Ok(UserChanged::NotAsExpected),
            Written::LastAdmin => Ok(UserChanged::LastAdmin),
            Written::Nobody => {
                // Another program may have taken the user out, and nobody else would end these.
                self.end_earlier(None).await?;
                Ok(UserChanged::NoSuchUser)
            }
        }
    }

    /// Replaces the hash by another, and ends all sessions but one.
    async fn password(
        &self,
        expected: &PasswordHash,
        new: &PasswordHash,
        keep: Option<&SessionId>,
    ) -> Result<UserChanged, Failure> {
        let set = doc! { "password": new.as_str() };
        let write = Write { expected: Some(expected.clone()), set, ..Write::without(&users::FAILURES) };
        // Into itself nothing is raised.
        let written = match self.sessions.owner(&self.user).await? {
            Some(owner) if owner.user.password == *new => Written::OtherHash(owner),
            Some(_) => self.write(&Epoch::Raised(keep), &write).await?,
            None => Written::Nobody,
        };
        let owner = match written {
            Written::Done(owner) => owner,
            // This very change has been made before: what is left of it is done now.
            Written::OtherHash(owner) if owner.user.password == *new => owner,
            Written::OtherHash(_) => return Ok(UserChanged::NotAsExpected),
            Written::LastAdmin => return Ok(UserChanged::LastAdmin),
            Written::Nobody => return Ok(UserChanged::NoSuchUser),
        };
        let sessions = self.end_earlier(Some(&owner)).await?;
        Ok(UserChanged::Done { user: owner.user, sessions })
    }

    /// Gives the user another level, then makes the access tokens of all sessions void that have not been ended: whatever
    /// is opened or refreshed from now on looks at the user after it has written, and sees the new level.
    async fn access(&self, access: Access) -> Result<UserChanged, Failure> {
        let write = Write::of(doc! { "access": i32::from(access.level()) });
        let user = match self.set(write).await? {
            UserChanged::Done { user, .. } => user,
            other => return Ok(other),
        };
        // All at once: one after the other, those of a user with very many would take longer than anybody waits, each time.
        let mut relevelling = JoinSet::new();
        for session in self.sessions.open_of(&self.user).await? {
            relevelling.spawn(self.sessions.clone().relevel(session));
        }
        let mut sessions = Vec::new();
        while let Some(session) = relevelling.join_next().await {
            sessions.extend(session.map_err(|_| Failure::Panicked)??);
        }
        Ok(UserChanged::Done { user, sessions })
    }

    /// Ends everything of the user, keeps the name, and only then takes the document out: what is cut off in between
    /// leaves a user who is disabled and has no session, and the same call again goes on.
    async fn delete(&self, name_free_at: SystemTime) -> Result<UserChanged, Failure> {
        let Some(before) = self.sessions.owner(&self.user).await? else {
            self.end_earlier(None).await?;
            return Ok(UserChanged::NoSuchUser);
        };
        let mut ended = Vec::new();
        loop {
            let owner = match self.write(&Epoch::Raised(None), &Write::of(disabled())).await? {
                Written::Done(owner) => owner,
                Written::LastAdmin => return Ok(UserChanged::LastAdmin),
                // Somebody else deletes the same user.
                Written::Nobody | Written::OtherHash(_) => break,
            };
            ended.extend(self.end_earlier(Some(&owner)).await?);
            let document = users::document_of(&self.sessions.users, &self.user).await?;
            let Some(document) = document else { break };
            deletions::keep_name(&self.freed_names, &document, name_free_at).await?;
            // Not one who was enabled again meanwhile: there may be sessions since.
            let mut as_left = disabled();
            as_left.extend(doc! { "_id": document.get("_id"), "epoch": owner.user.epoch });
            if self.sessions.users.delete_one(as_left).await?.deleted_count > 0 {
                break;
            }
        }
        Ok(UserChanged::Done { user: before.user, sessions: ended })
    }

    /// Takes the session along that was kept and ends all others of an earlier epoch than the user's: those that are
    /// over by themselves as well, which a clock that is set back would wake. One command ends all of them, so that not
    /// half of them are left where it is the last that a node gets to do; those that were opened since go on, which may
    /// be after the next end of all.
    async fn end_earlier(&self, owner: Option<&Owner>) -> Result<Vec<Session>, Failure> {
        if let Some(kept) = owner.and_then(|owner| owner.kept.as_ref())
            && let Some(session) = self.sessions.find(kept).await?
            && standing(&session, owner) == Standing::Kept
        {
            self.sessions.take_along(&session).await?;
        }
        let mut earlier = doc! { "user": self.user.as_str() };
        earlier.extend(owner.map(|owner| ("epoch".to_owned(), doc! { "$lt": owner.user.epoch }.into())));
        self.sessions.end_all_where(earlier, EndReason::Epoch, self.now).await
    }

    /// Writes something of the user, if the user is still as it was looked at: of the same epoch where that is raised, with
    /// the expected hash, and not the last who can administer where that is taken away.
    async fn write(&self, epoch: &Epoch<'_>, write: &Write) -> Result<Written, Failure> {
        let Ok(id) = ObjectId::parse_str(self.user.as_str()) else { return Ok(Written::Nobody) };
        loop {
            let Some(owner) = self.sessions.owner(&self.user).await? else { return Ok(Written::Nobody) };
            if write.expected.as_ref().is_some_and(|expected| *expected != owner.user.password) {
                return Ok(Written::OtherHash(owner));
            }
            let mut as_seen = doc! { "_id": id };
            let expected = write.expected.as_ref().map(documents::password_is);
            as_seen.extend(expected.map(|hash| ("password".to_owned(), hash.into())));
            match self.sessions.leave(id, &owner.user, &self.what, self.now).await? {
                Leave::May(on_condition) => as_seen.extend(on_condition),
                Leave::Last => return Ok(Written::LastAdmin),
                Leave::Changed => continue,
            }
            let (mut set, mut unset) = (write.set.clone(), write.unset.clone());
            if as_seen.contains_key(LEAVING_BY) {
                unset.insert(LEAVING, "");
            }
            let mut after = owner.clone();
            if let Epoch::Raised(keep) = epoch {
                self.take_along_before(*keep, &owner).await?;
                let present = owner.user.epoch;
                as_seen.insert("epoch", epoch_of(present));
                let spared = keep.map_or(Bson::Null, |kept| Bson::from(kept.as_str()));
                set.extend(doc! { "epoch": present + 1, "kept_session": spared });
                after = Owner { user: User { epoch: present + 1, ..owner.user }, kept: keep.cloned() };
            }
            let change =
                [("$set", set), ("$unset", unset)].into_iter().filter(|(_, fields)| !fields.is_empty());
            let change: Document = change.map(|(how, fields)| (how.to_owned(), fields.into())).collect();
            self.announced.write().await?;
            if self.sessions.users.update_one(as_seen, change).await?.matched_count > 0 {
                return Ok(Written::Done(self.as_written(after)));
            }
        }
    }

    /// The user as it is since the write.
    fn as_written(&self, mut owner: Owner) -> Owner {
        match &self.what {
            UserChange::Password { new, .. } => {
                owner.user.password = new.clone();
                owner.user.failures = Failures::default();
            }
            UserChange::Disable | UserChange::Delete { .. } => owner.user.state = UserState::Disabled,
            UserChange::Enable => owner.user.state = UserState::Enabled,
            UserChange::Access(access) => owner.user.access = *access,
            UserChange::Unlock => owner.user.failures = Failures::default(),
            UserChange::EndSessions { .. } => {}
        }
        owner
    }

    /// Takes a session along that was spared by the last end and has not been taken along: by this end it would be two
    /// behind.
    async fn take_along_before(&self, keep: Option<&SessionId>, owner: &Owner) -> Result<(), Failure> {
        if let Some(kept) = keep.filter(|keep| owner.kept.as_ref() == Some(*keep))
            && let Some(session) = self.sessions.find(kept).await?
            && standing(&session, Some(owner)) == Standing::Kept
        {
            self.sessions.take_along(&session).await?;
        }
        Ok(())
    }
}

impl Sessions {
    /// The session as it is with its access tokens void; `None` where it had none, or has ended.
    async fn relevel(self, mut session: Session) -> Result<Option<Session>, Failure> {
        loop {
            let Some(relevelled) = relevelled(&session) else { return Ok(None) };
            if self.replace(&session, &relevelled).await? {
                return Ok(Some(relevelled));
            }
            match self.find(&session.id).await? {
                Some(now) => session = now,
                None => return Ok(None),
            }
        }
    }
}

impl Write {
    fn of(set: Document) -> Self {
        Self { set, ..Self::default() }
    }

    fn without(fields: &[&str]) -> Self {
        let unset = fields.iter().map(|field| ((*field).to_owned(), Bson::from(""))).collect();
        Self { unset, ..Self::default() }
    }
}

/// What the document of a disabled user says.
fn disabled() -> Document {
    doc! { "disabled": true }
}

/// The condition that an epoch is the one that was read; where it was 0, nobody may have written one.
fn epoch_of(epoch: i64) -> Document {
    if epoch == 0 {
        doc! { "$in": [0_i64, Bson::Null] }
    } else {
        doc! { "$eq": epoch }
    }
}

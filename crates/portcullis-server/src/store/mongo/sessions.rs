//! Sessions: one document each. A change is a look, a judgement, and one update that holds only if the document is
//! still as it was looked at; whoever loses looks again.
//!
//! All sessions of a user end by the user's epoch, which is raised first. Whatever opens or goes on with a session
//! looks at the user after it has written: one of the two sees the other.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{Document, doc, oid::ObjectId},
};

use super::{
    calls::bounded,
    documents,
    failure::Failure,
    session_documents::{self, changing, time},
    users,
};
use crate::{
    model::{EndReason, Session, SessionId, User, UserId},
    sessions::{Admission, Owner, Refresh, Shown, Standing, admission, decide, standing},
    store::{Opening, Refreshed, Seen},
};

/// The two collections that a session is in question of.
#[derive(Clone)]
pub(super) struct Sessions {
    pub(super) sessions: Collection<Document>,
    pub(super) users: Collection<Document>,
}

/// A session as it was read or written last, with its user as read after it.
pub(super) struct Known {
    session: Session,
    standing: Standing,
    user: Option<User>,
}

impl Sessions {
    /// Inserts a session that is admitted, forgets what failed before, and ends those that are too many with it.
    pub(super) async fn open(
        self,
        session: Session,
        shown: Shown,
        at_most: usize,
        now: SystemTime,
    ) -> Result<Opening, Failure> {
        if let (Some(refused), _) = self.refused(&session, &shown, now).await? {
            return Ok(refused);
        }
        let inserted = self.sessions.insert_one(session_documents::document(&session)).await;
        let is_new = match inserted.map_err(Failure::from) {
            Ok(_) => true,
            Err(failure) if failure.is_duplicate() => false,
            Err(failure) => return Err(failure),
        };
        let (refused, owner) = self.refused(&session, &shown, now).await?;
        if let Some(refused) = refused {
            // Not where it is another's who was first, and has been spared since.
            self.end_past(&session, now).await?;
            return Ok(refused);
        }
        let by_password = session.adopted_until.is_none() && session.ended.is_none();
        if by_password && owner.is_some_and(|owner| !owner.user.failures.is_none()) {
            users::forget_failures(&self.users, &session.user).await?;
        }
        // One that has ended already is there so that it is never opened: none has to go for it.
        if !is_new || session.ended.is_some() {
            return Ok(Opening::Opened { displaced: Vec::new() });
        }
        let living = self.living(&session.user, now).await?;
        let others = living.into_iter().filter(|other| other.id != session.id);
        let surplus: Vec<_> = others.skip(at_most.saturating_sub(1)).map(|other| other.id).collect();
        if surplus.is_empty() {
            return Ok(Opening::Opened { displaced: Vec::new() });
        }
        // Of many logins at once each looks at the same ones: one command a session would be a storm.
        let ids: Vec<&str> = surplus.iter().map(SessionId::as_str).collect();
        let displaced = self.end_all_where(doc! { "_id": { "$in": ids } }, EndReason::Displaced, now).await?;
        Ok(Opening::Opened { displaced })
    }

    /// Judges a use of a refresh token by the session and the user as they are, and writes what comes of it. What is
    /// known of them is left for the next use, unless it may be out of date.
    pub(super) async fn refresh(
        &self,
        known: &mut Option<Known>,
        id: &SessionId,
        refresh: &Refresh,
        now: SystemTime,
    ) -> Result<Refreshed, Failure> {
        // As it will be read again, so that every caller writes the same pair.
        let now = time(now).to_system_time();
        loop {
            let looked_at = match known.take() {
                Some(known) => Some(known),
                None => self.look(id).await?,
            };
            let Some(Known { session, standing, user }) = looked_at else {
                return Ok(Refreshed::gone(None, None));
            };
            match standing {
                Standing::Present => {}
                Standing::Kept => {
                    self.take_along(&session).await?;
                    continue;
                }
                Standing::Past => {
                    if session.ended.is_none() && !self.end_past(&session, now).await? {
                        continue;
                    }
                    let session = self.find(id).await?;
                    return Ok(Refreshed::gone(session, user));
                }
            }
            let (verdict, changed) = decide(&session, refresh, now);
            let Some(changed) = changed else {
                *known = Some(Known { session: session.clone(), standing, user: user.clone() });
                return Ok(Refreshed::judged(verdict, session, None, user));
            };
            if !self.replace(&session, &changed).await? {
                continue;
            }
            let (standing, user) = self.standing(&changed).await?;
            if standing == Standing::Past && changed.ended.is_none() {
                // All were ended while this was written: the next round ends this one too.
                continue;
            }
            *known = Some(Known { session: changed.clone(), standing, user: user.clone() });
            return Ok(Refreshed::judged(verdict, session, Some(changed), user));
        }
    }

    /// A session with its standing and its user.
    async fn look(&self, id: &SessionId) -> Result<Option<Known>, Failure> {
        let Some(session) = self.find(id).await? else { return Ok(None) };
        let (standing, user) = self.standing(&session).await?;
        Ok(Some(Known { session, standing, user }))
    }

    /// The session of a name.
    pub(super) async fn find(&self, id: &SessionId) -> Result<Option<Session>, Failure> {
        let found = self.sessions.find_one(doc! { "_id": id.as_str() }).await?;
        found.as_ref().map(session_documents::session).transpose()
    }

    /// A user's sessions that are neither ended nor over, the most recently used first.
    pub(super) async fn living(&self, user: &UserId, now: SystemTime) -> Result<Vec<Session>, Failure> {
        let mut sessions = loop {
            let Some(before) = self.owner(user).await? else { return Ok(Vec::new()) };
            let mut sessions = self.open_of(user).await?;
            sessions
                .retain(|session| session.lives(now) && standing(session, Some(&before)) != Standing::Past);
            // Raised in between: the one that is kept may have been missed.
            let after = self.owner(user).await?;
            if after.is_none_or(|after| after.user.epoch == before.user.epoch) {
                break sessions;
            }
        };
        sessions.sort_by(|one, other| {
            let use_of = |session: &Session| (session.last_used, session.opened_at);
            use_of(other).cmp(&use_of(one)).then_with(|| one.id.cmp(&other.id))
        });
        Ok(sessions)
    }

    /// Ends the session of a name.
    pub(super) async fn end_one(
        self,
        id: SessionId,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<Option<Session>, Failure> {
        self.end(&id, reason, now).await?;
        self.find(&id).await
    }

    /// Raises what was seen and the last use.
    pub(super) async fn note_seen(self, seen: Vec<Seen>) -> Result<(), Failure> {
        for Seen { session, generation, at } in seen {
            let raised = doc! { "$max": { "seen": i64::from(generation), "last_used": time(at) } };
            let noted = self.sessions.update_one(doc! { "_id": session.as_str() }, raised);
            bounded(async { noted.await }).await?;
        }
        Ok(())
    }

    /// Ends a session, and says whether it had not been ended before.
    pub(super) async fn end(
        &self,
        id: &SessionId,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<bool, Failure> {
        self.end_where(doc! { "_id": id.as_str() }, reason, now).await
    }

    /// Ends those of some sessions that have not been ended, by one command, and answers those that this has ended.
    pub(super) async fn end_all_where(
        &self,
        those: Document,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<Vec<Session>, Failure> {
        let this = ObjectId::new();
        let mut still_open = those.clone();
        still_open.extend(not_ended());
        let end = doc! {
            "$set": { "ended_at": time(now), "end_reason": reason.name(), "ended_by": this },
            "$currentDate": { "at": true },
        };
        self.sessions.update_many(still_open, end).await?;
        let mut by_this = those;
        by_this.insert("ended_by", this);
        self.select(by_this).await
    }

    /// Ends a session that is over by its epoch, unless it has another one by now.
    async fn end_past(&self, session: &Session, now: SystemTime) -> Result<bool, Failure> {
        let as_seen = doc! { "_id": session.id.as_str(), "epoch": session.epoch };
        self.end_where(as_seen, EndReason::Epoch, now).await
    }

    async fn end_where(
        &self,
        mut session: Document,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<bool, Failure> {
        session.extend(not_ended());
        let end = doc! {
            "$set": { "ended_at": time(now), "end_reason": reason.name() },
            "$currentDate": { "at": true },
        };
        Ok(self.sessions.update_one(session, end).await?.matched_count > 0)
    }

    /// Writes what was decided, if the session is still as it was when that was decided.
    pub(super) async fn replace(&self, decided_on: &Session, changed: &Session) -> Result<bool, Failure> {
        let mut as_seen = doc! {
            "_id": decided_on.id.as_str(),
            "epoch": decided_on.epoch,
            "generation": i64::from(decided_on.head.refresh.generation),
            "refresh_jti": &decided_on.head.refresh.jti,
            "seen": i64::from(decided_on.seen),
            "last_used": time(decided_on.last_used),
        };
        // Another access token may have been noted meanwhile.
        if let Some(tokens) = &decided_on.access_tokens {
            as_seen.insert("access_tokens", session_documents::access_tokens(tokens));
        }
        as_seen.extend(not_ended());
        let mut change = doc! { "$set": changing(changed) };
        if changed.revocation() != decided_on.revocation() {
            change.insert("$currentDate", doc! { "at": true });
        }
        Ok(self.sessions.update_one(as_seen, change).await?.matched_count > 0)
    }

    /// Gives a session that was kept the epoch of its user.
    pub(super) async fn take_along(&self, session: &Session) -> Result<(), Failure> {
        let as_seen = doc! { "_id": session.id.as_str(), "epoch": session.epoch };
        self.sessions.update_one(as_seen, doc! { "$set": { "epoch": session.epoch + 1 } }).await?;
        Ok(())
    }

    /// Why a session may not be opened by its user as it is now, if it may not; and that user.
    async fn refused(
        &self,
        session: &Session,
        shown: &Shown,
        now: SystemTime,
    ) -> Result<(Option<Opening>, Option<Owner>), Failure> {
        let owner = self.owner(&session.user).await?;
        let refused = match admission(session, owner.as_ref(), shown, now) {
            Admission::Admitted => None,
            Admission::UserChanged => Some(Opening::UserChanged),
            Admission::Locked => Some(Opening::Locked),
            Admission::Refused => Some(Opening::Refused),
        };
        Ok((refused, owner))
    }

    /// A session's standing by its user as it is now, and that user.
    async fn standing(&self, session: &Session) -> Result<(Standing, Option<User>), Failure> {
        let owner = self.owner(&session.user).await?;
        Ok((standing(session, owner.as_ref()), owner.map(|owner| owner.user)))
    }

    pub(super) async fn owner(&self, user: &UserId) -> Result<Option<Owner>, Failure> {
        let Some(found) = users::document_of(&self.users, user).await? else { return Ok(None) };
        let kept = found.get_str("kept_session").ok().map(SessionId::new);
        Ok(Some(Owner { user: documents::user(&found)?, kept }))
    }

    /// A user's sessions that have not been ended, whether or not they are over by themselves.
    pub(super) async fn open_of(&self, user: &UserId) -> Result<Vec<Session>, Failure> {
        let mut those = doc! { "user": user.as_str() };
        those.extend(not_ended());
        self.select(those).await
    }

    async fn select(&self, those: Document) -> Result<Vec<Session>, Failure> {
        self.select_at_most(those, 0).await
    }

    /// Sessions of a condition, at most `limit` of them; 0 for no limit.
    pub(super) async fn select_at_most(
        &self,
        those: Document,
        limit: usize,
    ) -> Result<Vec<Session>, Failure> {
        let limit = i64::try_from(limit).unwrap_or(0);
        let mut cursor = self.sessions.find(those).limit(limit).await?;
        let mut sessions = Vec::new();
        while cursor.advance().await? {
            sessions.push(session_documents::session(&cursor.deserialize_current()?)?);
        }
        Ok(sessions)
    }
}

/// The mark of a session that nobody has ended.
fn not_ended() -> Document {
    doc! { "ended_at": { "$exists": false } }
}

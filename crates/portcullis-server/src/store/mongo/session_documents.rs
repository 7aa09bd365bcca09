//! Between documents of `sessions` and the model. They are ours alone: what does not fit is damage.

use std::time::SystemTime;

use mongodb::bson::{Bson, DateTime, Document, doc};
use portcullis::NumericDate;

use super::{
    SESSIONS,
    documents::{from_date, to_date},
    failure::Failure,
};
use crate::model::{
    AccessId, AccessTokenKind, EndReason, Ended, Head, RefreshId, Session, SessionId, UserId,
};

/// A session of a document.
pub(super) fn session(document: &Document) -> Result<Session, Failure> {
    let it = Reading(document);
    let access = if it.truth("fresh")? { AccessTokenKind::Fresh } else { AccessTokenKind::Refreshed };
    let head = Head {
        refresh: RefreshId { generation: it.generation("generation")?, jti: it.text("refresh_jti")? },
        access_jti: it.text("access_jti")?,
        made_at: it.time("made_at")?,
        issued_at: it.date("issued_at")?,
        access_expires_at: it.date("access_expires_at")?,
        refresh_expires_at: it.date("refresh_expires_at")?,
        access,
    };
    let has = |field| document.contains_key(field);
    let parent = has("parent_generation").then(|| it.parent()).transpose()?;
    let ended = has("ended_at").then(|| it.ended()).transpose()?;
    let access_tokens = has("access_tokens").then(|| it.access_tokens()).transpose()?;
    let device = has("device").then(|| it.text("device")).transpose()?;
    Ok(Session {
        id: SessionId::new(it.text("_id")?),
        user: UserId::new(it.text("user")?),
        epoch: document.get_i64("epoch").map_err(|_| it.wrong("epoch"))?,
        head,
        parent,
        seen: it.generation("seen")?,
        void_access: if has("void_access") { it.generation("void_access")? } else { 0 },
        opened_at: it.time("opened_at")?,
        last_used: it.time("last_used")?,
        ends_at: it.date("ends_at")?,
        adopted_until: has("adopted_until").then(|| it.date("adopted_until")).transpose()?,
        access_tokens,
        device,
        ended,
    })
}

/// The whole document of a session.
pub(super) fn document(session: &Session) -> Document {
    let mut document = doc! {
        "_id": session.id.as_str(),
        "user": session.user.as_str(),
        "opened_at": time(session.opened_at),
        "ends_at": to_date(session.ends_at),
    };
    document.extend(session.adopted_until.map(|until| ("adopted_until".to_owned(), to_date(until).into())));
    document.extend(session.device.as_ref().map(|device| ("device".to_owned(), Bson::from(device))));
    document.extend(changing(session));
    document
}

/// What changes of a session in its life.
pub(super) fn changing(session: &Session) -> Document {
    let Session { head, parent, ended, .. } = session;
    let mut changing = doc! {
        "epoch": session.epoch,
        "generation": i64::from(head.refresh.generation),
        "refresh_jti": &head.refresh.jti,
        "access_jti": &head.access_jti,
        "made_at": time(head.made_at),
        "issued_at": to_date(head.issued_at),
        "access_expires_at": to_date(head.access_expires_at),
        "refresh_expires_at": to_date(head.refresh_expires_at),
        "fresh": head.access == AccessTokenKind::Fresh,
        "seen": i64::from(session.seen),
        "last_used": time(session.last_used),
        "remembered_until": to_date(session.remembered_until()),
    };
    if session.void_access > 0 {
        changing.insert("void_access", i64::from(session.void_access));
    }
    if let Some(parent) = parent {
        let generation = i64::from(parent.generation);
        changing.extend(doc! { "parent_generation": generation, "parent_jti": &parent.jti });
    }
    if let Some(tokens) = &session.access_tokens {
        changing.insert("access_tokens", access_tokens(tokens));
    }
    if let Some(Ended { at, reason }) = ended {
        changing.extend(doc! { "ended_at": time(*at), "end_reason": reason.name() });
    }
    changing
}

/// The access tokens that are kept for the Flask application.
pub(super) fn access_tokens(tokens: &[AccessId]) -> Vec<Document> {
    tokens.iter().map(access_token).collect()
}

pub(super) fn access_token(token: &AccessId) -> Document {
    doc! { "jti": &token.jti, "expires_at": to_date(token.expires_at) }
}

pub(super) fn time(time: SystemTime) -> DateTime {
    DateTime::from_system_time(time)
}

/// A document under reading, which knows how to name itself in an error.
struct Reading<'a>(&'a Document);

impl Reading<'_> {
    fn text(&self, field: &str) -> Result<String, Failure> {
        self.0.get_str(field).map(str::to_owned).map_err(|_| self.wrong(field))
    }

    fn truth(&self, field: &str) -> Result<bool, Failure> {
        self.0.get_bool(field).map_err(|_| self.wrong(field))
    }

    fn time(&self, field: &str) -> Result<SystemTime, Failure> {
        self.0.get_datetime(field).map(|date| date.to_system_time()).map_err(|_| self.wrong(field))
    }

    fn date(&self, field: &str) -> Result<NumericDate, Failure> {
        self.0.get_datetime(field).map(|date| from_date(*date)).map_err(|_| self.wrong(field))
    }

    fn generation(&self, field: &str) -> Result<u32, Failure> {
        let number = self.0.get_i64(field).ok();
        number.and_then(|number| number.try_into().ok()).ok_or_else(|| self.wrong(field))
    }

    fn parent(&self) -> Result<RefreshId, Failure> {
        Ok(RefreshId { generation: self.generation("parent_generation")?, jti: self.text("parent_jti")? })
    }

    fn ended(&self) -> Result<Ended, Failure> {
        let reason = EndReason::from_name(&self.text("end_reason")?);
        Ok(Ended { at: self.time("ended_at")?, reason: reason.ok_or_else(|| self.wrong("end_reason"))? })
    }

    fn access_tokens(&self) -> Result<Vec<AccessId>, Failure> {
        let token = |entry: &Bson| {
            let entry = entry.as_document()?;
            let expires_at = from_date(*entry.get_datetime("expires_at").ok()?);
            Some(AccessId { jti: entry.get_str("jti").ok()?.to_owned(), expires_at })
        };
        let tokens = self.0.get_array("access_tokens").ok();
        let tokens = tokens.and_then(|tokens| tokens.iter().map(token).collect());
        tokens.ok_or_else(|| self.wrong("access_tokens"))
    }

    fn wrong(&self, field: &str) -> Failure {
        let id = self.0.get("_id").map_or_else(|| "without _id".to_owned(), ToString::to_string);
        let problem = match self.0.get(field) {
            Some(value) => format!("{field} is of type {:?} or of no known value", value.element_type()),
            None => format!("{field} is missing"),
        };
        Failure::Document { collection: SESSIONS, id, problem }
    }
}

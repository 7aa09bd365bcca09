//! A look at a database that changes nothing: no index is made, no document is stamped or given a name.

use std::time::{Duration, SystemTime};

use mongodb::{
    Collection, Database,
    bson::{Document, doc},
};
use portcullis::NumericDate;

use super::{
    USERS, admins,
    calls::bounded,
    connect,
    failure::Failure,
    indexes::{self, Served},
    name_keys, time,
};
use crate::{
    config::MongoUrl,
    store::{Finding, Streams},
};

const DATABASE: &str = "database";

/// The most names that are listed.
const NAMES: i64 = 20;

/// Clocks that are kept by NTP differ by less.
const CLOCKS: Duration = Duration::from_secs(2);

/// Clocks that differ by more accept each other's tokens too late, or for too long.
const CLOCKS_WRONG: Duration = Duration::from_secs(30);

/// What there is to find at a URL.
pub(in crate::store) async fn examine(url: &MongoUrl, streams: Streams, now: SystemTime) -> Vec<Finding> {
    let (database, place) = match connect::prepare(url).await {
        Ok(prepared) => prepared,
        Err(error) => return vec![Finding::failed(DATABASE, &error, "look at MONGO_URI or DATABASE_URL")],
    };
    if let Err(failure) = bounded(connect::ping(&database)).await {
        let todo =
            "start it, and look at the URL, the network and the firewall; until then logins answer 503";
        return vec![Finding::failed(DATABASE, &place.refusal(failure), todo)];
    }
    let mut findings = vec![Finding::ok(DATABASE, format!("{place} answers"))];
    let looks = [
        servers(&database, streams).await,
        of_indexes(&database).await,
        names(&database).await,
        administrators(&database).await,
        clock(&database, now).await,
    ];
    for look in looks {
        match look {
            Ok(more) => findings.extend(more),
            Err(failure) => {
                let todo = "give the user of the URL the role readWrite on this database";
                findings.push(Finding::failed(DATABASE, &place.refusal(failure), todo));
            }
        }
    }
    database.client().clone().shutdown().immediate(true).await;
    findings
}

/// Whether there is somebody to write to, and whether a majority is there that remembers it.
async fn servers(database: &Database, streams: Streams) -> Result<Vec<Finding>, Failure> {
    let hello = bounded(async { database.run_command(doc! { "hello": 1 }).await }).await?;
    let sharded = hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid");
    if hello.get_str("setName").is_err() && !sharded {
        let what = "a single server, without a change stream: nodes hear of each other by asking";
        if streams == Streams::Required {
            let todo = "make it a replica set, or set REVOCATION_FEED to \"auto\"";
            return Ok(vec![Finding::fail(DATABASE, what, todo)]);
        }
        return Ok(vec![Finding::ok(DATABASE, what)]);
    }
    if hello.get_bool("isWritablePrimary").is_ok_and(|writable| !writable) {
        let todo = "look at rs.status(): without a primary nothing can be written";
        return Ok(vec![Finding::fail(DATABASE, "the replica set has no primary that answers", todo)]);
    }
    let admin = database.client().database("admin");
    let status = bounded(async { admin.run_command(doc! { "replSetGetStatus": 1 }).await }).await;
    // Who may not ask hears nothing of it.
    let Ok(status) = status else { return Ok(vec![Finding::ok(DATABASE, "a replica set with a primary")]) };
    Ok(vec![majority(&status)])
}

fn majority(status: &Document) -> Finding {
    const PRIMARY: i32 = 1;
    const SECONDARY: i32 = 2;
    let members = status.get_array("members").map(Vec::as_slice).unwrap_or_default();
    let bears_data = |member: &Document| matches!(member.get_i32("state"), Ok(PRIMARY | SECONDARY));
    let members: Vec<_> = members.iter().filter_map(|member| member.as_document()).collect();
    let there = members.iter().filter(|member| bears_data(member)).count();
    let needed = status
        .get_i32("writeMajorityCount")
        .map_or(members.len() / 2 + 1, |count| count.unsigned_abs() as usize);
    let what = format!(
        "{there} of {} members of the replica set have the data, and {needed} must acknowledge",
        members.len()
    );
    match there {
        _ if there < needed => {
            Finding::fail(DATABASE, what, "start the missing members: until then no write is durable")
        }
        _ if there == needed && members.len() > 1 => Finding::warn(
            DATABASE,
            what,
            "start the missing members: if one more goes, nothing can be written",
        ),
        _ => Finding::ok(DATABASE, what),
    }
}

async fn of_indexes(database: &Database) -> Result<Vec<Finding>, Failure> {
    let served = indexes::look(database).await?;
    let named = |wanted: Served| {
        let those = served.iter().filter(|(_, served)| *served == wanted);
        those.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (missing, taken) = (named(Served::Missing), named(Served::Taken));
    let mut findings = Vec::new();
    if !taken.is_empty() {
        let what = format!("other indexes are in the place of {taken}");
        findings.push(Finding::fail("indexes", what, "drop those: the next start makes the right ones"));
    }
    if !missing.is_empty() {
        let what = format!("there is none yet on {missing}");
        findings.push(Finding::warn(
            "indexes",
            what,
            "the next start makes them, which takes minutes on a large collection",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("indexes", format!("all {} are there", served.len())));
    }
    Ok(findings)
}

/// Users without a canonical name: each logs in by the exact spelling, and keeps others from registering what looks like it.
async fn names(database: &Database) -> Result<Vec<Finding>, Failure> {
    let users: Collection<Document> = database.collection(USERS);
    let keyless = name_keys::keyless();
    let count = bounded(async { users.count_documents(keyless.clone()).await }).await?;
    if count == 0 {
        return Ok(vec![Finding::ok("names", "every user has a canonical name")]);
    }
    let found = bounded(async {
        let mut cursor = users
            .find(keyless)
            .projection(doc! { "username": 1 })
            .sort(doc! { "_id": 1 })
            .limit(NAMES)
            .await?;
        let mut names = Vec::new();
        while cursor.advance().await? {
            let user = cursor.deserialize_current()?;
            names.push(format!("{:?}", user.get_str("username").unwrap_or("no text")));
        }
        Ok::<_, Failure>(names)
    });
    let names = found.await?;
    let more = if count > names.len() as u64 { ", …" } else { "" };
    let what = format!(
        "{count} users have no canonical name, since it is another's or cannot be made: {}{more}",
        names.join(", ")
    );
    let todo = "nothing, if they are the Flask application's and nobody serves yet: the next start fills them in; \
                otherwise they log in by their exact spelling only, and should get other names";
    Ok(vec![Finding::warn("names", what, todo)])
}

async fn administrators(database: &Database) -> Result<Vec<Finding>, Failure> {
    let users: Collection<Document> = database.collection(USERS);
    let count = |those: Document| bounded(async { users.count_documents(those).await });
    let (all, admins) = (count(doc! {}).await?, count(admins::enabled_admins()).await?);
    Ok(vec![Finding::of_admins(admins, all)])
}

async fn clock(database: &Database, now: SystemTime) -> Result<Vec<Finding>, Failure> {
    let Some(shown) = time::shown(database).await? else { return Ok(Vec::new()) };
    let (here, there) = (NumericDate::from(now).seconds(), NumericDate::from(shown).seconds());
    let away = Duration::from_secs(here.abs_diff(there));
    let what = format!("this machine's differs from the database's by {} s", away.as_secs());
    let todo = "have both kept by NTP: a token of a clock that is ahead is refused by the others";
    Ok(vec![match away {
        _ if away > CLOCKS_WRONG => Finding::fail("clock", what, todo),
        _ if away > CLOCKS => Finding::warn("clock", what, todo),
        _ => Finding::ok("clock", what),
    }])
}

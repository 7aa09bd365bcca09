//! A database that stops under load, and comes back (D3): verification goes on, what has to be written is refused in
//! time, memory stays bounded, and nobody has to help.

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde_json::json;

use super::{
    client::{Client, Reply},
    now, pause, resident_kib,
    secantus::Secantus,
};
use crate::support::{Server, instance};

/// How a database does not answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outage {
    /// MongoDB: the process stands still; what is sent to it waits.
    Stopped,
    /// MongoDB: the process is killed, and started again on its data.
    Killed,
    /// SQLite: another process writes and does not come to an end.
    Locked,
}

/// What clients saw, before and during the outage and after it.
pub struct Report {
    pub outage: Outage,
    pub length: Duration,
    pub before: Seen,
    pub during: Seen,
    /// How long after the outage the first write was done.
    pub back: Duration,
    /// How much more memory the server had at the end of the outage than before it, in KiB; below zero: less.
    pub grown_kib: i64,
}

/// The answers of one phase.
#[derive(Default)]
pub struct Seen {
    /// 200 of a guarded route a second.
    pub verified: f64,
    pub not_verified: usize,
    pub written: usize,
    /// 503 with `Retry-After`.
    pub turned_away: usize,
    pub slowest_write: Duration,
    /// What should not be: another status, no `Retry-After`, no answer.
    pub odd: Vec<String>,
}

const VERIFIERS: usize = 4;
const WRITERS: usize = 8;

const SECRET: &str = "a secret of the harness, 32 bytes or more";

const BEFORE: u8 = 0;
const DURING: u8 = 1;
const AFTER: u8 = 2;
const OVER: u8 = 3;

/// Lets the database of a server under load not answer for a while.
pub fn run(outage: Outage, length: Duration) -> Report {
    let folder = instance("");
    let mut database = (outage != Outage::Locked).then(Secantus::start);
    let uri = database.as_ref().map(|database| database.uri("outage"));
    let mut settings = vec![
        ("JWT_SECRET_KEY", SECRET),
        ("PASSWORD_ARGON2_MEMORY_KIB", "8"),
        ("REFRESH_REUSE_WINDOW", "0"),
        ("LOG_FILTER", "off"),
    ];
    settings.extend(uri.as_deref().map(|uri| ("MONGO_URI", uri)));
    let server = Server::start(folder.path(), &["--profile", "testing"], &settings);
    let (phase, seen) = (AtomicU8::new(BEFORE), Phases::default());
    let quiet = Duration::from_secs(1).max(length / 5);
    let (mut back, mut grown_kib) = (Duration::ZERO, 0);
    thread::scope(|scope| {
        let (phase, seen) = (&phase, &seen);
        for number in 0..VERIFIERS + WRITERS {
            let client = Client::of(&server.address);
            if number < VERIFIERS {
                scope.spawn(move || verify(client, number, phase, seen));
            } else {
                scope.spawn(move || write(client, number, phase, seen));
            }
        }
        pause(quiet);
        let memory = resident_kib(server.id()).cast_signed();
        let lock = begin(outage, database.as_mut(), &server);
        phase.store(DURING, Ordering::SeqCst);
        pause(length);
        grown_kib = resident_kib(server.id()).cast_signed() - memory;
        drop(lock);
        let ended = now();
        end(outage, database.as_mut());
        back = first_write(&server, ended);
        phase.store(AFTER, Ordering::SeqCst);
        pause(quiet);
        phase.store(OVER, Ordering::SeqCst);
    });
    let taken = |phase: u8, length: Duration| {
        let mut seen = std::mem::take(&mut *seen[usize::from(phase)].lock().unwrap());
        seen.verified /= length.as_secs_f64();
        seen
    };
    let during = taken(DURING, length + back);
    Report { outage, length, before: taken(BEFORE, quiet), during, back, grown_kib }
}

fn begin(outage: Outage, database: Option<&mut Secantus>, server: &Server) -> Option<Connection> {
    match (outage, database) {
        (Outage::Stopped, Some(database)) => database.signal("STOP"),
        (Outage::Killed, Some(database)) => database.kill(),
        _ => {
            let path = server.ready.rsplit("sqlite:").next().unwrap().trim_end_matches(')');
            let shell = Connection::open(path).unwrap();
            shell.busy_timeout(Duration::from_secs(10)).unwrap();
            shell.execute_batch("BEGIN EXCLUSIVE").unwrap();
            return Some(shell);
        }
    }
    None
}

fn end(outage: Outage, database: Option<&mut Secantus>) {
    match (outage, database) {
        (Outage::Stopped, Some(database)) => database.signal("CONT"),
        (Outage::Killed, Some(database)) => database.start_again(),
        _ => {}
    }
}

/// How long it takes until a write is done.
fn first_write(server: &Server, since: Instant) -> Duration {
    let mut client = Client::of(&server.address);
    let mut number = 0;
    loop {
        number += 1;
        let body = json!({"username": format!("back-{number}"), "password": "correct horse"});
        if client.post("/users/registration", &body).is_some_and(|reply| reply.status == 201) {
            return now() - since;
        }
    }
}

type Phases = [Mutex<Seen>; 4];

/// Shows an access token as often as it can.
fn verify(mut client: Client, number: usize, phase: &AtomicU8, seen: &Phases) {
    let body = json!({"username": format!("verifier-{number}"), "password": "correct horse"});
    let token = client.post("/users/registration", &body).unwrap().text("access_token");
    while phase.load(Ordering::SeqCst) < OVER {
        let reply = client.get("/tests/secret", &token);
        note(phase, seen, |seen| match reply {
            Some(Reply { status: 200, .. }) => seen.verified += 1.0,
            _ => seen.not_verified += 1,
        });
    }
}

/// Refreshes, registers and logs out as often as it can, with what it could get.
fn write(mut client: Client, number: usize, phase: &AtomicU8, seen: &Phases) {
    let mut refresh: Option<String> = None;
    // Not in step with each other: a logout that was durable before the database stopped is right to answer 204.
    for turn in number.. {
        if phase.load(Ordering::SeqCst) == OVER {
            return;
        }
        let body = json!({"username": format!("writer-{number}-{turn}"), "password": "correct horse"});
        let began = now();
        let reply = match refresh.take() {
            Some(token) if turn % 3 == 0 => client.post_as("/users/logout", &token),
            Some(token) => client.post_as("/users/refresh", &token),
            None => client.post("/users/registration", &body),
        };
        let took = now() - began;
        note(phase, seen, |seen| {
            seen.slowest_write = seen.slowest_write.max(took);
            match &reply {
                Some(Reply { status: 200..=204, .. }) => seen.written += 1,
                Some(Reply { status: 503, retry_after: true, .. }) => seen.turned_away += 1,
                // A registration of which nobody knew.
                Some(Reply { status: 401 | 409, .. }) => {}
                Some(reply) => seen.odd.push(format!("{} {}", reply.status, reply.body)),
                None => seen.odd.push("no answer".to_owned()),
            }
        });
        refresh =
            reply.filter(|reply| matches!(reply.status, 200 | 201)).map(|reply| reply.text("refresh_token"));
    }
}

fn note(phase: &AtomicU8, seen: &Phases, change: impl FnOnce(&mut Seen)) {
    let phase = usize::from(phase.load(Ordering::SeqCst));
    change(&mut seen[phase].lock().unwrap());
}

impl Report {
    /// Whether all is as it should be. A write is turned away after two seconds and what the machine's load adds to that.
    pub fn holds(&self, in_time: Duration) -> bool {
        self.during.not_verified == 0
            && self.during.odd.is_empty()
            && self.during.turned_away > 0
            && self.during.slowest_write < in_time
            && self.back < Duration::from_secs(10)
            && self.grown_kib < 20_000
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { verified, not_verified, turned_away, slowest_write, odd, .. } = &self.during;
        write!(
            f,
            "{:?} for {:?}: {verified:.0} verifications/s, {:.2} of before ({not_verified} failed); {turned_away} writes \
             turned away, the slowest after {slowest_write:.2?}; {:+} KiB; back after {:.2?}; {} answers that should \
             not be",
            self.outage,
            self.length,
            verified / self.before.verified.max(1.0),
            self.grown_kib,
            self.back,
            odd.len(),
        )
    }
}

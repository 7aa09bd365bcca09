//! SIGTERM under load, again and again: every request that was accepted is answered, and the program ends in order (D7).

use std::{
    fmt,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::json;

use super::{client::Client, dice::Dice, now, pause};
use crate::support::{Server, instance};

/// What has come of it.
#[derive(Default)]
pub struct Report {
    pub rounds: usize,
    pub answered: u64,
    /// Of those after the signal.
    pub answered_while_stopping: u64,
    pub slowest_end: Duration,
    /// What should not be.
    pub faults: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ends by SIGTERM at {A_SECOND} requests a second: {} requests answered, {} of them after the signal; \
             {} faults; slowest end {:.2?}",
            self.rounds,
            self.answered,
            self.answered_while_stopping,
            self.faults.len(),
            self.slowest_end
        )
    }
}

const A_SECOND: u32 = 500;
const CLIENTS: u32 = 16;

/// An end takes the notice, and what is under way then: far less than the half minute that service managers give.
const LONGEST_END: Duration = Duration::from_secs(10);

const SETTINGS: &[(&str, &str)] = &[
    ("JWT_SECRET_KEY", "a secret of the harness, 32 bytes or more"),
    ("LIMITS", "off"),
    // As by default: the time in which a proxy sees that the service is not ready.
    ("SHUTDOWN_NOTICE", "1s"),
    ("PASSWORD_ARGON2_MEMORY_KIB", "8"),
    // So that each refresh is a write.
    ("REFRESH_REUSE_WINDOW", "0"),
    ("LOG_FILTER", "error"),
];

/// Ends the program as often as that, under load.
pub fn run(rounds: usize, seed: u64) -> Report {
    let folder = instance("");
    let (mut report, mut dice) = (Report::default(), Dice::of(seed));
    for _ in 0..rounds {
        let server = Server::start(folder.path(), &["--profile", "testing"], SETTINGS);
        round(server, dice.time_below(Duration::from_millis(300)), &mut report);
        report.rounds += 1;
    }
    report
}

/// What the clients of a round share.
struct Shared {
    /// Everybody is logged in.
    begun: Barrier,
    /// The signal was sent.
    signalled: AtomicBool,
    /// `/readyz` has said so: a proxy sends nothing more.
    unready: AtomicBool,
    next: AtomicU32,
    answered: AtomicU64,
    answered_while_stopping: AtomicU64,
    faults: Mutex<Vec<String>>,
}

fn round(server: Server, load: Duration, report: &mut Report) {
    let shared = Shared {
        begun: Barrier::new(CLIENTS as usize + 1),
        signalled: AtomicBool::default(),
        unready: AtomicBool::default(),
        next: AtomicU32::default(),
        answered: AtomicU64::default(),
        answered_while_stopping: AtomicU64::default(),
        faults: Mutex::default(),
    };
    let address = server.address.clone();
    let mut took = Duration::ZERO;
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (shared, address) = (&shared, &address);
            scope.spawn(move || client(number, address, shared));
        }
        shared.begun.wait();
        pause(Duration::from_millis(100) + load);
        let began = now();
        shared.signalled.store(true, Ordering::Relaxed);
        server.signal("TERM");
        while Client::of(&address).get("/readyz", "").is_some_and(|reply| reply.status == 200) {
            pause(Duration::from_millis(5));
        }
        shared.unready.store(true, Ordering::Relaxed);
        let code = server.wait().code();
        took = now() - began;
        if code != Some(0) || took > LONGEST_END {
            shared.faults.lock().unwrap().push(format!("it ended with {code:?} after {took:?}"));
        }
    });
    report.slowest_end = report.slowest_end.max(took);
    report.answered += shared.answered.into_inner();
    report.answered_while_stopping += shared.answered_while_stopping.into_inner();
    report.faults.extend(shared.faults.into_inner().unwrap());
}

/// Sends what is due, on a connection that it keeps and now and then on a new one, until `/readyz` says that the service
/// stops.
fn client(number: u32, address: &str, shared: &Shared) {
    let mut connection = Client::of(address);
    let name = json!({"username": format!("client{number}"), "password": "correct horse"});
    let known = connection.post("/users/login", &name).filter(|reply| reply.status == 200);
    let login = known.or_else(|| connection.post("/users/registration", &name)).expect("a login is answered");
    let (access, mut refresh) = (login.text("access_token"), login.text("refresh_token"));
    shared.begun.wait();
    let began = now();
    loop {
        let ticket = shared.next.fetch_add(1, Ordering::Relaxed);
        let due = began + Duration::from_secs(1) * ticket / A_SECOND;
        pause(due.saturating_duration_since(now()));
        if shared.unready.load(Ordering::Relaxed) {
            return;
        }
        let stopping = shared.signalled.load(Ordering::Relaxed);
        if ticket.is_multiple_of(3) {
            connection = Client::of(address);
        }
        let (what, reply) = match ticket % 4 {
            0 => ("a refresh", connection.post_as("/users/refresh", &refresh)),
            1 => ("a login", connection.post("/users/login", &name)),
            _ => ("a guarded request", connection.get("/tests/secret", &access)),
        };
        match reply {
            Some(reply) if reply.status == 200 => {
                if ticket.is_multiple_of(4) {
                    refresh = reply.text("refresh_token");
                }
                shared.answered.fetch_add(1, Ordering::Relaxed);
                shared.answered_while_stopping.fetch_add(stopping.into(), Ordering::Relaxed);
            }
            // Turned away on a machine that is too busy, and told so.
            Some(reply) if reply.status == 503 && reply.retry_after => {}
            Some(reply) => {
                shared.faults.lock().unwrap().push(format!("{what} was answered {}", reply.status));
            }
            None => shared.faults.lock().unwrap().push(format!("{what} was not answered")),
        }
    }
}

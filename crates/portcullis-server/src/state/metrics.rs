//! All metrics of a service, on one page: the name of each, what a person can conclude from it, and which room knows it.
//!
//! Nothing is counted here. What a room knows anyhow is read when somebody asks.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    accounts::Outcomes,
    audit::Audit,
    metrics::{Registry, Requests, one},
    passwords::Passwords,
    revocations::Revocations,
    store::StoreTimes,
};

/// What there is to know of a running service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    late: Arc<Late>,
}

/// What joins when the service is opened already, and what has no room of its own.
#[derive(Default)]
struct Late {
    requests: OnceLock<Requests>,
    program: OnceLock<Box<dyn Fn() -> ProgramNumbers + Send + Sync>>,
    panics: AtomicU64,
}

/// What the program around a service knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgramNumbers {
    /// How many connections are open.
    pub connections_open: u64,
    /// How many may be.
    pub connections_most: u64,
    /// How many were closed at once, since there was no place.
    pub connections_turned_away: u64,
    /// How many lines of the log were lost, since nobody read them.
    pub log_lines_lost: u64,
}

/// The parts that know something.
pub(super) struct Sources {
    pub(super) started: SystemTime,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) outcomes: Arc<Outcomes>,
    pub(super) passwords: Arc<Passwords>,
    pub(super) store: Arc<StoreTimes>,
    pub(super) revocations: Arc<Revocations>,
    pub(super) audit: Arc<Audit>,
}

impl Metrics {
    /// The media type of [`text`](Self::text).
    pub const MEDIA_TYPE: &str = Registry::MEDIA_TYPE;

    pub(super) fn of(sources: Sources) -> Self {
        let Sources { started, stopping, outcomes, passwords, store, revocations, audit } = sources;
        let mut registry = Registry::new("portcullis");
        let late = Arc::<Late>::default();
        add_process(&mut registry, started, stopping, &revocations);
        add_requests(&mut registry, &late);
        add_program(&mut registry, &late);
        add_outcomes(&mut registry, &outcomes);
        add_passwords(&mut registry, &passwords);
        add_store(&mut registry, store);
        add_revocations(&mut registry, &revocations);
        add_audit(&mut registry, &audit);
        Self { registry, late }
    }

    /// All of it as text.
    ///
    /// # Errors
    /// [`fmt::Error`], which is a defect.
    pub fn text(&self) -> Result<String, fmt::Error> {
        self.registry.text()
    }

    /// The requests, in a table of the routes that whoever serves them first says there are.
    pub fn requests(&self, routes: impl FnOnce() -> Vec<&'static str>) -> &Requests {
        self.late.requests.get_or_init(|| Requests::of(routes()))
    }

    /// Asks the program around from now on, whenever somebody asks here. Only the first of several is.
    pub fn ask_program(&self, numbers: impl Fn() -> ProgramNumbers + Send + Sync + 'static) {
        // Somebody else is asked already.
        let _ = self.late.program.set(Box::new(numbers));
    }

    /// Counts a handler that panicked.
    pub fn count_panic(&self) {
        self.late.panics.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Late").finish_non_exhaustive()
    }
}

fn add_process(
    registry: &mut Registry,
    started: SystemTime,
    stopping: Arc<AtomicBool>,
    revocations: &Arc<Revocations>,
) {
    registry.info("build", "What runs: a change is an upgrade", ("version", env!("CARGO_PKG_VERSION")));
    let started = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    registry.add(
        "process_start_time_seconds",
        "When this process started, in seconds since 1970: a change is a restart",
        [],
        move || one(started),
    );
    let revocations = revocations.clone();
    registry.add(
        "ready",
        "Whether requests are welcome: 0 while it stops, and when tokens cannot be checked",
        [],
        move || {
            let ready = !stopping.load(Ordering::Relaxed) && !revocations.has_lost_hearing();
            one(flag(ready))
        },
    );
}

fn add_requests(registry: &mut Registry, late: &Arc<Late>) {
    let requests = late.clone();
    registry.add(
        "http_requests",
        "Requests that were answered: 5xx are this service's own failures, 503 what it had no time or no store for",
        ["method", "route", "status"],
        move || requests.requests.get().map(Requests::answered).unwrap_or_default(),
    );
    let requests = late.clone();
    registry.add(
        "http_request_duration_seconds",
        "How long answers took, from the head of the request on: what clients wait for, but for the network",
        ["method", "route"],
        move || requests.requests.get().map(Requests::times).unwrap_or_default(),
    );
    let requests = late.clone();
    registry.add(
        "http_requests_in_flight",
        "Requests that are being answered, this one among them: many that stay mean that something is waited for",
        [],
        move || one(float(requests.requests.get().map_or(0, Requests::in_flight))),
    );
    let requests = late.clone();
    registry.add(
        "http_requests_abandoned",
        "Requests whose client hung up before the answer: many mean that clients find it too slow",
        [],
        move || one(requests.requests.get().map_or(0, Requests::abandoned)),
    );
    let panics = late.clone();
    registry.add(
        "http_panics",
        "Handlers that panicked: each is a defect of portcullis, and the log says where",
        [],
        move || one(panics.panics.load(Ordering::Relaxed)),
    );
}

fn add_program(registry: &mut Registry, late: &Arc<Late>) {
    let ask = |late: &Arc<Late>| {
        let late = late.clone();
        move || late.program.get().map(|numbers| numbers()).unwrap_or_default()
    };
    let program = ask(late);
    registry.add("connections_open", "Connections that are open", [], move || {
        one(float(program().connections_open))
    });
    let program = ask(late);
    registry.add(
        "connections_limit",
        "How many may be open: MAX_CONNECTIONS, or as many as the system has open files for",
        [],
        move || one(float(program().connections_most)),
    );
    let program = ask(late);
    registry.add(
        "connections_turned_away",
        "Connections that were closed at once, since there was no place: clients are turned away",
        [],
        move || one(program().connections_turned_away),
    );
    let program = ask(late);
    registry.add(
        "log_lines_dropped",
        "Lines of the log that are lost, since nobody read them fast enough",
        [],
        move || one(program().log_lines_lost),
    );
}

fn add_outcomes(registry: &mut Registry, outcomes: &Arc<Outcomes>) {
    let logins = outcomes.clone();
    registry.add(
        "logins",
        "Logins by what came of them: refused are guesses or typing errors, limited is a flood, unavailable is our doing",
        ["outcome"],
        move || logins.logins.series(),
    );
    let registrations = outcomes.clone();
    registry.add(
        "registrations",
        "Registrations by what came of them: refused found the name taken, or registration closed",
        ["outcome"],
        move || registrations.registrations.series(),
    );
    let logouts = outcomes.clone();
    registry.add(
        "logouts",
        "Logouts by what came of them: one that was not accepted may leave a session alive elsewhere",
        ["outcome"],
        move || logouts.logouts.series(),
    );
    let refreshes = outcomes.clone();
    registry.add(
        "refreshes",
        "Refreshes by the verdict on the token: replayed means that somebody has a copy, repeated_lost_answer that answers \
         do not arrive, ahead_of_store that the store was set back",
        ["outcome"],
        move || refreshes.refreshes.series(),
    );
    let adopted = outcomes.clone();
    registry.add(
        "refresh_tokens_adopted",
        "Refresh tokens of the Flask application that became sessions: when it stays the same, all have come over",
        [],
        move || one(adopted.adopted()),
    );
}

fn add_passwords(registry: &mut Registry, passwords: &Arc<Passwords>) {
    let waiting = passwords.clone();
    registry.add(
        "password_hashes_waiting",
        "Passwords that wait for a hash worker: near PASSWORD_QUEUE logins are about to be turned away",
        [],
        move || one(float(waiting.waiting() as u64)),
    );
    let running = passwords.clone();
    registry.add(
        "password_hashes_running",
        "Hash workers at work: as many as there are cores for long means that logins are the bottleneck",
        [],
        move || one(float(running.load().running())),
    );
    let turned_away = passwords.clone();
    registry.add(
        "password_hashes_turned_away",
        "Passwords that found the queue full, each a 503: there are more logins than cores for them",
        [],
        move || one(turned_away.load().turned_away()),
    );
    let times = passwords.clone();
    registry.add(
        "password_hash_duration_seconds",
        "How long a password was hashed or checked, without the wait for a worker: more than usual is a busy machine",
        [],
        move || one(times.load().times()),
    );
}

fn add_store(registry: &mut Registry, store: Arc<StoreTimes>) {
    registry.add(
        "store_call_duration_seconds",
        "How long calls of the store took by method and outcome: errors are a database that is down, slow or damaged. \
         revocations includes the reading of all that it streams",
        ["method", "outcome"],
        move || store.series(),
    );
}

fn add_revocations(registry: &mut Registry, revocations: &Arc<Revocations>) {
    let entries = revocations.clone();
    registry.add(
        "revocation_entries",
        "What is refused before its time, in memory: sessions, tokens, users",
        [],
        move || one(float(entries.entry_count() as u64)),
    );
    let read = revocations.clone();
    registry.add(
        "revocation_entries_read",
        "Entries that were read from the store, at the start, by polls, reloads and as the store told of them",
        [],
        move || one(read.read_count()),
    );
    let silence = revocations.clone();
    registry.add(
        "revocation_age_seconds",
        "How long ago this node heard what others revoke: a logout elsewhere may be unknown here for so long",
        [],
        move || one(silence.silence().as_secs_f64()),
    );
    let hearing = revocations.clone();
    registry.add(
        "revocation_hearing",
        "How this node hears of others' revocations, 1 for what holds: behind after a failure, lost when tokens cannot be \
         checked and guarded routes answer 503",
        ["state"],
        move || {
            let (lost, behind) = (hearing.has_lost_hearing(), hearing.is_behind());
            vec![
                (["good"], flag(!lost && !behind)),
                (["behind"], flag(behind && !lost)),
                (["lost"], flag(lost)),
            ]
        },
    );
    let told = revocations.clone();
    registry.add(
        "revocation_stream",
        "Whether the store tells of revocations by itself; 0 is usual where it cannot",
        [],
        move || one(flag(told.is_told())),
    );
    let unnoted = revocations.clone();
    registry.add(
        "session_uses_dropped",
        "Uses of sessions that the store was not told of, since too many waited: refreshes are judged more kindly",
        [],
        move || one(unnoted.unnoted_uses()),
    );
}

fn add_audit(registry: &mut Registry, audit: &Arc<Audit>) {
    let events = audit.clone();
    registry.add(
        "audit_events",
        "What happened on this node, by the name that the log and the audit trail have for it",
        ["event"],
        move || events.events().series(),
    );
    let waiting = audit.clone();
    registry.add(
        "audit_events_waiting",
        "Audit events that wait to be written: many mean that the store does not take them",
        [],
        move || one(float(waiting.waiting_count() as u64)),
    );
    let written = audit.clone();
    registry.add(
        "audit_events_written",
        "Audit events that were written into the store by themselves; those that belong to an act are written with it",
        [],
        move || one(written.written_count()),
    );
    let dropped = audit.clone();
    registry.add(
        "audit_events_dropped",
        "Audit events that the log alone has: the store did not take them for so long that there was no room",
        [],
        move || one(dropped.dropped_count()),
    );
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// A count as a gauge has it; beyond 2^53 it is rounded.
#[expect(clippy::cast_precision_loss, reason = "no count of things that are there at once comes near")]
fn float(count: u64) -> f64 {
    count as f64
}

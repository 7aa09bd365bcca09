//! kill -9 under load, again and again: what was acknowledged is there after the restart, and nothing else came back
//! (D1).

use std::{collections::BTreeMap, fmt, thread, time::Duration};

use tempfile::TempDir;

use super::{
    client::Client,
    dice::Dice,
    ledger::{Kind, Ledger, SECRET, Violation},
    now, pause,
    secantus::Secantus,
};
use crate::support::{Server, instance};

/// What is to be done.
pub struct Plan {
    pub rounds: usize,
    pub seed: u64,
    pub store: StoreKind,
    /// After how many rounds everything is checked, and all begins again with an empty database.
    pub rounds_of_a_life: usize,
    /// How much later than the shortest time after a start its kill may come.
    pub longest: Duration,
}

#[derive(Clone, Copy, PartialEq)]
pub enum StoreKind {
    Sqlite,
    /// On a server of its own, which is killed too.
    Mongo,
}

/// What has come of it.
#[derive(Default)]
pub struct Report {
    pub rounds: usize,
    pub database_kills: usize,
    pub facts: BTreeMap<&'static str, u64>,
    pub violations: Vec<Violation>,
    /// From the start of the process to the first 200.
    pub slowest_start: Duration,
}

const CLIENTS: usize = 32;

/// The shortest time from a start to its kill.
const SHORTEST: Duration = Duration::from_millis(200);

/// Runs a plan, and says how it goes.
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Report {
    let (mut report, mut dice) = (Report::default(), Dice::of(plan.seed));
    while report.rounds < plan.rounds {
        let rounds = plan.rounds_of_a_life.min(plan.rounds - report.rounds);
        let known = report.violations.len();
        live(plan, rounds, &mut dice, &mut report);
        say(&report.to_string());
        for Violation { kind, what } in &report.violations[known..] {
            say(&format!("{kind:?}: {what}"));
        }
    }
    report
}

/// One database from its first start to the last check.
fn live(plan: &Plan, rounds: usize, dice: &mut Dice, report: &mut Report) {
    let forgiving = dice.one_in(2);
    let mut place = Place::new(plan.store, forgiving);
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| (Ledger::new(format!("client{number}"), forgiving), dice.split()))
        .collect();
    for _ in 0..rounds {
        let server = place.start(report);
        each(&mut clients, &server, |ledger, client, dice| ledger.check(client, dice, false));
        // Every second time.
        let (load, database_too) = (SHORTEST + dice.time_below(plan.longest), report.rounds % 2 == 1);
        let address = server.address.clone();
        thread::scope(|scope| {
            for (ledger, dice) in &mut clients {
                let mut client = Client::of(&address);
                scope.spawn(move || ledger.work(&mut client, dice));
            }
            pause(load);
            if database_too && place.kill_database() {
                report.database_kills += 1;
                // Answers that come from what the server has in memory are answers too.
                pause(Duration::from_millis(50));
            }
            drop(server);
        });
        report.rounds += 1;
    }
    let server = place.start(report);
    each(&mut clients, &server, |ledger, client, dice| ledger.check(client, dice, true));
    for (ledger, _) in clients {
        report.violations.extend(ledger.violations);
        for (name, count) in ledger.facts {
            *report.facts.entry(name).or_default() += count;
        }
    }
}

/// All clients at once.
fn each(
    clients: &mut [(Ledger, Dice)],
    server: &Server,
    does: impl Fn(&mut Ledger, &mut Client, &mut Dice) + Copy + Send,
) {
    thread::scope(|scope| {
        for (ledger, dice) in clients {
            let mut client = Client::of(&server.address);
            scope.spawn(move || does(ledger, &mut client, dice));
        }
    });
}

/// Where the data lies, and what a server is started with.
struct Place {
    instance: TempDir,
    settings: Vec<(&'static str, String)>,
    database: Option<Secantus>,
}

impl Place {
    fn new(store: StoreKind, forgiving: bool) -> Self {
        let lost_answer = if forgiving { "forgive" } else { "refuse" };
        let mut settings: Vec<_> = [
            ("JWT_SECRET_KEY", SECRET),
            ("JWT_ACCESS_TOKEN_EXPIRES", "1d"),
            // So that each refresh is a write.
            ("REFRESH_REUSE_WINDOW", "0"),
            ("REFRESH_LOST_ANSWER", lost_answer),
            // Many facts, not expensive ones.
            ("PASSWORD_ARGON2_MEMORY_KIB", "8"),
            ("PASSWORD_QUEUE", "65536"),
            ("LOG_FILTER", "error"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        let database = (store == StoreKind::Mongo).then(Secantus::start);
        settings.extend(database.as_ref().map(|database| ("MONGO_URI", database.uri("kill"))));
        Self { instance: instance(""), settings, database }
    }

    /// Starts the server, and its database where that is down too.
    fn start(&mut self, report: &mut Report) -> Server {
        if let Some(database) = &mut self.database {
            database.start_again();
        }
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let began = now();
        let server = Server::start(self.instance.path(), &["--profile", "testing"], &settings);
        let mut client = Client::of(&server.address);
        while client.send("GET", "/tests/hello", None, None).is_none_or(|reply| reply.status != 200) {}
        report.slowest_start = report.slowest_start.max(now() - began);
        server
    }

    /// Kills the database, if it is a process of its own.
    fn kill_database(&mut self) -> bool {
        self.database.as_mut().map(Secantus::kill).is_some()
    }
}

impl Report {
    fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|violation| violation.kind == kind).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rounds ({} of them with the database), {} acknowledged facts: {} lost, {} revived, {} double heads; \
             slowest start to the first 200: {:.0?}",
            self.rounds,
            self.database_kills,
            self.facts.values().sum::<u64>(),
            self.count(Kind::Lost),
            self.count(Kind::Revived),
            self.count(Kind::DoubleHead),
            self.slowest_start,
        )
    }
}

//! The short form of `scripts/bench outage`: a database that does not answer for a while, under load (DUR-08, DUR-09).

use std::time::Duration;

use crate::harness::outage::{Outage, run};

/// Far below what a request may take as a whole, and far above what the store's two seconds become on a machine that does
/// other work: how near it is to them is a figure of the bench.
const IN_TIME: Duration = Duration::from_secs(6);

fn passes(outage: Outage) {
    let report = run(outage, Duration::from_secs(3));
    assert!(report.holds(IN_TIME), "{report}\n{:?}", report.during.odd);
}

#[test]
fn a_file_that_another_program_holds() {
    passes(Outage::Locked);
}

#[cfg(feature = "mongo")]
#[test]
fn a_mongodb_that_stands_still() {
    // DUR-09
    if crate::mongo::is_secantus() {
        passes(Outage::Stopped);
    }
}

#[cfg(feature = "mongo")]
#[test]
fn a_mongodb_that_is_killed_and_comes_back() {
    if crate::mongo::is_secantus() {
        passes(Outage::Killed);
    }
}

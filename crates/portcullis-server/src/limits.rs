//! How often strangers may try: logins, registrations and refreshes that fail, each by where they come from and whom
//! they name. It knows no HTTP and no store, and counts on this node alone.
//!
//! A try takes from all its buckets before anything is looked up or hashed. What comes of it decides what becomes of
//! that: a login that succeeds gives back what it took itself and nothing else, one that fails does not. The buckets
//! are the same for names that exist and names that do not, so that their answers say nothing.

mod buckets;
mod excess;
mod names;

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::Quota;
use portcullis::Clock;

pub use names::NamesRule;

use buckets::{Buckets, Key, Steady};
use excess::Quiet;
use names::FailedNames;

/// The limits of a node.
pub struct Limits(Option<On>);

/// Limits that are on.
struct On {
    login_by_address_and_name: Buckets,
    login_by_address: Buckets,
    login_by_name: Buckets,
    login_by_device: Buckets,
    failed_names: FailedNames,
    registration: Buckets,
    refresh_failures: Buckets,
    time: Steady,
    /// Of this process alone: who does not know it cannot find a name that shares another one's bucket.
    key: RandomState,
    excess: ExcessByKind,
}

struct ExcessByKind {
    logins: Quiet,
    registrations: Quiet,
    refreshes: Quiet,
}

/// How much of everything is let in.
#[derive(Clone, Copy, Debug)]
pub struct LimitRules {
    /// Logins of one address with one name.
    pub login_by_address_and_name: Rate,
    /// Logins of one address.
    pub login_by_address: Rate,
    /// Logins with one name, from all addresses.
    pub login_by_name: Rate,
    /// Logins of one device that is known, and passwords shown in one session, which have no other limits.
    pub login_by_device: Rate,
    /// Different names that fail from one address.
    pub failed_names: NamesRule,
    /// Registrations of one address.
    pub registration: Rate,
    /// Refreshes of one address that fail.
    pub refresh_failures: Rate,
}

/// How many buckets of a limit are in a row, which there are two of: so many that those that are not full at once are
/// few of them, when a million addresses and names fail in ten minutes. All of them together are 10 MiB, which are taken as they are used.
mod width {
    /// Full again soon: 512 KiB.
    pub(super) const SMALL: usize = 1 << 15;
    /// Of a try a minute, and holding many: 2 MiB.
    pub(super) const MEDIUM: usize = 1 << 17;
    /// Of a try a minute, and holding few: 4 MiB.
    pub(super) const LARGE: usize = 1 << 18;
}

/// How many tries may come at once, and how many more as time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Quota);

/// A span of time that tries are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Rate {
    /// So many at once, and so many more in each span, evenly.
    pub fn new(burst: NonZeroU32, more: NonZeroU32, per: Per) -> Self {
        let quota = match per {
            Per::Second => Quota::per_second(more),
            Per::Minute => Quota::per_minute(more),
            Per::Hour => Quota::per_hour(more),
        };
        Self(quota.allow_burst(burst))
    }
}

/// One try too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many tries: the next one may be made in {} s", retry_after.as_secs())]
pub struct Limited {
    /// When the next try is let in, if no other is made meanwhile: whole seconds, at least one.
    pub retry_after: Duration,
    /// What is to be said of it, unless that was said of its like a moment ago.
    pub excess: Option<Excess>,
}

/// What was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// Of what kind.
    pub what: &'static str,
    /// How many there were since this was said last.
    pub count: u64,
}

/// What comes of a try that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// Nothing beyond what it took.
    Counted,
    /// Its address has had too many names, and is blocked for a while.
    AddressBlocked,
}

/// A try that was let in, with what it has taken. Dropped, it is a try that was made.
#[must_use]
pub struct Attempt<'l> {
    taken: Taken<'l>,
    /// What its failure says of an address.
    named: Option<Named<'l>>,
}

/// Buckets that one was taken from.
type Taken<'l> = Vec<(&'l Buckets, Key)>;

/// An address and a name that were tried together.
struct Named<'l> {
    on: &'l On,
    from: Key,
    from_with_name: Key,
}

impl Limits {
    /// Limits by rules, with time from the steady clock.
    pub fn new(rules: &LimitRules, clock: &Arc<dyn Clock>) -> Self {
        let time = Steady::new(clock.clone());
        let buckets = |Rate(quota), width| Buckets::new(quota, width, time.clone());
        Self(Some(On {
            login_by_address_and_name: buckets(rules.login_by_address_and_name, width::LARGE),
            login_by_address: buckets(rules.login_by_address, width::SMALL),
            login_by_name: buckets(rules.login_by_name, width::MEDIUM),
            login_by_device: buckets(rules.login_by_device, width::SMALL),
            failed_names: FailedNames::new(rules.failed_names),
            registration: buckets(rules.registration, width::MEDIUM),
            refresh_failures: buckets(rules.refresh_failures, width::SMALL),
            key: RandomState::new(),
            excess: ExcessByKind {
                logins: Quiet::new("logins"),
                registrations: Quiet::new("registrations"),
                refreshes: Quiet::new("refreshes"),
            },
            time,
        }))
    }

    /// No limits at all.
    pub fn off() -> Self {
        Self(None)
    }

    /// Lets a login in that comes from an address, with a name, by what all its spellings have in common. What comes from no address that is known comes from one.
    ///
    /// # Errors
    /// [`Limited`] when one of its buckets is empty, or the address is blocked for its many names.
    pub fn login(&self, address: Option<IpAddr>, name: &str) -> Result<Attempt<'_>, Limited> {
        let Some(on) = &self.0 else { return Ok(Attempt::unlimited()) };
        let from = Network::of(address);
        let (from_with_name, from, name) = (on.key(&(from, name)), on.key(&from), on.key(&name));
        let taken = take_all(&[
            (&on.login_by_address_and_name, from_with_name),
            (&on.login_by_address, from),
            (&on.login_by_name, name),
        ]);
        let wait = match (taken, on.failed_names.blocked(from.0, on.time.now())) {
            (Ok(taken), None) => {
                let named = Named { on, from, from_with_name };
                return Ok(Attempt { taken, named: Some(named) });
            }
            (Ok(taken), Some(blocked)) => {
                give_back(taken);
                blocked
            }
            (Err(wait), blocked) => wait.max(blocked.unwrap_or_default()),
        };
        Err(on.turned_away(&on.excess.logins, wait))
    }

    /// Lets a login in that comes from a device which is known to be of the user named: it takes from the device's own
    /// bucket, whatever others do with the user's name and from the same address.
    ///
    /// # Errors
    /// [`Limited`] when that is empty.
    pub fn login_of_device(&self, device: &str) -> Result<Attempt<'_>, Limited> {
        let Some(on) = &self.0 else { return Ok(Attempt::unlimited()) };
        on.one(&on.login_by_device, on.key(&device), &on.excess.logins)
    }

    /// Lets a password in that is shown in a session which is known to live: by a bucket of the session's own, as that of a
    /// device.
    ///
    /// # Errors
    /// [`Limited`] when that is empty.
    pub fn login_of_session(&self, session: &str) -> Result<Attempt<'_>, Limited> {
        let Some(on) = &self.0 else { return Ok(Attempt::unlimited()) };
        on.one(&on.login_by_device, on.key(&("session", session)), &on.excess.logins)
    }

    /// Lets a registration in.
    ///
    /// # Errors
    /// [`Limited`] when the address has had its share.
    pub fn registration(&self, address: Option<IpAddr>) -> Result<Attempt<'_>, Limited> {
        let Some(on) = &self.0 else { return Ok(Attempt::unlimited()) };
        on.one(&on.registration, on.key(&Network::of(address)), &on.excess.registrations)
    }

    /// Whether a refresh is let in. It takes nothing: as many as a client likes may succeed.
    ///
    /// # Errors
    /// [`Limited`] when too many of the address have failed.
    pub fn refresh(&self, address: Option<IpAddr>) -> Result<(), Limited> {
        self.failed_refresh(address).map(Attempt::give_back)
    }

    /// Takes for a refresh that failed.
    ///
    /// # Errors
    /// [`Limited`] when too many of the address have failed.
    pub fn failed_refresh(&self, address: Option<IpAddr>) -> Result<Attempt<'_>, Limited> {
        let Some(on) = &self.0 else { return Ok(Attempt::unlimited()) };
        on.one(&on.refresh_failures, on.key(&Network::of(address)), &on.excess.refreshes)
    }
}

impl Attempt<'_> {
    fn unlimited() -> Self {
        Self { taken: Vec::new(), named: None }
    }

    /// Gives back what was taken: for what succeeded, or came to nothing before anybody could learn from it.
    pub fn give_back(self) {
        give_back(self.taken);
    }

    /// Says that the password was not the one: what was taken stays so, and the name counts among its address's.
    pub fn failed(self) -> Failed {
        let Some(Named { on, from, from_with_name }) = self.named else { return Failed::Counted };
        let blocked = on.failed_names.failed(from.0, from_with_name.0, on.time.now());
        if blocked { Failed::AddressBlocked } else { Failed::Counted }
    }
}

impl On {
    fn key(&self, limited: &impl Hash) -> Key {
        Key(self.key.hash_one(limited))
    }

    /// Takes from one bucket.
    fn one<'l>(&'l self, buckets: &'l Buckets, key: Key, excess: &Quiet) -> Result<Attempt<'l>, Limited> {
        match take_all(&[(buckets, key)]) {
            Ok(taken) => Ok(Attempt { taken, named: None }),
            Err(wait) => Err(self.turned_away(excess, wait)),
        }
    }

    fn turned_away(&self, excess: &Quiet, wait: Duration) -> Limited {
        Limited { retry_after: whole_seconds(wait), excess: excess.note(self.time.now()) }
    }
}

/// Takes from every one of some buckets, or from none: then says how long it is until they all have something.
fn take_all<'l>(buckets: &[(&'l Buckets, Key)]) -> Result<Taken<'l>, Duration> {
    let mut taken = Vec::with_capacity(buckets.len());
    let mut wait = None;
    for (buckets, key) in buckets {
        match buckets.take(*key) {
            Ok(()) => taken.push((*buckets, *key)),
            Err(until) => wait = wait.max(Some(until)),
        }
    }
    match wait {
        None => Ok(taken),
        Some(wait) => {
            give_back(taken);
            Err(wait)
        }
    }
}

/// A wait as clients are told it: a moment too long rather than too short.
fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
}

fn give_back(taken: Taken<'_>) {
    for (buckets, key) in taken {
        buckets.give_back(key);
    }
}

/// Where tries come from as it is limited: whoever has one address of IPv6 has the 64 bits behind it too.
#[derive(Clone, Copy, Hash)]
enum Network {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Network {
    fn of(address: Option<IpAddr>) -> Self {
        // An address of IPv4 is one, however it is written.
        match address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.to_canonical()) {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests;

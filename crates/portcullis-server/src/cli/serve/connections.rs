//! Connections: how many there may be at once, and how long one may wait for a client that does not read.

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum_server::accept::Accept;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

/// Takes connections as long as there is room; one too many is closed at once, which costs its client less than waiting
/// for an answer, and those that are open go on.
#[derive(Clone)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    most: usize,
    /// How many those are, as the log says it.
    said: &'static str,
    turned_away: Arc<AtomicU64>,
    /// How long a client may leave what was sent to it unread.
    patience: Duration,
}

impl Connections {
    /// So many at once, as the log says it, or as many as the system has open files for.
    pub(super) fn at_most(most: usize, said: &'static str, patience: Duration) -> Self {
        let most = most.min(files::raised_limit().saturating_sub(files::FOR_OTHERS)).max(1);
        let places = Arc::new(Semaphore::new(most));
        Self { places, most, said, turned_away: Arc::default(), patience }
    }

    /// How many are open, how many may be, and how many were turned away.
    pub(super) fn numbers(&self) -> [u64; 3] {
        let (most, free) = (self.most, self.places.available_permits());
        [most.saturating_sub(free) as u64, most as u64, self.turned_away.load(Ordering::Relaxed)]
    }

    fn admit(&self, stream: TcpStream) -> io::Result<(Stream, OwnedSemaphorePermit)> {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let count = self.turned_away.fetch_add(1, Ordering::Relaxed) + 1;
            say_seldom(count, || {
                let most = self.said;
                tracing::warn!(count, "{count} connections were closed at once: there are {most}");
            });
            return Err(io::Error::other("there are as many connections as may be"));
        };
        // An answer is written at once and whole; waiting for more to send would only delay it.
        stream.set_nodelay(true)?;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.patience));
        Ok((Box::pin(stream), place))
    }
}

/// A connection whose writes have an end. How long a client may take to send is up to who reads heads and bodies.
type Stream = Pin<Box<TimeoutStream<TcpStream>>>;

impl<S> Accept<TcpStream, S> for Connections {
    type Stream = Stream;
    type Service = Held<S>;
    type Future = Ready<io::Result<(Stream, Held<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.admit(stream).map(|(stream, place)| (stream, Held { service, _place: Arc::new(place) })))
    }
}

/// What answers on a connection, and holds its place as long as that is open.
#[derive(Clone)]
pub(super) struct Held<S> {
    service: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<R>, R> Service<R> for Held<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}

/// Says something at the first time, the second, the fourth and so on: a flood must not fill the log.
pub(super) fn say_seldom(count: u64, say: impl FnOnce()) {
    if count.is_power_of_two() {
        say();
    }
}

/// Open files, of which each connection is one.
mod files {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// How many are for the store, the log and what else is open.
    pub(super) const FOR_OTHERS: usize = 64;

    /// Takes as many as the system lets a program have by itself; answers how many. Service managers start programs with
    /// few, for the sake of old ones that could not bear more.
    pub(super) fn raised_limit() -> usize {
        let limit = getrlimit(Resource::Nofile);
        let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
        let count = if raised.is_ok() { limit.maximum } else { limit.current };
        count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX)
    }
}

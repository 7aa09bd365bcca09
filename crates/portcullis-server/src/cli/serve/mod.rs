//! `portcullis serve`: from a configuration to a running service, and back down in order.

mod connections;
mod metrics;
pub(super) mod tls;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum_server::{
    Handle, Server,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use clap::Args;
use hyper_util::rt::TokioTimer;
use portcullis::SystemClock;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use self::{
    connections::{Connections, say_seldom},
    metrics::Aside,
    tls::Files,
};
use super::{
    Failure, Place, load,
    logging::{self, Log},
    say,
};
use crate::{
    App, MAX_HEAD_BYTES, app,
    causes::causes,
    config::{Config, Environment, Flag, Warning},
    state::{AppState, ProgramNumbers},
};

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// The address to listen on; port 0 takes a free one [default: LISTEN, 127.0.0.1:5000]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<String>,
}

impl Serve {
    pub(super) fn run(self, place: Place, environment: Environment) -> Result<ExitCode, Failure> {
        let (config, warnings) = load(&place.sources(environment, self.flags()))?;
        let log = logging::start(&config.log_filter, config.log_format)?;
        let runtime = Runtime::new().map_err(|error| Failure::new(format!("no runtime: {error}")))?;
        runtime.block_on(serve(&config, &warnings, &log))
    }

    fn flags(self) -> Vec<Flag> {
        let listen = self.listen.map(|value| Flag { setting: "LISTEN", flag: "--listen".into(), value });
        listen.into_iter().collect()
    }
}

async fn serve(config: &Config, warnings: &[Warning], log: &Log) -> Result<ExitCode, Failure> {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    // What is in memory are secrets and passwords: a crash must not write them to a disk (OBS-08).
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core dumps cannot be forbidden: {error}");
    }
    // Before the store: a port in use is found before anything is made or locked.
    let (listener, address) = listen(config.listen, "--listen or LISTEN")?;
    let aside = config.metrics_address.map(Aside::listen).transpose()?;
    let signals =
        Signals::listen().map_err(|error| Failure::new(format!("signals cannot be received: {error}")))?;
    let files = Files::of(config);
    let tls = files.as_ref().map(Files::read).transpose()?;
    if let (Some(files), Some(tls)) = (files, tls.clone()) {
        tokio::spawn(files.watch(tls));
    }
    let state =
        AppState::open(config, Arc::new(SystemClock)).await.map_err(|error| Failure::new(causes(&error)))?;
    let aside = aside.map(|aside| aside.serve(config, &state)).transpose()?;
    let connections = Connections::at_most(config.max_connections, "MAX_CONNECTIONS", config.request_timeout);
    state.metrics().ask_program(numbers(&connections, log));
    let handle = Handle::new();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let serving = {
        let server = server(listener, handle.clone(), config);
        let server = server.map_err(|error| Failure::new(format!("cannot listen on {address}: {error}")))?;
        tokio::spawn(answer(server, connections, tls, config.header_read_timeout, app(&state)))
    };
    let (profile, store) = (config.profile, state.store().location());
    say(&format!("portcullis is ready on {scheme}://{address} (profile {profile}, store {store})\n"))?;
    let times = StopTimes { notice: config.shutdown_notice, grace: config.shutdown_grace };
    tokio::spawn(stop_on(signals, handle, state.clone(), times));
    let ended = serving.await;
    state.close().await;
    if let Some(aside) = aside {
        aside.stop().await;
    }
    match ended {
        Ok(Ok(())) => {
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "the listener failed");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            tracing::error!(%error, "serving ended by a defect");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Takes an address and a port, which nobody else has then.
fn listen(address: SocketAddr, setting: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind(address).map_err(|error| {
        Failure::new(format!("cannot listen on {address}: {error}; choose another address with {setting}"))
    })?;
    let address =
        listener.local_addr().map_err(|error| Failure::new(format!("no local address: {error}")))?;
    Ok((listener, address))
}

/// What this program knows of itself.
fn numbers(connections: &Connections, log: &Log) -> impl Fn() -> ProgramNumbers + Send + Sync + 'static {
    let (connections, lost_lines) = (connections.clone(), log.lost_lines());
    move || {
        let [connections_open, connections_most, connections_turned_away] = connections.numbers();
        let log_lines_lost = lost_lines();
        ProgramNumbers { connections_open, connections_most, connections_turned_away, log_lines_lost }
    }
}

/// A server of HTTP/1 with bounds on what is read, until the handle says stop.
///
/// HTTP/2 is left to the proxy in front: it would double what a stranger can do to a connection.
fn server(
    listener: TcpListener,
    handle: Handle<SocketAddr>,
    config: &Config,
) -> io::Result<Server<SocketAddr>> {
    let mut server = axum_server::from_tcp(listener)?.handle(handle).http1_only();
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_read_timeout)
        // And at most 100 header fields, which is hyper's own bound: told the same, it makes room at each request anew.
        .max_buf_size(MAX_HEAD_BYTES);
    let failed = AtomicU64::new(0);
    Ok(server.accept_error_handler(move |_, error| {
        let count = failed.fetch_add(1, Ordering::Relaxed) + 1;
        say_seldom(count, || tracing::warn!(count, %error, "no connection could be taken: {error}"));
    }))
}

/// Serves the service, with TLS or without.
async fn answer(
    server: Server<SocketAddr>,
    connections: Connections,
    tls: Option<RustlsConfig>,
    handshake_timeout: Duration,
    app: App,
) -> io::Result<()> {
    let service = app.into_make_service();
    match tls {
        None => server.acceptor(connections).serve(service).await,
        Some(tls) => {
            let tls = RustlsAcceptor::new(tls).handshake_timeout(handshake_timeout);
            server.acceptor(tls.acceptor(connections)).serve(service).await
        }
    }
}

/// On the first signal: not ready any more; for the notice requests are still answered, each closing its
/// connection, so that a proxy that watches `/readyz` sends no more; then no new connection, and those open have
/// the grace to finish, a half-sent request among them. On the second signal: at once.
async fn stop_on(mut signals: Signals, handle: Handle<SocketAddr>, state: AppState, times: StopTimes) {
    let StopTimes { notice, grace } = times;
    let name = signals.next().await;
    tracing::info!("{name}: stopping, requests under way have {} s", grace.as_secs());
    state.stop();
    if timeout(notice, signals.next()).await.is_err() {
        handle.graceful_shutdown(Some(grace));
        signals.next().await;
    }
    tracing::warn!("a second signal: stopping now");
    handle.shutdown();
}

/// How long the two phases of a stop take at most.
struct StopTimes {
    notice: Duration,
    grace: Duration,
}

/// SIGTERM, as service managers and containers send it, and SIGINT, as people do.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

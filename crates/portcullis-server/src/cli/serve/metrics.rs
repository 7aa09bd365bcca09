//! The metrics on an address of their own: plain HTTP, without a token, and nothing else is there.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use axum_server::Handle;
use tokio::task::JoinHandle;

use super::{connections::Connections, listen, server};
use crate::{cli::Failure, config::Config, metrics_app, state::AppState};

/// A port for the metrics, which is taken before anything is made or locked.
pub(super) struct Aside {
    listener: TcpListener,
    address: SocketAddr,
}

/// The metrics being served.
pub(super) struct ServedAside {
    handle: Handle<SocketAddr>,
    serving: JoinHandle<io::Result<()>>,
}

impl Aside {
    /// How many connections there may be: a few who watch.
    const CONNECTIONS: usize = 16;

    pub(super) fn listen(address: SocketAddr) -> Result<Self, Failure> {
        let (listener, address) = listen(address, "METRICS_ADDRESS")?;
        Ok(Self { listener, address })
    }

    /// Serves them, and says so in the log: standard output is for the one line of the service.
    pub(super) fn serve(self, config: &Config, state: &AppState) -> Result<ServedAside, Failure> {
        let (handle, address) = (Handle::new(), self.address);
        let server = server(self.listener, handle.clone(), config);
        let server = server.map_err(|error| Failure::new(format!("cannot listen on {address}: {error}")))?;
        let connections = Connections::at_most(
            Self::CONNECTIONS,
            "as many as may read the metrics",
            config.request_timeout,
        );
        let service = metrics_app(state).into_make_service();
        let serving = tokio::spawn(server.acceptor(connections).serve(service));
        tracing::info!(%address, "the metrics are at http://{address}/metrics, without a token");
        Ok(ServedAside { handle, serving })
    }
}

impl ServedAside {
    /// How long who reads them at the very end may take.
    const GRACE: Duration = Duration::from_millis(500);

    /// Ends it: the last thing that answers, so that the end of a stop can be read too.
    pub(super) async fn stop(self) {
        self.handle.graceful_shutdown(Some(Self::GRACE));
        if let Ok(Err(error)) = self.serving.await {
            tracing::error!(%error, "the metrics could not be served: {error}");
        }
    }
}

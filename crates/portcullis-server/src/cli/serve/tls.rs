//! TLS of the service's own: the certificate and its key, read again when they change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum_server::tls_rustls::RustlsConfig;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use crate::{cli::Failure, config::Config};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Where a certificate and its key are.
#[derive(Clone)]
pub(in crate::cli) struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    /// Those of a configuration, where it has some.
    pub(in crate::cli) fn of(config: &Config) -> Option<Self> {
        let (certificate, key) = (config.tls_cert.clone()?, config.tls_key.clone()?);
        Some(Self { certificate, key })
    }

    /// TLS with what is in the files now.
    pub(in crate::cli) fn read(&self) -> Result<RustlsConfig, Failure> {
        Ok(RustlsConfig::from_config(self.settings()?))
    }

    /// TLS 1.2 and 1.3 by the library's own choice of suites (ASVS 12.1).
    fn settings(&self) -> Result<Arc<ServerConfig>, Failure> {
        let certificates = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| problem("TLS_CERT", &self.certificate, &error))?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| problem("TLS_KEY", &self.key, &error))?;
        if certificates.is_empty() {
            return Err(problem("TLS_CERT", &self.certificate, &"it has no certificate"));
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut settings = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| problem("TLS_CERT", &self.certificate, &error))?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(|error| problem("TLS_KEY", &self.key, &error))?;
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(settings))
    }

    /// Reads the files again on SIGHUP and when they have changed, for as long as the program runs. What cannot be used
    /// leaves all as it is; connections that are open go on either way.
    pub(super) async fn watch(self, config: RustlsConfig) -> io::Result<()> {
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut known = self.changed_at();
        loop {
            let told = timeout(LOOK_EVERY, hang_up.recv()).await.is_ok();
            let present = self.changed_at();
            if !told && present == known {
                continue;
            }
            known = present;
            match self.settings() {
                Ok(settings) => {
                    config.reload_from_config(settings);
                    tracing::info!("the certificate was read again");
                }
                Err(Failure { problem: error, .. }) => {
                    tracing::error!(%error, "the certificate could not be read again, the old one stays: {error}");
                }
            }
        }
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|file| fs::metadata(file).and_then(|file| file.modified()).ok())
    }
}

fn problem(setting: &str, file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("{setting}: {} cannot be used: {error}", file.display()))
}

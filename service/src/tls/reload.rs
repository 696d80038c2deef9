//! A server's certificate that may change on disk while the server runs: connections that are open stay as they are, new
//! ones see the new certificate.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

use super::{ClientCertificates, TlsConfig, TlsError, certificates, expires_at, server_config_for};

/// How often the files are looked at. Kubernetes swaps them by a link, tools for certificates write them anew: the time of
/// the last change tells both.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A file as it was when it was read: time of its last change (s, ns), bytes, number on the disk.
type Seen = Option<(i64, i64, u64, u64)>;

/// TLS of a server, as its files say it.
#[derive(Debug)]
pub struct ReloadingTls {
    config: TlsConfig,
    clients: ClientCertificates,
    current: ArcSwap<ServerConfig>,
    expires_at_s: AtomicI64,
    /// The files of `current`; none if they changed since and could not be used.
    seen: Mutex<Option<[Seen; 3]>>,
}

impl ReloadingTls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one is missing, wrong, or does not fit the others.
    pub fn load(config: &TlsConfig, clients: ClientCertificates) -> Result<Arc<Self>, TlsError> {
        let seen = seen(config);
        let server = server_config_for(config, clients)?;
        Ok(Arc::new(Self {
            expires_at_s: AtomicI64::new(chain_expires_at(config)),
            config: config.clone(),
            clients,
            current: ArcSwap::new(server),
            seen: Mutex::new(Some(seen)),
        }))
    }

    /// What is in force for new connections.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// When the first certificate of the chain in force ends, seconds since 1970.
    #[must_use]
    pub fn expires_at_s(&self) -> i64 {
        self.expires_at_s.load(Ordering::Relaxed)
    }

    /// Reads the files again if they changed; none if they did not. What cannot be used is read again at each look, for
    /// certificate and key may be written one after the other.
    ///
    /// # Errors
    /// When they cannot be used: what was in force stays so.
    pub fn look(&self) -> Option<Result<(), TlsError>> {
        let mut known = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = seen(&self.config);
        if *known == Some(now) {
            return None;
        }
        match server_config_for(&self.config, self.clients) {
            Ok(server) => {
                self.expires_at_s.store(chain_expires_at(&self.config), Ordering::Relaxed);
                self.current.store(server);
                *known = Some(now);
                Some(Ok(()))
            }
            Err(error) => {
                *known = None;
                Some(Err(error))
            }
        }
    }

    /// Looks for ever; `name` is the setting's, for the log. `looked` is told of each try, and whether it was good.
    pub async fn watch(self: Arc<Self>, name: &'static str, looked: impl Fn(bool) + Send) {
        let mut told = String::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let tls = Arc::clone(&self);
            let Ok(Some(result)) = tokio::task::spawn_blocking(move || tls.look()).await else { continue };
            match &result {
                Ok(()) => {
                    told.clear();
                    tracing::info!("{name}: new certificate files are in force for new connections");
                }
                Err(error) => {
                    let text = error.to_string();
                    if told != text {
                        tracing::error!(
                            "{name}: the new files cannot be used, and the old ones stay in force: {text}"
                        );
                        told = text;
                    }
                }
            }
            looked(result.is_ok());
        }
    }
}

fn seen(config: &TlsConfig) -> [Seen; 3] {
    let of = |path: &Path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.mtime(), file.mtime_nsec(), file.len(), file.ino()))
    };
    [of(&config.certificate), of(&config.key), config.client_ca.as_deref().and_then(of)]
}

fn chain_expires_at(config: &TlsConfig) -> i64 {
    let chain = certificates(&config.certificate).unwrap_or_default();
    chain.iter().filter_map(expires_at).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn write(folder: &Path, year: i32) -> i64 {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        // As a tool would: what is half written never stands under the name.
        for (name, text) in [("new.key", key.serialize_pem()), ("new.pem", certificate.pem())] {
            std::fs::write(folder.join(name), text).expect("written");
        }
        std::fs::rename(folder.join("new.key"), folder.join("server.key")).expect("renamed");
        std::fs::rename(folder.join("new.pem"), folder.join("server.pem")).expect("renamed");
        params.not_after.unix_timestamp()
    }

    #[test]
    fn new_files_are_taken_and_broken_ones_leave_the_old_in_force() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let config = TlsConfig { certificate: path("server.pem"), key: path("server.key"), client_ca: None };
        let first = write(folder.path(), 2040);
        let tls = ReloadingTls::load(&config, ClientCertificates::Required).expect("loads");
        let old = tls.current();
        assert_eq!(tls.expires_at_s(), first);
        assert!(tls.look().is_none(), "nothing changed");

        std::fs::write(path("server.key"), "no key").expect("written");
        for _ in 0..2 {
            let error = tls.look().expect("changed").expect_err("cannot be used").to_string();
            assert!(error.contains("server.key"), "{error}");
            assert!(Arc::ptr_eq(&tls.current(), &old), "the old one stays");
        }

        let second = write(folder.path(), 2041);
        assert!(tls.look().expect("changed").is_ok());
        assert!(!Arc::ptr_eq(&tls.current(), &old));
        assert_eq!(tls.expires_at_s(), second);
        assert!(tls.look().is_none());
    }
}

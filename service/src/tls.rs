//! TLS from PEM files, with rustls and ring.

mod certificate;
mod reload;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use certificate::{expires_at, names_of};
pub use reload::ReloadingTls;

/// The certificate that a server shows.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file with the server's certificate, followed by those between it and the root.
    pub certificate: PathBuf,
    /// PEM file with the certificate's private key.
    pub key: PathBuf,
    /// PEM file with the authorities whose client certificates are asked for and accepted. Without it clients need
    /// none. All three files are read again when they change.
    pub client_ca: Option<PathBuf>,
}

/// Whom a client trusts, and what it shows.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientTlsConfig {
    /// PEM file with the authorities to trust; without it those of the system.
    pub ca: Option<PathBuf>,
    /// PEM file with a certificate to show.
    pub certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate.
    pub key: Option<PathBuf>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{} ({what}) cannot be read as PEM: {source}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why not.
        source: rustls_pki_types::pem::Error,
    },
    /// A file holds nothing of the kind.
    #[error("{} holds no {what}", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The certificate and its key do not fit, or TLS refuses them.
    #[error("the certificate {} cannot be used with the key {}: {source}", certificate.display(), key.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// An authority's certificate is of no use.
    #[error("{} holds a certificate that is no authority's: {source}", path.display())]
    Authority {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// Clients cannot be verified.
    #[error("client certificates cannot be verified: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The system has no authorities.
    #[error("the system has no certificate authorities: install ca-certificates, or name a file in `ca`")]
    NoSystemAuthorities,
    /// Only one of certificate and key was given.
    #[error("a client certificate needs both `certificate` and `key`")]
    HalfClientCertificate,
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Protocol(#[from] rustls::Error),
}

/// What clients must show where there are authorities for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientCertificates {
    /// A certificate, or they are not served.
    Required,
    /// A certificate, or none: they prove otherwise who they are. A bad one is refused.
    Optional,
}

/// Sets up a server that wants certificates of its clients where there are authorities for them. Protocols (ALPN) are
/// left to the caller.
///
/// # Errors
/// When a file is missing, wrong, or does not fit the others.
pub fn server_config(config: &TlsConfig) -> Result<Arc<ServerConfig>, TlsError> {
    server_config_for(config, ClientCertificates::Required)
}

fn server_config_for(config: &TlsConfig, clients: ClientCertificates) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(
                Arc::new(authorities(path)?),
                Arc::new(rustls::crypto::ring::default_provider()),
            );
            builder.with_client_cert_verifier(match clients {
                ClientCertificates::Required => verifier.build()?,
                ClientCertificates::Optional => verifier.allow_unauthenticated().build()?,
            })
        }
    };
    let (chain, key) = (certificates(&config.certificate)?, private_key(&config.key)?);
    let server = builder.with_single_cert(chain, key).map_err(|source| TlsError::Mismatch {
        certificate: config.certificate.clone(),
        key: config.key.clone(),
        source,
    })?;
    Ok(Arc::new(server))
}

/// Sets up a client. Protocols (ALPN) are left to the caller.
///
/// # Errors
/// When a file is missing or wrong, or the system has no authorities and none are given.
pub fn client_config(config: &ClientTlsConfig) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = match &config.ca {
        Some(path) => authorities(path)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(TlsError::NoSystemAuthorities);
            }
            roots
        }
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let client = match (&config.certificate, &config.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?).map_err(
                |source| TlsError::Mismatch { certificate: certificate.clone(), key: key.clone(), source },
            )?
        }
        _ => return Err(TlsError::HalfClientCertificate),
    };
    Ok(Arc::new(client))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let what = "certificate";
    let wrong = |source| TlsError::Pem { path: path.to_owned(), what, source };
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if chain.is_empty() { Err(TlsError::Empty { path: path.to_owned(), what }) } else { Ok(chain) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let what = "private key";
    PrivateKeyDer::from_pem_file(path).map_err(|source| match source {
        rustls_pki_types::pem::Error::NoItemsFound => TlsError::Empty { path: path.to_owned(), what },
        source => TlsError::Pem { path: path.to_owned(), what, source },
    })
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|source| TlsError::Authority { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;

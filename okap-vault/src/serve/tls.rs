use std::{path::PathBuf, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};

/// A certificate chain and its private key, in PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, the vault's own certificate first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("TLS file {} cannot be read; it has to be PEM", .0.display())]
    File(PathBuf, #[source] pem::Error),
    /// The certificate file has none.
    #[error("TLS file {} has no certificate", .0.display())]
    Empty(PathBuf),
    /// Certificate and key do not belong together, or cannot be used.
    #[error("the certificate {} and its key cannot be used together", .0.display())]
    Pair(PathBuf, #[source] rustls::Error),
}

impl TlsFiles {
    /// Reads both: TLS 1.2 and 1.3 by ring, HTTP/1.1.
    pub(super) fn config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let unread = |error| TlsError::File(self.cert.clone(), error);
        let chain = CertificateDer::pem_file_iter(&self.cert).map_err(unread)?;
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(unread)?;
        if chain.is_empty() {
            return Err(TlsError::Empty(self.cert.clone()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key);
        let key = key.map_err(|error| TlsError::File(self.key.clone(), error))?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|tls| tls.with_no_client_auth().with_single_cert(chain, key))
                .map_err(|error| TlsError::Pair(self.cert.clone(), error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

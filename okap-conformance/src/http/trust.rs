//! Whom the suite believes to be the vault.

use std::{fmt, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The authorities whose certificates are believed: the public ones, and one of the target's own
/// where it names that.
#[derive(Clone, Default)]
pub struct Trust {
    own: Vec<CertificateDer<'static>>,
    file: Option<String>,
}

/// Why the file of an authority is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

impl Trust {
    /// The public authorities, and those of a file in PEM.
    ///
    /// # Errors
    /// Where the file cannot be read or has no certificate of an authority.
    pub fn beside(pem: &Path) -> Result<Self, Unusable> {
        let unusable = |error: &dyn fmt::Display| Unusable(error.to_string());
        let read = CertificateDer::pem_file_iter(pem).map_err(|error| unusable(&error))?;
        let own: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unusable(&error))?;
        if own.is_empty() {
            return Err(Unusable("it has no certificate in PEM".to_owned()));
        }
        let mut roots = RootCertStore::empty();
        for authority in &own {
            roots.add(authority.clone()).map_err(|error| unusable(&error))?;
        }
        Ok(Self { own, file: Some(pem.display().to_string()) })
    }

    /// The file of the authority of the target's own, where it is believed at an address.
    pub(crate) fn file_at(&self, url: &str) -> Option<String> {
        self.file.clone().filter(|_| url.starts_with("https://"))
    }

    /// A TLS configuration for HTTP/1.1.
    pub(super) fn client(&self) -> Result<ClientConfig, rustls::Error> {
        let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        for authority in &self.own {
            roots.add(authority.clone())?;
        }
        let mut client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(client)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust(public and {} of the target's own)", self.own.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_authority_is_of_no_use() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        assert!(Trust::beside(&file).is_err(), "there is no such file");
        std::fs::write(&file, "no certificate").unwrap();
        assert!(Trust::beside(&file).unwrap_err().to_string().contains("no certificate in PEM"));
        let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&file, wrong).unwrap();
        assert!(Trust::beside(&file).is_err(), "what is in it is none");
    }
}

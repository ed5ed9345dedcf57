//! TLS to the database: what its certificate has to show.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Certificate, DatabaseUrl};
use crate::store::{Fault, Place, StoreFault};

impl DatabaseUrl {
    /// What speaks TLS as the address asks for.
    pub(super) fn connector(&self, place: &Place) -> Result<MakeRustlsConnect, StoreFault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| StoreFault::with(place, Fault::Other, error))?;
        let config = match self.certificate {
            Certificate::IssuerAndName => {
                builder.with_root_certificates(self.root_store(place)?).with_no_client_auth()
            }
            some_or_none => {
                let issuer = match some_or_none {
                    Certificate::Anything => None,
                    _ => {
                        let roots = Arc::new(self.root_store(place)?);
                        let verifier =
                            WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
                        let built = verifier.build();
                        Some(built.map_err(|error| StoreFault::with(place, Fault::Roots, error))?)
                    }
                };
                // libpq's words for less than a proof of the name are kept
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(Lenient { issuer, provider }))
                    .with_no_client_auth()
            }
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn root_store(&self, place: &Place) -> Result<RootCertStore, StoreFault> {
        let Some(file) = &self.roots else {
            return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
        };
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| StoreFault::with(place, Fault::Roots, error.to_string()))?;
        match roots.add_parsable_certificates(certificates) {
            (0, _) => Err(StoreFault::new(place, Fault::Roots)),
            _ => Ok(roots),
        }
    }
}

/// Asks a certificate for its issuer or for nothing, never for its name.
#[derive(Debug)]
struct Lenient {
    issuer: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(issuer) = &self.issuer else { return Ok(ServerCertVerified::assertion()) };
        // the name is looked at last: whoever fails there has passed the rest
        match issuer.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

//! A web server of an app, its document, and the time.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use okap_server::ports::{Documents, FetchError, Fetched, HttpsDocuments, HttpsDocumentsBuilder};
use okap_types::{ClientIdUrl, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

pub(crate) const HOST: &str = "notes.example";

/// A web server of an app, which answers every request with the same bytes.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) certificate: Vec<u8>,
    pub(crate) accepted: Arc<AtomicUsize>,
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
    pub(crate) answer: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let names = vec![HOST.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let certificate = made.cert.der().to_vec();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone().into()], key)
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            certificate,
            accepted: Arc::default(),
            heads: Arc::default(),
            answer: Arc::default(),
        };
        let (accepted, heads) = (Arc::clone(&server.accepted), Arc::clone(&server.heads));
        let answer = Arc::clone(&server.answer);
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::SeqCst);
                let (tls, heads, answer) = (tls.clone(), Arc::clone(&heads), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Ok(mut stream) = tls.accept(tcp).await else { return };
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    heads.lock().unwrap().push(String::from_utf8(head).unwrap());
                    let parts = answer.lock().unwrap().clone();
                    for part in parts {
                        if stream.write_all(&part).await.is_err() || stream.flush().await.is_err() {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        server
    }

    /// Says what is answered from now on, part by part with a pause between them.
    pub(crate) fn answers(&self, parts: &[&[u8]]) {
        *self.answer.lock().unwrap() = parts.iter().map(|p| p.to_vec()).collect();
    }

    pub(crate) fn answers_with(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.answers(&[text.as_bytes()]);
    }

    pub(crate) fn answers_document(&self, body: &str) {
        self.answers_with("200 OK", "content-type: application/json\r\n", body);
    }

    pub(crate) fn url(&self) -> ClientIdUrl {
        self.url_at(HOST)
    }

    pub(crate) fn url_at(&self, host: &str) -> ClientIdUrl {
        format!("https://{host}:{}/okap.json", self.port).parse().unwrap()
    }

    /// Everything is as for the world outside, but for the authority.
    pub(crate) fn trusted(&self) -> HttpsDocumentsBuilder {
        HttpsDocuments::builder().danger_trust(&self.certificate).deadline(Duration::from_secs(2))
    }

    pub(crate) fn reached(&self) -> HttpsDocumentsBuilder {
        let here = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
        self.trusted().resolve(HOST, here).danger_allow_private_addresses()
    }

    pub(crate) async fn fetch(&self) -> Result<Fetched, FetchError> {
        self.reached().build().unwrap().fetch(&self.url()).await
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

pub(crate) fn document(url: &ClientIdUrl) -> String {
    format!(r#"{{"client_id":"{url}","redirect_uris":["https://{HOST}/cb"]}}"#)
}

/// An error and everything under it.
pub(crate) fn told(error: &dyn Error) -> String {
    let source = error.source().map(told).unwrap_or_default();
    format!("{error}\n{source}")
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::{SendError, Sending, Upstream};

/// The ordinary way out: HTTP/1.1 and HTTP/2 over TLS with the public certificate authorities.
///
/// Plain HTTP is spoken to this computer alone.
#[derive(Clone, Debug)]
pub struct Https {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Https {
    /// Prepares connections; opens none.
    ///
    /// # Errors
    /// A TLS configuration error.
    pub fn new() -> Result<Self, rustls::Error> {
        let provider = rustls::crypto::ring::default_provider();
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(Duration::from_secs(10)));
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(provider)?
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .build(https);
        Ok(Self { client })
    }
}

impl Upstream for Https {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default();
            let here = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
            if request.uri().scheme_str() != Some("https") && !here {
                return Err(SendError::NotSent("plain http to another computer".into()));
            }
            match self.client.request(request.map(Full::new)).await {
                Ok(answer) => Ok(answer.map(|b| b.map_err(Into::into).boxed_unsync())),
                Err(error) if error.is_connect() => Err(SendError::NotSent(error.into())),
                Err(error) => Err(SendError::Broken(error.into())),
            }
        })
    }
}

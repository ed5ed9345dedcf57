//! The ordinary way out: connections to providers, kept and used again.

mod line;
mod pool;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, Uri, header,
    uri::{PathAndQuery, Scheme},
};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, builderstates::WantsSchemes};
use hyper_util::{
    client::legacy::connect::{Connection, HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower_service::Service;

use self::{
    line::{Line, Unsent},
    pool::{Place, Pool, Way},
};
use super::{NotAfter, Opening, SendError, Sending, Upstream};
use crate::body::Body;

/// How long a shared connection is silent while calls wait before it is asked whether it is alive, and
/// how long it may take to say so.
const ALIVE: Duration = Duration::from_secs(20);

/// The ordinary way out: HTTP/1.1 and HTTP/2 over TLS with the public certificate authorities.
///
/// Plain HTTP is spoken to this computer alone.
#[derive(Clone, Debug)]
pub struct Https {
    connector: HttpsConnector<HttpConnector>,
    pool: Arc<Pool>,
}

impl Https {
    /// Prepares connections; opens none.
    ///
    /// # Errors
    /// A TLS configuration error.
    pub fn new() -> Result<Self, rustls::Error> {
        let provider = rustls::crypto::ring::default_provider();
        Ok(Self::over(HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider)?))
    }

    /// The same, with whom to trust.
    fn over(tls: HttpsConnectorBuilder<WantsSchemes>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(Duration::from_secs(10)));
        tcp.enforce_http(false);
        let connector = tls.https_or_http().enable_all_versions().wrap_connector(tcp);
        Self { connector, pool: Arc::default() }
    }

    /// Opens a connection, and speaks the version that the provider has chosen.
    async fn connect(&self, uri: Uri) -> Result<Way, SendError> {
        let io = self.connector.clone().call(uri).await.map_err(SendError::NotSent)?;
        let not_sent = |error: hyper::Error| SendError::NotSent(error.into());
        if !io.connected().is_negotiated_h2() {
            // small requests go out in one piece
            let (sender, connection) =
                http1::Builder::new().writev(false).handshake(io).await.map_err(not_sent)?;
            return Ok(Way::Line(Line::new(sender, connection)));
        }
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            // all calls share it: one that has gone without a word must not take them along
            .keep_alive_interval(ALIVE)
            .keep_alive_timeout(ALIVE)
            .handshake(io)
            .await
            .map_err(not_sent)?;
        tokio::spawn(async move {
            // who waits for an answer hears of it
            let _ = connection.await;
        });
        Ok(Way::Shared(sender))
    }

    /// Keeps a way for the next request, or for others beside this one.
    fn keep(&self, place: Place, way: Way) {
        match way {
            Way::Line(line) => self.pool.put(place, line, Instant::now()),
            Way::Shared(sender) => self.pool.share(place, sender, Instant::now()),
        }
    }

    async fn ask(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Body>, SendError> {
        let uri = request.uri().clone();
        let place = Place::of(&uri).ok_or_else(|| SendError::NotSent("no host".into()))?;
        let mut kept = self.pool.take(&place, Instant::now());
        loop {
            let fresh = kept.is_none();
            let way = match kept.take() {
                Some(way) => way,
                None => Box::pin(self.connect(uri.clone())).await?,
            };
            let late = request.extensions().get::<NotAfter>().map(|late| late.0);
            if fresh && late.is_some_and(|late| late < tokio::time::Instant::now()) {
                self.keep(place, way);
                return Err(SendError::NotSent("connecting took too long for its rate".into()));
            }
            let unsent = match way {
                Way::Line(line) => {
                    in_origin_form(&mut request, &uri, &place)?;
                    match line.send(request).await {
                        Ok((answer, line)) => {
                            let coming = |body| line.carrying(body, (self.pool.clone(), place));
                            return Ok(answer.map(|body| coming(body).boxed_unsync()));
                        }
                        Err(unsent) => unsent,
                    }
                }
                Way::Shared(mut sender) => {
                    request.headers_mut().remove(header::HOST);
                    *request.uri_mut() = uri.clone();
                    if fresh {
                        self.keep(place.clone(), Way::Shared(sender.clone()));
                    }
                    match sender.try_send_request(request).await {
                        Ok(answer) => {
                            return Ok(answer.map(|b| b.map_err(Into::into).boxed_unsync()));
                        }
                        Err(error) => error.into(),
                    }
                }
            };
            // one that was kept may have been closed just now: another is opened, once
            request = match unsent {
                Unsent { request: Some(request), .. } if !fresh => request,
                Unsent { request: Some(_), error } => return Err(SendError::NotSent(error.into())),
                Unsent { request: None, error } => return Err(SendError::Broken(error.into())),
            };
        }
    }
}

impl Upstream for Https {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        Box::pin(async move {
            if !is_private(request.uri()) {
                return Err(SendError::NotSent("plain http to another computer".into()));
            }
            self.ask(request.map(Full::new)).await
        })
    }

    fn open<'a>(&'a self, to: &'a Uri) -> Opening<'a> {
        Box::pin(async move {
            let Some(place) = Place::of(to).filter(|_| is_private(to)) else { return };
            let way = match self.pool.take(&place, Instant::now()) {
                Some(way) => way,
                None => match Box::pin(self.connect(to.clone())).await {
                    Ok(way) => way,
                    Err(_) => return,
                },
            };
            self.keep(place, way);
        })
    }
}

/// Whether nobody on the way can read along.
fn is_private(to: &Uri) -> bool {
    let here = matches!(to.host(), Some("127.0.0.1" | "[::1]" | "localhost"));
    here || to.scheme() == Some(&Scheme::HTTPS)
}

/// As HTTP/1.1 wants it: the host in a header, the path in the request line (RFC 9112 section 3.2).
fn in_origin_form<B>(request: &mut Request<B>, uri: &Uri, place: &Place) -> Result<(), SendError> {
    let host = HeaderValue::from_str(place.host()).map_err(|e| SendError::NotSent(e.into()))?;
    request.headers_mut().insert(header::HOST, host);
    let path = uri.path_and_query().cloned();
    *request.uri_mut() = path.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
    Ok(())
}

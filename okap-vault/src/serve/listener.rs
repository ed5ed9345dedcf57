//! Connections: taken, read with little patience, and let go when the vault stops.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use http_body_util::Either;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::front::Front;

/// How long a client may take to send the head of a request, or to speak TLS.
const HEAD: Duration = Duration::from_secs(10);
/// How long calls under way may take to end when the vault stops.
const GRACE: Duration = Duration::from_secs(10);
/// How long the listener rests where no connection can be taken: too many are open.
const REST: Duration = Duration::from_millis(100);

/// An answer of a page or of the protocol, or of a proxied call.
pub(super) type Answer = Response<Either<Body, okap_server::Body>>;

/// Takes connections until it is told to stop, then waits for those under way, at most 10 s.
pub(super) async fn listen(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    front: Front,
    mut stop: watch::Receiver<bool>,
) {
    let tls = tls.map(TlsAcceptor::from);
    let connections = GracefulShutdown::new();
    loop {
        let taken = tokio::select! {
            taken = listener.accept() => taken,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (tcp, peer) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    tracing::warn!(%error, "no connection can be taken");
                    sleep(REST).await;
                }
                continue;
            }
        };
        // Nagle's algorithm and delayed acknowledgements together stop a stream for 40 ms
        let _ = tcp.set_nodelay(true);
        let (front, tls) = (front.clone(), tls.clone());
        let watcher = connections.watcher();
        tokio::spawn(async move {
            match tls {
                None => talk(tcp, peer, front, watcher).await,
                Some(tls) => {
                    if let Ok(Ok(tls)) = timeout(HEAD, tls.accept(tcp)).await {
                        talk(tls, peer, front, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    let _ = timeout(GRACE, connections.shutdown()).await;
}

/// HTTP/1.1 alone.
async fn talk(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    front: Front,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let answer = move |request: Request<Incoming>| front.answer(request, peer);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        // small answers go out in one piece
        .writev(false)
        .serve_connection(TokioIo::new(io), service_fn(answer));
    // a connection that breaks is the client's own affair
    let _ = watcher.watch(connection).await;
}

/// Whether an error is of a connection that has gone, and not of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What a plain listener is to this runtime.
pub(super) fn adopt(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

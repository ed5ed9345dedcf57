//! Connections against a provider of a few lines that counts them.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
    time::Duration,
};

use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::*;

const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
const ENDLESS: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
const SOON: Duration = Duration::from_secs(5);

/// A provider that gives each request of a connection the next answer, and hangs up behind the last.
struct Peer {
    url: String,
    connections: Arc<AtomicUsize>,
    /// Connections that the other side has closed.
    left: Arc<AtomicUsize>,
}

impl Peer {
    async fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (connections, left) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (came, went) = (connections.clone(), left.clone());
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                came.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(tcp, answers, went.clone()));
            }
        });
        Self { url, connections, left }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut tcp: TcpStream, answers: &'static [&'static str], left: Arc<AtomicUsize>) {
    let mut bytes = vec![0; 4096];
    for answer in answers {
        match tcp.read(&mut bytes).await {
            Ok(0) | Err(_) => {
                left.fetch_add(1, Ordering::SeqCst);
                return;
            }
            Ok(_) => tcp.write_all(answer.as_bytes()).await.unwrap(),
        }
    }
    if answers.last() == Some(&ENDLESS) && tcp.read(&mut bytes).await.is_ok_and(|read| read == 0) {
        left.fetch_add(1, Ordering::SeqCst);
    }
}

async fn ask(https: &Https, peer: &Peer) -> Result<Response<Body>, SendError> {
    let request = Request::post(format!("{}/v1/x?y=z", peer.url)).body(Bytes::from("hello"));
    timeout(SOON, https.send(request.unwrap())).await.expect("an answer in time")
}

async fn text(answer: Response<Body>) -> String {
    let bytes = timeout(SOON, answer.into_body().collect()).await.unwrap().unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_connection_is_used_again_once_its_answer_was_read() {
    for answers in [&[WHOLE; 3], &[CHUNKED; 3]] {
        let (https, peer) = (Https::new().unwrap(), Peer::start(answers).await);
        for _ in 0..3 {
            assert_eq!(text(ask(&https, &peer).await.unwrap()).await, "ok");
        }
        assert_eq!(peer.connections(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_the_provider_has_closed_is_not_used_again() {
    for answers in [&[WHOLE] as &'static [_], &[LAST]] {
        let (https, peer) = (Https::new().unwrap(), Peer::start(answers).await);
        for _ in 0..3 {
            assert_eq!(text(ask(&https, &peer).await.unwrap()).await, "ok");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(peer.connections(), 3);
    }
}

#[tokio::test]
async fn requests_at_once_have_a_connection_each_and_all_are_used_again() {
    let (https, peer) = (Https::new().unwrap(), Peer::start(&[WHOLE; 4]).await);
    for _ in 0..4 {
        let asked = (0..8).map(|_| ask(&https, &peer));
        let answers = futures_util::future::join_all(asked).await;
        for answer in answers {
            assert_eq!(text(answer.unwrap()).await, "ok");
        }
    }
    assert_eq!(peer.connections(), 8);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_closes_its_connection() {
    let (https, peer) = (Https::new().unwrap(), Peer::start(&[ENDLESS]).await);
    let mut answer = ask(&https, &peer).await.unwrap();
    let frame = timeout(SOON, answer.body_mut().frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "ok");
    assert_eq!(peer.left.load(Ordering::SeqCst), 0);
    drop(answer);
    let closed = async {
        while peer.left.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, closed).await.unwrap();
}

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_broke_off() {
    let https = Https::new().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let request = Request::post(format!("http://{nobody}/")).body(Bytes::new()).unwrap();
    assert!(matches!(https.send(request).await, Err(SendError::NotSent(_))));

    let peer = Peer::start(&["HTTP/1.1 200 OK\r\ncontent-le"]).await;
    assert!(matches!(ask(&https, &peer).await, Err(SendError::Broken(_))));

    let peer = Peer::start(&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"]).await;
    let answer = ask(&https, &peer).await.unwrap();
    assert!(answer.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_request_names_its_host_and_the_path_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let https = Https::new().unwrap();
    let request = Request::post(format!("http://{address}/v1/x?y=z")).body(Bytes::from("hello"));
    let sent = tokio::spawn(async move { https.send(request.unwrap()).await.map(drop) });
    let (mut tcp, _) = listener.accept().await.unwrap();
    let mut bytes = vec![0; 4096];
    let read = tcp.read(&mut bytes).await.unwrap();
    let head = String::from_utf8(bytes[..read].to_vec()).unwrap();
    assert!(head.starts_with("POST /v1/x?y=z HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
    assert!(head.ends_with("content-length: 5\r\n\r\nhello"), "{head}");
    tcp.write_all(WHOLE.as_bytes()).await.unwrap();
    sent.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_was_opened_ahead_is_used() {
    let (https, peer) = (Https::new().unwrap(), Peer::start(&[WHOLE; 2]).await);
    let to = peer.url.parse().unwrap();
    for _ in 0..2 {
        https.open(&to).await;
        assert_eq!(text(ask(&https, &peer).await.unwrap()).await, "ok");
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn what_would_leave_too_late_for_its_rate_is_not_sent_and_its_connection_is_kept() {
    let (https, peer) = (Https::new().unwrap(), Peer::start(&[WHOLE]).await);
    let until = |late: tokio::time::Instant| {
        let request = Request::post(&peer.url).extension(NotAfter(late));
        https.send(request.body(Bytes::new()).unwrap())
    };
    let now = tokio::time::Instant::now();
    let late = now.checked_sub(Duration::from_millis(1)).unwrap();
    assert!(matches!(until(late).await, Err(SendError::NotSent(_))));
    assert_eq!(text(until(now + SOON).await.unwrap()).await, "ok");
    assert_eq!(peer.connections(), 1);
}

/// A provider that speaks HTTP/2 and answers each request with its path; it closes a connection once
/// it is told to.
async fn http2(close: Arc<tokio::sync::Notify>) -> (Https, String, Arc<AtomicUsize>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(ring.clone());
    let mut server = server
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec()];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/v1/x", listener.local_addr().unwrap().port());
    let connections = Arc::<AtomicUsize>::default();
    let (came, tls) = (connections.clone(), tokio_rustls::TlsAcceptor::from(Arc::new(server)));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            came.fetch_add(1, Ordering::SeqCst);
            let (tls, close) = (tls.accept(tcp).await.unwrap(), close.clone());
            let answer = |request: Request<hyper::body::Incoming>| async move {
                assert!(
                    request.version() == http::Version::HTTP_2
                        && !request.headers().contains_key("host")
                );
                Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
            };
            tokio::spawn(async move {
                let io = hyper_util::rt::TokioIo::new(tls);
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let serving = server.serve_connection(io, hyper::service::service_fn(answer));
                tokio::select! {
                    _ = serving => {}
                    () = close.notified() => {}
                }
            });
        }
    });
    (Https::over(HttpsConnectorBuilder::new().with_tls_config(client)), url, connections)
}

#[tokio::test]
async fn requests_share_one_connection_of_http_2_and_open_another_once_it_is_closed() {
    let close = Arc::<tokio::sync::Notify>::default();
    let (https, url, connections) = http2(close.clone()).await;
    let ask = async || {
        let request = Request::post(&url).body(Bytes::from("hello")).unwrap();
        text(timeout(SOON, https.send(request)).await.unwrap().unwrap()).await
    };
    assert_eq!(ask().await, "hello");
    let many = futures_util::future::join_all((0..8).map(|_| ask())).await;
    assert_eq!((many, connections.load(Ordering::SeqCst)), (vec!["hello".to_owned(); 8], 1));
    close.notify_one();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(ask().await, "hello");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn a_host_is_named_without_the_usual_port() {
    for (uri, host) in [
        ("https://api.example.com/v1", "api.example.com"),
        ("https://api.example.com:443/v1", "api.example.com"),
        ("https://api.example.com:80/v1", "api.example.com:80"),
        ("http://127.0.0.1:80/v1", "127.0.0.1"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
    ] {
        assert_eq!(Place::of(&uri.parse().unwrap()).unwrap().host(), host);
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn whoever_takes_what_is_here_is_not_woken_for_it() {
    use std::task::{Context, Waker};
    for answers in [&[WHOLE], &[CHUNKED]] {
        let (https, peer) = (Https::new().unwrap(), Peer::start(answers).await);
        let mut body = ask(&https, &peer).await.unwrap().into_body();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut taken = Vec::new();
        while !body.is_end_stream() {
            let frame = body.frame();
            match std::pin::pin!(frame).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(Some(frame)) => taken.extend(frame.unwrap().into_data().unwrap()),
                Poll::Ready(None) => break,
                Poll::Pending => tokio::time::sleep(Duration::from_millis(5)).await,
            }
            // nothing more comes of the provider
            assert_eq!(woken.0.load(Ordering::SeqCst), 0, "{answers:?}");
        }
        assert_eq!(taken, b"ok");
    }
}

/// Pieces that come while others are taken, from another thread: each is heard of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_piece_is_missed_that_comes_while_another_one_is_taken() {
    const PIECES: usize = 2_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/x", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let _ = tcp.read(&mut [0; 4096]).await.unwrap();
        tcp.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        for piece in 0..PIECES {
            tcp.write_all(b"2\r\nok\r\n").await.unwrap();
            if piece % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
        tcp.write_all(b"0\r\n\r\n").await.unwrap();
    });
    let request = Request::post(url).body(Bytes::from("hello")).unwrap();
    let answer = Https::new().unwrap().send(request).await.unwrap();
    // apart from the clock that it is measured by: that would wake it, too
    let taken = tokio::spawn(answer.into_body().collect());
    let taken = timeout(SOON, taken).await.expect("a piece was missed").unwrap().unwrap();
    assert_eq!(taken.to_bytes().len(), 2 * PIECES);
}

//! The suite's own HTTP/1.1 client: sends what it is told, adds nothing, follows nothing, and
//! writes everything down.

mod call;
mod connect;
mod reply;
mod trust;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use url::Url;

pub use call::Call;
pub(crate) use connect::{Stream, connect};
pub use reply::{Arrival, Reply};
pub use trust::{Trust, Unusable};

use crate::{
    outcome::{Finding, Stop},
    transcript::{Exchange, Transcript},
};

/// Most bytes of an answer that are read.
const LONGEST: usize = 8 * 1024 * 1024;

/// Sends calls for one test. Clones write into the same transcript.
#[derive(Clone)]
pub struct Http {
    transcript: Transcript,
    patience: Duration,
    began: Instant,
    unanswered: Arc<AtomicBool>,
    source: Option<Ipv4Addr>,
    trust: Trust,
}

/// What came of a call, before it is written down.
struct Came {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    arrivals: Vec<Arrival>,
    /// Why the body is not whole.
    broken: Option<String>,
}

impl Http {
    /// A client that waits so long for an answer to end.
    #[must_use]
    pub fn new(transcript: Transcript, patience: Duration) -> Self {
        let (began, unanswered) = (Instant::now(), Arc::default());
        let trust = Trust::default();
        Self { transcript, patience, began, unanswered, source: None, trust }
    }

    /// Believes other authorities than the public ones, too.
    #[must_use]
    pub fn trusting(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Calls this computer from another of its loopback addresses, where there are others: a vault
    /// bounds what comes from one source.
    #[must_use]
    pub fn from(mut self, source: Ipv4Addr) -> Self {
        self.source = Some(source);
        self
    }

    /// Whether a call got no answer at all, or one without an end.
    #[must_use]
    pub fn was_unanswered(&self) -> bool {
        self.unanswered.load(Ordering::Acquire)
    }

    /// Sends a call over a connection of its own and reads the answer to its end.
    ///
    /// # Errors
    /// [`Stop::Failed`] where no answer came in time; [`Stop::Broken`] for an address that is none.
    pub async fn send(&self, call: Call) -> Result<Reply, Stop> {
        let (patience, begun) = (self.patience, Instant::now());
        let source = call.source.or(self.source);
        let coming = exchange(&call, source, &self.trust, begun);
        let came = match tokio::time::timeout(patience, coming).await {
            Ok(came) => came?,
            Err(_) => Err(format!("no answer within {} s", patience.as_secs_f32())),
        };
        let exchange = self.note(&call, &came, begun);
        let came = came.map_err(|why| {
            self.unanswered.store(true, Ordering::Release);
            Stop::Failed(Finding {
                requirement: None,
                expected: format!("an answer to {} {}", call.method, call.url),
                observed: why,
                exchange: Some(exchange),
            })
        })?;
        if came.body.len() > LONGEST {
            self.unanswered.store(true, Ordering::Release);
        }
        Ok(Reply::new(
            exchange,
            &call,
            came.status,
            came.headers,
            came.body,
            came.arrivals,
            came.broken,
        ))
    }

    fn note(&self, call: &Call, came: &Result<Came, String>, begun: Instant) -> usize {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let (status, answer_headers, answer, received) = match came {
            Ok(came) => {
                let text = String::from_utf8_lossy(&came.body).into_owned();
                let lines = came.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
                let head: String = lines.collect();
                (
                    Some(came.status),
                    came.headers.clone(),
                    text,
                    [head.as_bytes(), &came.body].concat(),
                )
            }
            Err(why) => (None, Vec::new(), why.clone(), Vec::new()),
        };
        let exchange = Exchange {
            number: 0,
            at_ms: ms(begun.duration_since(self.began)),
            took_ms: ms(begun.elapsed()),
            method: call.method.clone(),
            url: call.url.clone(),
            headers: call.headers.clone(),
            body: String::from_utf8_lossy(&call.body).into_owned(),
            status,
            answer_headers,
            answer,
            ca: self.trust.file_at(&call.url),
        };
        self.transcript.write(exchange, received)
    }
}

/// Sends and reads. The outer error is the suite's own fault, the inner one what the target did.
async fn exchange(
    call: &Call,
    source: Option<Ipv4Addr>,
    trust: &Trust,
    begun: Instant,
) -> Result<Result<Came, String>, Stop> {
    let (url, request) = prepared(call)?;
    let stream = match connect(&url, source, trust).await {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(format!("no connection to {}: {error}", url.authority()))),
    };
    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(both) => both,
        Err(error) => return Ok(Err(error.to_string())),
    };
    // ends with this future: whoever stops waiting hangs up
    let mut driving = tokio::task::JoinSet::new();
    driving.spawn(connection);
    let came = match sender.send_request(request).await {
        Ok(response) => Ok(read(response, begun).await),
        Err(error) => Err(told(&error)),
    };
    Ok(came)
}

fn prepared(call: &Call) -> Result<(Url, Request<Full<Bytes>>), Stop> {
    let broken = |why: String| Stop::Broken(format!("{}: {why}", call.url));
    let url: Url = call.url.parse().map_err(|error| broken(format!("{error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(broken("neither http nor https".to_owned()));
    }
    let host = url.host_str().ok_or_else(|| broken("no host".to_owned()))?;
    // as browsers have it: a port that goes without saying is not said
    let authority = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    // the path as it was written, which the parser would tidy up
    let target =
        call.url.split_once("://").and_then(|(_, rest)| Some(rest.split_at(rest.find('/')?).1));
    let mut request = Request::builder().method(call.method.as_str()).uri(target.unwrap_or("/"));
    if !call.names("host") {
        request = request.header("host", authority);
    }
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(call.body.clone()));
    let request = request.map_err(|error| broken(error.to_string()))?;
    Ok((url, request))
}

async fn read(response: Response<Incoming>, begun: Instant) -> Came {
    let (head, mut body) = response.into_parts();
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers =
        head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut came = Came {
        status: head.status.as_u16(),
        headers,
        body: Vec::new(),
        arrivals: Vec::new(),
        broken: None,
    };
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                came.broken = Some(told(&error));
                break;
            }
        };
        let Some(data) = frame.data_ref() else { continue };
        came.body.extend_from_slice(data);
        came.arrivals.push(Arrival { after: begun.elapsed(), bytes: data.len() });
        if came.body.len() > LONGEST {
            came.broken = Some(format!("the answer is longer than {LONGEST} bytes"));
            break;
        }
    }
    came
}

fn told(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

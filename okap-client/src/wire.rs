//! Typed messages to HTTP requests, and HTTP answers back to types.

use std::time::Duration;

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};
use okap_types::{
    ClientInfo, ErrorBody, ModelAccess, ParseError, Secret, Version,
    response::{DetailsGranted, Status},
    strict::{self, Bounds},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use url::{Url, form_urlencoded};

use crate::{
    Ask, Error, Transport,
    error::{Kind, foreign},
    transport::MAX_ANSWER,
};

pub(crate) type Request = http::Request<Vec<u8>>;

/// How long the vault may think about a call that does not wait for the user.
pub(crate) const PROMPT: Duration = Duration::from_secs(10);

/// Reads a document.
pub(crate) fn get(url: &Url) -> Result<Request, Error> {
    request(Method::GET, url, None, Vec::new())
}

/// The body of a direct request: the published draft's shape.
#[derive(Serialize)]
pub(crate) struct Direct<'a> {
    pub(crate) okap: Version,
    pub(crate) authorization_details: &'a [ModelAccess],
    pub(crate) client: &'a ClientInfo,
}

impl Direct<'_> {
    pub(crate) fn to(&self, url: &Url) -> Result<Request, Error> {
        request(Method::POST, url, Some("application/json"), json(self)?.into_bytes())
    }
}

/// Asks for the outcome of a direct request; the vault may hold the answer for `hold` seconds.
pub(crate) fn poll(url: &Url, token: &Secret<String>, hold: u64) -> Result<Request, Error> {
    let mut request = request(Method::POST, url, None, Vec::new())?;
    request.headers_mut().insert(AUTHORIZATION, credential("Bearer", token)?);
    if let (1.., Ok(wait)) = (hold, HeaderValue::from_str(&format!("wait={hold}"))) {
        request.headers_mut().insert("prefer", wait);
    }
    Ok(request)
}

/// An OAuth form in the making.
#[derive(Clone, Default)]
pub(crate) struct Form(String);

impl Form {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) -> &mut Self {
        let so_far = std::mem::take(&mut self.0);
        let mut form = form_urlencoded::Serializer::for_suffix(so_far, 0);
        self.0 = form.append_pair(name, value).finish();
        self
    }

    pub(crate) fn add_details(&mut self, ask: &Ask) -> Result<&mut Self, Error> {
        Ok(self.add("authorization_details", &json(&ask.access())?))
    }

    pub(crate) fn to(self, url: &Url) -> Result<Request, Error> {
        request(Method::POST, url, Some("application/x-www-form-urlencoded"), self.0.into_bytes())
    }
}

/// `Authorization`, kept out of debug output.
pub(crate) fn credential(scheme: &str, token: &Secret<String>) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {}", token.expose()))
        .map_err(|_| Error::new(Kind::Vault, "a token of the vault is not one word"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Writes a message of ours as JSON.
pub(crate) fn json(message: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(message)
        .map_err(|e| Error::new(Kind::InvalidRequest, format!("the ask cannot be written: {e}")))
}

fn request(
    method: Method,
    url: &Url,
    content: Option<&'static str>,
    body: Vec<u8>,
) -> Result<Request, Error> {
    let mut request = http::Request::builder()
        .method(method)
        .uri(url.as_str())
        .header(ACCEPT, "application/json");
    if let Some(content) = content {
        request = request.header(CONTENT_TYPE, content);
    }
    request
        .body(body)
        .map_err(|_| Error::new(Kind::Vault, "an address of the vault cannot be called"))
}

/// Sends a request and takes the answer, if it comes within a time, is short enough and does not
/// send us elsewhere.
pub(crate) async fn exchange(
    transport: &dyn Transport,
    request: Request,
    within: Duration,
) -> Result<Reply, Error> {
    let uri = request.uri();
    let host = uri.authority().map_or("", |a| a.as_str());
    let call =
        format!("{} {}://{host}{}", request.method(), uri.scheme_str().unwrap_or(""), uri.path());
    let answer = match tokio::time::timeout(within, transport.send(request)).await {
        Err(_) => return Err(Error::silence(&call, within)),
        Ok(Err(cause)) => return Err(Error::network(&call, cause)),
        Ok(Ok(answer)) => answer,
    };
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
    let reply = Reply {
        call,
        status: answer.status(),
        retry_after: retry_after.map(Duration::from_secs),
        headers: answer.headers().clone(),
        body: Secret::new(answer.into_body()),
    };
    if reply.body.expose().len() > MAX_ANSWER {
        let text = format!("the answer to {} is longer than {MAX_ANSWER} bytes", reply.call);
        return Err(Error::new(Kind::Vault, text));
    }
    if reply.status.is_redirection() {
        let text = format!(
            "{} answered {}, and redirects are not followed",
            reply.call,
            reply.status.as_u16()
        );
        return Err(Error::new(Kind::Vault, text));
    }
    Ok(reply)
}

/// An answer of the vault. The body may hold a token and is wiped on drop.
pub(crate) struct Reply {
    call: String,
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) headers: HeaderMap,
    body: Secret<Vec<u8>>,
}

/// What the vault says to a direct request, at once or after a while.
pub(crate) enum Outcome {
    Pending,
    Granted(Box<DetailsGranted>),
}

#[derive(Deserialize)]
struct Word {
    status: Option<Status>,
    reason: Option<String>,
}

impl Reply {
    /// Reads the body of the one status that means success.
    ///
    /// # Errors
    /// The vault's refusal at any other status.
    pub(crate) fn expect<T: DeserializeOwned>(&self, status: StatusCode) -> Result<T, Error> {
        match self.status == status {
            true => self.read(),
            false => Err(self.refusal()),
        }
    }

    /// Reads the body.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.parse().map_err(|why| Error::unreadable(&self.call, &why))
    }

    /// What was granted, as the vault wrote it: with members that this version does not know.
    pub(crate) fn details(&self) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Details {
            authorization_details: Box<RawValue>,
        }
        self.read::<Details>().map(|d| d.authorization_details.get().to_owned())
    }

    /// The error code of a refusal.
    pub(crate) fn code(&self) -> Option<String> {
        let said: Result<ErrorBody, _> = self.parse();
        said.ok().filter(|_| !self.status.is_success()).map(|body| body.error.into_owned())
    }

    /// Whether the vault refused a proof for want of a nonce.
    pub(crate) fn wants_nonce(&self) -> bool {
        matches!(self.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED)
            && self.code().as_deref() == Some("use_dpop_nonce")
    }

    /// Reads the answer to a direct request. The word in the body counts, and has to go with the
    /// HTTP status: old vaults say `denied` in a 200.
    pub(crate) fn outcome(&self) -> Result<Outcome, Error> {
        let word: Result<Word, _> = self.parse();
        let (status, reason) = word.map_or((None, None), |w| (w.status, w.reason));
        match (self.status, status) {
            (_, Some(Status::Denied)) => {
                let reason = reason.map(|r| foreign(&r)).filter(|r| !r.is_empty());
                let text = reason.map_or_else(
                    || "access was denied".into(),
                    |r| format!("access was denied: {r}"),
                );
                Err(Error::new(Kind::Denied, text).with_code("access_denied"))
            }
            (StatusCode::OK, Some(Status::Granted)) => Ok(Outcome::Granted(self.read()?)),
            (StatusCode::OK | StatusCode::ACCEPTED, Some(Status::Pending)) => Ok(Outcome::Pending),
            _ => Err(self.refusal()),
        }
    }

    /// What to tell the app about an answer that is not the one hoped for.
    pub(crate) fn refusal(&self) -> Error {
        let status = self.status.as_u16();
        let said: Result<ErrorBody, _> = self.parse();
        match said {
            Ok(body) if !self.status.is_success() => {
                let code = foreign(&body.error);
                let why = body.error_description.map(|d| foreign(&d)).filter(|d| !d.is_empty());
                let why = why.map(|d| format!(": {d}")).unwrap_or_default();
                Error::coded(&code, status, format!("{} answered {status} {code}{why}", self.call))
            }
            _ => {
                let kind =
                    if self.status.is_server_error() { Kind::Unavailable } else { Kind::Vault };
                Error::new(
                    kind,
                    format!("{} answered {status} with a body that is not OKAP", self.call),
                )
            }
        }
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, ParseError> {
        strict::read(self.body.expose(), Bounds { bytes: MAX_ANSWER, depth: 32 })
    }
}

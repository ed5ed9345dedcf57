//! The OAuth endpoints, one file each.

mod authorize;
mod client;
mod device;
mod introspect;
mod metadata;
mod par;
mod revoke;
mod token;

use http::{HeaderMap, header};
use okap_engine::{address::endpoint, flow::FlowError, refusal::Refusal};
use okap_types::{ErrorCode, ParseError, form::Form};

use crate::{
    Consent, Vault,
    core::Core,
    proof::DPOP,
    reply::{self, Reply},
};

/// Reads a form of an endpoint whose clients send no `Authorization` header.
fn form(headers: &HeaderMap, body: &[u8]) -> Result<Form, Reply> {
    // a page can post a form to any vault that its visitor's browser reaches: it reads no answer,
    // but what it opens takes the room of the apps there
    let mut sites = headers.get_all("sec-fetch-site").iter();
    if sites.any(|site| matches!(site.as_bytes(), b"cross-site" | b"same-site")) {
        return Err(reply::error(ErrorCode::InvalidRequest, "forms of other sites are not taken"));
    }
    let form = fields(headers, body)?;
    let Some(sent) = headers.get(header::AUTHORIZATION) else { return Ok(form) };
    let text = "send client_id in the body and no Authorization header; a client with a key sends \
                client_assertion";
    if form.opt("client_id").is_some() || form.opt("client_assertion").is_some() {
        return Err(reply::error(ErrorCode::InvalidRequest, text));
    }
    // a client that authenticates in a way that is not known here (RFC 6749 section 5.2)
    let mut answer = reply::error(ErrorCode::InvalidClient, text);
    let basic = sent.as_bytes().get(..5).is_some_and(|s| s.eq_ignore_ascii_case(b"basic"));
    let scheme = if basic { "Basic realm=\"okap\"" } else { "Bearer realm=\"okap\"" };
    reply::set(&mut answer, header::WWW_AUTHENTICATE, scheme);
    Err(answer)
}

/// Reads `application/x-www-form-urlencoded`.
fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Form, Reply> {
    let invalid = |text: &str| reply::error(ErrorCode::InvalidRequest, text);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(invalid("send application/x-www-form-urlencoded"));
    }
    let text = std::str::from_utf8(body).map_err(|_| invalid("form is not UTF-8"))?;
    Form::parse(text).map_err(|error| refused(&error))
}

/// A message that cannot be read, as OAuth endpoints say it.
fn refused(error: &ParseError) -> Reply {
    flow_refused(&FlowError { code: error.code(), description: error.to_string() })
}

/// An assertion beside which nobody says whose it is: it must not be passed over.
fn unsigned() -> Reply {
    reply::error(ErrorCode::InvalidRequest, "client_assertion needs the client_id beside it")
}

/// An error of an OAuth endpoint: 400 but for the few that have a status of their own (RFC 6749
/// section 5.2, RFC 8628 section 3.5).
fn flow_refused(error: &FlowError) -> Reply {
    let status = match error.code {
        ErrorCode::InvalidClient
        | ErrorCode::TemporarilyUnavailable
        | ErrorCode::ServerError
        | ErrorCode::RequestTooLarge
        | ErrorCode::TooManyRequests => error.code.status(),
        _ => 400,
    };
    reply::error_with(status, error.code, error.description.clone())
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// The thumbprint of the key that a client proves to hold at an endpoint, where it does.
    async fn client_key(
        &self,
        source: &str,
        headers: &HeaderMap,
        path: &str,
    ) -> Result<Option<String>, Reply> {
        if headers.contains_key(DPOP) {
            let signed = self.throttle.signed(source, self.clock.now());
            signed.map_err(|wait| reply::too_many("proofs", wait))?;
        }
        let here = endpoint(&self.config.profile.issuer, path);
        match self.proven(headers, "POST", &here, None).await {
            Ok(key) => Ok(key),
            Err(refusal) => Err(self.proof_refused(&refusal).await),
        }
    }

    /// What a bad proof gets at an OAuth endpoint, the nonce beside it where one is wanted.
    async fn proof_refused(&self, refusal: &Refusal) -> Reply {
        let mut answer = match refusal {
            Refusal::VaultUnavailable => return reply::unavailable(),
            other => reply::error_with(400, other.code(), other.to_string()),
        };
        if let (Refusal::UseNonce, Some(nonce)) = (refusal, self.fresh_nonce().await) {
            answer.headers_mut().insert("dpop-nonce", nonce);
        }
        answer
    }
}

//! A vault's refusal of a call, whichever provider's shape it comes in.

use std::{error::Error as StdError, fmt, time::Duration};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use okap_types::{
    ErrorCode, GrantId, Timestamp,
    strict::{self, Bounds},
};
use serde_json::Value;

use crate::{error::foreign, transport::MAX_ANSWER};

/// Says why the vault let a call not through to the provider.
///
/// A provider's SDK raises its own exception for it; this reads the same answer and knows what
/// the vault meant. Opaque, so that it can grow: ask the `is_…` methods.
///
/// ```
/// use okap_client::Refused;
/// use http::{HeaderMap, StatusCode};
///
/// let body = br#"{"error":{"message":"OKAP: monthly spend limit of 10.00 USD does not cover this call",
///     "type":"spend_limit_exceeded","param":null,"code":"spend_limit_exceeded"},
///     "okap":{"code":"spend_limit_exceeded","grant_id":"g_1","limit":"10.00","used":"9.97",
///     "resets_at":"2027-01-01T00:00:00Z"}}"#;
/// let refused = Refused::read(StatusCode::PAYMENT_REQUIRED, &HeaderMap::new(), body)
///     .ok_or("this is the provider's own answer")?;
/// assert!(refused.is_spend_limit());
/// assert_eq!(refused.limit(), Some("10.00"));
/// assert_eq!(refused.resets_at(), Some("2027-01-01".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    status: StatusCode,
    code: String,
    message: String,
    limit: Option<String>,
    used: Option<String>,
    resets_at: Option<Timestamp>,
    grant_id: Option<GrantId>,
    retry_after: Option<Duration>,
}

impl Refused {
    /// Reads an answer to a call: OpenAI's shape, Anthropic's, Google's, Mistral's and Cohere's.
    /// `None` where it is a success, or the provider's own error: nothing in it is the vault's.
    #[must_use]
    pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        if !(status.is_client_error() || status.is_server_error()) {
            return None;
        }
        let body: Value = strict::read(body, Bounds { bytes: MAX_ANSWER, depth: 32 }).ok()?;
        // the vault's mark; its own endpoints have a version there
        let okap = body.get("okap").filter(|okap| okap.is_object())?;
        let text = |at: &Value, name: &str| at.get(name)?.as_str().map(foreign);
        let error = body.get("error");
        let inner = |name: &str| error.and_then(|e| text(e, name));
        let code = text(okap, "code")
            .or_else(|| inner("code"))
            .or_else(|| inner("type"))
            .or_else(|| text(&body, "code"))?;
        let message = inner("message")
            .or_else(|| text(&body, "message"))
            .or_else(|| error.and_then(Value::as_str).map(foreign))
            .unwrap_or_else(|| code.clone());
        let seconds = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        Some(Self {
            status,
            code,
            message,
            limit: text(okap, "limit"),
            used: text(okap, "used"),
            resets_at: text(okap, "resets_at").and_then(|t| t.parse().ok()),
            grant_id: text(okap, "grant_id").and_then(|t| t.parse().ok()),
            retry_after: seconds.map(Duration::from_secs),
        })
    }

    /// The vault's word for it, such as `spend_limit_exceeded`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The limit that was met: USD as a decimal, or a number of requests or tokens.
    #[must_use]
    pub fn limit(&self) -> Option<&str> {
        self.limit.as_deref()
    }

    /// What is used of it.
    #[must_use]
    pub fn used(&self) -> Option<&str> {
        self.used.as_deref()
    }

    /// When it opens again.
    #[must_use]
    pub fn resets_at(&self) -> Option<Timestamp> {
        self.resets_at
    }

    /// The grant that the call was made under.
    #[must_use]
    pub fn grant_id(&self) -> Option<&GrantId> {
        self.grant_id.as_ref()
    }

    /// How long to wait before the same call can succeed, where that is a minute at most.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the user took the access back: ask again before the next call.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.has(&[ErrorCode::TokenRevoked])
    }

    /// Whether the token has ended: [renew](crate::Session::renew) it, or ask again.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.has(&[ErrorCode::TokenExpired])
    }

    /// Whether the vault does not know the token, or got none.
    #[must_use]
    pub fn is_invalid_token(&self) -> bool {
        self.has(&[ErrorCode::InvalidToken, ErrorCode::MissingToken])
    }

    /// Whether the proof of the token's key was not accepted.
    #[must_use]
    pub fn is_invalid_proof(&self) -> bool {
        self.has(&[ErrorCode::InvalidDpopProof])
    }

    /// Whether the vault wants its nonce in the proof: give the answer's headers to
    /// [`Access::hear`](crate::Access::hear) and repeat the call once, with new headers.
    #[must_use]
    pub fn is_nonce_wanted(&self) -> bool {
        self.has(&[ErrorCode::UseDpopNonce])
    }

    /// Whether the money of the day or month is used up, or what is left does not pay for this
    /// call.
    #[must_use]
    pub fn is_spend_limit(&self) -> bool {
        self.has(&[ErrorCode::SpendLimitExceeded])
    }

    /// Whether there were too many requests, in a minute or a day.
    #[must_use]
    pub fn is_rate_limit(&self) -> bool {
        self.has(&[ErrorCode::RateLimitExceeded])
    }

    /// Whether this call could use more tokens than one call may.
    #[must_use]
    pub fn is_too_many_tokens(&self) -> bool {
        self.has(&[ErrorCode::TokensPerRequestExceeded])
    }

    /// Whether the model is not in the grant.
    #[must_use]
    pub fn is_model_not_allowed(&self) -> bool {
        self.has(&[ErrorCode::ModelNotAllowed])
    }

    /// Whether the capability is not in the grant.
    #[must_use]
    pub fn is_capability_not_allowed(&self) -> bool {
        self.has(&[ErrorCode::CapabilityNotAllowed])
    }

    /// Whether the provider is not in the grant.
    #[must_use]
    pub fn is_provider_not_allowed(&self) -> bool {
        self.has(&[ErrorCode::ProviderNotAllowed])
    }

    /// Whether the grant is too small for this call, so that
    /// [asking for more](crate::Session::with_more) can help.
    #[must_use]
    pub fn is_too_small(&self) -> bool {
        self.is_model_not_allowed()
            || self.is_capability_not_allowed()
            || self.is_provider_not_allowed()
            || self.code == "insufficient_scope"
    }

    /// Whether the model has no known price while money is limited.
    #[must_use]
    pub fn is_model_not_priced(&self) -> bool {
        self.has(&[ErrorCode::ModelNotPriced])
    }

    /// Whether the vault carries no such calls, or not with this parameter.
    #[must_use]
    pub fn is_not_supported(&self) -> bool {
        self.has(&[
            ErrorCode::RouteNotSupported,
            ErrorCode::MethodNotAllowed,
            ErrorCode::UnsupportedParameter,
            ErrorCode::UnsupportedEncoding,
            ErrorCode::UnsupportedMediaType,
        ])
    }

    /// Whether the vault cannot serve any call to this provider just now: no key, no store.
    #[must_use]
    pub fn is_vault(&self) -> bool {
        self.has(&[ErrorCode::ProviderNotConfigured, ErrorCode::VaultUnavailable])
    }

    /// Whether the provider behind the vault failed, or refused the vault's own key.
    #[must_use]
    pub fn is_upstream(&self) -> bool {
        self.has(&[
            ErrorCode::UpstreamCredentialError,
            ErrorCode::UpstreamRedirectRefused,
            ErrorCode::UpstreamError,
            ErrorCode::UpstreamTimeout,
        ])
    }

    /// Whether the same call may succeed a little later: within a minute, or as soon as the
    /// vault or the provider is well again.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.retry_after.is_some()
            || self.has(&[
                ErrorCode::VaultUnavailable,
                ErrorCode::UpstreamError,
                ErrorCode::UpstreamTimeout,
            ])
    }

    fn has(&self, codes: &[ErrorCode]) -> bool {
        codes.iter().any(|code| code.as_str() == self.code)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Refused {}

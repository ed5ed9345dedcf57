//! What can be wrong, as codes that machines compare and sentences that people read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    text::clean,
    version::{UnsupportedVersion, Version},
};

macro_rules! codes {
    ($($Variant:ident = $text:literal, $status:literal;)+) => {
        /// A machine-readable error code, with the HTTP status it goes with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $text, "`, HTTP ", stringify!($status))] $Variant,)+
        }

        impl ErrorCode {
            /// Every code of this version.
            pub const ALL: &'static [Self] = &[$(Self::$Variant),+];

            /// The code as it stands on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$Variant => $text),+ }
            }

            /// The HTTP status of an answer with this code.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$Variant => $status),+ }
            }

            /// Finds a code by its wire text.
            #[must_use]
            pub fn find(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$Variant),)+ _ => None }
            }
        }
    };
}

codes! {
    // OAuth
    InvalidRequest = "invalid_request", 400;
    InvalidClient = "invalid_client", 401;
    InvalidGrant = "invalid_grant", 400;
    UnauthorizedClient = "unauthorized_client", 400;
    UnsupportedGrantType = "unsupported_grant_type", 400;
    UnsupportedResponseType = "unsupported_response_type", 400;
    InvalidTarget = "invalid_target", 400;
    InvalidAuthorizationDetails = "invalid_authorization_details", 400;
    InvalidRequestUri = "invalid_request_uri", 400;
    AccessDenied = "access_denied", 403;
    ServerError = "server_error", 500;
    TemporarilyUnavailable = "temporarily_unavailable", 503;
    SlowDown = "slow_down", 429;
    AuthorizationPending = "authorization_pending", 400;
    ExpiredToken = "expired_token", 400;
    InvalidDpopProof = "invalid_dpop_proof", 400;
    UseDpopNonce = "use_dpop_nonce", 400;
    // the direct request
    UnsupportedVersion = "unsupported_version", 400;
    InvalidJson = "invalid_json", 400;
    DuplicateMember = "duplicate_member", 400;
    RequestTooLarge = "request_too_large", 413;
    UnsupportedMediaType = "unsupported_media_type", 415;
    MethodNotAllowed = "method_not_allowed", 405;
    TooManyRequests = "too_many_requests", 429;
    RequestTimeout = "request_timeout", 408;
    NotFound = "not_found", 404;
    // proxied calls
    MissingToken = "missing_token", 401;
    InvalidToken = "invalid_token", 401;
    TokenExpired = "token_expired", 401;
    TokenRevoked = "token_revoked", 401;
    ModelNotAllowed = "model_not_allowed", 403;
    CapabilityNotAllowed = "capability_not_allowed", 403;
    ProviderNotAllowed = "provider_not_allowed", 403;
    RouteNotSupported = "route_not_supported", 404;
    SpendLimitExceeded = "spend_limit_exceeded", 402;
    RateLimitExceeded = "rate_limit_exceeded", 429;
    TokensPerRequestExceeded = "tokens_per_request_exceeded", 400;
    ModelNotPriced = "model_not_priced", 403;
    UnsupportedParameter = "unsupported_parameter", 400;
    UnsupportedEncoding = "unsupported_encoding", 415;
    UpstreamCredentialError = "upstream_credential_error", 502;
    UpstreamRedirectRefused = "upstream_redirect_refused", 502;
    UpstreamError = "upstream_error", 502;
    UpstreamTimeout = "upstream_timeout", 504;
    ProviderNotConfigured = "provider_not_configured", 503;
    VaultUnavailable = "vault_unavailable", 503;
}

/// Says why a message from outside was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The body is longer than allowed.
    #[error("body is larger than {limit} bytes")]
    TooLarge {
        /// Most bytes allowed.
        limit: usize,
    },
    /// Not JSON, not UTF-8, or nested too deeply.
    #[error("body is not valid JSON: {0}")]
    InvalidJson(String),
    /// A member stands twice in one object.
    #[error("member {0:?} stands twice in one object")]
    DuplicateMember(String),
    /// The `okap` member names a version that is not spoken here.
    #[error(transparent)]
    UnsupportedVersion(#[from] UnsupportedVersion),
    /// The message has the wrong form.
    #[error("{0}")]
    InvalidRequest(String),
    /// A details object is wrong.
    #[error("{0}")]
    InvalidDetails(String),
    /// The `grant_type` is not known here.
    #[error(
        "grant_type {0:?} is not supported, supported: authorization_code, refresh_token, \
         urn:ietf:params:oauth:grant-type:device_code and \
         urn:ietf:params:oauth:grant-type:token-exchange"
    )]
    UnsupportedGrantType(String),
}

impl ParseError {
    /// The code that answers carry for this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::RequestTooLarge,
            Self::InvalidJson(_) => ErrorCode::InvalidJson,
            Self::DuplicateMember(_) => ErrorCode::DuplicateMember,
            Self::UnsupportedVersion(_) => ErrorCode::UnsupportedVersion,
            Self::InvalidRequest(_) => ErrorCode::InvalidRequest,
            Self::InvalidDetails(_) => ErrorCode::InvalidAuthorizationDetails,
            Self::UnsupportedGrantType(_) => ErrorCode::UnsupportedGrantType,
        }
    }
}

/// What serde says, fit for an answer: its texts quote the message, which may be long or deceiving.
pub(crate) fn said(error: &serde_json::Error) -> String {
    let text = clean(&error.to_string());
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The error answer of every endpoint that is not proxied (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// The code; see [`ErrorCode`].
    pub error: Cow<'static, str>,
    /// A sentence that names the thing, the limit and the way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// With `unsupported_version`: the versions spoken here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub okap_versions_supported: Vec<String>,
}

impl ErrorBody {
    /// An answer with a code and a sentence, in the characters that RFC 6749 section 5.2 allows:
    /// printable ASCII without `"` and `\`.
    ///
    /// ```
    /// use okap_types::{ErrorBody, ErrorCode};
    /// let body = ErrorBody::new(ErrorCode::InvalidRequest, "\"café\" is unknown");
    /// assert_eq!(body.error_description.as_deref(), Some("'caf?' is unknown"));
    /// ```
    #[must_use]
    pub fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        let versions: &[&str] = match code {
            ErrorCode::UnsupportedVersion => Version::SUPPORTED,
            _ => &[],
        };
        Self {
            error: code.as_str().into(),
            error_description: Some(description.into().chars().map(allowed).collect()),
            okap_versions_supported: versions.iter().map(|v| (*v).to_owned()).collect(),
        }
    }
}

const fn allowed(c: char) -> char {
    match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        '…' => '.',
        _ => '?',
    }
}

impl From<&ParseError> for ErrorBody {
    fn from(error: &ParseError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

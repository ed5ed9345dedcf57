//! Every reason to refuse a proxied call, in one table: code, status, sentence.

use okap_types::{Capability, Count, ErrorCode, ModelId, Money, Provider, Timestamp};

use crate::pico::Pico;

/// Which window's money is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The UTC calendar month.
    Month,
    /// The UTC day.
    Day,
}

/// Why a call does not go through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    // who calls
    /// No credential came with the call.
    #[error("no okap token: send it as Authorization: Bearer, x-api-key or x-goog-api-key")]
    MissingToken,
    /// The credential is no living token of this vault.
    #[error("this is no token of this vault; ask the user for access")]
    InvalidToken,
    /// The grant or the token has ended.
    #[error("access ended at {0}; ask the user again")]
    TokenExpired(Timestamp),
    /// The user took the grant back.
    #[error("the user revoked this access; ask again before the next call")]
    TokenRevoked,
    /// The token is bound to a key, and the call came without the proof of it, or with a bad one.
    #[error("{0}")]
    InvalidProof(String),
    /// The proof has to carry the vault's nonce.
    #[error("the DPoP proof has to carry the nonce of the DPoP-Nonce header")]
    UseNonce,
    /// Two credentials that differ, or one in the address.
    #[error("{0}")]
    BadCredential(&'static str),
    // what is called
    /// The provider is not in the grant.
    #[error("provider {0} is not in this grant")]
    ProviderNotAllowed(String),
    /// The model is not in the grant.
    #[error("model {model:?} is not in this grant; allowed: {}", list(.allowed))]
    ModelNotAllowed {
        /// As the call names it.
        model: String,
        /// What may be named.
        allowed: Vec<ModelId>,
    },
    /// The capability is not in the grant.
    #[error("capability {0} is not in this grant")]
    CapabilityNotAllowed(Capability),
    /// A part of the call that no capability of this vault covers.
    #[error("{0} is not covered by any capability of this grant")]
    NotCovered(String),
    /// No such route.
    #[error("{0} is not a route of this vault; supported: {1}")]
    RouteNotSupported(String, &'static str),
    /// The route wants another method.
    #[error("method {0} is not allowed on this route, use {1}")]
    MethodNotAllowed(String, &'static str),
    /// A WebSocket.
    #[error("WebSocket is not supported; use plain HTTPS requests")]
    Upgrade,
    // how much
    /// The cap on money is reached, or what is left does not pay for this call.
    #[error("{} spend limit of {cap} USD does not cover this call: {used} USD used or held; resets {resets_at}, or ask the user for more", window(.limit))]
    SpendLimitExceeded {
        /// Which window.
        limit: Limit,
        /// The cap.
        cap: Money,
        /// Spent and held.
        used: Pico,
        /// When the window ends.
        resets_at: Timestamp,
    },
    /// Too many requests in 60 seconds.
    #[error("limit of {most} requests per minute reached, try again in {wait} s")]
    RequestsPerMinute {
        /// The cap.
        most: u32,
        /// Seconds until one more fits, 1 to 60.
        wait: u64,
    },
    /// Too many calls under way at once.
    #[error("limit of {most} calls at once reached, try again when one has ended")]
    CallsAtOnce {
        /// The cap.
        most: usize,
    },
    /// Too many requests today.
    #[error("limit of {most} requests per day reached, resets {resets_at}")]
    RequestsPerDay {
        /// The cap.
        most: u32,
        /// When the day ends.
        resets_at: Timestamp,
    },
    /// The call could use more tokens than one call may.
    #[error("this call could use {could} tokens, limit {} per request; shorten the prompt or lower the output ceiling", .most.get())]
    TokensPerRequest {
        /// Prompt bound plus output bound.
        could: u64,
        /// The cap.
        most: Count,
    },
    /// Money is capped and the price of the model is unknown.
    #[error(
        "model {0:?} has no known price, so a spend limit cannot be kept; the vault's owner can set one"
    )]
    ModelNotPriced(String),
    // the form of the call
    /// Not JSON.
    #[error("request body is not valid JSON: {0}")]
    InvalidJson(String),
    /// A member stands twice.
    #[error("member {0:?} stands twice in one object")]
    DuplicateMember(String),
    /// A member has a wrong value or is missing.
    #[error("{0}")]
    InvalidRequest(String),
    /// A member that would go around the grant.
    #[error("parameter {0} is not supported by this vault")]
    UnsupportedParameter(String),
    /// The body is too long.
    #[error("request body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is compressed.
    #[error("content-encoding {0} is not supported; send the body uncompressed")]
    UnsupportedEncoding(String),
    /// The body is of another type than the one that stands second.
    #[error("content-type {0:?} is not supported; send {1}")]
    UnsupportedMediaType(String, &'static str),
    /// The body did not come in time.
    #[error("request body did not arrive in time")]
    RequestTimeout,
    // beyond the vault
    /// The provider refused the vault's key.
    #[error("provider {0} refused the key in the vault; its owner has to replace it")]
    UpstreamCredential(Provider),
    /// The provider redirected.
    #[error("provider {0} answered with a redirect, which is not followed")]
    UpstreamRedirect(Provider),
    /// The provider failed.
    #[error("provider {0} failed: {1}")]
    Upstream(Provider, String),
    /// The provider took too long.
    #[error("provider {0} did not answer in time")]
    UpstreamTimeout(Provider),
    /// The vault has no key.
    #[error(
        "no key for provider {0} in this vault; its owner can add one with: okap-vault keys add {0}"
    )]
    ProviderNotConfigured(Provider),
    /// The vault's store failed.
    #[error("the vault cannot reach its store; nothing was sent, try again later")]
    VaultUnavailable,
}

fn list(models: &[ModelId]) -> String {
    let names: Vec<_> = models.iter().take(8).map(ModelId::as_str).collect();
    let more = if models.len() > 8 { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

const fn window(limit: &Limit) -> &'static str {
    match limit {
        Limit::Month => "monthly",
        Limit::Day => "daily",
    }
}

impl Refusal {
    /// The code on the wire.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::MissingToken => ErrorCode::MissingToken,
            Self::InvalidToken => ErrorCode::InvalidToken,
            Self::TokenExpired(_) => ErrorCode::TokenExpired,
            Self::TokenRevoked => ErrorCode::TokenRevoked,
            Self::InvalidProof(_) => ErrorCode::InvalidDpopProof,
            Self::UseNonce => ErrorCode::UseDpopNonce,
            Self::BadCredential(_) | Self::InvalidRequest(_) => ErrorCode::InvalidRequest,
            Self::ProviderNotAllowed(_) => ErrorCode::ProviderNotAllowed,
            Self::ModelNotAllowed { .. } => ErrorCode::ModelNotAllowed,
            Self::CapabilityNotAllowed(_) | Self::NotCovered(_) => ErrorCode::CapabilityNotAllowed,
            Self::RouteNotSupported(..) | Self::Upgrade => ErrorCode::RouteNotSupported,
            Self::MethodNotAllowed(..) => ErrorCode::MethodNotAllowed,
            Self::SpendLimitExceeded { .. } => ErrorCode::SpendLimitExceeded,
            Self::RequestsPerMinute { .. }
            | Self::RequestsPerDay { .. }
            | Self::CallsAtOnce { .. } => ErrorCode::RateLimitExceeded,
            Self::TokensPerRequest { .. } => ErrorCode::TokensPerRequestExceeded,
            Self::ModelNotPriced(_) => ErrorCode::ModelNotPriced,
            Self::InvalidJson(_) => ErrorCode::InvalidJson,
            Self::DuplicateMember(_) => ErrorCode::DuplicateMember,
            Self::UnsupportedParameter(_) => ErrorCode::UnsupportedParameter,
            Self::TooLarge(_) => ErrorCode::RequestTooLarge,
            Self::UnsupportedEncoding(_) => ErrorCode::UnsupportedEncoding,
            Self::UnsupportedMediaType(..) => ErrorCode::UnsupportedMediaType,
            Self::RequestTimeout => ErrorCode::RequestTimeout,
            Self::UpstreamCredential(_) => ErrorCode::UpstreamCredentialError,
            Self::UpstreamRedirect(_) => ErrorCode::UpstreamRedirectRefused,
            Self::Upstream(..) => ErrorCode::UpstreamError,
            Self::UpstreamTimeout(_) => ErrorCode::UpstreamTimeout,
            Self::ProviderNotConfigured(_) => ErrorCode::ProviderNotConfigured,
            Self::VaultUnavailable => ErrorCode::VaultUnavailable,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            // some tools go on over plain POST when they meet this one
            Self::Upgrade => 426,
            // at a resource (RFC 9449 section 7.1)
            Self::InvalidProof(_) | Self::UseNonce => 401,
            other => other.code().status(),
        }
    }

    /// Seconds after which the same call can succeed; only where that is within a minute, since
    /// SDKs sleep through whatever stands in `Retry-After`.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RequestsPerMinute { wait, .. } => Some(*wait),
            Self::CallsAtOnce { .. } => Some(1),
            _ => None,
        }
    }

    /// Whether an SDK that would retry this status must be told not to.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::SpendLimitExceeded { .. }
                | Self::RequestsPerDay { .. }
                | Self::UpstreamCredential(_)
                | Self::UpstreamRedirect(_)
                | Self::ProviderNotConfigured(_)
        )
    }

    /// The limit that was met, what is used of it, and when it opens again.
    #[must_use]
    pub fn limit(&self) -> Option<(String, String, Option<Timestamp>)> {
        match self {
            Self::SpendLimitExceeded { cap, used, resets_at, .. } => {
                Some((cap.to_string(), used.to_string(), Some(*resets_at)))
            }
            Self::RequestsPerMinute { most, .. } => {
                Some((most.to_string(), most.to_string(), None))
            }
            Self::CallsAtOnce { most } => Some((most.to_string(), most.to_string(), None)),
            Self::RequestsPerDay { most, resets_at } => {
                Some((most.to_string(), most.to_string(), Some(*resets_at)))
            }
            Self::TokensPerRequest { could, most } => {
                Some((most.get().to_string(), could.to_string(), None))
            }
            _ => None,
        }
    }
}

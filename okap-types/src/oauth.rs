//! The OAuth messages, one file each endpoint.

mod device;
mod introspection;
mod metadata;
mod pushed;
mod revocation;
mod token;

pub use device::{DeviceAnswer, DeviceRequest};
pub use introspection::{Confirmation, IntrospectionAnswer, IntrospectionRequest};
pub use metadata::{Metadata, ProtectedResource};
pub use pushed::{PushedAnswer, PushedRequest};
pub use revocation::RevocationRequest;
pub use token::{TokenAnswer, TokenRequest};

use crate::{ParseError, Secret, form::Form};

/// `client_assertion_type` of a signed assertion (RFC 7523 section 2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// `grant_type` of the device grant (RFC 8628 section 3.4).
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// `grant_type` of a token exchange (RFC 8693 section 2.1).
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The one token type that is exchanged (RFC 8693 section 3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The `client_id` of an app on the user's own computer.
pub const LOCAL_CLIENT: &str = "http://localhost";

/// Reads `client_assertion`, whose type has to stand beside it.
fn assertion(form: &Form) -> Result<Option<Secret<String>>, ParseError> {
    let invalid = |text: &str| Err(ParseError::InvalidRequest(text.to_owned()));
    match (form.opt("client_assertion"), form.opt("client_assertion_type")) {
        (None, None) => Ok(None),
        (Some(assertion), Some(JWT_BEARER)) => Ok(Some(Secret::from(assertion))),
        (Some(_), Some(_)) => invalid("client_assertion_type is not known here, known: jwt-bearer"),
        (Some(_), None) => invalid("client_assertion_type is missing"),
        (None, Some(_)) => invalid("client_assertion is missing"),
    }
}

/// What a schema says of an assertion and its type: one does not come without the other.
#[cfg(feature = "schema")]
fn assertion_pair() -> serde_json::Value {
    serde_json::json!({
        "client_assertion": ["client_assertion_type"],
        "client_assertion_type": ["client_assertion"],
    })
}

fn text(form: &Form, name: &str) -> Option<String> {
    form.opt(name).map(str::to_owned)
}

/// Reads `dpop_jkt`, the thumbprint of a key (RFC 9449 section 10).
fn thumbprint(form: &Form) -> Result<Option<String>, ParseError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    match form.opt("dpop_jkt") {
        Some(text) if text.len() != 43 || !text.bytes().all(plain) => Err(
            ParseError::InvalidRequest("dpop_jkt is not a SHA-256 thumbprint in base64url".into()),
        ),
        other => Ok(other.map(str::to_owned)),
    }
}

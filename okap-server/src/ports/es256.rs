//! The port that checks signatures: ECDSA over P-256 with SHA-256.

use okap_engine::jwk::PublicKey;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

/// Whether a key signed a message; the engine's [`Verify`](okap_engine::jws::Verify).
///
/// ```
/// use okap_engine::jws::Verify;
/// let port: Verify<'_> = &okap_server::ports::es256::verify;
/// ```
#[must_use]
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.to_point())
        .verify(message, signature)
        .is_ok()
}

use base64ct::{Base64UrlUnpadded, Encoding};
use okap_types::{Secret, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Seconds that one nonce is given out.
const BUCKET: i64 = 300;

/// The nonce that a vault gives out now: the `DPoP-Nonce` header (RFC 9449 section 8).
///
/// Nothing is stored: it is a hash of the secret and the present five minutes. It is accepted
/// during these and the next five. Nodes that share the secret accept each other's nonces.
///
/// ```
/// use okap_engine::proof::nonce;
/// use okap_types::{Secret, Timestamp};
/// let (secret, start) = (Secret::new([7; 32]), Timestamp::from_unix_millis(0));
/// assert_eq!(nonce(&secret, start), nonce(&secret, start.plus_seconds(299)));
/// assert_ne!(nonce(&secret, start), nonce(&secret, start.plus_seconds(300)));
/// ```
#[must_use]
pub fn nonce(secret: &Secret<[u8; 32]>, now: Timestamp) -> String {
    of(secret, bucket(now))
}

/// Whether a nonce is the present or the one before.
pub(super) fn is_current(secret: &Secret<[u8; 32]>, text: &str, now: Timestamp) -> bool {
    let present = bucket(now);
    [present, present.saturating_sub(1)]
        .map(|bucket| of(secret, bucket).as_bytes().ct_eq(text.as_bytes()))
        .into_iter()
        .any(bool::from)
}

const fn bucket(now: Timestamp) -> i64 {
    now.unix_seconds() / BUCKET
}

/// Secret, purpose and number have fixed lengths, so nobody can extend the hash into another.
fn of(secret: &Secret<[u8; 32]>, bucket: i64) -> String {
    let digest = Sha256::new()
        .chain_update(secret.expose())
        .chain_update("dpop nonce")
        .chain_update(bucket.to_be_bytes())
        .finalize();
    Base64UrlUnpadded::encode_string(&digest)
}

//! Random values and their hashes: tokens are minted here and only their hash is kept.

use base64ct::{Base64UrlUnpadded, Encoding};
use okap_types::{Secret, UserCode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// 256 random bits from which one step derives all it needs.
#[derive(Debug)]
pub struct Seed(Secret<[u8; 32]>);

impl Seed {
    /// Takes bits from the operating system's source; each seed is used for one step.
    #[must_use]
    pub const fn new(bits: Secret<[u8; 32]>) -> Self {
        Self(bits)
    }

    /// Derives independent bits for a purpose.
    #[must_use]
    pub fn bits(&self, purpose: &str) -> Secret<[u8; 32]> {
        let digest = Sha256::new().chain_update(self.0.expose()).chain_update(purpose).finalize();
        Secret::new(digest.into())
    }

    /// Derives a name of 43 base64url characters.
    #[must_use]
    pub fn name(&self, purpose: &str) -> String {
        Base64UrlUnpadded::encode_string(self.bits(purpose).expose())
    }

    /// Derives eight letters in two groups for a person to compare: base 20, no vowels.
    #[must_use]
    pub fn user_code(&self) -> String {
        const LETTERS: &[u8; 20] = UserCode::LETTERS;
        let bits = self.bits("user code");
        let mut code = String::with_capacity(9);
        for (at, byte) in bits.expose().iter().take(8).enumerate() {
            if at == 4 {
                code.push('-');
            }
            code.push(LETTERS.get(usize::from(*byte) % 20).copied().map_or('B', char::from));
        }
        code
    }
}

/// What a secret is stored and looked up under: SHA-256, in hex.
#[must_use]
pub fn hash(secret: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| DIGITS.get(usize::from(four)).copied().map_or('0', char::from);
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(secret.as_bytes()) {
        hex.push(digit(byte >> 4));
        hex.push(digit(byte & 15));
    }
    hex
}

/// Whether a PKCE verifier belongs to an S256 challenge (RFC 7636 section 4.6), in constant time.
#[must_use]
pub fn verifier_matches(verifier: &str, challenge: &str) -> bool {
    let computed = Base64UrlUnpadded::encode_string(&Sha256::digest(verifier.as_bytes()));
    computed.as_bytes().ct_eq(challenge.as_bytes()).into()
}

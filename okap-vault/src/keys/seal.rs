use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use okap_types::Secret;

use super::{KeyError, Sealed};

/// Seals a text under a key, bound to a place.
pub(super) fn seal(key: &Secret<[u8; 32]>, place: &[u8], text: &[u8]) -> Result<Sealed, KeyError> {
    let nonce = random::<24>()?;
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    // fails for texts of more than 256 GiB alone
    let bytes = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: place })
        .map_err(|_| KeyError::Damaged("text"))?;
    Ok(Sealed { nonce, bytes })
}

/// Opens what was sealed under that key for that place; `None` for anything else.
pub(super) fn open(key: &Secret<[u8; 32]>, place: &[u8], sealed: &Sealed) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    let payload = Payload { msg: &sealed.bytes, aad: place };
    cipher.decrypt(&XNonce::from(sealed.nonce), payload).ok()
}

/// Random bits from the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bits = [0; N];
    getrandom::fill(&mut bits).map_err(|_| KeyError::Entropy)?;
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_in_its_place_alone() {
        let key = Secret::new([7; 32]);
        let sealed = seal(&key, b"here", b"sk-canary").unwrap();
        assert_eq!(open(&key, b"here", &sealed).unwrap(), b"sk-canary");
        assert!(open(&key, b"there", &sealed).is_none());
        assert!(open(&Secret::new([8; 32]), b"here", &sealed).is_none());
        let mut changed = sealed.clone();
        changed.bytes[0] ^= 1;
        assert!(open(&key, b"here", &changed).is_none());
        assert!(!sealed.bytes.windows(6).any(|w| w == b"canary"));
    }

    #[test]
    fn no_two_seals_share_a_nonce() {
        let key = Secret::new([7; 32]);
        let (one, other) = (seal(&key, b"", b"x").unwrap(), seal(&key, b"", b"x").unwrap());
        assert_ne!(one.nonce, other.nonce);
        assert_ne!(one.bytes, other.bytes);
    }
}

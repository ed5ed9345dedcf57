//! What names a content.

use sha2::{Digest, Sha256};

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of the tests of this build: their ids, revisions, and what they verify.
#[must_use]
pub fn of_catalogue() -> String {
    let mut lines: Vec<_> = crate::catalogue::all()
        .map(|test| format!("{} {} {}\n", test.id, test.rev, test.verifies.join(" ")))
        .collect();
    lines.sort();
    sha256(lines.concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_digits_and_that_of_nothing_is_known() {
        assert!(sha256(b"").starts_with("e3b0c44298fc1c14"));
        assert_eq!(of_catalogue().len(), 64);
    }
}

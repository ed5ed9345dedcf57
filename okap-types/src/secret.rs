//! Values that must not be printed.

use std::fmt;

use serde::{Deserialize, Deserializer, Serializer};
use zeroize::Zeroize;

/// Holds a value that cannot be printed, compared or serialised by accident, and wipes it on drop.
///
/// There is one reader, [`expose`](Secret::expose): search for it to find every place that sees
/// the value.
///
/// ```
/// let key = okap_types::Secret::from("sk-123");
/// assert_eq!(format!("{key:?}"), "Secret(…)");
/// assert_eq!(key.expose(), "sk-123");
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl Secret<String> {
    /// Reads the text inside.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret<Vec<u8>> {
    /// Reads the bytes inside.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> Secret<[u8; N]> {
    /// Reads the bytes inside.
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self)
    }
}

/// Writes a secret into a message whose purpose is to carry it (`serialize_with`).
///
/// # Errors
/// Those of the serializer.
pub(crate) fn onto_wire<S: Serializer>(secret: &Secret<String>, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(secret.expose())
}

/// As [`onto_wire`], for a secret that may be absent.
///
/// # Errors
/// Those of the serializer.
pub(crate) fn onto_wire_if_some<S: Serializer>(
    secret: &Option<Secret<String>>,
    s: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => onto_wire(secret, s),
        None => s.serialize_none(),
    }
}

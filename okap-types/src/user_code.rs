//! The short code that a person compares, or types (RFC 8628 section 6.1).

use std::fmt;

/// Eight letters that make no words, in two groups: `BCDF-GHJK`.
///
/// Read forgivingly: case, hyphens and spaces do not matter.
///
/// ```
/// use okap_types::UserCode;
/// let typed = UserCode::parse(" bcdf ghjk ").ok_or("no code")?;
/// assert_eq!(typed.as_str(), "BCDF-GHJK");
/// assert!(UserCode::parse("ABCD-EFGH").is_none());
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserCode(String);

impl UserCode {
    /// The letters that stand in a code.
    pub const LETTERS: &'static [u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

    /// Reads what a person typed; `None` where it is no code.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > 32 {
            return None;
        }
        let letters = typed.chars().filter(|c| !matches!(c, ' ' | '-'));
        let letters: String = letters.map(|c| c.to_ascii_uppercase()).collect();
        let plain = letters.len() == 8 && letters.bytes().all(|b| Self::LETTERS.contains(&b));
        let (left, right) = letters.split_at_checked(4)?;
        plain.then(|| Self(format!("{left}-{right}")))
    }

    /// The code as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

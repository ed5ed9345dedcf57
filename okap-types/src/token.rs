//! The form of tokens: a prefix that names the kind, 256 random bits, a checksum.
//!
//! `okap_at_` + 43 base64url characters + 6 characters: the CRC-32 (IEEE) of all that stands
//! before it, big-endian, base64url. The checksum lets a secret scanner tell a token from noise;
//! it protects nothing else.

use base64ct::{Base64UrlUnpadded, Encoding};

use zeroize::Zeroizing;

use crate::Secret;

/// The text is no token of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct MalformedToken(&'static str);

macro_rules! token_kinds {
    ($($(#[$doc:meta])* $Name:ident, $prefix:literal, $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $Name(Secret<String>);

        impl $Name {
            /// What every token of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Forms a token from 256 random bits.
            #[must_use]
            pub fn from_random(random: &Secret<[u8; 32]>) -> Self {
                let bits = Zeroizing::new(Base64UrlUnpadded::encode_string(random.expose()));
                let body = Zeroizing::new(format!("{}{}", Self::PREFIX, *bits));
                Self(Secret::new(format!("{}{}", *body, checksum(&body))))
            }

            /// Reads a token; its form is checked, not whether it was ever issued.
            ///
            /// # Errors
            /// [`MalformedToken`] where prefix, length, alphabet or checksum are wrong.
            pub fn parse(text: &str) -> Result<Self, MalformedToken> {
                let body = text.len().checked_sub(6).and_then(|end| text.split_at_checked(end));
                let (body, sum) = body.ok_or(MalformedToken($what))?;
                let random = body.strip_prefix(Self::PREFIX).ok_or(MalformedToken($what))?;
                let mut bits = Zeroizing::new([0u8; 33]);
                match Base64UrlUnpadded::decode(random, bits.as_mut_slice()) {
                    Ok(bits) if bits.len() == 32 && is_checksum(sum, body) => {
                        Ok(Self(Secret::from(text)))
                    }
                    _ => Err(MalformedToken($what)),
                }
            }

            /// The token as it stands on the wire.
            #[must_use]
            pub fn expose(&self) -> &str {
                self.0.expose()
            }
        }

        impl From<$Name> for Secret<String> {
            fn from(token: $Name) -> Self {
                token.0
            }
        }
    )+};
}

token_kinds! {
    /// Lets an app call models through the vault.
    ///
    /// ```
    /// use okap_types::{Secret, token::AccessToken};
    /// let token = AccessToken::from_random(&Secret::new([7; 32]));
    /// assert!(AccessToken::parse(token.expose()).is_ok());
    /// assert_eq!(token.expose().len(), 57);
    /// assert!(AccessToken::parse("okap_at_short").is_err());
    /// ```
    AccessToken, "okap_at_", "access token";
    /// Is redeemed once for an access token.
    AuthorizationCode, "okap_ac_", "authorization code";
    /// Renews an access token; each use gives its successor.
    RefreshToken, "okap_rt_", "refresh token";
    /// Fetches the outcome of a request that is decided on another device.
    DeviceCode, "okap_dc_", "device code";
    /// Fetches the outcome of a direct request.
    ContinuationToken, "okap_ct_", "continuation token";
}

fn checksum(body: &str) -> String {
    Base64UrlUnpadded::encode_string(&crc32fast::hash(body.as_bytes()).to_be_bytes())
}

fn is_checksum(sum: &str, body: &str) -> bool {
    let mut room = [0; 6];
    let crc = crc32fast::hash(body.as_bytes()).to_be_bytes();
    Base64UrlUnpadded::encode(&crc, &mut room).is_ok_and(|own| own == sum)
}

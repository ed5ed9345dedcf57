//! Access as text, for a store or another program.

use okap_types::{GrantId, ParseError, Secret, Timestamp, response::TokenType, strict};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Access, Ask, Client, Error,
    access::Holder,
    clock,
    error::{Kind, foreign},
    received::{Received, Wanted},
    wire,
};

/// The form of the text; another one is not read.
const FORM: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Saved<'a> {
    okap_access: u32,
    issuer: String,
    grant_id: GrantId,
    #[serde(borrow)]
    authorization_details: &'a RawValue,
    asked: Ask,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whole: Option<Ask>,
    /// Seconds that the token lived when it came.
    lifetime: u64,
    ends: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop_jkt: Option<String>,
}

/// The secrets, apart so that they are wiped.
#[derive(Deserialize)]
struct Kept {
    access_token: Secret<String>,
    refresh_token: Option<Secret<String>>,
    /// The private scalar in base64url.
    dpop_key: Option<Secret<String>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    saved: Saved<'a>,
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_key: Option<&'a str>,
}

impl Access {
    /// The whole access as text: token, refresh token and key, for a place as safe as they are.
    /// [`Client::restore`] reads it.
    ///
    /// ```no_run
    /// # fn keep(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// let text = access.save()?;
    /// let again = okap.restore(&text)?;
    /// assert_eq!(again.token().expose(), access.token().expose());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// None that is known; it is the form of all of this crate's texts.
    pub fn save(&self) -> Result<Secret<String>, Error> {
        let inner = self.inner();
        let (jkt, key) = match &inner.holder {
            Holder::Bearer => (None, None),
            Holder::Own(key) => (Some(key.thumbprint().to_owned()), key_text(key)),
            Holder::Other(thumbprint) => (Some(thumbprint.clone()), None),
        };
        let details: &RawValue = serde_json::from_str(&inner.written)
            .map_err(|e| Error::new(Kind::Vault, format!("what was granted is not JSON: {e}")))?;
        let saved = Saved {
            okap_access: FORM,
            issuer: inner.issuer.clone(),
            grant_id: inner.grant_id.clone(),
            authorization_details: details,
            asked: inner.asked.clone(),
            whole: inner.whole.clone(),
            lifetime: inner.lifetime.as_secs(),
            ends: inner.ends,
            dpop_jkt: jkt,
        };
        let shown = Shown {
            saved,
            access_token: inner.token.expose(),
            refresh_token: inner.refresh.as_ref().map(Secret::<String>::expose),
            dpop_key: key.as_ref().map(Secret::<String>::expose),
        };
        wire::json(&shown).map(Secret::new)
    }
}

impl Client {
    /// Reads what [`Access::save`] wrote. The token may have ended since.
    ///
    /// # Errors
    /// [`is_untrusted`](Error::is_untrusted) where it is another vault's access, or fails a check
    /// that the vault's answer had passed; [`is_invalid_request`](Error::is_invalid_request) where
    /// it is no such text.
    pub fn restore(&self, saved: &Secret<String>) -> Result<Access, Error> {
        let text = saved.expose().as_bytes();
        let unreadable = |why: &ParseError| {
            let text = format!("the saved access cannot be read: {}", foreign(&why.to_string()));
            Error::new(Kind::InvalidRequest, text)
        };
        let bounds = strict::Bounds { bytes: MOST, depth: 32 };
        let kept: Kept = strict::read(text, bounds).map_err(|e| unreadable(&e))?;
        let saved: Saved<'_> = strict::read(text, bounds).map_err(|e| unreadable(&e))?;
        if saved.okap_access != FORM {
            let text = format!("the saved access has form {}, known: {FORM}", saved.okap_access);
            return Err(Error::new(Kind::InvalidRequest, text));
        }
        if saved.issuer != self.vault().issuer() {
            let issuer = foreign(&saved.issuer);
            let text = format!("the saved access is from {issuer}, not from this vault");
            return Err(Error::untrusted(text));
        }
        let holder = holder(kept.dpop_key, saved.dpop_jkt)?;
        let lifetime = std::time::Duration::from_secs(saved.lifetime);
        let granted = serde_json::from_str(saved.authorization_details.get())
            .map_err(|e| Error::new(Kind::InvalidRequest, foreign(&e.to_string())))?;
        let received = Received {
            token: kept.access_token,
            kind: match holder {
                Holder::Bearer => TokenType::Bearer,
                Holder::Own(_) | Holder::Other(_) => TokenType::Dpop,
            },
            refresh: kept.refresh_token,
            lifetime,
            // a calendar that was set back gives no token a longer life
            left: clock::between(clock::wall(), saved.ends).min(lifetime),
            ends: saved.ends,
            grant_id: saved.grant_id,
            granted,
            written: saved.authorization_details.get().to_owned(),
        };
        let wanted =
            Wanted { asked: saved.asked, whole: saved.whole, holder, unbound_will_do: false };
        received.check(self.vault(), self.nonces(), wanted)
    }
}

/// Longest text that is read, 1 MiB: the longest answer and the longest ask fit.
const MOST: usize = 1024 * 1024;

#[cfg(feature = "dpop")]
fn key_text(key: &crate::Key) -> Option<Secret<String>> {
    use base64ct::{Base64UrlUnpadded, Encoding};
    Some(Base64UrlUnpadded::encode_string(key.scalar().expose()).into())
}

#[cfg(not(feature = "dpop"))]
fn key_text(key: &crate::key::Key) -> Option<Secret<String>> {
    match *key {}
}

#[cfg(feature = "dpop")]
fn holder(key: Option<Secret<String>>, thumbprint: Option<String>) -> Result<Holder, Error> {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let broken = || Error::new(Kind::InvalidRequest, "the saved access has a broken key");
    let Some(key) = key else {
        return Ok(thumbprint.map_or(Holder::Bearer, Holder::Other));
    };
    let mut scalar = zeroize::Zeroizing::new([0; 32]);
    let read = Base64UrlUnpadded::decode(key.expose(), scalar.as_mut_slice());
    if read.map_err(|_| broken())?.len() != 32 {
        return Err(broken());
    }
    let key = crate::Key::from_scalar(&Secret::new(*scalar))?;
    match thumbprint {
        Some(thumbprint) if thumbprint == key.thumbprint() => Ok(Holder::Own(key)),
        _ => Err(broken()),
    }
}

#[cfg(not(feature = "dpop"))]
fn holder(key: Option<Secret<String>>, thumbprint: Option<String>) -> Result<Holder, Error> {
    match (key, thumbprint) {
        (None, None) => Ok(Holder::Bearer),
        (None, Some(thumbprint)) => Ok(Holder::Other(thumbprint)),
        (Some(_), _) => crate::key::Key::generate().map(Holder::Own),
    }
}

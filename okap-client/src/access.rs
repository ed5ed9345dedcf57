use std::{
    borrow::Borrow,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
use okap_types::{
    GrantId, GrantedAccess, ModelAccess, Provider, Secret, Timestamp, response::TokenType,
};
use url::Url;

use crate::{
    Ask, Difference, Error,
    difference::narrower,
    error::Kind,
    key::Key,
    nonces::{Nonces, Role},
    wire,
};

/// Access that the user granted: a token, where to use it, and what it allows.
///
/// Cheap to clone. It does not renew itself: a [`Session`](crate::Session) does that.
///
/// ```no_run
/// # fn show(access: okap_client::Access) {
/// for difference in access.differences() {
///     println!("note: {difference}");
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Access(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) issuer: String,
    pub(crate) token: Secret<String>,
    pub(crate) refresh: Option<Secret<String>>,
    pub(crate) grant_id: GrantId,
    /// What was asked of this token.
    pub(crate) asked: Ask,
    /// What was asked of the grant, where a token asks for less than that.
    pub(crate) whole: Option<Ask>,
    pub(crate) granted: Vec<GrantedAccess>,
    /// The same as the vault wrote it.
    pub(crate) written: String,
    /// For each object asked, which one was granted.
    pub(crate) pairs: Vec<Option<usize>>,
    /// How long the token lived when it came.
    pub(crate) lifetime: Duration,
    pub(crate) expires: tokio::time::Instant,
    /// The same moment by the calendar.
    pub(crate) ends: Timestamp,
    pub(crate) holder: Holder,
    pub(crate) nonces: Arc<Nonces>,
}

/// Whose key a token is bound to.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    /// Nobody's: whoever has the token can use it.
    Bearer,
    /// The app's own.
    Own(Key),
    /// Another program's, by its thumbprint.
    Other(String),
}

impl Access {
    /// The token, for the API key field of the provider's SDK. A token that is
    /// [bound](Self::is_bound) to a key is of no use there: see [`headers`](Self::headers).
    #[must_use]
    pub fn token(&self) -> &Secret<String> {
        &self.0.token
    }

    /// Where that SDK shall send its calls in place of the provider's own address; `None` where
    /// nothing of this provider was granted. No version, no trailing slash.
    #[must_use]
    pub fn base_url(&self, provider: impl Borrow<Provider>) -> Option<&Url> {
        self.0.granted.iter().find(|g| g.provider == *provider.borrow()).map(|g| &g.base_url)
    }

    /// What was granted, every choice explicit.
    #[must_use]
    pub fn granted(&self) -> &[GrantedAccess] {
        &self.0.granted
    }

    /// The same as JSON text, as the vault wrote it: with members that this version of the crate
    /// does not know.
    #[must_use]
    pub fn granted_json(&self) -> &str {
        &self.0.written
    }

    /// What was asked.
    #[must_use]
    pub fn asked(&self) -> &[ModelAccess] {
        self.0.asked.access()
    }

    /// Where less was granted than asked; empty where everything was. Never more: a wider grant
    /// is an error. What the ask left to the user is no difference.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let granted = |at: &Option<usize>| at.and_then(|at| self.0.granted.get(at));
        let pairs = self.0.asked.access().iter().zip(self.0.pairs.iter().map(granted));
        pairs.flat_map(|(asked, granted)| narrower(asked, granted)).collect()
    }

    /// Names the grant in the vault's own pages; not a secret.
    #[must_use]
    pub fn grant_id(&self) -> &GrantId {
        &self.0.grant_id
    }

    /// The vault that granted it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// When the token ends, by this computer's steady clock: the vault said how long it lives,
    /// and neither side's idea of the date matters.
    #[must_use]
    pub fn expires_at(&self) -> Instant {
        self.0.expires.into_std()
    }

    /// The same moment by this computer's calendar. It goes on while the computer sleeps, and
    /// survives a restart of the app; it is wrong where somebody sets the clock.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.0.ends
    }

    /// How long the token still lives; zero when it has ended.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        self.0.expires.saturating_duration_since(tokio::time::Instant::now())
    }

    /// Whether the token has ended.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.expires_in().is_zero()
    }

    /// Whether it can be [renewed](crate::Client::refresh) without the user.
    #[must_use]
    pub fn is_renewable(&self) -> bool {
        self.0.refresh.is_some()
    }

    /// Whether the token is bound to a key (DPoP), so that a thief cannot use it. Each call then
    /// needs [`headers`](Self::headers) of its own.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        !matches!(self.0.holder, Holder::Bearer)
    }

    /// The headers of one call: `Authorization` and, for a [bound](Self::is_bound) token, a fresh
    /// `DPoP` proof for this method and address. They go into a request of any HTTP client as
    /// they are.
    ///
    /// ```no_run
    /// # fn call(access: okap_client::Access) -> Result<(), Box<dyn std::error::Error>> {
    /// use okap_client::Provider;
    /// let base = access.base_url(Provider::OpenAi).ok_or("openai was not granted")?;
    /// let url = format!("{base}/chat/completions").parse()?;
    /// let headers = access.headers(&http::Method::POST, &url)?;
    /// // reqwest: client.post(url).headers(headers).json(&body).send().await?
    /// # let _ = headers; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the address is not below a
    /// `base_url` of this access, since the token is for the vault alone, or where the token is
    /// bound to another program's key; [`is_local`](Error::is_local) where the system gives no
    /// random bits.
    pub fn headers(&self, method: &Method, url: &Url) -> Result<HeaderMap, Error> {
        if !self.0.granted.iter().any(|g| is_below(&g.base_url, url)) {
            let host = url.host_str().unwrap_or_default();
            let text = format!("an address at {host} is not below a base_url of this access");
            return Err(Error::new(Kind::InvalidRequest, text));
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.credential()?);
        if let Some(key) = self.key()? {
            let nonce = self.0.nonces.current(Role::Resource);
            let proof = key.proof(method, url.as_str(), nonce.as_deref(), Some(&self.0.token))?;
            headers.insert("dpop", header(&proof)?);
        }
        Ok(headers)
    }

    /// Remembers the nonce that the vault wants to see in the proofs of the next calls; give it
    /// the headers of every answer. Says whether there was one: a call that was refused with
    /// `use_dpop_nonce` is then worth one repetition, with new [`headers`](Self::headers).
    ///
    /// ```no_run
    /// # fn heard(access: okap_client::Access, answer: http::HeaderMap, refused: okap_client::Refused) {
    /// let again = access.hear(&answer) && refused.is_nonce_wanted();
    /// # let _ = again;
    /// # }
    /// ```
    pub fn hear(&self, answer: &HeaderMap) -> bool {
        self.0.nonces.hear(Role::Resource, answer)
    }

    /// Takes over access that another program delegated to this one's key.
    ///
    /// ```no_run
    /// # fn take(okap: okap_client::Client, text: okap_client::Secret<String>, key: okap_client::Key) -> Result<(), okap_client::Error> {
    /// let access = okap.restore(&text)?.with_key(key)?;
    /// assert!(access.is_bound());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the token is bound to another key
    /// or to none.
    #[cfg(feature = "dpop")]
    pub fn with_key(&self, key: Key) -> Result<Self, Error> {
        match &self.0.holder {
            Holder::Own(k) if k.thumbprint() == key.thumbprint() => Ok(self.clone()),
            Holder::Other(thumbprint) if thumbprint == key.thumbprint() => {
                Ok(self.change(|inner| inner.holder = Holder::Own(key)))
            }
            _ => Err(Error::new(Kind::InvalidRequest, "this token is not bound to that key")),
        }
    }

    /// What to ask for where this access turns out to be too small: all that was asked before,
    /// and `more`. Ask the user again with it, in whichever way suits.
    ///
    /// # Behavior
    /// Objects of one provider that share a model, or both leave the models to the user, become
    /// one: the models and capabilities of both, the higher of two limits, the later of two ends.
    /// A limit that only one of them has stays. Others stand beside each other.
    ///
    /// ```no_run
    /// # async fn more(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// use okap_client::{ModelAccess, Provider};
    /// let ask = access.with_more(ModelAccess::new(Provider::Groq))?;
    /// let pending = okap.start(ask).await?;
    /// # let _ = pending; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where `more` is not valid, and where the
    /// same was asked for three times in a row: a user who keeps saying no means no.
    pub fn with_more(&self, more: impl Into<Ask>) -> Result<Ask, Error> {
        self.whole().and(more.into(), &self.0.granted)
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// A copy with one thing changed.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = self.0.copy();
        change(&mut inner);
        Self::new(inner)
    }

    /// What was asked of the grant.
    pub(crate) fn whole(&self) -> &Ask {
        self.0.whole.as_ref().unwrap_or(&self.0.asked)
    }

    /// The key that proves each call; `None` for a token that needs none.
    pub(crate) fn key(&self) -> Result<Option<&Key>, Error> {
        match &self.0.holder {
            Holder::Bearer => Ok(None),
            Holder::Own(key) => Ok(Some(key)),
            Holder::Other(_) => {
                let text = "this token is bound to the key of another program";
                Err(Error::new(Kind::InvalidRequest, text))
            }
        }
    }

    pub(crate) fn credential(&self) -> Result<HeaderValue, Error> {
        let kind = if self.is_bound() { TokenType::Dpop } else { TokenType::Bearer };
        wire::credential(kind.as_str(), &self.0.token)
    }
}

impl Inner {
    fn copy(&self) -> Self {
        Self {
            issuer: self.issuer.clone(),
            token: self.token.clone(),
            refresh: self.refresh.clone(),
            grant_id: self.grant_id.clone(),
            asked: self.asked.clone(),
            whole: self.whole.clone(),
            granted: self.granted.clone(),
            written: self.written.clone(),
            pairs: self.pairs.clone(),
            holder: self.holder.clone(),
            nonces: Arc::clone(&self.nonces),
            ..*self
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("issuer", &self.0.issuer)
            .field("grant_id", &self.0.grant_id)
            .field("granted", &self.0.granted)
            .field("ends", &self.0.ends)
            .field("bound", &self.is_bound())
            .field("renewable", &self.is_renewable())
            .finish_non_exhaustive()
    }
}

/// Whether an address is the base itself or a path below it.
fn is_below(base: &Url, url: &Url) -> bool {
    let rest = url.path().strip_prefix(base.path());
    url.origin() == base.origin()
        && url.username().is_empty()
        && url.password().is_none()
        && rest.is_some_and(|r| r.is_empty() || r.starts_with('/'))
}

/// A header that is ours to write.
pub(crate) fn header(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text)
        .map_err(|_| Error::new(Kind::InvalidRequest, "a proof cannot be written as a header"))
}

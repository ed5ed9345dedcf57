use std::{
    borrow::Borrow,
    time::{Duration, Instant},
};

use okap_types::{
    GrantId, GrantedAccess, ModelAccess, Provider, Secret, oauth::TokenAnswer,
    response::DetailsGranted,
};
use url::Url;

use crate::{
    Ask, Difference, Error,
    difference::{narrower, wider},
    error::{Kind, foreign},
    vault::Vault,
};

/// Access that the user granted: a token, where to use it, and what it allows.
///
/// ```no_run
/// # fn show(access: okap_client::Access) {
/// for difference in access.differences() {
///     println!("note: {difference}");
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Access {
    issuer: String,
    token: Secret<String>,
    grant_id: GrantId,
    asked: Ask,
    granted: Vec<GrantedAccess>,
    /// For each object asked, which one was granted.
    pairs: Vec<Option<usize>>,
    expires: tokio::time::Instant,
}

impl Access {
    /// The token, for the API key field of the provider's SDK.
    #[must_use]
    pub fn token(&self) -> &Secret<String> {
        &self.token
    }

    /// Where that SDK shall send its calls in place of the provider's own address; `None` where
    /// nothing of this provider was granted. No version, no trailing slash.
    #[must_use]
    pub fn base_url(&self, provider: impl Borrow<Provider>) -> Option<&Url> {
        self.granted.iter().find(|g| g.provider == *provider.borrow()).map(|g| &g.base_url)
    }

    /// What was granted, every choice explicit.
    #[must_use]
    pub fn granted(&self) -> &[GrantedAccess] {
        &self.granted
    }

    /// What was asked.
    #[must_use]
    pub fn asked(&self) -> &[ModelAccess] {
        self.asked.access()
    }

    /// Where less was granted than asked; empty where everything was. Never more: a wider grant
    /// is an error. What the ask left to the user is no difference.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let granted = |at: &Option<usize>| at.and_then(|at| self.granted.get(at));
        let pairs = self.asked.access().iter().zip(self.pairs.iter().map(granted));
        pairs.flat_map(|(asked, granted)| narrower(asked, granted)).collect()
    }

    /// Names the grant in the vault's own pages; not a secret.
    #[must_use]
    pub fn grant_id(&self) -> &GrantId {
        &self.grant_id
    }

    /// When the token ends, by this computer's steady clock: the vault said how long it lives,
    /// and neither side's idea of the date matters.
    #[must_use]
    pub fn expires_at(&self) -> Instant {
        self.expires.into_std()
    }

    /// How long the token still lives; zero when it has ended.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        self.expires.saturating_duration_since(tokio::time::Instant::now())
    }

    /// Whether the token has ended.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.expires_in().is_zero()
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// A token answer that nobody has checked.
pub(crate) struct Received {
    token: Secret<String>,
    expires_in: u64,
    grant_id: GrantId,
    granted: Vec<GrantedAccess>,
}

impl From<TokenAnswer> for Received {
    fn from(answer: TokenAnswer) -> Self {
        Self {
            token: answer.access_token,
            expires_in: answer.expires_in,
            grant_id: answer.grant_id,
            granted: answer.authorization_details,
        }
    }
}

impl TryFrom<DetailsGranted> for Received {
    type Error = Error;

    fn try_from(answer: DetailsGranted) -> Result<Self, Error> {
        if answer.token.expose() != answer.access_token.expose() {
            return Err(Error::untrusted("the answer holds two tokens that differ"));
        }
        Ok(Self {
            token: answer.access_token,
            expires_in: answer.expires_in,
            grant_id: answer.grant_id,
            granted: answer.authorization_details,
        })
    }
}

impl Received {
    /// Makes an [`Access`] of an answer that stays within the ask and at the vault.
    pub(crate) fn check(self, vault: &Vault, asked: Ask) -> Result<Access, Error> {
        let token = self.token.expose();
        if token.is_empty() || token.len() > 4096 || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::new(
                Kind::Vault,
                "the access token is not one word of at most 4096 characters",
            ));
        }
        if self.granted.is_empty() {
            return Err(Error::new(
                Kind::Vault,
                "the answer has a token and no authorization_details",
            ));
        }
        let mut pairs = vec![None; asked.access().len()];
        for (at, granted) in self.granted.iter().enumerate() {
            vault.owns(&format!("base_url of {}", granted.provider), &granted.base_url)?;
            if granted.currency != GrantedAccess::CURRENCY {
                let text = format!(
                    "limits are in {:?}, this version knows USD",
                    foreign(&granted.currency)
                );
                return Err(Error::untrusted(text));
            }
            let slot = place(granted, asked.access(), &pairs)?;
            if let Some(slot) = pairs.get_mut(slot) {
                *slot = Some(at);
            }
        }
        Ok(Access {
            issuer: vault.issuer().to_owned(),
            token: self.token,
            grant_id: self.grant_id,
            asked,
            granted: self.granted,
            pairs,
            expires: after(Duration::from_secs(self.expires_in)),
        })
    }
}

/// Finds the object that was asked for and covers this grant. Each covers one grant only: two
/// grants under one limit would double it.
fn place(
    granted: &GrantedAccess,
    asked: &[ModelAccess],
    pairs: &[Option<usize>],
) -> Result<usize, Error> {
    let free = || {
        let slots = asked.iter().enumerate().zip(pairs);
        slots
            .filter(|((_, a), taken)| a.provider == granted.provider && taken.is_none())
            .map(|(a, _)| a)
    };
    // objects with models first: the open one covers any model
    let by_name = free().filter(|(_, a)| !a.models.is_empty());
    let open = free().filter(|(_, a)| a.models.is_empty());
    if let Some((at, _)) = by_name.chain(open).find(|(_, a)| wider(a, granted).is_none()) {
        return Ok(at);
    }
    let why = free().find_map(|(_, a)| wider(a, granted));
    let why = why.unwrap_or_else(|| "in an object that was not asked for".to_owned());
    Err(Error::new(
        Kind::Wider,
        format!("the vault granted more than was asked: {} {why}", granted.provider),
    ))
}

/// The moment after a time that an answer states, at most ten years.
pub(crate) fn after(time: Duration) -> tokio::time::Instant {
    let now = tokio::time::Instant::now();
    now.checked_add(time.min(TEN_YEARS)).unwrap_or(now)
}

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

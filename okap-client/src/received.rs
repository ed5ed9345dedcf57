//! An answer with a token, and the checks it passes before anybody may use it.

use std::{sync::Arc, time::Duration};

use okap_types::{
    GrantId, GrantedAccess, ModelAccess, Secret, Timestamp,
    oauth::TokenAnswer,
    response::{DetailsGranted, TokenType},
};

use crate::{
    Access, Ask, Error,
    access::{Holder, Inner},
    clock,
    difference::wider,
    error::{Kind, foreign},
    nonces::Nonces,
    vault::Vault,
    wire::Reply,
};

/// A token answer that nobody has checked.
pub(crate) struct Received {
    pub(crate) token: Secret<String>,
    pub(crate) kind: TokenType,
    pub(crate) refresh: Option<Secret<String>>,
    pub(crate) lifetime: Duration,
    pub(crate) left: Duration,
    pub(crate) ends: Timestamp,
    pub(crate) grant_id: GrantId,
    pub(crate) granted: Vec<GrantedAccess>,
    pub(crate) written: String,
}

/// What the answer has to be like.
pub(crate) struct Wanted {
    pub(crate) asked: Ask,
    /// What the grant is for, where the token is for less.
    pub(crate) whole: Option<Ask>,
    /// Whose key the token shall be bound to.
    pub(crate) holder: Holder,
    /// Whether a token that is bound to no key will do all the same.
    pub(crate) unbound_will_do: bool,
}

impl Received {
    /// Reads the answer of the token endpoint.
    pub(crate) fn token(answer: TokenAnswer, reply: &Reply) -> Result<Self, Error> {
        let lifetime = Duration::from_secs(answer.expires_in);
        Ok(Self {
            token: answer.access_token,
            kind: answer.token_type,
            refresh: answer.refresh_token,
            lifetime,
            left: lifetime,
            ends: ends(answer.expires_in),
            grant_id: answer.grant_id,
            granted: answer.authorization_details,
            written: reply.details()?,
        })
    }

    /// Reads the answer to a direct request.
    pub(crate) fn direct(answer: DetailsGranted, reply: &Reply) -> Result<Self, Error> {
        if answer.token.expose() != answer.access_token.expose() {
            return Err(Error::untrusted("the answer holds two tokens that differ"));
        }
        let lifetime = Duration::from_secs(answer.expires_in);
        Ok(Self {
            token: answer.access_token,
            kind: answer.token_type,
            refresh: None,
            lifetime,
            left: lifetime,
            ends: ends(answer.expires_in),
            grant_id: answer.grant_id,
            granted: answer.authorization_details,
            written: reply.details()?,
        })
    }

    /// Makes an [`Access`] of an answer that stays within the ask and at the vault.
    pub(crate) fn check(
        self,
        vault: &Vault,
        nonces: &Arc<Nonces>,
        wanted: Wanted,
    ) -> Result<Access, Error> {
        one_word("access token", &self.token)?;
        if let Some(refresh) = &self.refresh {
            one_word("refresh token", refresh)?;
        }
        if self.granted.is_empty() {
            let text = "the answer has a token and no authorization_details";
            return Err(Error::new(Kind::Vault, text));
        }
        let holder = bound(self.kind, wanted.holder, wanted.unbound_will_do)?;
        let mut pairs = vec![None; wanted.asked.access().len()];
        for (at, granted) in self.granted.iter().enumerate() {
            let slot = place(granted, wanted.asked.access(), &pairs)?;
            stays(vault, granted)?;
            if let Some(slot) = pairs.get_mut(slot) {
                *slot = Some(at);
            }
        }
        Ok(Access::new(Inner {
            issuer: vault.issuer().to_owned(),
            token: self.token,
            refresh: self.refresh,
            grant_id: self.grant_id,
            asked: wanted.asked,
            whole: wanted.whole,
            granted: self.granted,
            written: self.written,
            pairs,
            lifetime: self.lifetime,
            expires: clock::after(self.left),
            ends: self.ends,
            holder,
            nonces: Arc::clone(nonces),
        }))
    }
}

fn ends(seconds: u64) -> Timestamp {
    clock::wall().plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn one_word(what: &str, token: &Secret<String>) -> Result<(), Error> {
    let token = token.expose();
    if (1..=4096).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::new(Kind::Vault, format!("the {what} is not one word of at most 4096 characters")))
}

/// Checks that the token is bound to the key that was asked for, and to none where none was.
fn bound(kind: TokenType, wanted: Holder, unbound_will_do: bool) -> Result<Holder, Error> {
    match (kind, wanted) {
        (TokenType::Bearer, Holder::Bearer) => Ok(Holder::Bearer),
        (TokenType::Bearer, _) if unbound_will_do => Ok(Holder::Bearer),
        (TokenType::Bearer, _) => {
            let text = "a token bound to a key was asked for, and the vault gave a bearer token";
            Err(Error::new(Kind::Unbound, text))
        }
        (TokenType::Dpop, Holder::Bearer) => {
            let text = "the token is bound to a key, and no key was shown to the vault";
            Err(Error::untrusted(text))
        }
        (TokenType::Dpop, holder) => Ok(holder),
    }
}

/// Checks that an object sends the app to its own vault, to its own provider, and counts in a
/// currency that the app knows.
fn stays(vault: &Vault, granted: &GrantedAccess) -> Result<(), Error> {
    let provider = granted.provider.as_str();
    vault.owns(&format!("base_url of {provider}"), &granted.base_url)?;
    let last = granted.base_url.path().rsplit('/').next();
    if last != Some(provider) || granted.base_url.query().is_some() {
        let text = format!("base_url of {provider} does not end in /{provider}");
        return Err(Error::untrusted(text));
    }
    if granted.currency != GrantedAccess::CURRENCY {
        let currency = foreign(&granted.currency);
        let text = format!("limits are in {currency:?}, this version knows USD");
        return Err(Error::untrusted(text));
    }
    Ok(())
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

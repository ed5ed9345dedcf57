use okap_types::{
    GrantId, ModelAccess, Timestamp,
    token::{AccessToken, RefreshToken},
};

use super::{ACCESS_LIFETIME, FlowError, LONG_ACCESS_LIFETIME};
use crate::{
    narrow::{TooWide, attenuate},
    record::{Access, Allowed, Change, Grant, Refresh, insert},
    step::Step,
    token::{Seed, hash},
};

/// Tokens, freshly minted, and what they are good for.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The access token; this is the only time it is seen.
    pub token: AccessToken,
    /// Seconds that it lives.
    pub expires_in: u64,
    /// What it allows.
    pub access: Vec<Allowed>,
    /// Whether it is bound to a key.
    pub bound: bool,
    /// The refresh token that comes next.
    pub refresh: Option<RefreshToken>,
    /// Names the grant.
    pub grant: GrantId,
    /// Names the grant that the user allowed: the same, or the first of those above it.
    pub first: GrantId,
}

/// What an access token is minted for.
pub(super) struct Mint<'a> {
    pub(super) grant: &'a Grant,
    /// Less than the grant, where that was asked.
    pub(super) narrowed: Option<Vec<Allowed>>,
    /// The thumbprint to bind it to.
    pub(super) key: Option<&'a str>,
    /// Seconds that it lives at most.
    pub(super) lifetime: i64,
}

impl<'a> Mint<'a> {
    /// A token that a refresh token renews.
    pub(super) fn renewable(
        grant: &'a Grant,
        narrower: Option<&[ModelAccess]>,
        key: Option<&'a str>,
        now: Timestamp,
    ) -> Result<Self, TooWide> {
        let narrowed = narrower.map(|asked| attenuate(&grant.access, asked, now)).transpose()?;
        let narrowed = narrowed.map(|pairs| pairs.into_iter().map(|(_, part)| part).collect());
        Ok(Self { grant, narrowed, key, lifetime: ACCESS_LIFETIME })
    }

    /// A token for an app that cannot renew it.
    pub(super) fn lasting(grant: &'a Grant) -> Self {
        Self { grant, narrowed: None, key: None, lifetime: LONG_ACCESS_LIFETIME }
    }

    /// Mints an access token; it never outlives what it allows.
    pub(super) fn issue(self, now: Timestamp, seed: &Seed) -> Step<Issued> {
        let token = AccessToken::from_random(&seed.bits("access"));
        let access = self.narrowed.as_deref().unwrap_or(&self.grant.access).to_vec();
        let ends = access.iter().map(|a| a.expires).max().unwrap_or(now);
        let expires = ends.min(now.plus_seconds(self.lifetime));
        let record = Access {
            grant: self.grant.id.clone(),
            issued: now,
            expires,
            narrowed: self.narrowed,
            key: self.key.map(str::to_owned),
        };
        let changes = vec![insert(&hash(token.expose()), &record)];
        let reply = Issued {
            token,
            expires_in: now.seconds_until(expires),
            access,
            bound: self.key.is_some(),
            refresh: None,
            grant: self.grant.id.clone(),
            first: self.grant.first().clone(),
        };
        Step { reply, changes }
    }
}

/// Whether tokens may still be issued for a grant.
///
/// # Errors
/// `invalid_grant` where it was revoked or has ended.
pub(super) fn stands(grant: &Grant, now: Timestamp) -> Result<(), FlowError> {
    if grant.revoked.is_some() {
        return Err(FlowError::grant("the user has revoked this grant"));
    }
    match grant.expires() <= now {
        true => Err(FlowError::grant("this grant has ended; ask the user again")),
        false => Ok(()),
    }
}

/// The first refresh token of a grant.
pub(super) fn first_refresh(
    grant: &Grant,
    client_id: &str,
    key: Option<&str>,
    seed: &Seed,
) -> (RefreshToken, Change) {
    let token = RefreshToken::from_random(&seed.bits("refresh"));
    let record = Refresh {
        grant: grant.id.clone(),
        client_id: client_id.to_owned(),
        key: key.map(str::to_owned),
        expires: grant.expires(),
        rotated: None,
    };
    let change = insert(&hash(token.expose()), &record);
    (token, change)
}

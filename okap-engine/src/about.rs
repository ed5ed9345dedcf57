//! What a grant tells of itself: to its app, and to a resource server that asks.

use okap_types::{
    AccessType, Count, Money, Timestamp, Version,
    oauth::{Confirmation, IntrospectionAnswer},
    response::TokenType,
    standing::{
        AccessLimits, CountLeft, GrantAnswer, GrantStatus, LimitsLeft, MoneyLeft, PerRequest,
    },
};

use crate::{
    admit::alive,
    flow::Profile,
    ledger::{Chain, Used},
    pico::Pico,
    record::{Access, Allowed, Grant, Refresh, details},
};

/// `GET /okap/grants/{grant_id}`
#[must_use]
pub fn grant(
    profile: &Profile,
    access: &Access,
    grant: &Grant,
    ancestors: &[Grant],
    now: Timestamp,
) -> GrantAnswer {
    let revoked = grant.revoked.is_some() || ancestors.iter().any(|a| a.revoked.is_some());
    let status = match alive(grant, ancestors, access, now) {
        Ok(()) => GrantStatus::Active,
        Err(_) if revoked => GrantStatus::Revoked,
        Err(_) => GrantStatus::Expired,
    };
    GrantAnswer {
        okap: Version::CURRENT,
        grant_id: grant.id.clone(),
        status,
        created: grant.created,
        expires: grant.expires(),
        parent_grant_id: grant.ancestors.first().cloned(),
        client_id: grant.app.client_id().map(str::to_owned),
        client_name: grant.delegate.clone().or_else(|| grant.app.info.name.clone()),
        authorization_details: details(&grant.access, &profile.issuer),
    }
}

/// What a resource server learns of a living access token (RFC 7662 section 2.2).
#[must_use]
pub fn access_token(profile: &Profile, access: &Access, grant: &Grant) -> IntrospectionAnswer {
    let kind = if access.key.is_some() { TokenType::Dpop } else { TokenType::Bearer };
    IntrospectionAnswer {
        token_type: Some(kind.as_str().to_owned()),
        iat: Some(access.issued.unix_seconds()),
        exp: Some(access.expires.unix_seconds()),
        cnf: access.key.clone().map(|jkt| Confirmation { jkt }),
        authorization_details: details(access.allows(grant), &profile.issuer),
        ..living(profile, grant)
    }
}

/// What a resource server learns of a living refresh token.
#[must_use]
pub fn refresh_token(profile: &Profile, refresh: &Refresh, grant: &Grant) -> IntrospectionAnswer {
    IntrospectionAnswer {
        token_type: Some("refresh_token".to_owned()),
        exp: Some(refresh.expires.unix_seconds()),
        cnf: refresh.key.clone().map(|jkt| Confirmation { jkt }),
        authorization_details: details(&grant.access, &profile.issuer),
        ..living(profile, grant)
    }
}

fn living(profile: &Profile, grant: &Grant) -> IntrospectionAnswer {
    IntrospectionAnswer {
        active: true,
        client_id: grant.app.client_id().map(str::to_owned),
        iss: Some(profile.issuer_text()),
        grant_id: Some(grant.id.clone()),
        ..IntrospectionAnswer::default()
    }
}

/// What is left of one object: its own caps, and of each the least that any account above has
/// left, too.
#[must_use]
pub fn limits(part: &Allowed, chain: &Chain, now: Timestamp) -> AccessLimits {
    let links: Vec<_> = chain.used(now).collect();
    let money = |cap: Option<Money>, of: fn(&okap_types::Limits) -> Option<Money>, by: Window| {
        let (_, own) = links.first()?;
        let left = |(limits, used): &(&okap_types::Limits, Used)| {
            let cap = Pico::from_micros(of(limits)?.micros())?;
            Some(cap.saturating_sub(by.money(used)))
        };
        Some(MoneyLeft {
            limit: cap?,
            used: rounded(by.money(own).get().div_ceil(1_000_000)),
            remaining: rounded(links.iter().filter_map(left).min()?.get() / 1_000_000),
            resets_at: by.ends(own),
        })
    };
    let count = |cap: Option<Count>, of: fn(&okap_types::Limits) -> Option<Count>, by: Rate| {
        let (_, own) = links.first()?;
        let left = |(limits, used): &(&okap_types::Limits, Used)| {
            Some(of(limits)?.get().saturating_sub(by.requests(used)))
        };
        Some(CountLeft {
            limit: cap?,
            used: by.requests(own),
            remaining: links.iter().filter_map(left).min()?,
            resets_at: by.ends(own),
        })
    };
    let caps = &part.limits;
    AccessLimits {
        access_type: AccessType::AiModelAccess,
        provider: part.provider.clone(),
        models: part.models.clone(),
        capabilities: part.capabilities.clone(),
        expires: part.expires,
        limits: LimitsLeft {
            monthly_spend: money(caps.monthly_spend, |l| l.monthly_spend, Window::Month),
            daily_spend: money(caps.daily_spend, |l| l.daily_spend, Window::Day),
            requests_per_minute: count(
                caps.requests_per_minute,
                |l| l.requests_per_minute,
                Rate::Minute,
            ),
            requests_per_day: count(caps.requests_per_day, |l| l.requests_per_day, Rate::Day),
            tokens_per_request: caps.tokens_per_request.map(|limit| PerRequest { limit }),
        },
    }
}

#[derive(Clone, Copy)]
enum Window {
    Month,
    Day,
}

impl Window {
    const fn money(self, used: &Used) -> Pico {
        match self {
            Self::Month => used.month,
            Self::Day => used.day,
        }
    }

    const fn ends(self, used: &Used) -> Timestamp {
        match self {
            Self::Month => used.month_ends,
            Self::Day => used.day_ends,
        }
    }
}

#[derive(Clone, Copy)]
enum Rate {
    Minute,
    Day,
}

impl Rate {
    const fn requests(self, used: &Used) -> u32 {
        match self {
            Self::Minute => used.minute_requests,
            Self::Day => used.day_requests,
        }
    }

    const fn ends(self, used: &Used) -> Option<Timestamp> {
        match self {
            Self::Minute => used.minute_frees,
            Self::Day => Some(used.day_ends),
        }
    }
}

/// An amount as it stands on the wire, whose range ends at 1,000,000 USD.
fn rounded(micros: u64) -> Money {
    Money::from_micros(micros).unwrap_or(Money::MAX)
}

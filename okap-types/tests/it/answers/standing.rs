//! How a grant stands, and what is left of its limits.

use okap_types::{
    AppName, Count, Money, Version,
    standing::{
        AccessLimits, CountLeft, GrantAnswer, GrantStatus, LimitsAnswer, LimitsLeft, MoneyLeft,
        PerRequest,
    },
};

use super::{PUBLISHED, end, everything_granted, granted_access, some};

pub(crate) fn limits_answer() -> LimitsAnswer {
    let resets_at = "2027-01-01".parse().unwrap();
    let money = |limit: u32, used: u64| MoneyLeft {
        limit: Money::usd(limit),
        used: Money::from_micros(used).unwrap(),
        remaining: Money::from_micros(Money::usd(limit).micros() - used).unwrap(),
        resets_at,
    };
    let count = |limit: u32, used: u32, resets_at| CountLeft {
        limit: Count::new(limit).unwrap(),
        used,
        remaining: limit - used,
        resets_at,
    };
    let access = granted_access();
    let bounded = AccessLimits {
        access_type: access.access_type,
        provider: access.provider,
        models: access.models,
        capabilities: access.capabilities,
        expires: access.expires,
        limits: LimitsLeft {
            monthly_spend: Some(money(5, 1_234_567)),
            daily_spend: Some(money(1, 0)),
            requests_per_minute: Some(count(30, 0, None)),
            requests_per_day: Some(count(500, 12, Some(resets_at))),
            tokens_per_request: Some(PerRequest { limit: Count::new(8192).unwrap() }),
        },
    };
    let access = everything_granted();
    let unbounded = AccessLimits {
        provider: access.provider,
        models: access.models,
        capabilities: access.capabilities,
        limits: LimitsLeft::default(),
        ..bounded.clone()
    };
    LimitsAnswer {
        okap: Version::CURRENT,
        grant_id: "g_1".parse().unwrap(),
        limits: vec![bounded, unbounded],
    }
}

pub(crate) fn grant_answer() -> GrantAnswer {
    GrantAnswer {
        okap: Version::CURRENT,
        grant_id: "g_2".parse().unwrap(),
        status: GrantStatus::Active,
        created: "2026-11-23T09:00:00.250Z".parse().unwrap(),
        expires: end(),
        parent_grant_id: Some("g_1".parse().unwrap()),
        client_id: some(PUBLISHED),
        client_name: Some(AppName::new("Notes").unwrap()),
        authorization_details: vec![granted_access()],
    }
}

//! What a grant tells of itself.

use okap_engine::{
    about,
    flow::{Exchange, Redeem},
    ledger::{Account, Chain},
    pico::Pico,
    record::{Allowed, Refresh, Share},
    token::hash,
};
use okap_types::{
    Capability, Count, Limits, ModelAccess, Models, Money, Provider,
    oauth::Confirmation,
    standing::{AccessLimits, GrantStatus, LimitsLeft},
};
use proptest::prelude::*;

use crate::{
    host::{Host, LOCAL, exchanging, redeeming},
    support::{at, cap, code, issued, noon, profile},
};

fn part(limits: &[Limits]) -> Allowed {
    let share =
        |limits: &Limits| Share { account: "above".into(), limits: limits.clone(), until: None };
    Allowed {
        provider: Provider::OpenAi,
        models: Models::Any,
        capabilities: vec![Capability::Chat],
        limits: limits[0].clone(),
        expires: noon().plus_seconds(86_400),
        models_refused: Vec::new(),
        account: "own".into(),
        under: limits[1..].iter().map(share).collect(),
    }
}

/// What is left of an object after each of its accounts has spent something.
fn told(limits: &[Limits], spent: &[Pico]) -> (LimitsLeft, Chain) {
    let part = part(limits);
    let account = |spent: &Pico| {
        let mut account = Account::default();
        account.hold(&Limits::default(), *spent, noon()).unwrap();
        account
    };
    let chain = Chain::new(&part.shares(), spent.iter().map(account));
    let AccessLimits { limits, .. } = about::limits(&part, &chain, noon());
    (limits, chain)
}

#[test]
fn every_cap_is_told_with_what_is_used_and_left_and_when_it_opens_again() {
    let limits = Limits {
        daily_spend: Some(cap(4_000_000)),
        tokens_per_request: Count::new(1000),
        ..Limits::monthly(Money::usd(10)).per_minute(60).per_day(100)
    };
    let (told, _) = told(&[limits], &[Pico::new(1_500_000_000_001)]);
    let month = told.monthly_spend.unwrap();
    assert_eq!(month.limit, Money::usd(10));
    assert_eq!(
        (month.used.to_string(), month.remaining.to_string()),
        ("1.500001".into(), "8.499999".into())
    );
    assert_eq!(month.resets_at, at("2026-12-01"));
    let day = told.daily_spend.unwrap();
    assert_eq!((day.remaining.to_string(), day.resets_at), ("2.499999".into(), at("2026-11-24")));
    let minute = told.requests_per_minute.unwrap();
    assert_eq!((minute.used, minute.remaining), (1, 59));
    assert_eq!(minute.resets_at, Some(noon().plus_seconds(60)));
    let per_day = told.requests_per_day.unwrap();
    assert_eq!((per_day.used, per_day.remaining), (1, 99));
    assert_eq!(per_day.resets_at, Some(at("2026-11-24")));
    assert_eq!(told.tokens_per_request.unwrap().limit.get(), 1000);
}

#[test]
fn a_cap_that_is_not_there_is_not_told() {
    let (told, _) = told(&[Limits::default()], &[Pico::new(5)]);
    assert_eq!(told, LimitsLeft::default());
}

#[test]
fn a_child_sees_its_own_cap_and_the_least_that_is_left_above() {
    let limits = [Limits::monthly(cap(5)).per_day(9), Limits::monthly(cap(10)).per_day(2)];
    let (told, _) = told(&limits, &[Pico::from_micros(1).unwrap(), Pico::from_micros(8).unwrap()]);
    let month = told.monthly_spend.unwrap();
    assert_eq!((month.limit, month.used, month.remaining), (cap(5), cap(1), cap(2)));
    let day = told.requests_per_day.unwrap();
    assert_eq!((day.limit.get(), day.used, day.remaining), (9, 1, 1));
}

#[test]
fn a_cap_lowered_below_what_is_used_leaves_nothing() {
    let (told, _) = told(&[Limits::monthly(cap(1))], &[Pico::from_micros(8).unwrap()]);
    let month = told.monthly_spend.unwrap();
    assert_eq!((month.used, month.remaining), (cap(8), Money::ZERO));
}

proptest! {
    /// Rounded away from the app, by less than a micro-USD; never more than anybody above has.
    #[test]
    fn used_and_remaining_make_the_limit_and_no_account_above_has_less(
        caps in prop::collection::vec((0u64..20_000_000, 1u32..9), 1..4),
        spent in prop::collection::vec(0u64..20_000_000_000_000, 4),
    ) {
        let limits: Vec<_> =
            caps.iter().map(|(money, day)| Limits::monthly(cap(*money)).per_day(*day)).collect();
        let spent: Vec<_> = spent[..limits.len()].iter().map(|pico| Pico::new(*pico)).collect();
        let (all, _) = told(&limits, &spent);
        let month = all.monthly_spend.unwrap();
        let exact_used = spent[0].get();
        prop_assert!(u128::from(month.used.micros()) * 1_000_000 >= u128::from(exact_used));
        prop_assert!(month.used.micros() <= exact_used / 1_000_000 + 1);
        for (limits, spent) in limits.iter().zip(&spent) {
            let left = limits.monthly_spend.unwrap().micros() * 1_000_000;
            prop_assert!(month.remaining.micros() * 1_000_000 <= left.saturating_sub(spent.get()));
            let requests = all.requests_per_day.as_ref().unwrap().remaining;
            prop_assert!(requests < limits.requests_per_day.unwrap().get());
        }
        let (alone, _) = told(&limits[..1], &spent[..1]);
        let month = alone.monthly_spend.unwrap();
        let limit = limits[0].monthly_spend.unwrap();
        prop_assert_eq!(month.limit, limit);
        let sum = month.used.micros() + month.remaining.micros();
        prop_assert!(sum == limit.micros() || month.used > limit && month.remaining == Money::ZERO);
    }
}

#[test]
fn a_grant_tells_whether_it_stands() {
    let mut host = Host::new();
    let root = issued(&mut host);
    let delegate = okap_types::ClientInfo::new("Helper").unwrap().name;
    let child =
        host.exchange(&root.token, &Exchange { delegate: delegate.clone(), ..exchanging() });
    let child = child.unwrap();
    let tell = |host: &Host, token| {
        let standing = host.standing(token).unwrap();
        let ancestors = &standing.ancestors;
        about::grant(&profile(), &standing.access, &standing.grant, ancestors, host.now)
    };
    let told = tell(&host, &root.token);
    assert_eq!((told.status, &told.grant_id), (GrantStatus::Active, &root.grant));
    assert_eq!((told.created, told.expires), (noon(), noon().plus_seconds(30 * 86_400)));
    assert_eq!((told.client_id.as_deref(), told.parent_grant_id), (Some(LOCAL), None));
    assert_eq!(told.client_name.unwrap().as_str(), "Notes");
    let told = tell(&host, &child.token);
    assert_eq!(
        (told.status, told.parent_grant_id),
        (GrantStatus::Active, Some(root.grant.clone()))
    );
    assert_eq!((told.client_name, told.expires), (delegate, noon().plus_seconds(3600)));
    host.wait(3600);
    assert_eq!(tell(&host, &child.token).status, GrantStatus::Expired);
    host.revoke(&root.grant);
    assert_eq!(tell(&host, &child.token).status, GrantStatus::Revoked);
    assert_eq!(tell(&host, &root.token).status, GrantStatus::Revoked);
}

#[test]
fn a_resource_server_learns_what_a_token_allows_and_not_what_its_grant_does() {
    let mut host = Host::new();
    let code = code(&mut host, None);
    let fewer = [ModelAccess::new(Provider::OpenAi).models(["gpt-4o"])];
    let with = Redeem { narrower: Some(&fewer), key: Some("key"), ..redeeming() };
    let bound = host.redeem(&code, &with).unwrap();
    let plain = issued(&mut host);
    let tell = |token| {
        let standing = host.standing(token).unwrap();
        about::access_token(&profile(), &standing.access, &standing.grant)
    };
    let told = tell(&bound.token);
    assert!(told.active);
    assert_eq!(told.token_type.as_deref(), Some("DPoP"));
    assert_eq!(told.cnf, Some(Confirmation { jkt: "key".into() }));
    assert_eq!(told.authorization_details[0].models.listed(), fewer[0].models);
    let seconds = noon().unix_seconds();
    assert_eq!((told.iat, told.exp), (Some(seconds), Some(seconds + 3600)));
    assert_eq!(told.iss.as_deref(), Some("https://vault.example"));
    assert_eq!((told.client_id.as_deref(), told.grant_id), (Some(LOCAL), Some(bound.grant)));
    let told = tell(&plain.token);
    assert_eq!((told.token_type.as_deref(), told.cnf), (Some("Bearer"), None));
    let refresh = bound.refresh.unwrap();
    let record = host.store.read::<Refresh>(&hash(refresh.expose())).unwrap().record;
    let grant = host.grant(&record.grant).unwrap().record;
    let told = about::refresh_token(&profile(), &record, &grant);
    assert_eq!(told.token_type.as_deref(), Some("refresh_token"));
    assert_eq!(told.authorization_details[0].models.listed(), crate::support::asked().models);
    assert_eq!((told.iat, told.exp), (None, Some(seconds + 30 * 86_400)));
}

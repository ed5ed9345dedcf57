use okap_engine::narrow::{Approved, Wider, as_asked, narrow};
use okap_types::{Capability, Limits, ModelAccess, ModelId, Models, Money, Provider};
use proptest::prelude::*;

use crate::support::{at, noon};

fn model(name: &str) -> ModelId {
    name.parse().unwrap()
}

fn asked() -> ModelAccess {
    ModelAccess::new(Provider::OpenAi)
        .models(["gpt-4", "gpt-4o-mini"])
        .capabilities([Capability::Chat, Capability::Embeddings])
        .limits(Limits::monthly(Money::usd(10)).per_minute(60))
        .expires(at("2027-01-01"))
}

fn latest() -> okap_types::Timestamp {
    noon().plus_seconds(366 * 86_400)
}

#[test]
fn all_that_was_asked_may_be_granted() {
    let approved = as_asked(&asked(), &[], latest());
    assert_eq!(narrow(&asked(), &approved, latest()), Ok(vec![]));
}

#[test]
fn less_than_was_asked_may_be_granted_and_what_is_refused_is_named() {
    let approved = Approved {
        models: Models::Listed(vec![model("gpt-4o-mini")]),
        capabilities: vec![Capability::Chat],
        limits: Limits::monthly(Money::usd(1)).per_minute(5).per_day(10),
        expires: at("2026-12-01"),
    };
    assert_eq!(narrow(&asked(), &approved, latest()), Ok(vec![model("gpt-4")]));
}

#[test]
fn nothing_beyond_what_was_asked_is_granted() {
    let fits = as_asked(&asked(), &[], latest());
    let beyond = |change: &dyn Fn(&mut Approved)| {
        let mut approved = fits.clone();
        change(&mut approved);
        narrow(&asked(), &approved, latest()).unwrap_err()
    };
    let models = |m| move |a: &mut Approved| a.models = m;
    assert_eq!(
        beyond(&|a| models(Models::Listed(vec![model("o3")]))(a)),
        Wider::Model("o3".into())
    );
    assert_eq!(beyond(&|a| models(Models::Any)(a)), Wider::Model("*".into()));
    assert_eq!(beyond(&|a| models(Models::Listed(vec![]))(a)), Wider::Nothing("model"));
    assert_eq!(
        beyond(&|a| a.capabilities.push(Capability::Images)),
        Wider::Capability(Capability::Images)
    );
    assert_eq!(beyond(&|a| a.capabilities.clear()), Wider::Nothing("capability"));
    assert_eq!(beyond(&|a| a.limits.monthly_spend = Money::from_micros(10_000_001)), Wider::Limit);
    assert_eq!(beyond(&|a| a.limits.monthly_spend = None), Wider::Limit);
    assert_eq!(beyond(&|a| a.limits.requests_per_minute = None), Wider::Limit);
    assert!(matches!(
        beyond(&|a| a.expires = at("2027-01-01T00:00:00.001Z")),
        Wider::Expiry { .. }
    ));
}

#[test]
fn what_was_left_open_the_user_chooses() {
    let open = ModelAccess::new(Provider::OpenAi);
    let chosen = Approved {
        models: Models::Any,
        capabilities: vec![Capability::Chat, Capability::Vision],
        limits: Limits::default(),
        expires: latest(),
    };
    assert_eq!(narrow(&open, &chosen, latest()), Ok(vec![]));
    let late = Approved { expires: latest().plus_seconds(1), ..chosen };
    assert!(matches!(narrow(&open, &late, latest()), Err(Wider::Expiry { .. })));
}

fn some_models() -> impl Strategy<Value = Vec<ModelId>> {
    let names = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4);
    names.prop_map(|names| names.into_iter().map(model).collect())
}

fn some_capabilities() -> impl Strategy<Value = Vec<Capability>> {
    prop::sample::subsequence(
        vec![Capability::Chat, Capability::Embeddings, Capability::Vision],
        0..=3,
    )
}

fn some_limits() -> impl Strategy<Value = Limits> {
    (prop::option::of(0u64..4), prop::option::of(1u32..4)).prop_map(|(money, rate)| Limits {
        monthly_spend: money.and_then(Money::from_micros),
        requests_per_minute: rate.and_then(okap_types::Count::new),
        ..Limits::default()
    })
}

proptest! {
    /// Granted ⊆ asked and granted ⊆ approved, or nothing at all.
    #[test]
    fn a_grant_is_never_wider_than_asked(
        asked_models in some_models(), models in some_models(),
        asked_caps in some_capabilities(), capabilities in some_capabilities(),
        asked_limits in some_limits(), limits in some_limits(),
        asked_end in prop::option::of(1i64..5), end in 1i64..5,
    ) {
        let day = |d: i64| noon().plus_seconds(d * 86_400);
        let mut asked = ModelAccess::new(Provider::OpenAi).limits(asked_limits.clone());
        asked.models = asked_models.clone();
        asked.capabilities = asked_caps.clone();
        asked.expires = asked_end.map(day);
        let approved = Approved {
            models: Models::Listed(models.clone()), capabilities: capabilities.clone(),
            limits: limits.clone(), expires: day(end),
        };
        let fits = !models.is_empty() && !capabilities.is_empty()
            && (asked_models.is_empty() || models.iter().all(|m| asked_models.contains(m)))
            && (asked_caps.is_empty() || capabilities.iter().all(|c| asked_caps.contains(c)))
            && asked_limits.monthly_spend.is_none_or(|cap| limits.monthly_spend.is_some_and(|l| l <= cap))
            && asked_limits.requests_per_minute.is_none_or(|cap| limits.requests_per_minute.is_some_and(|l| l <= cap))
            && asked_end.is_none_or(|e| end <= e) && end <= 3;
        prop_assert_eq!(narrow(&asked, &approved, day(3)).is_ok(), fits);
    }
}

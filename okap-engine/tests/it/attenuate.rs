//! Narrowing at the token endpoint: never wider than what was granted.

use okap_engine::{
    narrow::{TooWide, attenuate},
    record::Allowed,
};
use okap_types::{Capability, Count, Limits, ModelAccess, Models, Money, Provider, Timestamp};
use proptest::prelude::*;

use crate::support::{cap, model, noon};

fn day(number: i64) -> Timestamp {
    noon().plus_seconds(number * 86_400)
}

fn listed(names: &[&str]) -> Models {
    Models::Listed(names.iter().map(|name| model(name)).collect())
}

fn granted(provider: Provider, models: Models) -> Allowed {
    Allowed {
        account: format!("{provider} {models:?}"),
        provider,
        models,
        capabilities: vec![Capability::Chat, Capability::Embeddings],
        limits: Limits::monthly(Money::usd(10)).per_minute(60),
        expires: day(30),
        models_refused: vec![model("gpt-5")],
        under: Vec::new(),
    }
}

fn openai() -> ModelAccess {
    ModelAccess::new(Provider::OpenAi)
}

fn one(parent: &Allowed, wish: ModelAccess) -> Result<Allowed, TooWide> {
    let parents = [parent.clone()];
    attenuate(&parents, &[wish], noon()).map(|pairs| pairs[0].1.clone())
}

#[test]
fn what_a_wish_leaves_out_is_inherited() {
    let parent = granted(Provider::OpenAi, listed(&["a", "b"]));
    let inherited = Allowed { models_refused: Vec::new(), ..parent.clone() };
    assert_eq!(one(&parent, openai()), Ok(inherited));
}

#[test]
fn what_a_wish_names_is_within_its_parent() {
    let parent = granted(Provider::OpenAi, listed(&["a", "b"]));
    let wish = openai()
        .models(["b"])
        .capabilities([Capability::Chat])
        .limits(Limits::monthly(Money::usd(1)).per_day(5))
        .expires(day(1));
    let part = one(&parent, wish).unwrap();
    assert_eq!(part.models, listed(&["b"]));
    assert_eq!(part.capabilities, [Capability::Chat]);
    // one lowered, one inherited, one added
    assert_eq!(part.limits, Limits::monthly(Money::usd(1)).per_minute(60).per_day(5));
    assert_eq!((part.expires, part.account), (day(1), parent.account));
}

#[test]
fn every_cap_may_be_lowered_and_none_raised() {
    let count = |n| Count::new(n);
    let caps = |micros: u64, n: u32| {
        [
            ("monthly_spend", Limits::monthly(cap(micros))),
            ("daily_spend", Limits::daily(cap(micros))),
            ("requests_per_minute", Limits::default().per_minute(n)),
            ("requests_per_day", Limits::default().per_day(n)),
            ("tokens_per_request", Limits { tokens_per_request: count(n), ..Limits::default() }),
        ]
    };
    for (at, (name, limits)) in caps(10, 10).into_iter().enumerate() {
        let parent = Allowed { limits, ..granted(Provider::OpenAi, Models::Any) };
        for (asked, fits) in [(9, true), (10, true), (11, false)] {
            let (_, asked) = caps(asked, u32::try_from(asked).unwrap())[at].clone();
            let narrowed = one(&parent, openai().limits(asked.clone())).map(|part| part.limits);
            assert_eq!(narrowed, if fits { Ok(asked) } else { Err(TooWide::Limit(name)) });
        }
    }
}

#[test]
fn an_end_lies_between_now_and_the_parents() {
    let parent = granted(Provider::OpenAi, Models::Any);
    for (end, fits) in [(day(30), true), (noon().plus_seconds(1), true), (noon(), false)] {
        assert_eq!(one(&parent, openai().expires(end)).is_ok(), fits);
    }
    let late = day(30).plus_seconds(1);
    assert_eq!(one(&parent, openai().expires(late)), Err(TooWide::Expiry(day(30))));
    let ended = Allowed { expires: noon(), ..parent };
    assert_eq!(one(&ended, openai()), Err(TooWide::Expiry(noon())));
}

#[test]
fn a_wish_takes_all_its_models_from_one_parent() {
    let parents = [
        granted(Provider::OpenAi, listed(&["a", "b"])),
        granted(Provider::OpenAi, listed(&["c"])),
        granted(Provider::Anthropic, Models::Any),
    ];
    let narrow = |asked: &[ModelAccess]| {
        let pairs = attenuate(&parents, asked, noon())?;
        Ok(pairs.into_iter().map(|(parent, _)| parent.account.clone()).collect::<Vec<_>>())
    };
    let accounts = |at: &[usize]| Ok(at.iter().map(|at| parents[*at].account.clone()).collect());
    assert_eq!(narrow(&[openai().models(["c"])]), accounts(&[1]));
    assert_eq!(narrow(&[openai().models(["b", "a"])]), accounts(&[0]));
    assert_eq!(narrow(&[ModelAccess::new(Provider::Anthropic)]), accounts(&[2]));
    let across = [openai().models(["a", "c"])];
    assert_eq!(narrow(&across), Err(TooWide::Models(Provider::OpenAi)));
    assert_eq!(narrow(&[openai()]), Err(TooWide::Ambiguous(Provider::OpenAi)));
    let google = [ModelAccess::new(Provider::Google)];
    assert_eq!(narrow(&google), Err(TooWide::Provider(Provider::Google)));
}

#[test]
fn children_of_one_parent_share_no_model() {
    let parents = [granted(Provider::OpenAi, Models::Any)];
    let narrow =
        |asked: &[ModelAccess]| attenuate(&parents, asked, noon()).map(|pairs| pairs.len());
    assert_eq!(narrow(&[openai().models(["a"]), openai().models(["b"])]), Ok(2));
    let overlap = Err(TooWide::Overlap(Provider::OpenAi));
    assert_eq!(narrow(&[openai().models(["a"]), openai().models(["a", "b"])]), overlap);
    assert_eq!(narrow(&[openai().models(["a"]), openai()]), overlap);
    assert_eq!(narrow(&[openai(), openai().models(["a"])]), overlap);
    assert_eq!(narrow(&[openai(), openai()]), overlap);
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const CAPABILITIES: [Capability; 3] =
    [Capability::Chat, Capability::Embeddings, Capability::Vision];

fn picked<T: Clone>(from: &[T], mask: u8) -> Vec<T> {
    let bits = from.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1);
    bits.map(|(_, one)| one.clone()).collect()
}

prop_compose! {
    fn limits()(
        caps in prop::array::uniform2(prop::option::of(0u64..4)),
        counts in prop::array::uniform3(prop::option::of(1u32..4)),
    ) -> Limits {
        let count = |at: usize| counts[at].and_then(Count::new);
        Limits {
            monthly_spend: caps[0].and_then(Money::from_micros),
            daily_spend: caps[1].and_then(Money::from_micros),
            requests_per_minute: count(0),
            requests_per_day: count(1),
            tokens_per_request: count(2),
        }
    }
}

prop_compose! {
    /// One or two objects of one provider, and perhaps one of another.
    fn parents()(
        split in 0u8..16, any: bool, second: bool, other: bool,
        capabilities in prop::array::uniform3(1u8..8),
        limits in prop::array::uniform3(limits()),
        ends in prop::array::uniform3(1i64..4),
    ) -> Vec<Allowed> {
        let models = [
            if any { Models::Any } else { listed(&picked(&NAMES, split)) },
            listed(&picked(&NAMES, !split & 15)),
            Models::Any,
        ];
        let providers = [Provider::OpenAi, Provider::OpenAi, Provider::Anthropic];
        let there = [true, second && !any, other];
        let all = providers.into_iter().zip(models).zip(there).enumerate();
        all.filter(|(_, ((_, models), there))| *there && *models != listed(&[]))
            .map(|(at, ((provider, models), _))| Allowed {
                capabilities: picked(&CAPABILITIES, capabilities[at]),
                limits: limits[at].clone(),
                expires: day(ends[at]),
                ..granted(provider, models)
            })
            .collect()
    }
}

prop_compose! {
    fn wish()(
        openai: bool, models in 0u8..16, capabilities in 0u8..8, limits in limits(),
        end in prop::option::of(0i64..5),
    ) -> ModelAccess {
        let provider = if openai { Provider::OpenAi } else { Provider::Anthropic };
        ModelAccess {
            expires: end.map(day),
            ..ModelAccess::new(provider)
                .models(picked(&NAMES, models))
                .capabilities(picked(&CAPABILITIES, capabilities))
                .limits(limits)
        }
    }
}

fn is_within(part: &Allowed, parent: &Allowed) -> bool {
    part.provider == parent.provider
        && part.models.is_subset(&parent.models)
        && part.capabilities.iter().all(|c| parent.capabilities.contains(c))
        && part.limits.within(&parent.limits)
        && part.expires <= parent.expires
        && part.account == parent.account
        && part.under == parent.under
}

/// What a wish has to be of the parent that holds it, in words of its own.
fn fits(wish: &ModelAccess, parent: &Allowed) -> bool {
    fn low<T: PartialOrd>(wish: Option<T>, cap: Option<T>) -> bool {
        !matches!((wish, cap), (Some(wish), Some(cap)) if wish > cap)
    }
    let (ours, theirs) = (&wish.limits, &parent.limits);
    wish.capabilities.iter().all(|c| parent.capabilities.contains(c))
        && wish.expires.is_none_or(|end| end <= parent.expires && end > noon())
        && low(ours.monthly_spend, theirs.monthly_spend)
        && low(ours.daily_spend, theirs.daily_spend)
        && low(ours.requests_per_minute, theirs.requests_per_minute)
        && low(ours.requests_per_day, theirs.requests_per_day)
        && low(ours.tokens_per_request, theirs.tokens_per_request)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Each part is within the parent beside it, and no call falls under two of them.
    #[test]
    fn a_narrowed_part_is_never_wider_than_its_parent(
        parents in parents(), wishes in prop::collection::vec(wish(), 1..4),
    ) {
        let Ok(narrowed) = attenuate(&parents, &wishes, noon()) else { return Ok(()) };
        prop_assert_eq!(narrowed.len(), wishes.len());
        for (at, (parent, part)) in narrowed.iter().enumerate() {
            prop_assert!(parents.contains(parent));
            prop_assert!(is_within(part, parent), "{:?} under {:?}", part, parent);
            for (_, earlier) in &narrowed[..at] {
                let same = earlier.provider == part.provider;
                prop_assert!(!(same && earlier.models.overlaps(&part.models)));
            }
        }
    }

    /// Whatever is a subset of exactly one parent is accepted, and nothing else.
    #[test]
    fn every_subset_is_accepted_and_nothing_else(parents in parents(), wish in wish()) {
        let of_provider = parents.iter().filter(|p| p.provider == wish.provider);
        let holding: Vec<_> = of_provider
            .filter(|p| wish.models.iter().all(|m| p.models.contains(m.as_str())))
            .collect();
        let expected = matches!(holding.as_slice(), [only] if fits(&wish, only));
        let narrowed = attenuate(&parents, std::slice::from_ref(&wish), noon());
        prop_assert_eq!(narrowed.is_ok(), expected, "{:?}", narrowed);
    }

    /// The same wish again changes nothing, and neither does a wish for all that there is.
    #[test]
    fn narrowing_twice_is_narrowing_once(
        parents in parents(), wishes in prop::collection::vec(wish(), 1..3),
    ) {
        let Ok(pairs) = attenuate(&parents, &wishes, noon()) else { return Ok(()) };
        let once: Vec<_> = pairs.into_iter().map(|(_, part)| part).collect();
        let again = |wishes: &[ModelAccess]| -> Option<Vec<Allowed>> {
            let pairs = attenuate(&once, wishes, noon()).ok()?;
            Some(pairs.into_iter().map(|(_, part)| part).collect())
        };
        // a wish without models may stand beside a sister now; it has to name them
        let named: Vec<_> = wishes
            .iter()
            .zip(&once)
            .map(|(wish, part)| {
                let models = part.models.listed().to_vec();
                ModelAccess { models, ..wish.clone() }
            })
            .collect();
        prop_assert_eq!(again(&named), Some(once.clone()));
        let all: Vec<_> = once
            .iter()
            .map(|part| ModelAccess {
                models: part.models.listed().to_vec(),
                capabilities: part.capabilities.clone(),
                limits: part.limits.clone(),
                expires: Some(part.expires),
                ..ModelAccess::new(part.provider.clone())
            })
            .collect();
        prop_assert_eq!(again(&all), Some(once.clone()));
    }
}

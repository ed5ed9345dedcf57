//! Several accounts in one call: counted in all of them or in none.

use okap_engine::{
    ledger::{Account, Chain, Denial, Hold, Used},
    pico::Pico,
    record::{Record, Share},
    refusal::{Limit, Refusal},
};
use okap_types::{Count, Limits, Money, Timestamp};
use proptest::prelude::*;

use crate::support::{at, cap, noon};

fn micros(amount: u64) -> Pico {
    Pico::from_micros(amount).unwrap()
}

fn chain(limits: &[Limits], accounts: impl IntoIterator<Item = Account>) -> Chain {
    let share =
        |limits: &Limits| Share { account: String::new(), limits: limits.clone(), until: None };
    Chain::new(&limits.iter().map(share).collect::<Vec<_>>(), accounts)
}

fn accounts(chain: &Chain) -> Vec<Account> {
    chain.accounts().cloned().collect()
}

fn used(chain: &Chain, now: Timestamp) -> Vec<Used> {
    chain.used(now).map(|(_, used)| used).collect()
}

fn months(chain: &Chain, now: Timestamp) -> Vec<Pico> {
    chain.used(now).map(|(_, used)| used.month).collect()
}

#[test]
fn v90_a_hold_counts_on_every_account() {
    let mut chain = chain(&[Limits::monthly(cap(5)), Limits::monthly(cap(10))], []);
    let hold = chain.hold(micros(4), noon()).unwrap();
    assert_eq!(months(&chain, noon()), [micros(4), micros(4)]);
    chain.settle(&hold, micros(3));
    assert_eq!(months(&chain, noon()), [micros(3), micros(3)]);
}

#[test]
fn a_cap_anywhere_refuses_and_then_nothing_is_counted() {
    let low = Limits::monthly(cap(5));
    let high = Limits::monthly(cap(10));
    for limits in [[low.clone(), high.clone()], [high.clone(), low.clone()]] {
        let mut chain = chain(&limits, []);
        let before = used(&chain, noon());
        let refused = chain.hold(micros(6), noon()).unwrap_err();
        assert!(matches!(
            refused,
            Denial::Refused(Refusal::SpendLimitExceeded { limit: Limit::Month, .. })
        ));
        assert_eq!(used(&chain, noon()), before);
        chain.hold(micros(5), noon()).unwrap();
    }
}

#[test]
fn the_least_that_any_account_has_left_is_left() {
    let spent = |amount| {
        let mut account = Account::default();
        account.hold(&Limits::default(), micros(amount), noon()).unwrap();
        account
    };
    let limits = [Limits::monthly(cap(10)), Limits::default(), Limits::daily(cap(8))];
    let left = |spends: [u64; 3]| chain(&limits, spends.map(spent)).money_left(noon());
    assert_eq!(left([1, 9, 1]), Ok(Some(micros(7))));
    assert_eq!(left([4, 0, 1]), Ok(Some(micros(6))));
    assert!(matches!(left([1, 0, 8]), Err(Refusal::SpendLimitExceeded { limit: Limit::Day, .. })));
    assert_eq!(chain(&[Limits::default()], []).money_left(noon()), Ok(None));
}

#[test]
fn money_is_capped_where_any_account_is_and_tokens_by_the_lowest() {
    let tokens = |n| Limits { tokens_per_request: Count::new(n), ..Limits::default() };
    let capped = chain(&[tokens(9), Limits::monthly(cap(1)), tokens(7)], []);
    assert!(capped.has_money());
    assert_eq!(capped.tokens_per_request(), Count::new(7));
    let open = chain(&[Limits::default().per_minute(1), Limits::default()], []);
    assert!(!open.has_money());
    assert_eq!(open.tokens_per_request(), None);
}

#[test]
fn a_rate_anywhere_refuses_and_asking_counts_nothing() {
    let limits = [Limits::default(), Limits::default().per_minute(2)];
    let mut chain = chain(&limits, []);
    for _ in 0..5 {
        assert_eq!(chain.fits_rates(noon()), Ok(()));
    }
    chain.hold(Pico::ZERO, noon()).unwrap();
    assert_eq!(chain.fits_rates(noon()), Ok(()));
    chain.hold(Pico::ZERO, noon()).unwrap();
    let refusal = Err(Refusal::RequestsPerMinute { most: 2, wait: 60 });
    assert_eq!(chain.fits_rates(noon()), refusal);
    assert_eq!(chain.hold(Pico::ZERO, noon()).map(drop).map_err(Refusal::from), refusal);
}

#[test]
fn no_call_goes_by_a_chain_without_a_link() {
    assert_eq!(chain(&[], []).hold(Pico::ZERO, noon()), Err(Refusal::VaultUnavailable.into()));
    chain(&[Limits::default()], []).hold(Pico::ZERO, noon()).unwrap();
}

#[test]
fn the_latest_moment_of_any_account_is_that_of_all() {
    let mut ahead = Account::default();
    ahead.hold(&Limits::default(), Pico::ZERO, at("2026-12-01T00:00:00Z")).unwrap();
    let mut behind = Account::default();
    behind.hold(&Limits::monthly(cap(5)), micros(5), noon()).unwrap();
    // the month of the first has turned, so that of the second has
    let limits = [Limits::default(), Limits::monthly(cap(5)).per_day(1)];
    let mut chain = chain(&limits, [ahead, behind]);
    assert_eq!(chain.money_left(noon()), Ok(Some(micros(5))));
    assert_eq!(chain.fits_rates(noon()), Ok(()));
    chain.hold(micros(5), noon()).unwrap();
    assert!(chain.money_left(noon()).is_err());
}

/// What can happen to a chain.
#[derive(Clone, Debug)]
enum Event {
    /// Through the chain from this link upwards.
    Hold(usize, u64),
    Settle(usize, u8),
    Wait(u32),
    StepBack(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0usize..3, 0u64..40).prop_map(|(from, amount)| Event::Hold(from, amount)),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(which, part)| Event::Settle(which, part)),
        3 => (0u32..90_000).prop_map(Event::Wait),
        1 => (0u32..40_000_000).prop_map(Event::Wait),
        1 => (0u32..7_200_000).prop_map(Event::StepBack),
    ]
}

prop_compose! {
    fn some_limits()(
        month in prop::option::of(20u64..200), day in prop::option::of(10u64..100),
        minute in prop::option::of(1u32..8), per_day in prop::option::of(1u32..30),
    ) -> Limits {
        Limits {
            monthly_spend: month.and_then(Money::from_micros),
            daily_spend: day.and_then(Money::from_micros),
            requests_per_minute: minute.and_then(Count::new),
            requests_per_day: per_day.and_then(Count::new),
            tokens_per_request: None,
        }
    }
}

fn later(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_unix_millis(now.unix_millis() + ms)
}

fn within(limits: &Limits, used: &Used) -> bool {
    let money = |cap: Option<Money>, used: Pico| cap.is_none_or(|cap| used <= micros(cap.micros()));
    let count = |cap: Option<Count>, used: u32| cap.is_none_or(|cap| used <= cap.get());
    money(limits.monthly_spend, used.month)
        && money(limits.daily_spend, used.day)
        && count(limits.requests_per_minute, used.minute_requests)
        && count(limits.requests_per_day, used.day_requests)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Three accounts, calls through one, two or all of them: all or nothing, under every cap, in
    /// step with what each account alone would say, and settling gives back what was held.
    #[test]
    fn a_call_counts_everywhere_or_nowhere_and_passes_no_cap(
        limits in prop::array::uniform3(some_limits()),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut all = [Account::default(), Account::default(), Account::default()];
        let mut open: Vec<(usize, Hold)> = Vec::new();
        let mut now = noon();
        for event in events {
            match event {
                Event::Wait(ms) => now = later(now, i64::from(ms)),
                Event::StepBack(ms) => now = later(now, -i64::from(ms)),
                Event::Settle(which, part) if !open.is_empty() => {
                    let (from, hold) = open.remove(which % open.len());
                    let mut chain = chain(&limits[from..], all[from..].iter().cloned());
                    let cost = Pico::new(hold.amount.get() * u64::from(part) / 255);
                    let before = used(&chain, now);
                    chain.settle(&hold, cost);
                    let back = hold.amount.saturating_sub(cost);
                    for (before, (_, after)) in before.iter().zip(chain.used(now)) {
                        let money = [(before.month, after.month), (before.day, after.day)];
                        for (before, after) in money {
                            prop_assert!(after == before || after.saturating_add(back) == before);
                        }
                        prop_assert_eq!(before.day_requests, after.day_requests);
                    }
                    all[from..].clone_from_slice(&accounts(&chain));
                }
                Event::Settle(..) => {}
                Event::Hold(from, amount) => {
                    let mut chain = chain(&limits[from..], all[from..].iter().cloned());
                    let amount = micros(amount);
                    let before = used(&chain, now);
                    // each account by itself, at the one moment that counts
                    let moment = probe_moment(&mut chain.clone(), now);
                    let alone = |pick: fn(&Limits) -> Limits, amount: Pico| {
                        limits[from..].iter().zip(&all[from..]).all(|(limits, account)| {
                            account.clone().hold(&pick(limits), amount, moment).is_ok()
                        })
                    };
                    let rates = |limits: &Limits| {
                        Limits { monthly_spend: None, daily_spend: None, ..limits.clone() }
                    };
                    let fits = alone(Limits::clone, amount);
                    prop_assert_eq!(chain.fits_rates(now).is_ok(), alone(rates, Pico::ZERO));
                    let left = chain.money_left(now);
                    if alone(rates, Pico::ZERO) {
                        let affordable = match &left {
                            Ok(left) => left.is_none_or(|left| amount <= left),
                            Err(_) => amount == Pico::ZERO,
                        };
                        // where a cap was passed before by none, what is left pays for what fits
                        prop_assert_eq!(affordable, fits, "{:?} {:?}", left, amount);
                    }
                    let held = chain.hold(amount, now);
                    prop_assert_eq!(held.is_ok(), fits, "{:?}", held);
                    all[from..].clone_from_slice(&accounts(&chain));
                    let after = used(&chain, now);
                    match held {
                        Err(_) => prop_assert_eq!(after, before),
                        Ok(hold) => {
                            for (before, after) in before.iter().zip(&after) {
                                prop_assert_eq!(before.month.saturating_add(amount), after.month);
                                prop_assert_eq!(before.day_requests + 1, after.day_requests);
                            }
                            for (limits, after) in limits[from..].iter().zip(&after) {
                                prop_assert!(within(limits, after));
                            }
                            open.push((from, hold));
                        }
                    }
                }
            }
        }
    }

    /// One link is an account.
    #[test]
    fn a_chain_of_one_link_is_the_plain_account(
        limits in some_limits(), events in prop::collection::vec(event(), 1..80),
    ) {
        let mut account = Account::default();
        let mut one = chain(std::slice::from_ref(&limits), []);
        let mut open: Vec<Hold> = Vec::new();
        let mut now = noon();
        for event in events {
            match event {
                Event::Wait(ms) => now = later(now, i64::from(ms)),
                Event::StepBack(ms) => now = later(now, -i64::from(ms)),
                Event::Settle(which, part) if !open.is_empty() => {
                    let hold = open.remove(which % open.len());
                    let cost = Pico::new(hold.amount.get() * u64::from(part) / 255);
                    account.settle(&hold, cost);
                    one.settle(&hold, cost);
                }
                Event::Settle(..) => {}
                Event::Hold(_, amount) => {
                    prop_assert_eq!(one.money_left(now), account.money_left(&limits, now));
                    let held = account.hold(&limits, micros(amount), now);
                    prop_assert_eq!(one.hold(micros(amount), now).map_err(Refusal::from), held.clone());
                    open.extend(held);
                }
            }
            prop_assert_eq!(one.used(now).next().unwrap().1, account.used(now));
        }
    }
}

/// The moment that a chain counts a call at.
fn probe_moment(chain: &mut Chain, now: Timestamp) -> Timestamp {
    let free = vec![Limits::default(); chain.accounts().count()];
    let mut free = self::chain(&free, accounts(chain));
    free.hold(Pico::ZERO, now).unwrap().admitted
}

#[test]
fn counters_of_what_was_handed_on_are_kept_for_a_while_and_those_of_an_app_for_good() {
    let until = Some(noon().plus_seconds(86_400));
    let share = |until| Share { account: String::new(), limits: Limits::default(), until };
    let mut chain = Chain::new(&[share(until), share(None)], []);
    chain.hold(Pico::default(), noon()).unwrap();
    let kept: Vec<_> = chain.accounts().map(Record::forget_after).collect();
    assert_eq!(kept, [until, None]);
}

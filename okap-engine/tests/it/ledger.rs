use okap_engine::{
    ledger::{Account, Hold},
    pico::Pico,
    refusal::{Limit, Refusal},
};
use okap_types::{Limits, Money, Timestamp};
use proptest::prelude::*;

use crate::support::{at, noon};

fn micros(amount: u64) -> Pico {
    Pico::from_micros(amount).unwrap()
}

fn cap(amount: u64) -> Money {
    Money::from_micros(amount).unwrap()
}

#[test]
fn ten_holds_fit_a_cap_of_ten_and_the_eleventh_does_not() {
    let mut account = Account::default();
    let limits = Limits::monthly(cap(100));
    for _ in 0..10 {
        account.hold(&limits, micros(10), noon()).unwrap();
    }
    let refused = account.hold(&limits, micros(1), noon()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "monthly spend limit of 0.0001 USD does not cover this call: 0.0001 USD used or held; resets \
         2026-12-01T00:00:00Z, or ask the user for more",
    );
}

#[test]
fn what_was_held_and_not_spent_comes_back() {
    let mut account = Account::default();
    let limits = Limits::monthly(cap(10));
    let hold = account.hold(&limits, micros(10), noon()).unwrap();
    assert!(account.hold(&limits, micros(1), noon()).is_err());
    account.settle(&hold, micros(4));
    account.hold(&limits, micros(6), noon()).unwrap();
    assert!(account.hold(&limits, micros(1), noon()).is_err());
}

#[test]
fn a_cap_of_zero_is_no_paid_use() {
    let mut account = Account::default();
    assert!(account.hold(&Limits::monthly(Money::ZERO), Pico::new(1), noon()).is_err());
    assert!(account.money_left(&Limits::monthly(Money::ZERO), noon()).is_err());
    assert_eq!(account.money_left(&Limits::default(), noon()), Ok(None));
}

#[test]
fn a_cap_lowered_below_what_is_spent_refuses_the_next_call() {
    let mut account = Account::default();
    let hold = account.hold(&Limits::monthly(cap(10)), micros(10), noon()).unwrap();
    account.settle(&hold, micros(10));
    let refused = account.hold(&Limits::monthly(cap(5)), micros(1), noon());
    assert!(matches!(refused, Err(Refusal::SpendLimitExceeded { limit: Limit::Month, .. })));
    account.hold(&Limits::monthly(cap(11)), micros(1), noon()).unwrap();
}

#[test]
fn windows_turn_at_utc_borders() {
    let mut account = Account::default();
    let limits = Limits { daily_spend: Some(cap(10)), ..Limits::monthly(cap(15)) };
    let late = at("2026-12-31T23:59:59.999Z");
    account.hold(&limits, micros(10), late).unwrap();
    assert!(matches!(
        account.hold(&limits, micros(1), late),
        Err(Refusal::SpendLimitExceeded { limit: Limit::Day, .. })
    ));
    account.hold(&limits, micros(10), at("2027-01-01T00:00:00Z")).unwrap();
}

#[test]
fn a_call_that_ends_tomorrow_counts_yesterday() {
    let mut account = Account::default();
    let limits = Limits::daily(cap(10));
    let hold = account.hold(&limits, micros(10), at("2026-11-23T23:59:59Z")).unwrap();
    account.hold(&limits, micros(10), at("2026-11-24T00:00:01Z")).unwrap();
    account.settle(&hold, micros(10));
    let tomorrow = account.used(at("2026-11-24T00:00:02Z"));
    assert_eq!(tomorrow.day, micros(10));
}

#[test]
fn a_clock_that_steps_back_reopens_no_window() {
    let mut account = Account::default();
    let limits =
        Limits { daily_spend: Some(cap(10)), ..Limits::default().per_day(1).per_minute(1) };
    account.hold(&limits, micros(10), at("2026-12-01T00:00:30Z")).unwrap();
    for earlier in ["2026-11-30T23:59:00Z", "2026-11-01T00:00:00Z", "1971-01-01"] {
        assert!(account.hold(&limits, Pico::default(), at(earlier)).is_err(), "{earlier}");
    }
    account.hold(&limits, micros(10), at("2026-12-02T00:00:31Z")).unwrap();
}

#[test]
fn a_minute_is_any_sixty_seconds_and_the_wait_is_true() {
    let mut account = Account::default();
    let limits = Limits::default().per_minute(2);
    let second = |s: i64| noon().plus_seconds(s);
    account.hold(&limits, Pico::default(), second(0)).unwrap();
    account.hold(&limits, Pico::default(), second(50)).unwrap();
    let refused = account.hold(&limits, Pico::default(), second(55)).unwrap_err();
    assert_eq!(refused, Refusal::RequestsPerMinute { most: 2, wait: 5 });
    account.hold(&limits, Pico::default(), second(60)).unwrap();
    let refused = account.hold(&limits, Pico::default(), second(61)).unwrap_err();
    assert_eq!(refused, Refusal::RequestsPerMinute { most: 2, wait: 49 });
}

#[test]
fn refused_calls_count_for_nothing() {
    let mut account = Account::default();
    let limits = Limits { monthly_spend: Some(cap(10)), ..Limits::default().per_day(2) };
    account.hold(&limits, micros(5), noon()).unwrap();
    for _ in 0..5 {
        assert!(account.hold(&limits, micros(6), noon()).is_err());
    }
    assert_eq!(account.used(noon()).day_requests, 1);
    account.hold(&limits, micros(5), noon()).unwrap();
    assert!(matches!(
        account.hold(&limits, Pico::default(), noon()),
        Err(Refusal::RequestsPerDay { most: 2, .. })
    ));
}

/// What can happen to an account.
#[derive(Clone, Debug)]
enum Event {
    Hold(u64),
    /// Settles one of the open holds to a part of it.
    Settle(usize, u8),
    /// A crash: one of the open holds is never settled.
    Lose(usize),
    Wait(u32),
    StepBack(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0u64..40).prop_map(Event::Hold),
        4 => (any::<usize>(), any::<u8>()).prop_map(|(which, part)| Event::Settle(which, part)),
        1 => any::<usize>().prop_map(Event::Lose),
        3 => (0u32..90_000).prop_map(Event::Wait),
        1 => (0u32..40_000_000).prop_map(Event::Wait),
        1 => (0u32..7_200_000).prop_map(Event::StepBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The law: what providers bill for admitted calls stays within every cap, whatever happens;
    /// and its converse: what fits is not refused.
    #[test]
    fn no_cap_is_passed_and_nothing_that_fits_is_refused(
        events in prop::collection::vec(event(), 1..120),
        monthly in 20u64..200, daily in 10u64..100, per_minute in 1u32..8, per_day in 1u32..30,
    ) {
        let limits = Limits {
            monthly_spend: Some(cap(monthly)),
            daily_spend: Some(cap(daily)),
            ..Limits::default().per_minute(per_minute).per_day(per_day)
        };
        let mut account = Account::default();
        let mut open: Vec<Hold> = Vec::new();
        // what the providers could bill at most, by the moment of admission; a lost hold stays
        let mut billed: Vec<(Timestamp, u64)> = Vec::new();
        let mut admitted: Vec<i64> = Vec::new();
        let (mut wall, mut latest) = (noon().unix_millis(), 0);
        for event in events {
            match event {
                Event::Wait(ms) => wall += i64::from(ms),
                Event::StepBack(ms) => wall -= i64::from(ms),
                Event::Settle(which, part) if !open.is_empty() => {
                    let hold = open.remove(which % open.len());
                    let cost = hold.amount.get() * u64::from(part) / 255;
                    account.settle(&hold, Pico::new(cost));
                    let entry = billed.iter_mut().find(|(at, amount)| {
                        *at == hold.admitted && *amount == hold.amount.get()
                    });
                    entry.unwrap().1 = cost;
                }
                Event::Lose(which) if !open.is_empty() => {
                    open.remove(which % open.len());
                }
                Event::Settle(..) | Event::Lose(_) => {}
                Event::Hold(amount) => {
                    latest = latest.max(wall);
                    let now = Timestamp::from_unix_millis(latest);
                    let amount = micros(amount);
                    let same = |a: Timestamp, months: bool| {
                        let (a, b) = (a.utc(), now.utc());
                        if months { (a.year(), a.month()) == (b.year(), b.month()) } else { a.date() == b.date() }
                    };
                    let sum = |months| billed.iter().filter(|(at, _)| same(*at, months)).map(|(_, c)| c).sum::<u64>();
                    let fits = sum(true) + amount.get() <= micros(monthly).get()
                        && sum(false) + amount.get() <= micros(daily).get()
                        && admitted.iter().filter(|at| **at + 60_000 > latest).count() < per_minute as usize
                        && admitted.iter().filter(|at| same(Timestamp::from_unix_millis(**at), false)).count() < per_day as usize;
                    let held = account.hold(&limits, amount, Timestamp::from_unix_millis(wall));
                    prop_assert_eq!(held.is_ok(), fits, "{:?}", held);
                    if let Ok(hold) = held {
                        billed.push((hold.admitted, amount.get()));
                        admitted.push(hold.admitted.unix_millis());
                        open.push(hold);
                    }
                }
            }
        }
    }
}

//! Several nodes count in one account: no cap is passed, and one node alone refuses nothing that fits.

use okap_engine::{
    ledger::{Account, Ahead, Chain, Denial, Hold, Leased, Renewal, Want},
    pico::Pico,
    record::Share,
    refusal::Refusal,
};
use okap_types::{Limits, Money, Timestamp};
use proptest::prelude::*;

use crate::support::noon;

fn micros(amount: u64) -> Pico {
    Pico::from_micros(amount).unwrap()
}

fn monthly(amount: u64) -> Limits {
    Limits::monthly(Money::from_micros(amount).unwrap())
}

fn later(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_unix_millis(now.unix_millis() + ms)
}

/// One account in a store, and the numbers of renewals.
#[derive(Default)]
struct Store(Account, std::cell::Cell<u64>);

impl Store {
    fn serial(&self) -> u64 {
        self.1.set(self.1.get() + 1);
        self.1.get()
    }

    fn renew(
        &mut self,
        node: &mut Leased,
        limits: &Limits,
        amount: u64,
        ahead: Ahead,
        now: Timestamp,
    ) {
        let requests = u32::from(amount > 0);
        let want = Want { limits, amount: micros(amount), requests, ahead };
        let renewal = node.renew(&self.0, &want, self.serial(), now);
        self.0 = renewal.stored.clone();
        node.renewed(renewal);
    }

    fn give_back(&mut self, node: &mut Leased, limits: &Limits, now: Timestamp) {
        self.renew(node, limits, 0, Ahead::None, now);
    }
}

/// Counts a call on a node, by its lease alone.
fn hold(node: &mut Leased, limits: &Limits, amount: u64, now: Timestamp) -> Result<Hold, Denial> {
    let share = Share { account: String::new(), limits: limits.clone(), until: None };
    let mut chain = Chain::leased(&[share], [std::mem::take(node)]);
    let held = chain.hold(micros(amount), now);
    *node = chain.into_leased().next().unwrap();
    held
}

#[test]
fn a_call_needs_a_lease_and_the_calls_behind_it_do_not() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(10_000));
    assert_eq!(hold(&mut node, &limits, 10, noon()), Err(Denial::Uncovered(micros(10))));
    store.renew(&mut node, &limits, 10, Ahead::Some, noon());
    for _ in 0..17 {
        hold(&mut node, &limits, 10, noon()).unwrap();
    }
    assert_eq!(hold(&mut node, &limits, 10, noon()), Err(Denial::Uncovered(micros(10))));
}

#[test]
fn with_nothing_ahead_each_hold_is_in_the_store_first() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(1000));
    for held in 1..=3 {
        assert_eq!(hold(&mut node, &limits, 10, noon()), Err(Denial::Uncovered(micros(10))));
        store.renew(&mut node, &limits, 10, Ahead::None, noon());
        assert_eq!(store.0.used(noon()).month, micros(10 * held));
        hold(&mut node, &limits, 10, noon()).unwrap();
    }
}

#[test]
fn a_lease_goes_down_to_the_last_of_what_is_left() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(100));
    for _ in 0..10 {
        if hold(&mut node, &limits, 10, noon()).is_err() {
            store.renew(&mut node, &limits, 10, Ahead::Some, noon());
            hold(&mut node, &limits, 10, noon()).unwrap();
        }
    }
    let refused = hold(&mut node, &limits, 1, noon());
    assert!(matches!(refused, Err(Denial::Refused(Refusal::SpendLimitExceeded { .. }))));
}

#[test]
fn what_is_settled_is_in_the_account_once_the_lease_is_given_back() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(1000));
    store.renew(&mut node, &limits, 100, Ahead::Some, noon());
    let one = hold(&mut node, &limits, 100, noon()).unwrap();
    node.settle(&one, micros(7));
    assert_eq!(node.used(noon()).month, micros(7));
    store.give_back(&mut node, &limits, noon());
    assert_eq!(store.0.used(noon()).month, micros(7));
    assert!(node.is_idle());
    assert_eq!(node.used(noon()).month, micros(7));
    assert_eq!(store.0.used(noon()).day_requests, 1);
}

#[test]
fn two_nodes_share_what_is_left_and_what_one_gives_back_the_other_may_take() {
    let (mut store, limits) = (Store::default(), monthly(100));
    let (mut one, mut two) = (Leased::new(1), Leased::new(2));
    store.renew(&mut one, &limits, 60, Ahead::None, noon());
    let held = hold(&mut one, &limits, 60, noon()).unwrap();
    store.renew(&mut two, &limits, 60, Ahead::None, noon());
    let refused = hold(&mut two, &limits, 60, noon());
    assert!(matches!(refused, Err(Denial::Refused(_))), "{refused:?}");
    assert!(two.is_shared());
    one.settle(&held, micros(10));
    store.give_back(&mut one, &limits, noon());
    store.renew(&mut two, &limits, 60, Ahead::None, noon());
    hold(&mut two, &limits, 60, noon()).unwrap();
}

#[test]
fn the_lease_of_a_node_that_is_gone_counts_as_used() {
    let (mut store, limits) = (Store::default(), monthly(100));
    let (mut gone, mut other) = (Leased::new(1), Leased::new(2));
    store.renew(&mut gone, &limits, 60, Ahead::None, noon());
    let soon = later(noon(), 60_000);
    store.renew(&mut other, &limits, 60, Ahead::Some, soon);
    assert!(!other.is_shared());
    assert!(matches!(hold(&mut other, &limits, 60, soon), Err(Denial::Refused(_))));
    hold(&mut other, &limits, 40, soon).unwrap();
    // and its month ends with it
    let next = later(noon(), 31 * 86_400_000);
    store.renew(&mut other, &limits, 60, Ahead::None, next);
    hold(&mut other, &limits, 60, next).unwrap();
}

#[test]
fn a_node_stops_by_itself_before_others_take_its_lease_in() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(100));
    store.renew(&mut node, &limits, 10, Ahead::Some, noon());
    hold(&mut node, &limits, 1, later(noon(), 6_000)).unwrap();
    assert!(matches!(hold(&mut node, &limits, 1, later(noon(), 7_000)), Err(Denial::Uncovered(_))));
    assert!(node.grows_old(later(noon(), 6_000)));
}

#[test]
fn a_write_whose_answer_got_lost_counts_once() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(1000));
    store.renew(&mut node, &limits, 100, Ahead::Some, noon());
    let one = hold(&mut node, &limits, 100, noon()).unwrap();
    node.settle(&one, micros(30));
    let want = Want { limits: &limits, amount: Pico::ZERO, requests: 0, ahead: Ahead::None };
    // written, and the node does not hear of it
    store.0 = node.renew(&store.0, &want, store.serial(), noon()).stored;
    store.give_back(&mut node, &limits, noon());
    assert_eq!(store.0.used(noon()).month, micros(30));
    assert_eq!(node.used(noon()).month, micros(30));
}

/// An app hangs up while a renewal is on its way: the next one is made before the first lands.
#[test]
fn a_renewal_that_lands_late_is_not_taken_for_the_one_behind_it() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(100_000));
    store.renew(&mut node, &limits, 10_000, Ahead::Some, noon());
    let one = hold(&mut node, &limits, 10_000, noon()).unwrap();
    node.settle(&one, micros(10_000));
    let want = Want { limits: &limits, amount: Pico::ZERO, requests: 0, ahead: Ahead::Some };
    let late = node.renew(&store.0, &want, store.serial(), noon());
    // meanwhile another call is made under what is left of the lease
    let other = hold(&mut node, &limits, 5_000, noon());
    let settled = other.is_ok_and(|other| {
        node.settle(&other, micros(5_000));
        true
    });
    let behind = node.renew(&store.0, &want, store.serial(), noon());
    store.0 = late.stored;
    // the second conflicts, and is made again
    drop(behind);
    store.give_back(&mut node, &limits, noon());
    let spent = if settled { 15_000 } else { 10_000 };
    assert_eq!(store.0.used(noon()).month, micros(spent));
    assert_eq!(node.used(noon()).month, micros(spent));
    assert_eq!(store.0.used(noon()).day_requests, if settled { 2 } else { 1 });
}

/// What was written and not heard of is heard of a minute later: what has aged here meanwhile is not
/// handed over in place of what came behind it.
#[test]
fn requests_behind_a_renewal_that_was_heard_of_late_still_count() {
    let limits = Limits::default().per_minute(10);
    let (mut store, mut node) = (Store::default(), Leased::new(1));
    store.renew(&mut node, &limits, 1, Ahead::Some, noon());
    hold(&mut node, &limits, 0, noon()).unwrap();
    hold(&mut node, &limits, 0, noon()).unwrap();
    let want = Want { limits: &limits, amount: Pico::ZERO, requests: 1, ahead: Ahead::Some };
    // written, and the node does not hear of it
    store.0 = node.renew(&store.0, &want, store.serial(), noon()).stored;
    let soon = later(noon(), 6_000);
    hold(&mut node, &limits, 0, soon).unwrap();
    hold(&mut node, &limits, 0, soon).unwrap();
    // a call that comes while the store does not answer turns the minute over
    let late = later(noon(), 62_000);
    assert!(matches!(hold(&mut node, &limits, 0, late), Err(Denial::Uncovered(_))));
    assert_eq!(node.used(late).minute_requests, 2);
    store.give_back(&mut node, &limits, late);
    assert_eq!(store.0.used(late).minute_requests, 2);
}

/// A node that is cut off has its lease taken in; what it spent of that stands there already.
#[test]
fn what_was_taken_in_is_counted_once() {
    let (mut store, limits) = (Store::default(), monthly(100_000));
    let (mut cut_off, mut other) = (Leased::new(1), Leased::new(2));
    store.renew(&mut cut_off, &limits, 20_000, Ahead::None, noon());
    let one = hold(&mut cut_off, &limits, 20_000, noon()).unwrap();
    cut_off.settle(&one, micros(10_000));
    let soon = later(noon(), 60_000);
    store.renew(&mut other, &limits, 1, Ahead::None, soon);
    store.give_back(&mut other, &limits, soon);
    assert_eq!(store.0.used(soon).month, micros(20_000));
    for _ in 0..3 {
        store.give_back(&mut cut_off, &limits, soon);
        assert_eq!(store.0.used(soon).month, micros(20_000));
    }
    assert_eq!(store.0.used(soon).day_requests, 1);
}

/// The same, with a call under way: it is in what was taken in, whatever it costs in the end.
#[test]
fn a_call_under_way_whose_lease_was_taken_in_is_counted_once() {
    let (mut store, limits) = (Store::default(), monthly(100));
    let (mut cut_off, mut other) = (Leased::new(1), Leased::new(2));
    store.renew(&mut cut_off, &limits, 60, Ahead::None, noon());
    let long = hold(&mut cut_off, &limits, 60, noon()).unwrap();
    let soon = later(noon(), 60_000);
    store.renew(&mut other, &limits, 1, Ahead::None, soon);
    store.give_back(&mut other, &limits, soon);
    // it is back, and its call goes on
    store.renew(&mut cut_off, &limits, 30, Ahead::None, soon);
    assert_eq!(store.0.used(soon).month, micros(90));
    let short = hold(&mut cut_off, &limits, 30, soon).unwrap();
    cut_off.settle(&long, micros(50));
    cut_off.settle(&short, micros(20));
    store.give_back(&mut cut_off, &limits, soon);
    assert_eq!(store.0.used(soon).month, micros(60 + 20));
    assert!(cut_off.is_idle());
}

/// Two grants of one app count in one account, each under its own cap.
#[test]
fn a_lower_cap_takes_no_lease_away_from_calls_under_a_higher_one() {
    let (mut store, high, low) = (Store::default(), monthly(10_000), monthly(5_000));
    let (mut one, mut two) = (Leased::new(1), Leased::new(2));
    store.renew(&mut one, &high, 8_000, Ahead::None, noon());
    hold(&mut one, &high, 8_000, noon()).unwrap();
    // whoever renews by the lower cap sees to it that the holds under the higher one stay covered
    store.renew(&mut one, &low, 1_000, Ahead::None, noon());
    assert!(matches!(hold(&mut one, &low, 1_000, noon()), Err(Denial::Refused(_))));
    store.renew(&mut two, &high, 8_000, Ahead::None, noon());
    assert!(matches!(hold(&mut two, &high, 2_001, noon()), Err(Denial::Refused(_))));
    hold(&mut two, &high, 2_000, noon()).unwrap();
}

#[test]
fn what_others_see_of_a_node_is_read_anew_where_it_has_written_since() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(1000));
    store.renew(&mut node, &limits, 100, Ahead::None, noon());
    let before = store.0.clone();
    let one = hold(&mut node, &limits, 100, noon()).unwrap();
    node.settle(&one, micros(30));
    assert_eq!(node.with(&before).unwrap().used(noon()).month, micros(30));
    store.renew(&mut node, &limits, 1, Ahead::None, noon());
    assert!(node.with(&before).is_none());
    assert_eq!(node.with(&store.0).unwrap().used(noon()).month, micros(30));
}

#[test]
fn a_call_that_is_taken_back_was_never_counted() {
    let (mut store, mut node) = (Store::default(), Leased::new(1));
    let limits = monthly(1000).per_minute(2).per_day(2);
    let share = Share { account: String::new(), limits: limits.clone(), until: None };
    for ms in 0..10 {
        let now = later(noon(), ms);
        store.renew(&mut node, &limits, 10, Ahead::Some, now);
        let mut chain = Chain::leased(std::slice::from_ref(&share), [std::mem::take(&mut node)]);
        let held = chain.hold(micros(10), now).unwrap();
        chain.take_back(&held);
        node = chain.into_leased().next().unwrap();
        let used = node.used(now);
        assert_eq!((used.month, used.day_requests, used.minute_requests), (Pico::ZERO, 0, 0));
    }
}

#[derive(Clone, Debug)]
enum Event {
    /// A call of a node, under the higher or the lower cap.
    Call(usize, u64, bool),
    Settle(usize, u8),
    /// Prepares a renewal, taken ahead or not, under the higher or the lower cap; another event
    /// writes it, or it is lost.
    Prepare(usize, u64, bool, bool),
    /// Writes one of the renewals that were prepared, if nobody wrote in between. The node may not
    /// hear of it, and never hears of one that another came behind.
    Write(usize, usize, bool),
    GiveBack(usize),
    Crash(usize),
    Wait(u32),
    StepBack(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..3usize, 0..40u64, any::<bool>()).prop_map(|(n, a, h)| Event::Call(n, a, h)),
        4 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(i, p)| Event::Settle(i.index(64), p)),
        4 => (0..3usize, 1..40u64, any::<bool>(), any::<bool>())
            .prop_map(|(n, a, b, h)| Event::Prepare(n, a, b, h)),
        4 => (0..3usize, prop_oneof![3 => Just(0usize), 1 => 1..3usize], prop::bool::weighted(0.8))
            .prop_map(|(n, w, h)| Event::Write(n, w, h)),
        1 => (0..3usize).prop_map(Event::GiveBack),
        1 => (0..3usize).prop_map(Event::Crash),
        3 => (0..9_000u32).prop_map(Event::Wait),
        1 => (0..20_000u32).prop_map(Event::StepBack),
    ]
}

/// A call as a provider bills it: when it left, and at most how much.
#[derive(Clone, Copy, Debug)]
struct Billed {
    month: u8,
    day: i64,
    left: i64,
    bill: u64,
    /// Whether it went under the lower cap.
    low: bool,
}

struct Call {
    node: usize,
    life: u32,
    hold: Hold,
    billed: usize,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever happens in whatever order: the law.
    #[test]
    fn no_cap_is_passed_by_three_nodes_that_crash_and_lose_answers(
        events in prop::collection::vec(event(), 1..250),
        cap in 1..400u64, part in 1..=10u64, per_day in 1..60u32, per_minute in 1..20u32, start in 0..3u8,
    ) {
        let lower = (cap * part / 10).max(1);
        let [high, low] = [cap, lower].map(|cap| monthly(cap).per_minute(per_minute).per_day(per_day));
        let limits = |is_low: bool| if is_low { &low } else { &high };
        let mut serials = 0u64;
        let mut serial = || {
            serials += 1;
            serials
        };
        let mut store = (0u64, Account::default());
        let mut nodes = [Leased::new(1), Leased::new(2), Leased::new(3)];
        let mut lives = [0u32; 3];
        let mut next = 10;
        let mut prepared: [Vec<(u64, Renewal)>; 3] = Default::default();
        let mut calls: Vec<Call> = Vec::new();
        let mut billed: Vec<Billed> = Vec::new();
        // shortly before a minute, a day or a month ends
        let mut now = later(noon(), [0, 12 * 3_600_000 - 30_000, 15 * 86_400_000 + 12 * 3_600_000 - 30_000][usize::from(start)]);
        for event in events {
            match event {
                Event::Wait(ms) => now = later(now, ms.into()),
                Event::StepBack(ms) => now = later(now, -i64::from(ms)),
                Event::Call(n, amount, is_low) => {
                    if let Ok(held) = hold(&mut nodes[n], limits(is_low), amount, now) {
                        let date = held.admitted.utc();
                        billed.push(Billed {
                            month: date.month().into(),
                            day: held.admitted.unix_millis() / 86_400_000,
                            left: held.admitted.unix_millis() + i64::from(held.pause),
                            // until it is settled the provider may bill all of it
                            bill: held.amount.get(),
                            low: is_low,
                        });
                        let billed = billed.len() - 1;
                        calls.push(Call { node: n, life: lives[n], hold: held, billed });
                    }
                }
                Event::Settle(which, part) if !calls.is_empty() => {
                    let call = calls.remove(which % calls.len());
                    if call.life == lives[call.node] {
                        let cost = call.hold.amount.get() / 255 * u64::from(part);
                        nodes[call.node].settle(&call.hold, Pico::new(cost));
                        billed[call.billed].bill = cost;
                    }
                }
                Event::Settle(..) => {}
                Event::Prepare(n, amount, ahead, is_low) => {
                    let ahead = if ahead { Ahead::Some } else { Ahead::None };
                    let want = Want { limits: limits(is_low), amount: micros(amount), requests: 1, ahead };
                    let renewal = nodes[n].renew(&store.1, &want, serial(), now);
                    prepared[n].insert(0, (store.0, renewal));
                }
                Event::GiveBack(n) => {
                    let want = Want { limits: &high, amount: Pico::ZERO, requests: 0, ahead: Ahead::None };
                    let renewal = nodes[n].renew(&store.1, &want, serial(), now);
                    prepared[n].insert(0, (store.0, renewal));
                }
                Event::Write(n, which, heard) if which < prepared[n].len() => {
                    let (version, renewal) = prepared[n].remove(which);
                    if version == store.0 {
                        store = (version + 1, renewal.stored.clone());
                        if heard && which == 0 {
                            nodes[n].renewed(renewal);
                        }
                    }
                }
                Event::Write(..) => {}
                Event::Crash(n) => {
                    nodes[n] = Leased::new(next);
                    next += 1;
                    lives[n] += 1;
                    prepared[n].clear();
                }
            }
            for month in billed.iter().map(|b| b.month).collect::<std::collections::BTreeSet<_>>() {
                let of = |low: bool| {
                    let of = billed.iter().filter(|b| b.month == month && (b.low || !low));
                    of.map(|b| b.bill).sum::<u64>()
                };
                prop_assert!(of(false) <= micros(cap).get(), "{} in month {month}", of(false));
                prop_assert!(of(true) <= micros(lower).get(), "{} in month {month}", of(true));
            }
            let Some(last) = billed.last() else { continue };
            let day = billed.iter().filter(|b| b.day == last.day).count();
            prop_assert!(day <= per_day as usize, "{day} requests in a day");
            let minute = billed.iter().filter(|b| b.left > last.left - 60_000 && b.left <= last.left);
            prop_assert!(minute.count() <= per_minute as usize);
        }
    }

    /// The converse, on one node whose store answers: what fits is let through.
    #[test]
    fn one_node_refuses_nothing_that_fits(
        events in prop::collection::vec(event(), 1..250),
        cap in 1..400u64, per_day in 1..60u32, strict in any::<bool>(),
    ) {
        let limits = monthly(cap).per_day(per_day);
        let ahead = if strict { Ahead::None } else { Ahead::Some };
        let mut store = Store::default();
        let mut node = Leased::new(1);
        // the same account, counted without any lease
        let mut plain = Account::default();
        let mut open: Vec<(Hold, Hold)> = Vec::new();
        let mut now = noon();
        for event in events {
            match event {
                // the clock of a process never steps back
                Event::Wait(ms) | Event::StepBack(ms) => now = later(now, ms.into()),
                Event::Call(_, amount, _) | Event::Prepare(_, amount, ..) => {
                    let mut held = hold(&mut node, &limits, amount, now);
                    if matches!(held, Err(Denial::Uncovered(_))) {
                        let want = Want { limits: &limits, amount: micros(amount), requests: 1, ahead };
                        let renewal = node.renew(&store.0, &want, store.serial(), now);
                        store.0 = renewal.stored.clone();
                        node.renewed(renewal);
                        held = hold(&mut node, &limits, amount, now);
                    }
                    let wanted = plain.hold(&limits, micros(amount), now);
                    prop_assert_eq!(held.clone().map_err(Refusal::from), wanted.clone());
                    if let (Ok(held), Ok(wanted)) = (held, wanted) {
                        open.push((held, wanted));
                    }
                }
                Event::Settle(which, part) if !open.is_empty() => {
                    let (held, wanted) = open.remove(which % open.len());
                    let cost = Pico::new(held.amount.get() / 255 * u64::from(part));
                    node.settle(&held, cost);
                    plain.settle(&wanted, cost);
                }
                Event::GiveBack(_) | Event::Write(..) => store.give_back(&mut node, &limits, now),
                Event::Settle(..) | Event::Crash(_) => {}
            }
            prop_assert_eq!(node.used(now).month, plain.used(now).month);
            prop_assert_eq!(node.used(now).minute_requests, plain.used(now).minute_requests);
        }
    }

    /// Nor does it let one too many out in any 60 s, or refuse one that fits: also where thousands
    /// are allowed and neighbours share a moment.
    #[test]
    fn a_rate_is_kept_by_when_calls_leave(
        gaps in prop::collection::vec(0i64..400, 200..1200), most in 1u32..600, burst in 0i64..60_000,
    ) {
        let limits = Limits::default().per_minute(most);
        let (mut store, mut node) = (Store::default(), Leased::new(1));
        let mut now = noon();
        let mut left: Vec<i64> = Vec::new();
        for (n, gap) in gaps.into_iter().enumerate() {
            now = later(now, if n == 100 { burst } else { gap });
            let mut held = hold(&mut node, &limits, 0, now);
            if matches!(held, Err(Denial::Uncovered(_))) {
                let want = Want { limits: &limits, amount: Pico::ZERO, requests: 1, ahead: Ahead::Some };
                let renewal = node.renew(&store.0, &want, store.serial(), now);
                store.0 = renewal.stored.clone();
                node.renewed(renewal);
                held = hold(&mut node, &limits, 0, now);
            }
            match held {
                Ok(hold) => {
                    let leaves = now.unix_millis() + i64::from(hold.pause);
                    prop_assert!(hold.pause <= 1000);
                    left.push(leaves);
                    // a provider hears of each up to 400 ms late, and still of no more
                    let wide = left.iter().filter(|l| **l > leaves - 60_400 && **l <= leaves);
                    prop_assert!(wide.count() <= most as usize);
                }
                Err(Denial::Refused(_)) => {
                    let now = now.unix_millis();
                    let counted = left.iter().filter(|l| **l > now - 60_000).count();
                    prop_assert!(counted >= most as usize, "{counted} of {most}");
                }
                Err(other) => prop_assert!(false, "a lease was there: {other:?}"),
            }
        }
    }
}

//! The law, over any order of calls, renewals, crashes and lost answers.

use okap_engine::{
    ledger::{Account, Ahead, Denial, Hold, Leased, Renewal, Want},
    pico::Pico,
    refusal::Refusal,
};
use okap_types::Limits;
use proptest::prelude::*;

use super::{Store, calls_ahead, hold, later, micros, monthly};
use crate::support::noon;

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
                    let ahead = if ahead { calls_ahead(amount) } else { Ahead::None };
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

//! What a node shows of an account, read at whatever time.

use okap_engine::ledger::{Account, Ahead, Hold, Leased, Want};
use okap_types::Limits;
use proptest::prelude::*;

use super::{hold, later, micros, monthly};
use crate::support::noon;

#[derive(Clone, Debug)]
enum Event {
    Call(usize, u64),
    /// Ends a call at a part of what was held.
    Settle(usize, u64),
    Renew(usize, u64),
    GiveBack(usize),
    /// A node that knows many accounts forgets this one, if it is idle.
    Forget(usize),
    Wait(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..2usize, 1..40u64).prop_map(|(n, a)| Event::Call(n, a)),
        4 => (0..64usize, 0..=4u64).prop_map(|(i, part)| Event::Settle(i, part)),
        2 => (0..2usize, 1..40u64).prop_map(|(n, a)| Event::Renew(n, a)),
        4 => (0..2usize).prop_map(Event::GiveBack),
        1 => (0..2usize).prop_map(Event::Forget),
        2 => (0..9_000i64).prop_map(Event::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// No less than it has counted and others have written, however old what was read; just that where
    /// no other wrote. What was read just now is shown, but to a node that counts in a lease that was
    /// taken in.
    #[test]
    fn a_node_shows_no_less_than_was_used_and_alone_no_more(
        events in prop::collection::vec(event(), 1..80), capped in any::<bool>(),
    ) {
        let limits = if capped { monthly(1_000_000) } else { Limits::default() };
        let (mut store, mut serial, mut now) = (Account::default(), 0u64, noon());
        let mut nodes = [Leased::new(1), Leased::new(2)];
        let mut calls: Vec<(usize, Hold, u64)> = Vec::new();
        // what each has counted since it last began, and what of it is written
        let (mut counted, mut written) = ([0u64; 2], [0u64; 2]);
        let mut writers: Vec<usize> = Vec::new();
        // read since each last began, the latest last
        let mut read = [vec![store.clone()], vec![store.clone()]];
        for event in events {
            let wrote = match event {
                Event::Call(n, amount) => {
                    if let Ok(held) = hold(&mut nodes[n], &limits, amount, now) {
                        calls.push((n, held, amount));
                        counted[n] += amount;
                    }
                    None
                }
                Event::Settle(i, part) if !calls.is_empty() => {
                    let (n, held, amount) = calls.swap_remove(i % calls.len());
                    let cost = amount * part / 4;
                    nodes[n].settle(&held, micros(cost));
                    counted[n] -= amount - cost;
                    None
                }
                Event::Renew(n, amount) => Some((n, amount, 1)),
                Event::GiveBack(n) => Some((n, 0, 0)),
                Event::Forget(n) => {
                    if nodes[n].is_idle() && calls.iter().all(|call| call.0 != n) {
                        nodes[n] = Leased::new(n as u64 + 1);
                        read[n] = vec![store.clone()];
                    }
                    None
                }
                Event::Wait(ms) => {
                    now = later(now, ms);
                    None
                }
                Event::Settle(..) => None,
            };
            if let Some((n, amount, requests)) = wrote {
                serial += 1;
                if !writers.contains(&n) {
                    writers.push(n);
                }
                let want = Want { limits: &limits, amount: micros(amount), requests, ahead: Ahead::None };
                let renewal = nodes[n].renew(&store, &want, serial, now);
                store = renewal.stored.clone();
                nodes[n].renewed(renewal);
                written[n] = counted[n] - calls.iter().filter(|c| c.0 == n).map(|c| c.2).sum::<u64>();
                read.iter_mut().for_each(|read| read.push(store.clone()));
            }
            for (n, node) in nodes.iter().enumerate() {
                for (age, read) in read[n].iter().rev().enumerate() {
                    let Some(seen) = node.with(read) else {
                        prop_assert!(age > 0 || !node.is_idle(), "node {n} shows nothing");
                        continue;
                    };
                    let others = if age == 0 { written[1 - n] } else { 0 };
                    let used = seen.used(now).month;
                    prop_assert!(used >= micros(counted[n] + others), "node {n} at {age}: {used:?}");
                    let alone = writers == [n];
                    prop_assert!(!alone || used == micros(counted[n]), "node {n} alone: {used:?}");
                }
            }
        }
    }
}

//! Several nodes count in one account: no cap is passed, and one node alone refuses nothing that fits.

mod delegated;
mod law;
mod seen;

use okap_engine::{
    ledger::{Account, Ahead, Chain, Denial, Hold, Leased, Want},
    pico::Pico,
    record::Share,
    refusal::Refusal,
};
use okap_types::{Limits, Money, Timestamp};

use crate::support::noon;

fn micros(amount: u64) -> Pico {
    Pico::from_micros(amount).unwrap()
}

fn monthly(amount: u64) -> Limits {
    Limits::monthly(Money::from_micros(amount).unwrap())
}

/// For calls that come slowly or fast.
fn calls_ahead(amount: u64) -> Ahead {
    Ahead::Calls(u32::try_from(amount % 7 * 20).unwrap())
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
fn a_lease_goes_as_far_ahead_as_calls_come_fast_and_at_most_a_sixteenth_of_what_is_free() {
    for (fast, fit) in [(3, 17), (50, 51), (1000, 63)] {
        let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(10_000));
        store.renew(&mut node, &limits, 10, Ahead::Calls(fast), noon());
        for _ in 0..fit {
            assert!(!node.runs_low(&limits, micros(10), 1));
            hold(&mut node, &limits, 10, noon()).unwrap();
        }
        assert!(node.runs_low(&limits, micros(10), 1), "{fast}");
        assert_eq!(hold(&mut node, &limits, 10, noon()), Err(Denial::Uncovered(micros(10))));
    }
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
fn what_was_read_before_a_lease_was_given_back_is_read_anew() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), monthly(1000));
    store.renew(&mut node, &limits, 100, Ahead::None, noon());
    let before = store.0.clone();
    let one = hold(&mut node, &limits, 100, noon()).unwrap();
    node.settle(&one, micros(30));
    store.give_back(&mut node, &limits, noon());
    // what the lease covered would be missing
    assert!(node.with(&before).is_none());
    assert_eq!(node.with(&store.0).unwrap().used(noon()).month, micros(30));
}

/// Without a cap a node counts calls that no lease covers.
#[test]
fn what_was_read_before_uncapped_calls_were_written_is_read_anew() {
    let (mut store, mut node, limits) = (Store::default(), Leased::new(1), Limits::default());
    for written in 0..3 {
        let one = hold(&mut node, &limits, 100, noon()).unwrap();
        node.settle(&one, micros(30));
        let before = store.0.clone();
        let used = micros(30 * (written + 1));
        assert_eq!(node.with(&before).unwrap().used(noon()).month, used);
        store.give_back(&mut node, &limits, noon());
        assert!(node.is_idle() && node.with(&before).is_none(), "written {written}");
        assert_eq!(node.with(&store.0).unwrap().used(noon()).month, used);
    }
}

#[test]
fn an_idle_node_whose_lease_another_has_taken_in_sees_the_account_as_it_is() {
    let (mut store, limits) = (Store::default(), monthly(1000));
    let (mut node, mut other) = (Leased::new(1), Leased::new(2));
    store.renew(&mut node, &limits, 100, Ahead::None, noon());
    store.give_back(&mut node, &limits, noon());
    let soon = later(noon(), 11_000);
    store.renew(&mut other, &limits, 50, Ahead::None, soon);
    let one = hold(&mut other, &limits, 50, soon).unwrap();
    other.settle(&one, micros(20));
    store.give_back(&mut other, &limits, soon);
    assert_eq!(node.with(&store.0).unwrap().used(soon).month, micros(20));
}

/// A node knows so many accounts and forgets those that are idle; its empty lease stands on.
#[test]
fn a_node_that_has_forgotten_an_account_sees_it_as_it_is() {
    for limits in [Limits::default(), monthly(1000)] {
        let (mut store, mut node) = (Store::default(), Leased::new(1));
        store.renew(&mut node, &limits, 100, Ahead::None, noon());
        let one = hold(&mut node, &limits, 100, noon()).unwrap();
        node.settle(&one, micros(30));
        store.give_back(&mut node, &limits, noon());
        assert!(node.is_idle());
        let mut node = Leased::new(1);
        assert_eq!(node.with(&store.0).unwrap().used(noon()).month, micros(30));
        // and not as it was before it was counted in again
        let before = store.0.clone();
        store.renew(&mut node, &limits, 100, Ahead::None, noon());
        assert!(node.with(&before).is_none());
        assert_eq!(node.with(&store.0).unwrap().used(noon()).month, node.used(noon()).month);
    }
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

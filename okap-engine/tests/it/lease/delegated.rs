//! The law for delegated access: a call counts on its own account and on the one above, or on neither.

use std::collections::BTreeSet;

use okap_engine::{
    ledger::{Account, Ahead, Chain, Denial, Hold, Leased, Renewal, Want},
    pico::Pico,
    record::Share,
};
use okap_types::{Limits, Money, Timestamp};
use proptest::prelude::*;

use super::{calls_ahead, later, micros};
use crate::support::noon;

const NODES: usize = 3;
/// The account above, and those of two grants that were handed on from it.
const ABOVE: usize = 0;
const ACCOUNTS: usize = 3;

#[derive(Clone, Debug)]
enum Event {
    /// A call of a node by one of the grants below; leases that do not cover it are renewed.
    Call {
        node: usize,
        below: usize,
        amount: u64,
    },
    Settle {
        which: usize,
        part: u8,
    },
    /// Prepares a renewal; another event writes it, or it is lost.
    Prepare {
        node: usize,
        account: usize,
        amount: u64,
        ahead: bool,
    },
    /// Writes one that was prepared, the latest first. The node may not hear of it.
    Write {
        node: usize,
        account: usize,
        which: usize,
        heard: bool,
    },
    Crash(usize),
    Wait(u32),
    /// The clock of a node is so many milliseconds off from here on.
    Step(usize, i32),
}

fn event() -> impl Strategy<Value = Event> {
    let (node, account) = (0..NODES, 0..ACCOUNTS);
    prop_oneof![
        8 => (node.clone(), 1..ACCOUNTS, 0..40u64)
            .prop_map(|(node, below, amount)| Event::Call { node, below, amount }),
        4 => (0..64usize, any::<u8>()).prop_map(|(which, part)| Event::Settle { which, part }),
        6 => (node.clone(), account.clone(), 0..40u64, any::<bool>()).prop_map(
            |(node, account, amount, ahead)| Event::Prepare { node, account, amount, ahead }),
        6 => (node.clone(), account, prop_oneof![4 => Just(0usize), 1 => 1..3usize], any::<bool>())
            .prop_map(|(node, account, which, heard)| Event::Write { node, account, which, heard }),
        1 => node.clone().prop_map(Event::Crash),
        3 => (0..2_500u32).prop_map(Event::Wait),
        1 => (2_500..64_000u32).prop_map(Event::Wait),
        1 => (node, -1_500..1_500i32).prop_map(|(node, ms)| Event::Step(node, ms)),
    ]
}

/// A call that has left, and what the provider bills for it.
struct Billed {
    below: usize,
    month: u8,
    day: i64,
    left: i64,
    bill: u64,
}

struct Running {
    node: usize,
    /// How often its node had crashed.
    life: u32,
    below: usize,
    hold: Hold,
    billed: usize,
}

/// The store, three nodes before it, and the provider behind them.
struct World {
    limits: [Limits; ACCOUNTS],
    store: [(u64, Account); ACCOUNTS],
    nodes: [[Leased; ACCOUNTS]; NODES],
    lives: [u32; NODES],
    offset: [i64; NODES],
    prepared: [[Vec<(u64, Renewal)>; ACCOUNTS]; NODES],
    running: Vec<Running>,
    billed: Vec<Billed>,
    now: Timestamp,
    /// The last serial and the last name of a node that were given out.
    given: u64,
}

fn node(name: u64) -> [Leased; ACCOUNTS] {
    std::array::from_fn(|_| Leased::new(name))
}

impl World {
    fn new(limits: [Limits; ACCOUNTS], now: Timestamp) -> Self {
        Self {
            limits,
            store: Default::default(),
            nodes: [node(1), node(2), node(3)],
            lives: [0; NODES],
            offset: [0; NODES],
            prepared: Default::default(),
            running: Vec::new(),
            billed: Vec::new(),
            now,
            given: 3,
        }
    }

    fn at(&self, node: usize) -> Timestamp {
        later(self.now, self.offset[node])
    }

    fn next(&mut self) -> u64 {
        self.given += 1;
        self.given
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Call { node, below, amount } => self.call(node, below, amount),
            Event::Settle { which, part } if !self.running.is_empty() => {
                let call = self.running.remove(which % self.running.len());
                if call.life == self.lives[call.node] {
                    let cost = call.hold.amount.get() / 255 * u64::from(part);
                    for account in [call.below, ABOVE] {
                        self.nodes[call.node][account].settle(&call.hold, Pico::new(cost));
                    }
                    self.billed[call.billed].bill = cost;
                }
            }
            Event::Prepare { node, account, amount, ahead } => {
                let ahead = if ahead { calls_ahead(amount) } else { Ahead::None };
                self.prepare(node, account, amount, ahead);
            }
            Event::Write { node, account, which, heard } => self.write(node, account, which, heard),
            Event::Crash(crashed) => {
                self.nodes[crashed] = node(self.next());
                self.lives[crashed] += 1;
                self.prepared[crashed] = Default::default();
            }
            Event::Wait(ms) => self.now = later(self.now, ms.into()),
            Event::Step(node, ms) => self.offset[node] = ms.into(),
            Event::Settle { .. } => {}
        }
    }

    fn prepare(&mut self, node: usize, account: usize, amount: u64, ahead: Ahead) {
        let (serial, now) = (self.next(), self.at(node));
        let requests = u32::from(amount > 0);
        let limits = &self.limits[account];
        let want = Want { limits, amount: micros(amount), requests, ahead };
        let (version, stored) = &self.store[account];
        let renewal = self.nodes[node][account].renew(stored, &want, serial, now);
        self.prepared[node][account].insert(0, (*version, renewal));
    }

    fn write(&mut self, node: usize, account: usize, which: usize, heard: bool) {
        if which >= self.prepared[node][account].len() {
            return;
        }
        let (version, renewal) = self.prepared[node][account].remove(which);
        if version == self.store[account].0 {
            self.store[account] = (version + 1, renewal.stored.clone());
            if heard && which == 0 {
                self.nodes[node][account].renewed(renewal);
            }
        }
    }

    /// Lets a call out if its leases cover it, or once they were renewed.
    fn call(&mut self, node: usize, below: usize, amount: u64) {
        let mut held = self.hold(node, below, amount);
        if matches!(held, Err(Denial::Uncovered(_))) {
            for account in [ABOVE, below] {
                self.prepare(node, account, amount.max(1), Ahead::Some);
                self.write(node, account, 0, true);
            }
            held = self.hold(node, below, amount);
        }
        let Ok(hold) = held else { return };
        let admitted = hold.admitted.unix_millis();
        self.billed.push(Billed {
            below,
            month: hold.admitted.utc().month().into(),
            day: admitted.div_euclid(86_400_000),
            left: admitted + i64::from(hold.pause),
            bill: hold.amount.get(),
        });
        let (life, billed) = (self.lives[node], self.billed.len() - 1);
        self.running.push(Running { node, life, below, hold, billed });
    }

    fn hold(&mut self, node: usize, below: usize, amount: u64) -> Result<Hold, Denial> {
        let accounts = [below, ABOVE];
        let share = |account: usize| Share {
            account: String::new(),
            limits: self.limits[account].clone(),
            until: None,
        };
        let leased = accounts.map(|account| std::mem::take(&mut self.nodes[node][account]));
        let mut chain = Chain::leased(&accounts.map(share), leased);
        let held = chain.hold(micros(amount), self.at(node));
        for (account, leased) in accounts.into_iter().zip(chain.into_leased()) {
            self.nodes[node][account] = leased;
        }
        held
    }

    /// The calls that count in an account.
    fn of(&self, account: usize) -> impl Iterator<Item = &Billed> {
        self.billed.iter().filter(move |call| account == ABOVE || call.below == account)
    }

    fn holds(&self) -> Result<(), TestCaseError> {
        let bill =
            |calls: &mut dyn Iterator<Item = &Billed>| calls.map(|call| call.bill).sum::<u64>();
        for (account, limits) in self.limits.iter().enumerate() {
            let cap = |cap: Option<Money>| cap.map_or(u64::MAX, |cap| micros(cap.micros()).get());
            let (month, day) = (cap(limits.monthly_spend), cap(limits.daily_spend));
            for of in self.of(account).map(|call| call.month).collect::<BTreeSet<_>>() {
                let spent = bill(&mut self.of(account).filter(|call| call.month == of));
                prop_assert!(spent <= month, "{spent} in a month of account {account}");
            }
            for of in self.of(account).map(|call| call.day).collect::<BTreeSet<_>>() {
                let spent = bill(&mut self.of(account).filter(|call| call.day == of));
                prop_assert!(spent <= day, "{spent} in a day of account {account}");
            }
            let most = limits.requests_per_minute.map_or(usize::MAX, |most| most.get() as usize);
            if let Some(last) = self.of(account).map(|call| call.left).max() {
                let within = |call: &&Billed| call.left > last - 60_000;
                let made = self.of(account).filter(within).count();
                prop_assert!(made <= most, "{made} requests in a minute of account {account}");
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_cap_is_passed_below_or_above(
        events in prop::collection::vec(event(), 1..300),
        cap in 20..400u64, (day, below) in (1..=10u64, 1..=10u64),
        (rate, rate_below) in (2..20u32, 1..20u32), late in 0..3usize,
    ) {
        let usd = |micros: u64| Money::from_micros(micros.max(1)).unwrap();
        let mut above = Limits::monthly(usd(cap)).per_minute(rate);
        above.daily_spend = Some(usd(cap * day / 10));
        let handed_on = Limits::monthly(usd(cap * below / 10)).per_minute(rate_below);
        // at noon, shortly before midnight, shortly before a month ends
        let midnight = 12 * 3_600_000 - 30_000;
        let start = later(noon(), [0, midnight, 7 * 86_400_000 + midnight][late]);
        let mut world = World::new([above, handed_on.clone(), handed_on], start);
        for event in events {
            world.happens(event);
            world.holds()?;
        }
    }
}

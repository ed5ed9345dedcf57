//! Takes each step twice, by the engine over a store and by the specification, and compares.

mod calls;
mod steps;
mod wire;

use std::collections::BTreeSet;

use okap_engine::{ledger::Hold, record::Allowed};
use okap_types::{
    GrantId,
    token::{AccessToken, ContinuationToken, DeviceCode, RefreshToken},
};
use proptest::{prelude::*, test_runner::TestCaseError};

use self::wire::{KEYS, narrower, same};
use super::{
    op::{How, Key, Op, Slip, Tweak, Until, Wish},
    spec::{Ask, Part, Spec, within},
};
use crate::host::{Host, Standing};

type Checked<T = ()> = Result<T, TestCaseError>;

/// Secrets stand in the order in which the specification numbers what they stand for.
pub(super) struct World {
    host: Host,
    spec: Spec,
    requests: Vec<String>,
    grants: Vec<GrantId>,
    codes: Vec<String>,
    devices: Vec<DeviceCode>,
    continuations: Vec<ContinuationToken>,
    refreshes: Vec<RefreshToken>,
    tokens: Vec<(AccessToken, Option<Standing>)>,
    /// As of which rewrite the tokens' standings were read, and how many.
    read: (u64, usize),
    open_calls: Vec<(usize, Allowed, Hold)>,
    /// What gave its one answer.
    spent: BTreeSet<String>,
}

/// A step's answer in a word.
type Outcome = String;

fn told(op: &str, answer: Result<&str, &str>) -> Outcome {
    format!("{op}: {}", answer.unwrap_or_else(|code| code))
}

impl World {
    pub(super) fn new() -> Self {
        let host = Host::new();
        let spec = Spec::new(host.now.unix_millis());
        Self {
            host,
            spec,
            requests: Vec::new(),
            grants: Vec::new(),
            codes: Vec::new(),
            devices: Vec::new(),
            continuations: Vec::new(),
            refreshes: Vec::new(),
            tokens: Vec::new(),
            read: (0, 0),
            open_calls: Vec::new(),
            spent: BTreeSet::new(),
        }
    }

    pub(super) fn step(&mut self, op: &Op) -> Checked<Outcome> {
        let outcome = self.take(op)?;
        self.check()?;
        Ok(outcome)
    }

    fn take(&mut self, op: &Op) -> Checked<Outcome> {
        const NOTHING: &str = "nothing there";
        let from =
            |which: u8, all: usize| (all > 0).then(|| all - 1 - usize::from(which) % all.max(1));
        match op {
            Op::Begin { how, published, bound, objects, tweaks, until } => {
                let opened = self.open(*how, *published, *bound, objects)?;
                match until {
                    Until::Asked => Ok(opened),
                    _ if opened != "open: ok" => Ok(opened),
                    _ => self.go_on(*how, tweaks, *until),
                }
            }
            Op::Open { how, published, bound, objects } => {
                self.open(*how, *published, *bound, objects)
            }
            Op::Decide { which, stale, denied, tweaks } => {
                match from(*which, self.requests.len()) {
                    Some(which) => self.decide(which, *stale, *denied, tweaks),
                    None => Ok(NOTHING.into()),
                }
            }
            Op::Redeem { which, slip, key, wish } => match from(*which, self.codes.len()) {
                Some(which) => self.redeem(which, *slip, *key, wish),
                None => Ok(NOTHING.into()),
            },
            Op::Poll { which, slip, key, wish } => match from(*which, self.devices.len()) {
                Some(which) => self.poll(which, *slip, *key, wish),
                None => Ok(NOTHING.into()),
            },
            Op::Polls { which, gaps } => match from(*which, self.devices.len()) {
                Some(which) => self.polls(which, gaps),
                None => Ok(NOTHING.into()),
            },
            Op::Fetch { which } => match from(*which, self.continuations.len()) {
                Some(which) => self.fetch(which),
                None => Ok(NOTHING.into()),
            },
            Op::Refresh { which, slip, key, wish } => match from(*which, self.refreshes.len()) {
                Some(which) => self.refresh(which, *slip, *key, wish),
                None => Ok(NOTHING.into()),
            },
            Op::Exchange { which, slip, key, delegate_key, wish } => {
                match from(*which, self.tokens.len()) {
                    Some(which) => self.exchange(which, *slip, *key, *delegate_key, wish),
                    None => Ok(NOTHING.into()),
                }
            }
            Op::HandOn { which, times } => match from(*which, self.tokens.len()) {
                Some(which) => self.hand_on(which, *times),
                None => Ok(NOTHING.into()),
            },
            Op::Revoke { which } => match from(*which, self.grants.len()) {
                Some(which) => self.revoke(which),
                None => Ok(NOTHING.into()),
            },
            Op::RevokeByToken { which } => match from(*which, self.tokens.len()) {
                Some(which) => self.revoke(self.spec.tokens[which].grant),
                None => Ok(NOTHING.into()),
            },
            Op::Use { which, aim, amount } => match from(*which, self.tokens.len()) {
                Some(which) => self.call(which, *aim, *amount),
                None => Ok(NOTHING.into()),
            },
            Op::Settle { which, part } => match from(*which, self.open_calls.len()) {
                Some(which) => self.settle(which, *part),
                None => Ok(NOTHING.into()),
            },
            Op::Wait(seconds) => Ok(self.turn_clock(*seconds)),
            Op::StepBack(seconds) => Ok(self.turn_clock(-seconds)),
            Op::Sweep => {
                self.host.store.sweep(self.host.now);
                self.spec.sweep();
                Ok("sweep".into())
            }
        }
    }

    fn turn_clock(&mut self, seconds: i64) -> Outcome {
        self.host.wait(seconds);
        self.spec.now = self.host.now.unix_millis();
        "time".into()
    }

    /// Decides the latest request and takes what it gives.
    fn go_on(&mut self, how: How, tweaks: &[Option<Tweak>], until: Until) -> Checked<Outcome> {
        let (latest, denied) = (self.requests.len() - 1, until == Until::Denied);
        let decided = self.decide(latest, false, denied, tweaks)?;
        self.check()?;
        match how {
            _ if until != Until::Taken || decided != "decide: ok" => Ok(decided),
            How::Pushed => self.redeem(self.codes.len() - 1, Slip::None, Key::Right, &None),
            How::Device => self.poll(self.devices.len() - 1, Slip::None, Key::Right, &None),
            How::Direct => self.fetch(self.continuations.len() - 1),
        }
    }

    /// What has to be true after every step, of every token there is.
    fn check(&mut self) -> Checked {
        let rewrites = self.host.store.rewrites;
        let known = if self.read.0 == rewrites { self.read.1 } else { 0 };
        self.read = (rewrites, self.tokens.len());
        for (number, (token, standing)) in self.tokens.iter_mut().enumerate() {
            if number >= known {
                *standing = self.host.standing(token);
                let model = &self.spec.tokens[number];
                if let Some(standing) = standing {
                    same(standing.allows(), &model.parts)?;
                    let key = model.key.map(|key| KEYS[usize::from(key)]);
                    prop_assert_eq!(standing.access.key.as_deref(), key);
                }
                // never wider than any grant above, up to what the user approved
                for above in self.spec.above(model.grant) {
                    for part in &model.parts {
                        let held = above.iter().any(|wider| within(part, wider));
                        prop_assert!(held, "token {}: {:?} is not in {:?}", number, part, above);
                    }
                }
            }
            let alive = match standing {
                None => Err("invalid_token"),
                Some(standing) => standing.alive(self.host.now).map_err(|e| e.code().as_str()),
            };
            prop_assert_eq!(alive, self.spec.alive(number), "whether token {} is alive", number);
        }
        Ok(())
    }

    fn wish(&self, wish: &Wish, parts: &[Part]) -> Option<Vec<Ask>> {
        let now = self.spec.now;
        let tweaks = wish.as_ref().filter(|_| !parts.is_empty())?;
        Some(tweaks.iter().map(|tweak| narrower(parts, tweak, now)).collect())
    }
}

//! Takes each step twice, by the engine over a store and by the specification, and compares.

use std::{collections::BTreeSet, sync::OnceLock};

use okap_engine::{
    admit::{allowed, parts},
    client::Client,
    flow::{DecideError, Decision, Exchange, Fetched, Issued, Poll, Redeem, Renew},
    ledger::Hold,
    narrow::Approved,
    pico::Pico,
    provider::{Call, Operation},
    record::{Allowed, App},
};
use okap_types::{
    Capability, ClientDocument, Count, GrantId, Limits, ModelAccess, ModelId, Models, Money,
    Provider, Timestamp,
    oauth::LOCAL_CLIENT,
    token::{AccessToken, ContinuationToken, DeviceCode, RefreshToken},
};
use proptest::{prelude::*, test_runner::TestCaseError};

use super::{
    op::{Aim, How, Key, Object, Op, Slip, Tweak, Until, Wild, Wish},
    spec::{ANY, Ask, Caps, Given, Left, Part, Spec, With, within},
};
use crate::{
    host::{Host, OTHER_VERIFIER, REDIRECT, Standing, VERIFIER, code_of},
    support::{document, local, stranger},
};

const OTHER_CLIENT: &str = "https://other.example/okap.json";
const KEYS: [&str; 4] = ["", "right key", "own key", "other key"];
const MODELS: [&str; 5] = ["a", "b", "c", "d", "e"];
const CAPABILITIES: [Capability; 3] =
    [Capability::Chat, Capability::Embeddings, Capability::Vision];

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
            Op::Begin { how, published, bound, object, until } => {
                let opened = self.open(*how, *published, *bound, std::slice::from_ref(object))?;
                if opened == "open: ok" { self.go_on(*how, *until) } else { Ok(opened) }
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
    fn go_on(&mut self, how: How, until: Until) -> Checked<Outcome> {
        let (latest, denied) = (self.requests.len() - 1, until == Until::Denied);
        let decided = self.decide(latest, false, denied, &[Some(Tweak::all())])?;
        self.check()?;
        match how {
            _ if until != Until::Taken => Ok(decided),
            How::Pushed => self.redeem(self.codes.len() - 1, Slip::None, Key::Right, &None),
            How::Device => self.poll(self.devices.len() - 1, Slip::None, Key::Right, &None),
            How::Direct => self.fetch(self.continuations.len() - 1),
        }
    }

    fn open(
        &mut self,
        how: How,
        published: bool,
        bound: bool,
        objects: &[Object],
    ) -> Checked<Outcome> {
        let asked: Vec<_> = objects.iter().map(|object| ask(object, self.spec.now)).collect();
        let wire: Vec<_> = asked.iter().map(access).collect();
        let (number, app) = app(how, published);
        let key = (bound && how == How::Pushed).then_some(1);
        let opened = match how {
            How::Pushed => self.host.push(app, &wire, key.map(|key| KEYS[key])).map(|id| {
                self.requests.push(id);
            }),
            How::Device => self.host.device(app, &wire).map(|(id, code)| {
                self.requests.push(id);
                self.devices.push(code);
            }),
            How::Direct => self.host.direct(app, &wire).map(|(id, token)| {
                self.requests.push(id);
                self.continuations.push(token);
            }),
        };
        let opened = opened.map_err(|code| code.as_str());
        let expected = self.spec.open(how, number, key.map(|_| 1), &asked);
        prop_assert_eq!(opened, expected, "opening {:?}", asked);
        Ok(told("open", expected.map(|()| "ok")))
    }

    fn decide(
        &mut self,
        which: usize,
        stale: bool,
        denied: bool,
        tweaks: &[Option<Tweak>],
    ) -> Checked<Outcome> {
        let now = self.spec.now;
        let asked = &self.spec.requests[which].asked;
        let left: Vec<_> = asked
            .iter()
            .zip(tweaks)
            .map(|(ask, tweak)| tweak.as_ref().map(|tweak| left(ask, tweak, now)))
            .collect();
        let parts = left.iter().map(|left| left.as_ref().map(approved)).collect();
        let decision = if denied { Decision::Deny } else { Decision::Approve(parts) };
        let page = stale.then_some("another page");
        let decided = match self.host.decide(&self.requests[which], page, &decision) {
            None => Err("gone"),
            Some(Err(DecideError::Expired)) => Err("expired"),
            Some(Err(DecideError::AlreadyDecided)) => Err("decided"),
            Some(Err(DecideError::NotShown)) => Err("not shown"),
            Some(Err(_)) => Err("unfit"),
            Some(Ok(decided)) => Ok(decided),
        };
        let expected = self.spec.decide(which, stale, (!denied).then_some(left.as_slice()));
        let answer = decided.as_ref().map(drop).map_err(|code| *code);
        prop_assert_eq!(answer, expected.map(drop), "deciding {:?} as {:?}", which, left);
        let Ok(decided) = decided else { return Ok(told("decide", answer.map(|()| ""))) };
        prop_assert_eq!(decided.grant.is_none(), denied);
        if expected == Ok(true) {
            self.codes.push(code_of(&decided));
        }
        if let Some(grant) = decided.grant {
            same(&grant.access, self.spec.parts(self.grants.len()))?;
            self.grants.push(grant.id);
        }
        Ok(told("decide", Ok(if denied { "denied" } else { "ok" })))
    }

    fn redeem(&mut self, which: usize, slip: Slip, key: Key, wish: &Wish) -> Checked<Outcome> {
        let (grant, bound) = self.spec.code_of(which);
        let key = proven(key, bound);
        let asks = self.wish(wish, self.spec.parts(grant));
        let wire = wire(asks.as_deref());
        let with = Redeem {
            client_id: client(slip, self.spec.app(grant)),
            redirect_uri: match slip {
                Slip::OtherRedirect => "http://127.0.0.1:51004/other",
                _ => REDIRECT,
            },
            verifier: match slip {
                Slip::NoVerifier => None,
                Slip::OtherVerifier => Some(OTHER_VERIFIER),
                Slip::ShortVerifier => Some(&VERIFIER[1..]),
                _ => Some(VERIFIER),
            },
            key: key.map(|key| KEYS[usize::from(key)]),
            narrower: wire.as_deref(),
        };
        let code = self.codes[which].clone();
        let issued = self.host.redeem(&code, &with).map_err(|code| code.as_str());
        let expected = self.spec.redeem(which, With { slip, key }, asks.as_deref());
        if issued.is_ok() {
            prop_assert!(self.spent.insert(code), "code {} was redeemed twice", which);
        }
        self.answered("redeem", issued, expected)
    }

    fn poll(&mut self, which: usize, slip: Slip, key: Key, wish: &Wish) -> Checked<Outcome> {
        let (app, grant) = self.spec.device_of(which);
        let key = proven(key, None);
        let slip = if slip == Slip::OtherClient { slip } else { Slip::None };
        let asks = self.wish(wish, grant.map_or(&[], |grant| self.spec.parts(grant)));
        let wire = wire(asks.as_deref());
        let key_text = key.map(|key| KEYS[usize::from(key)]);
        let with = Poll { client_id: client(slip, app), key: key_text, narrower: wire.as_deref() };
        let code = self.devices[which].clone();
        let issued = self.host.poll(&code, &with).map_err(|code| code.as_str());
        let expected = self.spec.poll(which, With { slip, key }, asks.as_deref());
        if issued.is_ok() {
            let once = self.spent.insert(code.expose().to_owned());
            prop_assert!(once, "device code {} gave two tokens", which);
        }
        self.answered("poll", issued, expected)
    }

    fn fetch(&mut self, which: usize) -> Checked<Outcome> {
        let token = self.continuations[which].clone();
        let issued = match self.host.fetch(&token) {
            None => Err("gone"),
            Some(Fetched::Waiting) => Err("waiting"),
            Some(Fetched::Denied) => Err("denied"),
            Some(Fetched::Expired) => Err("expired"),
            Some(Fetched::Issued(issued)) => Ok(*issued),
        };
        let expected = self.spec.fetch(which);
        if issued.is_ok() {
            let once = self.spent.insert(token.expose().to_owned());
            prop_assert!(once, "continuation token {} gave two tokens", which);
        }
        self.answered("fetch", issued, expected)
    }

    fn refresh(&mut self, which: usize, slip: Slip, key: Key, wish: &Wish) -> Checked<Outcome> {
        let (grant, bound) = self.spec.refresh_of(which);
        let key = proven(key, bound);
        let slip = if slip == Slip::OtherClient { slip } else { Slip::None };
        let asks = self.wish(wish, self.spec.parts(grant));
        let wire = wire(asks.as_deref());
        let token = self.refreshes[which].clone();
        let with = Renew {
            token: &token,
            client_id: client(slip, self.spec.app(grant)),
            key: key.map(|key| KEYS[usize::from(key)]),
            narrower: wire.as_deref(),
        };
        let issued = self.host.refresh(&with).map_err(|code| code.as_str());
        let expected = self.spec.refresh(which, With { slip, key }, asks.as_deref());
        let first = self.spent.insert(token.expose().to_owned());
        match (&issued, &expected) {
            (Ok(issued), Ok(Given { refresh: Some(number), again: true, .. })) => {
                let same = self.refreshes[*number].expose();
                let given = issued.refresh.as_ref().map(RefreshToken::expose);
                prop_assert_eq!(given, Some(same), "another successor of {}", which);
            }
            (Ok(_), _) => prop_assert!(first, "refresh token {} was used twice", which),
            // only a use counts
            (Err(_), _) if first => drop(self.spent.remove(token.expose())),
            (Err(_), _) => {}
        }
        self.answered("refresh", issued, expected)
    }

    fn exchange(
        &mut self,
        which: usize,
        slip: Slip,
        key: Key,
        delegate_key: bool,
        wish: &Wish,
    ) -> Checked<Outcome> {
        let subject = &self.spec.tokens[which];
        let key = proven(key, subject.key);
        let slip = if slip == Slip::OtherClient { slip } else { Slip::None };
        let delegate_key = delegate_key.then_some(3);
        let asks = self.wish(wish, &subject.parts);
        let wire = wire(asks.as_deref());
        let own = client(Slip::None, self.spec.app(subject.grant));
        let own = (!own.is_empty()).then_some(own);
        let with = Exchange {
            client_id: if slip == Slip::OtherClient { Some(OTHER_CLIENT) } else { own },
            delegate: None,
            key: key.map(|key| KEYS[usize::from(key)]),
            delegate_key: delegate_key.map(|key| KEYS[usize::from(key)]),
            narrower: wire.as_deref(),
        };
        let token = self.tokens[which].0.clone();
        let issued = self.host.exchange(&token, &with).map_err(|code| code.as_str());
        let expected = self.spec.exchange(which, With { slip, key }, delegate_key, asks.as_deref());
        if let (Ok(issued), Ok(_)) = (&issued, &expected) {
            self.grants.push(issued.grant.clone());
        }
        self.answered("exchange", issued, expected)
    }

    fn hand_on(&mut self, which: usize, times: u8) -> Checked<Outcome> {
        let mut outcome = self.exchange(which, Slip::None, Key::Right, false, &None)?;
        for _ in 1..times {
            if outcome == "exchange: ok" {
                self.check()?;
                let last = self.tokens.len() - 1;
                outcome = self.exchange(last, Slip::None, Key::Right, false, &None)?;
            }
        }
        Ok(outcome)
    }

    fn revoke(&mut self, grant: usize) -> Checked<Outcome> {
        self.host.revoke(&self.grants[grant]);
        self.spec.revoke(grant);
        Ok("revoke".into())
    }

    fn call(&mut self, which: usize, aim: Aim, amount: u8) -> Checked<Outcome> {
        let (number, model, chat) = match aim {
            Aim::Blind { other_provider, model, chat } => {
                (u8::from(other_provider), usize::from(model), chat)
            }
            Aim::Allowed(number) => {
                let parts = &self.spec.tokens[which].parts;
                let part = &parts[usize::from(number) % parts.len()];
                let model = part.models.trailing_zeros() as usize;
                (part.provider, model, part.capabilities & 1 == 1)
            }
        };
        let call = &calls()[model][usize::from(!chat)];
        let provider = provider(number);
        let now = self.host.now;
        let money = u64::from(amount);
        let (token, _) = &self.tokens[which];
        let standing = self.host.standing(token);
        let entered = (|| {
            let standing = standing.as_ref().ok_or("invalid_token")?;
            standing.alive(now).map_err(|e| e.code().as_str())?;
            let parts = parts(standing.allows(), &provider, now).map_err(|e| e.code().as_str())?;
            let part = allowed(&parts, call, now).map_err(|e| e.code().as_str())?;
            let (mut chain, read) = self.host.chain(part);
            chain.fits_rates(now).map_err(|e| e.code().as_str())?;
            let hold = chain.hold(micros(money), now).map_err(|e| e.code().as_str())?;
            Ok((part.clone(), hold, chain, read))
        })();
        let (model, capability) = (1 << model, if chat { 1 } else { 2 });
        let expected = self.spec.call(which, number, model, capability, money);
        let answer = entered.as_ref().map(drop).map_err(|code| *code);
        let wanted = expected.as_ref().map(drop).map_err(|code| *code);
        prop_assert_eq!(answer, wanted, "token {} calls", which);
        let (Ok((part, hold, chain, read)), Ok((call, accounts))) = (entered, expected) else {
            return Ok(told("use", answer.map(|()| "")));
        };
        self.host.keep(&read, &chain);
        for (share, (name, [most, ..])) in part.shares().iter().zip(&accounts) {
            let spent = self.spent_of(&share.account, name)?;
            prop_assert!(most.is_none_or(|most| spent <= most), "{} is above its cap", name);
        }
        prop_assert_eq!(part.shares().len(), accounts.len());
        self.open_calls.push((call, part, hold));
        Ok(match accounts.len() {
            4 => "use: ok on 4 accounts".into(),
            _ => "use: ok".into(),
        })
    }

    /// What an account has spent this month, by the engine's word, which has to be the other's.
    fn spent_of(&self, account: &str, name: &str) -> Checked<u64> {
        let latest = self.spec.latest(name);
        let used = self.host.account(account).record.used(Timestamp::from_unix_millis(latest));
        let spent = self.spec.spent(name, latest);
        prop_assert_eq!(used.month, micros(spent), "{} has other counters", name);
        Ok(spent)
    }

    fn settle(&mut self, which: usize, part: u8) -> Checked<Outcome> {
        let (call, object, hold) = self.open_calls.remove(which);
        let cost = hold.amount.get() / 1_000_000 * u64::from(part) / 255;
        let (mut chain, read) = self.host.chain(&object);
        chain.settle(&hold, micros(cost));
        self.host.keep(&read, &chain);
        self.spec.settle(call, cost);
        Ok("settle".into())
    }

    /// Compares what a token endpoint answers, and notes what it gave.
    fn answered(
        &mut self,
        op: &str,
        issued: Result<Issued, &'static str>,
        expected: Result<Given, &'static str>,
    ) -> Checked<Outcome> {
        // both are this code on the wire, and take the grant with them
        let on_wire =
            |code| if matches!(code, "replay" | "reuse") { "invalid_grant" } else { code };
        let answer = issued.as_ref().map(drop).map_err(|code| *code);
        prop_assert_eq!(answer, expected.map(drop).map_err(on_wire), "{}", op);
        let (Ok(issued), Ok(given)) = (issued, expected) else {
            return Ok(told(op, expected.map(|_| "")));
        };
        let token = &self.spec.tokens[given.token];
        prop_assert_eq!(&issued.grant, &self.grants[token.grant]);
        prop_assert_eq!(issued.bound, token.key.is_some());
        prop_assert_eq!(issued.expires_in, (token.end - self.spec.now).unsigned_abs() / 1000);
        prop_assert_eq!(issued.refresh.is_some(), given.refresh.is_some());
        same(&issued.access, &token.parts)?;
        let fresh = self.spent.insert(issued.token.expose().to_owned());
        prop_assert!(fresh, "an access token was given twice");
        self.tokens.push((issued.token, None));
        if let (Some(refresh), false) = (issued.refresh, given.again) {
            let old = self.refreshes.iter().any(|other| other.expose() == refresh.expose());
            prop_assert!(!old, "a refresh token was given twice");
            self.refreshes.push(refresh);
        }
        Ok(told(op, Ok(if given.again { "again" } else { "ok" })))
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

fn wire(asks: Option<&[Ask]>) -> Option<Vec<ModelAccess>> {
    asks.map(|asks| asks.iter().map(access).collect())
}

fn micros(amount: u64) -> Pico {
    Pico::from_micros(amount).unwrap()
}

fn proven(key: Key, bound: Option<u8>) -> Option<u8> {
    match key {
        Key::Right => bound,
        Key::None => None,
        Key::Own => Some(2),
        Key::Other => Some(3),
    }
}

fn notes() -> &'static ClientDocument {
    static DOCUMENT: OnceLock<ClientDocument> = OnceLock::new();
    DOCUMENT.get_or_init(|| document(""))
}

/// A call for each model, to chat and to embed.
fn calls() -> &'static [[Call; 2]; 5] {
    static CALLS: OnceLock<[[Call; 2]; 5]> = OnceLock::new();
    CALLS.get_or_init(|| {
        MODELS.map(|model| {
            let chat = format!(r#"{{"model":"{model}","messages":[]}}"#);
            let embed = format!(r#"{{"model":"{model}","input":"hi"}}"#);
            [
                Call::read(Operation::Chat, chat.as_bytes()).unwrap(),
                Call::read(Operation::Embeddings, embed.as_bytes()).unwrap(),
            ]
        })
    })
}

/// Apps that the vault is sure of in different ways have different counters.
fn app(how: How, published: bool) -> (u8, App) {
    let notes = Client::published(notes(), None).unwrap();
    match (how, published) {
        (How::Direct, _) => (3, stranger()),
        (_, false) => (0, local()),
        (How::Pushed, true) => (1, notes.at_redirect(REDIRECT, None).unwrap()),
        (How::Device, true) => (2, notes.on_device(None).unwrap()),
    }
}

/// The client id that is sent for an app; none has the stranger.
fn client(slip: Slip, app: u8) -> &'static str {
    match (slip, app) {
        (Slip::OtherClient, _) => OTHER_CLIENT,
        (_, 0) => LOCAL_CLIENT,
        (_, 1 | 2) => notes().client_id.as_str(),
        _ => "",
    }
}

fn provider(number: u8) -> Provider {
    if number == 0 { Provider::OpenAi } else { Provider::Anthropic }
}

fn names(mask: u8) -> Vec<&'static str> {
    MODELS.into_iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, n)| n).collect()
}

fn capabilities(mask: u8) -> Vec<Capability> {
    let all = CAPABILITIES.into_iter().enumerate();
    all.filter(|(at, _)| mask >> at & 1 == 1).map(|(_, c)| c).collect()
}

fn limits([month, minute, day]: Caps) -> Limits {
    let count = |cap: Option<u64>| cap.and_then(|cap| Count::new(u32::try_from(cap).unwrap()));
    Limits {
        monthly_spend: month.and_then(Money::from_micros),
        requests_per_minute: count(minute),
        requests_per_day: count(day),
        ..Limits::default()
    }
}

fn models(mask: u8) -> Models {
    match mask {
        ANY => Models::Any,
        mask => Models::Listed(names(mask).iter().map(|n| n.parse::<ModelId>().unwrap()).collect()),
    }
}

fn access(ask: &Ask) -> ModelAccess {
    ModelAccess {
        expires: ask.end.map(Timestamp::from_unix_millis),
        ..ModelAccess::new(provider(ask.provider))
            .models(names(ask.models))
            .capabilities(capabilities(ask.capabilities))
            .limits(limits(ask.caps))
    }
}

fn approved(left: &Left) -> Approved {
    Approved {
        models: models(left.models),
        capabilities: capabilities(left.capabilities),
        limits: limits(left.caps),
        expires: Timestamp::from_unix_millis(left.end),
    }
}

/// What the engine allows is to the letter what the specification says.
fn same(engine: &[Allowed], spec: &[Part]) -> Checked {
    prop_assert_eq!(engine.len(), spec.len());
    for (ours, theirs) in engine.iter().zip(spec) {
        let caps: Vec<_> = ours.shares().into_iter().map(|share| share.limits).collect();
        let expected = std::iter::once(&theirs.caps).chain(theirs.above.iter().map(|(_, c)| c));
        let expected: Vec<_> = expected.map(|caps| limits(*caps)).collect();
        prop_assert_eq!(caps, expected);
        prop_assert_eq!(&ours.provider, &provider(theirs.provider));
        prop_assert_eq!(&ours.models, &models(theirs.models));
        prop_assert_eq!(&ours.capabilities, &capabilities(theirs.capabilities));
        prop_assert_eq!(ours.expires.unix_millis(), theirs.end);
    }
    Ok(())
}

fn wide(caps: [Option<u8>; 3]) -> Caps {
    caps.map(|cap| cap.map(u64::from))
}

fn ask(object: &Object, now: i64) -> Ask {
    Ask {
        provider: u8::from(object.other_provider),
        models: object.models,
        capabilities: object.capabilities,
        caps: wide(object.caps),
        end: object.end.map(|seconds| now + seconds * 1_000),
    }
}

fn or(mask: u8, else_: u8) -> u8 {
    if mask == 0 { else_ } else { mask }
}

/// An approval within what is asked, but for one wild step.
fn left(ask: &Ask, tweak: &Tweak, now: i64) -> Left {
    let latest = ask.end.unwrap_or(i64::MAX).min(now + 366 * 86_400_000);
    let caps = wide(tweak.caps);
    let mut left = Left {
        models: match ask.models {
            0 if tweak.models & 0x60 == 0 => ANY,
            0 => or(tweak.models & 15, 1),
            asked => or(tweak.models & asked, asked),
        },
        capabilities: match ask.capabilities {
            0 => or(tweak.capabilities & 7, 3),
            asked => or(tweak.capabilities & asked, asked),
        },
        caps: std::array::from_fn(|at| match (ask.caps[at], caps[at]) {
            (Some(most), Some(cap)) => Some(cap.min(most)),
            (most, cap) => most.or(cap),
        }),
        end: match tweak.end {
            0 => latest.min(now + 30_000),
            1 => latest.min(now + 5_000_000),
            _ => latest,
        },
    };
    match tweak.wild {
        None | Some(Wild::OtherProvider) => {}
        Some(Wild::Models) => left.models = tweak.models & 15,
        Some(Wild::AllModels) => left.models = ANY,
        Some(Wild::Capabilities) => left.capabilities = tweak.capabilities & 7,
        Some(Wild::Cap(at)) => left.caps[at] = ask.caps[at].map(|cap| cap + 1),
        Some(Wild::LaterEnd) => left.end = latest + 1_000,
        Some(Wild::PastEnd) => left.end = now,
    }
    left
}

/// A wish within one of the parts, but for one wild step.
fn narrower(parts: &[Part], tweak: &Tweak, now: i64) -> Ask {
    let base = &parts[usize::from(tweak.which) % parts.len()];
    let caps = wide(tweak.caps);
    let mut ask = Ask {
        provider: base.provider,
        models: if tweak.models & 0x80 == 0 { 0 } else { tweak.models & base.models & 15 },
        capabilities: tweak.capabilities & base.capabilities & 7,
        caps: std::array::from_fn(|at| match (base.caps[at], caps[at]) {
            (Some(most), Some(cap)) => Some(cap.min(most)),
            (_, cap) => cap,
        }),
        end: match tweak.end {
            0 => Some(base.end.min(now + 30_000)),
            1 => Some(base.end.min(now + 5_000_000)),
            2 => Some(base.end),
            _ => None,
        },
    };
    match tweak.wild {
        None => {}
        Some(Wild::Models | Wild::AllModels) => ask.models = tweak.models & 15,
        Some(Wild::Capabilities) => ask.capabilities = tweak.capabilities & 7,
        Some(Wild::Cap(at)) => ask.caps[at] = base.caps[at].map(|cap| cap + 1),
        Some(Wild::LaterEnd) => ask.end = Some(base.end + 1_000),
        Some(Wild::PastEnd) => ask.end = Some(now),
        Some(Wild::OtherProvider) => ask.provider = 1 - base.provider,
    }
    ask
}

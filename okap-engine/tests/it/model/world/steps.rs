use okap_engine::flow::{DecideError, Decision, Exchange, Fetched, Issued, Poll, Redeem, Renew};
use okap_types::token::RefreshToken;
use proptest::prelude::*;

use super::{
    Checked, Outcome, World, told,
    wire::{KEYS, OTHER_CLIENT, access, app, approved, ask, client, left, proven, same, wire},
};
use crate::{
    host::{OTHER_VERIFIER, REDIRECT, VERIFIER, code_of},
    model::{
        op::{How, Key, Object, Slip, Tweak, Wish},
        spec::{Given, With},
    },
};

impl World {
    pub(super) fn open(
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

    pub(super) fn decide(
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

    pub(super) fn redeem(
        &mut self,
        which: usize,
        slip: Slip,
        key: Key,
        wish: &Wish,
    ) -> Checked<Outcome> {
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

    pub(super) fn poll(
        &mut self,
        which: usize,
        slip: Slip,
        key: Key,
        wish: &Wish,
    ) -> Checked<Outcome> {
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

    pub(super) fn polls(&mut self, which: usize, gaps: &[i64]) -> Checked<Outcome> {
        let mut outcome = self.poll(which, Slip::None, Key::Right, &None)?;
        for gap in gaps {
            self.turn_clock(*gap);
            self.check()?;
            outcome = self.poll(which, Slip::None, Key::Right, &None)?;
        }
        Ok(outcome)
    }

    pub(super) fn fetch(&mut self, which: usize) -> Checked<Outcome> {
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

    pub(super) fn refresh(
        &mut self,
        which: usize,
        slip: Slip,
        key: Key,
        wish: &Wish,
    ) -> Checked<Outcome> {
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

    pub(super) fn exchange(
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

    pub(super) fn hand_on(&mut self, which: usize, times: u8) -> Checked<Outcome> {
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

    pub(super) fn revoke(&mut self, grant: usize) -> Checked<Outcome> {
        self.host.revoke(&self.grants[grant]);
        self.spec.revoke(grant);
        Ok("revoke".into())
    }

    /// Compares what a token endpoint answers, and notes what it gave.
    pub(super) fn answered(
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
}

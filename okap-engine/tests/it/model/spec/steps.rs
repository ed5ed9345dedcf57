use super::{
    Ask, Code, CodeGiven, DAY, DeviceCode, Given, Grant, LONGEST, Left, Moment, Outcome, Part,
    REQUEST, Request, SECOND, Spec, With,
    narrow::{narrowed, parent_of},
    subset,
};
use crate::model::op::{How, Slip};

impl Spec {
    pub(crate) fn open(
        &mut self,
        how: How,
        app: u8,
        key: Option<u8>,
        asked: &[Ask],
    ) -> Result<(), Code> {
        for (at, ask) in asked.iter().enumerate() {
            let sisters = || asked[..at].iter().filter(|other| other.provider == ask.provider);
            let shared = sisters().any(|other| other.models & ask.models != 0);
            let both_open = sisters().any(|other| other.models == 0 && ask.models == 0);
            if shared || both_open || ask.end.is_some_and(|end| end <= self.now) {
                return Err("invalid_authorization_details");
            }
        }
        let request = self.requests.len();
        self.requests.push(Request {
            how,
            app,
            key,
            asked: asked.to_vec(),
            opened: self.now,
            outcome: Outcome::Waiting,
            forgotten: false,
        });
        match how {
            How::Pushed => {}
            How::Direct => self.continuations.push((request, false)),
            How::Device => self.devices.push(DeviceCode {
                request,
                polled: None,
                interval: 5 * SECOND,
                gone: false,
            }),
        }
        Ok(())
    }

    /// Whether a grant, and in the redirect flow a code, comes of it.
    pub(crate) fn decide(
        &mut self,
        which: usize,
        stale: bool,
        left: Option<&[Option<Left>]>,
    ) -> Result<bool, Code> {
        let now = self.now;
        let request = &self.requests[which];
        match request {
            _ if request.forgotten => return Err("gone"),
            _ if now >= request.opened + REQUEST => return Err("expired"),
            _ if request.outcome != Outcome::Waiting => return Err("decided"),
            _ if stale => return Err("not shown"),
            _ => {}
        }
        let Some(left) = left else {
            self.requests[which].outcome = Outcome::Denied;
            return Ok(false);
        };
        let mut parts: Vec<Part> = Vec::new();
        for (at, (ask, left)) in request.asked.iter().zip(left).enumerate() {
            let Some(left) = left else { continue };
            let latest = ask.end.unwrap_or(Moment::MAX).min(now + LONGEST);
            let fits = left.models != 0
                && (ask.models == 0 || subset(left.models, ask.models))
                && left.capabilities != 0
                && (ask.capabilities == 0 || subset(left.capabilities, ask.capabilities))
                && ask.caps.iter().zip(&left.caps).all(|(ask, left)| {
                    ask.is_none_or(|most| left.is_some_and(|left| left <= most))
                })
                && left.end <= latest
                && left.end > now;
            let shared = parts
                .iter()
                .any(|other| other.provider == ask.provider && other.models & left.models != 0);
            if !fits || shared {
                return Err("unfit");
            }
            let earlier = request.asked[..at].iter();
            let ordinal = earlier.filter(|other| other.provider == ask.provider).count();
            parts.push(Part {
                provider: ask.provider,
                models: left.models,
                capabilities: left.capabilities,
                caps: left.caps,
                end: left.end,
                // one counter for user, app, provider and object, however often it is asked
                account: format!("app {} provider {} object {ordinal}", request.app, ask.provider),
                above: Vec::new(),
            });
        }
        if parts.is_empty() {
            return Err("unfit");
        }
        let (how, app, key, grant) = (request.how, request.app, request.key, self.grants.len());
        self.requests[which].outcome = Outcome::Granted(grant);
        self.grants.push(Grant { app, parts, parent: None, revoked: false });
        if how == How::Pushed {
            self.codes.push(CodeGiven { grant, key, at: now, used: false, forgotten: false });
        }
        Ok(how == How::Pushed)
    }

    pub(crate) fn redeem(
        &mut self,
        which: usize,
        with: With,
        wish: Option<&[Ask]>,
    ) -> Result<Given, Code> {
        let code = &self.codes[which];
        match with.slip {
            Slip::ShortVerifier => return Err("invalid_request"),
            Slip::None => {}
            _ => return Err("invalid_grant"),
        }
        if code.forgotten || code.key.is_some() && code.key != with.key {
            return Err("invalid_grant");
        }
        let grant = code.grant;
        if code.used {
            self.grants[grant].revoked = true;
            return Err("replay");
        }
        if self.now >= code.at + 60 * SECOND || !self.stands(grant) {
            return Err("invalid_grant");
        }
        let given = self.give(grant, with.key, wish)?;
        self.codes[which].used = true;
        Ok(given)
    }

    pub(crate) fn poll(
        &mut self,
        which: usize,
        with: With,
        wish: Option<&[Ask]>,
    ) -> Result<Given, Code> {
        let now = self.now;
        let device = &mut self.devices[which];
        if device.gone || with.slip == Slip::OtherClient {
            return Err("invalid_grant");
        }
        let request = &self.requests[device.request];
        if request.forgotten || now >= request.opened + REQUEST {
            return Err("expired_token");
        }
        let grant = match request.outcome {
            Outcome::Denied => return Err("access_denied"),
            Outcome::Granted(grant) => grant,
            Outcome::Waiting => {
                // networks are uneven: a second early is in time
                let next = device.polled.map(|last| last + device.interval - SECOND);
                device.polled = Some(now);
                if next.is_some_and(|next| now < next) {
                    device.interval += 5 * SECOND;
                    return Err("slow_down");
                }
                return Err("authorization_pending");
            }
        };
        if !self.stands(grant) {
            return Err("invalid_grant");
        }
        let given = self.give(grant, with.key, wish)?;
        self.devices[which].gone = true;
        Ok(given)
    }

    pub(crate) fn fetch(&mut self, which: usize) -> Result<Given, Code> {
        let (request, gone) = self.continuations[which];
        if gone {
            return Err("gone");
        }
        let request = &self.requests[request];
        let (outcome, over) = (request.outcome, self.now >= request.opened + REQUEST);
        let answer = match outcome {
            Outcome::Denied => Err("denied"),
            Outcome::Granted(grant) if self.grants[grant].revoked => Err("denied"),
            Outcome::Granted(grant) if self.grants[grant].end() <= self.now => Err("expired"),
            _ if over => Err("expired"),
            Outcome::Granted(grant) => {
                let parts = self.grants[grant].parts.clone();
                Ok(self.mint(grant, parts, None, 30 * DAY))
            }
            Outcome::Waiting => return Err("waiting"),
        };
        self.continuations[which].1 = true;
        Ok(Given { token: answer?, refresh: None, again: false })
    }

    pub(crate) fn refresh(
        &mut self,
        which: usize,
        with: With,
        wish: Option<&[Ask]>,
    ) -> Result<Given, Code> {
        let presented = self.refreshes[which].clone();
        let wrong_key = presented.key.is_some() && presented.key != with.key;
        if presented.forgotten || with.slip == Slip::OtherClient || wrong_key {
            return Err("invalid_grant");
        }
        let grant = presented.grant;
        if !self.stands(grant) {
            return Err("invalid_grant");
        }
        let Some((at, successor)) = presented.used else {
            let given = self.give(grant, with.key, wish)?;
            self.refreshes[which].used = Some((self.now, given.refresh.unwrap()));
            return Ok(given);
        };
        let unused = self.refreshes[successor].used.is_none();
        // what is given again is bound, and to nobody else
        let bound = self.refreshes[successor].key;
        let another = bound.is_some() && bound != with.key;
        if !unused || another || self.now > at + 10 * SECOND {
            self.grants[grant].revoked = true;
            return Err("reuse");
        }
        let parts = self.effective(grant, wish)?;
        let token = self.mint(grant, parts, with.key, 3_600 * SECOND);
        Ok(Given { token, refresh: Some(successor), again: true })
    }

    pub(crate) fn exchange(
        &mut self,
        which: usize,
        with: With,
        delegate_key: Option<u8>,
        wish: Option<&[Ask]>,
    ) -> Result<Given, Code> {
        let subject = self.tokens[which].clone();
        let wrong_key = subject.key.is_some() && subject.key != with.key;
        let depth = self.family(subject.grant).len() - 1;
        if self.alive(which).is_err() || with.slip == Slip::OtherClient || wrong_key || depth == 3 {
            return Err("invalid_request");
        }
        let narrowed = match wish {
            Some(wish) => narrowed(&subject.parts, wish, self.now)?,
            None => subject.parts.iter().filter(|part| part.end > self.now).cloned().collect(),
        };
        let grant = self.grants.len();
        let below = |(at, part): (usize, Part)| Part {
            end: part.end.min(subject.end),
            account: format!("grant {grant} object {at}"),
            above: parent_of(&part, &subject.parts).accounts(),
            ..part
        };
        let parts: Vec<_> = narrowed.into_iter().enumerate().map(below).collect();
        self.grants.push(Grant {
            app: self.grants[subject.grant].app,
            parts: parts.clone(),
            parent: Some(subject.grant),
            revoked: false,
        });
        let token = self.mint(grant, parts, delegate_key.or(with.key), 30 * DAY);
        Ok(Given { token, refresh: None, again: false })
    }
}

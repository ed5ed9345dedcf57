//! The specification, in numbers: what each step answers and what it leaves behind.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::op::{How, Slip};

/// Milliseconds.
pub(super) type Moment = i64;
/// A wire code, or a word for what has none.
pub(super) type Code = &'static str;

const SECOND: Moment = 1_000;
const DAY: Moment = 86_400 * SECOND;
const REQUEST: Moment = 600 * SECOND;
const LONGEST: Moment = 366 * DAY;
/// All models, also those that nobody has thought of.
pub(super) const ANY: u8 = 0xff;

/// Money in a month, requests in a minute, requests in a day; none is no cap.
pub(super) type Caps = [Option<u64>; 3];

/// An asked object; an empty mask leaves it open.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) provider: u8,
    pub(super) models: u8,
    pub(super) capabilities: u8,
    pub(super) caps: Caps,
    pub(super) end: Option<Moment>,
}

/// What the user leaves of an object.
#[derive(Clone, Debug)]
pub(super) struct Left {
    pub(super) models: u8,
    pub(super) capabilities: u8,
    pub(super) caps: Caps,
    pub(super) end: Moment,
}

/// A granted object, and the accounts that its calls count in, the nearest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) provider: u8,
    pub(super) models: u8,
    pub(super) capabilities: u8,
    pub(super) caps: Caps,
    pub(super) end: Moment,
    pub(super) account: String,
    pub(super) above: Vec<(String, Caps)>,
}

impl Part {
    fn accounts(&self) -> Vec<(String, Caps)> {
        let own = (self.account.clone(), self.caps);
        std::iter::once(own).chain(self.above.iter().cloned()).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Waiting,
    Denied,
    Granted(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    how: How,
    app: u8,
    key: Option<u8>,
    pub(super) asked: Vec<Ask>,
    opened: Moment,
    outcome: Outcome,
    forgotten: bool,
}

#[derive(Clone, Debug)]
struct Grant {
    app: u8,
    parts: Vec<Part>,
    parent: Option<usize>,
    revoked: bool,
}

impl Grant {
    fn end(&self) -> Moment {
        self.parts.iter().map(|part| part.end).max().unwrap()
    }
}

#[derive(Clone, Debug)]
struct CodeGiven {
    grant: usize,
    key: Option<u8>,
    at: Moment,
    used: bool,
    forgotten: bool,
}

#[derive(Clone, Debug)]
struct DeviceCode {
    request: usize,
    polled: Option<Moment>,
    interval: Moment,
    gone: bool,
}

#[derive(Clone, Debug)]
struct RefreshToken {
    grant: usize,
    key: Option<u8>,
    /// When it was used, and what for.
    used: Option<(Moment, usize)>,
    forgotten: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) grant: usize,
    pub(super) parts: Vec<Part>,
    pub(super) end: Moment,
    pub(super) key: Option<u8>,
    forgotten: bool,
}

/// A call, in one account.
#[derive(Clone, Debug)]
struct Counted {
    call: usize,
    at: Moment,
    amount: u64,
}

#[derive(Default)]
pub(super) struct Spec {
    pub(super) now: Moment,
    pub(super) requests: Vec<Request>,
    grants: Vec<Grant>,
    codes: Vec<CodeGiven>,
    devices: Vec<DeviceCode>,
    /// Request and whether it has been answered.
    continuations: Vec<(usize, bool)>,
    refreshes: Vec<RefreshToken>,
    pub(super) tokens: Vec<Token>,
    ledger: BTreeMap<String, Vec<Counted>>,
    calls: usize,
}

/// What a client presents.
#[derive(Clone, Copy, Debug)]
pub(super) struct With {
    pub(super) slip: Slip,
    pub(super) key: Option<u8>,
}

/// Which token is answered, and which refresh token beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Given {
    pub(super) token: usize,
    pub(super) refresh: Option<usize>,
    /// The same refresh token as the time before.
    pub(super) again: bool,
}

fn subset(ours: u8, theirs: u8) -> bool {
    ours & !theirs == 0
}

impl Spec {
    pub(super) fn new(now: Moment) -> Self {
        Self { now, ..Self::default() }
    }

    pub(super) fn open(
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
    pub(super) fn decide(
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

    pub(super) fn redeem(
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

    pub(super) fn poll(
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

    pub(super) fn fetch(&mut self, which: usize) -> Result<Given, Code> {
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

    pub(super) fn refresh(
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
        if !unused || self.now > at + 10 * SECOND {
            self.grants[grant].revoked = true;
            return Err("reuse");
        }
        let parts = self.effective(grant, wish)?;
        let token = self.mint(grant, parts, with.key, 3_600 * SECOND);
        Ok(Given { token, refresh: Some(successor), again: true })
    }

    pub(super) fn exchange(
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

    pub(super) fn revoke(&mut self, grant: usize) {
        self.grants[grant].revoked = true;
    }

    /// Which accounts a call counts in.
    pub(super) fn call(
        &mut self,
        which: usize,
        provider: u8,
        model: u8,
        capability: u8,
        amount: u64,
    ) -> Result<(usize, Vec<(String, Caps)>), Code> {
        self.alive(which)?;
        let token = &self.tokens[which];
        let of_provider: Vec<_> =
            token.parts.iter().filter(|part| part.provider == provider).collect();
        if of_provider.is_empty() {
            return Err("provider_not_allowed");
        }
        if of_provider.iter().all(|part| part.end <= self.now) {
            return Err("token_expired");
        }
        let Some(part) = of_provider.iter().find(|part| subset(model, part.models)) else {
            let nowhere = of_provider.iter().all(|part| !subset(capability, part.capabilities));
            return Err(if nowhere { "capability_not_allowed" } else { "model_not_allowed" });
        };
        if !subset(capability, part.capabilities) {
            return Err("capability_not_allowed");
        }
        if part.end <= self.now {
            return Err("token_expired");
        }
        let accounts = part.accounts();
        // a clock that steps back reopens no window
        let now = accounts.iter().map(|(name, _)| self.latest(name)).max().unwrap();
        let counted = |name: &str, in_window: &dyn Fn(Moment) -> bool| -> Vec<&Counted> {
            let calls = self.ledger.get(name).into_iter().flatten();
            calls.filter(|call| in_window(call.at)).collect()
        };
        let room = |most: Option<u64>, used: u64, more: u64| most.is_none_or(|m| used + more <= m);
        for (name, [_, minute, day]) in &accounts {
            let in_minute = counted(name, &|at| at + 60 * SECOND > now).len() as u64;
            let in_day = counted(name, &|at| at / DAY == now / DAY).len() as u64;
            if !room(*minute, in_minute, 1) || !room(*day, in_day, 1) {
                return Err("rate_limit_exceeded");
            }
        }
        for (name, [month, ..]) in &accounts {
            if !room(*month, self.spent(name, now), amount) {
                return Err("spend_limit_exceeded");
            }
        }
        self.calls += 1;
        for (name, _) in &accounts {
            let counted = Counted { call: self.calls, at: now, amount };
            self.ledger.entry(name.clone()).or_default().push(counted);
        }
        Ok((self.calls, accounts))
    }

    pub(super) fn settle(&mut self, call: usize, cost: u64) {
        let all = self.ledger.values_mut().flatten();
        all.filter(|counted| counted.call == call).for_each(|counted| counted.amount = cost);
    }

    /// What an account has spent in the month of a moment.
    pub(super) fn spent(&self, account: &str, now: Moment) -> u64 {
        let calls = self.ledger.get(account).into_iter().flatten();
        calls.filter(|call| month(call.at) == month(now)).map(|call| call.amount).sum()
    }

    /// The latest moment that an account has seen.
    pub(super) fn latest(&self, account: &str) -> Moment {
        let calls = self.ledger.get(account).into_iter().flatten();
        calls.map(|call| call.at).fold(self.now, Moment::max)
    }

    pub(super) fn alive(&self, which: usize) -> Result<(), Code> {
        let token = &self.tokens[which];
        if token.forgotten {
            return Err("invalid_token");
        }
        let family = self.family(token.grant);
        if family.iter().any(|grant| self.grants[*grant].revoked) {
            return Err("token_revoked");
        }
        let ended = family.iter().any(|grant| self.grants[*grant].end() <= self.now);
        if ended || token.end <= self.now { Err("token_expired") } else { Ok(()) }
    }

    /// A grant and all that it was handed on from.
    fn family(&self, grant: usize) -> Vec<usize> {
        std::iter::successors(Some(grant), |grant| self.grants[*grant].parent).collect()
    }

    /// What the user approved, in the end, and what the next one above allowed.
    pub(super) fn above(&self, grant: usize) -> impl Iterator<Item = &[Part]> {
        self.family(grant).into_iter().map(|grant| self.grants[grant].parts.as_slice())
    }

    /// The `client_id` that a grant belongs to: that of its app.
    pub(super) fn app(&self, grant: usize) -> u8 {
        self.grants[grant].app
    }

    pub(super) fn code_of(&self, which: usize) -> (usize, Option<u8>) {
        (self.codes[which].grant, self.codes[which].key)
    }

    pub(super) fn refresh_of(&self, which: usize) -> (usize, Option<u8>) {
        (self.refreshes[which].grant, self.refreshes[which].key)
    }

    pub(super) fn device_of(&self, which: usize) -> (u8, Option<usize>) {
        let request = &self.requests[self.devices[which].request];
        let grant = match request.outcome {
            Outcome::Granted(grant) => Some(grant),
            _ => None,
        };
        (request.app, grant)
    }

    pub(super) fn parts(&self, grant: usize) -> &[Part] {
        &self.grants[grant].parts
    }

    /// What a store forgets now.
    pub(super) fn sweep(&mut self) {
        let now = self.now;
        for request in &mut self.requests {
            request.forgotten |= now >= request.opened + REQUEST + 60 * SECOND;
        }
        for code in &mut self.codes {
            code.forgotten |= now >= code.at + 660 * SECOND;
        }
        for device in &mut self.devices {
            device.gone |= now >= self.requests[device.request].opened + 2 * REQUEST;
        }
        for (request, gone) in &mut self.continuations {
            *gone |= now >= self.requests[*request].opened + REQUEST;
        }
        for refresh in &mut self.refreshes {
            let end = self.grants[refresh.grant].end();
            let kept = refresh.used.map_or(end, |(at, _)| end.min(at + 30 * DAY));
            refresh.forgotten |= now >= kept;
        }
        for token in &mut self.tokens {
            token.forgotten |= now >= token.end + 30 * DAY;
        }
    }

    fn stands(&self, grant: usize) -> bool {
        !self.grants[grant].revoked && self.grants[grant].end() > self.now
    }

    fn effective(&self, grant: usize, wish: Option<&[Ask]>) -> Result<Vec<Part>, Code> {
        let parts = &self.grants[grant].parts;
        wish.map_or_else(|| Ok(parts.clone()), |wish| narrowed(parts, wish, self.now))
    }

    /// An access token and a new refresh token.
    fn give(&mut self, grant: usize, key: Option<u8>, wish: Option<&[Ask]>) -> Result<Given, Code> {
        let parts = self.effective(grant, wish)?;
        let token = self.mint(grant, parts, key, 3_600 * SECOND);
        self.refreshes.push(RefreshToken { grant, key, used: None, forgotten: false });
        Ok(Given { token, refresh: Some(self.refreshes.len() - 1), again: false })
    }

    fn mint(&mut self, grant: usize, parts: Vec<Part>, key: Option<u8>, life: Moment) -> usize {
        let end = parts.iter().map(|part| part.end).max().unwrap().min(self.now + life);
        self.tokens.push(Token { grant, parts, end, key, forgotten: false });
        self.tokens.len() - 1
    }
}

fn month(at: Moment) -> (i32, u8) {
    let date = OffsetDateTime::from_unix_timestamp(at / SECOND).unwrap();
    (date.year(), date.month().into())
}

fn parent_of<'a>(part: &Part, parents: &'a [Part]) -> &'a Part {
    let holds =
        |parent: &&Part| parent.provider == part.provider && subset(part.models, parent.models);
    parents.iter().find(holds).unwrap()
}

/// Whether everything that `part` allows is allowed by `wider`.
pub(super) fn within(part: &Part, wider: &Part) -> bool {
    part.provider == wider.provider
        && subset(part.models, wider.models)
        && subset(part.capabilities, wider.capabilities)
        && part.end <= wider.end
        && part
            .caps
            .iter()
            .zip(&wider.caps)
            .all(|(cap, most)| most.is_none_or(|most| cap.is_some_and(|cap| cap <= most)))
}

/// Each wish falls under the one part of its provider that holds all its models; what it leaves
/// out is inherited, what it names is less or equal, and no two share a model.
fn narrowed(parts: &[Part], wish: &[Ask], now: Moment) -> Result<Vec<Part>, Code> {
    const WIDER: Code = "invalid_authorization_details";
    let mut narrowed: Vec<Part> = Vec::new();
    for ask in wish {
        let of_provider = parts.iter().filter(|part| part.provider == ask.provider);
        let holding: Vec<_> = of_provider.filter(|part| subset(ask.models, part.models)).collect();
        let [parent] = holding.as_slice() else { return Err(WIDER) };
        let end = ask.end.unwrap_or(parent.end);
        let lower = ask
            .caps
            .iter()
            .zip(&parent.caps)
            .all(|(ask, most)| ask.is_none_or(|ask| most.is_none_or(|most| ask <= most)));
        if !subset(ask.capabilities, parent.capabilities)
            || !lower
            || end > parent.end
            || end <= now
        {
            return Err(WIDER);
        }
        let part = Part {
            models: if ask.models == 0 { parent.models } else { ask.models },
            capabilities: match ask.capabilities {
                0 => parent.capabilities,
                named => named,
            },
            caps: std::array::from_fn(|at| ask.caps[at].or(parent.caps[at])),
            end,
            ..(*parent).clone()
        };
        let shared = narrowed
            .iter()
            .any(|other| other.provider == part.provider && other.models & part.models != 0);
        if shared {
            return Err(WIDER);
        }
        narrowed.push(part);
    }
    Ok(narrowed)
}

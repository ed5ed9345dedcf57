//! The specification, in numbers: what each step answers and what it leaves behind.

mod calls;
mod narrow;
mod steps;

use std::collections::BTreeMap;

use self::narrow::narrowed;
pub(super) use self::narrow::within;
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

    pub(super) fn revoke(&mut self, grant: usize) {
        self.grants[grant].revoked = true;
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
            let grant = &self.grants[token.grant];
            let kept = match grant.parent {
                None => token.end + 30 * DAY,
                // what was handed on is forgotten sooner, and its tokens lead nowhere then
                Some(_) => grant.end() + 3_600 * SECOND,
            };
            token.forgotten |= now >= kept;
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

//! A host around the engine: reads records, asks, commits, answers. Its clock goes where it is
//! told to.

use okap_engine::{
    admit::{alive, parts},
    flow::{
        self, DecideError, Decided, Decision, Exchange, Fetched, Issued, Poll, Redeem, Refused,
        Renew,
    },
    ledger::{Account, Chain},
    record::{
        Access, Allowed, App, Change, Code, Continuation, Device, Grant, Interaction, Key, Loaded,
        Outcome, Owner, Record, Refresh,
    },
    refusal::Refusal,
    step::Step,
    token::{Seed, hash},
};
use okap_types::{
    ErrorCode, GrantId, GrantRequest, ModelAccess, Provider, Secret, Shape, Timestamp,
    oauth::PushedRequest,
    token::{AccessToken, ContinuationToken, DeviceCode, RefreshToken},
};

use crate::{
    store::Store,
    support::{noon, profile},
};

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const OTHER_VERIFIER: &str = "eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:51004/cb";
pub(crate) const LOCAL: &str = "http://localhost";

pub(crate) struct Host {
    pub(crate) store: Store,
    pub(crate) now: Timestamp,
    steps: u64,
}

/// An access token with all that decides on it.
pub(crate) struct Standing {
    pub(crate) access: Access,
    pub(crate) grant: Grant,
    pub(crate) ancestors: Vec<Grant>,
}

impl Standing {
    pub(crate) fn alive(&self, now: Timestamp) -> Result<(), Refusal> {
        alive(&self.grant, &self.ancestors, &self.access, now)
    }

    pub(crate) fn allows(&self) -> &[Allowed] {
        self.access.allows(&self.grant)
    }
}

impl Host {
    pub(crate) fn new() -> Self {
        Self { store: Store::default(), now: noon(), steps: 0 }
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now = self.now.plus_seconds(seconds);
    }

    pub(crate) fn seed(&mut self) -> Seed {
        self.steps += 1;
        let mut bits = [7; 32];
        bits[..8].copy_from_slice(&self.steps.to_be_bytes());
        Seed::new(Secret::new(bits))
    }

    pub(crate) fn commit(&mut self, changes: &[Change]) {
        assert_eq!(self.store.commit(changes), Ok(()), "nobody else writes here");
    }

    /// Commits what has to be committed, also beside a refusal.
    fn settle<T>(&mut self, step: Result<Step<T>, Refused>) -> Result<T, ErrorCode> {
        match step {
            Ok(Step { reply, changes }) => {
                self.commit(&changes);
                Ok(reply)
            }
            Err(Refused { error, changes }) => {
                self.commit(&changes);
                Err(error.code)
            }
        }
    }

    pub(crate) fn push(
        &mut self,
        app: App,
        asked: &[ModelAccess],
        key: Option<&str>,
    ) -> Result<String, ErrorCode> {
        let form = PushedRequest {
            client_id: app.client_id().unwrap_or_default().to_owned(),
            client_name: None,
            response_type: "code".into(),
            redirect_uri: REDIRECT.into(),
            code_challenge: CHALLENGE.into(),
            code_challenge_method: "S256".into(),
            authorization_details: serde_json::to_string(asked).unwrap(),
            state: None,
            resource: None,
            dpop_jkt: None,
            client_assertion_type: None,
            client_assertion: None,
        };
        let seed = self.seed();
        let step = flow::pushed(&profile(), &form, app, key, None, self.now, &seed);
        Ok(self.settle(step.map_err(Refused::from))?.interaction.id)
    }

    pub(crate) fn device(
        &mut self,
        app: App,
        asked: &[ModelAccess],
    ) -> Result<(String, DeviceCode), ErrorCode> {
        let details = serde_json::to_string(asked).unwrap();
        let request = flow::asked(&details, &app).map_err(|e| e.code)?;
        let seed = self.seed();
        let step = flow::device(&profile(), request, app, None, self.now, &seed);
        let opened = self.settle(step.map_err(Refused::from))?;
        Ok((opened.interaction.id, opened.handle))
    }

    pub(crate) fn direct(
        &mut self,
        app: App,
        asked: &[ModelAccess],
    ) -> Result<(String, ContinuationToken), ErrorCode> {
        let details = serde_json::to_string(asked).unwrap();
        let request = flow::asked(&details, &app).map_err(|e| e.code)?;
        let request = GrantRequest { shape: Shape::Details, ..request };
        let seed = self.seed();
        let step = flow::direct(&profile(), request, app, None, None, self.now, &seed);
        let opened = self.settle(step.map_err(Refused::from))?;
        Ok((opened.interaction.id, opened.handle))
    }

    pub(crate) fn interaction(&self, id: &str) -> Option<Loaded<Interaction>> {
        self.store.read(id)
    }

    /// Decides what a page showed; `None` where the request is forgotten.
    pub(crate) fn decide(
        &mut self,
        id: &str,
        page: Option<&str>,
        decision: &Decision,
    ) -> Option<Result<Decided, DecideError>> {
        let asked = self.interaction(id)?;
        let shown = flow::shown(&asked.record);
        let seed = self.seed();
        let owner = Owner::new("me");
        let page = page.unwrap_or(&shown);
        let step = flow::decide(&profile(), &asked, &owner, page, decision, self.now, &seed);
        Some(step.map(|Step { reply, changes }| {
            self.commit(&changes);
            reply
        }))
    }

    pub(crate) fn grant(&self, id: &GrantId) -> Option<Loaded<Grant>> {
        self.store.read(id.as_str())
    }

    fn outcome(&self, interaction: Option<&Loaded<Interaction>>) -> Option<Loaded<Grant>> {
        match &interaction?.record.outcome {
            Outcome::Granted(id) => self.grant(id),
            _ => None,
        }
    }

    pub(crate) fn redeem(&mut self, code: &str, with: &Redeem<'_>) -> Result<Issued, ErrorCode> {
        let code: Option<Loaded<Code>> = self.store.read(&hash(code));
        let grant = code.as_ref().and_then(|code| self.grant(&code.record.grant));
        let seed = self.seed();
        let step = flow::redeem(code.as_ref(), grant.as_ref(), with, self.now, &seed);
        self.settle(step)
    }

    pub(crate) fn poll(&mut self, code: &DeviceCode, with: &Poll<'_>) -> Result<Issued, ErrorCode> {
        let device: Option<Loaded<Device>> = self.store.read(&hash(code.expose()));
        let asked = device.as_ref().and_then(|d| self.interaction(&d.record.interaction));
        let grant = self.outcome(asked.as_ref());
        let seed = self.seed();
        let (device, asked, grant) = (device.as_ref(), asked.as_ref(), grant.as_ref());
        let step = flow::poll(device, asked, grant, with, self.now, &seed);
        self.settle(step)
    }

    /// `None` where the token leads nowhere any more.
    pub(crate) fn fetch(&mut self, token: &ContinuationToken) -> Option<Fetched> {
        let pointer: Loaded<Continuation> = self.store.read(&hash(token.expose()))?;
        let asked = self.interaction(&pointer.record.0.interaction)?;
        let grant = self.outcome(Some(&asked));
        let seed = self.seed();
        let last_word = pointer.remove();
        let step = flow::fetch(&asked.record, grant.as_ref(), last_word, self.now, &seed);
        self.commit(&step.changes);
        Some(step.reply)
    }

    pub(crate) fn refresh(&mut self, with: &Renew<'_>) -> Result<Issued, ErrorCode> {
        let presented: Option<Loaded<Refresh>> = self.store.read(&hash(with.token.expose()));
        let next = presented.as_ref().and_then(|p| p.record.rotated.clone());
        let next = next.map(|rotated| rotated.successor(with.token));
        let successor = next.and_then(|next| self.store.read(&hash(next.expose())));
        let grant = presented.as_ref().and_then(|p| self.grant(&p.record.grant));
        let seed = self.seed();
        let (presented, successor) = (presented.as_ref(), successor.as_ref());
        let step = flow::refresh(presented, successor, grant.as_ref(), with, self.now, &seed);
        self.settle(step)
    }

    /// `None` for a token that is unknown, or forgotten.
    pub(crate) fn standing(&self, token: &AccessToken) -> Option<Standing> {
        let access: Loaded<Access> = self.store.read(&hash(token.expose()))?;
        let grant = self.grant(&access.record.grant)?.record;
        let ancestors = grant.ancestors.iter().filter_map(|id| self.grant(id));
        let ancestors = ancestors.map(|loaded| loaded.record).collect();
        Some(Standing { access: access.record, grant, ancestors })
    }

    pub(crate) fn exchange(
        &mut self,
        subject: &AccessToken,
        with: &Exchange<'_>,
    ) -> Result<Issued, ErrorCode> {
        let Some(Standing { access, grant, ancestors }) = self.standing(subject) else {
            return Err(ErrorCode::InvalidRequest);
        };
        let seed = self.seed();
        let step = flow::exchange(&access, &grant, &ancestors, with, self.now, &seed);
        self.settle(step.map_err(Refused::from))
    }

    pub(crate) fn revoke(&mut self, grant: &GrantId) {
        if let Some(grant) = self.grant(grant) {
            let step = flow::revoke(&grant, self.now);
            self.commit(&step.changes);
        }
    }

    /// Why a token does not get as far as a model of a provider, if it does not.
    pub(crate) fn knock(&self, token: &AccessToken, provider: &Provider) -> Result<(), ErrorCode> {
        let standing = self.standing(token).ok_or(ErrorCode::InvalidToken)?;
        standing.alive(self.now).map_err(|e| e.code())?;
        parts(standing.allows(), provider, self.now).map_err(|e| e.code())?;
        Ok(())
    }

    /// The accounts of an object, beside the records that they are read from.
    pub(crate) fn chain(&self, part: &Allowed) -> (Chain, Vec<Loaded<Account>>) {
        let shares = part.shares();
        let accounts: Vec<_> = shares.iter().map(|share| self.account(&share.account)).collect();
        let chain = Chain::new(&shares, accounts.iter().map(|loaded| loaded.record.clone()));
        (chain, accounts)
    }

    pub(crate) fn account(&self, name: &str) -> Loaded<Account> {
        self.store.read(name).unwrap_or_else(|| Loaded {
            key: Key::of::<Account>(name),
            version: None,
            record: Account::default(),
        })
    }

    /// Writes accounts back.
    pub(crate) fn keep(&mut self, read: &[Loaded<Account>], chain: &Chain) {
        let changes: Vec<_> =
            read.iter().zip(chain.accounts()).map(|(read, now)| read.replace(now)).collect();
        self.commit(&changes);
    }
}

/// The code in the address that a browser is sent to.
pub(crate) fn code_of(decided: &Decided) -> String {
    let redirect = decided.redirect.as_ref().unwrap();
    redirect.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

/// Everything that belongs to the code flow, and right.
pub(crate) fn redeeming() -> Redeem<'static> {
    Redeem {
        client_id: LOCAL,
        redirect_uri: REDIRECT,
        verifier: Some(VERIFIER),
        key: None,
        narrower: None,
    }
}

pub(crate) fn polling() -> Poll<'static> {
    Poll { client_id: LOCAL, key: None, narrower: None }
}

pub(crate) const fn renewing(token: &RefreshToken) -> Renew<'_> {
    Renew { token, client_id: LOCAL, key: None, narrower: None }
}

pub(crate) const fn exchanging() -> Exchange<'static> {
    Exchange {
        client_id: Some(LOCAL),
        delegate: None,
        key: None,
        delegate_key: None,
        narrower: None,
    }
}

/// Whether a record of a kind is there under the hash of a secret.
pub(crate) fn knows<R: Record>(host: &Host, secret: &str) -> bool {
    host.store.has::<R>(&hash(secret))
}

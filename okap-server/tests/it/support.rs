//! The house: a provider, a vault in front of it, a clock to turn, a client that remembers.

mod app;
mod ask;
mod client;
mod grant;
mod internet;
mod notes;
mod signer;
mod store;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, extract::Request, middleware::map_request};
use http::Response;
use okap_conformance::provider::{self, FakeProvider};
use okap_engine::{
    ledger::Account,
    pico::Pico,
    record::{self, AuditRow, Owner},
};
use okap_server::{
    Asked, AutoApprove, Body, Config, Consent, ConsentPage, Control, Interaction, OkapService,
    Peer, UpstreamProvider, Vault,
    ports::{Clock, Https, Opening, Sending, Upstream},
};
use okap_types::{Provider, Timestamp};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

pub(crate) use app::{App, Members, NOTES, OTHER, Tokens, but, document, exchange, post};
pub(crate) use ask::{Ask, chat, embed, messages, responses, with};
pub(crate) use client::Answer;
pub(crate) use grant::{Granted, VERIFIER, all, challenge, chat_with, first};
pub(crate) use internet::{FRESH, Internet};
pub(crate) use notes::Notes;
pub(crate) use signer::{Key, Signed, key};
pub(crate) use store::{Store, Works};

/// Time enough for anything that happens at all, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Noon in the middle of a month.
pub(crate) const START: &str = "2026-11-15T12:00:00Z";

pub(crate) type Okap = OkapService<Store, Doorman>;

/// A clock that tests turn.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(crate) fn at(moment: &str) -> Self {
        let moment: Timestamp = moment.parse().unwrap();
        Self(Arc::new(AtomicI64::new(moment.unix_millis())))
    }

    pub(crate) fn turn(&self, seconds: i64) {
        self.turn_ms(seconds * 1000);
    }

    pub(crate) fn turn_ms(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, moment: &str) {
        let moment: Timestamp = moment.parse().unwrap();
        self.0.store(moment.unix_millis(), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Sends the user to a page, or decides by policy.
#[derive(Debug)]
pub(crate) enum Doorman {
    Page(ConsentPage),
    Policy(AutoApprove),
}

impl Consent for Doorman {
    async fn ask(&self, request: &Interaction, now: Timestamp) -> Asked {
        match self {
            Self::Page(page) => page.ask(request, now).await,
            Self::Policy(policy) => policy.ask(request, now).await,
        }
    }

    fn is_for_loopback_alone(&self) -> bool {
        match self {
            Self::Page(page) => page.is_for_loopback_alone(),
            Self::Policy(policy) => policy.is_for_loopback_alone(),
        }
    }
}

type Bend = dyn Fn(Response<Body>) -> Response<Body> + Send + Sync;

/// The ordinary way out, whose answers a test may bend.
struct Way {
    https: Https,
    bend: Option<Box<Bend>>,
}

impl Upstream for Way {
    fn send(&self, request: http::Request<bytes::Bytes>) -> Sending<'_> {
        Box::pin(async move {
            let answer = self.https.send(request).await?;
            Ok(match &self.bend {
                Some(bend) => bend(answer),
                None => answer,
            })
        })
    }

    fn open<'a>(&'a self, to: &'a http::Uri) -> Opening<'a> {
        self.https.open(to)
    }
}

type Tune = Box<dyn FnOnce(&mut Config)>;

/// How a house is built.
pub(crate) struct Plan {
    fake: provider::Config,
    path: &'static str,
    policy: Option<AutoApprove>,
    bend: Option<Box<Bend>>,
    tune: Vec<Tune>,
    second: Option<Provider>,
    keys: bool,
    internet: Internet,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let fake = provider::Config::default();
        Self {
            fake,
            path: "",
            policy: None,
            bend: None,
            tune: Vec::new(),
            second: None,
            keys: true,
            internet: Internet::default(),
        }
    }

    /// Changes the provider.
    pub(crate) fn fake(mut self, change: impl FnOnce(&mut provider::Config)) -> Self {
        change(&mut self.fake);
        self
    }

    /// Changes the vault's configuration.
    pub(crate) fn tune(mut self, change: impl FnOnce(&mut Config) + 'static) -> Self {
        self.tune.push(Box::new(change));
        self
    }

    /// Gives the issuer a path.
    pub(crate) fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    /// Lets a policy decide.
    pub(crate) fn policy(self, policy: AutoApprove) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// Bends what the provider answers.
    pub(crate) fn bend(
        self,
        bend: impl Fn(Response<Body>) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        Self { bend: Some(Box::new(bend)), ..self }
    }

    /// Points one more provider at the fake: of the OpenAI style, or Google.
    pub(crate) fn second(self, provider: Provider) -> Self {
        Self { second: Some(provider), ..self }
    }

    /// Puts the document of a client onto the internet.
    pub(crate) fn document(self, url: &str, document: &serde_json::Value) -> Self {
        self.internet.put(url, &document.to_string());
        self
    }

    /// Leaves the vault without keys.
    pub(crate) fn without_keys(self) -> Self {
        Self { keys: false, ..self }
    }

    pub(crate) async fn build(self) -> House {
        let provider = FakeProvider::start(self.fake).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}{}", listener.local_addr().unwrap(), self.path);
        let store = Store::from(match self.keys {
            true => Works::with_keys(&owner(), provider.master_key()),
            false => Works::empty(),
        });
        let mut config = Config::at(issuer.parse().unwrap());
        for (name, style) in [
            (Provider::OpenAi, openai(&provider.url())),
            (Provider::Anthropic, anthropic(&provider.url())),
        ] {
            config = config.upstream(name, style);
        }
        if let Some(second) = self.second {
            let style = match second {
                Provider::Google => google(&provider.url()),
                _ => openai(&provider.url()),
            };
            config = config.upstream(second, style);
        }
        config.longest_call = 1024 * 1024;
        config.answer_within = PATIENCE;
        config.silence = PATIENCE;
        config.request_within = PATIENCE;
        for change in self.tune {
            change(&mut config);
        }
        let page = ConsentPage::at(&config.profile.issuer, "consent");
        let doorman = self.policy.map_or(Doorman::Page(page), Doorman::Policy);
        let clock = Hands::at(START);
        let way = Way { https: Https::new().unwrap(), bend: self.bend };
        let internet = self.internet;
        let okap = OkapService::with_documents(
            config.clone(),
            store,
            doorman,
            way,
            clock.clone(),
            internet.clone(),
        )
        .unwrap();
        let servers = vec![serve(&okap, listener)];
        let notes = Arc::new(Notes::default());
        let nodes = vec![okap.clone()];
        House {
            provider,
            okap,
            nodes,
            config,
            clock,
            issuer,
            notes,
            internet,
            servers,
            done: false,
        }
    }
}

fn serve(okap: &Okap, listener: TcpListener) -> JoinHandle<()> {
    let app = Router::new().fallback_service(okap.clone()).layer(map_request(peer));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() })
}

/// What the host puts beside a request.
async fn peer(ConnectInfo(from): ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(Peer(from.ip()));
    request
}

pub(crate) fn openai(url: &str) -> UpstreamProvider {
    UpstreamProvider::openai_style(format!("{url}/v1").parse().unwrap())
}

pub(crate) fn anthropic(url: &str) -> UpstreamProvider {
    UpstreamProvider {
        base_url: format!("{url}/v1").parse().unwrap(),
        style: okap_server::Style::Anthropic,
        auth: okap_server::Auth::Header("x-api-key"),
    }
}

pub(crate) fn google(url: &str) -> UpstreamProvider {
    UpstreamProvider {
        base_url: format!("{url}/v1beta").parse().unwrap(),
        style: okap_server::Style::Google,
        auth: okap_server::Auth::Header("x-goog-api-key"),
    }
}

pub(crate) fn owner() -> Owner {
    Owner::new("ada")
}

/// A running vault with all that belongs to it; every test ends with [`House::done`].
pub(crate) struct House {
    pub(crate) provider: FakeProvider,
    pub(crate) okap: Okap,
    pub(crate) clock: Hands,
    pub(crate) issuer: String,
    pub(crate) notes: Arc<Notes>,
    pub(crate) internet: Internet,
    /// This one and those beside it.
    nodes: Vec<Okap>,
    config: Config,
    servers: Vec<JoinHandle<()>>,
    done: bool,
}

impl House {
    pub(crate) async fn open() -> Self {
        Plan::new().build().await
    }

    pub(crate) fn control(&self) -> Control<Store, Doorman> {
        self.okap.control()
    }

    /// The same of another node, by the order in which they were started.
    pub(crate) fn control_of(&self, node: usize) -> Control<Store, Doorman> {
        self.nodes[node].control()
    }

    /// The address without a path.
    pub(crate) fn host(&self) -> String {
        let url: Url = self.issuer.parse().unwrap();
        url.authority().to_owned()
    }

    /// Starts another node over the same store; returns where it listens.
    pub(crate) async fn second_node(&mut self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let store = self.control().vault().clone();
        let doorman = Doorman::Page(ConsentPage::at(&self.config.profile.issuer, "consent"));
        let way = Way { https: Https::new().unwrap(), bend: None };
        let config = self.config.clone();
        let (clock, internet) = (self.clock.clone(), self.internet.clone());
        let okap =
            OkapService::with_documents(config, store, doorman, way, clock, internet).unwrap();
        self.servers.push(serve(&okap, listener));
        self.nodes.push(okap);
        address
    }

    pub(crate) fn audit(&self) -> Vec<AuditRow> {
        self.control().vault().audit()
    }

    /// What all calls cost, by the vault's own audit.
    pub(crate) fn charged(&self) -> u64 {
        self.audit().iter().map(|row| row.cost.get()).sum()
    }

    /// How many calls reached the provider.
    pub(crate) fn arrived(&self) -> usize {
        self.provider.ledger().calls.len()
    }

    /// Waits until every call that was admitted is settled, and the provider's side has ended.
    pub(crate) async fn quiet(&self) {
        let ended = || self.provider.ledger().totals.open == 0;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !ended() {
            assert!(tokio::time::Instant::now() < deadline, "a call never ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for node in &self.nodes {
            assert!(node.control().settled(PATIENCE).await, "a call was never settled");
        }
        let accounts = record::Key::all::<Account>();
        for (key, found) in self.control().vault().list(&accounts, None, usize::MAX).await.unwrap()
        {
            let account: Account = serde_json::from_slice(&found.bytes).unwrap();
            assert_eq!(account.pledged(), Pico::ZERO, "{key} has money that nobody uses");
        }
    }

    /// Ends a test: nothing leaked, up or down, and the provider billed no more than was charged.
    pub(crate) async fn done(mut self) {
        self.quiet().await;
        self.done = true;
        let ledger = self.provider.ledger();
        assert!(ledger.violations.is_empty(), "{:#?}", ledger.violations);
        self.notes.check(self.provider.master_key(), &serde_json::to_string(&ledger).unwrap());
        let (billed, charged) = (ledger.totals.billed_pico, self.charged());
        assert!(billed <= charged, "billed {billed}, charged {charged}");
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
        assert!(self.done || std::thread::panicking(), "a test ends with done()");
    }
}

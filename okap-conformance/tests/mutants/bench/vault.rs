//! A vault over real sockets, with a lie at its seams.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use okap_conformance::provider::FakeProvider;
use okap_server::{
    Auth, Config, ConsentPage, Control, MemoryVault, OkapService, Owner, Peer, Style,
    UpstreamProvider, ports::Https,
};
use okap_types::{Provider, Secret};
use tokio::{net::TcpListener, task::JoinHandle};
use tower_service::Service;

use super::{
    documents::Shelf,
    pages::{self, Sessions},
    seams::{Act, Clock, Seams, Store, Way},
    wire::{From, Wire},
};
use crate::{flow, lie::Lie};

/// Most bytes of a body.
const MOST: usize = 64 * 1024 * 1024;

type Okap = OkapService<Store, ConsentPage>;

/// A running vault. Ends when it is dropped.
pub(crate) struct Vault {
    pub(crate) url: String,
    pub(crate) works: Arc<Works>,
    server: JoinHandle<()>,
}

/// What a vault is made of, and what of it outlives a restart.
pub(crate) struct Works {
    config: Config,
    store: Store,
    seams: Arc<Seams>,
    pub(crate) clock: Clock,
    pub(crate) shelf: Shelf,
    pub(super) sessions: Sessions,
    running: RwLock<Option<Okap>>,
}

impl Vault {
    /// One that calls this provider, whatever it is asked to call.
    pub(crate) async fn start(provider: &FakeProvider, lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer: url::Url = url.parse().unwrap();
        let mut config = Config::at(issuer.clone());
        let owner = owner();
        let mut vault = MemoryVault::new();
        for (name, version, style, auth) in [
            (Provider::OpenAi, "v1", Style::OpenAi, Auth::Bearer),
            (Provider::Anthropic, "v1", Style::Anthropic, Auth::Header("x-api-key")),
            (Provider::Google, "v1beta", Style::Google, Auth::Header("x-goog-api-key")),
        ] {
            let base_url = format!("{}/{version}", provider.url()).parse().unwrap();
            config = config.upstream(name.clone(), UpstreamProvider { base_url, style, auth });
            vault = vault.with_key(&owner, name, Secret::from(provider.master_key()));
        }
        config.dpop_nonce = true;
        config.answer_within = Duration::from_secs(15);
        config.device_page = Some(issuer.join("okap/device").unwrap());
        if let Some(change) = lie.config {
            change(&mut config);
        }
        let seams = Arc::new(Seams::new(lie));
        let works = Arc::new(Works {
            config,
            store: Store::new(vault, seams.clone()),
            clock: Clock::new(seams.clone()),
            shelf: Shelf::new(seams.clone()),
            sessions: Sessions::default(),
            running: RwLock::default(),
            seams,
        });
        works.begin();
        let router = Router::new().fallback(answer).with_state(works.clone());
        let service = router.into_make_service_with_connect_info::<From>();
        let wire = Wire { listener, lie: lie.wire };
        let server = tokio::spawn(async move { axum::serve(wire, service).await.unwrap() });
        Self { url, works, server }
    }
}

impl Works {
    fn begin(&self) {
        let consent = ConsentPage::at(&self.config.profile.issuer, "consent");
        let okap = OkapService::with_documents(
            self.config.clone(),
            self.store.clone(),
            consent,
            Way::new(Https::new().unwrap(), self.seams.clone()),
            self.clock.clone(),
            self.shelf.clone(),
        );
        *self.running.write().unwrap() = Some(okap.unwrap());
    }

    fn okap(&self) -> Okap {
        self.running.read().unwrap().clone().unwrap()
    }

    pub(crate) fn control(&self) -> Control<Store, ConsentPage> {
        self.okap().control()
    }

    pub(crate) fn lie(&self) -> Lie {
        self.seams.lie
    }

    /// Another vault over the same store, at the same address.
    pub(crate) async fn restart(&self) {
        self.control().settled(Duration::from_secs(2)).await;
        self.seams.memory.keep("restarted", true.into());
        self.begin();
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn owner() -> Owner {
    Owner::new("owner")
}

async fn answer(
    State(works): State<Arc<Works>>,
    ConnectInfo(From(from)): ConnectInfo<From>,
    mut request: Request,
) -> Response<Body> {
    request.extensions_mut().insert(Peer(from.ip()));
    // a body that is longer than can be is not waited for, and nothing is told about it
    let length = request.headers().get("content-length").and_then(|l| l.to_str().ok());
    let longest = length.is_some_and(|l| l.parse().is_ok_and(|l: usize| l > MOST / 8));
    let (head, body) = request.into_parts();
    let (said, rest) = match longest {
        true => (Bytes::new(), Some(body)),
        false => match to_bytes(body, MOST).await {
            Ok(said) => (said, None),
            Err(_) => return Response::builder().status(400).body(Body::empty()).unwrap(),
        },
    };
    let mut whole = http::Request::from_parts(head, said);
    let act = Act::of(&whole);
    act.clone()
        .during(async move {
            let (seams, mut okap) = (&works.seams, works.okap());
            let Lie { request: ask, response: say, left, .. } = seams.lie;
            if let Some(lie) = ask.filter(|_| !longest) {
                lie(&act.scene(seams), &mut whole);
                whole.headers_mut().remove("content-length");
            }
            if let Some(mut page) = pages::answer(&okap.control(), &works.sessions, &whole).await {
                if let Some(lie) = say {
                    lie(&act.scene(seams), &mut page);
                }
                return page.map(Body::from);
            }
            let request = match rest {
                Some(body) => whole.map(|_| body),
                None => whole.map(Body::from),
            };
            let mut response = okap.call(request).await.unwrap_or_else(|never| match never {});
            if left.is_some() {
                response = response.map(|body| flow::noted(body, act.left.clone()));
            }
            match say {
                None => response.map(Body::new),
                Some(lie) => {
                    let told = told(response, |response| lie(&act.scene(seams), response));
                    told.await.map(Body::new)
                }
            }
        })
        .await
}

/// An answer with a lie told about it; of a stream about its head alone.
pub(super) async fn told(
    response: Response<okap_server::Body>,
    lie: impl FnOnce(&mut Response<Bytes>),
) -> Response<okap_server::Body> {
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
        let (head, body) = response.into_parts();
        let mut head = Response::from_parts(head, Bytes::new());
        lie(&mut head);
        return head.map(|_| body);
    }
    let mut whole = read(response).await;
    lie(&mut whole);
    whole.headers_mut().remove("content-length");
    whole.map(boxed)
}

/// Reads an answer whole; one that breaks off is cut where it broke.
async fn read(response: Response<okap_server::Body>) -> Response<Bytes> {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    Response::from_parts(head, bytes.into())
}

/// A whole body as the vault's own answers have it.
fn boxed(bytes: Bytes) -> okap_server::Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

//! A vault over real sockets, with a lie at its seams.

use std::{net::SocketAddr, sync::Arc};

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

use super::seams::{Act, Clock, Seams, Store, Way};
use crate::lie::Lie;

/// Most bytes of a body.
const MOST: usize = 64 * 1024 * 1024;

type Okap = OkapService<Store, ConsentPage>;

/// A running vault. Ends when it is dropped.
pub(crate) struct Vault {
    pub(crate) url: String,
    pub(crate) control: Control<Store, ConsentPage>,
    pub(crate) clock: Clock,
    server: JoinHandle<()>,
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
        config.device_page = Some(issuer.join("okap/device").unwrap());
        if let Some(change) = lie.config {
            change(&mut config);
        }
        let seams = Arc::new(Seams::new(lie));
        let clock = Clock::new(seams.clone());
        let okap = OkapService::with_ports(
            config,
            Store::new(vault, seams.clone()),
            ConsentPage::at(&issuer, "consent"),
            Way::new(Https::new().unwrap(), seams.clone()),
            clock.clone(),
        )
        .unwrap();
        let control = okap.control();
        let router = Router::new().fallback(answer).with_state((okap, seams));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { url, control, clock, server }
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
    State((mut okap, seams)): State<(Okap, Arc<Seams>)>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response<Body> {
    request.extensions_mut().insert(Peer(from.ip()));
    let act = Act::of(&request);
    act.clone()
        .during(async move {
            let Lie { request: ask, response: say, .. } = seams.lie;
            if let Some(lie) = ask {
                let (head, body) = request.into_parts();
                let mut whole =
                    http::Request::from_parts(head, to_bytes(body, MOST).await.unwrap());
                lie(&act.scene(&seams), &mut whole);
                whole.headers_mut().remove("content-length");
                request = whole.map(Body::from);
            }
            let response = okap.call(request).await.unwrap_or_else(|never| match never {});
            match say {
                None => response.map(Body::new),
                Some(lie) => {
                    let mut whole = read(response).await;
                    lie(&act.scene(&seams), &mut whole);
                    whole.headers_mut().remove("content-length");
                    whole.map(Body::from)
                }
            }
        })
        .await
}

/// Reads an answer whole; one that breaks off is cut where it broke.
pub(super) async fn read(response: Response<okap_server::Body>) -> Response<Bytes> {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    Response::from_parts(head, bytes.into())
}

/// A whole body as the vault's own answers have it.
pub(super) fn boxed(bytes: Bytes) -> okap_server::Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

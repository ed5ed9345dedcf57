//! What the vault adds to a call beside sockets and the store: `cargo bench -p okap-server`.
//!
//! The store is in memory and the provider answers at once, so that what is left is the walk itself:
//! token, grant, route, body, hold, master key, request, meter, settlement, row of the audit.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

use bytes::Bytes;
use divan::Bencher;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use okap_server::{
    AutoApprove, Body, Config, MemoryVault, OkapService, Owner,
    ports::{Sending, SystemClock, Upstream},
};
use okap_types::{Limits, Money, Provider, Secret};
use tokio::runtime::Runtime;
use tower_service::Service;

const CALL: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are brief."},{"role":"user","content":"Say hello to the world, and then say goodbye."}],"max_tokens":64}"#;

const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Hello, world, and goodbye."},"finish_reason":"stop"}],"usage":{"prompt_tokens":29,"completion_tokens":7,"total_tokens":36}}"#;

/// Calls of one round at a time.
const AT_ONCE: [usize; 2] = [1, 64];

fn main() {
    divan::main();
}

/// A provider that answers at once.
struct AtOnce;

impl Upstream for AtOnce {
    fn send(&self, _: Request<Bytes>) -> Sending<'_> {
        Box::pin(async {
            let body = Full::new(Bytes::from_static(ANSWER.as_bytes()));
            let answer = Response::builder().header("content-type", "application/json");
            Ok(answer.body(Body::new(body.map_err(|never| match never {}))).unwrap())
        })
    }
}

/// A vault and a token of it, under caps that no run reaches.
struct Bench {
    runtime: Runtime,
    okap: OkapService<MemoryVault, AutoApprove>,
    token: String,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let owner = Owner::new("me");
        let vault = MemoryVault::new().with_key(&owner, Provider::OpenAi, Secret::from("sk-bench"));
        let caps = Limits::monthly(Money::usd(1_000_000));
        let policy = AutoApprove::for_owner(owner).models(["gpt-4o-mini"]).unwrap().limits(caps);
        let config = Config::at("http://127.0.0.1:8787".parse().unwrap());
        let okap = OkapService::with_ports(config, vault, policy, AtOnce, SystemClock).unwrap();
        let ask = r#"{"okap":"1.0","request":{"provider":"openai","models":["gpt-4o-mini"]},"client":{"name":"Bench"}}"#;
        let (status, granted) = runtime.block_on(send(&okap, post("/okap/authorize", None, ask)));
        assert_eq!(status, 200, "{granted}");
        let granted: serde_json::Value = serde_json::from_str(&granted).unwrap();
        let token = granted["token"].as_str().unwrap().to_owned();
        Self { runtime, okap, token }
    }

    fn calls(&self, many: usize, token: &str, status: u16) {
        self.runtime.block_on(async {
            let calls = (0..many)
                .map(|_| send(&self.okap, post("/v1/openai/chat/completions", Some(token), CALL)));
            for (got, said) in futures_util::future::join_all(calls).await {
                assert_eq!(got, status, "{said}");
            }
        });
    }
}

fn post(path: &str, token: Option<&str>, body: &'static str) -> Request<Full<Bytes>> {
    let mut request = Request::post(path)
        .header("host", "127.0.0.1:8787")
        .header("content-type", "application/json")
        .header("content-length", body.len());
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

async fn send(
    okap: &OkapService<MemoryVault, AutoApprove>,
    request: Request<Full<Bytes>>,
) -> (u16, String) {
    let answer = okap.clone().call(request).await.unwrap_or_else(|never| match never {});
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// A whole call, settled, for each that is under way at once.
#[divan::bench(args = AT_ONCE, sample_count = 1_000)]
fn whole_call(bencher: Bencher<'_, '_>, at_once: usize) {
    let bench = Bench::new();
    bencher
        .counter(divan::counter::ItemsCount::new(at_once))
        .bench_local(|| bench.calls(at_once, &bench.token, 200));
}

/// A token that nobody has: looked up in the store each time, and refused.
#[divan::bench(sample_count = 1_000)]
fn unknown_token(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    let unknown = format!("okap_at_{}", "A".repeat(43));
    bencher.bench_local(|| bench.calls(1, &unknown, 401));
}

//! An app that calls, in every way an app may.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use okap_client::{Access, Capability, Limits, ModelAccess, Provider};
use serde_json::json;

use crate::{http, stage::Stage};

/// What an app waits for an answer; longer than any wait within the vault.
const PATIENCE: Duration = Duration::from_secs(40);

/// How one call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Whole,
    Stream,
    /// A stream that the app leaves in the middle.
    Abort,
    /// A model that was not granted.
    Refused,
    /// A call to which the provider answers with an error, where a rule says so.
    Failing,
}

/// What became of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) kind: Kind,
    /// Prompt and completion tokens: no two calls of an app have the same, for 2,500 calls.
    pub(crate) tokens: (u64, u64),
    /// 0 where no answer came.
    pub(crate) status: u16,
    /// Whether the app has all of it.
    pub(crate) whole: bool,
    pub(crate) began_ms: u64,
    pub(crate) ended_ms: u64,
}

pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) access: Access,
    host: String,
    ports: Vec<u16>,
    sent: AtomicU64,
    done: Mutex<Vec<Done>>,
}

impl App {
    pub(crate) async fn granted(stage: &Stage, name: &str, limits: Limits) -> Arc<Self> {
        let ask = ModelAccess::new(Provider::OpenAi)
            .models(["gpt-4o-mini", "text-embedding-3-small"])
            .capabilities([Capability::Chat, Capability::Embeddings])
            .limits(limits);
        Arc::new(Self {
            name: name.to_owned(),
            access: stage.grant(name, ask).await,
            host: stage.issuer.authority().to_owned(),
            ports: stage.ports(),
            sent: AtomicU64::new(0),
            done: Mutex::default(),
        })
    }

    /// Forgets what was done, and begins again with the names of calls.
    pub(crate) fn take(&self) -> Vec<Done> {
        self.sent.store(0, Ordering::SeqCst);
        std::mem::take(&mut self.done.lock().unwrap())
    }

    /// One call at a node.
    pub(crate) async fn call(&self, node: usize, kind: Kind) -> Done {
        let number = self.sent.fetch_add(1, Ordering::SeqCst);
        let words = 1 + number % 50;
        let prompt = format!("{} say {words} words ", self.name);
        let size = 80 + 4 * (number / 50 % 50);
        let prompt = format!("{prompt:x<0$}", usize::try_from(size).unwrap());
        let body = match kind {
            Kind::Failing => json!({"model": "text-embedding-3-small", "input": prompt}),
            _ => json!({
                "model": if kind == Kind::Refused { "gpt-4o" } else { "gpt-4o-mini" },
                "max_tokens": 60, "stream": matches!(kind, Kind::Stream | Kind::Abort),
                "messages": [{"role": "user", "content": prompt}],
            }),
        };
        let path = if kind == Kind::Failing { "embeddings" } else { "chat/completions" };
        let began_ms = now_ms();
        let Answer { status, whole, ceiling } =
            self.send(node, path, &body, kind == Kind::Abort).await;
        let tokens = (size.div_ceil(4) + 3, words.min(ceiling));
        let done = Done { kind, tokens, status, whole, began_ms, ended_ms: now_ms() };
        self.done.lock().unwrap().push(done);
        done
    }

    /// Sends a body, and reads what comes.
    pub(crate) async fn send(
        &self,
        node: usize,
        path: &str,
        body: &serde_json::Value,
        leaves: bool,
    ) -> Answer {
        let port = self.ports[node];
        let url = format!("http://127.0.0.1:{port}/v1/openai/{path}");
        let token = self.access.token().expose();
        let sent = client().post(url).header("host", &self.host).bearer_auth(token).json(body);
        let Ok(Ok(mut answer)) = tokio::time::timeout(PATIENCE, sent.send()).await else {
            return Answer::NONE;
        };
        let lowered = answer.headers().get("okap-output-ceiling");
        let ceiling = lowered.map_or(u64::MAX, |most| most.to_str().unwrap().parse().unwrap());
        let mut got = Answer { status: answer.status().as_u16(), whole: false, ceiling };
        if leaves && got.status == 200 {
            let _ = tokio::time::timeout(PATIENCE, answer.chunk()).await;
        } else if let Ok(Ok(bytes)) = tokio::time::timeout(PATIENCE, answer.bytes()).await {
            let text = String::from_utf8_lossy(&bytes);
            // an event stream that is whole says so
            got.whole = !text.starts_with("data:") || text.contains("[DONE]");
        }
        got
    }
}

/// What an app sees of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// 0 where none came.
    pub(crate) status: u16,
    pub(crate) whole: bool,
    /// The most tokens that it may have, as the vault says where it lowered that.
    pub(crate) ceiling: u64,
}

impl Answer {
    const NONE: Self = Self { status: 0, whole: false, ceiling: u64::MAX };
}

pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
}

fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        // no connection outlives the runtime of the test that made it
        http::plain().pool_max_idle_per_host(0).build().unwrap()
    })
}

//! The client as a program that is told what to do: a line of JSON in, lines of JSON out. The
//! suite `interop/peers` puts it before an authorization server by other hands.
//!
//! ```text
//! echo '{"do":"code","ask":[{"type":"ai_model_access","provider":"openai"}]}' |
//!     cargo run -p okap-client --example driven -- '{"vault":"http://127.0.0.1:8273"}'
//! ```
#![allow(clippy::print_stdout, reason = "this is its interface")]

use std::{env, error::Error as StdError, io, time::Duration};

use okap_client::{Access, Ask, Client, ClientInfo, Error, Key, ModelAccess, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

type Failure = Box<dyn StdError>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    vault: String,
    #[serde(default)]
    bind: bool,
    document: Option<String>,
    key: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    /// Asks in a browser; `{"open": …}` says which address.
    Code {
        ask: Vec<ModelAccess>,
    },
    /// Asks on another device; `{"type": …, "at": …, "complete": …}` says what and where.
    Device {
        ask: Vec<ModelAccess>,
    },
    /// Asks directly; gives the address of the consent page and does not wait.
    Start {
        ask: Vec<ModelAccess>,
    },
    Refresh,
    /// Refreshes with the access before the last one.
    RefreshOld,
    Narrow {
        ask: Vec<ModelAccess>,
    },
    Delegate {
        ask: Vec<ModelAccess>,
    },
    Headers {
        method: String,
        url: String,
    },
    CheckResources,
    Limits,
    Grant,
    Revoke,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let settings = env::args().nth(1).ok_or("give the settings as JSON")?;
    let mut driven = Driven::new(serde_json::from_str(&settings)?)?;
    for line in io::stdin().lines() {
        let answer = match driven.obey(serde_json::from_str(&line?)?).await {
            Ok(value) => json!({"ok": value}),
            Err(error) => match error.downcast_ref::<Error>() {
                Some(error) => json!({"error": words(error), "text": error.to_string()}),
                None => return Err(error),
            },
        };
        println!("{answer}");
    }
    Ok(())
}

struct Driven {
    okap: Client,
    access: Option<Access>,
    old: Option<Access>,
}

impl Driven {
    fn new(settings: Settings) -> Result<Self, Failure> {
        let mut okap = Client::builder(settings.vault.parse()?, ClientInfo::new("Driven")?);
        if settings.bind {
            okap = okap.bind_tokens();
        }
        if let Some(document) = settings.document {
            okap = okap.client_id(document.parse()?);
        }
        if let Some(pem) = settings.key {
            okap = okap.signing_key(Key::from_pem(&Secret::new(pem))?);
        }
        Ok(Self { okap: okap.build()?, access: None, old: None })
    }

    async fn obey(&mut self, order: Order) -> Result<Value, Failure> {
        match order {
            Order::Code { ask } => {
                let show = |url: &url::Url| println!("{}", json!({"open": url.as_str()}));
                let access = self.okap.authorize_with(ask, show).await?;
                Ok(self.keep(access))
            }
            Order::Device { ask } => {
                let prompt = self.okap.start_on_device(ask).await?;
                let complete = prompt.verification_uri_complete().map(|url| url.as_str());
                let at = prompt.verification_uri().as_str();
                let shown = json!({"type": prompt.user_code(), "at": at, "complete": complete});
                println!("{shown}");
                let access = prompt.wait(Duration::from_secs(60)).await?;
                Ok(self.keep(access))
            }
            Order::Start { ask } => {
                let pending = self.okap.start(ask).await?;
                Ok(json!(pending.consent_url().map(|url| url.as_str())))
            }
            Order::Refresh => {
                let access = self.okap.refresh(self.held()?).await?;
                Ok(self.keep(access))
            }
            Order::RefreshOld => {
                let old = self.old.as_ref().ok_or("there is no access before the last one")?;
                Ok(shown(&self.okap.refresh(old).await?))
            }
            Order::Narrow { ask } => {
                let access = self.okap.narrow(self.held()?, ask).await?;
                Ok(self.keep(access))
            }
            Order::Delegate { ask } => {
                let ask = Ask::from(ask);
                Ok(shown(&self.okap.delegate(self.held()?, ask, "A delegate", None).await?))
            }
            Order::Headers { method, url } => {
                let headers = self.held()?.headers(&method.parse()?, &url.parse()?)?;
                let text = |value: &http::HeaderValue| value.to_str().map(Value::from);
                let all = headers.iter().map(|(name, value)| Ok((name.to_string(), text(value)?)));
                let all = all.collect::<Result<serde_json::Map<_, _>, Failure>>();
                Ok(Value::Object(all?))
            }
            Order::CheckResources => Ok(json!(self.okap.check_resources(self.held()?).await?)),
            Order::Limits => Ok(json!(self.okap.limits(self.held()?).await?)),
            Order::Grant => Ok(json!(self.okap.grant(self.held()?).await?)),
            Order::Revoke => Ok(json!(self.okap.revoke(self.held()?).await?)),
        }
    }

    fn held(&self) -> Result<&Access, Failure> {
        self.access.as_ref().ok_or_else(|| "there is no access".into())
    }

    fn keep(&mut self, access: Access) -> Value {
        let shown = shown(&access);
        self.old = self.access.replace(access);
        shown
    }
}

fn shown(access: &Access) -> Value {
    json!({
        "grant_id": access.grant_id(),
        "granted": access.granted(),
        "bound": access.is_bound(),
        "renewable": access.is_renewable(),
        "expires_in": access.expires_in().as_secs(),
        "differences": access.differences().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// What an error says of itself.
fn words(error: &Error) -> Vec<&'static str> {
    [
        ("denied", error.is_denied()),
        ("expired", error.is_expired()),
        ("reauthorize", error.is_reauthorize()),
        ("timeout", error.is_timeout()),
        ("network", error.is_network()),
        ("invalid_request", error.is_invalid_request()),
        ("vault", error.is_vault()),
        ("temporary", error.is_temporary()),
        ("untrusted", error.is_untrusted()),
        ("wider", error.is_wider()),
        ("unbound", error.is_unbound()),
    ]
    .into_iter()
    .filter_map(|(word, is)| is.then_some(word))
    .collect()
}

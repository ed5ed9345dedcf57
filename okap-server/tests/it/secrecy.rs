//! No key and no token in a log, a record, or a `{:?}`.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use okap_conformance::provider::{Fault, Rule};
use okap_engine::token::Seed;
use okap_server::{AutoApprove, ConsentPage, MemoryVault, Upstreams};
use okap_types::{Provider, Secret, token::AccessToken};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    pushed::{form, push},
    support::{Ask, House, Plan, all, chat_with, owner},
};

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

// one thread, so that the subscriber hears the server, the provider and the client
#[tokio::test]
async fn v188_no_log_at_any_level_holds_a_key_a_token_or_a_prompt() {
    let log = Log::default();
    // beside a second one, `tracing` asks both and not just the thread that happens to be first
    let _deaf = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    let _heard = tracing::subscriber::set_default(
        subscriber.with_writer(log.clone()).with_ansi(false).finish(),
    );

    let house = Plan::new()
        .tune(|config| config.answer_within = std::time::Duration::from_millis(500))
        .build()
        .await;
    let granted =
        house.grant(chat_with(json!({"monthly_spend": 1, "requests_per_minute": 40}))).await;
    let wide = house.wide().await;
    let pushed = house.send(push(&form())).await;
    house.visit(&pushed).await;
    let secret = "my-very-private-prompt";
    let said = json!({"messages": [{"role": "user", "content": secret}]});
    for fault in [
        None,
        Some(Fault::status(500)),
        Some(Fault::Hang),
        Some(Fault::Html),
        Some(Fault::TruncatedJson),
        Some(Fault::Cut { after: 2 }),
        Some(Fault::EchoCredential),
        Some(Fault::Status { status: 401, retry_after: None, echo: true }),
        Some(Fault::redirect("http://evil.test/?key=x")),
    ] {
        for stream in [false, true] {
            let body = crate::support::with(said.clone(), json!({"stream": stream}));
            for ask in
                [Ask::chat(&granted.token, body.clone()), Ask::message(&wide.token, body.clone())]
            {
                if let Some(fault) = &fault {
                    house.provider.set_fault(Rule::fault(fault.clone()).times(1));
                }
                house.send(ask).await;
            }
        }
    }
    let store = house.control();
    house
        .send(
            Ask::chat(&granted.token, said.clone())
                .target(&format!("/v1/openai/chat/completions?key={}", granted.token)),
        )
        .await;
    house.send(Ask::chat(&format!("{}x", granted.token), said.clone())).await;
    house
        .send(
            Ask::post("/okap/token")
                .form(&[("code", &granted.token), ("grant_type", "authorization_code")]),
        )
        .await;
    store.vault().full(true);
    house.send(Ask::chat(&granted.token, said.clone())).await;
    store.vault().full(false);
    store.vault().locked(true);
    house.send(Ask::chat(&granted.token, said)).await;
    store.vault().locked(false);
    house.send(Ask::post("/okap/revoke").form(&[("token", &granted.token)])).await;
    house.quiet().await;

    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("TRACE") && log.len() > 10_000, "nothing was heard");
    let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    for hidden in [
        house.provider.master_key(),
        &granted.token,
        &wide.token,
        secret,
        &request_uri,
        "okap_at_",
        "okap_ct_",
    ] {
        let line = log.lines().find(|line| line.contains(hidden));
        assert_eq!(line, None, "{hidden}");
    }
    house.done().await;
}

#[tokio::test]
async fn v188_no_record_holds_a_key_or_a_token() {
    let house = House::open().await;
    let granted = house.plain().await;
    let pending = house.ask(&chat_with(json!({}))).await;
    let pushed = house.send(push(&form())).await;
    house.visit(&pushed).await;
    house
        .send(Ask::chat(
            &granted.token,
            json!({"messages": [{"role": "user", "content": "my-very-private-prompt"}]}),
        ))
        .await;
    house.quiet().await;
    let mut text = format!("{:?}", house.audit());
    for (key, record) in house.control().vault().everything().await {
        text.push_str(&format!("{key} {}\n", String::from_utf8_lossy(&record.bytes)));
    }
    let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let continuation = pending.json()["continue"]["access_token"].as_str().unwrap().to_owned();
    for hidden in [
        house.provider.master_key(),
        &granted.token,
        &request_uri,
        &continuation,
        "okap_at_",
        "okap_ac_",
        "my-very-private-prompt",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    house.done().await;
}

#[tokio::test]
async fn v188_nothing_public_prints_a_secret() {
    let house = House::open().await;
    let granted = house.plain().await;
    let pending = house.ask(&chat_with(json!({}))).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    let decided = house.decide(&asked, &all(&asked)).await.unwrap();
    let key = house.provider.master_key().to_owned();
    let memory = MemoryVault::new().with_key(&owner(), Provider::OpenAi, Secret::from(&*key));
    let token = AccessToken::from_random(&Secret::new([7; 32]));
    let shown = [
        format!("{:?}", house.okap),
        format!("{:#?}", house.control()),
        format!("{memory:?}"),
        format!("{token:?}"),
        format!("{:?}", Seed::new(Secret::new([7; 32]))),
        format!("{:?}", Secret::from(&*key)),
        format!("{:?}", Secret::new([7u8; 32])),
        format!("{decided:?}"),
        format!("{:?}", granted.grant),
        format!("{asked:?}"),
        format!("{:?}", house.audit()),
        format!("{:?}", AutoApprove::for_owner(owner())),
        format!("{:?}", ConsentPage::at(&house.issuer.parse().unwrap(), "c")),
        format!("{:?}", Upstreams::presets()),
        format!("{:?}", okap_server::Config::at(house.issuer.parse().unwrap()).upstreams),
    ];
    for text in shown {
        for hidden in [&*key, &granted.token, token.expose(), "okap_at_", "[7, 7, 7"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
    house.done().await;
}

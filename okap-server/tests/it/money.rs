//! What a call may cost, what it is charged, and ways to spend more.

use okap_conformance::provider::{Fault, Price, Rule};
use okap_engine::price::{Override, PriceBook};
use okap_types::{Limits, Money, Provider};
use serde_json::{Value, json};

use crate::support::{
    Ask, Granted, House, Plan, chat_with, embed, first, messages, openai, responses,
};

const CHAT: &str = "/v1/openai/chat/completions";

pub(crate) fn capped(usd: &str) -> Value {
    chat_with(json!({"monthly_spend": usd}))
}

pub(crate) fn claude(usd: &str) -> Value {
    json!({
        "type": "ai_model_access", "provider": "anthropic", "models": ["claude-sonnet-5"],
        "capabilities": ["chat"], "limits": {"monthly_spend": usd},
    })
}

pub(crate) fn prices(json: &str) -> impl FnOnce(&mut okap_server::Config) + 'static {
    let own: Override = serde_json::from_str(json).unwrap();
    let book = PriceBook::embedded().unwrap().with_overrides(&[own]);
    move |config| config.prices = Some(std::sync::Arc::new(book))
}

impl House {
    pub(crate) fn billed(&self) -> u64 {
        self.provider.ledger().totals.billed_pico
    }
}

#[tokio::test]
async fn a_call_is_charged_what_the_provider_bills() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for ask in [
        Ask::chat(&token, json!({})),
        Ask::chat(&token, json!({"stream": true, "n": 2})),
        Ask::post("/v1/openai/responses").bearer(&token).json(&responses(json!({}))),
        Ask::post("/v1/openai/responses").bearer(&token).json(&responses(json!({"stream": true}))),
        Ask::post("/v1/openai/embeddings").bearer(&token).json(&embed(json!({}))),
        Ask::message(&token, json!({})),
        Ask::message(&token, json!({"stream": true})),
        Ask::post("/v1/anthropic/v1/messages/count_tokens")
            .bearer(&token)
            .json(&messages(json!({}))),
    ] {
        let (billed, charged) = (house.billed(), house.charged());
        assert!(house.send(ask.clone()).await.whole);
        house.quiet().await;
        assert_eq!(house.charged() - charged, house.billed() - billed, "{ask:?}");
        assert!(!house.audit().last().unwrap().estimated);
    }
    house.done().await;
}

#[tokio::test]
async fn v175_usage_of_zero_is_zero_and_missing_usage_is_the_bound() {
    let house = House::open().await;
    let token = house.wide().await.token;
    let asks = [
        Ask::chat(&token, json!({})),
        Ask::chat(&token, json!({"stream": true})),
        Ask::chat(&token, json!({"stream": true, "stream_options": {"include_usage": true}})),
        Ask::post("/v1/openai/responses").bearer(&token).json(&responses(json!({}))),
        Ask::post("/v1/openai/responses").bearer(&token).json(&responses(json!({"stream": true}))),
        Ask::post("/v1/openai/embeddings").bearer(&token).json(&embed(json!({}))),
        Ask::message(&token, json!({})),
        Ask::message(&token, json!({"stream": true})),
    ];
    for ask in asks {
        for (fault, zero) in [(Fault::ZeroUsage, true), (Fault::NoUsage, false)] {
            let (billed, charged) = (house.billed(), house.charged());
            house.provider.set_fault(Rule::fault(fault).times(1));
            assert_eq!(house.send(ask.clone()).await.status, 200);
            house.quiet().await;
            let (billed, charged) = (house.billed() - billed, house.charged() - charged);
            let row = house.audit().last().unwrap().clone();
            match zero {
                true => assert_eq!((billed, charged, row.estimated), (0, 0, false), "{ask:?}"),
                false => assert!(
                    row.estimated && charged >= billed && billed > 0,
                    "{ask:?}: {billed} {charged}"
                ),
            }
        }
    }
    house.done().await;
}

#[tokio::test]
async fn v178_a_model_without_a_price_does_not_pass_a_cap() {
    let plan = Plan::new().fake(|fake| {
        fake.prices.insert("my-model".into(), Price::default());
    });
    let house = plan.build().await;
    let details = |limits: Value| {
        let mut details = chat_with(limits);
        details["models"] = json!(["my-model", "gpt-4o-mini"]);
        details
    };
    let ask = |granted: &Granted| Ask::chat(&granted.token, json!({"model": "my-model"}));
    for limits in [json!({"monthly_spend": 5}), json!({"daily_spend": 1_000_000})] {
        let capped = house.grant(details(limits)).await;
        assert_eq!(house.send(ask(&capped)).await.says(), (403, "model_not_priced".into()));
        assert_eq!(house.arrived(), 0);
    }
    let open = house.grant(details(json!({"requests_per_day": 9}))).await;
    assert_eq!(house.send(ask(&open)).await.status, 200);
    let capped = house.grant(details(json!({"monthly_spend": 5}))).await;
    assert_eq!(house.send(Ask::chat(&capped.token, json!({}))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v177_a_model_that_bills_beside_its_tokens_does_not_pass_a_cap() {
    let house = Plan::new().build().await;
    for model in [
        "gpt-4o-mini-search-preview",
        "gpt-4o-search-preview",
        "gpt-5-search-api",
        "o3-deep-research",
        "o4-mini-deep-research-2025-06-26",
    ] {
        let mut details = capped("1000");
        details["models"] = json!([model]);
        let granted = house.grant(details).await;
        let refused =
            house.send(Ask::chat(&granted.token, json!({"model": model, "max_tokens": 20}))).await;
        assert_eq!(refused.says(), (403, "model_not_priced".into()), "{model}");
    }
    assert_eq!(house.arrived(), 0);
    house.done().await;
}

#[tokio::test]
async fn v179_a_call_that_may_have_arrived_keeps_its_hold() {
    let house = Plan::new()
        .tune(|config| config.answer_within = std::time::Duration::from_millis(300))
        .build()
        .await;
    let granted = house.grant(capped("1")).await;
    house.provider.set_fault(Rule::fault(Fault::Hang).times(1));
    let refused = house.send(Ask::chat(&granted.token, json!({"max_tokens": 1000}))).await;
    assert_eq!(refused.says(), (504, "upstream_timeout".into()));
    house.quiet().await;
    // a thousand tokens of output at least
    assert!(house.used(&granted).await >= 600_000_000, "{}", house.used(&granted).await);
    assert!(house.audit()[0].estimated);
    let before = house.used(&granted).await;
    house.provider.set_fault(Rule::fault(Fault::status(500)).times(1));
    assert_eq!(
        house.send(Ask::chat(&granted.token, json!({"max_tokens": 1000}))).await.status,
        502
    );
    house.quiet().await;
    assert_eq!(house.used(&granted).await, before);
    house.done().await;
}

#[tokio::test]
async fn v184_a_cap_lowered_below_what_is_spent_refuses_the_next_call() {
    let house = House::open().await;
    let granted = house.grant(capped("1")).await;
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    house.quiet().await;
    assert!(house.used(&granted).await > 1_000_000);
    let lower = house.grant_as(capped("1"), |asked| {
        first(asked, |part| part.limits = Limits::monthly(Money::from_micros(1).unwrap()))
    });
    let lower = lower.await;
    let refused = house.send(Ask::chat(&lower.token, json!({}))).await;
    assert_eq!(
        (refused.says(), refused.header("x-should-retry")),
        ((402, "spend_limit_exceeded".into()), Some("false"))
    );
    assert_eq!(refused.json()["okap"]["limit"], "0.000001");
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn a_cap_of_zero_is_no_paid_use_and_free_models_stay_free() {
    let own =
        r#"{"provider": "openai", "model": "my-model", "prices": {"input": "0", "output": "0"}}"#;
    let plan = Plan::new().tune(prices(own)).fake(|fake| {
        fake.prices.insert("my-model".into(), Price::default());
    });
    let house = plan.build().await;
    for limits in [json!({"monthly_spend": 0}), json!({"daily_spend": "0.00"})] {
        let mut details = chat_with(limits);
        details["models"] = json!(["gpt-4o-mini", "my-model"]);
        let granted = house.grant(details).await;
        assert_eq!(
            house.send(Ask::chat(&granted.token, json!({}))).await.says(),
            (402, "spend_limit_exceeded".into())
        );
        assert_eq!(house.arrived(), 0);
        assert_eq!(
            house.send(Ask::chat(&granted.token, json!({"model": "my-model"}))).await.status,
            200
        );
        assert_eq!(house.charged(), 0);
        house.provider.reset();
    }
    house.done().await;
}

#[tokio::test]
async fn a_prompt_is_bounded_by_its_bytes_and_a_picture_by_the_dearest() {
    let house = House::open().await;
    let mut details = capped("0.005");
    details["capabilities"] = json!(["chat", "vision"]);
    let granted = house.grant(details).await;
    let picture = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}]}]});
    // 65,536 tokens at 0.15 USD a million are 0.0098 USD
    assert_eq!(house.send(Ask::chat(&granted.token, picture.clone())).await.status, 402);
    let long = json!({"messages": [{"role": "user", "content": "x".repeat(40_000)}]});
    assert_eq!(house.send(Ask::chat(&granted.token, long)).await.status, 402);
    assert_eq!(house.arrived(), 0);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    let mut details = capped("0.05");
    details["capabilities"] = json!(["chat", "vision"]);
    let granted = house.grant(details).await;
    assert_eq!(house.send(Ask::chat(&granted.token, picture)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn embeddings_are_held_and_charged_too() {
    let house = House::open().await;
    let details = json!({
        "type": "ai_model_access", "provider": "openai", "models": ["text-embedding-3-small"],
        "capabilities": ["embeddings"], "limits": {"monthly_spend": "0.000010"},
    });
    let granted = house.grant(details).await;
    let ask = |words: usize| {
        let body = embed(json!({"input": vec!["word"; words]}));
        Ask::post("/v1/openai/embeddings").bearer(&granted.token).json(&body)
    };
    // 500 tokens are what the cap pays
    assert_eq!(house.send(ask(200)).await.status, 402);
    assert_eq!(house.send(ask(5)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn counting_tokens_is_free_even_when_the_money_is_gone() {
    let house = House::open().await;
    let granted = house.grant(claude("0")).await;
    assert_eq!(house.send(Ask::message(&granted.token, json!({}))).await.status, 402);
    let ask = Ask::post("/v1/anthropic/v1/messages/count_tokens")
        .bearer(&granted.token)
        .json(&messages(json!({})));
    assert_eq!(house.send(ask).await.status, 200);
    assert_eq!(house.charged(), 0);
    house.done().await;
}

#[tokio::test]
async fn a_key_that_is_missing_costs_nothing() {
    let house = Plan::new().without_keys().build().await;
    let granted = house.grant(capped("1")).await;
    let refused = house.send(Ask::chat(&granted.token, json!({}))).await;
    assert_eq!(refused.says(), (503, "provider_not_configured".into()));
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!((house.used(&granted).await, house.arrived()), (0, 0));
    house.done().await;
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_costs_nothing() {
    let house = Plan::new().tune(|config| {
        // nobody listens on the discard port
        *config = config.clone().upstream(Provider::OpenAi, openai("http://127.0.0.1:9"));
    });
    let house = house.build().await;
    let granted = house.grant(capped("1")).await;
    let refused = house.send(Ask::chat(&granted.token, json!({})).target(CHAT)).await;
    assert_eq!(refused.says(), (502, "upstream_error".into()));
    assert_eq!((house.used(&granted).await, house.arrived()), (0, 0));
    house.done().await;
}

#[tokio::test]
async fn a_call_under_no_cap_counts_against_a_later_cap() {
    let house = House::open().await;
    let open = house.plain().await;
    assert_eq!(house.send(Ask::chat(&open.token, json!({}))).await.status, 200);
    house.quiet().await;
    let spent = house.used(&open).await;
    assert_eq!(spent, house.billed());
    let capped = house.grant(capped("0.000001")).await;
    assert_eq!(house.send(Ask::chat(&capped.token, json!({}))).await.status, 402);
    house.done().await;
}

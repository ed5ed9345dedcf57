//! Which models, capabilities and providers a token reaches.

use serde_json::{Value, json};

use crate::support::{Ask, House, chat_with, embed, responses, with};

pub(crate) const IMAGE: &str = "http://169.254.169.254/latest/meta-data/";

impl House {
    pub(crate) async fn refuses(&self, ask: Ask, status: u16, code: &str) {
        let before = self.arrived();
        let (target, body) = (format!("{ask:?}"), self.send(ask).await);
        assert_eq!(body.says(), (status, code.to_owned()), "{target}");
        assert_eq!(self.arrived(), before, "{target}");
    }

    pub(crate) async fn passes(&self, ask: Ask) -> Value {
        let shown = format!("{ask:?}");
        let answer = self.send(ask).await;
        assert_eq!(answer.status, 200, "{shown}: {}", answer.text());
        self.provider.ledger().last().unwrap().body.clone()
    }
}

#[tokio::test]
async fn v149_a_model_in_another_spelling_is_another_model() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for model in [
        "GPT-4o-mini",
        " gpt-4o-mini",
        "gpt-4o-mini ",
        "gpt-4o-mini\u{200b}",
        "gpt-4o-mini%00",
        "openai/gpt-4o-mini",
        "gpt-4o-min\u{131}",
        "gpt\u{2010}4o-mini",
        "gpt-4o-mini\u{301}",
        "ｇpt-4o-mini",
        "gpt-4o",
        "gpt-4o-mini,gpt-4o",
        "gpt-4o-mini/../gpt-4o",
        "gpt-4o-mini?x",
        "~gpt-4o-mini",
    ] {
        house.refuses(Ask::chat(&token, json!({"model": model})), 403, "model_not_allowed").await;
    }
    house.passes(Ask::chat(&token, json!({"model": "gpt-4o-mini"}))).await;
    house.done().await;
}

#[tokio::test]
async fn v150_an_alias_grants_its_snapshot_as_little_as_the_other_way_round() {
    let house = House::open().await;
    let alias = house.plain().await.token;
    for model in [
        "gpt-4o-mini-2024-07-18",
        "ft:gpt-4o-mini:acme::1",
        "gpt-4o-mini-search-preview",
        "gpt-4o-mini:batch",
    ] {
        house.refuses(Ask::chat(&alias, json!({"model": model})), 403, "model_not_allowed").await;
    }
    let mut details = chat_with(json!({}));
    details["models"] = json!(["gpt-4o-mini-2024-07-18"]);
    let snapshot = house.grant(details).await.token;
    house
        .refuses(Ask::chat(&snapshot, json!({"model": "gpt-4o-mini"})), 403, "model_not_allowed")
        .await;
    house.passes(Ask::chat(&snapshot, json!({"model": "gpt-4o-mini-2024-07-18"}))).await;
    house.done().await;
}

#[tokio::test]
async fn v151_a_model_is_one_text() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for model in [
        json!(["gpt-4o-mini"]),
        json!({"id": "gpt-4o-mini"}),
        json!(7),
        json!(null),
        json!(true),
        json!(""),
        json!("*"),
        json!("a\u{0}"),
        json!("m".repeat(257)),
    ] {
        house.refuses(Ask::chat(&token, json!({"model": model})), 400, "invalid_request").await;
        house.refuses(Ask::message(&token, json!({"model": model})), 400, "invalid_request").await;
    }
    let none = json!({"messages": [{"role": "user", "content": "hi"}]});
    house.refuses(Ask::chat(&token, json!({})).json(&none), 400, "invalid_request").await;
    for body in ["[]", "7", "null", "\"x\"", "[{\"model\":\"gpt-4o-mini\"}]"] {
        house.refuses(Ask::chat(&token, json!({})).json_text(body), 400, "invalid_request").await;
    }
    house.passes(Ask::chat(&token, json!({}))).await;
    house.done().await;
}

#[tokio::test]
async fn v153_an_address_does_not_choose_the_model() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for query in
        ["model=gpt-4o", "model=gpt-4o-mini", "provider=x", "deployment=x", "m%6Fdel=gpt-4o"]
    {
        let ask =
            Ask::chat(&token, json!({})).target(&format!("/v1/openai/chat/completions?{query}"));
        house.refuses(ask, 400, "unsupported_parameter").await;
    }
    house.passes(Ask::chat(&token, json!({})).target("/v1/openai/chat/completions?x=y")).await;
    assert_eq!(house.provider.ledger().last().unwrap().query, None);
    house.done().await;
}

#[tokio::test]
async fn v166_a_capability_opens_its_own_route_alone() {
    let house = House::open().await;
    let details = |capability: &str| json!({"type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini", "text-embedding-3-small"], "capabilities": [capability]});
    let (talks, embeds) =
        (house.grant(details("chat")).await.token, house.grant(details("embeddings")).await.token);
    let embed =
        |token: &str| Ask::post("/v1/openai/embeddings").bearer(token).json(&embed(json!({})));
    house.refuses(Ask::chat(&embeds, json!({})), 403, "capability_not_allowed").await;
    house
        .refuses(
            Ask::post("/v1/openai/responses").bearer(&embeds).json(&responses(json!({}))),
            403,
            "capability_not_allowed",
        )
        .await;
    house.refuses(embed(&talks), 403, "capability_not_allowed").await;
    house.passes(Ask::chat(&talks, json!({}))).await;
    house.passes(embed(&embeds)).await;
    // whatever the other provider takes as input, here it is text
    let ask = |input: Value| {
        Ask::post("/v1/openai/embeddings")
            .bearer(&embeds)
            .json(&with(crate::support::embed(json!({})), json!({"input": input})))
    };
    for input in [
        json!([{"type": "image_url", "image_url": {"url": IMAGE}}]),
        json!({"image": IMAGE}),
        json!([["a", {"image": IMAGE}]]),
        json!(null),
    ] {
        let refused = house.send(ask(input.clone())).await;
        assert!(matches!(refused.status, 400 | 403), "{input}: {}", refused.text());
    }
    for input in [json!(["a", "b"]), json!([1, 2, 3]), json!([[1, 2], [3]])] {
        house.passes(ask(input)).await;
    }
    house.done().await;
}

#[tokio::test]
async fn v167_a_token_opens_its_own_provider_alone() {
    let house = House::open().await;
    let token = house.plain().await.token;
    house
        .refuses(Ask::message(&token, json!({"model": "gpt-4o-mini"})), 403, "provider_not_allowed")
        .await;
    house
        .refuses(
            Ask::chat(&token, json!({})).target("/v1/groq/chat/completions"),
            403,
            "provider_not_allowed",
        )
        .await;
    for name in ["nobody", "OpenAI", "openai%20", "openai.", "..", "organization", "%6Fpenai"] {
        let ask = Ask::chat(&token, json!({})).target(&format!("/v1/{name}/chat/completions"));
        house.refuses(ask, 403, "provider_not_allowed").await;
    }
    house.passes(Ask::chat(&token, json!({}))).await;
    house.done().await;
}

#[tokio::test]
async fn two_parts_of_one_provider_do_not_lend_each_other_anything() {
    let house = House::open().await;
    let part = |model: &str, capability: &str, limits: Value| json!({"type": "ai_model_access", "provider": "openai", "models": [model], "capabilities": [capability], "limits": limits});
    let details = json!([
        part("gpt-4o-mini", "chat", json!({"requests_per_day": 1})),
        part("gpt-4o", "embeddings", json!({}))
    ]);
    let token = house.grant(details).await.token;
    house
        .refuses(Ask::chat(&token, json!({"model": "gpt-4o"})), 403, "capability_not_allowed")
        .await;
    house.passes(Ask::chat(&token, json!({}))).await;
    house.refuses(Ask::chat(&token, json!({})), 429, "rate_limit_exceeded").await;
    house.done().await;
}

#[tokio::test]
async fn a_part_that_has_ended_is_neither_listed_nor_called() {
    let house = House::open().await;
    let part = |model: &str, expires: &str| json!({"type": "ai_model_access", "provider": "openai", "models": [model], "capabilities": ["chat"], "expires": expires});
    let token = house
        .grant(json!([part("gpt-4o-mini", "2026-11-16"), part("gpt-4o", "2026-11-17")]))
        .await
        .token;
    house.passes(Ask::chat(&token, json!({}))).await;
    house.clock.set("2026-11-16T00:00:00Z");
    house.refuses(Ask::chat(&token, json!({})), 401, "token_expired").await;
    house.passes(Ask::chat(&token, json!({"model": "gpt-4o"}))).await;
    let list = house.send(Ask::get("/v1/openai/models").bearer(&token)).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    house.clock.set("2026-11-17T00:00:00Z");
    house.refuses(Ask::chat(&token, json!({"model": "gpt-4o"})), 401, "token_expired").await;
    house.refuses(Ask::get("/v1/openai/models").bearer(&token), 401, "token_expired").await;
    house.done().await;
}

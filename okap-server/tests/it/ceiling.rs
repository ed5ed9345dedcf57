//! The output ceiling: what the app asks, what the money pays, what goes up.

use okap_conformance::provider::Rule;
use okap_types::Provider;
use serde_json::{Value, json};

use crate::{
    money::{capped, claude, prices},
    support::{Ask, House, Plan, chat_with, responses},
};

impl House {
    /// The body that the provider got for a call.
    async fn forwarded(&self, ask: Ask) -> Value {
        let answer = self.send(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.provider.ledger().last().unwrap().body.clone()
    }
}

#[tokio::test]
async fn a_ceiling_is_lowered_to_what_is_left_and_the_app_is_told() {
    let house = House::open().await;
    let granted = house.grant(capped("0.000100")).await;
    house.provider.set_fault(Rule { words: Some(100_000), ..Rule::default() });
    let answer = house.send(Ask::chat(&granted.token, json!({"max_tokens": 1_000_000}))).await;
    let ceiling: u64 = answer.header("okap-output-ceiling").unwrap().parse().unwrap();
    assert!((16..200).contains(&ceiling), "{ceiling}");
    assert_eq!(house.provider.ledger().last().unwrap().body["max_tokens"], ceiling);
    house.quiet().await;
    assert!(house.billed() <= 100_000_000);
    let refused = house.send(Ask::chat(&granted.token, json!({"max_tokens": 1_000_000}))).await;
    assert_eq!(refused.status, 402);

    let granted = house.grant(claude("0.003000")).await;
    let answer = house.send(Ask::message(&granted.token, json!({"max_tokens": 1_000_000}))).await;
    let ceiling: u64 = answer.header("okap-output-ceiling").unwrap().parse().unwrap();
    assert_eq!(house.provider.ledger().last().unwrap().body["max_tokens"], ceiling);
    // where nothing was lowered nothing is said
    let granted = house.grant(claude("5")).await;
    assert_eq!(
        house.send(Ask::message(&granted.token, json!({}))).await.header("okap-output-ceiling"),
        None
    );
    house.done().await;
}

#[tokio::test]
async fn below_a_useful_ceiling_the_answer_is_402() {
    let house = House::open().await;
    // the prompt's bound alone is about 0.000025
    for (cap, status) in [("0.000001", 402), ("0.000030", 402), ("0.000060", 200)] {
        let granted = house.grant(capped(cap)).await;
        house.provider.set_fault(Rule { words: Some(1), ..Rule::default() });
        let answer = house.send(Ask::chat(&granted.token, json!({}))).await;
        assert_eq!(answer.status, status, "{cap}: {}", answer.text());
    }
    // a call that asks for less than useful gets it
    let house_two = House::open().await;
    let granted = house_two.grant(capped("0.000030")).await;
    assert_eq!(
        house_two.send(Ask::chat(&granted.token, json!({"max_tokens": 1}))).await.status,
        200
    );
    house_two.done().await;
    house.done().await;
}

#[tokio::test]
async fn a_ceiling_that_nobody_asked_for_is_one_that_the_model_accepts() {
    let house = House::open().await;
    let mut details = capped("100000");
    details["models"] = json!(["gpt-4o-mini", "gpt-4o"]);
    let granted = house.grant(details).await;
    for model in ["gpt-4o-mini", "gpt-4o"] {
        let body = house.forwarded(Ask::chat(&granted.token, json!({"model": model}))).await;
        let ceiling = body["max_completion_tokens"].as_u64().unwrap();
        // OpenAI refuses more of these two
        assert!((4096..=16_384).contains(&ceiling), "{ceiling}");
    }
    let ask = Ask::post("/v1/openai/responses").bearer(&granted.token);
    let body = house.forwarded(ask.json(&responses(json!({})))).await;
    assert!(body["max_output_tokens"].as_u64().unwrap() <= 16_384);
    let tokens = house.grant(chat_with(json!({"tokens_per_request": 1_000_000}))).await;
    let body = house.forwarded(Ask::chat(&tokens.token, json!({}))).await;
    assert!(body["max_completion_tokens"].as_u64().unwrap() <= 16_384);
    // without a limit the call goes up as it came, but for the tier that is priced
    let open = house.plain().await;
    let body = house.forwarded(Ask::chat(&open.token, json!({}))).await;
    assert_eq!(body, crate::support::chat(json!({"service_tier": "default"})));
    house.done().await;
}

#[tokio::test]
async fn a_ceiling_goes_up_in_the_word_that_the_provider_obeys() {
    for name in [Provider::Together, Provider::Mistral, Provider::Ollama] {
        let own = format!(
            r#"{{"provider": "{name}", "model": "gpt-4o-mini", "prices": {{"input": "0.15", "output": "0.6"}}}}"#
        );
        let house = Plan::new().tune(prices(&own)).second(name.clone()).build().await;
        let mut details = capped("0.001");
        details["provider"] = json!(name);
        let granted = house.grant(details).await;
        let target = format!("/v1/{name}/chat/completions");
        for asked in [
            json!({}),
            json!({"max_completion_tokens": 30}),
            json!({"max_tokens": 30}),
            json!({"max_tokens": null, "max_completion_tokens": 30}),
        ] {
            house.provider.set_fault(Rule { words: Some(500), times: Some(1), ..Rule::default() });
            let body =
                house.forwarded(Ask::chat(&granted.token, asked.clone()).target(&target)).await;
            assert!(body.get("max_completion_tokens").is_none(), "{name} {asked}: {body}");
            let ceiling = body["max_tokens"].as_u64().unwrap();
            let most = asked.as_object().unwrap().values().find_map(Value::as_u64).unwrap_or(2_000);
            assert!(ceiling <= most, "{name} {asked}: {body}");
            house.quiet().await;
        }
        // Mistral tells usage unasked and refuses to be asked
        house.provider.set_fault(Rule { words: Some(2), times: Some(1), ..Rule::default() });
        let body = house
            .forwarded(
                Ask::chat(&granted.token, json!({"stream": true, "max_tokens": 20}))
                    .target(&target),
            )
            .await;
        assert_eq!(body.get("stream_options").is_none(), name == Provider::Mistral, "{body}");
        house.done().await;
    }
}

#[tokio::test]
async fn openai_gets_the_ceiling_in_the_apps_own_word() {
    let house = House::open().await;
    let granted = house.grant(capped("100")).await;
    for (asked, word, most) in [
        (json!({"max_tokens": 30}), "max_tokens", 30),
        (json!({"max_completion_tokens": 30}), "max_completion_tokens", 30),
        (json!({"max_tokens": null, "max_completion_tokens": 30}), "max_completion_tokens", 30),
    ] {
        let body = house.forwarded(Ask::chat(&granted.token, asked.clone())).await;
        assert_eq!(body[word], most, "{asked}: {body}");
        let words = ["max_tokens", "max_completion_tokens"]
            .iter()
            .filter(|w| body[**w].is_number())
            .count();
        assert_eq!(words, 1, "{asked}: {body}");
    }
    // two words are OpenAI's to refuse; the lower of the two is held and goes up
    let both = json!({"max_tokens": 50, "max_completion_tokens": 30});
    assert_eq!(house.send(Ask::chat(&granted.token, both)).await.status, 400);
    let body = house.provider.ledger().last().unwrap().body.clone();
    assert_eq!((&body["max_tokens"], &body["max_completion_tokens"]), (&json!(30), &json!(30)));
    house.done().await;
}

#[tokio::test]
async fn numbers_that_are_no_counts_are_refused() {
    let house = House::open().await;
    let granted = house.grant(capped("100")).await;
    for member in ["max_tokens", "max_completion_tokens", "n"] {
        for wrong in [
            "-1",
            "0",
            "1.5",
            "1.0",
            "1e2",
            "\"16\"",
            "[]",
            "true",
            "{}",
            "2147483648",
            "18446744073709551616",
            "-9223372036854775808",
            "99999999999999999999999999",
        ] {
            let body = crate::support::chat(json!({})).to_string().replacen(
                '{',
                &format!("{{\"{member}\":{wrong},"),
                1,
            );
            let refused = house.send(Ask::chat(&granted.token, json!({})).json_text(&body)).await;
            assert_eq!(refused.says(), (400, "invalid_request".into()), "{member}: {wrong}");
        }
    }
    assert_eq!(
        house.send(Ask::chat(&granted.token, json!({"n": 129}))).await.says(),
        (400, "invalid_request".into())
    );
    for wrong in [json!(0), json!(-1), json!(null), json!("64")] {
        let refused =
            house.send(Ask::message(&house.wide().await.token, json!({"max_tokens": wrong}))).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{wrong}");
    }
    assert_eq!(house.arrived(), 0);
    for good in [
        json!({"max_tokens": null, "n": null}),
        json!({"max_tokens": 1, "n": 1}),
        json!({"n": 128, "max_tokens": 16}),
    ] {
        assert_eq!(house.send(Ask::chat(&granted.token, good)).await.status, 200);
    }
    house.done().await;
}

#[tokio::test]
async fn every_answer_of_one_call_is_counted() {
    let house = House::open().await;
    house.provider.set_fault(Rule { words: Some(1_000), ..Rule::default() });
    let granted = house.grant(capped("0.001")).await;
    for (n, ceiling) in [(1, 1_000), (10, 100), (128, 20)] {
        let granted = house.grant(capped("0.010")).await;
        let answer =
            house.send(Ask::chat(&granted.token, json!({"n": n, "max_tokens": ceiling}))).await;
        assert_eq!(answer.status, 200);
        house.quiet().await;
    }
    assert!(house.billed() <= 10_000_000_000);
    let refused = house.send(Ask::chat(&granted.token, json!({"n": 128, "max_tokens": 16}))).await;
    assert_eq!(refused.status, 402);
    house.done().await;
}

#[tokio::test]
async fn tokens_per_request_bound_prompt_and_output_together() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"tokens_per_request": 400}))).await;
    for (extra, status) in [
        (json!({"max_tokens": 400}), 400),
        (json!({"max_tokens": 50, "n": 8}), 400),
        (json!({"max_tokens": 100}), 200),
        (json!({"messages": [{"role": "user", "content": "x".repeat(400)}]}), 400),
        (json!({}), 200),
        (json!({"n": 2}), 200),
    ] {
        let answer = house.send(Ask::chat(&granted.token, extra.clone())).await;
        assert_eq!(answer.status, status, "{extra}");
        if status == 400 {
            assert_eq!(answer.code(), "tokens_per_request_exceeded");
            assert_eq!(answer.json()["okap"]["limit"], "400");
        }
    }
    let body = house.provider.ledger().last().unwrap().body.clone();
    assert!(body["max_completion_tokens"].as_u64().unwrap() * 2 < 400);
    house.done().await;
}

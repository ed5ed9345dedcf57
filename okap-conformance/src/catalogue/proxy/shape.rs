//! The shape of a refusal, in the words of the provider in the path.

use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.shape.openai",
        rev: 1,
        title: "a refusal has OpenAI's shape on OpenAI's routes",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-365", "OKAP-R-366", "OKAP-R-370"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(openai(case)),
    },
    Test {
        id: "proxy.shape.anthropic",
        rev: 1,
        title: "a refusal has Anthropic's shape on Anthropic's routes",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-365", "OKAP-R-366"],
        needs: &[],
        twin: Some("proxy.route.required"),
        threat: None,
        run: |case| Box::pin(anthropic(case)),
    },
];

async fn openai(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let long = format!("gpt-{}", "x".repeat(100));
    for model in ["gpt-4o", &long, "gpt\u{1b}[31m\u{7}"] {
        let prompt = case.prompt().model(model);
        let reply = case.call(&grant, &prompt).await?;
        reply.ensure("OKAP-R-365", matches!(reply.status, 400 | 403), "a refusal")?;
        let json = reply.header("content-type").unwrap_or_default();
        reply.ensure("OKAP-R-365", json.starts_with("application/json"), "application/json")?;
        let code = reply.text("/error/code");
        let same = reply.text("/error/type") == code && reply.text("/okap/code") == code;
        reply.ensure("OKAP-R-366", same && !code.is_empty(), "one code in type, code and okap")?;
        let message = reply.text("/error/message");
        let clean = !message.is_empty() && !message.chars().any(char::is_control);
        reply.ensure("OKAP-R-370", clean && message.len() < 500, "a short and clean message")?;
        let named = reply.text("/okap/grant_id") == grant.id;
        reply.ensure("OKAP-R-365", named, "the grant in okap")?;
        case.never_left(&prompt)?;
    }
    Ok(witness)
}

async fn anthropic(case: &Case) -> Outcome {
    if !case.offers("anthropic").await? {
        return Err(Stop::NotApplicable("this vault does not list anthropic".to_owned()));
    }
    let ask = case.ask().with("provider", json!("anthropic")).models(&["claude-sonnet-5"]);
    let grant = case.grant(&ask).await?;
    let body = |nonce: &str, model: &str| {
        let messages = json!([{ "role": "user", "content": nonce }]);
        json!({ "model": model, "max_tokens": 16, "messages": messages })
    };
    let url = format!("{}/v1/messages", grant.base_url);
    let call = |body| Call::post(&url).header("x-api-key", &grant.token).json(&body);
    let nonce = case.nonce();
    let works = case.send(call(body(&nonce, "claude-sonnet-5"))).await?;
    twin(works.has_status("OKAP-R-280", 200))?;

    let other = case.nonce();
    let refusal = (403, "model_not_allowed");
    let reply = call(body(&other, "claude-opus-5"));
    let reply = case.send(reply).await?;
    let code = reply.text("/okap/code");
    reply.ensure("OKAP-R-365", (reply.status, code) == refusal, "403 model_not_allowed in okap")?;
    let shape = reply.text("/type") == "error" && !reply.text("/error/message").is_empty();
    reply.ensure("OKAP-R-365", shape, "type error and error.message")?;
    reply.ensure("OKAP-R-366", reply.text("/error/type") == code, "the code in error.type")?;
    case.never_left(&other)?;
    Witness::of_upstream("OKAP-R-365", &nonce, &case.books(&nonce))
}

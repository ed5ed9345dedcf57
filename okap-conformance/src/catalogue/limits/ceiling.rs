//! The output ceiling.

use serde_json::json;

use crate::{
    case::{Case, Grant, with},
    catalogue::Test,
    http::Reply,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
    provider::Ledger,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "limits.ceiling.lowered",
        rev: 1,
        title: "the ceiling goes up as far as the money goes, and the app is told",
        profile: Profile::Limits,
        verifies: &["OKAP-R-346", "OKAP-R-347"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(lowered(case)),
    },
    Test {
        id: "limits.ceiling.little",
        rev: 1,
        title: "where the money does not pay for 16 tokens the call is refused",
        profile: Profile::Limits,
        verifies: &["OKAP-R-348"],
        needs: &[],
        twin: Some("limits.ceiling.lowered"),
        threat: None,
        run: |case| Box::pin(little(case)),
    },
    Test {
        id: "limits.ceiling.tokens",
        rev: 1,
        title: "prompt and output together keep to tokens_per_request",
        profile: Profile::Limits,
        verifies: &["OKAP-R-349", "OKAP-R-346", "OKAP-R-347"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(tokens(case)),
    },
];

/// Sends a chat call with this ceiling, or none; answers with the nonce and the provider's books.
async fn call(
    case: &Case,
    grant: &Grant,
    ceiling: Option<u64>,
) -> Result<(Reply, String, Ledger), Stop> {
    let nonce = case.nonce();
    let messages = json!([{ "role": "user", "content": format!("{nonce}: say 16 words") }]);
    let mut body = json!({ "model": "gpt-4o-mini", "messages": messages });
    if let Some(ceiling) = ceiling {
        body = with(body, "max_tokens", json!(ceiling));
    }
    let reply = case.send(case.post(grant, "chat/completions", &body)).await?;
    let books = case.books(&nonce);
    Ok((reply, nonce, books))
}

/// The ceiling at the provider, in whichever word.
fn forwarded(books: &Ledger) -> Option<u64> {
    let body = &books.last()?.body;
    ["max_completion_tokens", "max_tokens"].into_iter().find_map(|name| body[name].as_u64())
}

/// The ceiling at the provider is below this, and the answer says which it is.
fn is_told(reply: &Reply, books: &Ledger, below: u64) -> Result<(), Stop> {
    reply.has_status("OKAP-R-346", 200)?;
    let ceiling = forwarded(books);
    let low = ceiling.is_some_and(|ceiling| ceiling < below);
    reply.ensure("OKAP-R-346", low, format!("a ceiling below {below} at the provider"))?;
    let told = reply.header("okap-output-ceiling").and_then(|value| value.parse().ok());
    let expected = format!("okap-output-ceiling: {}", ceiling.unwrap_or_default());
    reply.ensure("OKAP-R-347", told == ceiling, expected)
}

async fn lowered(case: &Case) -> Outcome {
    let free = case.grant(&case.ask()).await?;
    let (reply, _, books) = call(case, &free, Some(4000)).await?;
    let alone = reply.header("okap-output-ceiling").is_none() && forwarded(&books) == Some(4000);
    reply.ensure("OKAP-R-347", alone && reply.status == 200, "the app's own ceiling, unsaid")?;

    // 300 millionths pay for less than 500 words of 0.6 each
    let poor = || case.ask().limits(json!({ "daily_spend": "0.000300" }));
    let (reply, nonce, books) = call(case, &case.grant(&poor()).await?, Some(4000)).await?;
    is_told(&reply, &books, 500)?;
    let (reply, _, open) = call(case, &case.grant(&poor()).await?, None).await?;
    is_told(&reply, &open, 500)?;
    Witness::of_upstream("OKAP-R-346", &nonce, &books)
}

async fn little(case: &Case) -> Outcome {
    let enough = case.grant(&case.ask().limits(json!({ "daily_spend": "0.001" }))).await?;
    let (_, witness) = twin(case.forwarded(&enough, &case.prompt()).await)?;
    // 16 words cost 9.6 millionths
    let grant = case.grant(&case.ask().limits(json!({ "daily_spend": "0.000009" }))).await?;
    let refusal = (402, "spend_limit_exceeded");
    case.refuses_chat(&grant, &case.prompt(), "OKAP-R-348", refusal).await?;
    Ok(witness)
}

async fn tokens(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask().limits(json!({ "tokens_per_request": 2000 }))).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let (reply, nonce, _) = call(case, &grant, Some(2000)).await?;
    reply.is_refused("OKAP-R-349", 400, "tokens_per_request_exceeded")?;
    case.never_left(&nonce)?;
    let (reply, _, books) = call(case, &grant, None).await?;
    is_told(&reply, &books, 2000)?;
    Ok(witness)
}

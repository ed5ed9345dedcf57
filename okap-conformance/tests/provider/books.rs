//! The books hold what arrived, and bill what was generated.

use std::time::Duration;

use okap_conformance::provider::{Config, FakeProvider, Rule, State};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Ask, KEY, PATIENCE, chat_body, config, messages_body, provider};

fn slow() -> Rule {
    Rule { words: Some(1000), chunk_delay_ms: Some(5), ..Rule::default() }
}

#[tokio::test]
async fn a_call_is_recorded_and_billed() {
    let provider = provider().await;
    let body = chat_body(json!({ "stream": true, "max_tokens": 5 }));
    let ask = Ask::openai("/v1/chat/completions?beta=true", &body).header("accept", "*/*");
    ask.send(&provider).await;
    let ledger = provider.ledger();
    let call = ledger.last().unwrap();
    assert_eq!((call.seq, call.status, call.state), (1, Some(200), State::Finished));
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(call.query.as_deref(), Some("beta=true"));
    assert_eq!(call.header("authorization"), Some("Bearer <master>"));
    assert_eq!(call.header("accept"), Some("*/*"));
    assert_eq!(call.body, body);
    assert_eq!((call.model.as_deref(), call.streamed), (Some("gpt-4o-mini"), true));
    assert_eq!((call.prompt_tokens, call.completion_tokens), (6, 5));
    assert_eq!(call.billed_pico, 6 * 150_000 + 5 * 600_000);
    assert!(call.ended_ms >= Some(call.at_ms));
    assert_eq!(ledger.violations, []);
    assert_eq!(ledger.totals.billed_pico, call.billed_pico);
    assert_eq!((ledger.totals.calls, ledger.totals.open), (1, 0));
    assert!(!serde_json::to_string(&ledger).unwrap().contains(KEY));
}

#[tokio::test]
async fn prompts_are_counted_in_every_shape() {
    let provider = provider().await;
    let parts = json!([{ "type": "text", "text": "12345678" }, { "type": "image_url" }]);
    let messages = json!([
        { "role": "system", "content": "1234" },
        { "role": "user", "content": parts },
    ]);
    Ask::chat(json!({ "messages": messages })).send(&provider).await;
    let body = messages_body(json!({ "system": "12345", "max_tokens": 1 }));
    Ask::anthropic("/v1/messages", &body).send(&provider).await;
    let body = json!({ "model": "text-embedding-3-small", "input": [[1, 2, 3], [4]] });
    Ask::openai("/v1/embeddings", &body).send(&provider).await;
    let counted: Vec<u64> = provider.ledger().calls.iter().map(|call| call.prompt_tokens).collect();
    // 12 bytes, two messages, one image · 5 + 9 bytes, two messages · four tokens.
    assert_eq!(counted, [3 + 6 + 85, 4 + 6, 4]);
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_pays_for_what_was_generated() {
    let provider = provider().await;
    provider.set_fault(slow());
    let mut open = Ask::chat(json!({ "stream": true })).open(&provider.url()).await;
    open.read_until("\"content\":\"", 10).await;
    drop(open);
    let ledger = provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 0).await.unwrap();
    let call = ledger.last().unwrap();
    assert_eq!(call.state, State::Cancelled);
    assert!((9..200).contains(&call.completion_tokens), "{}", call.completion_tokens);
    assert_eq!(call.billed_pico, 6 * 150_000 + call.completion_tokens * 600_000);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_nothing_is_sent() {
    let provider = provider().await;
    provider.set_fault(Rule { chunk_delay_ms: Some(600_000), ..Rule::default() });
    let mut open = Ask::chat(json!({ "stream": true })).open(&provider.url()).await;
    open.read_until("\"role\":\"assistant\"", 1).await;
    drop(open);
    let ledger = provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 0).await.unwrap();
    let call = ledger.last().unwrap();
    assert_eq!((call.state, call.completion_tokens), (State::Cancelled, 0));
}

#[tokio::test]
async fn a_client_that_leaves_before_a_whole_answer_pays_for_what_was_generated() {
    let provider = provider().await;
    provider.set_fault(slow());
    let body = messages_body(json!({ "max_tokens": 1000 }));
    let open = Ask::anthropic("/v1/messages", &body).open(&provider.url()).await;
    let begun = |ledger: &okap_conformance::provider::Ledger| ledger.totals.completion_tokens >= 3;
    provider.wait_until(PATIENCE, begun).await.unwrap();
    drop(open);
    let ledger = provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 0).await.unwrap();
    let call = ledger.last().unwrap();
    assert_eq!((call.state, call.status), (State::Cancelled, None));
    assert!(call.completion_tokens < 1000);
}

#[tokio::test]
async fn the_barrier_holds_every_answer_until_all_calls_are_here() {
    let provider = FakeProvider::start(Config { barrier: Some(5), ..config() }).await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        calls.spawn(Ask::chat(json!({})).send_to_owned(provider.url()));
    }
    provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 4).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), calls.join_next()).await;
    assert!(early.is_err(), "an answer passed the barrier");
    calls.spawn(Ask::chat(json!({ "stream": true })).send_to_owned(provider.url()));
    assert_eq!(calls.join_all().await, [200; 5]);
    assert_eq!(provider.ledger().totals.max_concurrent, 5);
    assert_eq!(Ask::chat(json!({})).send(&provider).await.status, 200);
}

#[tokio::test]
async fn the_barrier_lets_single_calls_go() {
    let provider = provider().await;
    provider.set_barrier(100, None);
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        calls.spawn(Ask::chat(json!({})).send_to_owned(provider.url()));
    }
    provider.wait_until(PATIENCE, |ledger| ledger.totals.prompt_tokens == 18).await.unwrap();
    while provider.release_barrier(Some(1)) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(calls.join_next().await.unwrap().unwrap(), 200);
    assert_eq!(provider.ledger().totals.open, 2);
    provider.release_barrier(None);
    assert_eq!(calls.join_all().await, [200; 2]);
}

#[tokio::test]
async fn the_barrier_opens_when_no_call_arrives_any_more() {
    let provider = provider().await;
    provider.set_barrier(100, Some(Duration::from_millis(30)));
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        calls.spawn(Ask::chat(json!({})).send_to_owned(provider.url()));
    }
    assert_eq!(calls.join_all().await, [200; 3]);
}

#[tokio::test]
async fn reset_forgets_calls_that_are_still_open() {
    let provider = provider().await;
    provider.set_fault(slow());
    let mut open = Ask::chat(json!({ "stream": true })).open(&provider.url()).await;
    open.read_until("\"content\":\"", 3).await;
    provider.reset();
    drop(open);
    Ask::chat(json!({})).send(&provider).await;
    let ledger = provider.ledger();
    assert_eq!((ledger.totals.calls, ledger.totals.open, ledger.calls.len()), (1, 0, 1));
    assert_eq!(ledger.last().unwrap().seq, 2);
    assert_eq!(ledger.totals.completion_tokens, 12);
}

#[tokio::test]
async fn a_stopped_provider_leaves_no_connection_behind() {
    let provider = provider().await;
    provider.set_fault(slow());
    let url = provider.url();
    let mut open = Ask::chat(json!({ "stream": true })).open(&url).await;
    open.read_until("\"content\":\"", 1).await;
    provider.stop().await;
    assert!(!open.read_to_end().await);
    let host = url.strip_prefix("http://").unwrap();
    assert!(tokio::net::TcpStream::connect(host).await.is_err());
}

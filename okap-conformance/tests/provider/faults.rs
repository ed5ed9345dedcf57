//! Every fault does what its name says, to the calls it is meant for.

use std::io::Read;
use std::time::{Duration, Instant};

use okap_conformance::provider::{Fault, Rule, State};
use serde_json::json;

use crate::support::{Ask, KEY, PATIENCE, messages_body, provider, responses_body};

fn stream() -> Ask {
    Ask::chat(json!({ "stream": true }))
}

fn stream_with_usage() -> Ask {
    Ask::chat(json!({ "stream": true, "stream_options": { "include_usage": true } }))
}

#[tokio::test]
async fn a_fault_is_for_its_models_and_its_number_of_calls() {
    let provider = provider().await;
    let fault = Fault::Status { status: 429, retry_after: Some(7), echo: false };
    provider.set_fault(Rule::fault(fault).on("gpt-4o").times(2));
    let claude = Ask::anthropic("/v1/messages", &messages_body(json!({})));
    assert_eq!(claude.send(&provider).await.status, 200);
    for _ in 0..2 {
        let reply = Ask::chat(json!({})).send(&provider).await;
        assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")));
    }
    assert_eq!(Ask::chat(json!({})).send(&provider).await.status, 200);
    let billed: Vec<bool> =
        provider.ledger().calls.iter().map(|call| call.billed_pico > 0).collect();
    assert_eq!(billed, [true, false, false, true]);
}

#[tokio::test]
async fn rules_add_up_and_the_later_one_overrides() {
    let provider = provider().await;
    provider.set_fault(Rule { words: Some(3), delay_ms: Some(20), ..Rule::default() });
    provider.set_fault(Rule { words: Some(4), ..Rule::default() }.times(1));
    let begun = Instant::now();
    for expected in [4, 3] {
        let body = Ask::chat(json!({})).send(&provider).await.json();
        assert_eq!(body["usage"]["completion_tokens"], expected);
    }
    assert!(begun.elapsed() >= Duration::from_millis(40));
    provider.clear_faults();
    assert_eq!(Ask::chat(json!({})).send(&provider).await.json()["usage"]["completion_tokens"], 12);
}

#[tokio::test]
async fn the_later_fault_overrides_and_then_gives_way() {
    let provider = provider().await;
    provider.set_fault(Rule::fault(Fault::status(500)));
    provider.set_fault(Rule::fault(Fault::status(403)).times(1));
    for expected in [403, 500] {
        assert_eq!(Ask::chat(json!({})).send(&provider).await.status, expected);
    }
}

#[tokio::test]
async fn redirect_and_html_are_no_answers() {
    let provider = provider().await;
    provider.set_fault(Rule::fault(Fault::redirect("http://evil.example/v1")).times(1));
    let reply = Ask::chat(json!({})).send(&provider).await;
    assert_eq!((reply.status, reply.header("location")), (302, Some("http://evil.example/v1")));
    provider.set_fault(Rule::fault(Fault::Html).times(1));
    let reply = stream().send(&provider).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_eq!(provider.ledger().totals.billed_pico, 0);
}

#[tokio::test]
async fn a_hanging_call_bills_its_prompt_when_the_client_gives_up() {
    let provider = provider().await;
    provider.set_fault(Rule::fault(Fault::Hang));
    let open = stream().open(&provider.url()).await;
    provider.wait_until(PATIENCE, |ledger| ledger.totals.prompt_tokens > 0).await.unwrap();
    drop(open);
    let ledger = provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 0).await.unwrap();
    let call = ledger.last().unwrap();
    assert_eq!((call.state, call.billed_pico), (State::Cancelled, 6 * 150_000));
}

#[tokio::test]
async fn a_cut_breaks_the_connection_in_the_middle() {
    let provider = provider().await;
    provider.set_fault(Rule::fault(Fault::Cut { after: 5 }));
    let reply = stream().send(&provider).await;
    assert!(!reply.complete);
    assert_eq!(reply.events().len(), 5);
    let call = provider.ledger().calls.pop().unwrap();
    assert_eq!((call.state, call.completion_tokens), (State::Cut, 4));
    let reply = Ask::chat(json!({})).send(&provider).await;
    assert!(!reply.complete);
    assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).is_err());
    let call = provider.ledger().calls.pop().unwrap();
    assert_eq!((call.state, call.completion_tokens), (State::Cut, 12));
}

#[tokio::test]
async fn a_stream_can_end_early_or_with_an_error_event() {
    let provider = provider().await;
    provider.set_fault(Rule::fault(Fault::EndEarly { after: 3 }).times(1));
    let reply = stream().send(&provider).await;
    assert!(reply.complete);
    assert_eq!(reply.events().len(), 3);
    provider.set_fault(Rule::fault(Fault::ErrorEvent { after: 3 }));
    let chat = stream().send(&provider).await.events();
    assert_eq!((chat.len(), &chat[3].data["error"]["type"]), (4, &json!("server_error")));
    let body = messages_body(json!({ "stream": true }));
    let messages = Ask::anthropic("/v1/messages", &body).send(&provider).await.events();
    assert_eq!(messages[3].name.as_deref(), Some("error"));
    let body = responses_body(json!({ "stream": true }));
    let responses = Ask::openai("/v1/responses", &body).send(&provider).await.events();
    assert_eq!(responses[3].data["code"], "server_error");
}

#[tokio::test]
async fn a_truncated_body_is_complete_by_its_length() {
    let provider = provider().await;
    provider.set_fault(Rule::fault(Fault::TruncatedJson));
    for ask in [Ask::chat(json!({})), stream()] {
        let reply = ask.send(&provider).await;
        assert!(reply.complete && !reply.body.is_empty());
        assert!(!reply.text().trim_end().ends_with('}'));
    }
}

#[tokio::test]
async fn a_huge_body_is_huge_and_still_parses() {
    let provider = provider().await;
    provider.set_fault(Rule::fault(Fault::Huge { bytes: 3_000_001 }));
    let reply = Ask::chat(json!({})).send(&provider).await;
    assert!(reply.complete);
    assert_eq!(reply.json()["padding"].as_str().unwrap().len(), 3_000_001);
    assert_eq!(reply.json()["usage"]["completion_tokens"], 12);
    let reply = stream().send(&provider).await;
    let line = reply.text().lines().next().unwrap().len();
    assert_eq!(line, 3_000_003);
}

#[tokio::test]
async fn usage_can_be_absent_or_zero_in_every_shape() {
    let provider = provider().await;
    let asks = || {
        [
            Ask::chat(json!({})),
            stream_with_usage(),
            Ask::openai("/v1/responses", &responses_body(json!({}))),
            Ask::anthropic("/v1/messages", &messages_body(json!({}))),
            Ask::anthropic("/v1/messages", &messages_body(json!({ "stream": true }))),
        ]
    };
    provider.set_fault(Rule::fault(Fault::NoUsage));
    for ask in asks() {
        assert!(!ask.send(&provider).await.text().contains("\"usage\":"));
    }
    assert!(provider.ledger().calls.iter().all(|call| call.billed_pico > 0));
    provider.reset();
    provider.set_fault(Rule::fault(Fault::ZeroUsage));
    for ask in asks() {
        let text = ask.send(&provider).await.text();
        let zero = ["\"completion_tokens\":0", "\"output_tokens\":0"];
        assert!(zero.iter().any(|zero| text.contains(zero)), "{text}");
    }
    assert_eq!(provider.ledger().totals.billed_pico, 0);
    assert_eq!(provider.ledger().totals.completion_tokens, 60);
}

#[tokio::test]
async fn gzip_comes_though_identity_was_asked() {
    let provider = provider().await;
    let plain = stream().send(&provider).await.body.len();
    provider.set_fault(Rule::fault(Fault::Gzip));
    for ask in [Ask::chat(json!({})), stream()] {
        let reply = ask.header("accept-encoding", "identity").send(&provider).await;
        assert_eq!(reply.header("content-encoding"), Some("gzip"));
        assert!(reply.complete);
        let body = gunzip(&reply.body);
        assert!(body.contains("You") && !body.contains('\u{fffd}'));
        assert!(reply.chunks.is_empty() || body.len() == plain);
    }
}

/// Unpacks with the machine's own gzip, which checks length and sum.
fn gunzip(data: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip is installed");
    gzip.stdin.take().unwrap().write_all(data).unwrap();
    let mut text = String::new();
    gzip.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(gzip.wait().unwrap().success());
    text
}

#[tokio::test]
async fn the_credential_comes_back_in_text_header_and_errors() {
    let provider = provider().await;
    provider.set_fault(Rule::fault(Fault::EchoCredential).times(4));
    let reply = Ask::chat(json!({ "max_tokens": 1 })).send(&provider).await;
    assert!(reply.text().contains(KEY));
    assert_eq!(reply.header("x-received-credential"), Some(KEY));
    let reply = stream().send(&provider).await;
    assert!(!reply.text().contains(KEY), "a stream splits it over two events");
    let parts: String = reply
        .events()
        .iter()
        .filter_map(|event| {
            event.data.pointer("/choices/0/delta/content")?.as_str().map(str::to_owned)
        })
        .collect();
    assert!(parts.contains(KEY));
    for body in
        [messages_body(json!({})), messages_body(json!({ "max_tokens": 1, "stream": true }))]
    {
        assert!(Ask::anthropic("/v1/messages", &body).send(&provider).await.text().contains(KEY));
    }
    provider.set_fault(Rule::fault(Fault::Status { status: 500, retry_after: None, echo: true }));
    let reply = Ask::chat(json!({})).send(&provider).await;
    assert!(reply.status == 500 && reply.text().contains(KEY));
}

#[tokio::test]
async fn a_stream_can_come_byte_by_byte_and_with_crlf() {
    let provider = provider().await;
    provider.set_fault(Rule { one_byte: Some(true), crlf: Some(true), ..Rule::default() });
    let reply = stream_with_usage().send(&provider).await;
    assert!(reply.complete && reply.chunks.iter().all(|size| *size == 1));
    let text = reply.text();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(text.ends_with("data: [DONE]\r\n\r\n") && text.contains("naïve"));
    assert_eq!(reply.events().len(), 16);
    let call = provider.ledger().calls.pop().unwrap();
    assert_eq!((call.state, call.completion_tokens), (State::Finished, 12));
    assert_eq!(Ask::chat(json!({})).send(&provider).await.json()["usage"]["total_tokens"], 18);
}

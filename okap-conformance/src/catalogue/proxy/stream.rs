//! Streams: event by event, to a true end or a visible break.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    case::{Case, Grant, Prompt},
    catalogue::Test,
    driver::Verb,
    http::Reply,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
    provider::{Fault, Rule, State},
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.stream.events",
        rev: 1,
        title: "a stream is forwarded event by event as it comes",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-312"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(events(case)),
    },
    Test {
        id: "proxy.stream.pieces",
        rev: 1,
        title: "an event that comes byte by byte, also within a character, says the same",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-312"],
        needs: &[],
        twin: Some("proxy.stream.events"),
        threat: None,
        run: |case| Box::pin(pieces(case)),
    },
    Test {
        id: "proxy.stream.usage",
        rev: 1,
        title: "usage is asked for in every stream, and shown to the app that asked for it alone",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-304"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(usage(case)),
    },
    Test {
        id: "proxy.stream.truncated",
        rev: 1,
        title: "a stream that broke off does not look complete",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-315"],
        needs: &[],
        twin: Some("proxy.stream.events"),
        threat: None,
        run: |case| Box::pin(truncated(case)),
    },
    Test {
        id: "proxy.stream.revoked",
        rev: 1,
        title: "a running stream of a revoked grant is cut within a second, also at the provider",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-236", "OKAP-R-315"],
        needs: &[Verb::Revoke],
        twin: Some("proxy.stream.events"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(revoked(case)),
    },
    Test {
        id: "proxy.stream.hangup",
        rev: 1,
        title: "when the app hangs up, the call to the provider is cancelled",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-318"],
        needs: &[],
        twin: Some("proxy.stream.events"),
        threat: Some("overspend"),
        run: |case| Box::pin(hangup(case)),
    },
];

/// A prompt whose answer is a stream of so many words with a pause before each.
pub(in crate::catalogue) fn slow(case: &Case, words: u64, pause_ms: u64) -> Prompt {
    let prompt = case.prompt().words(words).with("stream", json!(true));
    let rule = Rule { chunk_delay_ms: Some(pause_ms), ..Rule::default() };
    case.provider().set_fault(rule.containing(&prompt.nonce));
    prompt
}

/// What the events of a chat stream say together.
fn said(reply: &Reply) -> String {
    let events = events_of(reply).into_iter();
    events
        .filter_map(|e| Some(e.pointer("/choices/0/delta/content")?.as_str()?.to_owned()))
        .collect()
}

fn events_of(reply: &Reply) -> Vec<Value> {
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

fn is_done(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == "data: [DONE]")
}

/// The twin: the stream as it should be.
async fn streamed(case: &Case, grant: &Grant) -> Result<Witness, Stop> {
    let prompt = case.prompt().with("stream", json!(true));
    let reply = case.call(grant, &prompt).await?;
    reply.has_status("OKAP-R-312", 200)?;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    let whole = said(&reply).contains(&prompt.nonce) && is_done(&text);
    reply.ensure("OKAP-R-312", whole, "the provider's words and [DONE]")?;
    Witness::of_upstream("OKAP-R-312", &prompt.nonce, &case.books(&prompt))
}

async fn events(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let prompt = slow(case, 16, 80);
    let reply = case.call(&grant, &prompt).await?;
    reply.has_status("OKAP-R-312", 200)?;
    let kind = reply.header("content-type").unwrap_or_default();
    reply.ensure("OKAP-R-312", kind.starts_with("text/event-stream"), "text/event-stream")?;
    let whole = said(&reply).contains(&prompt.nonce);
    reply.ensure("OKAP-R-312", whole, "the provider's words in the stream")?;
    let (first, last) = (reply.arrivals.first(), reply.arrivals.last());
    let span = first.zip(last).map(|(first, last)| last.after.saturating_sub(first.after));
    // the provider takes 16 times 80 ms
    let apart = span.is_some_and(|span| span > Duration::from_millis(640));
    reply.ensure("OKAP-R-312", apart && reply.arrivals.len() > 8, "events as they come")?;
    Witness::of_upstream("OKAP-R-312", &prompt.nonce, &case.books(&prompt))
}

async fn pieces(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    twin(streamed(case, &grant).await)?;
    let prompt = case.prompt().words(11).with("stream", json!(true));
    let rule = Rule { within: Some(true), crlf: Some(true), ..Rule::default() };
    case.provider().set_fault(rule.containing(&prompt.nonce));
    let reply = case.call(&grant, &prompt).await?;
    let text = std::str::from_utf8(&reply.body).map(str::to_owned);
    reply.ensure("OKAP-R-312", text.is_ok(), "whole characters")?;
    let words = said(&reply);
    let whole = words.contains(&prompt.nonce) && words.contains("naïve");
    reply.ensure("OKAP-R-312", whole, "the provider's words, naïve among them")?;
    reply.ensure("OKAP-R-312", is_done(&text.unwrap_or_default()), "[DONE]")?;
    Witness::of_upstream("OKAP-R-312", &prompt.nonce, &case.books(&prompt))
}

async fn usage(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let witness = twin(streamed(case, &grant).await)?;
    let options =
        [None, Some(json!({ "include_usage": false })), Some(json!({ "include_usage": true }))];
    for options in options {
        let asked = options.as_ref().is_some_and(|options| options["include_usage"] == json!(true));
        let mut prompt = case.prompt().with("stream", json!(true));
        if let Some(options) = options {
            prompt = prompt.with("stream_options", options);
        }
        let reply = case.call(&grant, &prompt).await?;
        reply.has_status("OKAP-R-304", 200)?;
        let books = case.books(&prompt);
        let sent = books.last().and_then(|call| call.body.pointer("/stream_options/include_usage"));
        reply.ensure("OKAP-R-304", sent == Some(&json!(true)), "include_usage at the provider")?;
        let extra = |event: &Value| event["choices"] == json!([]);
        let shown = events_of(&reply).iter().any(extra);
        reply.ensure(
            "OKAP-R-304",
            shown == asked,
            format!("the chunk with usage shown: {asked}"),
        )?;
    }
    Ok(witness)
}

async fn truncated(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let witness = twin(streamed(case, &grant).await)?;
    let prompt = case.prompt().words(16).with("stream", json!(true));
    case.spoil(&prompt, Fault::Cut { after: 6 });
    let reply = case.call(&grant, &prompt).await?;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    reply.ensure("OKAP-R-315", !is_done(&text), "no [DONE]")?;
    let error = events_of(&reply).iter().any(|event| event.get("error").is_some());
    let seen = error || reply.broken.is_some() || reply.status >= 500;
    reply.ensure("OKAP-R-315", seen, "an error event or a broken connection")?;
    Ok(witness)
}

async fn revoked(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let witness = twin(streamed(case, &grant).await)?;
    // 15 seconds long, were it left alone
    let prompt = slow(case, 150, 100);
    let mut raw = case.begin_stream(&grant, &prompt).await?;
    case.revoke(&grant).await?;
    let told = Instant::now();
    raw.read_to_end(Duration::from_secs(2)).await;
    let took = told.elapsed();
    case.note(&raw);
    let within = case.revoke_effect() + Duration::from_millis(250);
    if took > within {
        let observed = format!("{} ms", took.as_millis());
        return Err(Stop::failed("OKAP-R-236", "the end of the stream within 1 s", observed));
    }
    let text = raw.text();
    let (error, clean) = (text.contains("token_revoked"), text.ends_with("\r\n0\r\n\r\n"));
    // OpenAI's SDKs raise an error event, so that either will do
    if is_done(&text) || (clean && !error) {
        return Err(Stop::failed("OKAP-R-315", "an error event or a broken connection", text));
    }
    cancelled(case, &prompt, "OKAP-R-236").await?;
    Ok(witness)
}

async fn hangup(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    twin(streamed(case, &grant).await)?;
    let prompt = slow(case, 150, 100);
    let raw = case.begin_stream(&grant, &prompt).await?;
    case.note(&raw);
    drop(raw);
    cancelled(case, &prompt, "OKAP-R-318").await
}

/// The provider's books have the call as cancelled soon.
async fn cancelled(case: &Case, prompt: &Prompt, requirement: &str) -> Outcome {
    let nonce = prompt.nonce.clone();
    let state =
        |books: &crate::provider::Ledger| books.clone().about(&nonce).last().map(|call| call.state);
    let ended = |books: &crate::provider::Ledger| state(books) == Some(State::Cancelled);
    match case.provider().wait_until(Duration::from_secs(2), ended).await {
        Ok(books) => Witness::of_upstream(requirement, &prompt.nonce, &books.about(&prompt.nonce)),
        Err(_) => {
            let observed = format!("{:?}", state(&case.provider().ledger()));
            Err(Stop::failed(requirement, "the call cancelled at the provider", observed))
        }
    }
}

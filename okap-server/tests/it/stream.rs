//! Streams: what comes through, what is hidden, how they end, what they cost.

use std::time::Duration;

use okap_conformance::provider::{Fault, Rule, State};
use okap_engine::record::End;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::support::{Ask, House, PATIENCE, Plan, chat, chat_with, responses};

/// A rule for words that come slowly.
fn slowly(words: u64, each: u64) -> Rule {
    Rule { words: Some(words), chunk_delay_ms: Some(each), ..Rule::default() }
}

/// A streamed call of each kind.
fn kinds(token: &str) -> [(&'static str, Ask); 3] {
    let responses = responses(json!({"stream": true}));
    [
        ("chat", Ask::chat(token, json!({"stream": true}))),
        ("responses", Ask::post("/v1/openai/responses").bearer(token).json(&responses)),
        ("messages", Ask::message(token, json!({"stream": true}))),
    ]
}

fn parsed(events: &[String]) -> Vec<Value> {
    events.iter().filter_map(|data| serde_json::from_str(data).ok()).collect()
}

#[tokio::test]
async fn usage_is_asked_for_and_hidden_where_the_app_did_not_ask() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for options in [
        json!(null),
        json!({}),
        json!({"include_usage": false}),
        json!({"include_usage": "true"}),
        json!({"include_obfuscation": false}),
    ] {
        let answer =
            house.send(Ask::chat(&token, json!({"stream": true, "stream_options": options}))).await;
        assert!(
            answer.whole && answer.header("content-type").unwrap().starts_with("text/event-stream")
        );
        let sent = house.provider.ledger().last().unwrap().body.clone();
        assert_eq!(sent["stream_options"]["include_usage"], true, "{options}");
        assert_eq!(sent["stream_options"]["include_obfuscation"], options["include_obfuscation"]);
        let events = answer.events();
        assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
        for chunk in parsed(&events) {
            assert!(!chunk["choices"].as_array().unwrap().is_empty(), "{chunk}");
        }
    }
    let asked =
        Ask::chat(&token, json!({"stream": true, "stream_options": {"include_usage": true}}));
    let chunks = parsed(&house.send(asked).await.events());
    let last = chunks.last().unwrap();
    assert_eq!((&last["choices"], last["usage"]["completion_tokens"].is_u64()), (&json!([]), true));
    for wrong in [json!("x"), json!([]), json!(true)] {
        let refused =
            house.send(Ask::chat(&token, json!({"stream": true, "stream_options": wrong}))).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()));
    }
    house.done().await;
}

#[tokio::test]
async fn the_bytes_of_a_stream_do_not_change_what_is_read_from_it() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for (kind, ask) in kinds(&token) {
        let mut seen = Vec::new();
        for (one_byte, crlf) in [(false, false), (true, false), (false, true), (true, true)] {
            house.provider.clear_faults();
            house.provider.set_fault(Rule {
                one_byte: Some(one_byte),
                crlf: Some(crlf),
                ..Rule::default()
            });
            let (billed, charged) = (house.provider.ledger().totals.billed_pico, house.charged());
            let answer = house.send(ask.clone()).await;
            assert!(answer.whole, "{kind}");
            assert_eq!(answer.text().contains('\r'), crlf);
            house.quiet().await;
            let billed = house.provider.ledger().totals.billed_pico - billed;
            assert_eq!(
                (house.charged() - charged, house.audit().last().unwrap().estimated),
                (billed, false),
                "{kind}"
            );
            let events = parsed(&answer.events());
            let words: Vec<String> = events
                .iter()
                .map(|e| {
                    let delta =
                        [&e["choices"][0]["delta"]["content"], &e["delta"]["text"], &e["delta"]];
                    delta.iter().find_map(|d| d.as_str()).unwrap_or_default().to_owned()
                })
                .collect();
            seen.push((events.len(), words.concat()));
        }
        assert!(
            seen.iter().all(|s| *s == seen[0]) && seen[0].1.contains("Say hello"),
            "{kind}: {seen:?}"
        );
    }
    house.done().await;
}

#[tokio::test]
async fn a_stream_that_breaks_never_ends_cleanly() {
    let house = House::open().await;
    let token = house.wide().await.token;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    for fault in [
        Fault::Cut { after: 4 },
        Fault::ErrorEvent { after: 4 },
        Fault::EndEarly { after: 4 },
        Fault::Cut { after: 0 },
        Fault::EndEarly { after: 0 },
    ] {
        let kinds = kinds(&token)
            .into_iter()
            .chain([("capped", Ask::chat(&granted.token, json!({"stream": true})))]);
        for (kind, ask) in kinds {
            house.provider.set_fault(Rule::fault(fault.clone()).times(1));
            let answer = house.send(ask).await;
            house.quiet().await;
            assert_eq!(answer.status, 200);
            assert!(!answer.whole, "{kind} after {fault:?}: {}", answer.text());
            let last = answer.events().pop().unwrap();
            assert!(last.contains("upstream_error"), "{kind} after {fault:?}: {}", answer.text());
            let row = house.audit().last().unwrap().clone();
            assert_eq!((row.end, row.estimated), (End::UpstreamBroke, true), "{kind}");
        }
    }
    for (kind, ask) in kinds(&token) {
        assert!(house.send(ask).await.whole, "{kind}");
    }
    house.done().await;
}

#[tokio::test]
async fn where_an_sdk_overlooks_an_error_event_the_connection_just_breaks() {
    let plan = Plan::new().second(okap_types::Provider::Mistral).fake(|fake| {
        // the price book does not know this model at Mistral
        fake.prices.insert("gpt-4o-mini".into(), okap_conformance::provider::Price::default());
    });
    let house = plan.build().await;
    let mut details = chat_with(json!({}));
    details["provider"] = json!("mistral");
    let token = house.grant(details).await.token;
    house.provider.set_fault(Rule::fault(Fault::Cut { after: 3 }).times(1));
    let ask = Ask::chat(&token, json!({"stream": true})).target("/v1/mistral/chat/completions");
    let answer = house.send(ask).await;
    assert!(!answer.whole && !answer.text().contains("upstream_error"));
    house.done().await;
}

#[tokio::test]
async fn v174_an_app_that_hangs_up_pays_for_what_came_and_the_call_is_cancelled() {
    let house = House::open().await;
    house.provider.set_fault(slowly(4_000, 10));
    let details = |provider: &str, model: &str| json!({"type": "ai_model_access", "provider": provider, "models": [model], "capabilities": ["chat"], "limits": {"monthly_spend": 1}});
    let openai = house.grant(details("openai", "gpt-4o-mini")).await;
    let anthropic = house.grant(details("anthropic", "claude-sonnet-5")).await;
    let [chat, responses, _] = kinds(&openai.token);
    let [_, _, message] = kinds(&anthropic.token);
    for ((kind, ask), granted) in [(chat, &openai), (responses, &openai), (message, &anthropic)] {
        let (spent, billed) =
            (house.used(granted).await, house.provider.ledger().totals.billed_pico);
        let mut flow = house.flow(ask).await;
        flow.until("data:", 12).await;
        let held = house.used(granted).await - spent;
        drop(flow);
        let cancelled = |ledger: &okap_conformance::provider::Ledger| {
            ledger.last().unwrap().state == State::Cancelled
        };
        house.provider.wait_until(Duration::from_secs(5), cancelled).await.unwrap();
        house.quiet().await;
        let billed = house.provider.ledger().totals.billed_pico - billed;
        let charged = house.used(granted).await - spent;
        assert!(
            billed > 0 && charged >= billed && charged < held,
            "{kind}: {billed} {charged} {held}"
        );
        let row = house.audit().last().unwrap().clone();
        assert_eq!((row.end, row.estimated), (End::AppLeft, true), "{kind}");
    }
    house.done().await;
}

#[tokio::test]
async fn an_app_that_does_not_read_and_hangs_up_pays_for_what_was_generated() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    house.provider.set_fault(Rule { words: Some(100_000), ..Rule::default() });
    {
        // words of one byte: what came through bounds the tokens with little to spare
        let said = vec!["a"; 60_000].join(" ");
        let body = json!({"messages": [{"role": "user", "content": said}], "stream": true, "max_tokens": 100_000});
        let body = chat(body).to_string();
        // a window that holds next to nothing
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2_048).unwrap();
        let mut stream = socket.connect(house.host().parse().unwrap()).await.unwrap();
        let head = format!(
            "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            granted.token,
            body.len(),
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut few = [0; 512];
        stream.read_exact(&mut few).await.unwrap();
        // the provider's words pile up on the way
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(stream);
        house.quiet().await;
    }
    // `done` holds the bill against the charge
    assert!(house.provider.ledger().totals.completion_tokens > 1_000);
    house.done().await;
}

#[tokio::test]
async fn v185_a_revoked_stream_is_cut_within_a_second() {
    let house = House::open().await;
    house.provider.set_fault(slowly(3_000, 10));
    for kind in 0..3 {
        let granted = house.wide().await;
        let (name, ask) = kinds(&granted.token)[kind].clone();
        let mut flow = house.flow(ask).await;
        flow.until("data:", 5).await;
        house.revoke(&granted).await;
        let begun = tokio::time::Instant::now();
        let answer = flow.rest().await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{name}: {:?}", begun.elapsed());
        assert!(
            !answer.whole && answer.events().pop().unwrap().contains("token_revoked"),
            "{name}"
        );
        let cancelled = |ledger: &okap_conformance::provider::Ledger| {
            ledger.last().unwrap().state == State::Cancelled
        };
        house.provider.wait_until(Duration::from_secs(1), cancelled).await.unwrap();
        house.quiet().await;
        assert_eq!(house.audit().last().unwrap().end, End::Revoked, "{name}");
    }
    house.done().await;
}

#[tokio::test]
async fn v185_a_stream_that_nobody_reads_is_cut_too() {
    let house = House::open().await;
    house.provider.set_fault(Rule { words: Some(100_000), ..Rule::default() });
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    let body = chat(json!({"stream": true, "max_tokens": 100_000})).to_string();
    let mut stream = house.dial().await;
    let head = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        granted.token,
        body.len(),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut few = [0; 512];
    stream.read_exact(&mut few).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(house.provider.ledger().totals.open, 1, "the buffers hold all of it");
    house.revoke(&granted).await;
    let ended = |ledger: &okap_conformance::provider::Ledger| ledger.totals.open == 0;
    house.provider.wait_until(Duration::from_millis(1_500), ended).await.unwrap();
    house.quiet().await;
    assert_eq!(house.audit().last().unwrap().end, End::Revoked);
    drop(stream);
    house.done().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_grant() {
    let house = House::open().await;
    house.provider.set_fault(slowly(3_000, 10));
    let mut details = chat_with(json!({}));
    details["expires"] = json!("2026-11-15T12:00:30Z");
    let granted = house.grant(details).await;
    let mut flow = house.flow(Ask::chat(&granted.token, json!({"stream": true}))).await;
    flow.until("data:", 3).await;
    house.clock.turn(30);
    assert!(!flow.rest().await.whole);
    house.done().await;
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_left() {
    // longer than it takes to look whether the grant still stands
    let house =
        Plan::new().tune(|config| config.silence = Duration::from_millis(1_200)).build().await;
    let granted = house.plain().await;
    house.provider.set_fault(slowly(5, 60_000));
    let begun = tokio::time::Instant::now();
    let answer = house.send(Ask::chat(&granted.token, json!({"stream": true}))).await;
    assert!(!answer.whole && answer.text().contains("upstream_timeout"), "{}", answer.text());
    assert!(begun.elapsed() < PATIENCE / 2);
    house.quiet().await;
    assert_eq!(house.audit()[0].end, End::TimedOut);
    // words that come in time keep it alive
    house.provider.clear_faults();
    house.provider.set_fault(slowly(8, 300));
    assert!(house.send(Ask::chat(&granted.token, json!({"stream": true}))).await.whole);
    house.done().await;
}

#[tokio::test]
async fn a_call_without_a_stream_is_charged_in_full_when_the_app_has_left() {
    let house = House::open().await;
    house.provider.set_fault(slowly(20, 20));
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    let body = chat(json!({})).to_string();
    let mut stream = house.dial().await;
    let head = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        granted.token,
        body.len(),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 1).await.unwrap();
    drop(stream);
    house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 0).await.unwrap();
    house.quiet().await;
    assert_eq!(house.used(&granted).await, house.provider.ledger().totals.billed_pico);
    house.done().await;
}

#[tokio::test]
async fn the_row_of_a_call_is_written_before_its_last_words_go_out() {
    let house = House::open().await;
    let granted = house.wide().await;
    for (kind, ask) in kinds(&granted.token) {
        let before = house.audit().len();
        let answer = house.send(ask).await;
        assert!(answer.whole);
        assert_eq!(house.audit().len(), before + 1, "{kind}");
    }
    house.done().await;
}

#[tokio::test]
async fn a_provider_that_keeps_the_line_open_behind_its_last_word_does_not_break_the_stream() {
    use http_body_util::BodyExt;
    let bend = |answer: http::Response<okap_server::Body>| {
        answer.map(|body| {
            let stream = futures_util::stream::unfold(Some(body), |body| async {
                let mut body = body?;
                match body.frame().await {
                    Some(frame) => Some((frame, Some(body))),
                    None => std::future::pending().await,
                }
            });
            http_body_util::StreamBody::new(stream).boxed_unsync()
        })
    };
    let house = Plan::new()
        .tune(|config| config.silence = Duration::from_millis(800))
        .bend(bend)
        .build()
        .await;
    let granted = house.wide().await;
    for (kind, ask) in kinds(&granted.token) {
        let answer = house.send(ask).await;
        assert!(answer.whole, "{kind}: {}", answer.text());
        house.quiet().await;
        let row = house.audit().last().unwrap().clone();
        assert_eq!((row.end, row.estimated), (End::Finished, false), "{kind}");
    }
    house.done().await;
}

//! Answers have the shape of replies that real clients parse.

use std::fs;
use std::path::PathBuf;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::support::{
    Ask, Event, KEY, Reply, chat_body, events, messages_body, provider, responses_body,
    weather_tool,
};

fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/provider/fixtures");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn fixture_json(name: &str) -> Value {
    serde_json::from_str(&fixture(name)).unwrap()
}

/// Members and types, in depth; a list is as its first item.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
        }
    }
}

/// The shapes of a stream; a run of equal ones counts once.
fn stream_shape(events: &[Event]) -> Vec<(Option<String>, Value)> {
    let mut shapes: Vec<_> =
        events.iter().map(|event| (event.name.clone(), shape(&event.data))).collect();
    shapes.dedup();
    shapes
}

fn assert_shape(reply: &Reply, name: &str) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(shape(&reply.json()), shape(&fixture_json(name)), "{name}");
}

fn assert_stream(reply: &Reply, name: &str) {
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(stream_shape(&reply.events()), stream_shape(&events(&fixture(name))), "{name}");
}

fn content(events: &[Event]) -> String {
    let delta = |event: &Event| event.data.pointer("/choices/0/delta/content").cloned();
    events.iter().filter_map(delta).filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}

#[tokio::test]
async fn chat_answers_as_openai_does() {
    let provider = provider().await;
    let reply = Ask::chat(json!({})).send(&provider).await;
    assert_shape(&reply, "openai.chat.json");
    let body = reply.json();
    assert_eq!(body["model"], "gpt-4o-mini-2024-07-18");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.starts_with("You said: Say hello and"), "{text}");
    assert_eq!(text.split(' ').count(), 12);
    // "Say hello" is 9 bytes: 3 tokens, and 3 for the message.
    assert_eq!(body["usage"]["prompt_tokens"], 6);
    assert_eq!(body["usage"]["completion_tokens"], 12);
    assert_eq!(body["usage"]["total_tokens"], 18);
    provider.stop().await;
}

#[tokio::test]
async fn every_reply_has_the_headers_that_a_vault_must_strip() {
    let provider = provider().await;
    let replies = [
        Ask::chat(json!({})).send(&provider).await,
        Ask::chat(json!({ "stream": true })).send(&provider).await,
        Ask::anthropic("/v1/messages", &messages_body(json!({}))).send(&provider).await,
        Ask::bare("GET", "/v1/nothing").send(&provider).await,
    ];
    for reply in replies {
        assert!(reply.header("set-cookie").is_some());
        assert!(reply.header("openai-organization").is_some());
    }
}

#[tokio::test]
async fn chat_stream_without_include_usage_has_no_usage_at_all() {
    let provider = provider().await;
    let reply = Ask::chat(json!({ "stream": true })).send(&provider).await;
    assert_stream(&reply, "openai.chat_stream.sse");
    assert!(!reply.text().contains("usage"));
    let events = reply.events();
    assert_eq!(events.last().unwrap().data, "[DONE]");
    let plain = Ask::chat(json!({})).send(&provider).await.json();
    assert_eq!(plain["choices"][0]["message"]["content"], content(&events));
}

#[tokio::test]
async fn chat_stream_with_include_usage_ends_with_a_usage_chunk_without_choices() {
    let provider = provider().await;
    let extra = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let reply = Ask::chat(extra).send(&provider).await;
    assert_stream(&reply, "openai.chat_stream_usage.sse");
    let events = reply.events();
    let [chunks @ .., last, _done] = events.as_slice() else { panic!("too short") };
    assert!(chunks.iter().all(|chunk| chunk.data["usage"].is_null()));
    assert_eq!(last.data["choices"], json!([]));
    assert_eq!(last.data["usage"]["completion_tokens"], 12);
}

#[tokio::test]
async fn chat_gives_n_choices_and_keeps_to_the_ceiling() {
    let provider = provider().await;
    let reply = Ask::chat(json!({ "n": 3, "max_completion_tokens": 4 })).send(&provider).await;
    let body = reply.json();
    assert_eq!(body["choices"].as_array().unwrap().len(), 3);
    assert_eq!(body["choices"][2]["index"], 2);
    assert_eq!(body["choices"][2]["finish_reason"], "length");
    assert_eq!(body["choices"][2]["message"]["content"], "You said: Say hello");
    assert_eq!(body["usage"]["completion_tokens"], 12);
    let reply = Ask::chat(json!({ "n": 2, "max_tokens": 2, "stream": true })).send(&provider).await;
    let of = |index: u64| {
        let events = reply.events();
        let mine = |event: &Event| event.data.pointer("/choices/0/index") == Some(&json!(index));
        content(&events.into_iter().filter(mine).collect::<Vec<_>>())
    };
    assert_eq!((of(0), of(1)), ("You said:".to_owned(), "You said:".to_owned()));
}

#[tokio::test]
async fn say_n_words_gets_n_words() {
    let provider = provider().await;
    let messages = json!([{ "role": "user", "content": "Please say 30 words about keys" }]);
    let body = Ask::chat(json!({ "messages": messages })).send(&provider).await.json();
    assert_eq!(body["usage"]["completion_tokens"], 30);
}

#[tokio::test]
async fn chat_calls_the_tool_when_the_user_says_so() {
    let provider = provider().await;
    let tools = json!([{ "type": "function", "function": weather_tool() }]);
    let messages = json!([{ "role": "user", "content": "Use the tool, please" }]);
    let extra = json!({ "tools": tools, "messages": messages });
    let reply = Ask::chat(extra.clone()).send(&provider).await;
    assert_shape(&reply, "openai.chat_tool_call.json");
    let call = &reply.json()["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(*call, json!({ "name": "get_weather", "arguments": r#"{"city":"fixture"}"# }));

    let mut streamed = chat_body(extra);
    streamed["stream"] = json!(true);
    let reply = Ask::openai("/v1/chat/completions", &streamed).send(&provider).await;
    let part = |event: &Event| {
        let arguments = "/choices/0/delta/tool_calls/0/function/arguments";
        Some(event.data.pointer(arguments)?.as_str()?.to_owned())
    };
    let arguments: String = reply.events().iter().filter_map(part).collect();
    assert_eq!(arguments, r#"{"city":"fixture"}"#);

    // Twin: with the tool's result the conversation ends in words.
    streamed["messages"].as_array_mut().unwrap().extend([
        json!({ "role": "assistant", "content": null, "tool_calls": [] }),
        json!({ "role": "tool", "tool_call_id": "call_1", "content": "Use the tool" }),
    ]);
    let reply = Ask::openai("/v1/chat/completions", &streamed).send(&provider).await;
    assert!(content(&reply.events()).starts_with("You said:"));
}

#[tokio::test]
async fn responses_answer_as_openai_does() {
    let provider = provider().await;
    let reply = Ask::openai("/v1/responses", &responses_body(json!({}))).send(&provider).await;
    assert_shape(&reply, "openai.responses.json");
    assert_eq!(reply.json()["usage"]["output_tokens"], 12);
    let body = responses_body(json!({ "stream": true }));
    let reply = Ask::openai("/v1/responses", &body).send(&provider).await;
    assert_stream(&reply, "openai.responses_stream.sse");
    for (index, event) in reply.events().iter().enumerate() {
        assert_eq!(event.data["sequence_number"], index);
    }
}

#[tokio::test]
async fn responses_stop_at_the_ceiling_and_call_tools() {
    let provider = provider().await;
    let body =
        responses_body(json!({ "stream": true, "input": "say 40 words", "max_output_tokens": 16 }));
    let events = Ask::openai("/v1/responses", &body).send(&provider).await.events();
    let last = events.last().unwrap();
    assert_eq!(last.name.as_deref(), Some("response.incomplete"));
    assert_eq!(last.data["response"]["usage"]["output_tokens"], 16);
    assert_eq!(last.data["response"]["incomplete_details"]["reason"], "max_output_tokens");

    let mut tool = weather_tool();
    tool["type"] = json!("function");
    let input =
        json!([{ "role": "user", "content": [{ "type": "input_text", "text": "use the tool" }] }]);
    let body = responses_body(json!({ "tools": [tool], "input": input }));
    let reply = Ask::openai("/v1/responses", &body).send(&provider).await.json();
    assert_eq!(reply["output"][0]["type"], "function_call");
    assert_eq!(reply["output"][0]["arguments"], r#"{"city":"fixture"}"#);
}

#[tokio::test]
async fn embeddings_are_the_same_numbers_as_floats_and_as_base64() {
    let provider = provider().await;
    let model = "text-embedding-3-small";
    let body = json!({ "model": model, "input": ["one", "two"], "dimensions": 4 });
    let floats = Ask::openai("/v1/embeddings", &body).send(&provider).await;
    assert_shape(&floats, "openai.embeddings.json");
    let body = json!({ "model": model, "input": ["one", "two"], "dimensions": 4, "encoding_format": "base64" });
    let base64 = Ask::openai("/v1/embeddings", &body).send(&provider).await;
    assert_shape(&base64, "openai.embeddings_base64.json");
    let (floats, base64) = (floats.json(), base64.json());
    assert_eq!(floats["data"].as_array().unwrap().len(), 2);
    assert_ne!(floats["data"][0]["embedding"], floats["data"][1]["embedding"]);
    let bytes = Base64::decode_vec(base64["data"][1]["embedding"].as_str().unwrap()).unwrap();
    let decoded: Vec<f32> =
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(json!(decoded), floats["data"][1]["embedding"]);
    assert_eq!(floats["usage"]["prompt_tokens"], 2);
}

#[tokio::test]
async fn both_providers_list_their_own_models() {
    let provider = provider().await;
    let openai = Ask::bare("GET", "/v1/models").header("authorization", &format!("Bearer {KEY}"));
    let reply = openai.send(&provider).await;
    assert_shape(&reply, "openai.models.json");
    let listed = reply.json()["data"].to_string();
    assert!(listed.contains("gpt-4o") && !listed.contains("claude"));
    let anthropic = Ask::bare("GET", "/v1/models").header("x-api-key", KEY);
    let reply = anthropic.header("anthropic-version", "2023-06-01").send(&provider).await;
    assert_shape(&reply, "anthropic.models.json");
    let one =
        Ask::bare("GET", "/v1/models/gpt-4o").header("authorization", &format!("Bearer {KEY}"));
    assert_eq!(one.send(&provider).await.json()["id"], "gpt-4o");
}

#[tokio::test]
async fn messages_answer_as_anthropic_does() {
    let provider = provider().await;
    let reply = Ask::anthropic("/v1/messages", &messages_body(json!({}))).send(&provider).await;
    assert_shape(&reply, "anthropic.messages.json");
    let body = messages_body(json!({ "stream": true }));
    let reply = Ask::anthropic("/v1/messages", &body).send(&provider).await;
    assert_stream(&reply, "anthropic.messages_stream.sse");
    let body = messages_body(json!({ "max_tokens": 3 }));
    let reply = Ask::anthropic("/v1/messages", &body).send(&provider).await.json();
    assert_eq!(reply["stop_reason"], "max_tokens");
    assert_eq!(reply["usage"]["output_tokens"], 3);
}

#[tokio::test]
async fn messages_use_the_tool_and_count_tokens() {
    let provider = provider().await;
    let mut tool = weather_tool();
    tool["input_schema"] = tool["parameters"].take();
    tool.as_object_mut().unwrap().remove("parameters");
    let messages =
        json!([{ "role": "user", "content": [{ "type": "text", "text": "use the tool" }] }]);
    let body = messages_body(json!({ "tools": [tool], "messages": messages }));
    let reply = Ask::anthropic("/v1/messages", &body).send(&provider).await;
    assert_shape(&reply, "anthropic.messages_tool_use.json");
    let body = json!({ "model": "claude-sonnet-5", "messages": [{ "role": "user", "content": "Say hello" }] });
    let reply = Ask::anthropic("/v1/messages/count_tokens", &body).send(&provider).await;
    assert_shape(&reply, "anthropic.count_tokens.json");
    assert_eq!(reply.json()["input_tokens"], 6);
    assert_eq!(provider.ledger().last().unwrap().billed_pico, 0);
}

#[tokio::test]
async fn bad_requests_are_refused_in_the_providers_words() {
    let provider = provider().await;
    let model = chat_body(json!({ "model": "gpt-9" }));
    let reply = Ask::openai("/v1/chat/completions", &model).send(&provider).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (404, &json!("model_not_found")));
    let body = messages_body(json!({ "model": "gpt-4o" }));
    let reply = Ask::anthropic("/v1/messages", &body).send(&provider).await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (404, &json!("not_found_error")));
    for refused in [
        Ask::chat(json!({ "messages": [] })),
        Ask::chat(json!({ "max_tokens": 0 })),
        Ask::chat(json!({ "max_tokens": -1 })),
        Ask::chat(json!({ "max_tokens": 5, "max_completion_tokens": 5 })),
        Ask::chat(json!({ "stream_options": { "include_usage": true } })),
        Ask::chat(json!({})).raw(b"{\"model\":"),
        Ask::openai("/v1/responses", &responses_body(json!({ "max_output_tokens": 15 }))),
        Ask::anthropic("/v1/messages", &messages_body(json!({ "max_tokens": null }))),
        Ask::anthropic("/v1/messages", &messages_body(json!({}))).without("anthropic-version"),
    ] {
        assert_eq!(refused.send(&provider).await.status, 400);
    }
    let reply = Ask::openai("/v1/files", &json!({})).send(&provider).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["type"]),
        (404, &json!("invalid_request_error"))
    );
    let ledger = provider.ledger();
    assert_eq!(ledger.totals.billed_pico, 0);
    assert_eq!(ledger.violations, []);
}

#[tokio::test]
async fn errors_have_the_shape_of_the_fixtures() {
    use okap_conformance::provider::{Fault, Rule};
    let provider = provider().await;
    for status in [401, 429, 500] {
        provider.set_fault(Rule::fault(Fault::status(status)).times(1));
        let reply = Ask::chat(json!({})).send(&provider).await;
        let wanted = fixture_json(&format!("openai.error_{status}.json"));
        assert_eq!(reply.status, status);
        assert_eq!(shape(&reply.json()), shape(&wanted["body"]));
        assert_eq!(reply.json()["error"]["type"], wanted["body"]["error"]["type"]);
        assert_eq!(reply.header("retry-after").is_some(), status == 429);
    }
    for status in [401, 429, 500, 529] {
        provider.set_fault(Rule::fault(Fault::status(status)).times(1));
        let reply = Ask::anthropic("/v1/messages", &messages_body(json!({}))).send(&provider).await;
        let wanted = fixture_json(&format!("anthropic.error_{status}.json"));
        assert_eq!(reply.status, status);
        assert_eq!(shape(&reply.json()), shape(&wanted["body"]));
        assert_eq!(reply.json()["error"]["type"], wanted["body"]["error"]["type"]);
        assert_eq!(reply.header("x-should-retry"), wanted["headers"]["x-should-retry"].as_str());
    }
}

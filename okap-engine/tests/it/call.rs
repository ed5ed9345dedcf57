use okap_engine::{
    provider::{Call, Operation, Style, route},
    refusal::Refusal,
};
use okap_types::{Capability, ErrorCode, Provider};
use proptest::prelude::*;
use serde_json::{Value, json};

fn chat(extra: Value) -> Result<Call, Refusal> {
    let mut body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    Call::read(Operation::Chat, body.to_string().as_bytes())
}

fn forwarded(call: &Call, ceiling: Option<u64>) -> Value {
    serde_json::from_slice(&call.forward(ceiling)).unwrap()
}

#[test]
fn routes_are_found_whatever_the_sdk_puts_before_them() {
    for path in [
        "/chat/completions",
        "chat/completions",
        "/v1/chat/completions",
        "//chat/completions",
        "/v1/v1/chat/completions",
        "/openai/v1/chat/completions",
    ] {
        assert_eq!(route(Style::OpenAi, "POST", path), Ok(Operation::Chat), "{path}");
    }
    for path in ["/messages", "/v1/messages", "/v1/v1/messages", "//v1/messages"] {
        assert_eq!(route(Style::Anthropic, "POST", path), Ok(Operation::Messages), "{path}");
    }
    assert_eq!(route(Style::OpenAi, "GET", "/models/a/b"), Ok(Operation::Model("a/b".into())));
}

#[test]
fn every_other_route_is_refused() {
    for (method, path) in [
        ("POST", "/files"),
        ("POST", "/batches"),
        ("POST", "/assistants"),
        ("GET", "/chat/completions"),
        ("GET", "/responses/resp_1"),
        ("POST", "/responses/resp_1/cancel"),
        ("DELETE", "/responses"),
        ("POST", "/chat/completions/../files"),
        ("POST", "/Chat/Completions"),
        ("POST", "/chat%2Fcompletions"),
        ("POST", "/audio/voices"),
        ("GET", "/organization/usage"),
        ("POST", "/messages"),
        ("POST", ""),
        ("POST", "/v2/chat/completions"),
        ("POST", "@evil.test/"),
        ("POST", "/chat/completions/x"),
    ] {
        let refused = route(Style::OpenAi, method, path).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RouteNotSupported, "{method} {path}");
    }
    assert_eq!(route(Style::OpenAi, "PUT", "/chat/completions").unwrap_err().status(), 405);
    assert_eq!(route(Style::OpenAi, "POST", "/models").unwrap_err().status(), 405);
    assert_eq!(route(Style::OpenAi, "POST", "/models/gpt-4o").unwrap_err().status(), 405);
    assert_eq!(route(Style::OpenAi, "PUT", "/models/a:b").unwrap_err().status(), 405);
    assert_eq!(route(Style::OpenAi, "POST", "/models/a:b").unwrap_err().status(), 404);
    assert_eq!(route(Style::OpenAi, "DELETE", "/models/gpt-4o").unwrap_err().status(), 404);
}

#[test]
fn what_the_rules_do_not_touch_goes_up_byte_for_byte() {
    let body = br#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}],"seed":123456789012345678901234567890,"temperature":1.0e0}"#;
    let call = Call::read(Operation::Chat, body).unwrap();
    assert_eq!(call.forward_to(&Provider::Groq, None), body);
}

#[test]
fn usage_is_asked_for_where_a_stream_would_not_tell() {
    let call =
        chat(json!({"stream": true, "stream_options": {"include_obfuscation": false}})).unwrap();
    assert_eq!(
        forwarded(&call, None)["stream_options"],
        json!({"include_obfuscation": false, "include_usage": true})
    );
    let plain = chat(json!({})).unwrap();
    assert_eq!(forwarded(&plain, None).get("stream_options"), None);
}

#[test]
fn the_ceiling_goes_up_in_the_word_that_the_app_used() {
    let old = chat(json!({"max_tokens": 50})).unwrap();
    assert_eq!(forwarded(&old, Some(20))["max_tokens"], 20);
    assert_eq!(forwarded(&old, Some(20)).get("max_completion_tokens"), None);
    let none = chat(json!({})).unwrap();
    assert_eq!(forwarded(&none, Some(20))["max_completion_tokens"], 20);
    let both = chat(json!({"max_tokens": 50, "max_completion_tokens": 40})).unwrap();
    assert_eq!(both.ceiling, Some(40));
    assert_eq!(forwarded(&both, Some(20))["max_tokens"], 20);
    assert_eq!(forwarded(&both, Some(20))["max_completion_tokens"], 20);
}

#[test]
fn responses_are_never_stored() {
    for extra in [json!({}), json!({"store": true}), json!({"store": null})] {
        let mut body = json!({"model": "gpt-4o-mini", "input": "hi"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let call = Call::read(Operation::Responses, body.to_string().as_bytes()).unwrap();
        assert_eq!(forwarded(&call, Some(64))["store"], json!(false));
        assert_eq!(forwarded(&call, Some(64))["max_output_tokens"], 64);
    }
}

#[test]
fn the_tier_that_is_priced_is_the_tier_that_is_asked_for() {
    let tier = |extra| forwarded(&chat(extra).unwrap(), None)["service_tier"].clone();
    assert_eq!(tier(json!({})), "default");
    assert_eq!(tier(json!({"service_tier": "auto"})), "default");
    assert_eq!(tier(json!({"service_tier": "flex"})), "flex");
}

#[test]
fn members_that_would_go_around_the_grant_are_refused() {
    for name in
        ["model_id", "engine", "deployment", "fallbacks", "models", "route", "provider", "plugins"]
    {
        let refused = chat(json!({ name: "x" })).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::UnsupportedParameter, "{name}");
    }
    assert!(chat(json!({"models": null, "user": "x"})).is_ok());
    assert_eq!(
        chat(json!({"service_tier": "priority"})).unwrap_err().code(),
        ErrorCode::UnsupportedParameter
    );
    assert!(chat(json!({"service_tier": "default"})).is_ok());
}

#[test]
fn hosted_tools_and_other_media_want_a_capability() {
    let refused = |extra| chat(extra).unwrap_err().code();
    assert_eq!(
        refused(json!({"tools": [{"type": "web_search"}]})),
        ErrorCode::CapabilityNotAllowed
    );
    assert_eq!(refused(json!({"web_search_options": {}})), ErrorCode::CapabilityNotAllowed);
    assert_eq!(refused(json!({"modalities": ["text", "audio"]})), ErrorCode::CapabilityNotAllowed);
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    assert_eq!(refused(part(json!({"type": "input_audio"}))), ErrorCode::CapabilityNotAllowed);
    let seen =
        chat(part(json!({"type": "image_url", "image_url": {"url": "http://10.0.0.1/x.png"}})))
            .unwrap();
    assert_eq!(seen.capabilities, [Capability::Chat, Capability::Vision]);
    let image =
        |url: &str| chat(part(json!({"type": "image_url", "image_url": {"url": url}}))).map(drop);
    assert_eq!(image("data:image/png;base64,AAAA"), Ok(()));
    for other in [
        "data:video/mp4;base64,AAAA",
        "data:image/svg+xml,<svg/>",
        "file:///etc/passwd",
        "gs://a/b",
        "",
    ] {
        assert_eq!(image(other).unwrap_err().code(), ErrorCode::CapabilityNotAllowed, "{other}");
    }
    assert!(chat(json!({"tools": [{"type": "function", "function": {"name": "f"}}]})).is_ok());
}

#[test]
fn the_model_is_a_string_and_stands_once() {
    for model in [json!(["gpt-4"]), json!({"id": "x"}), json!(4), json!(null), json!("")] {
        assert_eq!(chat(json!({ "model": model })).unwrap_err().code(), ErrorCode::InvalidRequest);
    }
    let twice = br#"{"model":"gpt-4o-mini","mod\u0065l":"gpt-4","messages":[]}"#;
    assert_eq!(Call::read(Operation::Chat, twice).unwrap_err().code(), ErrorCode::DuplicateMember);
    assert_eq!(Call::read(Operation::Chat, b"{").unwrap_err().code(), ErrorCode::InvalidJson);
    assert_eq!(Call::read(Operation::Chat, b"[]").unwrap_err().code(), ErrorCode::InvalidRequest);
}

#[test]
fn ceilings_and_counts_are_positive_whole_numbers() {
    for wrong in [json!(0), json!(-1), json!(1.5), json!("9"), json!(4_294_967_296_u64)] {
        assert!(chat(json!({ "max_tokens": wrong })).is_err(), "{wrong}");
        assert!(chat(json!({ "n": wrong })).is_err(), "{wrong}");
    }
    assert_eq!(chat(json!({"max_tokens": null})).unwrap().ceiling, None);
    assert_eq!(chat(json!({"n": 3})).unwrap().answers, 3);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        for operation in [Operation::Chat, Operation::Responses, Operation::Embeddings, Operation::Messages] {
            let _ = Call::read(operation, &body);
        }
    }

    #[test]
    fn no_path_makes_the_router_panic(method in "[A-Z]{0,8}", path in ".{0,80}") {
        let _ = route(Style::OpenAi, &method, &path);
        let _ = route(Style::Anthropic, &method, &path);
    }
}

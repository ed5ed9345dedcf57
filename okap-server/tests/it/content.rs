//! What a call may say, and what it may not smuggle in.

use serde_json::{Value, json};

use crate::{
    scope::IMAGE,
    support::{Ask, House, chat, embed, messages, responses},
};

fn part(kind: Value) -> Value {
    json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "what is this"}, kind]}]})
}

#[tokio::test]
async fn v124_v125_a_calls_body_is_read_strictly_too() {
    let house = House::open().await;
    let token = house.plain().await.token;
    let good = chat(json!({})).to_string();
    for (twice, status, code) in [
        (good.replacen('{', "{\"model\":\"gpt-4o\",", 1), 400, "duplicate_member"),
        (good.replacen('{', "{\"mod\\u0065l\":\"gpt-4o\",", 1), 400, "duplicate_member"),
        (good.replace("\"role\"", "\"role\":\"user\",\"role\""), 400, "duplicate_member"),
        (format!("\u{feff}{good}"), 400, "invalid_json"),
        (format!("{good}{good}"), 400, "invalid_json"),
        (good.replace("Say hello", "\\ud800"), 400, "invalid_json"),
        (good.replacen('{', "{\"temperature\":1e999,", 1), 400, "invalid_json"),
        (good.replacen('{', "{\"temperature\":NaN,", 1), 400, "invalid_json"),
        (
            good.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(200), "]".repeat(200)), 1),
            400,
            "invalid_json",
        ),
        (good.replacen('{', &format!("{{\"x\":{},", "[".repeat(100_000)), 1), 400, "invalid_json"),
        (String::new(), 400, "invalid_json"),
    ] {
        house.refuses(Ask::chat(&token, json!({})).json_text(&twice), status, code).await;
    }
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_be_bytes).collect();
    house.refuses(Ask::chat(&token, json!({})).raw(&utf16), 400, "invalid_json").await;
    house.passes(Ask::chat(&token, json!({})).json_text(&format!(" {good} "))).await;
    house.done().await;
}

#[tokio::test]
async fn a_member_that_only_looks_like_another_is_refused() {
    // Go's JSON reader, behind several servers of the OpenAI style, folds case, also of ſ and K
    let house = House::open().await;
    let token = house.plain().await.token;
    for name in [
        "Model",
        "MODEL",
        "mode\u{131}",
        "model ",
        "model\u{200b}",
        "\u{17f}tream",
        "max_to\u{212a}ens",
        "Max_Tokens",
        "N",
        "Store",
        "maxTokens",
        "",
    ] {
        house
            .refuses(Ask::chat(&token, json!({name: "gpt-4o"})), 400, "unsupported_parameter")
            .await;
    }
    for (message, what) in [
        (
            json!({"role": "user", "content": "hi", "Content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}),
            "a message",
        ),
        (
            json!({"role": "user", "content": [{"type": "text", "text": "hi", "Type": "image_url", "image_url": {"url": IMAGE}}]}),
            "a part",
        ),
    ] {
        let refused = house.send(Ask::chat(&token, json!({"messages": [message]}))).await;
        assert_eq!(refused.status, 400, "{what}: {}", refused.text());
    }
    let tool = json!({"type": "function", "Type": "web_search", "function": {"name": "f"}});
    assert_eq!(house.send(Ask::chat(&token, json!({"tools": [tool]}))).await.status, 400);
    assert_eq!(house.arrived(), 0);
    // where a member belongs to the app, it is the app's to name
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"City": {"type": "string"}}}}});
    house
        .passes(Ask::chat(&token, json!({"tools": [tool], "metadata": {"My Key": "x"}, "seed": 7})))
        .await;
    house.done().await;
}

#[tokio::test]
async fn v156_no_member_leads_around_the_model_or_the_ceiling() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for name in [
        "model_id",
        "engine",
        "deployment",
        "deployment_id",
        "fallbacks",
        "models",
        "route",
        "provider",
        "plugins",
        "preset",
        "extra_body",
        "api_key",
        "api_base",
        "base_url",
        "organization",
        "background",
        "prediction",
        "best_of",
        "speed",
        "conversation",
        "prompt",
        "previous_response_id",
        "mcp_servers",
        "container",
        "search_parameters",
        "context_management",
        "max_new_tokens",
        "max_output_tokens",
        "max_length",
        "num_predict",
        "max_gen_len",
        "max_tokens_to_sample",
        "num_return_sequences",
        "num_completions",
        "candidate_count",
        "options",
        "generation_config",
    ] {
        house.refuses(Ask::chat(&token, json!({name: "x"})), 400, "unsupported_parameter").await;
    }
    for name in [
        "model_id",
        "fallbacks",
        "models",
        "route",
        "provider",
        "mcp_servers",
        "container",
        "speed",
        "inference_geo",
        "fallback_model",
    ] {
        house.refuses(Ask::message(&token, json!({name: "x"})), 400, "unsupported_parameter").await;
    }
    let compact = json!({"edits": [{"type": "compact_20260112"}]});
    house
        .refuses(
            Ask::message(&token, json!({"context_management": compact})),
            400,
            "unsupported_parameter",
        )
        .await;
    let clear = json!({"edits": [{"type": "clear_tool_uses_20250919"}]});
    house.passes(Ask::message(&token, json!({"context_management": clear}))).await;
    // a null is no value
    house.passes(Ask::chat(&token, json!({"models": null, "user": "u-1"}))).await;
    house.done().await;
}

#[tokio::test]
async fn v177_a_dearer_tier_is_refused() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for tier in [json!("priority"), json!("scale"), json!("Priority"), json!(7), json!(["default"])]
    {
        house
            .refuses(Ask::chat(&token, json!({"service_tier": tier})), 400, "unsupported_parameter")
            .await;
        house
            .refuses(
                Ask::message(&token, json!({"service_tier": tier})),
                400,
                "unsupported_parameter",
            )
            .await;
    }
    house.passes(Ask::chat(&token, json!({"service_tier": "default"}))).await;
    house.passes(Ask::message(&token, json!({"service_tier": "standard_only"}))).await;
    house.done().await;
}

#[tokio::test]
async fn v164_a_tool_that_the_provider_runs_is_refused() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for tool in [
        "web_search",
        "web_search_preview",
        "code_interpreter",
        "computer_use_preview",
        "file_search",
        "mcp",
        "image_generation",
        "local_shell",
        "namespace",
    ] {
        let tools = json!({"tools": [{"type": tool, "server_url": "http://evil.test"}]});
        let ask = Ask::post("/v1/openai/responses").bearer(&token);
        house.refuses(ask.json(&responses(tools.clone())), 403, "capability_not_allowed").await;
        house.refuses(Ask::chat(&token, tools), 403, "capability_not_allowed").await;
    }
    for tool in [
        "web_search_20250305",
        "code_execution_20250825",
        "computer_20250124",
        "web_fetch_20250910",
        "mcp_toolset",
    ] {
        let tools = json!({"tools": [{"type": tool, "name": "x"}]});
        house.refuses(Ask::message(&token, tools), 403, "capability_not_allowed").await;
    }
    house
        .refuses(
            Ask::chat(&token, json!({"web_search_options": {}})),
            403,
            "capability_not_allowed",
        )
        .await;
    house
        .refuses(
            Ask::chat(&token, json!({"tools": [{"function": {"name": "f"}}]})),
            400,
            "invalid_request",
        )
        .await;
    house
        .refuses(Ask::chat(&token, json!({"tools": {"type": "function"}})), 400, "invalid_request")
        .await;
    let own = json!({"type": "function", "function": {"name": "f"}});
    house.passes(Ask::chat(&token, json!({"tools": [own]}))).await;
    house.passes(Ask::message(&token, json!({"tools": [{"name": "f", "input_schema": {"type": "object"}}, {"type": "bash_20250124", "name": "bash"}]}))).await;
    house.done().await;
}

#[tokio::test]
async fn v165_a_picture_needs_vision_and_is_never_fetched_here() {
    let house = House::open().await;
    let blind = house.plain().await.token;
    let seeing = house.wide().await.token;
    // what is no picture goes nowhere, whoever asks
    for url in ["file:///etc/passwd", "data:video/mp4;base64,AAAA"] {
        let film = part(json!({"type": "image_url", "image_url": {"url": url}}));
        house.refuses(Ask::chat(&seeing, film), 403, "capability_not_allowed").await;
    }
    for url in [IMAGE, "http://127.0.0.1:1/", "data:image/png;base64,AAAA"] {
        let picture = part(json!({"type": "image_url", "image_url": {"url": url}}));
        house.refuses(Ask::chat(&blind, picture.clone()), 403, "capability_not_allowed").await;
        house.passes(Ask::chat(&seeing, picture)).await;
        let picture = json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]});
        house
            .refuses(
                Ask::post("/v1/openai/responses").bearer(&blind).json(&responses(picture)),
                403,
                "capability_not_allowed",
            )
            .await;
    }
    let picture = part(json!({"type": "image", "source": {"type": "url", "url": IMAGE}}));
    house.passes(Ask::message(&seeing, picture)).await;
    for hidden in [
        json!({"role": "tool", "tool_call_id": "c", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}),
        json!({"role": "system", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}),
    ] {
        house
            .refuses(
                Ask::chat(&blind, json!({"messages": [hidden]})),
                403,
                "capability_not_allowed",
            )
            .await;
    }
    house.done().await;
}

#[tokio::test]
async fn content_of_a_kind_that_no_capability_covers_is_refused() {
    let house = House::open().await;
    let token = house.wide().await.token;
    let chats = [
        part(json!({"type": "input_audio", "input_audio": {}})),
        part(json!({"type": "file", "file": {"file_id": "file-1"}})),
        part(json!({"type": "video_url", "video_url": {"url": IMAGE}})),
        part(json!({"type": "document_url"})),
        json!({"audio": {"voice": "alloy", "format": "wav"}}),
        json!({"modalities": ["text", "audio"]}),
        json!({"modalities": ["image"]}),
        // what the model said aloud before is billed again
        json!({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}, {"role": "user", "content": "hi"}]}),
    ];
    for extra in chats {
        house.refuses(Ask::chat(&token, extra), 403, "capability_not_allowed").await;
    }
    for content in [
        json!({"type": "image_url", "image_url": {"url": IMAGE}}),
        json!(7),
        json!(true),
        json!([["x"]]),
        json!(["x"]),
        json!([{"text": "x"}]),
    ] {
        house
            .refuses(
                Ask::chat(&token, json!({"messages": [{"role": "user", "content": content}]})),
                400,
                "invalid_request",
            )
            .await;
        house
            .refuses(
                Ask::message(&token, json!({"messages": [{"role": "user", "content": content}]})),
                400,
                "invalid_request",
            )
            .await;
    }
    for kind in [
        "document",
        "server_tool_use",
        "web_search_tool_result",
        "container_upload",
        "search_result",
    ] {
        house
            .refuses(
                Ask::message(&token, part(json!({"type": kind}))),
                403,
                "capability_not_allowed",
            )
            .await;
        let nested =
            json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": kind}]});
        house.refuses(Ask::message(&token, part(nested)), 403, "capability_not_allowed").await;
    }
    house
        .refuses(
            Ask::message(
                &token,
                part(json!({"type": "image", "source": {"type": "file", "file_id": "f"}})),
            ),
            400,
            "unsupported_parameter",
        )
        .await;
    house
        .refuses(
            Ask::message(&token, json!({"system": [{"type": "document"}]})),
            403,
            "capability_not_allowed",
        )
        .await;
    house
        .refuses(
            Ask::message(&token, json!({"system": {"type": "text", "text": "x"}})),
            400,
            "invalid_request",
        )
        .await;
    house
        .passes(Ask::message(&token, json!({"system": [{"type": "text", "text": "be brief"}]})))
        .await;
    house.passes(Ask::chat(&token, json!({"modalities": ["text"], "messages": [{"role": "assistant", "content": null, "audio": null}, {"role": "user", "content": "hi"}]}))).await;
    house.done().await;
}

#[tokio::test]
async fn no_stored_object_of_the_keys_owner_is_reached() {
    let house = House::open().await;
    let token = house.wide().await.token;
    let ask =
        |extra: Value| Ask::post("/v1/openai/responses").bearer(&token).json(&responses(extra));
    for item in [
        json!({"type": "item_reference", "id": "msg_1"}),
        json!({"type": "file_search_call", "id": "fs_1"}),
        json!({"type": "mcp_list_tools"}),
        json!({"type": "computer_call_output"}),
    ] {
        house.refuses(ask(json!({"input": [item]})), 403, "capability_not_allowed").await;
    }
    // without a type it is a reference as well
    for item in [
        json!({"id": "msg_1"}),
        json!({"id": "msg_1", "type": null}),
        json!("msg_1"),
        json!({"type": 7, "role": "user", "content": "x"}),
    ] {
        house.refuses(ask(json!({"input": [item]})), 400, "invalid_request").await;
    }
    house
        .refuses(
            ask(json!({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]})),
            400,
            "unsupported_parameter",
        )
        .await;
    house.refuses(ask(json!({"instructions": [{"id": "msg_1"}]})), 400, "invalid_request").await;
    for extra in [
        json!({"previous_response_id": "resp_1"}),
        json!({"conversation": "conv_1"}),
        json!({"prompt": {"id": "pmpt_1"}}),
        json!({"background": true}),
    ] {
        house.refuses(ask(extra), 400, "unsupported_parameter").await;
    }
    for store in [
        json!({}),
        json!({"store": true}),
        json!({"store": null}),
        json!({"store": "yes"}),
        json!({"store": false}),
    ] {
        assert_eq!(house.passes(ask(store)).await["store"], false);
    }
    assert_eq!(
        house.passes(Ask::chat(&token, json!({"store": true, "metadata": {"a": "b"}}))).await["store"],
        false
    );
    let reply = json!({"input": [{"role": "user", "content": "hi"}, {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "ok"}]});
    house.passes(ask(reply)).await;
    house.done().await;
}

#[tokio::test]
async fn a_stream_is_asked_for_where_there_is_one() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for stream in [json!("true"), json!(1), json!([]), json!({})] {
        house.refuses(Ask::chat(&token, json!({"stream": stream})), 400, "invalid_request").await;
    }
    // an embedding has no stream, whatever it says
    let ask =
        Ask::post("/v1/openai/embeddings").bearer(&token).json(&embed(json!({"stream": true})));
    assert_eq!(house.send(ask).await.header("content-type"), Some("application/json"));
    let ask = Ask::post("/v1/anthropic/v1/messages/count_tokens")
        .bearer(&token)
        .json(&messages(json!({"stream": true})));
    assert_eq!(house.send(ask).await.header("content-type"), Some("application/json"));
    house.done().await;
}

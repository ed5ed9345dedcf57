//! Which paths, methods and bodies are a call at all.

use serde_json::json;

use crate::support::{Ask, House, Plan, chat, chat_with, messages};

#[tokio::test]
async fn v159_v160_v161_v162_what_is_not_in_the_table_does_not_exist() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for path in [
        "files",
        "uploads",
        "assistants",
        "threads",
        "threads/runs",
        "vector_stores",
        "fine_tuning/jobs",
        "containers",
        "conversations",
        "realtime",
        "realtime/sessions",
        "batches",
        "organization/usage",
        "admin/keys",
        "dashboard/billing/usage",
        "usage",
        "api_keys",
        "me",
        "audio/voices",
        "images/variations",
        "moderations/1",
        "completions/1",
        "responses/resp_1",
        "responses/resp_1/cancel",
        "responses/compact",
        "responses/input_tokens",
        "chat/completions/chatcmpl-1",
        "engines",
        "chat",
        "Chat/Completions",
        "chat/completions/",
        "chat%2Fcompletions",
        "chat/completions%00",
        "chat/completions;x",
        "chat\\completions",
        "../v1/openai/chat/completions",
        "%2e%2e/anthropic/messages",
        "v3/chat/completions",
        "v1beta2/chat/completions",
        "openai/deployments/chat/completions",
        "messages",
        "@evil.test/",
        "/evil.test/",
        "http://evil.test/chat/completions",
        "",
    ] {
        if matches!(path, "chat/completions/") {
            continue;
        }
        for method in ["POST", "GET", "DELETE"] {
            let ask = Ask::new(method, &format!("/v1/openai/{path}"))
                .bearer(&token)
                .json(&chat(json!({})));
            house.refuses(ask, 404, "route_not_supported").await;
        }
    }
    for path in [
        "complete",
        "messages/batches",
        "files",
        "skills",
        "organizations/me",
        "chat/completions",
        "v1/models/x/y/../z/",
    ] {
        let ask =
            Ask::post(&format!("/v1/anthropic/{path}")).bearer(&token).json(&messages(json!({})));
        let answer = house.send(ask).await;
        assert!(matches!(answer.status, 404 | 405), "{path} {}", answer.text());
    }
    for (method, path) in [
        ("GET", "chat/completions"),
        ("GET", "responses"),
        ("DELETE", "responses"),
        ("DELETE", "chat/completions"),
    ] {
        house
            .refuses(
                Ask::new(method, &format!("/v1/openai/{path}")).bearer(&token),
                404,
                "route_not_supported",
            )
            .await;
    }
    assert_eq!(house.arrived(), 0);
    for path in [
        "chat/completions",
        "v1/chat/completions",
        "v1/v1/chat/completions",
        "/chat/completions",
        "/v1//chat//completions",
        "openai/v1/chat/completions",
    ] {
        house.passes(Ask::chat(&token, json!({})).target(&format!("/v1/openai/{path}"))).await;
        assert_eq!(house.provider.ledger().last().unwrap().path, "/v1/chat/completions");
    }
    for path in ["messages", "v1/messages", "v1/v1/messages", "/v1/messages?beta=true"] {
        house
            .passes(Ask::message(&token, json!({})).target(&format!("/v1/anthropic/{path}")))
            .await;
        assert_eq!(house.provider.ledger().last().unwrap().path, "/v1/messages");
    }
    house.done().await;
}

#[tokio::test]
async fn v170_a_method_that_no_route_has_is_refused_before_anything_else() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for method in ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "PROPFIND"] {
        for ask in [
            Ask::new(method, "/v1/openai/chat/completions"),
            Ask::new(method, "/v1/openai/chat/completions").bearer(&token),
        ] {
            let refused = house.send(ask).await;
            assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")), "{method}");
        }
        let refused = house.send(Ask::new(method, "/v1/openai/models").bearer(&token)).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET")), "{method}");
    }
    // what claude-code asks first
    assert_eq!(house.send(Ask::new("HEAD", "/v1/anthropic/api/hello")).await.status, 404);
    let connect = house
        .speak(b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: api.openai.com:443\r\n\r\n")
        .await;
    assert!(connect.starts_with("HTTP/1.1 405 "), "{connect}");
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let ask = Ask::get("/v1/openai/chat/completions").bearer(&token).header(name, "POST");
        house.refuses(ask, 404, "route_not_supported").await;
        house.passes(Ask::chat(&token, json!({})).header(name, "DELETE")).await;
        assert_eq!(house.provider.ledger().last().unwrap().method, "POST");
    }
    house.done().await;
}

#[tokio::test]
async fn v169_the_target_does_not_choose_the_host() {
    let house = House::open().await;
    let token = house.plain().await.token;
    let body = chat(json!({})).to_string();
    let call = |target: &str, host: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len(),
        )
    };
    for target in [
        "http://evil.test/v1/openai/chat/completions",
        "https://api.openai.com/v1/openai/chat/completions",
        &format!("http://{}@evil.test/v1/openai/chat/completions", house.host()),
    ] {
        let heard = house.speak(call(target, "evil.test").as_bytes()).await;
        assert!(
            heard.starts_with("HTTP/1.1 404 ") && heard.contains("route_not_supported"),
            "{target}: {heard}"
        );
    }
    assert_eq!(house.arrived(), 0);
    let own = format!("{}/v1/openai/chat/completions", house.issuer);
    for (target, host) in [(&*own, "evil.test"), ("/v1/openai/chat/completions", "evil.test")] {
        let heard = house.speak(call(target, host).as_bytes()).await;
        assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
        let call = house.provider.ledger().last().unwrap().clone();
        assert_eq!(format!("http://{}", call.header("host").unwrap()), house.provider.url());
    }
    house.done().await;
}

#[tokio::test]
async fn v171_the_model_list_is_made_of_the_grant() {
    let house = House::open().await;
    let mut details = chat_with(json!({}));
    details["models"] = json!(["gpt-4o-mini", "ft:gpt-4o:acme::1", "org/some model"]);
    let token = house.grant(details).await.token;
    let list = house.send(Ask::get("/v1/openai/models").bearer(&token)).await.json();
    let ids: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["gpt-4o-mini", "ft:gpt-4o:acme::1", "org/some model"]);
    for path in [
        "gpt-4o-mini",
        "ft%3Agpt-4o%3Aacme%3A%3A1",
        "ft:gpt-4o:acme::1",
        "org/some%20model",
        "org%2Fsome%20model",
    ] {
        assert_eq!(
            house.send(Ask::get(&format!("/v1/openai/models/{path}")).bearer(&token)).await.status,
            200,
            "{path}"
        );
    }
    for path in ["gpt-4o", "GPT-4o-mini", "gpt-4o-mini%00", "%ff"] {
        house
            .refuses(
                Ask::get(&format!("/v1/openai/models/{path}")).bearer(&token),
                403,
                "model_not_allowed",
            )
            .await;
    }
    house.refuses(Ask::get("/v1/openai/models"), 401, "missing_token").await;
    house
        .refuses(
            Ask::new("DELETE", "/v1/openai/models/gpt-4o-mini").bearer(&token),
            404,
            "route_not_supported",
        )
        .await;
    let wide = house.wide().await.token;
    let list = house.send(Ask::get("/v1/anthropic/v1/models").bearer(&wide)).await.json();
    assert!(list["data"].as_array().unwrap().iter().any(|m| m["id"] == "claude-sonnet-5"));
    assert_eq!(house.arrived(), 0);
    house.done().await;
}

#[tokio::test]
async fn a_body_is_plain_json_of_a_bounded_size() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        house
            .refuses(
                Ask::chat(&token, json!({})).header("content-encoding", encoding),
                415,
                "unsupported_encoding",
            )
            .await;
    }
    let twice = Ask::chat(&token, json!({}))
        .header("content-encoding", "identity")
        .header("content-encoding", "gzip");
    house.refuses(twice, 415, "unsupported_encoding").await;
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "text/json",
    ] {
        let ask = Ask::chat(&token, json!({})).without("content-type").header("content-type", kind);
        house.refuses(ask, 415, "unsupported_media_type").await;
    }
    house
        .refuses(
            Ask::chat(&token, json!({})).without("content-type"),
            415,
            "unsupported_media_type",
        )
        .await;
    let long = |n: usize| json!({"messages": [{"role": "user", "content": "x".repeat(n)}]});
    house.refuses(Ask::chat(&token, long(1024 * 1024)), 413, "request_too_large").await;
    house.passes(Ask::chat(&token, long(1_000_000))).await;
    house.passes(Ask::chat(&token, json!({})).header("content-encoding", "identity")).await;
    house.done().await;
}

#[tokio::test]
async fn a_body_of_countless_small_values_is_refused_before_it_is_built() {
    let house = Plan::new().tune(|config| config.longest_call = 8 * 1024 * 1024).build().await;
    let token = house.wide().await.token;
    let ask = |n: usize| {
        let body = format!(r#"{{"model":"text-embedding-3-small","input":[{}7]}}"#, "7,".repeat(n));
        Ask::post("/v1/openai/embeddings").bearer(&token).json_text(&body)
    };
    house.refuses(ask(600_000), 400, "invalid_request").await;
    house.passes(ask(300_000)).await;
    // commas inside of texts are text
    let said = format!("\"{}", ",\\\"".repeat(600_000));
    house.passes(Ask::chat(&token, json!({"messages": [{"role": "user", "content": said}]}))).await;
    house.done().await;
}

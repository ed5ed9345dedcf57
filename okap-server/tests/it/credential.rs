//! The one credential of a call, and what goes up in its place.

use serde_json::json;

use crate::support::{Ask, House, Plan, chat_with};

fn bare() -> Ask {
    Ask::chat("x", json!({})).without("authorization")
}

#[tokio::test]
async fn v136_a_token_is_read_from_any_of_three_headers() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("bearer {token}")),
        ("authorization", format!("BEARER {token}")),
        ("x-api-key", token.clone()),
        ("X-Goog-Api-Key", token.clone()),
    ] {
        assert_eq!(house.send(bare().header(name, &value)).await.status, 200, "{name}");
    }
    let twice = bare().bearer(&token).header("x-api-key", &token).header("x-goog-api-key", &token);
    assert_eq!(house.send(twice).await.status, 200);
    for (name, value) in [
        ("authorization", token.clone()),
        ("authorization", format!("Token {token}")),
        ("authorization", format!("Bearer\t{token}")),
        ("authorization", format!("Bearer {token} ")),
        ("authorization", format!("Bearer  {token}")),
        ("authorization", format!("Bearer{token}")),
        ("authorization", format!("Bearer {token},{token}")),
        ("authorization", format!("Bearer \"{token}\"")),
        ("authorization", "Bearer".into()),
        ("authorization", format!("Basic {token}")),
        ("authorization", format!("DPoP {token}")),
        ("x-api-key", format!("Bearer {token}")),
        ("x-api-key", token.to_uppercase()),
        ("x-api-key", format!("{token}x")),
        ("x-api-key", token[..56].to_owned()),
        ("x-api-key", token.replacen("_at_", "_rt_", 1)),
        ("x-api-key", "okap_at_é".into()),
    ] {
        let answer = house.send(bare().header(name, &value)).await;
        // a space behind a header's value is no part of it
        let expected =
            if value.ends_with(' ') { (200, String::new()) } else { (401, "invalid_token".into()) };
        assert_eq!(answer.says(), expected, "{name}: {value}");
    }
    house.done().await;
}

#[tokio::test]
async fn a_call_without_a_token_learns_where_it_belongs() {
    let house = House::open().await;
    let refused = house.send(bare()).await;
    assert_eq!(refused.says(), (401, "missing_token".into()));
    let challenge = refused.header("www-authenticate").unwrap();
    let (realm, described) = challenge.split_once(", resource_metadata=\"").unwrap();
    assert_eq!(realm, "Bearer realm=\"okap\"");
    // the address that it names says which vault gives tokens for it
    let path = described.trim_end_matches('"').strip_prefix(&house.issuer).unwrap();
    let metadata = house.send(Ask::get(path)).await.json();
    assert_eq!(metadata["resource"], format!("{}/v1/openai", house.issuer));
    assert_eq!(metadata["authorization_servers"], json!([house.issuer]));
    for elsewhere in ["api-key", "cookie", "proxy-authorization", "token"] {
        let token = house.plain().await.token;
        house.clock.turn(61);
        let refused = house.send(bare().header(elsewhere, &token)).await;
        assert_eq!(refused.says(), (401, "missing_token".into()), "{elsewhere}");
        assert_eq!(house.send(bare().bearer(&token)).await.status, 200);
    }
    house.done().await;
}

#[tokio::test]
async fn two_credentials_that_differ_are_refused() {
    let house = House::open().await;
    let (one, other) = (house.plain().await.token, house.plain().await.token);
    for ask in [
        bare().bearer(&one).header("x-api-key", &other),
        bare().bearer(&one).bearer(&other),
        bare().header("x-api-key", &one).header("x-goog-api-key", &other),
        bare().header("x-api-key", &one).header("x-api-key", "sk-something"),
    ] {
        assert_eq!(house.send(ask).await.says(), (400, "invalid_request".into()));
    }
    assert_eq!(house.arrived(), 0);
    assert_eq!(house.send(bare().bearer(&one)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v135_a_token_has_no_place_in_an_address() {
    let house = House::open().await;
    let token = house.plain().await.token;
    let path = "/v1/openai/chat/completions";
    for query in [
        format!("access_token={token}"),
        format!("key={token}"),
        format!("k%65y={token}"),
        "key=AIza123".into(),
        "api_key=x".into(),
        format!("x={token}"),
        format!("x=1&{token}"),
        format!("{token}=1"),
        format!("x=okap%5Fat%5F{}", &token[8..]),
    ] {
        let refused = house.send(bare().bearer(&token).target(&format!("{path}?{query}"))).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{query}");
        assert!(!refused.text().contains(&token));
        let refused = house.send(bare().target(&format!("{path}?{query}"))).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{query}");
    }
    assert_eq!(house.arrived(), 0);
    assert_eq!(
        house.send(bare().bearer(&token).target(&format!("{path}?beta=true"))).await.status,
        200
    );
    assert_eq!(house.provider.ledger().last().unwrap().query, None);
    house.done().await;
}

#[tokio::test]
async fn v137_v143_nothing_of_the_app_goes_up_but_what_is_listed() {
    let house = House::open().await;
    let token = house.wide().await.token;
    let mut ask = bare().header("x-api-key", &token).header("host", "evil.example");
    for (name, value) in [
        ("api-key", "sk-app"),
        ("x-goog-api-key", &*token),
        ("cookie", "session=1"),
        ("proxy-authorization", "Basic eA=="),
        ("openai-organization", "org-app"),
        ("openai-project", "proj-app"),
        ("x-litellm-key", "x"),
        ("x-stainless-lang", "python"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=10.0.0.1"),
        ("via", "1.1 evil"),
        ("x-real-ip", "10.0.0.1"),
        ("origin", "https://app.example"),
        ("referer", "https://app.example/"),
        ("user-agent", "App/1"),
        ("x-http-method-override", "DELETE"),
        ("x-original-url", "/v1/files"),
        ("accept-language", "de"),
        ("x-request-id", "mine"),
        ("idempotency-key", "k"),
        ("helicone-auth", "x"),
        ("te", "trailers"),
        ("accept-encoding", "gzip, br"),
        ("anthropic-api-key", "x"),
        ("x-app", "cli"),
        ("traceparent", "00-1-2-3"),
    ] {
        ask = ask.header(name, value);
    }
    assert_eq!(
        house
            .send(ask.clone().header("accept", "application/json").header("openai-beta", "b=1"))
            .await
            .status,
        200
    );
    let call = house.provider.ledger().last().unwrap().clone();
    let mut names: Vec<_> = call.headers.iter().map(|h| h.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "openai-beta",
            "user-agent"
        ]
    );
    assert_eq!(call.header("authorization"), Some("Bearer <master>"));
    assert_eq!(format!("http://{}", call.header("host").unwrap()), house.provider.url());
    assert_eq!((call.header("accept-encoding"), &call.query), (Some("identity"), &None));
    assert!(call.header("user-agent").unwrap().starts_with("okap/"));

    let ask = Ask::message(&token, json!({}))
        .header("anthropic-beta", "a-1")
        .header("anthropic-beta", "b-2");
    assert_eq!(house.send(ask.header("anthropic-version", "2026-10-21")).await.status, 200);
    let call = house.provider.ledger().last().unwrap().clone();
    let betas: Vec<_> = call
        .headers
        .iter()
        .filter(|h| h.name == "anthropic-beta")
        .map(|h| h.value.as_str())
        .collect();
    assert_eq!(betas.join(","), "a-1,b-2");
    assert_eq!((call.header("x-api-key"), call.header("authorization")), (Some("<master>"), None));
    assert_eq!(call.header("anthropic-version"), Some("2026-10-21"));
    house.done().await;
}

#[tokio::test]
async fn a_token_does_not_go_up_in_a_header_that_is_passed_on() {
    let house = House::open().await;
    let token = house.wide().await.token;
    let ask =
        Ask::message(&token, json!({})).header("anthropic-beta", &token).header("accept", &token);
    assert_eq!(house.send(ask).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v139_a_header_with_underscores_is_none_of_ours() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for name in ["X_Api_Key", "x_goog_api_key", "Proxy_Authorization"] {
        assert_eq!(
            house.send(bare().header(name, &token)).await.says(),
            (401, "missing_token".into()),
            "{name}"
        );
        assert_eq!(
            house.send(bare().bearer(&token).header(name, "sk-x")).await.status,
            200,
            "{name}"
        );
    }
    assert!(
        house
            .provider
            .ledger()
            .calls
            .iter()
            .all(|c| c.headers.iter().all(|h| !h.name.contains('_')))
    );
    house.done().await;
}

#[tokio::test]
async fn v142_a_websocket_is_told_to_use_plain_requests() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for (method, path) in [
        ("GET", "/v1/openai/realtime?model=gpt-4o-mini"),
        ("GET", "/v1/openai/responses"),
        ("POST", "/v1/openai/chat/completions"),
        (
            "GET",
            "/v1/google/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent",
        ),
    ] {
        let raw = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: realtime, openai-insecure-api-key.{token}\r\n\r\n",
        );
        let heard = house.speak(raw.as_bytes()).await;
        assert!(heard.starts_with("HTTP/1.1 426 "), "{heard}");
        assert!(heard.contains("route_not_supported"), "{heard}");
        assert!(!heard.contains(&token));
    }
    let raw = "GET /okap/authorize HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    assert!(!house.speak(raw.as_bytes()).await.starts_with("HTTP/1.1 101"));
    assert_eq!(house.arrived(), 0);
    assert_eq!(house.send(Ask::chat(&token, json!({}))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v102_v167_a_token_is_looked_up_by_its_hash_and_by_nothing_else() {
    let house = House::open().await;
    let other = House::open().await;
    let (token, foreign) = (house.plain().await.token, other.plain().await.token);
    assert_eq!(
        house.send(Ask::chat(&foreign, json!({}))).await.says(),
        (401, "invalid_token".into())
    );
    assert_eq!(house.send(Ask::chat(&token, json!({}))).await.status, 200);
    for key in house.control().vault().asked() {
        assert!(!key.contains("okap_"), "{key}");
        if let Some(name) = key.strip_prefix("access/") {
            assert!(name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
        }
    }
    // one with a broken checksum is not looked up at all
    let before = house.control().vault().asked().len();
    let broken = format!("{}AAAAAA", &token[..51]);
    assert_eq!(
        house.send(Ask::chat(&broken, json!({}))).await.says(),
        (401, "invalid_token".into())
    );
    assert_eq!(house.control().vault().asked().len(), before);
    other.done().await;
    house.done().await;
}

#[tokio::test]
async fn v146_what_a_provider_tells_its_customer_stays_with_the_vault() {
    let bend = |mut answer: http::Response<okap_server::Body>| {
        for (name, value) in [
            ("www-authenticate", "Basic"),
            ("location", "http://evil.example/"),
            ("server", "cloud"),
            ("openai-project", "p"),
            ("anthropic-organization-id", "o"),
            ("access-control-allow-origin", "*"),
            ("clear-site-data", "\"*\""),
            ("refresh", "0"),
            ("x-ratelimit-remaining-tokens", "5"),
            ("strict-transport-security", "max-age=1"),
            ("link", "<http://evil.example>"),
        ] {
            answer.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        answer
    };
    let house = Plan::new().bend(bend).build().await;
    let token = house.plain().await.token;
    for extra in [json!({}), json!({"stream": true}), json!({"max_tokens": 0})] {
        let answer = house.send(Ask::chat(&token, extra)).await;
        let mut names: Vec<_> =
            answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.retain(|name| {
            !matches!(&**name, "date" | "content-length" | "transfer-encoding" | "x-request-id")
        });
        names.sort_unstable();
        assert_eq!(names, ["cache-control", "content-type", "x-content-type-options"]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    house.done().await;
}

#[tokio::test]
async fn v194_one_apps_answer_is_kept_by_no_cache() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({}))).await;
    for ask in [
        Ask::chat(&granted.token, json!({})),
        Ask::chat(&granted.token, json!({"stream": true})),
        Ask::chat(&granted.token, json!({"model": "gpt-4o"})),
        Ask::get("/v1/openai/models").bearer(&granted.token),
        Ask::chat("x", json!({})),
        Ask::post("/okap/token").form(&[]),
        Ask::post("/okap/authorize").json(&json!({})),
        Ask::get("/okap/authorize"),
        Ask::get("/nowhere"),
    ] {
        assert_eq!(house.send(ask).await.header("cache-control"), Some("no-store"));
    }
    house.done().await;
}

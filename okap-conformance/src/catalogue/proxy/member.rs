//! Members that would change who answers, with what, and at whose cost.

use serde_json::{Value, json};

use crate::{
    case::{Case, Prompt, with},
    catalogue::Test,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.member.refused",
        rev: 1,
        title: "members that name another model, host, stored object or dearer work are refused",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-298", "OKAP-R-296"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(refused(case)),
    },
    Test {
        id: "proxy.member.model",
        rev: 2,
        title: "a model that is not one string is refused, and * is none",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-294", "OKAP-R-478", "OKAP-R-027"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(model(case)),
    },
    Test {
        id: "proxy.member.capability",
        rev: 1,
        title: "a capability that is not granted is refused: another route, an image, a tool of the provider",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-299", "OKAP-R-300"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(capability(case)),
    },
    Test {
        id: "proxy.member.image",
        rev: 1,
        title: "an image is passed on by its address, which the vault does not fetch, and which has to be one",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-301", "OKAP-R-302"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("request-forgery"),
        run: |case| Box::pin(image(case)),
    },
    Test {
        id: "proxy.member.store",
        rev: 1,
        title: "nothing is stored with the provider, whatever the app says",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-303"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("account-disclosure"),
        run: |case| Box::pin(store(case)),
    },
];

/// What OpenAI could obey in a chat call, and names outside of the alphabet.
fn of_chat() -> Vec<(&'static str, Value)> {
    vec![
        ("prediction", json!({ "type": "content", "content": "x" })),
        ("service_tier", json!("priority")),
        ("Model", json!("gpt-4o")),
        ("model ", json!("gpt-4o")),
        ("model-id", json!("gpt-4o")),
        ("mod\u{435}l", json!("gpt-4o")),
    ]
}

/// What OpenAI could obey in a response.
fn of_responses() -> Vec<(&'static str, Value)> {
    vec![
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
        ("prompt", json!({ "id": "pmpt_1" })),
        ("background", json!(true)),
        ("service_tier", json!("priority")),
    ]
}

async fn refused(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let allowed = case.prompt().with("service_tier", json!("auto")).with("user", json!("u"));
    let (_, witness) = twin(case.forwarded(&grant, &allowed).await)?;
    let refusal = (400, "unsupported_parameter");
    for (name, value) in of_chat() {
        let prompt = case.prompt().with(name, value);
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let requirement = if plain { "OKAP-R-298" } else { "OKAP-R-296" };
        let refused = case.refuses_chat(&grant, &prompt, requirement, refusal).await;
        refused.map_err(|stop| about(stop, name))?;
    }
    for (name, value) in of_responses() {
        let nonce = case.nonce();
        let body = json!({ "model": "gpt-4o-mini", "input": nonce, "max_output_tokens": 16 });
        let body = with(body, name, value);
        let call = case.post(&grant, "responses", &body);
        let refused = case.refuses_call(call, &nonce, "OKAP-R-298", refusal).await;
        refused.map_err(|stop| about(stop, name))?;
    }
    let prompt = case.prompt();
    let odd = json!([{ "role": "user", "content": prompt.nonce, "Name": "x" }]);
    let prompt = prompt.with("messages", odd);
    case.refuses_chat(&grant, &prompt, "OKAP-R-296", refusal).await?;
    Ok(witness)
}

async fn model(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for value in [json!(null), json!(["gpt-4o-mini"]), json!(1), json!({ "id": "gpt-4o-mini" })] {
        let prompt = case.prompt().with("model", value);
        case.refuses_chat(&grant, &prompt, "OKAP-R-294", (400, "invalid_request")).await?;
    }
    let prompt = case.prompt().model("*");
    let reply = case.call(&grant, &prompt).await?;
    reply.ensure("OKAP-R-478", matches!(reply.status, 400 | 403), "a refusal")?;
    case.never_left(&prompt)?;
    let near =
        [" gpt-4o-mini", "gpt-4o-mini ", "gpt-4o-min", "gpt%2D4o-mini", "openai/gpt-4o-mini"];
    for near in near {
        let prompt = case.prompt().model(near);
        let reply = case.call(&grant, &prompt).await?;
        reply.ensure("OKAP-R-027", matches!(reply.status, 400 | 403), "a refusal")?;
        case.never_left(&prompt)?;
    }
    Ok(witness)
}

async fn capability(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let denied = (403, "capability_not_allowed");
    let nonce = case.nonce();
    let body = json!({ "model": "gpt-4o-mini", "input": nonce });
    let call = case.post(&grant, "embeddings", &body);
    case.refuses_call(call, &nonce, "OKAP-R-299", denied).await?;

    let prompt = with_image(case, "https://images.example/1.png");
    case.refuses_chat(&grant, &prompt, "OKAP-R-300", denied).await?;
    for tool in ["web_search", "code_interpreter", "mcp", "file_search", "computer_use_preview"] {
        let nonce = case.nonce();
        let body = json!({
            "model": "gpt-4o-mini", "input": nonce, "max_output_tokens": 16,
            "tools": [{ "type": tool }],
        });
        let call = case.post(&grant, "responses", &body);
        case.refuses_call(call, &nonce, "OKAP-R-299", denied)
            .await
            .map_err(|stop| about(stop, tool))?;
    }
    Ok(witness)
}

async fn image(case: &Case) -> Outcome {
    let ask = case.ask().with("capabilities", json!(["chat", "vision"]));
    let grant = case.grant(&ask).await?;
    // the address is the fake provider's own: whoever fetches it is seen
    let nonce = case.nonce();
    let address = format!("{}/v1/models/{nonce}.png", case.provider().url());
    let prompt = with_image(case, &address);
    case.call(&grant, &prompt).await?.has_status("OKAP-R-302", 200)?;
    let data = with_image(case, "data:image/png;base64,iVBORw0KGgo=");
    case.call(&grant, &data).await?.has_status("OKAP-R-302", 200)?;
    let calls = case.provider().ledger().calls;
    if let Some(stray) = calls.iter().find(|call| call.path.contains(&nonce)) {
        let observed = format!("{} {}", stray.method, stray.path);
        return Err(Stop::failed("OKAP-R-301", "an address that nobody fetched", observed));
    }
    for address in
        ["file:///etc/passwd", "ftp://images.example/1.png", "data:text/html;base64,PGI+", "1.png"]
    {
        let prompt = with_image(case, address);
        let reply = case.call(&grant, &prompt).await?;
        let refused = reply.ensure("OKAP-R-302", matches!(reply.status, 400 | 403), "a refusal");
        refused.map_err(|stop| about(stop, address))?;
        case.never_left(&prompt)?;
    }
    Witness::of_upstream("OKAP-R-302", &prompt.nonce, &case.books(&prompt))
}

async fn store(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let stored = |nonce: &str| {
        let books = case.books(nonce);
        books
            .last()
            .map(|call| call.body.get("store").cloned().unwrap_or_default())
            .unwrap_or_default()
    };
    let prompt = case.prompt().with("store", json!(true));
    let reply = case.call(&grant, &prompt).await?;
    reply.has_status("OKAP-R-303", 200)?;
    reply.ensure("OKAP-R-303", stored(&prompt.nonce) == json!(false), "chat with store false")?;
    for store in [None, Some(true)] {
        let nonce = case.nonce();
        let mut body = json!({ "model": "gpt-4o-mini", "input": nonce, "max_output_tokens": 16 });
        if let Some(store) = store {
            body = with(body, "store", json!(store));
        }
        let reply = case.send(case.post(&grant, "responses", &body)).await?;
        reply.has_status("OKAP-R-303", 200)?;
        reply.ensure("OKAP-R-303", stored(&nonce) == json!(false), "response with store false")?;
    }
    Ok(witness)
}

fn with_image(case: &Case, address: &str) -> Prompt {
    let prompt = case.prompt();
    let content = json!([
        { "type": "text", "text": prompt.nonce },
        { "type": "image_url", "image_url": { "url": address } },
    ]);
    prompt.with("messages", json!([{ "role": "user", "content": content }]))
}

/// Says which of many things it was.
pub(in crate::catalogue) fn about(stop: Stop, what: &str) -> Stop {
    match stop {
        Stop::Failed(mut found) => {
            found.expected = format!("{what}: {}", found.expected);
            Stop::Failed(found)
        }
        other => other,
    }
}

//! The routes that there are, and those that there are not.

use serde_json::json;

use crate::{
    case::{Case, Grant, with},
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.route.required",
        rev: 1,
        title: "the required routes of OpenAI, and of Anthropic where it is listed, are served",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-280", "OKAP-R-303"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(required(case)),
    },
    Test {
        id: "proxy.route.models",
        rev: 3,
        title: "the list of models is that of the grant, and the provider is not asked for it",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-284"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(models(case)),
    },
    Test {
        id: "proxy.route.unknown",
        rev: 1,
        title: "a route that is not in the table does not exist, whatever the provider has there",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-281", "OKAP-R-282", "OKAP-R-287"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(unknown(case)),
    },
    Test {
        id: "proxy.route.method",
        rev: 1,
        title: "a wrong method is 405 with the right one in Allow, and an upgrade is 426",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-283", "OKAP-R-285"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(method(case)),
    },
    Test {
        id: "proxy.route.prefix",
        rev: 1,
        title: "double slashes and repeated version prefixes lead to the same route",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-271"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(prefix(case)),
    },
    Test {
        id: "proxy.route.escape",
        rev: 1,
        title: "no spelling of the path, and no header, leads to another place of the provider",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-286", "OKAP-R-281"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(escape(case)),
    },
];

async fn required(case: &Case) -> Outcome {
    let ask = case.ask();
    let openai = ask.clone().models(&["gpt-4o-mini", "text-embedding-3-small"]);
    let openai = openai.with("capabilities", json!(["chat", "embeddings"])).details();
    let anthropic = ask.clone().with("provider", json!("anthropic")).models(&["claude-sonnet-5"]);
    let anthropic = anthropic.details();
    let offered = case.offers("anthropic").await?;
    let details = if offered { vec![openai, anthropic] } else { vec![openai] };
    let grant = case.grant_of(&ask, &details).await?;

    let nonce = case.nonce();
    let said = format!("{nonce}: say 16 words");
    let messages = json!([{ "role": "user", "content": said }]);
    let claude = json!({ "model": "claude-sonnet-5", "messages": messages });
    let message = with(claude.clone(), "max_tokens", json!(16));
    for (provider, route, body) in [
        (0, "responses", json!({ "model": "gpt-4o-mini", "input": said, "max_output_tokens": 16 })),
        (0, "embeddings", json!({ "model": "text-embedding-3-small", "input": said })),
        (1, "v1/messages", message),
        (1, "v1/messages/count_tokens", claude),
    ] {
        if provider == 1 && !offered {
            continue;
        }
        let base_url = grant.details.get(provider).and_then(|object| object["base_url"].as_str());
        let url = format!("{}/{route}", base_url.unwrap_or_default());
        let before = case.books(&nonce).totals.calls;
        let reply = case.send(Call::post(url).bearer(&grant.token).json(&body)).await?;
        reply.has_status("OKAP-R-280", 200)?;
        let books = case.books(&nonce);
        reply.ensure("OKAP-R-280", books.totals.calls == before + 1, "one call at the provider")?;
        // the books call a response that the provider would store a violation
        if let Some(found) = books.violations.first() {
            let observed = format!("{:?} in {}", found.what, found.at);
            return Err(Stop::failed("OKAP-R-303", "store false and a clean call", observed));
        }
    }
    Witness::of_upstream("OKAP-R-280", &nonce, &case.books(&nonce))
}

async fn models(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask().models(&["gpt-4o-mini", "gpt-4o"])).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let get = |path: &str| Call::get(format!("{}/{path}", grant.base_url)).bearer(&grant.token);
    // they carry no nonce, but no other test asks for models
    let asked = || case.provider().ledger().calls.iter().filter(|c| asks_for_models(c)).count();
    let before = asked();
    let list = case.send(get("models")).await?;
    list.has_status("OKAP-R-284", 200)?;
    let listed = list.at("/data").as_array().cloned().unwrap_or_default();
    let mut ids: Vec<_> = listed.iter().filter_map(|model| model["id"].as_str()).collect();
    ids.sort_unstable();
    list.ensure("OKAP-R-284", ids == ["gpt-4o", "gpt-4o-mini"], "the two models of the grant")?;
    let one = case.send(get("models/gpt-4o")).await?;
    one.ensure("OKAP-R-284", one.status == 200 && one.text("/id") == "gpt-4o", "the model")?;
    let other = case.send(get("models/gpt-3.5-turbo-instruct")).await?;
    other.is_refused("OKAP-R-284", 403, "model_not_allowed")?;
    let asked = asked() - before;
    list.ensure("OKAP-R-284", asked == 0, "an answer without asking the provider")?;
    Ok(witness)
}

/// Whether a call at the provider is for its models.
fn asks_for_models(call: &crate::provider::Call) -> bool {
    let named = call.path.ends_with("/models") || call.path.contains("/models/");
    call.method == "GET" && named
}

/// What providers have and a vault does not.
const ABSENT: &[(&str, &str)] = &[
    ("POST", "files"),
    ("POST", "uploads"),
    ("POST", "assistants"),
    ("POST", "threads"),
    ("POST", "threads/runs"),
    ("POST", "vector_stores"),
    ("POST", "batches"),
    ("POST", "fine_tuning/jobs"),
    ("POST", "containers"),
    ("POST", "conversations"),
    ("POST", "realtime/sessions"),
    ("GET", "organization/costs"),
    ("GET", "dashboard/billing/usage"),
    ("POST", "chat/completions/x"),
    ("POST", "messages"),
    ("POST", ""),
    ("GET", "chat/completions"),
    ("GET", "chat/completions/chatcmpl-1"),
    ("DELETE", "chat/completions/chatcmpl-1"),
    ("GET", "responses/resp_1"),
    ("DELETE", "responses/resp_1"),
];

/// Those among them that keep something at the provider, or show the owner's account.
const KEPT: &[&str] = &[
    "files",
    "uploads",
    "assistants",
    "threads",
    "vector_stores",
    "batches",
    "fine_tuning",
    "containers",
    "conversations",
    "realtime",
    "organization",
    "dashboard",
];

async fn unknown(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    for (method, path) in ABSENT {
        let prompt = case.prompt();
        let call = chat_at(case, method, &format!("{}/{path}", grant.base_url), &grant, &prompt);
        let requirement = match *method {
            _ if KEPT.iter().any(|kept| path.starts_with(kept)) => "OKAP-R-287",
            "POST" => "OKAP-R-281",
            _ => "OKAP-R-282",
        };
        case.refuses_call(call, &prompt.nonce, requirement, (404, "route_not_supported")).await?;
    }
    twin(case.forwarded(&grant, &case.prompt()).await).map(|(_, witness)| witness)
}

async fn method(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    for (method, path, allowed) in [
        ("PUT", "chat/completions", "POST"),
        ("PATCH", "responses", "POST"),
        ("POST", "models", "GET"),
    ] {
        let prompt = case.prompt();
        let call = chat_at(case, method, &format!("{}/{path}", grant.base_url), &grant, &prompt);
        let refusal = (405, "method_not_allowed");
        let reply = case.refuses_call(call, &prompt.nonce, "OKAP-R-283", refusal).await?;
        let allow = reply.header("allow").unwrap_or_default();
        let named = allow.split(',').any(|one| one.trim() == allowed);
        reply.ensure("OKAP-R-283", named, format!("{allowed} in Allow"))?;
    }
    let prompt = case.prompt();
    let call = case.chat(&grant, &prompt).header("connection", "upgrade");
    let call = call.header("upgrade", "websocket");
    case.refuses_call(call, &prompt.nonce, "OKAP-R-285", (426, "route_not_supported")).await?;
    twin(case.forwarded(&grant, &case.prompt()).await).map(|(_, witness)| witness)
}

async fn prefix(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for path in [
        "v1/chat/completions",
        "/chat//completions",
        "v1/v1/chat/completions",
        "/v1//chat/completions",
    ] {
        let prompt = case.prompt();
        let call = chat_at(case, "POST", &format!("{}/{path}", grant.base_url), &grant, &prompt);
        case.send(call).await?.has_status("OKAP-R-271", 200)?;
        let books = case.books(&prompt);
        let at = books.last().map(|call| call.path.clone()).unwrap_or_default();
        if at != "/v1/chat/completions" {
            return Err(Stop::failed("OKAP-R-271", "/v1/chat/completions at the provider", at));
        }
    }
    Ok(witness)
}

async fn escape(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    for path in [
        "chat/completions/../../files",
        "chat/../files",
        "..%2f..%2ffiles",
        "chat%2fcompletions",
        "%2e%2e/%2e%2e/v1/files",
        "chat/completions%00",
        "chat/completions;/files",
        "chat/completions%3f/files",
        "../anthropic/v1/messages",
        "@127.0.0.1/chat/completions",
        "CHAT/completions",
    ] {
        let prompt = case.prompt();
        let call = chat_at(case, "POST", &format!("{}/{path}", grant.base_url), &grant, &prompt);
        let reply = case.send(call).await?;
        reply.ensure("OKAP-R-281", (400..500).contains(&reply.status), "a refusal")?;
        case.never_left(&prompt)?;
    }
    let prompt = case.prompt();
    let call = ["x-forwarded-host", "x-original-url", "x-rewrite-url", "x-okap-upstream"]
        .into_iter()
        .fold(case.chat(&grant, &prompt), |call, name| call.header(name, "/v1/files"));
    let reply = case.send(call).await?;
    reply.has_status("OKAP-R-286", 200)?;
    let books = case.books(&prompt);
    let at = books.last().map(|call| call.path.clone()).unwrap_or_default();
    reply.ensure("OKAP-R-286", at == "/v1/chat/completions", "the route of the path")?;
    Witness::of_upstream("OKAP-R-286", &prompt.nonce, &books)
}

/// A chat call to another address or with another method.
fn chat_at(
    case: &Case,
    method: &str,
    url: &str,
    grant: &Grant,
    prompt: &crate::case::Prompt,
) -> Call {
    let mut call = case.chat(grant, prompt);
    call.method = method.to_owned();
    call.url = url.to_owned();
    call
}

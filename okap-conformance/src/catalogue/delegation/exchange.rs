//! What may be handed on, of what, by whom.

use serde_json::{Value, json};

use crate::{
    case::{Case, Grant, key::sha256},
    catalogue::Test,
    driver::Decision,
    http::Call,
    outcome::{Outcome, Stop, Witness, ensure, prerequisite, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "delegation.exchange.handed_on",
        rev: 1,
        title: "part of an app's access is handed on, and works as far as it goes",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-214", "OKAP-R-222"],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(handed_on(case)),
    },
    Test {
        id: "delegation.exchange.wider",
        rev: 1,
        title: "no more is handed on than the token allows",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-211", "OKAP-R-214"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(wider(case)),
    },
    Test {
        id: "delegation.exchange.longer",
        rev: 1,
        title: "what is handed on ends with the token at the latest",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-214"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(longer(case)),
    },
    Test {
        id: "delegation.exchange.provider",
        rev: 1,
        title: "a child calls no provider of its parent's that was not handed on",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-276"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(provider(case)),
    },
    Test {
        id: "delegation.exchange.subject",
        rev: 1,
        title: "only a living access token of this vault is handed on",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-215"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(subject(case)),
    },
    Test {
        id: "delegation.exchange.client",
        rev: 1,
        title: "access is handed on by the client that it was granted to",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-462"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(client(case)),
    },
];

/// A details object for an exchange.
fn part(members: Value) -> Value {
    let mut part = json!({ "type": "ai_model_access", "provider": "openai" });
    if let (Some(part), Value::Object(members)) = (part.as_object_mut(), members) {
        part.extend(members);
    }
    json!([part])
}

async fn handed_on(case: &Case) -> Outcome {
    let limits = json!({ "monthly_spend": "5.00", "requests_per_minute": 30 });
    let ask = case.ask().models(&["gpt-4o-mini", "gpt-4o"]).limits(limits);
    let parent = case.grant(&ask).await?;
    let less = json!({
        "models": ["gpt-4o-mini"], "capabilities": ["chat"], "limits": { "monthly_spend": "1.25" },
    });
    let reply = case.hand_on(&parent, Some(&part(less))).await?;
    let child = Grant::of_tokens(&reply, "OKAP-R-214")?;
    let another = child.id != parent.id && child.token != parent.token;
    reply.ensure("OKAP-R-214", another, "a grant and a token of its own")?;
    reply.ensure("OKAP-R-222", reply.at("/refresh_token").is_null(), "no refresh_token")?;
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    let typed = reply.text("/issued_token_type") == kind;
    reply.ensure("OKAP-R-214", typed, "issued_token_type access_token")?;
    let has = child.object();
    // what it does not name it inherits
    for (at, value) in [
        ("/models", json!(["gpt-4o-mini"])),
        ("/capabilities", json!(["chat"])),
        ("/limits/monthly_spend", json!("1.25")),
        ("/limits/requests_per_minute", json!(30)),
    ] {
        let seen = has.pointer(at) == Some(&value);
        ensure("OKAP-R-214", seen, format!("{at} {value}"), has.to_string())?;
    }
    let (_, witness) = case.forwarded(&child, &case.prompt()).await?;

    let other = case.prompt().model("gpt-4o");
    twin(case.call(&parent, &other).await?.has_status("OKAP-R-280", 200))?;
    let other = case.prompt().model("gpt-4o");
    let refused = case.call(&child, &other).await?;
    refused.is_refused("OKAP-R-214", 403, "model_not_allowed")?;
    case.never_left(&other)?;
    Ok(witness)
}

async fn wider(case: &Case) -> Outcome {
    let limits = json!({ "monthly_spend": "5.00", "requests_per_minute": 30 });
    let ask = case.ask().models(&["gpt-4o-mini", "gpt-4o"]).limits(limits);
    let first = case.grant(&ask).await?;
    // a part of the first, so that what the first has is too much as well
    let less = json!({
        "models": ["gpt-4o-mini"], "limits": { "monthly_spend": "2.00", "requests_per_minute": 9 },
    });
    let parent = case.child(&first, Some(&part(less))).await?;
    let provider = json!([{
        "type": "ai_model_access", "provider": "anthropic", "models": ["claude-sonnet-5"],
    }]);
    for wider in [
        part(json!({ "models": ["gpt-4o-mini", "gpt-4o"] })),
        part(json!({ "models": ["gpt-4o"] })),
        part(json!({ "models": ["gpt-4o-mini", "gpt-4.1"] })),
        part(json!({ "capabilities": ["chat", "embeddings"] })),
        part(json!({ "limits": { "monthly_spend": "2.01" } })),
        part(json!({ "limits": { "requests_per_minute": 10 } })),
        provider,
    ] {
        let reply = case.hand_on(&parent, Some(&wider)).await?;
        reply.is_refused("OKAP-R-214", 400, "invalid_authorization_details")?;
        let nothing = reply.at("/access_token").is_null();
        reply.ensure("OKAP-R-211", nothing, "no token")?;
    }
    let same = json!({
        "models": ["gpt-4o-mini"], "limits": { "monthly_spend": "2.00", "requests_per_minute": 9 },
    });
    let child = twin(case.child(&parent, Some(&part(same))).await)?;
    twin(case.forwarded(&child, &case.prompt()).await).map(|(_, witness)| witness)
}

async fn longer(case: &Case) -> Outcome {
    let parent = case.grant(&case.ask().expires(&case.moment(900))).await?;
    let later = part(json!({ "expires": case.moment(1_800) }));
    let refused = case.hand_on(&parent, Some(&later)).await?;
    refused.is_refused("OKAP-R-214", 400, "invalid_authorization_details")?;

    let ends = case.own_grant(&parent).await?;
    let ends = seconds(ends.text("/expires"));
    for details in [None, Some(part(json!({ "expires": case.moment(600) })))] {
        let child = case.child(&parent, details.as_ref()).await?;
        let lives = child.reply.at("/expires_in").as_u64();
        let short = lives.is_some_and(|seconds| seconds <= 900);
        child.reply.ensure("OKAP-R-214", short, "expires_in of 900 at most")?;
        let own = case.own_grant(&child).await?;
        let within = !ends.is_empty() && seconds(own.text("/expires")) <= ends;
        own.ensure("OKAP-R-214", within, format!("expires by {ends}, as its parent"))?;
    }
    let child = case.child(&parent, None).await?;
    twin(case.forwarded(&child, &case.prompt()).await).map(|(_, witness)| witness)
}

/// A moment of the wire, without what is below a second: these compare as text.
fn seconds(moment: &str) -> String {
    moment.chars().take(19).collect()
}

async fn provider(case: &Case) -> Outcome {
    let ask = case.ask();
    let mut body = ask.shape_2();
    let other = json!({
        "type": "ai_model_access", "provider": "anthropic", "models": ["claude-sonnet-5"],
        "capabilities": ["chat"], "reason": format!("Both ({})", ask.correlation),
    });
    if let Some(Value::Array(details)) = body.get_mut("authorization_details") {
        details.push(other);
    }
    let pending = prerequisite("no request", case.begin_with(&ask, &body).await)?;
    case.decide(&pending, Decision::Approve).await?;
    let parent = prerequisite("no grant", Grant::read(&case.outcome(&pending).await?))?;
    let there =
        parent.details.iter().find(|part| part.get("provider") == Some(&json!("anthropic")));
    let base_url = there.and_then(|part| part.get("base_url")).and_then(Value::as_str);
    let base_url = base_url.ok_or_else(|| Stop::Untestable("no second base_url".to_owned()))?;
    let child = case.child(&parent, Some(&part(json!({})))).await?;
    let (_, witness) = twin(case.forwarded(&child, &case.prompt()).await)?;

    let message = |nonce: &str| {
        json!({
            "model": "claude-sonnet-5", "max_tokens": 16,
            "messages": [{ "role": "user", "content": format!("{nonce}: say 4 words") }],
        })
    };
    let call = |token: &str, nonce: &str| {
        Call::post(format!("{base_url}/v1/messages"))
            .header("x-api-key", token)
            .header("anthropic-version", "2023-06-01")
            .json(&message(nonce))
    };
    let allowed = case.send(call(&parent.token, &case.nonce())).await?;
    twin(allowed.has_status("OKAP-R-280", 200))?;
    let prompt = case.prompt();
    let refused = case.send(call(&child.token, &prompt.nonce)).await?;
    refused.is_refused("OKAP-R-276", 403, "provider_not_allowed")?;
    case.never_left(&prompt)?;
    Ok(witness)
}

async fn subject(case: &Case) -> Outcome {
    let living = case.grant(&case.ask()).await?;
    let child = twin(case.child(&living, None).await)?;
    let (_, witness) = twin(case.forwarded(&child, &case.prompt()).await)?;

    let pending = case.begin(&case.ask()).await?;
    let dead = case.grant(&case.ask()).await?;
    twin(case.child(&dead, None).await)?;
    prerequisite("no revocation", case.give_back(&dead.token).await)?;
    for (subject, what) in [
        (dead.token.clone(), "a revoked token"),
        (foreign(case), "a token of another vault"),
        (pending.token().to_owned(), "a continuation token"),
        ("nothing".to_owned(), "no token"),
    ] {
        let reply = case.send(case.exchange(&subject, &[])).await?;
        let refused = reply.status == 400 && reply.code() == "invalid_request";
        reply.ensure("OKAP-R-215", refused, format!("400 invalid_request for {what}"))?;
    }
    Ok(witness)
}

/// A token of the right form that this vault never issued.
fn foreign(case: &Case) -> String {
    use base64ct::{Base64UrlUnpadded as Base64, Encoding};
    let body = format!("okap_at_{}", sha256(&case.nonce()));
    let sum = Base64::encode_string(&crc32fast::hash(body.as_bytes()).to_be_bytes());
    format!("{body}{sum}")
}

async fn client(case: &Case) -> Outcome {
    let named = ("client_id", case.local());
    // a grant without a client
    let direct = case.grant(&case.ask()).await?;
    let with = case.send(case.exchange(&direct.token, &[named])).await?;
    with.is_refused("OKAP-R-462", 400, "invalid_request")?;
    let without = case.hand_on(&direct, None).await?;
    let child = twin(Grant::of_tokens(&without, "OKAP-R-214"))?;
    let (_, witness) = twin(case.forwarded(&child, &case.prompt()).await)?;

    // and one with
    let metadata = case.send(Call::get(case.metadata_url())).await?;
    if metadata.at("/pushed_authorization_request_endpoint").is_null() {
        return Ok(witness);
    }
    let code = case.coded(&case.ask()).await?;
    let tokens = case.send(case.redemption(&code)).await?;
    let local = twin(Grant::of_tokens(&tokens, "OKAP-R-125"))?;
    let missing = case.hand_on(&local, None).await?;
    missing.is_refused("OKAP-R-462", 400, "invalid_request")?;
    let own = case.send(case.exchange(&local.token, &[named])).await?;
    twin(own.has_status("OKAP-R-214", 200))?;
    Witness::of_change("OKAP-R-462", &missing, &own)
}

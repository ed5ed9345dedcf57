//! The token and its places.

use serde_json::json;

use super::metadata::metadata_url;
use crate::{
    case::{Case, Grant, Prompt},
    catalogue::Test,
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.credential.places",
        rev: 1,
        title: "the token is read from Authorization, x-api-key and x-goog-api-key",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-272", "OKAP-R-273"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(places(case)),
    },
    Test {
        id: "proxy.credential.malformed",
        rev: 1,
        title: "no token, a token that is none, and a token without its scheme are refused",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-273", "OKAP-R-365", "OKAP-R-367"],
        needs: &[],
        twin: Some("proxy.credential.places"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(malformed(case)),
    },
    Test {
        id: "proxy.credential.two",
        rev: 1,
        title: "two credentials that differ are refused",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-274"],
        needs: &[],
        twin: Some("proxy.credential.places"),
        threat: Some("confused-deputy"),
        run: |case| Box::pin(two(case)),
    },
    Test {
        id: "proxy.credential.query",
        rev: 1,
        title: "a token in the address is refused, and another model in it too",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-275", "OKAP-R-295"],
        needs: &[],
        twin: Some("proxy.credential.places"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(query(case)),
    },
    Test {
        id: "proxy.credential.provider",
        rev: 1,
        title: "a token is good for the providers of its grant alone",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-276", "OKAP-R-367"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(provider(case)),
    },
];

/// The chat call with other headers for its credential.
fn carrying(case: &Case, grant: &Grant, prompt: &Prompt, headers: &[(&str, String)]) -> Call {
    let mut call = case.chat(grant, prompt);
    call.headers.retain(|(name, _)| name != "authorization");
    headers.iter().fold(call, |call, (name, value)| call.header(name, value.clone()))
}

async fn places(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let token = &grant.token;
    let mut last = case.prompt();
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("bEARER {token}")),
        ("x-api-key", token.clone()),
        ("x-goog-api-key", token.clone()),
    ] {
        last = case.prompt();
        let reply = case.send(carrying(case, &grant, &last, &[(name, value)])).await?;
        let requirement = if name == "authorization" { "OKAP-R-273" } else { "OKAP-R-272" };
        reply.has_status(requirement, 200)?;
    }
    Witness::of_upstream("OKAP-R-272", &last.nonce, &case.books(&last))
}

async fn malformed(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let token = &grant.token;
    let prompt = case.prompt();
    let none = carrying(case, &grant, &prompt, &[]);
    let reply =
        case.refuses_call(none, &prompt.nonce, "OKAP-R-365", (401, "missing_token")).await?;
    challenges(&reply, &grant, "")?;
    let last = token.chars().next_back().map_or('a', |c| if c == 'a' { 'b' } else { 'a' });
    let other = format!("{}{last}", token.get(..token.len() - 1).unwrap_or_default());
    for value in
        ["Bearer okap_at_none".to_owned(), format!("Bearer {other}"), format!("Bearer {token}x")]
    {
        let prompt = case.prompt();
        let call = carrying(case, &grant, &prompt, &[("authorization", value)]);
        let reply =
            case.refuses_call(call, &prompt.nonce, "OKAP-R-365", (401, "invalid_token")).await?;
        challenges(&reply, &grant, "invalid_token")?;
    }
    for value in [format!("Bearer{token}"), token.clone(), format!("Basic {token}")] {
        let prompt = case.prompt();
        let call = carrying(case, &grant, &prompt, &[("authorization", value)]);
        let reply = case.send(call).await?;
        reply.has_status("OKAP-R-273", 401)?;
        case.never_left(&prompt)?;
    }
    Ok(witness)
}

async fn two(case: &Case) -> Outcome {
    let (grant, other) = (case.grant(&case.ask()).await?, case.grant(&case.ask()).await?);
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let bearer = format!("Bearer {}", grant.token);
    for second in [
        ("x-api-key", other.token.clone()),
        ("x-goog-api-key", other.token.clone()),
        ("authorization", format!("Bearer {}", other.token)),
    ] {
        let prompt = case.prompt();
        let call = carrying(case, &grant, &prompt, &[("authorization", bearer.clone()), second]);
        case.refuses_call(call, &prompt.nonce, "OKAP-R-274", (400, "invalid_request")).await?;
    }
    Ok(witness)
}

async fn query(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for (query, requirement, code) in [
        (format!("access_token={}", grant.token), "OKAP-R-275", "invalid_request"),
        (format!("key={}", grant.token), "OKAP-R-275", "invalid_request"),
        ("model=gpt-4o".to_owned(), "OKAP-R-295", "unsupported_parameter"),
        ("provider=anthropic".to_owned(), "OKAP-R-295", "unsupported_parameter"),
        ("deployment=gpt-4o".to_owned(), "OKAP-R-295", "unsupported_parameter"),
        ("engine=gpt-4o".to_owned(), "OKAP-R-295", "unsupported_parameter"),
    ] {
        let prompt = case.prompt();
        let mut call = case.chat(&grant, &prompt);
        call.url = format!("{}?{query}", call.url);
        case.refuses_call(call, &prompt.nonce, requirement, (400, code)).await?;
    }
    Ok(witness)
}

async fn provider(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let nonce = case.nonce();
    let body = json!({
        "model": "claude-sonnet-5",
        "max_tokens": 16,
        "messages": [{ "role": "user", "content": nonce }],
    });
    let url = grant.base_url.replace("/openai", "/anthropic") + "/v1/messages";
    let call = Call::post(url).bearer(&grant.token).json(&body);
    let reply =
        case.refuses_call(call, &nonce, "OKAP-R-276", (403, "provider_not_allowed")).await?;
    let wanted = "error=\"insufficient_scope\"";
    let said = reply.header("www-authenticate").unwrap_or_default();
    reply.ensure("OKAP-R-367", said.contains(wanted), wanted)?;
    Ok(witness)
}

/// The challenge of a refusal names the metadata, and the error where there was a token.
fn challenges(reply: &Reply, grant: &Grant, error: &str) -> Result<(), Stop> {
    let said = reply.header("www-authenticate").unwrap_or_default();
    let named = format!("resource_metadata=\"{}\"", metadata_url(&grant.base_url));
    reply.ensure("OKAP-R-367", said.contains(&named), &named)?;
    let error = format!("error=\"{error}\"");
    let right = said.contains(&error) || (error == "error=\"\"" && !said.contains("error="));
    reply.ensure("OKAP-R-367", right, format!("{error} in the challenge"))
}

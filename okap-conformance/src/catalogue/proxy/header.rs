//! What goes up beside the body, and what comes down.

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.header.up",
        rev: 1,
        title: "only headers of the list go up, and none that has a token in it or names the app",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-305", "OKAP-R-306", "OKAP-R-309", "OKAP-R-433", "OKAP-R-259"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("key-exfiltration"),
        run: |case| Box::pin(up(case)),
    },
    Test {
        id: "proxy.header.down",
        rev: 1,
        title: "only headers of the list come down, and nothing may store the answer",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-307", "OKAP-R-369"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("account-disclosure"),
        run: |case| Box::pin(down(case)),
    },
];

/// What may arrive at a provider: the app's own, the vault's, and what HTTP needs.
const UP: &[&str] = &[
    "accept",
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
    "content-type",
    "accept-encoding",
    "user-agent",
    "host",
    "authorization",
    "content-length",
    "transfer-encoding",
    "connection",
];

async fn up(case: &Case) -> Outcome {
    let ask = case.ask();
    let grant = case.grant(&ask).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    let prompt = case.prompt();
    let mark = case.nonce();
    let call = [
        "cookie",
        "x-forwarded-for",
        "x-forwarded-host",
        "forwarded",
        "via",
        "x-real-ip",
        "origin",
        "referer",
        "openai-organization",
        "openai-project",
        "helicone-auth",
        "x-stainless-os",
        "api-key",
        "proxy-authorization",
        "x-portkey-provider",
        "user-agent",
        "te",
        "dnt",
        "x-request-id",
        "idempotency-key",
        "traceparent",
        "dpop",
        "x-okapconf",
    ]
    .into_iter()
    .fold(case.chat(&grant, &prompt), |call, name| call.header(name, mark.clone()))
    .header("openai-beta", "assistants=v2")
    .header("anthropic-beta", format!("x-{}", grant.token));
    let reply = case.send(call).await?;
    reply.has_status("OKAP-R-305", 200)?;
    let books = case.books(&prompt);
    let came = books.last().map(|call| call.headers.clone()).unwrap_or_default();
    for header in &came {
        let observed = format!("{}: {}", header.name, header.value);
        let known = UP.contains(&header.name.as_str()) && !header.value.contains(&mark);
        if !known {
            let requirement = if header.name == "dpop" { "OKAP-R-259" } else { "OKAP-R-305" };
            return Err(Stop::failed(requirement, "only headers of the list", observed));
        }
        if header.value.contains("okap_") {
            return Err(Stop::failed("OKAP-R-306", "no token in a header", observed));
        }
        if [&ask.correlation, &grant.id].into_iter().any(|word| header.value.contains(word)) {
            return Err(Stop::failed("OKAP-R-433", "nothing of app or user", observed));
        }
    }
    let beta = came.iter().any(|h| h.name == "openai-beta" && h.value == "assistants=v2");
    if !beta {
        return Err(Stop::failed("OKAP-R-305", "openai-beta at the provider", "it stayed behind"));
    }
    let query = books.last().and_then(|call| call.query.clone()).unwrap_or_default();
    if !query.is_empty() {
        return Err(Stop::failed("OKAP-R-309", "an address without a query", query));
    }
    Witness::of_upstream("OKAP-R-305", &prompt.nonce, &books)
}

/// What comes down of a provider's answer, what the vault adds, and what HTTP needs.
const DOWN: &[&str] = &[
    "content-type",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-request-id",
    "request-id",
    "openai-processing-ms",
    "cache-control",
    "x-content-type-options",
    "okap-output-ceiling",
    "content-length",
    "transfer-encoding",
    "connection",
    "date",
    "server",
    "vary",
    // what a page of the vault's own is guarded with
    "content-security-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-frame-options",
    "keep-alive",
];

async fn down(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let stream = case.prompt().with("stream", true.into());
    let refused = case.prompt().model("gpt-4o");
    let failed = case.prompt();
    case.spoil(&failed, crate::provider::Fault::status(400));
    for prompt in [&case.prompt(), &stream, &refused, &failed] {
        let reply = case.call(&grant, prompt).await?;
        // the vault's own challenge; that of a provider is another matter
        let own = |name: &str| name == "www-authenticate" && reply.status == 403;
        let known = |name: &str| DOWN.contains(&name) || own(name);
        let strange = reply.headers.iter().find(|(name, _)| !known(name));
        if let Some((name, _)) = strange {
            return Err(Stop::failed("OKAP-R-307", "only headers of the list", name));
        }
        let control = reply.header("cache-control").unwrap_or_default();
        reply.ensure("OKAP-R-369", control.contains("no-store"), "cache-control: no-store")?;
    }
    Ok(witness)
}

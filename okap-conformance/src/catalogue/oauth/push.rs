//! What is pushed: the form, the challenge, where the answer goes.

use crate::{
    case::{Case, Push},
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.push.fresh",
        rev: 1,
        title: "a pushed request is answered with an address of its own that nobody guesses",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-108"],
        needs: &[],
        twin: None,
        threat: Some("consent-bypass"),
        run: |case| Box::pin(fresh(case)),
    },
    Test {
        id: "oauth.push.challenge",
        rev: 1,
        title: "a request without an S256 challenge is refused, and no other method is offered",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-105", "OKAP-R-057"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(challenge(case)),
    },
    Test {
        id: "oauth.push.response_type",
        rev: 1,
        title: "another response type than code is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-106"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(response_type(case)),
    },
    Test {
        id: "oauth.push.parameters",
        rev: 1,
        title: "unknown and empty parameters are passed over, those that cannot be pushed are not",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-103", "OKAP-R-104"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: None,
        run: |case| Box::pin(parameters(case)),
    },
    Test {
        id: "oauth.push.resource",
        rev: 1,
        title: "a resource that is not asked for is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-107"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: None,
        run: |case| Box::pin(resource(case)),
    },
    Test {
        id: "oauth.push.local_redirect",
        rev: 1,
        title: "a local app is answered at a port of this computer and nowhere else",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-074", "OKAP-R-088", "OKAP-R-089"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(local_redirect(case)),
    },
];

async fn fresh(case: &Case) -> Outcome {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let reply = case.send_push(&case.to_push(&case.ask())).await?;
        let uri = reply.text("/request_uri").to_owned();
        reply.ensure("OKAP-R-108", reply.status == 201, "201")?;
        // 22 characters of base64url carry 128 bits
        let long = uri.rsplit(':').next().is_some_and(|end| end.len() >= 22);
        reply.ensure("OKAP-R-108", long, "a request_uri of 128 random bits at least")?;
        let lives = reply.at("/expires_in").as_u64();
        let short = lives.is_some_and(|seconds| (1..=90).contains(&seconds));
        reply.ensure("OKAP-R-108", short, "expires_in of 90 seconds at most")?;
        seen.push(uri);
    }
    Witness::of_several("OKAP-R-108", &seen)
}

async fn challenge(case: &Case) -> Outcome {
    let push = || case.to_push(&case.ask());
    let wrong = [
        push().without("code_challenge"),
        push().with("code_challenge", ""),
        push().with("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c"),
        push().with("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"),
        push().with("code_challenge_method", "plain"),
        push().with("code_challenge_method", "s256"),
    ];
    let witness = refused(case, &wrong, "OKAP-R-105", "invalid_request").await?;
    let metadata = case.send(Call::get(case.metadata_url())).await?;
    let offered = metadata.at("/code_challenge_methods_supported");
    let only = *offered == serde_json::json!(["S256"]);
    metadata.ensure("OKAP-R-057", only, "code_challenge_methods_supported of [\"S256\"]")?;
    Ok(witness)
}

async fn response_type(case: &Case) -> Outcome {
    let push = || case.to_push(&case.ask());
    let wrong = ["token", "code token", "id_token", "none"];
    let wrong = wrong.map(|kind| push().with("response_type", kind));
    refused(case, &wrong, "OKAP-R-106", "unsupported_response_type").await
}

async fn parameters(case: &Case) -> Outcome {
    let push = || case.to_push(&case.ask());
    let loose = push().also("prompt", "none").also("resource", "").also("dpop_jkt", "");
    case.send_push(&loose).await?.has_status("OKAP-R-103", 201)?;
    let without = push().with("redirect_uri", "");
    let reply = case.send_push(&without).await?;
    reply.is_refused("OKAP-R-103", 400, "invalid_request")?;
    let wrong = [
        push().also("request", "e30.e30."),
        push().also("request_uri", "urn:ietf:params:oauth:request_uri:x"),
    ];
    refused(case, &wrong, "OKAP-R-104", "invalid_request").await
}

async fn resource(case: &Case) -> Outcome {
    let push = || case.to_push(&case.ask());
    let here = push().also("resource", case.issuer());
    twin(case.pushed(&here).await)?;
    let wrong = ["https://elsewhere.example/v1", &case.at("v1/anthropic"), &case.at("okap")]
        .map(|resource| push().also("resource", resource));
    refused(case, &wrong, "OKAP-R-107", "invalid_target").await
}

async fn local_redirect(case: &Case) -> Outcome {
    let push = || case.to_push(&case.ask());
    twin(case.pushed(&push().to("http://[::1]:49152/back")).await)?;
    let long = format!("http://127.0.0.1:49152/{}", "a".repeat(500));
    let elsewhere = [
        "http://localhost:49152/back",
        "http://127.0.0.2:49152/back",
        "http://127.0.0.1.evil.example:49152/back",
        "https://app.example/back",
        "https://127.0.0.1:49152/back",
    ];
    let unknown = ["http://app.example/back", "javascript:alert(1)", "app:/back"];
    let spelt = [
        "http://user@127.0.0.1:49152/back",
        "http://127.0.0.1:49152/back#x",
        "http://127.0.0.1:49152/*",
        "http://127.0.0.1:49152/a/../back",
        "http://127.0.0.1:049152/back",
        "HTTP://127.0.0.1:49152/back",
        &long,
    ];
    let to = |addresses: &[&str]| addresses.iter().map(|to| push().to(to)).collect::<Vec<_>>();
    refused(case, &to(&unknown), "OKAP-R-088", "invalid_request").await?;
    refused(case, &to(&spelt), "OKAP-R-089", "invalid_request").await?;
    refused(case, &to(&elsewhere), "OKAP-R-074", "invalid_request").await
}

/// Each of these is refused so, and the same without what is wrong is taken before and after.
async fn refused(case: &Case, wrong: &[Push], requirement: &str, code: &str) -> Outcome {
    let one = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    for push in wrong {
        case.send_push(push).await?.is_refused(requirement, 400, code)?;
    }
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh(requirement, &one, &other)
}

//! Clients that are known by the address of a document.

mod address;
mod direct;
mod document;
mod kept;

use serde_json::json;

use crate::{
    case::{Case, put, with},
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Witness, prerequisite, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.client.address",
        rev: 2,
        title: "a client id that is no https address, or is spelt another way, is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-077"],
        needs: &[Verb::Publish],
        twin: Some("oauth.push.fresh"),
        threat: Some("impersonation"),
        run: |case| Box::pin(address::spelling(case)),
    },
    Test {
        id: "oauth.client.inside",
        rev: 1,
        title: "a client id at an address of the vault's own computer is refused, and nothing fetched",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-079"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("request-forgery"),
        run: |case| Box::pin(address::inside(case)),
    },
    Test {
        id: "oauth.client.unreachable",
        rev: 1,
        title: "a client whose document cannot be fetched is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-453", "OKAP-R-042"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("impersonation"),
        run: |case| Box::pin(unreachable(case)),
    },
    Test {
        id: "oauth.client.direct",
        rev: 1,
        title: "a direct request of a client that has to prove itself is refused, as it proves nothing",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-450"],
        needs: &[Verb::Publish],
        twin: None,
        threat: Some("impersonation"),
        run: |case| Box::pin(direct::direct(case)),
    },
    Test {
        id: "oauth.client.redirect",
        rev: 1,
        title: "a client is answered at the addresses of its document, byte by byte",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-087", "OKAP-R-090", "OKAP-R-115"],
        needs: &[Verb::Publish],
        twin: None,
        threat: Some("open-redirect"),
        run: |case| Box::pin(redirect(case)),
    },
    Test {
        id: "oauth.client.document",
        rev: 2,
        title: "a document that breaks a rule is refused, and not remembered",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-085", "OKAP-R-082"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("impersonation"),
        run: |case| Box::pin(document::document(case)),
    },
    Test {
        id: "oauth.client.redirects",
        rev: 1,
        title: "a document with an address to which no browser may be led is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-088", "OKAP-R-089"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("open-redirect"),
        run: |case| Box::pin(document::redirects(case)),
    },
    Test {
        id: "oauth.client.length",
        rev: 1,
        title: "a document of 5,120 bytes is taken, and no longer one",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-081"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("denial-of-service"),
        run: |case| Box::pin(document::length(case)),
    },
    Test {
        id: "oauth.client.as_it_is",
        rev: 1,
        title: "a document counts as it is when it is used, not as it was",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-086"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("impersonation"),
        run: |case| Box::pin(as_it_is(case)),
    },
    Test {
        id: "oauth.client.not_kept",
        rev: 1,
        title: "a document that may not be kept is fetched each time",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-083"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("impersonation"),
        run: |case| Box::pin(kept::never(case)),
    },
    Test {
        id: "oauth.client.a_day",
        rev: 1,
        title: "a document is kept for a day at most, whatever its site says",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-083"],
        needs: &[Verb::Publish, Verb::Advance],
        twin: Some("oauth.client.redirect"),
        threat: Some("impersonation"),
        run: |case| Box::pin(kept::a_day(case)),
    },
    Test {
        id: "oauth.client.unsaid",
        rev: 1,
        title: "a document of which its site says nothing is kept for 300 seconds",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-084"],
        needs: &[Verb::Publish, Verb::Advance],
        twin: Some("oauth.client.redirect"),
        threat: None,
        run: |case| Box::pin(kept::unsaid(case)),
    },
    Test {
        id: "oauth.client.site_down",
        rev: 1,
        title: "a client whose site is down loses neither code nor grant",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-454"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("denial-of-service"),
        run: |case| Box::pin(site_down(case)),
    },
    Test {
        id: "oauth.client.name",
        rev: 1,
        title: "a client with a document cannot give itself another name in a request",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-073"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("impersonation"),
        run: |case| Box::pin(name(case)),
    },
    Test {
        id: "oauth.client.bound",
        rev: 1,
        title: "code and refresh token of one client are nothing in the hands of another",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-125", "OKAP-R-204"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(bound(case)),
    },
    Test {
        id: "oauth.client.claimed",
        rev: 1,
        title: "who only says that it is a client does not spend what that client may",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-071", "OKAP-R-445"],
        needs: &[Verb::Publish],
        twin: Some("oauth.client.redirect"),
        threat: Some("impersonation"),
        run: |case| Box::pin(claimed(case)),
    },
];

async fn unreachable(case: &Case) -> Outcome {
    let one = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    let client_id = format!("https://{}.invalid/client.json", case.nonce());
    let reply = case.send_push(&case.to_push(&case.ask()).of(&client_id)).await?;
    reply.is_refused("OKAP-R-453", 401, "invalid_client")?;
    let mut body = case.ask().shape_2();
    if let Some(client) = body.get_mut("client") {
        put(client, "client_id", json!(client_id));
    }
    case.request(&body).await?.is_refused("OKAP-R-042", 401, "invalid_client")?;
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh("OKAP-R-453", &one, &other)
}

async fn redirect(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let own = case.to_push(&case.ask()).by(&client);
    let landed = case.walk(&own, crate::driver::Decision::Approve).await?;
    let home = landed.url.starts_with(&format!("{}?", client.redirect_uri));
    landed.ensure("OKAP-R-090", home, &client.redirect_uri)?;
    let one = landed.one("code").unwrap_or_default().to_owned();
    case.secret("code", &one);
    landed.ensure("OKAP-R-115", landed.one("iss") == Some(case.issuer()), "iss")?;
    let port = case.to_push(&case.ask()).of(&client.client_id).to("http://127.0.0.1:50001/back");
    case.pushed(&port).await?;

    for wrong in [
        format!("{}/", client.redirect_uri),
        format!("{}/more", client.redirect_uri),
        format!("{}?x=1", client.redirect_uri),
        client.redirect_uri.replace("/back", "/Back"),
        client.redirect_uri.replace("/back", "/bac"),
        client.redirect_uri.replace("https://", "https://x."),
        client.redirect_uri.replace(".example/", ".example:8443/"),
        client.redirect_uri.replace(".example/", ".example.evil.example/"),
        "http://127.0.0.1:50001/other".to_owned(),
        "http://[::1]:50001/back".to_owned(),
        "http://localhost:50001/back".to_owned(),
    ] {
        let push = case.to_push(&case.ask()).of(&client.client_id).to(&wrong);
        case.send_push(&push).await?.is_refused("OKAP-R-087", 400, "invalid_request")?;
    }
    let again = case.to_push(&case.ask()).by(&client);
    let other = twin(case.coded_of(again).await)?;
    Witness::of_fresh("OKAP-R-087", &one, &other.code)
}

async fn as_it_is(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let push = || case.to_push(&case.ask()).by(&client);
    let one = twin(case.pushed(&push()).await)?;
    let elsewhere = json!(["https://elsewhere.example/back"]);
    let moved = with(client.document(), "redirect_uris", elsewhere);
    case.publish(&client, &moved).await?;
    case.send_push(&push()).await?.is_refused("OKAP-R-086", 400, "invalid_request")?;
    case.publish(&client, &client.signing_document()).await?;
    case.send_push(&push()).await?.is_refused("OKAP-R-086", 401, "invalid_client")?;
    case.publish(&client, &client.document()).await?;
    let other = twin(case.pushed(&push()).await)?;
    Witness::of_fresh("OKAP-R-086", &one, &other)
}

async fn site_down(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let push = || case.to_push(&case.ask()).by(&client);
    let code = case.coded_of(push()).await?;
    case.publish_text(&client, None, None).await?;
    let reply = case.token(&code.form()).await?;
    reply.is_refused("OKAP-R-454", 503, "temporarily_unavailable")?;
    case.publish(&client, &client.document()).await?;
    let first = case.redeem(&code).await?;
    case.publish_text(&client, None, None).await?;
    let reply = case.token(&first.form()).await?;
    reply.is_refused("OKAP-R-454", 503, "temporarily_unavailable")?;
    case.publish(&client, &client.document()).await?;
    let second = case.renew(&first).await?;
    Witness::of_fresh("OKAP-R-454", &first.refresh, &second.refresh)
}

async fn name(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let push = || case.to_push(&case.ask()).by(&client);
    let one = twin(case.pushed(&push()).await)?;
    let named = push().also("client_name", "Somebody else");
    case.send_push(&named).await?.is_refused("OKAP-R-073", 400, "invalid_request")?;
    let other = twin(case.pushed(&push()).await)?;
    Witness::of_fresh("OKAP-R-073", &one, &other)
}

async fn bound(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let push = || case.to_push(&case.ask()).by(&client);
    let stranger = case.published_client().await?;
    let code = case.coded_of(push()).await?;
    for other in [stranger.client_id.as_str(), case.local()] {
        let reply = case.token(&code.form().with("client_id", other)).await?;
        reply.is_refused("OKAP-R-125", 400, "invalid_grant")?;
    }
    let first = case.redeem(&code).await?;
    for other in [stranger.client_id.as_str(), case.local()] {
        let reply = case.token(&first.form().with("client_id", other)).await?;
        reply.is_refused("OKAP-R-204", 400, "invalid_grant")?;
    }
    case.stands("OKAP-R-204", &first.grant, "active").await?;
    let second = case.renew(&first).await?;
    Witness::of_fresh("OKAP-R-204", &first.refresh, &second.refresh)
}

async fn claimed(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let once = || case.ask().limits(json!({ "requests_per_day": 1 }));
    let push = |to: &str| case.to_push(&once()).of(&client.client_id).to(to);
    let real = case.coded_of(push(&client.redirect_uri)).await?;
    let real = prerequisite("no tokens to test with", case.redeem(&real).await)?;
    twin(case.forwarded(&real.grant, &case.prompt()).await)?;
    // another grant of the same client goes on where that one is
    let again = case.coded_of(push(&client.redirect_uri)).await?;
    let again = prerequisite("no tokens to test with", case.redeem(&again).await)?;
    let full = case.call(&again.grant, &case.prompt()).await?;
    twin(full.is_refused("OKAP-R-071", 429, "rate_limit_exceeded"))?;

    let claim = case.coded_of(push("http://127.0.0.1:50002/back")).await?;
    let claim = prerequisite("no tokens to test with", case.redeem(&claim).await)?;
    let prompt = case.prompt();
    let reply = case.call(&claim.grant, &prompt).await?;
    reply.has_status("OKAP-R-445", 200)?;
    Witness::of_upstream("OKAP-R-445", &prompt.nonce, &case.books(&prompt))
}

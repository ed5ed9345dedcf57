//! The consent page, as far as it speaks of clients.

use serde_json::json;

use crate::{
    case::{ALLOW, Case, DENY, Landing, with},
    catalogue::{
        Test,
        core::page::{deciding, whole},
    },
    driver::Verb,
    outcome::{Outcome, Witness},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.page.hosts",
        rev: 1,
        title: "the page shows the host of a client, and the host that the browser goes back to",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-382"],
        needs: &[Verb::Publish, Verb::SignIn],
        twin: Some("oauth.client.redirect"),
        threat: Some("impersonation"),
        run: |case| Box::pin(hosts(case)),
    },
    Test {
        id: "oauth.page.decided",
        rev: 1,
        title: "the browser that brings a decision is led on by a 303, so that its form stays here",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-114"],
        needs: &[],
        twin: None,
        threat: Some("session-theft"),
        run: |case| Box::pin(decided(case)),
    },
];

async fn hosts(case: &Case) -> Outcome {
    let client = case.published();
    let back = format!("https://back.{}.example/cb", case.nonce());
    let document = with(client.document(), "redirect_uris", json!([back]));
    let document = with(document, "client_name", json!("OpenAI, as it says"));
    case.publish(&client, &document).await?;
    let push = case.to_push(&case.ask()).of(&client.client_id).to(&back);
    let request_uri = case.pushed(&push).await?;
    let page = case.look(&case.browse(&push, &request_uri).await?).await?;
    page.has_status("OKAP-R-382", 200)?;
    let host = |address: &str| {
        let url = address.parse::<url::Url>().ok();
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    };
    let (own, target) = (host(&client.client_id), host(&back));
    page.shows("OKAP-R-382", &own)?;
    page.shows("OKAP-R-382", &target)?;
    let body = String::from_utf8_lossy(&page.body).into_owned();
    let said = if body.contains(&target) { target.as_str() } else { "" };
    Witness::of_told("OKAP-R-382", &target, &page, said)
}

async fn decided(case: &Case) -> Outcome {
    let mut codes = Vec::new();
    for (said, member) in [(ALLOW, "code"), (DENY, "error"), (ALLOW, "code")] {
        let push = case.to_push(&whole(case, "1.00"));
        let request_uri = case.pushed(&push).await?;
        let consent = case.browse(&push, &request_uri).await?;
        let (mut browser, page) = case.signed_in(&consent).await?;
        let form = deciding(&page)?;
        let reply = browser.press(&page, form, said).await?;
        reply.has_status("OKAP-R-114", 303)?;
        let landed = Landing::at(reply.header("location").unwrap_or_default());
        let home = landed.url.starts_with(&format!("{}?", push.redirect_uri));
        landed.ensure("OKAP-R-114", home, &push.redirect_uri)?;
        let value = landed.one(member).unwrap_or_default();
        landed.ensure("OKAP-R-114", !value.is_empty(), member)?;
        if member == "code" {
            case.secret("code", value);
            codes.push(value.to_owned());
        }
    }
    Witness::of_several("OKAP-R-114", &codes)
}

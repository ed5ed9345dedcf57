//! The authorization endpoint, as a browser finds it.

use crate::{
    case::Case,
    catalogue::Test,
    driver::{Decision, Verb},
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.authorize.pushed_alone",
        rev: 1,
        title: "a link that was not pushed, or is another app's, ends at a page of the vault",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-101", "OKAP-R-112", "OKAP-R-090"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("open-redirect"),
        run: |case| Box::pin(pushed_alone(case)),
    },
    Test {
        id: "oauth.authorize.once",
        rev: 1,
        title: "a pushed request is good for one browser, once",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-108", "OKAP-R-112"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(once(case)),
    },
    Test {
        id: "oauth.authorize.ended",
        rev: 1,
        title: "a pushed request that is older than 90 seconds is not shown any more",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-108", "OKAP-R-112"],
        needs: &[Verb::Advance],
        twin: Some("oauth.push.fresh"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(ended(case)),
    },
    Test {
        id: "oauth.authorize.signed_out",
        rev: 1,
        title: "a browser without a session is shown nothing of a request, to no other origin",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-113", "OKAP-R-058"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(signed_out(case)),
    },
    Test {
        id: "oauth.authorize.comes_back",
        rev: 1,
        title: "the browser comes back with issuer and state, allowed or denied, and with no token",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-115", "OKAP-R-116", "OKAP-R-090"],
        needs: &[],
        twin: None,
        threat: Some("mix-up"),
        run: |case| Box::pin(comes_back(case)),
    },
];

async fn pushed_alone(case: &Case) -> Outcome {
    let push = case.to_push(&case.ask());
    let one = twin(case.pushed(&push).await)?;

    let bare = format!("{}?{}", case.at("okap/authorize"), push.form.query());
    let other_app = case.link("https://other.example/client.json", &one);
    let unknown = "urn:ietf:params:oauth:request_uri:7fJ2mB0dQ1sVxH4tK9yRzA3cLwE6uN8pGvT5oXiYhM0";
    let unknown = case.link(&push.client_id, unknown);
    let none = case.at("okap/authorize");
    // an address of ours beside a pushed request leads nowhere
    let smuggled = format!("{other_app}&redirect_uri=https%3A%2F%2Fevil.example%2F");
    for (link, requirement) in [
        (bare, "OKAP-R-101"),
        (none, "OKAP-R-101"),
        (unknown, "OKAP-R-112"),
        (other_app, "OKAP-R-112"),
        (smuggled, "OKAP-R-090"),
    ] {
        refused(&case.send(Call::get(link)).await?, requirement)?;
    }

    // what was tried with another app's name is still good for its own
    twin(case.browse(&push, &one).await)?;
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh("OKAP-R-101", &one, &other)
}

async fn once(case: &Case) -> Outcome {
    let push = case.to_push(&case.ask());
    let uri = case.pushed(&push).await?;
    let link = case.link(&push.client_id, &uri);
    let before = case.send(Call::get(&link)).await?;
    twin(before.ensure("OKAP-R-112", before.status < 400, "a page, or a redirect to one"))?;
    let after = case.send(Call::get(&link)).await?;
    after.ensure("OKAP-R-108", after.status >= 400, "a request_uri that is good once")?;
    refused(&after, "OKAP-R-112")?;
    Witness::of_change("OKAP-R-108", &before, &after)
}

async fn ended(case: &Case) -> Outcome {
    let push = case.to_push(&case.ask());
    let one = case.pushed(&push).await?;
    twin(case.browse(&push, &one).await)?;
    let push = case.to_push(&case.ask());
    let other = case.pushed(&push).await?;
    case.advance(91).await?;
    let link = case.link(&push.client_id, &other);
    let late = case.send(Call::get(link)).await?;
    late.ensure("OKAP-R-108", late.status >= 400, "a request_uri that lives for 90 seconds")?;
    refused(&late, "OKAP-R-112")?;
    Witness::of_fresh("OKAP-R-108", &one, &other)
}

async fn signed_out(case: &Case) -> Outcome {
    let ask = case.ask();
    let push = case.to_push(&ask);
    let uri = twin(case.pushed(&push).await)?;
    let mut next = case.link(&push.client_id, &uri);
    let mut link = true;
    for _ in 0..5 {
        let reply = case.send(Call::get(&next).header("origin", "https://evil.example")).await?;
        if link {
            reply.ensure("OKAP-R-113", reply.status < 400, "a page, or a redirect to one")?;
            let closed = !reply.headers.iter().any(|(name, _)| name.starts_with("access-control-"));
            reply.ensure("OKAP-R-058", closed, "no CORS header")?;
        }
        let shown = String::from_utf8_lossy(&reply.body).contains(&ask.correlation);
        reply.ensure("OKAP-R-113", !shown, "nothing of the request before the user signs in")?;
        link = false;
        match reply.header("location") {
            Some(page) if (300..400).contains(&reply.status) => next = case.absolute(page),
            _ => break,
        }
    }
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh("OKAP-R-113", &uri, &other)
}

async fn comes_back(case: &Case) -> Outcome {
    let mut codes = Vec::new();
    for (said, state) in [
        (Decision::Approve, case.nonce()),
        (Decision::Approve, format!("{} &=+%2f#?\u{e4}\u{65e5}/\\\"'", case.nonce())),
        (Decision::Deny, case.nonce()),
    ] {
        let push = case.to_push(&case.ask()).to("http://127.0.0.1:49153/back?own=1").state(&state);
        let denied = said == Decision::Deny;
        let landed = case.walk(&push, said).await?;
        let home = landed.url.starts_with("http://127.0.0.1:49153/back?own=1&");
        landed.ensure("OKAP-R-090", home, "the address that was pushed")?;
        let own = landed.one("iss") == Some(case.issuer());
        landed.ensure("OKAP-R-115", own, &format!("iss={}", case.issuer()))?;
        let same = landed.one("state") == Some(state.as_str());
        landed.ensure("OKAP-R-115", same, &format!("state={state}"))?;
        let silent = landed.one("access_token").is_none() && !landed.url.contains("okap_at_");
        landed.ensure("OKAP-R-116", silent, "no token")?;
        if denied {
            let said = landed.one("error") == Some("access_denied") && landed.one("code").is_none();
            landed.ensure("OKAP-R-115", said, "error=access_denied, and no code")?;
        } else {
            let code = landed.one("code").unwrap_or_default();
            case.secret("code", code);
            landed.ensure("OKAP-R-115", landed.one("error").is_none(), "no error beside a code")?;
            codes.push(code.to_owned());
        }
    }
    Witness::of_several("OKAP-R-115", &codes)
}

/// A page of the vault with status 400, which leads nowhere.
fn refused(reply: &Reply, requirement: &str) -> Result<(), Stop> {
    let html = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let stays = reply.header("location").is_none() && reply.header("refresh").is_none();
    let page = reply.status == 400 && html && stays;
    reply.ensure(requirement, page, "an HTML page with status 400, and no redirect")
}

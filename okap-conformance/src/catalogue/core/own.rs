//! What a vault tells an app of its own grant, and what it refuses with.

use serde_json::json;

use crate::{
    case::{Case, Grant, put},
    catalogue::Test,
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.own.grant",
        rev: 1,
        title: "an app sees and ends its own grant, and no other",
        profile: Profile::Core,
        verifies: &["OKAP-R-245", "OKAP-R-246", "OKAP-R-247", "OKAP-R-434", "OKAP-R-465"],
        needs: &[],
        twin: None,
        threat: Some("token-theft"),
        run: |case| Box::pin(own(case)),
    },
    Test {
        id: "core.own.header",
        rev: 1,
        title: "the access token is taken from the Authorization header alone",
        profile: Profile::Core,
        verifies: &["OKAP-R-199", "OKAP-R-446"],
        needs: &[],
        twin: Some("core.own.grant"),
        threat: Some("token-theft"),
        run: |case| Box::pin(header(case)),
    },
    Test {
        id: "core.own.errors",
        rev: 1,
        title: "errors have the body, the status and the challenge of the table",
        profile: Profile::Core,
        verifies: &["OKAP-R-361", "OKAP-R-363", "OKAP-R-469"],
        needs: &[],
        twin: Some("core.own.grant"),
        threat: None,
        run: |case| Box::pin(errors(case)),
    },
    Test {
        id: "core.own.introspection",
        rev: 1,
        title: "introspection is for callers with credentials, and a client id is checked",
        profile: Profile::Core,
        verifies: &["OKAP-R-042", "OKAP-R-238"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: None,
        run: |case| Box::pin(introspection(case)),
    },
    Test {
        id: "core.own.bounded",
        rev: 1,
        title: "the requests that wait are bounded, per client and per source",
        profile: Profile::Core,
        verifies: &["OKAP-R-109", "OKAP-R-110", "OKAP-R-427", "OKAP-R-471"],
        needs: &[],
        twin: None,
        threat: Some("resource-exhaustion"),
        run: |case| Box::pin(bounded(case)),
    },
];

async fn own(case: &Case) -> Outcome {
    let (ask, stranger) = (case.ask(), case.ask());
    let (grant, other) = (case.grant(&ask).await?, case.grant(&stranger).await?);
    let before = case.own_grant(&grant).await?;
    before.has_status("OKAP-R-465", 200)?;
    let same = before.at("/authorization_details") == &json!(grant.details);
    before.ensure("OKAP-R-465", same, "the details that were granted")?;
    let about = before.text("/grant_id") == grant.id && before.text("/status") == "active";
    before.ensure("OKAP-R-465", about, "the grant, active")?;
    let limits = case.send(Call::get(case.at("okap/limits")).bearer(&grant.token)).await?;
    for reply in [&before, &limits] {
        silent(reply, &[&other.id, &stranger.correlation, &other.token])?;
    }
    case.saw_no("master", "OKAP-R-434")?;

    for method in ["GET", "DELETE"] {
        let at = |id: &str| Call::new(method, case.at(&format!("okap/grants/{id}")));
        let there = case.send(at(&other.id).bearer(&grant.token)).await?;
        there.is_refused("OKAP-R-246", 404, "not_found")?;
        let nowhere = case.send(at("g_okapconfnothing").bearer(&grant.token)).await?;
        let alike = (nowhere.status, &nowhere.body) == (there.status, &there.body);
        nowhere.ensure("OKAP-R-246", alike, "the answer of a grant that there is")?;
        let bare = case.send(at(&other.id)).await?;
        bare.ensure("OKAP-R-247", bare.status == 401, "401 for the id alone")?;
        let id = case.send(at(&other.id).bearer(&other.id)).await?;
        id.ensure("OKAP-R-247", id.status == 401, "401 for the id as a token")?;
    }
    let untouched = case.own_grant(&other).await?;
    untouched.ensure("OKAP-R-246", untouched.text("/status") == "active", "an active grant")?;

    let url = case.at(&format!("okap/grants/{}", grant.id));
    let ended = case.send(Call::new("DELETE", url).bearer(&grant.token)).await?;
    ended.has_status("OKAP-R-245", 204)?;
    let after = case.own_grant(&grant).await?;
    after.ensure("OKAP-R-245", after.text("/status") == "revoked", "a revoked grant")?;
    Witness::of_change("OKAP-R-245", &before, &after)
}

fn silent(reply: &Reply, strange: &[&str]) -> Result<(), Stop> {
    let body = String::from_utf8_lossy(&reply.body);
    let nothing = strange.iter().all(|word| !body.contains(*word));
    reply.ensure("OKAP-R-434", nothing, "nothing of another app's grant")
}

async fn header(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let limits = case.at("okap/limits");
    let before = case.send(Call::get(&limits).bearer(&grant.token)).await?;
    twin(before.has_status("OKAP-R-446", 200))?;
    before.is_not_kept("OKAP-R-199")?;
    let elsewhere = [
        Call::get(format!("{limits}?access_token={}", grant.token)),
        Call::get(&limits).header("x-api-key", &grant.token),
        Call::get(&limits).header("cookie", format!("access_token={}", grant.token)),
        Call::get(&limits).form(&[("access_token", &grant.token)]),
        Call::get(&limits).header("authorization", &grant.token),
        Call::get(&limits).basic("", &grant.token),
        Call::get(&limits),
    ];
    for call in elsewhere {
        let reply = case.send(call).await?;
        reply.has_status("OKAP-R-446", 401)?;
    }
    case.give_back(&grant.token).await?;
    let after = case.send(Call::get(&limits).bearer(&grant.token)).await?;
    twin(Witness::of_change("OKAP-R-446", &before, &after))
}

async fn errors(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let before = case.own_grant(&grant).await?;
    let wrong = format!("okap_at_{}", "A".repeat(49));
    let json = |path: &str| Call::post(case.at(path)).json(&json!({ "okap": "1.0" }));
    let form = |path: &str, fields: &[(&str, &str)]| Call::post(case.at(path)).form(fields);
    let errors = [
        (Call::get(case.at("okap/limits")), 401, "missing_token"),
        (Call::get(case.at("okap/limits")).bearer(&wrong), 401, "invalid_token"),
        (Call::post(case.at("okap/continue")).bearer(&wrong), 401, "invalid_token"),
        (Call::post(case.at("okap/continue")).bearer(&grant.token), 401, "invalid_token"),
        (Call::get(case.at("okap/nothing-here")).bearer(&grant.token), 404, "not_found"),
        (Call::new("PUT", case.at("okap/authorize")), 405, "method_not_allowed"),
        (Call::get(case.at("okap/token")), 405, "method_not_allowed"),
        (Call::post(case.at("okap/limits")), 405, "method_not_allowed"),
        (json("okap/authorize"), 400, "invalid_request"),
        (form("okap/token", &[("grant_type", "password")]), 400, "unsupported_grant_type"),
        (form("okap/token", &[]), 400, "invalid_request"),
        (form("okap/revoke", &[]), 400, "invalid_request"),
    ];
    for (call, status, code) in errors {
        let reply = case.send(call).await?;
        reply.is_refused("OKAP-R-361", status, code)?;
        let said = reply.text("/error_description");
        let plain = said.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\');
        reply.ensure("OKAP-R-361", plain, "a description of printable ASCII without \" and \\")?;
        let silent = !String::from_utf8_lossy(&reply.body).contains("okap_at_");
        reply.ensure("OKAP-R-363", silent, "no token in an error")?;
        let challenged = reply.header("www-authenticate").is_some();
        reply.ensure("OKAP-R-469", status != 401 || challenged, "WWW-Authenticate with 401")?;
        let allowed = reply.header("allow").is_some_and(|allow| !allow.is_empty());
        reply.ensure("OKAP-R-361", status != 405 || allowed, "Allow with 405")?;
    }
    case.give_back(&grant.token).await?;
    twin(Witness::of_change("OKAP-R-361", &before, &case.own_grant(&grant).await?))
}

async fn introspection(case: &Case) -> Outcome {
    let grant: Grant = case.grant(&case.ask()).await?;
    case.between("OKAP-R-238", async {
        let ask = || Call::post(case.at("okap/introspect")).form(&[("token", &grant.token)]);
        for call in [ask(), ask().basic("okapconf", "wrong"), ask().bearer(&grant.token)] {
            let reply = case.send(call).await?;
            reply.is_refused("OKAP-R-238", 401, "invalid_client")?;
            let basic = reply.header("www-authenticate").is_some_and(|v| v.starts_with("Basic"));
            reply.ensure("OKAP-R-238", basic, "WWW-Authenticate: Basic")?;
        }
        let client = json!({ "name": "x", "client_id": "http://127.0.0.1:1/client.json" });
        let mut body = case.ask().shape_2();
        put(&mut body, "client", client);
        case.request(&body).await?.is_refused("OKAP-R-042", 401, "invalid_client")
    })
    .await
}

/// More waiting requests of one client than any vault has use for.
const MANY: usize = 150;

async fn bounded(case: &Case) -> Outcome {
    let ask = case.ask();
    let (mut taken, mut first) = (0, None);
    let refused = loop {
        let reply = case.request(&ask.shape_2()).await?;
        match reply.status {
            202 if taken < MANY => taken += 1,
            _ => break reply,
        }
        first = first.or(Some(reply));
    };
    refused.is_refused("OKAP-R-109", 429, "too_many_requests")?;
    let after = refused.header("retry-after").is_some_and(|value| value.parse::<u32>().is_ok());
    refused.ensure("OKAP-R-471", after, "Retry-After in seconds")?;
    let dressed = Call::post(case.at("okap/authorize")).json(&ask.shape_2());
    let dressed = dressed.header("x-forwarded-for", "203.0.113.7");
    let dressed = case.send(dressed.header("forwarded", "for=203.0.113.7")).await?;
    dressed.ensure("OKAP-R-427", dressed.status == 429, "429, whatever the header says")?;
    // another client waits for itself
    case.takes("OKAP-R-109", &case.ask().shape_2()).await?;
    ensure("OKAP-R-110", taken <= 3, "three waiting requests at most", taken.to_string())?;
    let first = first.ok_or_else(|| Stop::Untestable("no request was taken".to_owned()))?;
    Witness::of_change("OKAP-R-109", &first, &refused)
}

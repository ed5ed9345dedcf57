//! The flat request: one call, held until the user decides.

use std::{pin::pin, time::Duration};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    case::{Ask, Case, put},
    catalogue::Test,
    driver::Decision,
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, ensure, prerequisite, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.flat.approved",
        rev: 2,
        title: "a flat request is held until the user allows, and hands its token out once",
        profile: Profile::Core,
        verifies: &["OKAP-R-141", "OKAP-R-162", "OKAP-R-163", "OKAP-R-164", "OKAP-R-166"],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(approved(case)),
    },
    Test {
        id: "core.flat.refused",
        rev: 2,
        title: "a flat request that is denied or malformed is answered with 200 and no approval",
        profile: Profile::Core,
        verifies: &["OKAP-R-012", "OKAP-R-162"],
        needs: &[],
        twin: Some("core.flat.approved"),
        threat: None,
        run: |case| Box::pin(refused(case)),
    },
    Test {
        id: "core.flat.source",
        rev: 2,
        title: "the outcome of a flat request goes to the source that asked",
        profile: Profile::Core,
        verifies: &["OKAP-R-165"],
        needs: &[],
        twin: Some("core.flat.approved"),
        threat: Some("token-theft"),
        run: |case| Box::pin(source(case)),
    },
];

fn flat(case: &Case, body: &Value) -> Call {
    Call::post(case.at("okap/request")).json(body)
}

/// How long the user takes.
const THOUGHT: Duration = Duration::from_secs(1);

/// Sends; what is answered while the user thinks has to be without a token.
async fn sent(case: &Case, call: Call) -> Result<Reply, Stop> {
    let reply = case.send(call).await?;
    let early = reply.arrivals.first().is_some_and(|first| first.after < THOUGHT);
    let silent = !early || reply.at("/token").is_null();
    let asked = reply.ensure("OKAP-R-141", silent, "no token before the user has decided");
    match case.verifies(&["OKAP-R-141"]) {
        true => asked?,
        false => prerequisite("no request that waits for the user", asked)?,
    }
    Ok(reply)
}

/// Sends while the user decides a second later, if there is something to decide still.
async fn while_decided(
    case: &Case,
    call: Call,
    ask: &Ask,
    decision: Decision,
) -> Result<Reply, Stop> {
    let mut sending = pin!(sent(case, call));
    if let Ok(early) = timeout(THOUGHT, &mut sending).await {
        return early;
    }
    let decided = case.decide_by(&ask.correlation, decision, None, None);
    let (reply, decided) = tokio::join!(sending, decided);
    decided?;
    reply
}

async fn approved(case: &Case) -> Outcome {
    served(case).await?;
    let (ask, other) = (case.ask(), case.ask());
    let reply = joined(case, &ask).await?;
    reply.has_status("OKAP-R-162", 200)?;
    let yes = reply.at("/approved") == &json!(true);
    reply.ensure("OKAP-R-163", yes, "approved true once the user has allowed")?;
    let token = reply.text("/token/token");
    let whole = !token.is_empty() && !reply.text("/token/base_url").is_empty();
    reply.ensure("OKAP-R-162", whole, "a token and its base_url")?;
    let listed = reply.at("/token/capabilities") == &json!(["chat"]);
    reply.ensure("OKAP-R-166", listed, "the capabilities that were asked for")?;
    let works = Call::get(case.at("okap/limits")).bearer(token);
    case.send(works).await?.has_status("OKAP-R-162", 200)?;
    let two = while_decided(case, flat(case, &other.shape_3()), &other, Decision::Approve).await?;
    Witness::of_fresh("OKAP-R-164", token, two.text("/token/token"))
}

/// Two calls with one body: both wait for one request, and one of them gets the outcome.
async fn joined(case: &Case, ask: &Ask) -> Result<Reply, Stop> {
    let body = ask.shape_3();
    let second = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        case.send(flat(case, &body)).await
    };
    let (one, two) =
        tokio::join!(while_decided(case, flat(case, &body), ask, Decision::Approve), second);
    let (one, two) = (one?, two?);
    let is_approved = |reply: &Reply| reply.at("/approved") == &json!(true);
    let once = is_approved(&one) != is_approved(&two);
    ensure("OKAP-R-164", once, "one outcome for two calls", format!("{one:?} and {two:?}"))?;
    Ok(if is_approved(&one) { one } else { two })
}

async fn refused(case: &Case) -> Outcome {
    served(case).await?;
    let ask = case.ask();
    let denied = while_decided(case, flat(case, &ask.shape_3()), &ask, Decision::Deny).await?;
    says(&denied, "OKAP-R-162", &["user_denied"])?;
    for (what, change) in wrong() {
        let mut body = case.ask().shape_3();
        put(&mut body, what, change);
        let reply = case.send(flat(case, &body)).await?;
        let codes = ["invalid_request", "invalid_authorization_details", "unsupported_version"];
        says(&reply, "OKAP-R-012", &codes)?;
        // the same in shape 1
        let mut body = case.ask().shape_1();
        let into = if what == "okap" { Some(&mut body) } else { body.get_mut("request") };
        if let (Some(into), Some((_, change))) = (into, wrong().into_iter().find(|w| w.0 == what)) {
            put(into, what, change);
        }
        let reply = case.request(&body).await?;
        let known = codes.contains(&reply.code());
        reply.ensure(
            "OKAP-R-012",
            reply.status == 400 && known,
            format!("400 for a wrong {what}"),
        )?;
    }
    let ask = case.ask();
    let granted = while_decided(case, flat(case, &ask.shape_3()), &ask, Decision::Approve).await?;
    let token = granted.text("/token/token");
    Witness::of_fresh("OKAP-R-162", token, case.grant(&case.ask()).await?.token.as_str())
}

/// What no shape may say.
fn wrong() -> [(&'static str, Value); 7] {
    [
        ("okap", json!("2.0")),
        ("provider", json!("OpenAI")),
        ("models", json!(["*"])),
        ("base_url", json!("https://evil.example")),
        ("limits", json!({ "monthly_spend": -1 })),
        ("expires", json!("2020-01-01")),
        ("reason", json!("x".repeat(281))),
    ]
}

fn says(reply: &Reply, requirement: &str, codes: &[&str]) -> Result<(), Stop> {
    let no = reply.status == 200 && reply.at("/approved") == &json!(false);
    let silent = reply.at("/token").is_null() && codes.contains(&reply.text("/error_code"));
    reply.ensure(requirement, no && silent, format!("200, approved false, one of {codes:?}"))
}

async fn source(case: &Case) -> Outcome {
    served(case).await?;
    let ask = case.ask();
    let body = ask.shape_3();
    let user = async {
        for _ in 0..2 {
            tokio::time::sleep(THOUGHT).await;
            // where both wait for one request there is nothing to decide the second time
            let _ = case.decide_by(&ask.correlation, Decision::Approve, None, None).await;
        }
    };
    let elsewhere = flat(case, &body).from(case.elsewhere());
    let (one, other, ()) = tokio::join!(sent(case, flat(case, &body)), sent(case, elsewhere), user);
    let (one, other) = (one?, other?);
    let approved = |reply: &Reply| reply.at("/approved") == &json!(true);
    twin(ensure("OKAP-R-164", approved(&one) || approved(&other), "an approval", "none"))?;
    for reply in [&one, &other] {
        reply.ensure("OKAP-R-165", approved(reply), "a decision for each source")?;
    }
    Witness::of_fresh("OKAP-R-165", one.text("/token/token"), other.text("/token/token"))
}

/// A vault need not have the endpoint.
async fn served(case: &Case) -> Result<(), Stop> {
    let reply = case.send(flat(case, &json!({ "okap": "1.0" }))).await?;
    match reply.status {
        404 => Err(Stop::NotApplicable("this vault does not serve /okap/request".to_owned())),
        _ => Ok(()),
    }
}

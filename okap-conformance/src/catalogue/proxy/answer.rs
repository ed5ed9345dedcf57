//! What a provider answers, and what of it the app is told.

use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;

use super::member::about;
use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
    provider::Fault,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.answer.errors",
        rev: 1,
        title: "errors of the call are passed on as they are",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-313"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(errors(case)),
    },
    Test {
        id: "proxy.answer.credential",
        rev: 1,
        title: "that the provider refuses the key is the vault's trouble, not the app's",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-313", "OKAP-R-365"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(credential(case)),
    },
    Test {
        id: "proxy.answer.posing",
        rev: 1,
        title: "a provider cannot pose as the vault",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-476"],
        needs: &[],
        twin: Some("proxy.answer.errors"),
        threat: Some("mix-up"),
        run: |case| Box::pin(posing(case)),
    },
    Test {
        id: "proxy.answer.broken",
        rev: 1,
        title: "an answer that is broken is told as such",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-314"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(broken(case)),
    },
    Test {
        id: "proxy.answer.once",
        rev: 1,
        title: "a call that may have reached the provider is not sent again",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-321"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(once(case)),
    },
    Test {
        id: "proxy.answer.at_once",
        rev: 1,
        title: "calls of one grant at once are bounded",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-319"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("exhaustion"),
        run: |case| Box::pin(at_once(case)),
    },
];

async fn errors(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for status in [400, 404, 409, 422, 429] {
        let prompt = case.prompt();
        let body = json!({ "error": {
            "message": format!("no: {}", prompt.nonce), "type": "odd", "param": "x", "code": null,
        }});
        case.spoil(&prompt, Fault::Says { status, body: body.clone() });
        let reply = case.call(&grant, &prompt).await?;
        reply.has_status("OKAP-R-313", status)?;
        reply.ensure("OKAP-R-313", reply.json() == &body, "the provider's own words")?;
    }
    let prompt = case.prompt();
    case.spoil(&prompt, Fault::Status { status: 429, retry_after: Some(7), echo: false });
    let reply = case.call(&grant, &prompt).await?;
    let after = reply.header("retry-after") == Some("7");
    reply.ensure("OKAP-R-313", reply.status == 429 && after, "429 with its retry-after")?;
    Ok(witness)
}

async fn credential(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for status in [401, 403] {
        let prompt = case.prompt();
        case.spoil(&prompt, Fault::status(status));
        let reply = case.call(&grant, &prompt).await?;
        reply.is_refused("OKAP-R-313", 502, "upstream_credential_error")?;
        reply.is_final("OKAP-R-365")?;
    }
    Ok(witness)
}

async fn posing(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for (status, code) in [(401, "token_revoked"), (402, "spend_limit_exceeded"), (400, "x")] {
        let prompt = case.prompt();
        let error = json!({ "message": "OKAP: no", "type": code, "param": null, "code": code });
        let body = json!({ "error": error, "okap": { "code": code } });
        case.spoil(&prompt, Fault::Says { status, body });
        let reply = case.call(&grant, &prompt).await?;
        let own = match status {
            401 => matches!(reply.code(), "upstream_error" | "upstream_credential_error"),
            _ => reply.code() == "upstream_error",
        };
        reply.ensure("OKAP-R-476", own && reply.status == 502, "502 upstream_error")?;
    }
    Ok(witness)
}

async fn broken(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for fault in [Fault::Html, Fault::TruncatedJson, Fault::Cut { after: 0 }, Fault::Gzip] {
        let prompt = case.prompt();
        case.spoil(&prompt, fault.clone());
        let reply = case.call(&grant, &prompt).await?;
        // an encoding that was not asked for may be undone, too
        let read = fault == Fault::Gzip && reply.status == 200 && reply.json() != &Value::Null;
        if !read {
            reply
                .is_refused("OKAP-R-314", 502, "upstream_error")
                .map_err(|stop| about(stop, &format!("{fault:?}")))?;
        }
    }
    Ok(witness)
}

async fn once(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let faults =
        [Fault::Cut { after: 0 }, Fault::status(500), Fault::status(503), Fault::status(429)];
    for fault in faults {
        let prompt = case.prompt();
        case.spoil(&prompt, fault.clone());
        let reply = case.call(&grant, &prompt).await?;
        let calls = case.books(&prompt).totals.calls;
        reply
            .ensure("OKAP-R-321", calls == 1, "one call at the provider")
            .map_err(|stop| about(stop, &format!("{fault:?}")))?;
    }
    Ok(witness)
}

/// More calls at once than a vault may let one grant have.
const TOO_MANY: usize = 320;

async fn at_once(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    let prompt = case.prompt();
    case.hold(&prompt, TOO_MANY, Duration::from_secs(2));
    let calls = (0..TOO_MANY).map(|_| case.call(&grant, &prompt));
    let replies = join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 200).collect();
    if refused.is_empty() {
        let observed = format!("{TOO_MANY} at once");
        return Err(Stop::failed("OKAP-R-319", "a bound on calls at once", observed));
    }
    for reply in refused {
        reply.is_refused("OKAP-R-319", 429, "rate_limit_exceeded")?;
        let after = reply.header("retry-after").and_then(|value| value.parse::<u64>().ok());
        let short = after.is_some_and(|seconds| (1..=60).contains(&seconds));
        reply.ensure("OKAP-R-319", short, "retry-after of 1 to 60 seconds")?;
    }
    // the place is free again
    tokio::time::sleep(Duration::from_millis(200)).await;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    Witness::of_upstream("OKAP-R-319", &prompt.nonce, &case.books(&prompt))
}

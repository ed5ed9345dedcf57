//! Nonces of a vault that asks for them.

use serde_json::json;

use crate::{
    case::{Bound, Case, proof::proven},
    catalogue::Test,
    driver::Verb,
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "dpop.nonce.asked",
        rev: 1,
        title: "who is asked for a nonce is given one, and no cache keeps it",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-267"],
        needs: &[],
        twin: None,
        threat: Some("replay"),
        run: |case| Box::pin(asked(case)),
    },
    Test {
        id: "dpop.nonce.everywhere",
        rev: 1,
        title: "a nonce is good everywhere at the vault that gave it",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-467"],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(everywhere(case)),
    },
    Test {
        id: "dpop.nonce.ends",
        rev: 1,
        title: "a nonce is another one after ten minutes, and the old one is refused",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-268"],
        needs: &[Verb::Advance],
        twin: None,
        threat: Some("replay"),
        run: |case| Box::pin(ends(case)),
    },
];

/// Bound access at a vault that asks for nonces.
async fn ready(case: &Case) -> Result<Bound, Stop> {
    let bound = case.bound(&case.ask()).await?;
    match bound.holder.nonce() {
        Some(_) => Ok(bound),
        None => Err(Stop::NotApplicable("the vault asks for no nonces".to_owned())),
    }
}

async fn asked(case: &Case) -> Outcome {
    let bound = ready(case).await?;
    let holder = &bound.holder;
    let (bare, prompt) = case.call_with(&bound, |proof| proof.without("nonce")).await?;
    asks(&bare, 401)?;
    case.never_left(&prompt)?;
    let (reply, prompt) =
        case.call_with(&bound, |proof| proof.claim("nonce", json!("made up"))).await?;
    asks(&reply, 401)?;
    case.never_left(&prompt)?;

    let limits = Call::get(case.at("okap/limits"));
    let token = Some(bound.grant.token.as_str());
    let proof = case.proof(holder, &limits, token).without("nonce").by(&holder.key);
    asks(&case.send(proven(&limits, token, &proof)).await?, 401)?;
    let push = case.push(&case.to_push(&case.ask()));
    let proof = case.proof(holder, &push, None).without("nonce").by(&holder.key);
    asks(&case.send(proven(&push, None, &proof)).await?, 400)?;

    let (prompt, witness) = case.forwarded_bound("OKAP-R-267", &bound).await?;
    let once = case.books(&prompt).totals.calls == 1;
    ensure("OKAP-R-267", once, "one call at the provider", "more")?;
    Ok(witness)
}

fn asks(reply: &Reply, status: u16) -> Result<(), Stop> {
    reply.is_refused("OKAP-R-267", status, "use_dpop_nonce")?;
    let nonces = reply.headers.iter().filter(|(name, _)| name == "dpop-nonce");
    let given: Vec<_> = nonces.map(|(_, nonce)| nonce.as_str()).collect();
    let one = matches!(given[..], [nonce] if !nonce.is_empty());
    reply.ensure("OKAP-R-267", one, "exactly one DPoP-Nonce header")?;
    reply.is_not_kept("OKAP-R-267")
}

async fn everywhere(case: &Case) -> Outcome {
    // the nonce of a form, at a call and at the vault's own resources
    let bound = ready(case).await?;
    let holder = &bound.holder;
    let of_form = holder.nonce();
    let (reply, prompt) = case.call_with(&bound, |proof| proof).await?;
    case.took_proof("OKAP-R-467", &(reply, prompt))?;
    let limits = Call::get(case.at("okap/limits"));
    let token = Some(bound.grant.token.as_str());
    holder.set_nonce(of_form);
    let proof = case.proof(holder, &limits, token).by(&holder.key);
    case.send(proven(&limits, token, &proof)).await?.has_status("OKAP-R-467", 200)?;

    // that of a call, at a form
    let (asked, _) = case.call_with(&bound, |proof| proof.without("nonce")).await?;
    asked.ensure("OKAP-R-467", asked.header("dpop-nonce").is_some(), "a nonce")?;
    let push = case.push(&case.to_push(&case.ask()));
    let first = case.proof(holder, &push, None).by(&holder.key);
    let first = case.send(proven(&push, None, &first)).await?;
    first.has_status("OKAP-R-467", 201)?;
    let second = case.proof(holder, &push, None).by(&holder.key);
    let second = case.send(proven(&push, None, &second)).await?;
    Witness::of_fresh("OKAP-R-467", first.text("/request_uri"), second.text("/request_uri"))
}

async fn ends(case: &Case) -> Outcome {
    let bound = ready(case).await?;
    let nonce = json!(bound.holder.nonce());
    let old = |proof: crate::case::Proof| proof.claim("nonce", nonce.clone());
    let (before, prompt) = case.call_with(&bound, old).await?;
    twin(case.took_proof("OKAP-R-467", &(before.clone(), prompt)))?;
    case.advance(601).await?;
    let (after, prompt) = case.call_with(&bound, old).await?;
    after.is_refused("OKAP-R-268", 401, "use_dpop_nonce")?;
    case.never_left(&prompt)?;
    let another = after.header("dpop-nonce").is_some_and(|given| json!(given) != nonce);
    after.ensure("OKAP-R-268", another, "another nonce than ten minutes ago")?;
    case.forwarded_bound("OKAP-R-268", &bound).await?;
    Witness::of_change("OKAP-R-268", &before, &after)
}

//! How long a child lives, and who goes with whom.

use crate::{
    case::{Case, Grant},
    catalogue::Test,
    driver::Verb,
    http::Call,
    outcome::{Outcome, Stop, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "delegation.chain.depth",
        rev: 1,
        title: "access is handed on three times and not a fourth",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-216"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("resource-exhaustion"),
        run: |case| Box::pin(depth(case)),
    },
    Test {
        id: "delegation.chain.revoked",
        rev: 1,
        title: "a revoked grant takes all below it along, and none above it",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-218", "OKAP-R-219", "OKAP-R-231"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(revoked(case)),
    },
    Test {
        id: "delegation.chain.expired",
        rev: 1,
        title: "a child ends with its parent, and of what has ended nothing is handed on",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-215", "OKAP-R-218"],
        needs: &[Verb::Advance],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(expired(case)),
    },
    Test {
        id: "delegation.chain.apart",
        rev: 2,
        title: "a child sees its own grant alone, and its calls stand in the audit under it",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-246", "OKAP-R-425"],
        needs: &[Verb::Audit],
        twin: None,
        threat: Some("grant-escape"),
        run: |case| Box::pin(apart(case)),
    },
];

async fn depth(case: &Case) -> Outcome {
    let first = case.grant(&case.ask()).await?;
    let mut last = first.clone();
    for _ in 0..3 {
        let reply = case.hand_on(&last, None).await?;
        last = Grant::of_tokens(&reply, "OKAP-R-216")?;
    }
    let (_, witness) = twin(case.forwarded(&last, &case.prompt()).await)?;
    let refused = case.hand_on(&last, None).await?;
    refused.is_refused("OKAP-R-216", 400, "invalid_request")?;
    // it is the depth and not the number
    twin(case.child(&first, None).await)?;
    Ok(witness)
}

async fn revoked(case: &Case) -> Outcome {
    let first = case.grant(&case.ask()).await?;
    let middle = case.child(&first, None).await?;
    let last = case.child(&middle, None).await?;
    let beside = case.child(&first, None).await?;
    for grant in [&first, &middle, &last, &beside] {
        twin(case.forwarded(grant, &case.prompt()).await)?;
    }

    case.give_back(&middle.token).await?;
    let dead = case.revoke_effect();
    for gone in [&middle, &last] {
        ended(case, gone, "OKAP-R-218", "token_revoked").await?;
    }
    // above it and beside it nothing has changed, also not a while later
    tokio::time::sleep(dead).await;
    let mut witness = None;
    for grant in [&first, &beside] {
        let prompt = case.prompt();
        let reply = case.call(grant, &prompt).await?;
        reply.has_status("OKAP-R-219", 200)?;
        witness = Some(crate::outcome::Witness::of_upstream(
            "OKAP-R-219",
            &prompt.nonce,
            &case.books(&prompt),
        )?);
    }

    case.give_back(&first.token).await?;
    ended(case, &beside, "OKAP-R-218", "token_revoked").await?;
    ended(case, &first, "OKAP-R-231", "token_revoked").await?;
    witness.ok_or_else(|| Stop::Broken("nothing was tried".to_owned()))
}

async fn expired(case: &Case) -> Outcome {
    let first = case.grant(&case.ask().expires(&case.moment(120))).await?;
    let child = case.child(&first, None).await?;
    let (_, witness) = twin(case.forwarded(&child, &case.prompt()).await)?;
    case.advance(130).await?;
    ended(case, &child, "OKAP-R-218", "token_expired").await?;
    for dead in [&first, &child] {
        let refused = case.hand_on(dead, None).await?;
        refused.is_refused("OKAP-R-215", 400, "invalid_request")?;
    }
    Ok(witness)
}

/// Fails where a call of a grant is not refused with this word before any byte leaves.
async fn ended(case: &Case, grant: &Grant, requirement: &str, word: &str) -> Result<(), Stop> {
    let prompt = case.prompt();
    case.call(grant, &prompt).await?.is_refused(requirement, 401, word)?;
    case.never_left(&prompt)
}

async fn apart(case: &Case) -> Outcome {
    let parent = case.grant(&case.ask()).await?;
    let (child, sibling) = (case.child(&parent, None).await?, case.child(&parent, None).await?);
    let (_, witness) = twin(case.forwarded(&child, &case.prompt()).await)?;
    for (token, of) in
        [(&child.token, &parent.id), (&child.token, &sibling.id), (&parent.token, &child.id)]
    {
        let call = Call::get(case.at(&format!("okap/grants/{of}"))).bearer(token);
        case.send(call).await?.is_refused("OKAP-R-246", 404, "not_found")?;
    }
    let own = case.own_grant(&child).await?;
    own.has_status("OKAP-R-246", 200)?;
    own.ensure("OKAP-R-246", own.text("/grant_id") == child.id, "the child's own grant_id")?;

    for (grant, calls) in [(&child, 1), (&sibling, 0), (&parent, 0)] {
        // what a row looks like is the vault's own; it gives those of one grant
        let rows = case.audit(grant).await?.len();
        let expected = format!("{calls} calls in the audit");
        ensure("OKAP-R-425", rows == calls, expected, format!("{rows} rows"))?;
    }
    Ok(witness)
}

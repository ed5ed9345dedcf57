//! Bound access that is handed on.

use crate::{
    case::{Bound, Case, Grant, Holder, proof::proven},
    catalogue::Test,
    outcome::{Outcome, Stop, Witness},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "dpop.exchange.proof",
        rev: 1,
        title: "a bound token is handed on by the holder of its key alone",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-220"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(proof(case)),
    },
    Test {
        id: "dpop.exchange.bound",
        rev: 1,
        title: "what is handed on of a bound token is bound, to the delegate's key where it is named",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-221"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(bound(case)),
    },
];

fn client(case: &Case) -> (&str, &str) {
    ("client_id", case.local())
}

/// Bound access at a vault that hands access on.
async fn ready(case: &Case) -> Result<Bound, Stop> {
    case.hands_on().await?;
    case.bound(&case.ask()).await
}

async fn proof(case: &Case) -> Outcome {
    let bound = ready(case).await?;
    let exchange = case.exchange(&bound.grant.token, &[client(case)]);
    let bare = case.send(exchange.clone()).await?;
    let strange = case.send_proven(&case.holder(), &exchange, None).await?;
    // the specification names no word for it
    for refused in [&bare, &strange] {
        let nothing = refused.status == 400 && refused.at("/access_token").is_null();
        refused.ensure("OKAP-R-220", nothing, "400 and no token")?;
    }
    let own = case.send_proven(&bound.holder, &exchange, None).await?;
    own.has_status("OKAP-R-220", 200)?;
    Witness::of_change("OKAP-R-220", &bare, &own)
}

async fn bound(case: &Case) -> Outcome {
    let parent = ready(case).await?;
    let delegate = case.holder();
    let jkt = delegate.key.thumbprint();
    let to_delegate = case.exchange(&parent.grant.token, &[client(case), ("dpop_jkt", &jkt)]);
    let child = case.send_proven(&parent.holder, &to_delegate, None).await?;
    let child = Grant::of_tokens(&child, "OKAP-R-221")?;
    held_by(case, &child, &delegate, &parent.holder).await?;

    let exchange = case.exchange(&parent.grant.token, &[client(case)]);
    let child = case.send_proven(&parent.holder, &exchange, None).await?;
    let child = Grant::of_tokens(&child, "OKAP-R-221")?;
    held_by(case, &child, &parent.holder, &delegate).await
}

/// Shows that a grant's token works with one key and not with another, nor with none.
async fn held_by(case: &Case, grant: &Grant, one: &Holder, other: &Holder) -> Outcome {
    let kind = grant.reply.text("/token_type").eq_ignore_ascii_case("dpop");
    grant.reply.ensure("OKAP-R-221", kind, "token_type DPoP")?;
    let (prompt, token) = (case.prompt(), Some(grant.token.as_str()));
    let call = case.bare_chat(grant, &prompt);
    let bearer = case.send(call.clone().bearer(&grant.token)).await?;
    bearer.is_refused("OKAP-R-221", 401, "invalid_token")?;
    let own = case.send_proven(one, &call, token).await?;
    own.has_status("OKAP-R-221", 200)?;
    other.set_nonce(one.nonce());
    let strange = case.proof(other, &call, token).by(&other.key);
    let strange = case.send(proven(&call, token, &strange)).await?;
    strange.is_refused("OKAP-R-221", 401, "invalid_dpop_proof")?;
    Witness::of_upstream("OKAP-R-221", &prompt.nonce, &case.books(&prompt))
}

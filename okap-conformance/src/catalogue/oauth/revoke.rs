//! Tokens that are given back.

use crate::{
    case::{Case, Parameters},
    catalogue::Test,
    outcome::{Outcome, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.revoke.refresh_token",
        rev: 1,
        title: "whoever gives a refresh token back ends its grant, whatever the hint says",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-231", "OKAP-R-232", "OKAP-R-463"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(refresh_token(case)),
    },
    Test {
        id: "oauth.revoke.unknown",
        rev: 2,
        title: "a token that is not known is taken back with 200, and ends nothing",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-232", "OKAP-R-361"],
        needs: &[],
        twin: Some("oauth.revoke.refresh_token"),
        threat: None,
        run: |case| Box::pin(unknown(case)),
    },
    Test {
        id: "oauth.revoke.other_client",
        rev: 2,
        title: "a client that names itself cannot give another's token back",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-233"],
        needs: &[],
        twin: Some("oauth.revoke.refresh_token"),
        threat: Some("denial-of-service"),
        run: |case| Box::pin(other_client(case)),
    },
];

async fn refresh_token(case: &Case) -> Outcome {
    let tokens = case.tokens(&case.ask()).await?;
    let before = twin(case.stands("OKAP-R-231", &tokens.grant, "active").await)?;
    let form = Parameters::of(&[("token", &tokens.refresh), ("token_type_hint", "access_token")]);
    case.send_revoke(&form).await?.has_status("OKAP-R-463", 200)?;
    let after = case.stands("OKAP-R-231", &tokens.grant, "revoked").await?;
    // and once more, since the answer may have been lost
    case.send_revoke(&form).await?.has_status("OKAP-R-232", 200)?;
    Witness::of_change("OKAP-R-231", &before, &after)
}

async fn unknown(case: &Case) -> Outcome {
    let tokens = case.tokens(&case.ask()).await?;
    let known = "okap_at_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcG5xNhQ";
    for token in ["x", known, "okap_rt_x"] {
        let form = Parameters::of(&[("token", token), ("client_id", case.local())]);
        case.send_revoke(&form).await?.has_status("OKAP-R-232", 200)?;
    }
    let none = Parameters::of(&[("client_id", case.local())]);
    case.send_revoke(&none).await?.is_refused("OKAP-R-361", 400, "invalid_request")?;
    let before = case.stands("OKAP-R-232", &tokens.grant, "active").await?;
    case.give_back(&tokens.grant.token).await?;
    let after = twin(case.stands("OKAP-R-232", &tokens.grant, "revoked").await)?;
    Witness::of_change("OKAP-R-232", &before, &after)
}

async fn other_client(case: &Case) -> Outcome {
    let tokens = case.tokens(&case.ask()).await?;
    for token in [&tokens.grant.token, &tokens.refresh] {
        let form =
            Parameters::of(&[("token", token), ("client_id", "https://other.example/client.json")]);
        case.send_revoke(&form).await?.is_refused("OKAP-R-233", 400, "unauthorized_client")?;
    }
    let before = case.stands("OKAP-R-233", &tokens.grant, "active").await?;
    let form = Parameters::of(&[("token", &tokens.grant.token), ("client_id", case.local())]);
    twin(case.send_revoke(&form).await?.has_status("OKAP-R-233", 200))?;
    let after = twin(case.stands("OKAP-R-233", &tokens.grant, "revoked").await)?;
    Witness::of_change("OKAP-R-233", &before, &after)
}

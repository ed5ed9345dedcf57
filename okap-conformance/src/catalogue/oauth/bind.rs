//! What a code is bound to.

use crate::{
    case::{Case, Parameters},
    catalogue::Test,
    outcome::{Outcome, Witness},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.bind.verifier",
        rev: 1,
        title: "a code without its verifier is refused, and stays good for who has it",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-125", "OKAP-R-126", "OKAP-R-127"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(verifier(case)),
    },
    Test {
        id: "oauth.bind.redirect",
        rev: 1,
        title: "a code is refused with another address than it was sent to",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-125", "OKAP-R-127"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(redirect(case)),
    },
    Test {
        id: "oauth.bind.kind",
        rev: 1,
        title: "a code that was never given, or a token of another kind, is no code",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-125", "OKAP-R-193", "OKAP-R-127"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(kind(case)),
    },
];

async fn verifier(case: &Case) -> Outcome {
    let code = case.coded(&case.ask()).await?;
    let other = [case.nonce(), case.nonce(), case.nonce()].concat();
    let challenge = challenge_of(&code.push.form);
    let long = "a".repeat(129);
    for (verifier, error) in [
        (Some(other.as_str()), "invalid_grant"),
        // as `plain` would have it
        (Some(challenge.as_str()), "invalid_grant"),
        (None, "invalid_grant"),
        (Some("too-short"), "invalid_request"),
        (Some(long.as_str()), "invalid_request"),
        (Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa+aaaa"), "invalid_request"),
    ] {
        let form = match verifier {
            Some(verifier) => code.form().with("code_verifier", verifier),
            None => code.form().without("code_verifier"),
        };
        let requirement = if error == "invalid_grant" { "OKAP-R-125" } else { "OKAP-R-126" };
        case.token(&form).await?.is_refused(requirement, 400, error)?;
    }
    still_good(case, &code).await
}

async fn redirect(case: &Case) -> Outcome {
    let code = case.coded(&case.ask()).await?;
    for other in [
        "http://127.0.0.1:49152/other",
        "http://127.0.0.1:49152/back/",
        "http://127.0.0.1:49152/back?x=1",
        "http://127.0.0.1:49153/back",
        "http://[::1]:49152/back",
        "http://127.0.0.1:49152/bac",
    ] {
        let form = code.form().with("redirect_uri", other);
        case.token(&form).await?.is_refused("OKAP-R-125", 400, "invalid_grant")?;
    }
    still_good(case, &code).await
}

async fn kind(case: &Case) -> Outcome {
    let tokens = case.tokens(&case.ask()).await?;
    let code = case.coded(&case.ask()).await?;
    let unknown = "okap_ac_PzIxzF70XCMdVdumUABVTZ1QmOVhXRZw_672cb48SwQG1R4kw";
    for other in [unknown, "x", &tokens.grant.token, &tokens.refresh] {
        let form = code.form().with("code", other);
        case.token(&form).await?.is_refused("OKAP-R-125", 400, "invalid_grant")?;
    }
    for other in [code.code.as_str(), &tokens.grant.token, "okap_rt_x"] {
        let form = tokens.form().with("refresh_token", other);
        case.token(&form).await?.is_refused("OKAP-R-193", 400, "invalid_grant")?;
    }
    still_good(case, &code).await
}

/// The code that others could not redeem is redeemed by its own app.
async fn still_good(case: &Case, code: &crate::case::Coded) -> Outcome {
    let one = case.redeem(code).await.map_err(|stop| match stop {
        crate::outcome::Stop::Failed(found) => crate::outcome::Stop::failed(
            "OKAP-R-127",
            "a code that the failed requests have left good",
            found.observed,
        ),
        other => other,
    })?;
    let other = case.tokens(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-127", &one.grant.token, &other.grant.token)
}

fn challenge_of(form: &Parameters) -> String {
    let fields = form.fields();
    let found = fields.iter().find(|(name, _)| *name == "code_challenge");
    found.map_or_else(String::new, |(_, value)| (*value).to_owned())
}

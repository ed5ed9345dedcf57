//! A code is redeemed.

use futures_util::future::join_all;

use crate::{
    case::Case,
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.code.redeemed",
        rev: 1,
        title: "a code gives tokens and the grant, and no cache keeps the answer",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-123", "OKAP-R-199"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(redeemed(case)),
    },
    Test {
        id: "oauth.code.once",
        rev: 1,
        title: "a code is redeemed once, by however many at the same time",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-123", "OKAP-R-125"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(once(case)),
    },
    Test {
        id: "oauth.code.again",
        rev: 1,
        title: "a code that comes again from its client ends the grant",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-125", "OKAP-R-128"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(again(case)),
    },
    Test {
        id: "oauth.code.again_by_a_stranger",
        rev: 1,
        title: "a used code with a wrong verifier ends nothing",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-129"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("denial-of-service"),
        run: |case| Box::pin(again_by_a_stranger(case)),
    },
    Test {
        id: "oauth.code.ended",
        rev: 1,
        title: "a code that is older than 60 seconds is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-123"],
        needs: &[Verb::Advance],
        twin: Some("oauth.code.redeemed"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(ended(case)),
    },
];

async fn redeemed(case: &Case) -> Outcome {
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let code = case.coded(&case.ask()).await?;
        // 43 characters of base64url carry 256 bits
        let long = code.code.trim_start_matches("okap_ac_").len() >= 43;
        crate::outcome::ensure("OKAP-R-123", long, "256 random bits", "a shorter code")?;
        let given = case.redeem(&code).await?;
        let reply = &given.grant.reply;
        reply.is_not_kept("OKAP-R-199")?;
        let bearer = reply.text("/token_type").eq_ignore_ascii_case("bearer");
        reply.ensure("OKAP-R-123", bearer, "token_type Bearer")?;
        let lives = reply.at("/expires_in").as_u64();
        let short = lives.is_some_and(|seconds| (1..=3600).contains(&seconds));
        reply.ensure("OKAP-R-123", short, "expires_in of 3600 at most")?;
        case.stands("OKAP-R-123", &given.grant, "active").await?;
        tokens.push(given);
    }
    match tokens.as_slice() {
        [one, other] => {
            let apart = one.grant.id != other.grant.id && one.refresh != other.refresh;
            let expected = "a grant and a refresh token of its own";
            other.grant.reply.ensure("OKAP-R-123", apart, expected)?;
            Witness::of_fresh("OKAP-R-123", &one.grant.token, &other.grant.token)
        }
        _ => Err(Stop::Broken("two codes, and not two sets of tokens".to_owned())),
    }
}

async fn once(case: &Case) -> Outcome {
    const AT_ONCE: usize = 8;
    let code = case.coded(&case.ask()).await?;
    let form = code.form();
    let calls = (0..AT_ONCE).map(|_| case.token(&form));
    let replies = join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (given, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|r| r.status == 200);
    let (Some(first), true) = (given.first(), given.len() == 1) else {
        let observed = format!("{} of {AT_ONCE} requests were given tokens", given.len());
        return Err(Stop::failed("OKAP-R-123", "tokens for one request", observed));
    };
    for reply in refused {
        reply.is_refused("OKAP-R-125", 400, "invalid_grant")?;
    }
    let other = case.tokens(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-123", first.text("/access_token"), &other.grant.token)
}

async fn again(case: &Case) -> Outcome {
    let code = case.coded(&case.ask()).await?;
    let tokens = twin(case.redeem(&code).await)?;
    let before = twin(case.stands("OKAP-R-128", &tokens.grant, "active").await)?;
    case.token(&code.form()).await?.is_refused("OKAP-R-125", 400, "invalid_grant")?;
    let after = case.stands("OKAP-R-128", &tokens.grant, "revoked").await?;
    case.token(&tokens.form()).await?.is_refused("OKAP-R-128", 400, "invalid_grant")?;
    Witness::of_change("OKAP-R-128", &before, &after)
}

async fn again_by_a_stranger(case: &Case) -> Outcome {
    let code = case.coded(&case.ask()).await?;
    let tokens = twin(case.redeem(&code).await)?;
    let verifier = [case.nonce(), case.nonce(), case.nonce()].concat();
    for form in [code.form().with("code_verifier", &verifier), code.form().without("code_verifier")]
    {
        case.token(&form).await?.is_refused("OKAP-R-129", 400, "invalid_grant")?;
    }
    let before = case.stands("OKAP-R-129", &tokens.grant, "active").await?;
    let renewed = case.renew(&tokens).await?;
    case.give_back(&renewed.grant.token).await?;
    let after = twin(case.stands("OKAP-R-129", &tokens.grant, "revoked").await)?;
    Witness::of_change("OKAP-R-129", &before, &after)
}

async fn ended(case: &Case) -> Outcome {
    let (early, late) = (case.coded(&case.ask()).await?, case.coded(&case.ask()).await?);
    let one = twin(case.redeem(&early).await)?;
    case.advance(61).await?;
    case.token(&late.form()).await?.is_refused("OKAP-R-123", 400, "invalid_grant")?;
    let other = case.tokens(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-123", &one.grant.token, &other.grant.token)
}

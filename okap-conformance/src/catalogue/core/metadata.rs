use crate::{
    case::Case,
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Witness},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.metadata.issuer",
        rev: 1,
        title: "the metadata name the issuer, and a direct endpoint that takes requests",
        profile: Profile::Core,
        verifies: &["OKAP-R-051", "OKAP-R-056"],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(issuer(case)),
    },
    Test {
        id: "core.metadata.endpoints",
        rev: 1,
        title: "every endpoint that the metadata name is served, at the issuer's origin",
        profile: Profile::Core,
        verifies: &["OKAP-R-001", "OKAP-R-056"],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(endpoints(case)),
    },
];

async fn issuer(case: &Case) -> Outcome {
    let metadata = case.send(Call::get(case.metadata_url())).await?;
    metadata.has_status("OKAP-R-051", 200)?;
    let json =
        metadata.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    metadata.ensure("OKAP-R-051", json, "application/json")?;
    let same = metadata.text("/issuer") == case.issuer();
    metadata.ensure("OKAP-R-051", same, format!("issuer {:?}", case.issuer()))?;

    let endpoint = metadata.text("/okap_direct_endpoint");
    metadata.ensure("OKAP-R-056", !endpoint.is_empty(), "okap_direct_endpoint")?;
    let mut tokens = Vec::new();
    for ask in [case.ask(), case.ask()] {
        let reply = case.send(Call::post(endpoint).json(&ask.shape_2())).await?;
        reply.ensure(
            "OKAP-R-056",
            reply.status == 202,
            "202 for a request at the direct endpoint",
        )?;
        tokens.push(reply.text("/continue/access_token").to_owned());
    }
    Witness::of_several("OKAP-R-056", &tokens)
}

async fn endpoints(case: &Case) -> Outcome {
    let metadata = case.send(Call::get(case.metadata_url())).await?;
    let listed = |member: &str, word: &str| {
        metadata.at(member).as_array().is_some_and(|all| all.iter().any(|one| one == word))
    };
    let core = listed("/okap_profiles_supported", "core");
    metadata.ensure("OKAP-R-001", core, "core in okap_profiles_supported")?;
    let versions = listed("/okap_versions_supported", "1.0");
    metadata.ensure("OKAP-R-056", versions, "1.0 in okap_versions_supported")?;
    let members = metadata.json().as_object().cloned().unwrap_or_default();
    let endpoints = members.iter().filter(|(name, _)| name.ends_with("_endpoint"));
    let mut served = 0;
    for (name, url) in endpoints {
        let url = url.as_str().unwrap_or_default();
        let here = url.starts_with(&format!("{}/", case.issuer()));
        metadata.ensure("OKAP-R-056", here, format!("{name} below {}", case.issuer()))?;
        // the grants are below their endpoint, one by one
        let url = if name == "okap_grants_endpoint" { &format!("{url}/g_none") } else { url };
        let reply = case.send(Call::new("OPTIONS", url)).await?;
        let there = !matches!(reply.status, 404 | 501) && reply.status < 500;
        reply.ensure("OKAP-R-056", there, format!("{name}, which the metadata name"))?;
        served += 1;
    }
    for name in ["token_endpoint", "revocation_endpoint", "okap_limits_endpoint"] {
        let named = members.contains_key(name);
        metadata.ensure("OKAP-R-056", named, format!("{name} among {served} endpoints"))?;
    }
    let one = case.begin(&case.ask()).await?;
    let other = case.begin(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-001", one.token(), other.token())
}

//! A device asks.

use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "device.request.codes",
        rev: 1,
        title: "a device is given a code to type, one to poll with, and a page of the vault",
        profile: Profile::Device,
        verifies: &["OKAP-R-171", "OKAP-R-172", "OKAP-R-459", "OKAP-R-191"],
        needs: &[],
        twin: None,
        threat: Some("code-guessing"),
        run: |case| Box::pin(codes(case)),
    },
    Test {
        id: "device.request.refused",
        rev: 1,
        title: "a device request that asks for nothing, or for nobody, is refused",
        profile: Profile::Device,
        verifies: &["OKAP-R-102", "OKAP-R-361", "OKAP-R-453"],
        needs: &[],
        twin: Some("device.request.codes"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(refused(case)),
    },
];

async fn codes(case: &Case) -> Outcome {
    let metadata = case.send(Call::get(case.metadata_url())).await?;
    let named = metadata.text("/device_authorization_endpoint");
    let here = named == case.at("okap/device_authorization");
    metadata.ensure("OKAP-R-171", here, "device_authorization_endpoint of a vault that has it")?;

    let mut seen = Vec::new();
    for _ in 0..2 {
        let device = case.device(&case.ask()).await?;
        let reply = &device.reply;
        let letters = "BCDFGHJKLMNPQRSTVWXZ";
        let halves: Vec<_> = device.user_code().split('-').collect();
        let typed = halves.len() == 2
            && halves
                .iter()
                .all(|half| half.len() == 4 && half.chars().all(|c| letters.contains(c)));
        reply.ensure("OKAP-R-171", typed, format!("two groups of four of {letters}"))?;
        // 43 characters of base64url carry 256 bits
        let long = device.code().trim_start_matches("okap_dc_").len() >= 43;
        reply.ensure("OKAP-R-191", long, "a device_code of 256 random bits")?;
        let lives = reply.at("/expires_in").as_u64();
        let short = lives.is_some_and(|seconds| (1..=600).contains(&seconds));
        reply.ensure("OKAP-R-172", short, "expires_in of 600 at most")?;
        let origin = |address: &str| {
            address.parse::<url::Url>().map(|url| url.origin().ascii_serialization()).ok()
        };
        let own = origin(case.issuer());
        let page = origin(reply.text("/verification_uri"));
        reply.ensure("OKAP-R-459", page == own, "verification_uri at the issuer's origin")?;
        let complete = reply.text("/verification_uri_complete");
        let there = complete.is_empty() || origin(complete) == own;
        reply.ensure("OKAP-R-459", there, "verification_uri_complete at the issuer's origin")?;
        seen.push((device.code().to_owned(), device.user_code().to_owned()));
    }
    match seen.as_slice() {
        [(one, typed), (other, retyped)] => {
            Witness::of_fresh("OKAP-R-171", typed, retyped)?;
            Witness::of_fresh("OKAP-R-191", one, other)
        }
        _ => Err(Stop::Broken("two requests, and not two answers".to_owned())),
    }
}

async fn refused(case: &Case) -> Outcome {
    let form = || case.device_form(&case.ask());
    let one = twin(case.device(&case.ask()).await)?;
    for details in ["[]", "[", &json!([{ "type": "payment_initiation" }]).to_string()] {
        let reply = case.send_device(&form().with("authorization_details", details)).await?;
        reply.is_refused("OKAP-R-361", 400, "invalid_authorization_details")?;
    }
    let nobody = case.send_device(&form().without("client_id")).await?;
    nobody.is_refused("OKAP-R-361", 400, "invalid_request")?;
    let twice = case.send_device(&form().also("client_id", case.local())).await?;
    twice.is_refused("OKAP-R-102", 400, "invalid_request")?;
    let client_id = format!("https://{}.invalid/client.json", case.nonce());
    let unknown = form().without("client_name").with("client_id", &client_id);
    case.send_device(&unknown).await?.is_refused("OKAP-R-453", 401, "invalid_client")?;
    let call = Call::get(case.at("okap/device_authorization"));
    let reply = case.send(call).await?;
    reply.is_refused("OKAP-R-361", 405, "method_not_allowed")?;
    let other = twin(case.device(&case.ask()).await)?;
    Witness::of_fresh("OKAP-R-361", one.code(), other.code())
}

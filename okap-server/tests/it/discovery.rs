//! The metadata document.

use serde_json::json;

use crate::support::{Ask, House, Plan};

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn v1_an_issuer_with_a_path_has_its_metadata_at_the_inserted_path() {
    let house = Plan::new().path("/my/vault").build().await;
    let metadata = house.send(Ask::get(&format!("{WELL_KNOWN}/my/vault"))).await;
    assert_eq!(metadata.status, 200);
    assert_eq!(metadata.json()["issuer"], house.issuer);
    assert_eq!(metadata.json()["token_endpoint"], format!("{}/okap/token", house.issuer));
    for elsewhere in
        [WELL_KNOWN.to_owned(), format!("/my/vault{WELL_KNOWN}"), format!("{WELL_KNOWN}/my")]
    {
        assert_eq!(house.send(Ask::get(&elsewhere)).await.status, 404, "{elsewhere}");
    }
    house.done().await;
}

#[tokio::test]
async fn a_vault_under_a_path_serves_nothing_outside_of_it() {
    let house = Plan::new().path("/vault").build().await;
    let granted = house.send(Ask::post("/vault/okap/authorize").json(&json!({}))).await;
    assert_eq!(granted.says(), (400, "unsupported_version".into()));
    for path in ["/okap/authorize", "/vaultx/okap/authorize", "/vault/../okap/authorize"] {
        assert_eq!(house.send(Ask::post(path).json(&json!({}))).await.status, 404, "{path}");
    }
    house.done().await;
}

#[tokio::test]
async fn v2_only_s256_is_offered() {
    let house = House::open().await;
    let metadata = house.send(Ask::get(WELL_KNOWN)).await.json();
    assert_eq!(metadata["issuer"], house.issuer);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let grants = json!([
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ]);
    assert_eq!(metadata["grant_types_supported"], grants);
    assert_eq!(metadata["device_authorization_endpoint"], json!(null));
    for (member, expected) in [
        ("token_endpoint_auth_methods_supported", json!(["none", "private_key_jwt"])),
        ("token_endpoint_auth_signing_alg_values_supported", json!(["ES256"])),
        ("dpop_signing_alg_values_supported", json!(["ES256"])),
        ("introspection_endpoint_auth_methods_supported", json!(["client_secret_basic"])),
        ("client_id_metadata_document_supported", json!(true)),
    ] {
        assert_eq!(metadata[member], expected, "{member}");
    }
    house.done().await;
}

#[tokio::test]
async fn every_endpoint_of_the_metadata_is_there() {
    let page = |config: &mut okap_server::Config| {
        config.device_page = Some(config.profile.issuer.join("/okap/device").unwrap());
    };
    let house = Plan::new().tune(page).build().await;
    let metadata = house.send(Ask::get(WELL_KNOWN)).await.json();
    let members = metadata.as_object().unwrap();
    let ends = members.iter().filter(|(name, _)| name.ends_with("_endpoint"));
    let mut found = 0;
    for (name, url) in ends {
        let path = url.as_str().unwrap().strip_prefix(&house.issuer).unwrap();
        // the grants stand below theirs
        let path = path.replace("/okap/grants", "/okap/grants/g_1");
        let answer = house.send(Ask::post(&path).form(&[])).await;
        assert_ne!(answer.status, 404, "{name}");
        found += 1;
    }
    assert_eq!(found, 9);
    let grants = metadata["grant_types_supported"].as_array().unwrap();
    assert!(grants.contains(&json!("urn:ietf:params:oauth:grant-type:device_code")));
    house.done().await;
}

#[tokio::test]
async fn each_provider_is_a_resource_of_this_vault() {
    for path in ["", "/my/vault"] {
        let house = Plan::new().path(path).build().await;
        let resource = format!("/.well-known/oauth-protected-resource{path}/v1/");
        let see = |provider: &str| Ask::get(&format!("{resource}{provider}"));
        let metadata = house.send(Ask::get(&format!("{WELL_KNOWN}{path}"))).await.json();
        let providers = metadata["okap_providers_supported"].as_array().unwrap();
        assert!(!providers.is_empty());
        for provider in providers {
            let provider = provider.as_str().unwrap();
            let answer = house.send(see(provider)).await;
            assert_eq!(answer.status, 200, "{provider}");
            let told = answer.json();
            assert_eq!(told["resource"], format!("{}/v1/{provider}", house.issuer));
            assert_eq!(told["authorization_servers"], json!([house.issuer]));
        }
        for other in ["my-lab", "OpenAI", "openai/", "openai/v1", ""] {
            assert_eq!(house.send(see(other)).await.status, 404, "{other}");
        }
        house.done().await;
    }
}

#[tokio::test]
async fn v45_no_page_of_another_origin_reads_an_answer() {
    let house = House::open().await;
    let from = |ask: Ask| ask.header("origin", "https://evil.example");
    for ask in [
        Ask::get(WELL_KNOWN),
        Ask::get("/okap/authorize?client_id=http://localhost&request_uri=urn:x"),
        Ask::post("/okap/par").form(&[]),
        Ask::post("/okap/authorize").json(&json!({})),
        Ask::new("OPTIONS", "/okap/authorize").header("access-control-request-method", "POST"),
        Ask::new("OPTIONS", "/v1/openai/chat/completions")
            .header("access-control-request-method", "POST"),
    ] {
        let answer = house.send(from(ask)).await;
        let cors = answer.headers.keys().find(|name| name.as_str().starts_with("access-control"));
        assert_eq!(cors, None);
    }
    house.done().await;
}

//! C1, C2, C3 and the addresses in metadata.

use serde_json::json;

use crate::{VAULT, Vault, ask, client_of, pair, pair_at, vault::METADATA};

#[tokio::test]
async fn c01_metadata_of_another_issuer_stops_everything() {
    for (given, stated) in [
        (VAULT, "https://vault.test/"),
        (VAULT, "https://Vault.test"),
        (VAULT, "https://vault.test:443"),
        (VAULT, "https://evil.test"),
        ("https://vault.test/ann", "https://vault.test/ann/"),
        ("https://vault.test/ann", "https://vault.test"),
    ] {
        let vault = Vault::new(given);
        let path = match given {
            VAULT => METADATA,
            _ => "/.well-known/oauth-authorization-server/ann",
        };
        vault.twist(path, move |m| m["issuer"] = json!(stated));
        let client = client_of(&vault, given);
        let direct = client.start(ask()).await.unwrap_err();
        assert!(direct.is_untrusted(), "{stated}: {direct}");
        let device = client.start_on_device(ask()).await.unwrap_err();
        assert!(device.is_untrusted(), "{stated}: {device}");
        #[cfg(feature = "browser")]
        {
            let code = client.authorize_with(ask(), |_| panic!("browser opened")).await;
            assert!(code.unwrap_err().is_untrusted(), "{stated}");
        }
        assert!(vault.lines().iter().all(|l| l.starts_with("GET ")), "{:?}", vault.lines());
    }
}

#[tokio::test]
async fn c01_metadata_of_the_given_issuer_is_accepted_with_and_without_a_path() {
    for (given, issuer, path) in [
        ("https://vault.test", "https://vault.test", ""),
        ("https://vault.test/", "https://vault.test", ""),
        ("https://VAULT.test:443/", "https://vault.test", ""),
        ("https://vault.test/ann", "https://vault.test/ann", "/ann"),
        ("https://vault.test/ann/", "https://vault.test/ann/", "/ann"),
    ] {
        let vault = Vault::new(issuer);
        let pending = client_of(&vault, given).start(ask()).await;
        assert!(pending.is_ok(), "{given}: {pending:?}");
        assert_eq!(vault.lines()[0], format!("GET {METADATA}{path}"));
    }
}

#[tokio::test]
async fn c02_metadata_without_issuer_stops_everything() {
    let (vault, client) = pair();
    vault.twist(METADATA, |m| {
        m.as_object_mut().unwrap().remove("issuer");
    });
    let error = client.start(ask()).await.unwrap_err();
    assert!(error.is_vault(), "{error}");
    assert_eq!(vault.lines().len(), 1);
}

#[tokio::test]
async fn c02_metadata_with_two_issuers_stops_everything() {
    let (vault, client) = pair();
    let twice = br#"{"issuer":"https://evil.test","issuer":"https://vault.test"}"#;
    vault.can(
        METADATA,
        crate::Canned { body: twice.to_vec(), ..crate::Canned::json(200, json!(0)) },
    );
    assert!(client.start(ask()).await.unwrap_err().is_vault());
    assert!(client.start(ask()).await.is_ok());
}

#[cfg(feature = "browser")]
#[tokio::test]
async fn c03_code_flow_without_s256_stops_before_the_browser() {
    for methods in [json!(["plain"]), json!(["s256"]), json!([]), json!(null)] {
        let (vault, client) = pair();
        vault.twist(METADATA, move |m| match methods.is_null() {
            true => drop(m.as_object_mut().unwrap().remove("code_challenge_methods_supported")),
            false => m["code_challenge_methods_supported"] = methods.clone(),
        });
        let error = client.authorize_with(ask(), |_| panic!("browser opened")).await.unwrap_err();
        assert!(error.is_untrusted(), "{error}");
        assert_eq!(vault.lines().len(), 1);
    }
}

#[cfg(feature = "browser")]
#[tokio::test]
async fn c04_code_flow_without_promise_of_iss_stops_before_the_browser() {
    let (vault, client) = pair();
    vault.twist(METADATA, |m| m["authorization_response_iss_parameter_supported"] = json!(false));
    let error = client.authorize_with(ask(), |_| panic!("browser opened")).await.unwrap_err();
    assert!(error.is_untrusted(), "{error}");
    assert_eq!(vault.lines().len(), 1);
}

#[tokio::test]
async fn c14_endpoint_at_another_origin_stops_everything() {
    for (endpoint, url) in [
        ("okap_direct_endpoint", "https://evil.test/okap/authorize"),
        ("token_endpoint", "http://vault.test/okap/token"),
        ("token_endpoint", "https://vault.test:444/okap/token"),
        ("pushed_authorization_request_endpoint", "https://vault.test.evil.test/okap/par"),
        ("authorization_endpoint", "https://vault.test@evil.test/okap/authorize"),
        ("authorization_endpoint", "https://user@vault.test/okap/authorize"),
        ("revocation_endpoint", "javascript:alert(1)"),
    ] {
        let (vault, client) = pair();
        vault.twist(METADATA, move |m| m[endpoint] = json!(url));
        let error = client.start(ask()).await.unwrap_err();
        assert!(error.is_untrusted(), "{url}: {error}");
        assert!(error.to_string().contains(endpoint), "{error}");
        assert_eq!(vault.lines().len(), 1);
    }
    let (vault, client) = pair();
    vault
        .twist(METADATA, |m| m["token_endpoint"] = json!("https://vault.test:443/elsewhere/token"));
    assert!(client.start(ask()).await.is_ok());
}

#[tokio::test]
async fn vault_that_offers_one_flow_is_good_for_that_flow() {
    let (vault, client) = pair();
    vault.twist(METADATA, |m| {
        *m = json!({"issuer": VAULT, "okap_direct_endpoint": format!("{VAULT}/okap/authorize")})
    });
    assert!(client.start(ask()).await.is_ok());
    assert!(client.start_on_device(ask()).await.is_err());
}

#[tokio::test]
async fn path_issuer_serves_the_direct_flow() {
    let (_vault, client) = pair_at("https://vault.test/ann");
    let pending = client.start(ask()).await.unwrap();
    assert!(pending.wait(std::time::Duration::from_secs(1)).await.is_ok());
}

#[test]
fn c14_server_side_client_is_not_led_into_a_private_network() {
    let vault = Vault::new(VAULT);
    let make = |url: &str, guarded: bool| {
        let info = okap_client::ClientInfo::new("Notes").unwrap();
        let builder = okap_client::Client::builder(url.parse().unwrap(), info);
        let builder = builder.transport(vault.transport());
        if guarded { builder.public_vaults_only().build() } else { builder.build() }
    };
    for private in [
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://[::1]",
        "https://[::ffff:192.168.1.1]",
        "https://2130706433",
        "https://localhost",
        "https://vault.localhost.",
        "http://127.0.0.1:7777",
    ] {
        assert!(make(private, true).unwrap_err().is_invalid_request(), "{private}");
        assert!(make(private, false).is_ok(), "{private}");
    }
    assert!(make("https://1.1.1.1", true).is_ok());
    assert!(make("https://vault.test", true).is_ok());
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn c14_name_that_leads_into_a_private_network_is_not_called() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // every system resolves it, and to this computer
    let name = match std::fs::read_to_string("/etc/hostname") {
        Ok(name) if !name.trim().is_empty() => name.trim().to_owned(),
        _ => "ip6-localhost".to_owned(),
    };
    let info = okap_client::ClientInfo::new("Notes").unwrap();
    let url = format!("https://{name}:{port}").parse().unwrap();
    let builder = okap_client::Client::builder(url, info).public_vaults_only();
    let error = match builder.build() {
        Ok(client) => client.start(ask()).await.unwrap_err(),
        // a computer without certificates
        Err(error) => error,
    };
    assert!(error.is_network() || error.is_local(), "{error}");
    let waiting = std::time::Duration::from_millis(50);
    assert!(tokio::time::timeout(waiting, listener.accept()).await.is_err());
}

//! A client is found through its document, and not through one that is unfit.

use okap_server::{ClientError, Clients};

use crate::support::{HOST, Server, document, noon};

#[tokio::test]
async fn a_client_is_found_through_its_document() {
    let server = Server::start().await;
    server.answers_document(&document(&server.url()));
    let clients = Clients::new(server.reached().build().unwrap());
    let client = clients.find(&server.url(), noon()).await.unwrap();
    assert!(client.allows(&format!("https://{HOST}/cb")));
    clients.find(&server.url(), noon().plus_seconds(299)).await.unwrap();
    assert_eq!(server.accepted(), 1, "kept while it is fresh");
    clients.find(&server.url(), noon().plus_seconds(300)).await.unwrap();
    assert_eq!(server.accepted(), 2, "and no longer");
}

#[tokio::test]
async fn v10_v11_a_document_with_a_secret_or_a_private_key_is_no_client() {
    let server = Server::start().await;
    let url = server.url();
    let clients = Clients::new(server.reached().build().unwrap());
    let key = r#"{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA""#;
    for member in [
        r#""client_secret":"x""#.to_owned(),
        r#""token_endpoint_auth_method":"client_secret_basic""#.to_owned(),
        format!(r#""jwks":{{"keys":[{key},"d":"AQ"}}]}}"#),
    ] {
        server.answers_document(&format!(r#"{{"client_id":"{url}",{member}}}"#));
        let error = clients.find(&url, noon()).await.unwrap_err();
        assert!(matches!(error, ClientError::Invalid(_)), "{error}");
    }
    let member = format!(r#""jwks":{{"keys":[{key}}}]}}"#);
    server.answers_document(&format!(r#"{{"client_id":"{url}",{member}}}"#));
    clients.find(&url, noon()).await.unwrap();
}

#[tokio::test]
async fn v12_a_failure_is_not_kept() {
    let server = Server::start().await;
    let url = server.url();
    let clients = Clients::new(server.reached().build().unwrap());
    let keep = "content-type: application/json\r\ncache-control: max-age=3600\r\n";
    server.answers_with("503 Down", keep, "{}");
    let error = clients.find(&url, noon()).await.unwrap_err();
    assert_eq!(error.to_string(), "client document: its status is 503");
    server.answers_with("200 OK", keep, r#"{"client_id":"https://other.example/okap.json"}"#);
    let error = clients.find(&url, noon()).await.unwrap_err();
    assert!(matches!(error, ClientError::Invalid(_)), "{error}");
    server.answers_with("200 OK", keep, &document(&url));
    clients.find(&url, noon()).await.unwrap();
}

//! Servers that are no vaults pass no test, and a run against one never says that it is conformant.

use axum::Router;
use tokio::net::TcpListener;

use crate::command::{Ran, run};

/// Runs the whole catalogue against an address where somebody answers, or nobody.
async fn against(address: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("okap-target.toml");
    let target = format!(
        "[target]\nname = 'nothing'\nbase_url = 'http://{address}'\n\
         profiles = ['core', 'oauth', 'proxy', 'limits', 'device', 'dpop', 'delegation', 'admin']\n\
         [consent]\nhook = 'http://{address}/__okap_test'\n"
    );
    std::fs::write(&file, target).unwrap();
    run(&[&["run", "--target", file.to_str().unwrap()], more].concat()).await
}

/// Answers every request alike.
async fn constant() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let constant = Router::new().fallback(async || {
        ([("content-type", "application/json"), ("cache-control", "no-store")], "{}")
    });
    tokio::spawn(async move { axum::serve(listener, constant).await.unwrap() });
    address.to_string()
}

#[tokio::test]
async fn a_dead_port_is_unreachable() {
    // bound and closed again
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let ran = against(&address.to_string(), &["--json"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not answer"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_constant_200_passes_no_test() {
    let ran = against(&constant().await, &["--json"]).await;
    assert_eq!((ran.code, ran.count("pass")), (1, 0), "{}", ran.stdout);
    assert!(ran.count("fail") > 0);
}

#[tokio::test]
async fn what_is_no_vault_is_called_so_once_and_blamed_for_what_it_does() {
    let address = constant().await;
    let ran = against(&address, &[]).await;
    assert!(ran.stdout.contains("This is not an OKAP vault"), "{}", ran.stdout);
    let told = ran.stdout.matches("expected 202 with status pending, got 200 {}").count();
    assert_eq!(told, 1, "{}", ran.stdout);

    let ran = against(&address, &["--json", "core.grant.allowed", "core.request.waits"]).await;
    let report = ran.report();
    let tests = report["tests"].as_array().unwrap();
    let came: Vec<_> = tests
        .iter()
        .map(|test| (test["verdict"].as_str().unwrap(), test["finding"]["requirement"].as_str()))
        .collect();
    // it hands out no token; a test about something else learns nothing from it
    assert_eq!(came, [("untestable", None), ("fail", Some("OKAP-R-011"))], "{}", ran.stdout);
}

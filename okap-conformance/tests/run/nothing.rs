//! Servers that are no vaults pass no test, and a run against one never says that it is conformant.

use axum::Router;
use tokio::net::TcpListener;

use crate::command::{Ran, run};

/// Runs the whole catalogue against an address where somebody answers, or nobody.
async fn against(address: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("okap-target.toml");
    let target = format!(
        "[target]\nname = 'nothing'\nbase_url = 'http://{address}'\n\
         profiles = ['core', 'oauth', 'proxy', 'limits', 'device', 'dpop', 'delegation', 'admin']\n\
         [consent]\nhook = 'http://{address}/__okap_test'\n"
    );
    std::fs::write(&file, target).unwrap();
    run(&["run", "--json", "--target", file.to_str().unwrap()]).await
}

#[tokio::test]
async fn a_dead_port_is_unreachable() {
    // bound and closed again
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let ran = against(&address.to_string()).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not answer"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_constant_200_passes_no_test() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let constant = Router::new().fallback(async || {
        ([("content-type", "application/json"), ("cache-control", "no-store")], "{}")
    });
    tokio::spawn(async move { axum::serve(listener, constant).await.unwrap() });
    let ran = against(&address.to_string()).await;
    assert_eq!((ran.code, ran.count("pass")), (1, 0), "{}", ran.stdout);
    assert!(ran.count("fail") > 0);
}

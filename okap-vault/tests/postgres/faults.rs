//! What becomes of calls when the database does not answer.

use std::time::{Duration, Instant};

use okap_engine::record::{Change, Expect, Key};
use okap_server::{CommitError, StoreError, Vault};
use okap_vault::store::{Database, Fault, StoreFault, StoredVault, verify};

use crate::{audit::row, nodes::new_database, server::Server};

fn fault(error: &StoreError) -> Fault {
    error.0.downcast_ref::<StoreFault>().expect("a fault of the database").fault()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_lost_refuses_and_serves_again_by_itself() {
    let mut server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let url = server.database();
    let vault = StoredVault::without_keys(Database::connect(&url.parse().unwrap()).await.unwrap());
    let put = |key: &str| Change::Put {
        key: Key::stored(key),
        expect: Expect::Absent,
        bytes: Some(b"x".to_vec()),
        forget_after: None,
    };
    vault.changed().await;
    vault.commit(vec![put("a/1"), Change::Append(std::sync::Arc::new(row(1, 1)))]).await.unwrap();
    let waits = tokio::spawn({
        let vault = vault.clone();
        async move { vault.changed().await }
    });
    server = tokio::task::spawn_blocking(move || {
        server.crash();
        server
    })
    .await
    .unwrap();
    let begun = Instant::now();
    let error = vault.read(&[Key::stored("a/1")]).await.unwrap_err();
    assert_eq!(fault(&error), Fault::Unreachable, "{error:?}");
    let Err(CommitError::Store(error)) = vault.commit(vec![put("a/2")]).await else {
        panic!("nobody is there to commit")
    };
    assert_eq!(fault(&error), Fault::Unreachable, "{error:?}");
    assert!(vault.generation().await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(!waits.is_finished());
    server = tokio::task::spawn_blocking(move || {
        server.run();
        server
    })
    .await
    .unwrap();
    // the very next calls, by the same handle: what was committed is there
    assert!(vault.read(&[Key::stored("a/1")]).await.unwrap()[0].is_some());
    vault.commit(vec![put("a/2"), Change::Append(std::sync::Arc::new(row(1, 2)))]).await.unwrap();
    assert_eq!(verify(vault.database(), None, |_, _| {}).await.unwrap().unwrap().seq, 2);
    // something may have been told meanwhile
    tokio::time::timeout(Duration::from_secs(10), waits).await.unwrap().unwrap();
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_a_node_out_is_said_without_the_password() {
    let url = new_database().await;
    let refused = async |url: &str| {
        let error = Database::connect(&url.parse().unwrap()).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("a-password-for-tests") && !text.contains("wrong"), "{text}");
        assert!(error.to_string().contains("postgres://okap@127.0.0.1:"), "{error}");
        error.fault()
    };
    assert_eq!(refused(&url.replace("a-password-for-tests", "wrong")).await, Fault::Denied);
    let (server, _) = url.rsplit_once('/').unwrap();
    assert_eq!(refused(&format!("{server}/nowhere")).await, Fault::Denied);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = free.local_addr().unwrap();
    drop(free);
    let nobody = format!("postgres://okap:a-password-for-tests@{closed}/vault");
    assert_eq!(refused(&nobody).await, Fault::Unreachable);
    // it speaks no TLS
    assert_eq!(refused(&format!("{url}?sslmode=require")).await, Fault::Unreachable);
    Database::connect(&url.parse().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_another_program_and_newer_ones_stay_as_they_are() {
    use crate::server::sql;
    let url = new_database().await;
    let ask = |text: &'static str| {
        let url = url.clone();
        async move { tokio::task::spawn_blocking(move || sql(&url, text)).await.unwrap() }
    };
    ask("CREATE TABLE users (id INT)").await;
    let error = Database::connect(&url.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::NotOurs, "{error}");
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(ask(tables).await, "1");
    ask("DROP TABLE users").await;
    Database::connect(&url.parse().unwrap()).await.unwrap();
    ask("UPDATE okap_schema SET version = 99").await;
    let error = Database::connect(&url.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Newer(99), "{error}");
}

/// A server that takes connections and never answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_never_answers_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://okap@{}/vault", silent.local_addr().unwrap());
    let begun = Instant::now();
    let error = Database::connect(&url.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::TooSlow, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

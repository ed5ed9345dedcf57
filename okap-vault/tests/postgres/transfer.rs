//! A vault that moves from its file to a server.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use okap_types::{Provider, Secret};
use okap_vault::{
    home::Home,
    keys::{self, Keyring, Opener},
    store::{Database, StoredVault, verify},
    user,
};
use reqwest::StatusCode;
use url::Url;

use crate::{
    app::{self, Node},
    nodes::new_database,
    server::sql,
};

const PASSPHRASE: &str = "correct horse battery";

async fn run(data: &Path, arguments: &[&str]) -> Output {
    run_with(data, arguments, None).await
}

async fn run_with(data: &Path, arguments: &[&str], input: Option<&Path>) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_okap-vault"));
    for name in ["OKAP_DATABASE", "OKAP_MIGRATE_TO", "OKAP_DATA", "OKAP_KEY_FILE"] {
        program.env_remove(name);
    }
    program.arg("--data").arg(data).args(arguments).env("OKAP_PASSPHRASE", PASSPHRASE);
    program.stdin(input.map_or_else(Stdio::null, |path| std::fs::File::open(path).unwrap().into()));
    tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    let text = [output.stdout.clone(), output.stderr.clone()].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("a-password-for-tests"), "{text}");
    text
}

/// Key, version and bytes of each record, and each row of the audit, as text.
fn all_of_file(path: &Path) -> (Vec<String>, i64) {
    let file = rusqlite::Connection::open(path).unwrap();
    let mut rows = file
        .prepare(
            "SELECT key || ' ' || version || ' ' || lower(hex(bytes)) FROM records ORDER BY key",
        )
        .unwrap();
    let records = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let calls = file.query_row("SELECT COUNT(*) FROM audit", [], |row| row.get(0)).unwrap();
    (records, calls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_moves_whole_and_its_tokens_go_on() {
    let (settings, seen) = app::provider().await;
    let home = tempfile::tempdir().unwrap();
    let (data, file) = (home.path(), home.path().join("vault.db"));
    let issuer: Url = "http://127.0.0.1:8787".parse().unwrap();
    let vault = StoredVault::open(data, &Secret::from(PASSPHRASE)).await.unwrap();
    let now = time::OffsetDateTime::now_utc().into();
    let key = Secret::from("sk-one");
    let keyring = vault.keyring().unwrap();
    keys::add(vault.database(), keyring, &user::owner(), &Provider::OpenAi, &key, now)
        .await
        .unwrap();
    let node = Node::start(vault.clone(), settings.clone(), &issuer).await;
    let (access, revoked) = (node.granted().await, node.granted().await);
    for _ in 0..3 {
        assert_eq!(node.call(&access).await, StatusCode::OK);
    }
    node.running.control.revoke(&user::owner(), &revoked.grant.parse().unwrap()).await.unwrap();
    node.running.stop().await.unwrap();
    let head = verify(vault.database(), None, |_, _| {}).await.unwrap().unwrap();
    drop(vault);
    let (records, calls) = all_of_file(&file);
    assert_eq!((head.seq, calls), (3, 3));

    // while it is served it stays where it is
    let target = new_database().await;
    let serving = Home::existing(data).unwrap().serving().unwrap();
    let refused = run(data, &["migrate", "--to", &target]).await;
    assert!(!refused.status.success() && said(&refused).contains("stop it first"));
    drop(serving);

    let before = std::fs::read(&file).unwrap();
    let moved = run(data, &["migrate", "--json", "--to", &target]).await;
    assert!(moved.status.success(), "{}", said(&moved));
    let told: serde_json::Value = serde_json::from_slice(&moved.stdout).unwrap();
    assert_eq!(told["records"], records.len());
    assert_eq!((&told["calls"], &told["keys"]), (&3.into(), &1.into()));
    assert_eq!(told["head"], head.seal.to_string());
    assert_eq!(std::fs::read(&file).unwrap(), before, "the file stays as it is");
    let arrived = sql(
        &target,
        "SELECT key || ' ' || version || ' ' || encode(bytes, 'hex') FROM records ORDER BY key",
    );
    assert_eq!(arrived.lines().collect::<Vec<_>>(), records);

    // not twice, and not over another
    let again = run(data, &["migrate", "--to", &target]).await;
    assert!(!again.status.success() && said(&again).contains("is not empty"), "{}", said(&again));

    // the same token, the same key, the same chain, the same revocation
    let database = Database::connect(&target.parse().unwrap()).await.unwrap();
    let opener = Opener::Passphrase(Secret::from(PASSPHRASE));
    let keyring = Keyring::unlock(&database, &opener).await.unwrap();
    let node = Node::start(StoredVault::new(database.clone(), keyring), settings, &issuer).await;
    assert_eq!(node.call(&access).await, StatusCode::OK);
    assert_eq!(node.call(&revoked).await, StatusCode::UNAUTHORIZED);
    assert_eq!(seen.lock().unwrap().last().unwrap(), "Bearer sk-one");
    node.granted().await;
    node.running.stop().await.unwrap();
    let held = verify(&database, Some(head.seal), |_, _| {}).await.unwrap().unwrap();
    assert_eq!(held.seq, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_works_on_a_server() {
    let url = new_database().await;
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let nothing = run(&data, &["--database", &url, "keys", "list"]).await;
    assert_eq!(nothing.status.code(), Some(3), "{}", said(&nothing));
    // the first key sets it up
    let key = home.path().join("key");
    std::fs::write(&key, "sk-one").unwrap();
    let added = run_with(&data, &["--database", &url, "keys", "add", "openai"], Some(&key)).await;
    assert!(added.status.success(), "{}", said(&added));
    assert!(said(&added).contains("A new vault in postgres://okap@127.0.0.1:"), "{}", said(&added));
    for command in [
        &["keys", "list"][..],
        &["grants", "list"],
        &["usage"],
        &["audit", "verify"],
        &["audit", "export"],
        &["keys", "remove", "openai"],
    ] {
        let done = run(&data, &[&["--database", &url][..], command].concat()).await;
        assert!(done.status.success(), "{command:?} {}", said(&done));
    }
    assert!(!data.exists(), "nothing is made beside it");
    // named in the configuration
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("okap-vault.toml"), format!("database = \"{url}\"\n")).unwrap();
    let verified = run(&data, &["audit", "verify", "--json"]).await;
    let told: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&told["holds"], &told["rows"]), (&true.into(), &0.into()));
    // what is no address is refused and not repeated
    let wrong = "mysql://okap:a-password-for-tests@host/vault";
    let refused = run(&data, &["--database", wrong, "keys", "list"]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
}

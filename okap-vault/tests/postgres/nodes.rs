//! Several nodes on one database are one vault.

use std::time::{Duration, Instant};

use okap_engine::record::{Change, Expect, Key};
use okap_server::Vault;
use okap_types::{Provider, Secret};
use okap_vault::{
    keys::{self, Keyring, Opener},
    store::{Database, StoredVault},
    user,
};
use reqwest::{StatusCode, header};
use url::Url;

use crate::{
    app::{self, Node},
    server,
};

const PASSPHRASE: &str = "correct horse battery";

pub(crate) async fn new_database() -> String {
    tokio::task::spawn_blocking(server::database).await.unwrap()
}

async fn connect(url: &str) -> Database {
    Database::connect(&url.parse().unwrap()).await.unwrap()
}

/// The vault as another process opens it; the first one sets it up.
async fn open(url: &str) -> StoredVault {
    let (database, passphrase) = (connect(url).await, Secret::from(PASSPHRASE));
    let keyring = match keys::lock(&database).await.unwrap() {
        None => Keyring::create(&database, &passphrase, None).await.unwrap(),
        Some(_) => Keyring::unlock(&database, &Opener::Passphrase(passphrase)).await.unwrap(),
    };
    StoredVault::new(database, keyring)
}

fn now() -> okap_types::Timestamp {
    time::OffsetDateTime::now_utc().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_begins_at_one_node_goes_on_at_the_other() {
    let (settings, seen) = app::provider().await;
    let url = new_database().await;
    let issuer: Url = "http://127.0.0.1:8787".parse().unwrap();
    let one = Node::start(open(&url).await, settings.clone(), &issuer).await;
    let other = Node::start(open(&url).await, settings, &issuer).await;
    let beside = open(&url).await;
    let (database, keyring, owner) = (beside.database(), beside.keyring().unwrap(), user::owner());
    keys::add(database, keyring, &owner, &Provider::OpenAi, &Secret::from("sk-one"), now())
        .await
        .unwrap();

    // asked at one, allowed at the other, fetched at the first, used at both
    let (id, uri, with) = one.ask().await;
    other.allow(&id).await;
    let access = one.fetch(&uri, &with).await;
    assert_eq!(one.call(&access).await, StatusCode::OK);
    assert_eq!(other.call(&access).await, StatusCode::OK);

    // what both let through is one chain
    let held = okap_vault::store::verify(database, None, |_, _| {}).await.unwrap().unwrap();
    assert_eq!(held.seq, 2);

    // a key that is replaced and a grant that is revoked somewhere hold everywhere within a second
    keys::rotate(database, keyring, &owner, &Provider::OpenAi, &Secret::from("sk-two"), now())
        .await
        .unwrap();
    tokio::time::sleep(okap_server::REMEMBERED).await;
    assert_eq!(other.call(&access).await, StatusCode::OK);
    assert_eq!(seen.lock().unwrap().last().unwrap(), "Bearer sk-two");
    let kept = other.granted().await;
    one.running.control.revoke(&owner, &access.grant.parse().unwrap()).await.unwrap();
    let revoked = Instant::now();
    while other.call(&access).await == StatusCode::OK {
        assert!(revoked.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(other.call(&access).await, StatusCode::UNAUTHORIZED);
    assert_eq!(one.call(&access).await, StatusCode::UNAUTHORIZED);
    assert_eq!(one.call(&kept).await, StatusCode::OK, "the twin goes on");
    one.running.stop().await.unwrap();
    other.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_at_one_node_is_signed_in_at_the_other() {
    let (settings, _) = app::provider().await;
    let url = new_database().await;
    let issuer: Url = "http://127.0.0.1:8787".parse().unwrap();
    let one = Node::start(open(&url).await, settings.clone(), &issuer).await;
    let other = Node::start(open(&url).await, settings, &issuer).await;
    let grants = async |node: &Node, cookie: &str| {
        let answer = node.get("grants").header(header::COOKIE, cookie).send().await.unwrap();
        answer.status()
    };
    let sent = one
        .post("login")
        .header(header::ORIGIN, "http://127.0.0.1:8787")
        .form(&[("password", PASSPHRASE)])
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), StatusCode::SEE_OTHER, "{}", sent.text().await.unwrap());
    let cookie = sent.headers()[header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(grants(&other, cookie).await, StatusCode::OK);
    assert_eq!(grants(&one, cookie).await, StatusCode::OK);
    assert_eq!(grants(&other, "okap=0").await, StatusCode::SEE_OTHER);
    one.running.stop().await.unwrap();
    other.running.stop().await.unwrap();
}

fn put(key: &str, expect: Expect) -> Change {
    Change::Put { key: Key::stored(key), expect, bytes: Some(b"{}".to_vec()), forget_after: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_told_of_what_it_has_to_hear_of() {
    let url = new_database().await;
    let (one, other) = (open(&url).await, open(&url).await);
    let soon = Duration::from_secs(5);
    // it listens from the first time on that it waits, and something may have come before
    tokio::time::timeout(soon, other.changed()).await.unwrap();
    one.commit(vec![put("grant/g", Expect::Absent)]).await.unwrap();
    let before = other.generation().await.unwrap();
    let version = one.read(&[Key::stored("grant/g")]).await.unwrap()[0].as_ref().unwrap().version;
    let waits = tokio::spawn({
        let other = other.clone();
        async move { other.changed().await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waits.is_finished(), "a new grant is remembered by nobody");
    one.commit(vec![put("grant/g", Expect::Version(version))]).await.unwrap();
    tokio::time::timeout(soon, waits).await.unwrap().unwrap();
    assert_ne!(other.generation().await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_key_raises_the_generation() {
    let url = new_database().await;
    let vault = open(&url).await;
    let (database, keyring, owner) = (vault.database(), vault.keyring().unwrap(), user::owner());
    let (provider, key) = (Provider::OpenAi, Secret::from("sk-one"));
    let mut last = vault.generation().await.unwrap();
    let mut moved = async || {
        let next = vault.generation().await.unwrap();
        std::mem::replace(&mut last, next) != next
    };
    keys::add(database, keyring, &owner, &provider, &key, now()).await.unwrap();
    assert!(moved().await);
    keys::add(database, keyring, &owner, &provider, &key, now()).await.unwrap_err();
    assert!(!moved().await, "nothing was changed");
    keys::rotate(database, keyring, &owner, &provider, &key, now()).await.unwrap();
    assert!(moved().await);
    assert_eq!(keys::kept(database, &owner).await.unwrap().len(), 1);
    keys::remove(database, &owner, &provider).await.unwrap();
    assert!(moved().await);
    keys::remove(database, &owner, &provider).await.unwrap_err();
    assert!(!moved().await);
    assert!(vault.master_key(&owner, &provider).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_set_a_database_up_at_once_and_one_owner_is_made() {
    let url = new_database().await;
    let openings = (0..6).map(|_| {
        let url = url.clone();
        tokio::spawn(async move {
            let database = connect(&url).await;
            Keyring::create(&database, &Secret::from(PASSPHRASE), None).await.is_ok()
        })
    });
    let mut made = 0;
    for opening in openings.collect::<Vec<_>>() {
        made += usize::from(opening.await.unwrap());
    }
    assert_eq!(made, 1);
    open(&url).await;
}

//! One chain over the rows of all nodes.

use okap_engine::record::Change;
use okap_server::Vault;
use okap_vault::store::{Database, Flaw, Head, StoredVault, verify};

use crate::{nodes::new_database, server::sql};

pub(crate) use okap_server::testkit::audit_row as row;

fn append(node: u64, numbers: impl IntoIterator<Item = u64>) -> Vec<Change> {
    numbers
        .into_iter()
        .map(|number| Change::Append(std::sync::Arc::new(row(node, number))))
        .collect()
}

async fn open(url: &str) -> StoredVault {
    StoredVault::without_keys(Database::connect(&url.parse().unwrap()).await.unwrap())
}

async fn verified(vault: &StoredVault) -> Result<Head, Flaw> {
    verify(vault.database(), None, |_, _| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_append_at_once_make_one_chain_without_gap_or_twin() {
    let url = new_database().await;
    let nodes = (0..3).map(|node| {
        let url = url.clone();
        tokio::spawn(async move {
            let vault = open(&url).await;
            let tasks = (0..4).map(|task| {
                let vault = vault.clone();
                tokio::spawn(async move {
                    for round in 0..10 {
                        let first = (task * 10 + round) * 5;
                        vault.commit(append(node, first..first + 5)).await.unwrap();
                        // as a node does that cannot tell whether it got through
                        vault.commit(append(node, first..first + 5)).await.unwrap();
                    }
                })
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await.unwrap();
            }
        })
    });
    for node in nodes.collect::<Vec<_>>() {
        node.await.unwrap();
    }
    let vault = open(&url).await;
    assert_eq!(verified(&vault).await.unwrap().seq, 3 * 4 * 10 * 5);
    let spent = vault.database().spent(None, None).await.unwrap();
    assert_eq!(spent[0].calls, 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_column_of_a_row_is_sealed_and_so_is_its_place() {
    let url = new_database().await;
    let vault = open(&url).await;
    vault.commit(append(7, [0, 1, 2, 2, 1, 3, 4])).await.unwrap();
    let ask = |text: String| {
        let url = url.clone();
        async move { tokio::task::spawn_blocking(move || sql(&url, &text)).await.unwrap() }
    };
    ask("CREATE TABLE kept AS SELECT * FROM audit".to_owned()).await;
    for change in [
        "node = 8",
        "number = 99",
        "at = at + 1",
        "grant_id = 'g_2'",
        "owner = 'another'",
        "provider = 'groq'",
        "model = 'gpt-4o'",
        "operation = 'embeddings'",
        "status = 201",
        "status = 70000",
        "input = input + 1",
        "output = 4",
        "more = '{'",
        "cost = cost - 1",
        "cost = -1",
        "estimated = true",
        "prices = 'others'",
        "ended = 'revoked'",
        "form = 2",
        "form = 257",
        "seal = '\\x00'",
    ] {
        ask(format!("UPDATE audit SET {change} WHERE seq = 3")).await;
        assert_eq!(verified(&vault).await, Err(Flaw::Row(3)), "{change}");
        ask("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept".to_owned()).await;
        // the twin
        assert_eq!(verified(&vault).await.unwrap().seq, 5);
    }
    ask("DELETE FROM audit WHERE seq = 5".to_owned()).await;
    assert_eq!(verified(&vault).await, Err(Flaw::Missing(5)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_cross_each_other_all_come_to_an_end() {
    use okap_engine::record::{Expect, Key};
    let url = new_database().await;
    let names = ["grant/a", "grant/b", "account/c"];
    let put = |key: &str, expect| Change::Put {
        key: Key::stored(key),
        expect,
        bytes: Some(b"{}".to_vec()),
        forget_after: None,
    };
    let vault = open(&url).await;
    vault.commit(names.iter().map(|name| put(name, Expect::Absent)).collect()).await.unwrap();
    let tasks = (0..6_u64).map(|task| {
        let url = url.clone();
        tokio::spawn(async move {
            let vault = open(&url).await;
            let mut done = 0;
            while done < 10 {
                let keys: Vec<_> = names.iter().map(|name| Key::stored(name)).collect();
                let found = vault.read(&keys).await.unwrap();
                let mut changes: Vec<_> = keys
                    .iter()
                    .zip(found)
                    .map(|(key, found)| put(key.as_str(), Expect::Version(found.unwrap().version)))
                    .collect();
                if task % 2 == 0 {
                    changes.reverse();
                }
                changes.push(put(&format!("new/{task}-{done}"), Expect::Absent));
                changes.extend(append(task, [done]));
                match vault.commit(changes).await {
                    Ok(()) => done += 1,
                    Err(okap_server::CommitError::Conflict) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(verified(&vault).await.unwrap().seq, 60);
    assert_eq!(vault.list(&Key::stored("new/"), None, 100).await.unwrap().len(), 60);
}

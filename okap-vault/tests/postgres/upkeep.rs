use okap_engine::{
    pico::Pico,
    record::{Change, Expect, Key},
};
use okap_server::Vault;
use okap_types::Timestamp;
use okap_vault::store::{Database, StoredVault};

use crate::{audit::row, nodes::new_database, server::sql};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_removes_what_may_be_forgotten_and_nothing_else() {
    let url = new_database().await;
    let vault = StoredVault::without_keys(Database::connect(&url.parse().unwrap()).await.unwrap());
    let now = Timestamp::from_unix_millis(1_700_000_000_000);
    let until = |key: &str, at| Change::Put {
        key: Key::stored(key),
        expect: Expect::Absent,
        bytes: Some(b"x".to_vec()),
        forget_after: at,
    };
    let changes = vec![
        until("a/past", Some(now.plus_seconds(-1))),
        until("a/now", Some(now)),
        until("a/later", Some(now.plus_seconds(1))),
        until("a/never", None),
    ];
    vault.commit(changes).await.unwrap();
    let sessions = "INSERT INTO users VALUES ('owner', '', 0);
                    INSERT INTO sessions VALUES ('old', 'owner', '', 0, 1700000000000),
                                                ('new', 'owner', '', 0, 1700000000001)";
    tokio::task::spawn_blocking(move || sql(&url, sessions)).await.unwrap();
    assert_eq!(vault.database().sweep(now).await.unwrap(), 3);
    let left = vault.list(&Key::stored("a/"), None, 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(left, ["a/later", "a/never"]);
    assert_eq!(vault.database().sweep(now).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_is_summed_exactly_beyond_what_one_sum_holds() {
    let url = new_database().await;
    let vault = StoredVault::without_keys(Database::connect(&url.parse().unwrap()).await.unwrap());
    let huge = u64::MAX / 4;
    let mut rows: Vec<_> = (0..6).map(|number| row(1, number)).collect();
    for row in &mut rows {
        row.at = Timestamp::from_unix_millis(i64::try_from(row.id.number).unwrap());
        row.cost = Pico::new(huge);
    }
    rows[4].estimated = true;
    rows[5].grant = "g_2".parse().unwrap();
    rows[5].cost = Pico::new(5);
    let changes = rows.into_iter().map(|row| Change::Append(std::sync::Arc::new(row))).collect();
    vault.commit(changes).await.unwrap();
    let sums = async |since: Option<i64>, grant: Option<&str>| {
        let since = since.map(Timestamp::from_unix_millis);
        vault.database().spent(since, grant.map(|id| id.parse().unwrap())).await.unwrap()
    };
    let all = sums(None, None).await;
    assert_eq!((all.len(), all[0].calls, all[0].estimated_calls), (2, 5, 1));
    assert_eq!(all[0].estimated_cost, Pico::new(huge));
    assert_eq!(sums(Some(1), Some("g_1")).await[0].cost, Pico::new(huge * 4 / 4 * 4));
    assert_eq!(sums(Some(5), None).await, &all[1..]);
    assert_eq!(sums(None, Some("g_2")).await, &all[1..]);
    assert!(sums(Some(6), None).await.is_empty());
}

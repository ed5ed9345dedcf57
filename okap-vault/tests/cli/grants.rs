//! Grants and usage are listed, shown and revoked.

use serde_json::Value;

use crate::support::Vault;

#[test]
fn without_a_vault_there_is_nothing_to_list() {
    let vault = Vault::new();
    for arguments in [
        "keys list",
        "keys remove openai",
        "grants list",
        "grants show g",
        "grants revoke g",
        "usage",
    ] {
        assert!(vault.run(arguments).refused(3).contains("okap-vault serve"), "{arguments}");
    }
    assert!(!vault.data().exists(), "looking makes nothing");
}

#[test]
fn listings_have_their_json() {
    let vault = Vault::with_key();
    assert_eq!(vault.json("grants list"), serde_json::json!({ "grants": [] }));
    let usage = serde_json::json!({
        "since": "2026-11-01T00:00:00Z",
        "usage": [],
        "total": { "calls": 0, "cost_usd": "0.00", "estimated_cost_usd": "0.00" },
    });
    assert_eq!(vault.json("usage --since 2026-11-01"), usage);
    assert!(vault.run("grants show nothing").refused(3).contains("no grant nothing"));
    assert!(vault.run("grants revoke nothing").refused(3).contains("no grant nothing"));
    assert!(vault.run("usage --grant nothing").refused(3).contains("no grant nothing"));
    assert_eq!(vault.run("usage --since yesterday").code, 2);
    // random ids may begin with a hyphen
    for arguments in [
        "grants show -KYFM",
        "grants revoke --FM",
        "usage --grant -KYFM",
        "grants show --json -KYFM",
    ] {
        assert!(vault.run(arguments).refused(3).contains("no grant -"), "{arguments}");
    }
    assert_eq!(vault.run("grants show").code, 2);
}

/// Writes a grant into the vault, as an app's exchange would; `above` are those it came from.
fn keep(vault: &Vault, id: &str, above: &[&str], delegate: Option<&str>) {
    use okap_engine::record::{Grant, insert};
    use okap_server::Vault as _;
    let grant = serde_json::json!({
        "id": id,
        "owner": okap_vault::user::owner().as_str(),
        "app": {"identity": "published", "info": {"client_id": "https://notes.example/okap.json"}},
        "access": [{
            "provider": "openai", "models": ["gpt-4o-mini"], "capabilities": ["chat"],
            "limits": {"monthly_spend": "1.00"}, "expires": "2999-01-01T00:00:00Z",
            "models_refused": [], "account": id,
        }],
        "shown": "", "created": format!("2026-01-01T00:00:0{}Z", above.len()),
        "ancestors": above, "delegate": delegate,
    });
    let grant: Grant = serde_json::from_value(grant).unwrap();
    let database = vault.data().join("vault.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = okap_vault::store::Database::open(&database).await.unwrap();
        let store = okap_vault::store::StoredVault::without_keys(database);
        store.commit(vec![insert(id, &grant), grant.owned()]).await.unwrap();
    });
}

#[test]
fn what_was_handed_on_is_listed_with_what_it_came_from() {
    let vault = Vault::with_key();
    keep(&vault, "g_root", &[], None);
    keep(&vault, "g_child", &["g_root"], Some("Summariser"));
    keep(&vault, "g_below", &["g_child", "g_root"], None);

    let list = vault.json("grants list");
    let member = |at: usize, name: &str| list["grants"][at][name].clone();
    assert_eq!(member(0, "parent"), Value::Null);
    assert_eq!(member(0, "handed_on"), serde_json::json!(["g_child"]));
    assert_eq!(member(0, "client_id"), "https://notes.example/okap.json");
    assert_eq!(
        (member(1, "parent"), member(1, "delegate")),
        ("g_root".into(), "Summariser".into())
    );
    assert_eq!(vault.json("grants show g_child")["handed_on"], serde_json::json!(["g_below"]));
    let table = vault.run("grants list").ok();
    assert!(table.contains("https://notes.example/okap.json > Summariser"), "{table}");
    let child = vault.run("grants show g_child").ok();
    assert!(child.contains("handed on     from g_root to Summariser"), "{child}");
    assert!(child.contains("handed on     as g_below to (no name), active"), "{child}");
    assert!(child.contains("client        https://notes.example/okap.json, verified"), "{child}");

    // a child alone, then the parent with all that is left
    let revoked = vault.json("grants revoke g_below");
    assert_eq!(revoked, serde_json::json!({"revoked": "g_below", "ended_with_it": 0}));
    assert_eq!(vault.json("grants show g_child")["status"], "active");
    let revoked = vault.run("grants revoke g_root").ok();
    assert!(
        revoked.contains("revoked g_root, and with it 1 that it was handed on to"),
        "{revoked}"
    );
    for id in ["g_root", "g_child", "g_below"] {
        assert_eq!(vault.json(&format!("grants show {id}"))["status"], "revoked", "{id}");
    }
}

//! A resource server is given its secret.

use std::path::Path;

use crate::support::Vault;

#[test]
fn a_resource_server_gets_a_secret_once_and_the_file_its_hash() {
    let vault = Vault::new();
    let said = vault.run("introspection new gateway").ok();
    let (secret, lines) = said.split_once('\n').unwrap();
    assert!(secret.starts_with("okap_is_") && secret.len() == 8 + 43, "{secret}");
    let hash = okap_engine::token::hash(secret);
    assert_eq!(
        lines.trim(),
        format!("[[resource_server]]\nid = \"gateway\"\nsecret_sha256 = \"{hash}\"")
    );
    let settings = okap_vault::config::Settings::parse(lines, Path::new("okap-vault.toml"));
    let config = settings.unwrap().config("http://127.0.0.1:1".parse().unwrap()).unwrap();
    assert_eq!(config.resource_servers[0].id, "gateway");
    assert!(!vault.data().exists(), "nothing is kept");

    let made = vault.json("introspection new gateway");
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    assert_ne!(text("secret"), secret);
    assert_eq!(text("secret_sha256"), okap_engine::token::hash(&text("secret")));
    for id in ["a:b", "a/b", &"a".repeat(65)] {
        assert!(
            vault.run(&format!("introspection new {id}")).refused(2).contains("1 to 64"),
            "{id}"
        );
    }
    assert_eq!(vault.run("introspection new").code, 2);
}

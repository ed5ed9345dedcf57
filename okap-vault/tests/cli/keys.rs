//! Keys are added, listed, rotated and removed.

use crate::support::{CANARY, Vault};

#[test]
fn keys_are_added_listed_rotated_and_removed() {
    let vault = Vault::new();
    assert_eq!(
        vault.pipe("keys add openai", &format!("  {CANARY}\n")).ok(),
        "added the key for openai\n"
    );
    assert_eq!(
        vault.pipe("keys add anthropic", "sk-ant-1\r\n").ok(),
        "added the key for anthropic\n"
    );
    assert_eq!(vault.providers(), ["anthropic", "openai"]);
    let listed = vault.json("keys list");
    let openai = &listed["keys"][1];
    assert!(openai["added"].as_str().unwrap().starts_with("20") && openai["rotated"].is_null());
    assert_eq!(openai.as_object().unwrap().len(), 3, "nothing else is told of a key");

    assert_eq!(vault.pipe("keys rotate openai", "sk-2").ok(), "rotated the key for openai\n");
    assert!(vault.json("keys list")["keys"][1]["rotated"].is_string());
    assert_eq!(vault.run("keys remove openai").ok(), "removed the key for openai\n");
    assert_eq!(vault.providers(), ["anthropic"]);
    let table = vault.run("keys list").ok();
    assert!(table.starts_with("PROVIDER   ADDED"), "{table}");
    assert_eq!(table.lines().count(), 2);
}

#[test]
fn what_is_there_is_not_added_and_what_is_not_is_not_rotated() {
    let vault = Vault::with_key();
    assert!(vault.pipe("keys add openai", "sk-2").refused(1).contains("keys rotate openai"));
    assert!(vault.pipe("keys rotate groq", "gsk").refused(3).contains("keys add groq"));
    assert!(vault.run("keys remove groq").refused(3).contains("no key for groq"));
    assert!(vault.pipe("keys add opnai", "sk-2").refused(3).contains("known: openai, anthropic"));
    assert_eq!(vault.providers(), ["openai"]);
}

#[test]
fn a_provider_of_ones_own_is_known_from_the_configuration() {
    let vault = Vault::with_key();
    let config = "[upstream.my-lab]\nbase_url = 'https://llm.example.com/v1'\n";
    assert!(vault.pipe("keys add my-lab", "sk").refused(3).contains("[upstream.my-lab]"));
    std::fs::write(vault.data().join("okap-vault.toml"), config).unwrap();
    vault.pipe("keys add my-lab", "sk").ok();
    std::fs::write(vault.data().join("okap-vault.toml"), config.replace("base", "bass")).unwrap();
    let error = vault.pipe("keys rotate my-lab", "sk").refused(1);
    assert!(
        error.contains("okap-vault.toml does not hold, line 2") && error.contains("bass_url"),
        "{error}"
    );
    assert!(
        vault
            .pipe("keys rotate my-lab --config /nowhere.toml", "sk")
            .refused(1)
            .contains("/nowhere.toml")
    );
}

#[test]
fn a_key_as_an_argument_is_refused_and_not_repeated() {
    let vault = Vault::new();
    for arguments in [
        "openai CANARY",
        "CANARY",
        "openai --key CANARY",
        "openai --key=CANARY",
        "openai --api-key CANARY",
        "openai -kCANARY",
    ] {
        let error =
            vault.run(&format!("keys add {}", arguments.replace("CANARY", CANARY))).refused(2);
        assert!(error.contains("never an argument") && error.contains("< key.txt"), "{error}");
    }
    let unknown = vault.run(&format!("keys add openai --foo={CANARY}"));
    assert!(unknown.code == 2 && !unknown.stderr.contains(CANARY), "{}", unknown.stderr);
    assert!(!vault.data().exists());
}

#[test]
fn what_is_no_key_is_refused() {
    let vault = Vault::with_key();
    for input in ["", " \n\n", "sk-1\nsk-2", "sk 1", "schlüssel"] {
        vault.pipe("keys rotate openai", input).refused(2);
    }
    vault.pipe("keys rotate openai", &"k".repeat(20_000)).refused(1);
    vault.pipe("keys rotate openai", &"k".repeat(16_000)).ok();
}

//! A vault is opened by its passphrase or its key file, and by nothing else.

use std::process::Command;

use crate::support::{CANARY, PASSPHRASE, Ran, Server, Vault};

#[test]
fn a_wrong_passphrase_changes_nothing_and_the_right_one_works_afterwards() {
    let vault = Vault::with_key();
    let before = vault.files();
    for arguments in ["keys rotate openai", "keys add groq", "serve --listen 127.0.0.1:0"] {
        let mut wrong = vault.bare(arguments);
        wrong.env("OKAP_PASSPHRASE", "correct horse battery staple");
        assert!(Ran::with(wrong, "sk-other").refused(4).contains("wrong passphrase"));
    }
    assert_eq!(vault.files(), before);
    vault.pipe("keys rotate openai", "sk-other").ok();
}

#[test]
fn a_passphrase_comes_from_a_file_or_the_environment_or_is_asked_for() {
    let vault = Vault::new();
    assert!(
        Ran::with(vault.bare("keys add openai"), CANARY).refused(2).contains("--passphrase-file")
    );
    let file = vault.0.path().join("passphrase");
    let add = |provider: &str| {
        let mut command = vault.bare(&format!("keys add {provider}"));
        command.arg("--passphrase-file").arg(&file);
        Ran::with(command, "sk-1")
    };
    assert!(add("openai").refused(1).contains("passphrase file"));
    std::fs::write(&file, "\n").unwrap();
    assert!(add("openai").refused(2).contains("empty"));
    std::fs::write(&file, "short\n").unwrap();
    assert!(add("openai").refused(1).contains("at least 8 characters"));
    std::fs::write(&file, format!("{PASSPHRASE}\r\nanother line\n")).unwrap();
    add("openai").ok();
    // the same passphrase by the other way
    vault.pipe("keys add groq", "sk-1").ok();
}

#[test]
fn a_key_file_opens_the_vault_without_a_passphrase() {
    let vault = Vault::new();
    let file = vault.0.path().join("key");
    let with_file = |mut command: Command| {
        command.arg("--key-file").arg(&file);
        command
    };
    assert!(
        Ran::with(with_file(vault.bare("keys add openai")), CANARY)
            .refused(2)
            .contains("OKAP_PASSPHRASE")
    );
    Ran::with(with_file(vault.command("keys add openai")), CANARY).ok();
    assert_eq!(std::fs::read(&file).unwrap().len(), 32);
    Ran::with(with_file(vault.bare("keys add groq")), "gsk").ok();
    drop(Server::start(with_file(vault.bare("serve --listen 127.0.0.1:0"))));

    assert!(vault.pipe("keys add mistral", "k").refused(2).contains("--key-file"));
    std::fs::rename(&file, vault.0.path().join("away")).unwrap();
    assert!(
        Ran::with(with_file(vault.bare("keys add mistral")), "k").refused(3).contains("missing")
    );
    assert!(!file.exists(), "a new one would open nothing");
    std::fs::write(&file, [1; 32]).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert!(
            Ran::with(with_file(vault.bare("keys add mistral")), "k")
                .refused(1)
                .contains("chmod 600")
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(
        Ran::with(with_file(vault.bare("keys add mistral")), "k")
            .refused(4)
            .contains("wrong key file")
    );
    std::fs::rename(vault.0.path().join("away"), &file).unwrap();
    Ran::with(with_file(vault.bare("keys add mistral")), "k").ok();

    let sealed_by_passphrase = Vault::with_key();
    let mut command = sealed_by_passphrase.command("keys add groq");
    command.arg("--key-file").arg(&file);
    assert!(Ran::with(command, "gsk").refused(2).contains("leave --key-file out"));
}

#[test]
fn a_first_start_without_a_passphrase_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let add = |passphrase: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_okap-vault"));
        command.arg("--data").arg(&data).args(["keys", "add", "openai"]);
        command.env_remove("OKAP_PASSPHRASE").stdin(std::process::Stdio::null());
        if let Some(passphrase) = passphrase {
            command.env("OKAP_PASSPHRASE", passphrase);
        }
        command.output().unwrap()
    };
    assert!(!add(None).status.success());
    assert!(!data.join("vault.db").exists());
    // its twin gets as far as the missing key, in a vault of its own, and says that it is new
    let said = String::from_utf8(add(Some("long enough to do")).stderr).unwrap();
    assert!(said.contains("A new vault in"), "{said}");
    assert!(data.join("vault.db").exists());
}

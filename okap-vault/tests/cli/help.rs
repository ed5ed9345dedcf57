//! The program explains itself, to people and to shells.

use crate::support::Vault;

#[test]
fn completions_are_for_the_shells() {
    let vault = Vault::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = vault.run(&format!("completions {shell}")).ok();
        assert!(script.contains("okap-vault") && script.contains("revoke"), "{shell}");
        assert!(!script.contains("api-key"), "{shell} offers what is refused");
    }
}

#[test]
fn help_teaches() {
    let vault = Vault::new();
    for arguments in
        ["--help", "serve --help", "keys add --help", "grants revoke --help", "usage --help"]
    {
        let help = vault.run(arguments).ok();
        assert!(help.contains("Example"), "{help}");
    }
    let help = vault.run("--help").ok();
    for word in ["4 wrong passphrase", "OKAP_PASSPHRASE", "demo --yes"] {
        assert!(help.contains(word), "{help}");
    }
}

//! A database that cannot be read or written is said, and nothing of it is lost.

#[cfg(unix)]
use std::{path::Path, process::Command};

use rusqlite::Connection;

use crate::support::Vault;
#[cfg(unix)]
use crate::support::{PASSPHRASE, Ran};

#[test]
fn a_database_that_cannot_be_used_is_left_as_it_is() {
    let vault = Vault::with_key();
    let path = vault.data().join("vault.db");
    let everywhere = |vault: &Vault, what: &str| {
        for arguments in ["serve --listen 127.0.0.1:0", "keys list", "keys add groq", "usage"] {
            let error = vault.pipe(arguments, "sk").refused(5);
            assert!(error.contains(what) && error.contains("vault.db"), "{arguments}: {error}");
        }
    };
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let before = vault.files();
    everywhere(&vault, "update okap-vault");
    assert_eq!(vault.files(), before);
    let back = Connection::open(&path).unwrap();
    back.pragma_update(None, "user_version", okap_vault::store::NEWEST).unwrap();
    drop(back);
    assert_eq!(vault.providers(), ["openai"]);

    let kept = std::fs::read(&path).unwrap();
    std::fs::write(&path, "no database at all, but somebody's notes").unwrap();
    everywhere(&vault, "no okap-vault database");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    everywhere(&vault, "cannot be opened");
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, kept).unwrap();
    assert_eq!(vault.providers(), ["openai"]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let vault = Vault::with_key();
    let mut shell = Command::new("sh");
    // a file size limit of nothing is a disk that is full, and needs no rights to set up
    shell.args([
        "-c",
        "trap '' XFSZ; ulimit -f 0; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_okap-vault"),
    ]);
    shell
        .arg("--data")
        .arg(vault.data())
        .args(["keys", "add", "groq"])
        .env("OKAP_PASSPHRASE", PASSPHRASE);
    let ran = Ran::with(shell, "gsk-1");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("vault.db") && ran.stderr.contains("space"), "{}", ran.stderr);
    assert_eq!(vault.providers(), ["openai"]);
    vault.pipe("keys add groq", "gsk-1").ok();
}

/// Another user for whom the directory is read-only: root would not notice.
#[cfg(unix)]
#[test]
fn a_read_only_database_is_said_and_loses_nothing() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let vault = Vault::with_key();
    let is_root =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(vault.data()).unwrap()) == 0;
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
    };
    let run = |arguments: &str| {
        let mut command = vault.command(arguments);
        if is_root {
            command.uid(65534).gid(65534);
        }
        Ran::with(command, "gsk-1")
    };
    let database = vault.data().join("vault.db");
    chmod(vault.0.path(), 0o755);
    chmod(&vault.data(), 0o555);
    chmod(&database, 0o444);
    let error = run("keys add groq").refused(5);
    assert!(error.contains("vault.db") && error.contains("write"), "{error}");
    // a directory that can be written does not help a file that cannot
    chmod(&vault.data(), 0o777);
    let error = run("keys add groq").refused(5);
    assert!(error.contains("vault.db") && error.contains("write"), "{error}");
    for (path, _) in vault.files() {
        chmod(&path, 0o666);
    }
    run("keys add groq").ok();
    assert_eq!(vault.providers(), ["groq", "openai"]);
}

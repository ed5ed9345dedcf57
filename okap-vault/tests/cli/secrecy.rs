//! What is secret stands in no file and no log, and what is made is for its owner alone.

#[cfg(unix)]
use std::path::Path;
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::Stdio,
};

use rusqlite::Connection;

use crate::support::{CANARY, PASSPHRASE, Server, Vault};

#[test]
fn the_database_never_holds_a_keys_bytes() {
    let vault = Vault::new();
    let holds =
        |bytes: &[u8]| bytes.windows(12).any(|w| CANARY.as_bytes().windows(12).any(|c| c == w));
    // a reader keeps the write-ahead log and the shared memory in place
    vault.pipe("keys add groq", "gsk-1").ok();
    let reader = Connection::open(vault.data().join("vault.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
    vault.pipe("keys add openai", CANARY).ok();
    vault.pipe("keys rotate openai", CANARY).ok();
    let files = vault.files();
    assert_eq!(files.len(), 3, "{files:?}");
    for (path, bytes) in files {
        assert!(!bytes.is_empty() && !holds(&bytes), "{}", path.display());
        assert!(!bytes.windows(PASSPHRASE.len()).any(|w| w == PASSPHRASE.as_bytes()));
    }
    assert!(holds(format!("the twin: {CANARY}").as_bytes()));
}

#[cfg(unix)]
#[test]
fn what_is_made_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let vault = Vault::with_key();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&vault.data()), 0o700);
    for (path, _) in vault.files() {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_log_at_its_most_talkative_has_no_secret() {
    let vault = Vault::with_key();
    let log = vault.0.path().join("log");
    let mut command = vault.command("serve --listen 127.0.0.1:0");
    command.env("OKAP_LOG", "trace");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let url = ready.trim().strip_prefix("okap-vault is ready at ").unwrap().to_owned();
    let host = url.strip_prefix("http://").unwrap().to_owned();
    let body = format!("password={CANARY}&prompt={CANARY}");
    for path in [
        format!("/v1/{CANARY}/models?key={CANARY}"),
        format!("/{CANARY}"),
        "/login".to_owned(),
        "/okap/token".to_owned(),
    ] {
        let mut stream = std::net::TcpStream::connect(&host).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer {CANARY}\r\n\
             cookie: session={CANARY}\r\norigin: {url}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    drop(Server { child, url });
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("answered").count(), 4, "{log}");
    assert!(!log.contains(CANARY) && !log.contains(PASSPHRASE), "{log}");
}

//! A server starts, says so, and stops.

#[cfg(unix)]
use std::process::Command;
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::Value;

use crate::support::{CANARY, Server, Vault};

#[test]
fn a_server_says_one_line_and_the_command_line_works_beside_it() {
    let vault = Vault::new();
    let server = Server::start(vault.command("serve --listen 127.0.0.1:0"));
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200 "));
    vault.pipe("keys add openai", CANARY).ok();
    assert_eq!(vault.providers(), ["openai"]);
    vault.run("grants list").ok();

    let mut json = vault
        .command("serve --listen 127.0.0.1:0 --json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(json.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert!(
        ready["ready"] == true && ready["url"].as_str().unwrap().starts_with("http://127.0.0.1:")
    );
    json.kill().unwrap();
    json.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn a_server_that_is_told_to_stop_ends_well() {
    let vault = Vault::with_key();
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(vault.command("serve --listen 127.0.0.1:0"));
        let sent = Command::new("kill")
            .args([format!("-{signal}"), server.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
        let left: Vec<_> = vault.files().into_iter().map(|(path, _)| path).collect();
        assert_eq!(left, [vault.data().join("vault.db")], "the database is closed");
    }
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let vault = Vault::with_key();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = vault.run(&format!("serve --listen {address}")).refused(1);
    assert!(error.contains(&address.port().to_string()) && error.contains("--listen"), "{error}");
    drop(taken);
    drop(Server::start(vault.command(&format!("serve --listen {address}"))));
}

#[test]
fn a_vault_that_others_could_overhear_does_not_start() {
    let vault = Vault::new();
    let error = vault.run("serve --listen 0.0.0.0:0").refused(2);
    assert!(error.contains("--tls-cert") && error.contains("--behind-tls-proxy"), "{error}");
    assert!(
        vault.run("serve --listen 0.0.0.0:0 --behind-tls-proxy").refused(2).contains("--issuer")
    );
    let plain = "serve --listen 0.0.0.0:0 --behind-tls-proxy --issuer http://vault.example.com";
    assert!(vault.run(plain).refused(2).contains("https"));
    assert!(vault.run("serve --tls-cert only.pem").code == 2);
    assert!(!vault.data().exists(), "refused before anything is made");
    let proxied = "serve --listen 0.0.0.0:0 --behind-tls-proxy --issuer https://vault.example.com";
    let server = Server::start(vault.command(proxied));
    assert_eq!(server.url, "https://vault.example.com");
}

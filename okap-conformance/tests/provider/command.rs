//! The command prints where it listens, serves, and ends when it is told.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::{Ask, KEY};

fn command(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_okap-conformance"))
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    line
}

#[tokio::test]
async fn provider_prints_its_address_and_ends_at_sigterm() {
    let mut child = command(&[
        "provider",
        "--json",
        "--words",
        "3",
        "--chunk-delay",
        "1ms",
        "--master-key",
        KEY,
        "--price",
        "gpt-5=10,100",
    ]);
    let ready: Value = serde_json::from_str(&first_line(&mut child).await).unwrap();
    assert_eq!(ready["master_key"], KEY);
    let url = ready["url"].as_str().unwrap();
    let reply = Ask::chat(json!({ "model": "gpt-5" })).send_to(url).await.json();
    assert_eq!(reply["usage"]["completion_tokens"], 3);
    let books = Ask::bare("GET", "/__provider/ledger").send_to(url).await.json();
    assert_eq!(books["totals"]["billed_pico"], 6 * 10 + 3 * 100);
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").arg(pid).status().await.unwrap().success());
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn provider_mints_a_canary_and_prints_it() {
    let mut child = command(&["provider"]);
    let line = first_line(&mut child).await;
    assert!(line.starts_with("http://127.0.0.1:") && line.contains("sk-okapconf-"), "{line}");
}

#[tokio::test]
async fn wrong_arguments_are_explained() {
    for (args, expected) in [
        (vec!["provider", "--chunk-delay", "20"], "a time ends with ms or s"),
        (vec!["provider", "--price", "gpt=1"], "MODEL=INPUT,OUTPUT"),
        (vec!["provider", "--listen", "nowhere"], "listen on nowhere"),
        (vec!["provider", "--master-key-file", "/nonexistent"], "read /nonexistent"),
    ] {
        let output = command(&args).wait_with_output().await.unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(expected), "{output:?}");
    }
}

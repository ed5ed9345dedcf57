//! All reports of a run, of a vault that passes and of one whose driver fails.

use crate::command::{Folder, run, vault};

const FILES: [&str; 11] = [
    "report.json",
    "junit.xml",
    "report.sarif",
    "report.tap",
    "summary.md",
    "report.html",
    "badge.json",
    "coverage.json",
    "coverage.html",
    "threats.html",
    "events.ndjson",
];

#[tokio::test]
async fn a_run_writes_every_report_and_none_has_a_secret() {
    let folder = Folder::new();
    let all = folder.at("all");
    let ran = run(&["run", "proxy.", "--target", &vault(), "--reports", &all]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for file in FILES {
        let text = folder.read(&format!("all/{file}"));
        assert!(!text.is_empty(), "{file}");
        assert!(!text.contains("sk-okapconf-") && !text.contains("okap_at_"), "{file}: {text}");
    }
    let events = folder.at("all/events.ndjson");
    let again = folder.at("again.html");
    let made = run(&["report", &events, "--report", &format!("html={again}")]).await;
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(folder.read("again.html"), folder.read("all/report.html"), "one source for all");
}

#[tokio::test]
async fn what_did_not_pass_can_be_tried_again_by_hand() {
    let folder = Folder::new();
    let ran = run(&[
        "run",
        "core.grant.allowed",
        "--target",
        &vault(),
        "--set",
        "consent.hook={base_url}/nothing-here",
        "--reports",
        &folder.at("all"),
    ])
    .await;
    assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
    let script = folder.read("all/failed/core.grant.allowed.sh");
    assert!(script.contains("curl -i -X POST") && script.contains("/okap/authorize"), "{script}");
    let har: serde_json::Value =
        serde_json::from_str(&folder.read("all/failed/core.grant.allowed.har")).unwrap();
    assert_eq!(har["log"]["entries"][0]["response"]["status"], 202);
}

#[tokio::test]
async fn events_with_a_secret_in_them_make_no_report() {
    let folder = Folder::new();
    let events = folder.at("e");
    let ran = run(&["run", "core.grant.allowed", "--target", &vault(), "--events", &events]).await;
    assert_eq!(ran.code, 0);
    let token = format!("okap_at_{}", "a1".repeat(25));
    let spoiled = folder.read("e").replace("\"said\":\"", &format!("\"said\":\"{token} "));
    let events = folder.write("spoiled", &spoiled);
    for (events, code) in [(folder.at("e"), 0), (events, 4)] {
        let to = folder.at("out.html");
        let ran = run(&["report", &events, "--report", &format!("html={to}")]).await;
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert_eq!(std::fs::remove_file(&to).is_ok(), code == 0, "written only without the secret");
        assert!(!ran.stderr.contains(&token));
    }
}

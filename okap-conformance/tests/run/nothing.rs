//! Servers that are no vaults pass no test, and a run against one ends soon and never says that it
//! is conformant.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Json, http::StatusCode, response::Html};
use serde_json::json;

use crate::{
    command::{Folder, Ran, run, vault},
    servers::{
        constant, dead, echo, endless, hang, json_of, obliging, pass, raw, reset, say, slow,
    },
};

/// Longest that a run may take.
const SOON: Duration = Duration::from_secs(60);

/// Runs the whole catalogue against an address where somebody answers, or nobody.
async fn against(vault: SocketAddr, driver: SocketAddr) -> Ran {
    let begun = Instant::now();
    let ran = with(vault, driver, &["--json"]).await;
    let took = begun.elapsed();
    assert!(took < SOON, "{} s, {}", took.as_secs(), ran.stderr);
    ran
}

async fn with(vault: SocketAddr, driver: SocketAddr, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("okap-target.toml");
    let target = format!(
        "[target]\nname = 'nothing'\nbase_url = 'http://{vault}'\n\
         profiles = ['core', 'oauth', 'proxy', 'limits', 'device', 'dpop', 'delegation', 'admin']\n\
         [consent]\nhook = 'http://{driver}/__okap_test'\n"
    );
    std::fs::write(&file, target).unwrap();
    run(&[&["run", "--target", file.to_str().unwrap()], more].concat()).await
}

/// Nothing was measured: the address is no vault's.
async fn is_unreachable(vault: SocketAddr) {
    let ran = against(vault, obliging().await).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not answer"), "{}", ran.stderr);
}

/// Tests ran, by a driver that says yes to everything, and none passed.
async fn passes_nothing(vault: SocketAddr) -> Ran {
    let ran = against(vault, obliging().await).await;
    let report = ran.report();
    let passed: Vec<_> = report["tests"].as_array().unwrap().iter().collect();
    let passed: Vec<_> = passed.iter().filter(|test| test["verdict"] == "pass").collect();
    assert!(passed.is_empty(), "{passed:#?}");
    assert_eq!((ran.count("pass"), ran.count("warn")), (0, 0), "{report:#}");
    // where a run is broken off, the few tests that were tried may all have lacked what they build on
    match broken_off(&ran) {
        true => assert!(matches!(ran.code, 1 | 5), "{report:#}"),
        false => assert!(ran.code == 1 && ran.count("fail") > 0, "{report:#}"),
    }
    ran
}

fn broken_off(ran: &Ran) -> bool {
    ran.stdout.contains("tests in a row got no answer")
}

#[tokio::test]
async fn a_dead_port() {
    is_unreachable(dead().await).await;
}

#[tokio::test]
async fn a_server_that_hangs() {
    is_unreachable(raw(|stream, _| hang(stream)).await).await;
}

#[tokio::test]
async fn a_server_that_hangs_after_its_first_answer() {
    let first = async |stream, number| match number {
        0 => say(stream, "200 OK").await,
        _ => hang(stream).await,
    };
    let ran =
        passes_nothing(raw(move |stream, number| Box::pin(first(stream, number))).await).await;
    assert!(broken_off(&ran), "the rest is not run");
}

#[tokio::test]
async fn a_reset_in_a_header() {
    is_unreachable(raw(|stream, _| reset(stream)).await).await;
}

#[tokio::test]
async fn a_byte_a_second() {
    is_unreachable(raw(|stream, _| slow(stream)).await).await;
}

#[tokio::test]
async fn an_answer_without_end() {
    let ran = passes_nothing(raw(|stream, _| endless(stream)).await).await;
    assert!(broken_off(&ran), "the rest is not run");
}

#[tokio::test]
async fn always_200_and_nothing_in_it() {
    passes_nothing(constant(json_of(200, &json!({}))).await).await;
}

#[tokio::test]
async fn always_the_same_grant() {
    let address = dead().await;
    let details = json!([{
        "type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"],
        "capabilities": ["chat"], "expires": "2027-03-01T00:00:00Z", "currency": "USD",
        "base_url": format!("http://{address}/v1/openai"), "window": "utc_calendar",
    }]);
    let token = "okap_at_xv1Kgdp7DtOX3IvAoNPatgBX6Yo05ZUa8TGK0fH4yUwPXegbQ";
    let grant = json!({
        "okap": "1.0", "status": "granted", "access_token": token, "token": token,
        "token_type": "Bearer", "expires_in": 3600, "authorization_details": details,
        "grant_id": "g_4t8URWbuGJSstwcM",
    });
    passes_nothing(constant(json_of(200, &grant)).await).await;
}

#[tokio::test]
async fn always_the_same_denial() {
    let denial = json!({ "okap": "1.0", "status": "denied", "error": "access_denied" });
    passes_nothing(constant(json_of(403, &denial)).await).await;
}

#[tokio::test]
async fn always_401_or_404_or_429() {
    for (status, code) in [(401, "invalid_token"), (404, "not_found"), (429, "too_many_requests")] {
        passes_nothing(constant(json_of(status, &json!({ "error": code }))).await).await;
    }
}

#[tokio::test]
async fn an_echo() {
    passes_nothing(echo().await).await;
}

#[tokio::test]
async fn a_page_of_html() {
    passes_nothing(constant(Html("<!doctype html><title>Welcome</title>")).await).await;
}

#[tokio::test]
async fn a_driver_that_is_no_driver_is_the_suites_trouble() {
    let page = constant(Json(json!({}))).await;
    let refused = constant((StatusCode::UNAUTHORIZED, "who are you")).await;
    let ran = against(page, refused).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (4, ""), "{}", ran.stderr);
}

/// The vault of this project, behind a proxy that is down for every other connection or so.
#[tokio::test]
async fn a_vault_that_half_of_all_calls_reach_is_not_conformant() {
    let (inner, target) = (dead().await, vault());
    let weather = raw(move |stream, number| {
        // Knuth's multiplicative hash: as good as random, and the same at every run
        let down = (number as u32).wrapping_mul(2_654_435_761) >> 31 == 1;
        Box::pin(async move {
            match down {
                true => say(stream, "503 Service Unavailable").await,
                false => pass(stream, inner).await,
            }
        })
    })
    .await;
    let settings = [
        format!("target.base_url=http://{weather}"),
        format!("consent.hook=http://{inner}/__okap_test"),
        format!(
            "launch.command=['okap-vault', '--data', '{{dir}}', 'serve', '--listen', '{inner}', \
             '--issuer', 'http://{weather}', '--conformance-hook']"
        ),
    ];
    let mut arguments = vec!["run", "--json", "--target", &target];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    let begun = Instant::now();
    let ran = run(&arguments).await;
    assert!(begun.elapsed() < SOON, "{} s", begun.elapsed().as_secs());
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.count("fail") + ran.count("flaky") > 0);
}

#[tokio::test]
async fn a_test_begins_before_it_ends() {
    let folder = Folder::new();
    let vault = constant(json_of(404, &json!({}))).await;
    with(vault, obliging().await, &["--quick", "--once", "--events", &folder.at("e")]).await;
    let (mut begun, mut ended) = (Vec::new(), 0);
    for line in folder.read("e").lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        match event["event"].as_str().unwrap() {
            "started" => begun.push(event["test"].clone()),
            "tested" => {
                ended += 1;
                assert!(begun.contains(&event["test"]), "{}", event["test"]);
            }
            _ => {}
        }
    }
    assert_eq!(begun.len(), ended);
}

#[tokio::test]
async fn what_is_no_vault_is_called_so_once() {
    let vault = constant(json_of(200, &json!({}))).await;
    let ran = with(vault, obliging().await, &["--quick"]).await;
    let told = ran.stdout.matches("This is not an OKAP vault").count();
    assert_eq!(told, 1, "{}", ran.stdout);
}

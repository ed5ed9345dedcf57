//! The vault of this project, started by the command and tested as anybody's.

use crate::command::{run, vault};

#[tokio::test]
async fn the_vault_of_this_project_passes_every_profile_that_it_claims() {
    let ran = run(&["run", "--target", &vault(), "--json"]).await;
    let report = ran.report();
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let tests = report["tests"].as_array().unwrap();
    assert!(tests.len() > 15);
    assert_eq!(ran.count("pass"), tests.len() as u64);
    assert_eq!(report["verdict"]["exit"], "conformant");
    for test in tests {
        assert_ne!(test["said"], "", "a pass names its witness: {}", test["test"]);
    }
}

#[tokio::test]
async fn one_test_and_a_report_for_a_ci_server_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let junit = folder.path().join("junit.xml");
    let events = folder.path().join("events.ndjson");
    let (junit, events) = (junit.to_str().unwrap(), events.to_str().unwrap());
    let ran = run(&[
        "run",
        "proxy.refuse.model",
        "--target",
        &vault(),
        "--junit",
        junit,
        "--events",
        events,
        "--seed",
        "0123456789abcdef",
    ])
    .await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for said in ["okap-vault", "seed 0123456789abcdef", "proxy       1/1", "1 pass"] {
        assert!(ran.stdout.contains(said), "{said} in {}", ran.stdout);
    }
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(junit.contains("name=\"proxy.refuse.model\"") && junit.contains("OKAP-R-294"));
    let events = std::fs::read_to_string(events).unwrap();
    let kinds: Vec<_> = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].clone())
        .collect();
    assert_eq!(kinds, ["began", "started", "tested", "ended"]);
    // neither keys nor tokens
    let all = [ran.stdout, junit, events].concat();
    assert!(!all.contains("sk-okapconf") && !all.contains("okap_at_"), "{all}");
}

#[tokio::test]
async fn a_driver_without_a_verb_makes_its_tests_untestable_and_the_run_incomplete() {
    let ran = run(&[
        "run",
        "core.grant",
        "--target",
        &vault(),
        "--json",
        "--set",
        "consent.hook={base_url}/nothing-here",
    ])
    .await;
    assert_eq!((ran.code, ran.count("untestable"), ran.count("pass")), (5, 3, 0), "{}", ran.stdout);
}

#[tokio::test]
async fn a_vault_that_does_not_start_is_told_apart_from_one_that_fails() {
    let ran =
        run(&["run", "--target", &vault(), "--set", "launch.command=['okap-vault','nonsense']"])
            .await;
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert!(ran.stderr.contains("ended before it was ready"), "{}", ran.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_vault_says_before_it_ends_is_shown_without_its_key() {
    let said = "error: no provider takes {master.openai} for made up for this run";
    let launch = format!("launch.command=['sh', '-c', 'echo {said} >&2; exit 1']");
    for verb in ["run", "doctor"] {
        let ran = run(&[verb, "--target", &vault(), "--set", &launch]).await;
        assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
        let wanted = "no provider takes ${MASTER} for ${PASSWORD}";
        assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
        assert!(!ran.stderr.contains("sk-okapconf-"), "{}", ran.stderr);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_vault_is_started_with_is_shown_neither_long_nor_short() {
    let echo = "echo error: hunter22 and $PIN, $PHRASE, $LOG, $FLAG >&2; exit 1";
    let launch = format!("launch.command=['sh', '-c', '{echo}']");
    let env = "launch.env={PIN='hunter2', PHRASE='correct horse battery', LOG='info', FLAG='1'}";
    let open = "launch.open=['LOG']";
    let ran =
        run(&["run", "--target", &vault(), "--set", &launch, "--set", env, "--set", open]).await;
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    let wanted = "hunter22 and ${LAUNCH_PIN}, ${LAUNCH_PHRASE}, info, 1";
    assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
}

#[tokio::test]
async fn a_selection_of_nothing_and_a_wrong_description_are_wrong_usage() {
    for (wrong, said) in [
        (vec!["run", "nonsense.test", "--target"], "no test of a claimed profile"),
        (vec!["run", "--set", "consent.hok=1", "--target"], "`hok`"),
        (vec!["run", "--set", "target.base_url=http://192.0.2.1", "--target"], "--i-own-this"),
    ] {
        let target = vault();
        let ran = run(&[&wrong[..], &[target.as_str()]].concat()).await;
        assert_eq!(ran.code, 2, "{wrong:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

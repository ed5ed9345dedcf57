//! The verbs beside `run`.

use axum::Router;
use tokio::net::TcpListener;

use crate::command::{Folder, run, vault};

#[tokio::test]
async fn a_description_is_written_from_flags_and_never_over_another() {
    let folder = Folder::new();
    let file = folder.at("okap-target.toml");
    let flags = ["init", "--target", &file, "--name", "acme", "--url", "http://127.0.0.1:1"];
    let ran = run(&flags).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("okap-conformance doctor"));
    assert!(folder.read("okap-target.toml").contains("name = \"acme\""));
    let ran = run(&flags).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(run(&[&flags[..], &["--force"]].concat()).await.code, 0);
}

#[tokio::test]
async fn a_doctor_finds_the_way_to_the_vault_and_from_there_to_the_provider() {
    let ran = run(&["doctor", "--target", &vault()]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("ok   vault → provider"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("patience"), "{}", ran.stdout);

    // the suite would give up before the vault does
    let long = "timeouts.provider=30s";
    let ran = run(&["doctor", "--target", &vault(), "--set", long]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for said in ["timeouts", "request is 15 s", "proxy.patience.silent is untestable"] {
        assert!(ran.stdout.contains(said), "{said} in {}", ran.stdout);
    }
    let target = vault();
    let core = ["doctor", "--target", &target, "--set", long, "--set", "target.profiles=[]"];
    let said = run(&core).await.stdout;
    assert!(!said.contains("patience"), "what is not claimed is not tested: {said}");
}

#[tokio::test]
async fn a_doctor_says_which_way_is_blocked() {
    // a port where nobody listens, as a container would see it
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let advertise = format!("provider.advertise=http://{closed}");
    let ran = run(&["doctor", "--target", &vault(), "--set", &advertise]).await;
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("BAD  vault → provider"), "{}", ran.stdout);
    assert!(ran.stdout.contains("provider.listen"), "{}", ran.stdout);

    let ran = run(&["doctor", "--target", &vault(), "--consent", "nobody"]).await;
    assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("BAD  consent"), "{}", ran.stdout);
}

#[tokio::test]
async fn a_vault_that_waits_longer_than_the_suite_is_not_found_to_wait_too_long() {
    let target = vault();
    let short = ["--set", "timeouts.request=7s", "--set", "timeouts.provider=8s"];
    let only = ["run", "proxy.patience", "--json", "--target", &target];
    let ran = run(&[&only[..], &short].concat()).await;
    assert_eq!((ran.code, ran.count("untestable")), (5, 1), "{}", ran.stdout);
}

#[tokio::test]
async fn a_replay_with_a_seed_makes_the_same_calls_again() {
    let replay = || async {
        let ran =
            run(&["replay", "core.request.waits", "--target", &vault(), "--seed", "ab"]).await;
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let bodies = ran.stdout.lines().filter_map(|line| line.split_once("--data-raw"));
        bodies.map(|(_, body)| body.to_owned()).collect::<Vec<_>>()
    };
    let (one, other) = (replay().await, replay().await);
    assert!(!one.is_empty());
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_replay_shows_the_way_in_and_not_the_password() {
    let ran = run(&["replay", "admin.page.cookie", "--target", &vault()]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("=${PASSWORD_FORM}"), "{}", ran.stdout);
    for form in ["made up for this run", "made+up+for+this+run"] {
        assert!(!ran.stdout.contains(form), "{}", ran.stdout);
    }
}

#[tokio::test]
async fn a_known_failure_is_expected_and_one_that_passes_is_stale() {
    let folder = Folder::new();
    let target = vault();
    let broken = ["run", "core.grant.allowed", "--target", &target, "--consent", "nobody"];
    let draft = folder.at("draft.toml");
    let ran = run(&[&broken[..], &["--write-baseline", &draft]].concat()).await;
    assert_eq!(ran.code, 5, "{}", ran.stdout);
    // without a reason it does not hold
    let ran = run(&[&broken[..], &["--baseline", &draft]].concat()).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("no reason"), "{}", ran.stderr);
    let reasoned = folder.read("draft.toml").replace("reason = \"\"", "reason = \"issue 12\"");
    let known = folder.write("known.toml", &reasoned);
    let ran = run(&[&broken[..], &["--baseline", &known, "--json"]].concat()).await;
    assert_eq!((ran.count("xfail"), ran.count("untestable")), (1, 0), "{}", ran.stdout);
    // with a driver it passes
    let ran = run(&[&broken[..4], &["--baseline", &known, "--json"]].concat()).await;
    assert_eq!((ran.code, ran.count("xpass")), (6, 1), "{}{}", ran.stdout, ran.stderr);
}

#[tokio::test]
async fn a_quick_run_is_core_and_proxy() {
    let ran = run(&["run", "--quick", "--target", &vault(), "--json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let report = ran.report();
    let tests = report["tests"].as_array().unwrap();
    assert!(tests.iter().all(|test| test["profile"] == "core" || test["profile"] == "proxy"));
    assert!(report["verdict"]["ms"].as_u64().unwrap() < 30_000);
    assert_eq!(report["run"]["whole"], false);
}

#[tokio::test]
async fn consent_by_a_template_fetches_an_address_and_by_a_person_needs_a_terminal() {
    // an address that leads to the vault's hook, as a vault's own script would
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&asked);
    let template = Router::new().fallback(async move |uri: axum::http::Uri| {
        seen.lock().unwrap().push(uri.to_string());
        axum::http::StatusCode::NO_CONTENT
    });
    tokio::spawn(async move { axum::serve(listener, template).await.unwrap() });
    let url = format!("consent.approve_url=http://{address}/?c={{correlation}}&a={{action}}");
    let target = vault();
    let ran = run(&[
        "run",
        "core.grant.denied",
        "--target",
        &target,
        "--consent",
        "template",
        "--set",
        &url,
        "--set",
        "timeouts.consent=300ms",
        "--json",
    ])
    .await;
    assert_eq!(ran.report()["run"]["consent"], "template");
    assert_ne!(ran.code, 0, "nobody really decided");
    let verbs = ran.report()["run"]["verbs"].to_string();
    assert!(verbs.contains("seed"), "all but deciding is the hook's: {verbs}");
    let asked = asked.lock().unwrap().clone();
    assert!(
        asked.iter().any(|uri| uri.contains("a=deny") && uri.contains("okapconf")),
        "{asked:?}"
    );

    let ran = run(&["run", "--target", &target, "--consent", "human"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("needs a terminal"), "{}", ran.stderr);
    let ran = run(&["run", "--target", &target, "--consent", "browser"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("consent.browser"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_new_test_comes_with_a_twin_and_a_mutant_and_passes_nothing_yet() {
    let folder = Folder::new();
    let into = folder.at("crate");
    let args = [
        "new-test",
        "--req",
        "OKAP-R-294",
        "--profile",
        "proxy",
        "--area",
        "draft",
        "--behaviour",
        "other_model",
        "--into",
        &into,
    ];
    let ran = run(&args).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let test = folder.read("crate/src/catalogue/proxy/draft.rs");
    let mutant = folder.read("crate/tests/mutants/lies/proxy/draft.rs");
    assert!(test.contains("twin(") && test.contains("is not written yet"), "{test}");
    insta::assert_snapshot!(format!("{test}\n// the mutant\n{mutant}"));
    // once more: nothing of a person's is written over
    folder.write("crate/src/catalogue/proxy/draft.rs", "mine");
    assert!(run(&args).await.stdout.contains("// into"));
    assert_eq!(folder.read("crate/src/catalogue/proxy/draft.rs"), "mine");

    for (wrong, said) in [("OKAP-R-0", "has no OKAP-R-0"), ("proxy.refuse.model", "has no")] {
        let mut args = args;
        args[2] = wrong;
        let ran = run(&args).await;
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn what_explains_a_test_names_its_sentences_and_how_to_run_it() {
    let ran = run(&["explain", "proxy.refuse.model"]).await;
    assert_eq!(ran.code, 0);
    for said in ["OKAP-R-294", "spec/okap.md#", "twin", "replay proxy.refuse.model"] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    assert_eq!(run(&["explain", "proxy.refuse.nothing"]).await.code, 2);
}

#[tokio::test]
async fn shells_complete_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&["completions", shell]).await;
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("certify") && ran.stdout.contains("new-test"), "{shell}");
    }
    let ran = run(&["coverage"]).await;
    assert!(ran.code == 0 && ran.stdout.contains("tested"), "{}", ran.stdout);
}

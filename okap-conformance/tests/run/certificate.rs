//! Certificates: made, verified, and seen through where somebody has changed them.

use serde_json::Value;

use crate::command::{Folder, run, vault};

#[tokio::test]
async fn a_certificate_is_verified_from_its_events_and_not_from_what_it_says() {
    let folder = Folder::new();
    let out = folder.at("c");
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let made = run(&["certify", "--target", &vault(), "--out", &out, "--artifact", program]).await;
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    let statement: Value = serde_json::from_str(&folder.read("c/statement.json")).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicate"]["result"], "PASSED");
    assert_eq!(statement["predicate"]["okap"]["seeds"].as_array().unwrap().len(), 3);
    assert_eq!(statement["predicate"]["okap"]["hooked"], true);

    let verified = run(&["verify", &out, "--artifact", program]).await;
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);

    // another program than the one it is about
    let other = folder.write("other", "another program");
    let ran = run(&["verify", &out, "--artifact", &other]).await;
    assert_eq!(ran.code, 1, "{}", ran.stdout);

    // a failure that was written over in the statement, and then in an event
    let events = folder.read("c/events-2.ndjson");
    let text = folder.read("c/statement.json");
    folder.write(
        "c/events-2.ndjson",
        &events.replacen("\"verdict\":\"pass\"", "\"verdict\":\"fail\"", 1),
    );
    let ran = run(&["verify", &out]).await;
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("/predicate/result"), "{}", ran.stdout);
    folder.write("c/events-2.ndjson", &events);
    folder.write("c/statement.json", &text.replace("\"hooked\": true", "\"hooked\": false"));
    let ran = run(&["verify", &out]).await;
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("/predicate/okap/hooked"), "{}", ran.stdout);
}

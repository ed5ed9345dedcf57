//! SARIF 2.1.0, for code scanning. What is wrong is found at the file that describes the target:
//! a result needs a place in the repository, and a vault's address is none.

use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::Run;
use crate::{
    event::Tested,
    requirement::Requirement,
    verdict::{Exit, Verdict},
};

/// The report of a run.
#[must_use]
pub fn document(run: &Run) -> Value {
    let told: Vec<_> = run.tested.iter().filter(|tested| kind(tested).is_some()).collect();
    let file = run.began.as_ref().map(|began| began.target.file.as_str());
    let file = place(file.filter(|file| !file.is_empty()).unwrap_or("okap-target.toml"));
    let results: Vec<_> =
        told.iter().enumerate().map(|(at, tested)| result(at, tested, &file)).collect();
    let rules: Vec<_> = told.iter().map(|tested| rule(tested)).collect();
    let broken = run.with(&[Verdict::Error]).map(|tested| {
        let said = format!("{}: {}", tested.test, tested.said);
        json!({ "level": "error", "message": { "text": said } })
    });
    let broken: Vec<_> = broken.collect();
    let exit = run.ended.as_ref().map_or(Exit::Harness, |ended| ended.exit);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "okap-conformance",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            // sets one vault's results apart from another's in the same repository
            "automationDetails": { "id": format!("okap-conformance/{file}/") },
            "invocations": [{
                "executionSuccessful": broken.is_empty() && exit != Exit::Harness,
                "exitCode": exit as u8,
                "exitCodeDescription": exit.meaning(),
                "toolExecutionNotifications": broken,
            }],
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

/// Kind and level of a result; `None` where there is nothing to tell.
const fn kind(tested: &Tested) -> Option<(&'static str, &'static str)> {
    match tested.verdict {
        Verdict::Fail | Verdict::Flaky | Verdict::Untestable | Verdict::Xpass | Verdict::Xfail => {
            Some(("fail", "error"))
        }
        Verdict::Warn => Some(("fail", "warning")),
        // an error is the suite's, and told as its own
        Verdict::Pass | Verdict::Error | Verdict::NotApplicable => None,
    }
}

fn rule(tested: &Tested) -> Value {
    let requirements = tested.verifies.iter().filter_map(|id| Some((id, Requirement::find(id)?)));
    let lines: Vec<_> = requirements
        .map(|(id, found)| format!("{id} ({}): {}", found.link(), found.text))
        .collect();
    let tags = [&[tested.profile.word().to_owned()], tested.verifies.as_slice()].concat();
    json!({
        "id": tested.test,
        "shortDescription": { "text": tested.title },
        "fullDescription": { "text": lines.join("\n") },
        "help": { "text": format!("{}\n\nokap-conformance explain {}", lines.join("\n"), tested.test) },
        "properties": { "tags": tags },
    })
}

fn result(at: usize, tested: &Tested, file: &str) -> Value {
    let (kind, level) = kind(tested).unwrap_or(("fail", "error"));
    let curls: Vec<_> = tested.exchanges.iter().map(|exchange| exchange.curl()).collect();
    let mut result = json!({
        "ruleId": tested.test,
        "ruleIndex": at,
        "kind": kind,
        "level": level,
        "message": { "text": format!("{}: {}", tested.verdict, message(tested)) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": file, "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": 1 },
        } }],
        "partialFingerprints": { "okapTest/v1": tested.test },
        "properties": { "verdict": tested.verdict, "requirements": tested.verifies, "curl": curls },
    });
    if let (Verdict::Xfail, Some(members)) = (tested.verdict, result.as_object_mut()) {
        let reason = tested.known.as_deref().unwrap_or_default();
        let suppressed = json!([{ "kind": "external", "justification": reason }]);
        members.insert("suppressions".to_owned(), suppressed);
    }
    result
}

fn message(tested: &Tested) -> String {
    match &tested.finding {
        Some(finding) => {
            let id = finding.requirement.as_deref().unwrap_or("no answer");
            format!(
                "{} ({id}): expected {}, got {}",
                tested.title, finding.expected, finding.observed
            )
        }
        None => format!("{} ({})", tested.said, tested.title),
    }
}

/// A path as a relative address.
fn place(path: &str) -> String {
    let parts = path.split('/').map(|part| byte_serialize(part.as_bytes()).collect::<String>());
    parts.collect::<Vec<_>>().join("/").replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// What this file uses of SARIF, in the words of its specification (sections 3.13 to 3.51).
    fn schema() -> Value {
        serde_json::from_str(include_str!("sarif/subset.json")).unwrap()
    }

    fn wrong(report: &Value) -> Vec<String> {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        validator.iter_errors(report).map(|e| format!("{}: {e}", e.instance_path())).collect()
    }

    #[test]
    fn a_report_with_every_verdict_is_as_the_schema_says() {
        let report = document(&sample::every());
        assert_eq!(wrong(&report), [""; 0]);
        let results = report["runs"][0]["results"].as_array().unwrap();
        assert!(results.iter().any(|result| result["level"] == "error"), "it has failures");
        insta::assert_json_snapshot!(report, {
            ".runs[].tool.driver.version" => "[version]",
        });
    }

    #[test]
    fn a_place_is_a_path_in_the_repository_and_never_an_address() {
        let report = document(&sample::every());
        let results = report["runs"][0]["results"].as_array().unwrap();
        for result in results {
            let at = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(at, "ci/okap%20target.toml");
        }
        for elsewhere in ["http://127.0.0.1:8787", "/etc/okap.toml", "../okap.toml"] {
            let mut report = report.clone();
            report["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
                ["uri"] = elsewhere.into();
            assert!(!wrong(&report).is_empty(), "{elsewhere}");
        }
    }

    #[test]
    fn each_result_has_the_rule_that_its_index_says() {
        let report = document(&sample::every());
        let run = &report["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let at = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
        }
        assert_eq!(document(&sample::good())["runs"][0]["results"], json!([]));
    }
}

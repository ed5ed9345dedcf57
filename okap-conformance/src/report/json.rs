//! `report.json`: a run as one document, described by `schema/report.json`.

use serde::Serialize;

use super::Run;
use crate::event::{Began, Ended, FORMAT, Tested};

/// All of a run. Members may be added; `format` is raised where one changes its meaning.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document {
    /// How to read the rest: 1.
    pub format: u32,
    /// What it is about.
    pub run: Option<Began>,
    /// Its tests, in order of id.
    pub tests: Vec<Tested>,
    /// What it came to.
    pub verdict: Option<Ended>,
}

/// The whole of a run.
#[must_use]
pub fn document(run: &Run) -> Document {
    Document {
        format: FORMAT,
        run: run.began.clone(),
        tests: run.tested.clone(),
        verdict: run.ended.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::report::sample;

    /// The schema of this build. It is compared to the one that is published with the crate.
    fn schema() -> serde_json::Value {
        let mut schema = schemars::schema_for!(Document).to_value();
        // its file's name, as in `spec/schema`: whoever publishes it decides where
        schema["$id"] = "report.json".into();
        schema["title"] = "Report of okap-conformance, format 1".into();
        schema
    }

    #[test]
    fn the_schema_that_is_published_is_that_of_the_reports() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.json");
        let written = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            super::super::place(&path, &written).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == written,
            "run it again with INSTA_UPDATE=always, and look at the diff"
        );
    }

    #[test]
    fn a_report_is_as_its_schema_says() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        for run in [sample::every(), sample::good(), sample::empty()] {
            let mut report = serde_json::to_value(document(&run)).unwrap();
            let wrong: Vec<_> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
            assert_eq!(wrong, [""; 0]);
            report["verdict"]["exit"] = "fine".into();
            assert!(!validator.is_valid(&report), "another word is none of the schema's");
        }
    }
}

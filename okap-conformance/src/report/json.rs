//! `report.json`: a run as one document.

use serde_json::{Value, json};

use super::Run;

/// The whole of a run.
#[must_use]
pub fn document(run: &Run) -> Value {
    json!({ "run": run.began, "tests": run.tested, "verdict": run.ended })
}

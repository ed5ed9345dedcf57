//! `spec/openapi.yaml` and a running vault say the same.

use super::{Bench, lines, run_program, venv};
use crate::tools::{root, say};

/// Runs schemathesis against a vault.
pub(super) fn run(bench: &Bench) -> anyhow::Result<()> {
    let here = root().join("interop/openapi");
    let pins = here.join("requirements.txt");
    let packages = venv(&bench.home.join("openapi"), &pins)?;
    say(&format!("requirements.txt: {}", lines(&pins)?.join(" ")));
    let mut suite = bench.harness();
    suite.arg(packages).arg("run.py").env("OKAP_OPENAPI", root().join("spec/openapi.yaml"));
    run_program(bench.with_desk(&mut suite)?.current_dir(here))
}

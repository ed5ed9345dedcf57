//! The clients in Python and TypeScript that were written from the specification alone.

use std::process::Command;

use super::{Bench, Node, PYTHON, copy, run_program};
use crate::tools::root;

/// Runs the Python client, then the one in TypeScript.
pub(super) fn run(bench: &Bench) -> anyhow::Result<()> {
    let mut python = bench.harness();
    python.arg(PYTHON).arg("interop/strangers/test_python.py");
    run_program(python.current_dir(root()))?;
    typescript(bench)
}

/// Compiles beside a copy of the suite, so that nothing is written into the repository.
fn typescript(bench: &Bench) -> anyhow::Result<()> {
    let node = Node::find(bench)?;
    let tree = bench.home.join("strangers");
    let client = "examples/typescript-client";
    node.install(&root().join(client), &tree.join(client))?;
    let mut compile = Command::new(&node.program);
    compile.arg("node_modules/typescript/bin/tsc");
    run_program(compile.current_dir(tree.join(client)))?;
    for folder in ["interop/harness", "interop/strangers", "spec/vectors"] {
        copy(&root().join(folder), &tree.join(folder))?;
    }
    let mut suite = bench.harness();
    suite.arg(&node.program).args(["--test", "--test-reporter=spec", "client.test.mjs"]);
    run_program(suite.current_dir(tree.join("interop/strangers")))
}

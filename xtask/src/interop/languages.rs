//! The wire types in other languages: types generated from the schemas are compiled, and read the
//! vectors.

use std::{fs, path::Path, process::Command};

use anyhow::Context;

use super::{Bench, Node, lines, run_program, venv, write};
use crate::tools::{root, say};

/// Runs TypeScript, then Python.
pub(super) fn run(bench: &Bench) -> anyhow::Result<()> {
    typescript(bench)?;
    python(bench)
}

fn typescript(bench: &Bench) -> anyhow::Result<()> {
    let node = Node::find(bench)?;
    let work = node.packages(bench, "languages/typescript")?;
    // json-schema-to-typescript reads draft-07
    let older = work.join("draft07");
    write_all(&older, okap_types::schema::all_draft07())?;
    let newer = work.join("draft2020");
    write_all(&newer, okap_types::schema::all())?;
    let mut check = Command::new(&node.program);
    check.arg("check.mjs").args([&older, &newer]).arg(root().join("spec/vectors"));
    run_program(check.current_dir(&work))
}

fn python(bench: &Bench) -> anyhow::Result<()> {
    let folder = root().join("interop/languages/python");
    let pins = folder.join("requirements.txt");
    let program = venv(&bench.home.join("languages-python"), &pins)?;
    say(&lines(&pins)?.join(" "));
    let work = bench.home.join("work/languages/python");
    fs::create_dir_all(&work).with_context(|| format!("create {}", work.display()))?;
    let spec = root().join("spec");
    let mut check = Command::new(program);
    check.arg(folder.join("check.py"));
    check.args([spec.join("schema"), spec.join("vectors"), spec.join("openapi.yaml")]).arg(work);
    run_program(check.env("PYTHONDONTWRITEBYTECODE", "1"))
}

fn write_all(folder: &Path, schemas: Vec<(&str, serde_json::Value)>) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    for (name, schema) in schemas {
        write(&folder.join(format!("{name}.json")), &format!("{schema:#}\n"))?;
    }
    Ok(())
}

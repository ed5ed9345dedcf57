//! `okap-vault bench`, as short as it can be.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "test code")]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str], path: Option<&str>) -> Output {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_okap-vault"));
    bench.args(["bench", "--quick", "--only", "throughput", "--connections", "1"]);
    bench.args(["--seconds", "0.1"]).args(args);
    if let Some(path) = path {
        bench.env("PATH", path);
    }
    bench.output().unwrap()
}

fn said(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names(said: &Value) -> Vec<&str> {
    let figures = said["figures"].as_array().unwrap().iter();
    figures.map(|figure| figure["name"].as_str().unwrap()).collect()
}

#[test]
fn figures_are_there_without_nginx_and_without_any_other_program() {
    let said = said(&bench(&["--alone", "--json"], Some("")));
    assert_eq!(names(&said), ["1 at a time", "CPU at 1", "p50 at 1", "p99 at 1"]);
    assert!(said["nginx"].is_null() && said["one_core_for_each"] == false, "{said}");
    for figure in said["figures"].as_array().unwrap() {
        assert_eq!(figure["part"], "throughput");
        assert!(figure["nginx"].is_null() && figure["ratio"].is_null(), "{figure}");
        assert!(figure["vault"].as_f64().unwrap() >= 0.0, "{figure}");
    }
    let rate = &said["figures"][0];
    assert!(rate["vault"].as_f64().unwrap() > 1.0 && rate["direct"].as_f64().unwrap() > 1.0);
    assert_eq!((&said["store"], &said["strict"]), (&"SQLite".into(), &false.into()));
}

#[test]
fn every_ratio_is_that_to_nginx_where_it_is_installed() {
    let said = said(&bench(&["--json", "--strict"], None));
    assert_eq!(said["strict"], true);
    let rate = &said["figures"][0];
    let ratio = rate["nginx"].as_f64().map(|nginx| rate["vault"].as_f64().unwrap() / nginx);
    assert_eq!(said["nginx"].is_string(), ratio.is_some(), "{said}");
    assert_eq!(rate["ratio"].as_f64(), ratio);
}

#[test]
fn the_markdown_table_has_the_same_rows() {
    let output = bench(&["--alone", "--markdown"], None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| throughput: ")).collect();
    assert_eq!(rows.len(), 4, "{table}");
}

#[test]
fn a_store_that_is_none_is_named() {
    let refused = bench(&["--store", "mysql://x"], None);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("--store takes sqlite or postgres://")
    );
}

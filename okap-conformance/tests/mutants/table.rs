//! `mutants.toml`, the table of the mutants by which the suite itself tells what catches what.

use std::{collections::BTreeMap, path::Path};

use okap_conformance::mutant::Mutant;

use crate::lies;

const HEAD: &str = "# Which lying vault is caught by which tests. Written by the bench:\n\
    # INSTA_UPDATE=always cargo test -p okap-conformance --test mutants table\n\n";

#[test]
fn the_table_is_what_the_mutants_say() {
    let mut table = BTreeMap::new();
    for mutant in lies::all() {
        let what = mutant.what.to_owned();
        let killed_by = mutant.killed_by.iter().map(|&test| test.to_owned()).collect();
        let other = table.insert(mutant.id, Mutant { what, killed_by });
        assert!(other.is_none(), "{} twice", mutant.id);
    }
    let wanted = format!("{HEAD}{}", toml::to_string(&table).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants.toml");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == wanted, "mutants.toml is stale: run it again with INSTA_UPDATE=always");
}

//! The conformance suite, as its command is installed, against a vault on PostgreSQL.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::server;

#[test]
fn a_vault_on_postgresql_passes_the_suite_as_one_on_a_file_does() {
    let vault = Path::new(env!("CARGO_BIN_EXE_okap-vault"));
    let suite = vault.with_file_name("okap-conformance");
    assert!(suite.exists(), "build the suite first: cargo build -p okap-conformance");
    let mut programs = vec![vault.parent().unwrap().to_owned()];
    programs.extend(env::split_paths(&env::var_os("PATH").unwrap()));
    let target: PathBuf = [env!("CARGO_MANIFEST_DIR"), "okap-target.toml"].iter().collect();

    let database = server::database();
    let ran = Command::new(suite)
        .args(["run", "--target"])
        .arg(target)
        .env("PATH", env::join_paths(programs).unwrap())
        .env("OKAP_DATABASE", &database)
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let calls: u32 = server::sql(&database, "SELECT count(*) FROM audit").trim().parse().unwrap();
    assert!(calls > 100, "the vault kept {calls} calls here: {said}");
}

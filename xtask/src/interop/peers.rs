//! OAuth by other hands: foreign clients at a vault, `okap-client` at a foreign server.

use std::process::Command;

use super::{Bench, Node, lines, run_program, venv};
use crate::tools::{built, root, say};

/// The files of the suite in JavaScript, what their vault's file says, and how many tests they have.
const AT_A_VAULT: &[(&[&str], &str, &str)] = &[
    (&["code.test.mjs", "dpop.test.mjs", "device.test.mjs", "resource.test.mjs"], "", "58"),
    (&["nonce.test.mjs"], "dpop_nonce = true", "4"),
];
const AT_A_SERVER: (&str, &str) = ("foreign.test.mjs", "15");

/// Runs openid-client and Authlib at a vault, then `okap-client` at oidc-provider.
pub(super) fn run(bench: &Bench) -> anyhow::Result<()> {
    let node = Node::find(bench)?;
    let work = node.packages(bench, "peers")?;
    for (files, settings, least) in AT_A_VAULT {
        let mut suite = bench.harness_with(settings);
        suite.arg(&node.program).args(["run.mjs", least]).args(*files);
        run_program(suite.current_dir(&work))?;
    }
    let here = root().join("interop/peers");
    let pins = here.join("requirements.txt");
    let packages = venv(&bench.home.join("peers"), &pins)?;
    say(&format!("requirements.txt: {}", lines(&pins)?.join(" ")));
    let mut suite = bench.harness();
    suite.arg(packages).arg("test_authlib.py");
    run_program(bench.with_desk(&mut suite)?.current_dir(here))?;

    let driven = built("examples/driven")?;
    let (file, least) = AT_A_SERVER;
    let mut suite = Command::new(&node.program);
    suite.args(["run.mjs", least, file]);
    suite.env("OKAP_DRIVEN", driven);
    run_program(suite.current_dir(work))
}

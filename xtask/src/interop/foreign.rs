//! The conformance suite at servers that others wrote: it has to say what is wrong with each.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::{Bench, Node, lines, venv};
use crate::tools::{self, root, say};

/// Longest that a run may take, however much is wrong with the server.
const BOUND: Duration = Duration::from_secs(240);
/// The address that reports have in place of the one of their run.
const ADDRESS: &str = "http://127.0.0.1:8080";

/// What a server is known to do. Tests that are not named may come to anything.
struct Known {
    /// Its report.
    name: &'static str,
    /// Tests that it fails.
    fails: &'static [&'static str],
    /// Tests that it passes.
    passes: &'static [&'static str],
    /// What the last screen says of it.
    said: &'static str,
}

const PUBLISHED: Known = Known {
    name: "okap-pypi-published",
    fails: &["core.metadata.issuer", "core.request.waits"],
    passes: &[],
    said: "OKAP-R-051",
};
const WRAPPED: Known = Known {
    name: "okap-pypi-wrapped",
    fails: &[
        "core.grant.allowed",
        "core.grant.denied",
        "core.request.two_shapes",
        "core.request.version",
        "limits.rate.minute",
        "limits.spend.race",
        "proxy.key.never_seen",
        "proxy.refuse.model",
        "proxy.refuse.revoked",
    ],
    passes: &["core.request.waits"],
    said: "OKAP-R-013",
};
const GATEWAY: Known = Known {
    name: "portkey",
    fails: PUBLISHED.fails,
    passes: &[],
    said: "This is not an OKAP vault",
};

/// Runs the suite at the vault of PyPI, twice, and at a gateway of npm.
pub(super) fn run(bench: &Bench) -> anyhow::Result<()> {
    let here = root().join("interop/foreign/okap_vault");
    let pins = here.join("requirements.txt");
    let python = venv(&bench.home.join("foreign-python"), &pins)?;
    say(&format!("requirements.txt: {}", lines(&pins)?.join(" ")));
    let python = python.parent().context("a program stands in a folder")?;
    examine(bench, &PUBLISHED, &here.join("published.toml"), python)?;
    examine(bench, &WRAPPED, &here.join("wrapped.toml"), python)?;

    let node = Node::find(bench)?;
    let work = node.packages(bench, "foreign/portkey")?;
    let folder = node.program.parent().unwrap_or(Path::new(""));
    examine(bench, &GATEWAY, &work.join("okap-target.toml"), folder)
}

/// One run, and whether it found what there is to be found.
fn examine(bench: &Bench, known: &Known, target: &Path, programs: &Path) -> anyhow::Result<()> {
    let reports = bench.home.join("foreign");
    fs::create_dir_all(&reports)?;
    let (screen, events) = (
        reports.join(format!("{}.txt", known.name)),
        reports.join(format!("{}.events", known.name)),
    );
    let begun = Instant::now();
    let code = tested(bench, target, programs, &screen, &events)?;
    let said = fs::read_to_string(&screen)?;
    let judged = Verdicts::read(&fs::read_to_string(&events)?)?;
    let wrong = judged.wrong(known, code, &said);
    ensure!(wrong.is_empty(), "{}: {}\n{said}", known.name, wrong.join("; "));
    fs::write(&screen, said.replace(&judged.address, ADDRESS))?;
    let seconds = begun.elapsed().as_secs();
    say(&format!("{}: not conformant, as it has to be, in {seconds} s", known.name));
    Ok(())
}

/// Runs the suite within the bound; its exit code.
fn tested(
    bench: &Bench,
    target: &Path,
    programs: &Path,
    screen: &Path,
    events: &Path,
) -> anyhow::Result<Option<i32>> {
    let mut suite = Command::new(&bench.provider);
    suite.arg("run").arg("--target").arg(target).arg("--events").arg(events);
    suite
        .args(["--seed", "1"])
        .env("PATH", tools::path_with(programs)?)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    suite.stdin(Stdio::null()).stdout(fs::File::create(screen)?);
    let mut running = suite.spawn().context("okap-conformance does not start")?;
    let begun = Instant::now();
    loop {
        if let Some(status) = running.try_wait()? {
            return Ok(status.code());
        }
        if begun.elapsed() > BOUND {
            running.kill()?;
            running.wait()?;
            bail!("{}: the run did not end in {} s", target.display(), BOUND.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// What the tests of a run came to.
#[derive(Default)]
struct Verdicts {
    address: String,
    of: BTreeMap<String, String>,
}

impl Verdicts {
    fn read(events: &str) -> anyhow::Result<Self> {
        let mut verdicts = Self::default();
        for line in events.lines() {
            let event: Value = serde_json::from_str(line).context("an event is no JSON")?;
            let text =
                |at: &str| event.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            match text("/event").as_str() {
                "began" => verdicts.address = text("/target/base_url"),
                "tested" => drop(verdicts.of.insert(text("/test"), text("/verdict"))),
                _ => {}
            }
        }
        Ok(verdicts)
    }

    /// Everything that is not as it is known to be.
    fn wrong(&self, known: &Known, code: Option<i32>, said: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        if code != Some(1) {
            wrong.push(format!("ended with {code:?} in place of 1"));
        }
        for (ids, wanted) in [(known.fails, "fail"), (known.passes, "pass")] {
            for id in ids {
                match self.of.get(*id).map(String::as_str) {
                    Some(came) if came == wanted => {}
                    came => {
                        wrong.push(format!("{id} is {} and no {wanted}", came.unwrap_or("gone")))
                    }
                }
            }
        }
        if !said.contains(known.said) {
            wrong.push(format!("nothing says {:?}", known.said));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILS: &str = r#"{"event":"began","target":{"base_url":"http://127.0.0.1:1"}}
{"event":"tested","test":"core.metadata.issuer","verdict":"fail"}
{"event":"tested","test":"core.request.waits","verdict":"VERDICT"}
{"event":"tested","test":"core.new.one","verdict":"fail"}"#;

    fn wrong(verdict: &str, code: i32, said: &str) -> Vec<String> {
        let verdicts = Verdicts::read(&FAILS.replace("VERDICT", verdict)).unwrap();
        assert_eq!(verdicts.address, "http://127.0.0.1:1");
        verdicts.wrong(&GATEWAY, Some(code), said)
    }

    #[test]
    fn a_suite_that_stops_failing_is_caught_and_one_that_fails_more_is_not() {
        assert_eq!(wrong("fail", 1, GATEWAY.said), Vec::<String>::new());
        assert_eq!(wrong("pass", 1, GATEWAY.said), ["core.request.waits is pass and no fail"]);
        assert_eq!(wrong("error", 1, GATEWAY.said).len(), 1);
        assert_eq!(wrong("fail", 0, GATEWAY.said), ["ended with Some(0) in place of 1"]);
        assert_eq!(wrong("fail", 1, "all is well").len(), 1);
    }
}

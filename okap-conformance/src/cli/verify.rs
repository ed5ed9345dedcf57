use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use super::{certify::digest, out};
use crate::{
    certificate::{self, About, ROUNDS, events_file},
    report::Run,
    verdict::Exit,
};

/// Makes the verdict of a certificate again from its events, and compares
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder that certify has written
    #[arg(default_value = "okap-certificate")]
    folder: PathBuf,
    /// The vault's program or image, to compare with what the statement is about
    #[arg(long, value_name = "FILE")]
    artifact: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let said: Value = serde_json::from_str(&text(&args.folder.join("statement.json"))?)
        .context("the statement is no JSON")?;
    let mut runs = Vec::new();
    for round in 1..=ROUNDS {
        let file = args.folder.join(events_file(round));
        let events = text(&file)?;
        match Run::read(&events) {
            Ok(run) => runs.push((run, events)),
            Err(wrong) => bail!("{}: {wrong}", file.display()),
        }
    }
    let about = about(&said);
    let mut wrong = different(&said, &certificate::statement(&runs, &about));
    if let Some(file) = &args.artifact {
        let (_, digest) = digest(file)?;
        if about.artifact.is_none_or(|(_, stated)| stated != digest) {
            wrong.push(format!("subject: it is not about {}", file.display()));
        }
    }
    if !wrong.is_empty() {
        for place in wrong {
            out::line(&format!("not what its events say: {place}"));
        }
        return Ok(Exit::Nonconformant);
    }
    let runs: Vec<_> = runs.into_iter().map(|(run, _)| run).collect();
    for problem in certificate::problems(&runs) {
        out::line(&format!("  {problem}"));
    }
    let exit = certificate::exit(&runs);
    let name = runs.first().map(Run::name).unwrap_or_default();
    out::line(&format!("{name}: {}", exit.meaning()));
    out::line("the statement says what its events say; who ran this on what, its signature has to");
    Ok(exit)
}

/// What a statement says that no event does.
fn about(said: &Value) -> About {
    let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let name = text("/subject/0/name").to_owned();
    let digest = text("/subject/0/digest/sha256").to_owned();
    let attestations = said.pointer("/predicate/okap/attestations").and_then(Value::as_array);
    let attestations = attestations.into_iter().flatten().filter_map(Value::as_str);
    About {
        artifact: (name != events_file(1)).then_some((name, digest)),
        suite: text("/predicate/configuration/0/digest/sha256").to_owned(),
        attestations: attestations.map(str::to_owned).collect(),
    }
}

/// Where two statements differ.
fn different(said: &Value, made: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    walk("", said, made, &mut wrong);
    wrong
}

fn walk(at: &str, said: &Value, made: &Value, wrong: &mut Vec<String>) {
    match (said, made) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let (one, other) = (one.get(name), other.get(name));
                let (one, other) = (one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null));
                walk(&format!("{at}/{name}"), one, other, wrong);
            }
        }
        (one, other) if one != other => wrong.push(at.to_owned()),
        _ => {}
    }
}

fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_named_by_its_place() {
        let made = json!({ "a": { "b": 1 }, "c": [1] });
        assert!(different(&made, &made).is_empty());
        assert_eq!(different(&json!({ "a": { "b": 2 }, "c": [1] }), &made), ["/a/b"]);
        assert_eq!(different(&json!({ "a": { "b": 1, "d": 1 }, "c": [] }), &made), ["/a/d", "/c"]);
    }
}

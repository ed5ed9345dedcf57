use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::out;
use crate::{catalogue, profile::Profile, report::place, requirement::Requirement, verdict::Exit};

/// Writes the beginning of a test, its twin and its mutant
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it verifies, such as OKAP-R-294
    #[arg(long = "req", required = true, value_name = "REQUIREMENT")]
    requirements: Vec<String>,
    /// Its profile
    #[arg(long)]
    profile: Profile,
    /// Its area, which is its file as well: request
    #[arg(long, value_parser = word)]
    area: String,
    /// What the vault does, in a word or two: wrong_version
    #[arg(long, value_parser = word)]
    behaviour: String,
    /// The folder of this crate
    #[arg(long, default_value = "okap-conformance", value_name = "FOLDER")]
    into: PathBuf,
    /// Prints what would be written
    #[arg(long)]
    print: bool,
}

fn word(text: &str) -> Result<String, String> {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let others = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match first && others {
        true => Ok(text.to_owned()),
        false => Err("lower-case letters, digits and _".to_owned()),
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let id = format!("{}.{}.{}", args.profile, args.area, args.behaviour);
    if catalogue::find(&id).is_some() {
        bail!("there is a test {id} already; see okap-conformance explain {id}");
    }
    for id in &args.requirements {
        let found = Requirement::find(id);
        let found = found.with_context(|| format!("the specification has no {id}"))?;
        if found.testability == "excluded" {
            bail!("{id} cannot be tested: {}", found.reason.as_deref().unwrap_or_default());
        }
    }
    let file = |folder: &str| {
        args.into.join(folder).join(args.profile.word()).join(format!("{}.rs", args.area))
    };
    let files = [
        (file("src/catalogue"), test(args, &id)?),
        (file("tests/mutants/lies"), mutant(args, &id)),
    ];
    for (path, text) in &files {
        match path.exists() || args.print {
            // an area that is there has a list of its own, which only a person can add to well
            true => out::line(&format!("// into {}\n{text}", path.display())),
            false => written(path, text)?,
        }
    }
    let (profile, area) = (args.profile.word(), &args.area);
    out::line(&format!(
        "where it is new, enter {profile}::{area} in src/catalogue/{profile}.rs and src/catalogue.rs, \
         and in tests/mutants/lies/{profile}.rs and tests/mutants/lies.rs;\n\
         a test that no mutant names fails the bench;\n\
         then cargo nextest run -p okap-conformance --lib, and by the id of the mutant \
         OKAP_MUTANTS={profile}.NN cargo test -p okap-conformance --test mutants"
    ));
    Ok(Exit::Conformant)
}

fn written(path: &Path, text: &str) -> anyhow::Result<()> {
    place(path, text)?;
    out::line(&format!("{} is written", path.display()));
    Ok(())
}

fn test(args: &Args, id: &str) -> anyhow::Result<String> {
    let requirements = serde_json::to_string(&args.requirements)?.replace(',', ", ");
    let mut sentences = String::new();
    for id in &args.requirements {
        if let Some(found) = Requirement::find(id) {
            sentences.push_str(&format!("    // {id}: {}\n", found.text));
        }
    }
    let first = args.requirements.first().map_or("", String::as_str);
    let profile = serde_json::to_string(&args.profile)?;
    let profile = profile.trim_matches('"');
    let profile: String = profile
        .char_indices()
        .map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c })
        .collect();
    let (area, behaviour) = (&args.area, &args.behaviour);
    Ok(format!(
        r#"//! {area}, as the requirements below want it.

use crate::{{
    case::Case,
    catalogue::Test,
    outcome::{{Outcome, Stop, twin}},
    profile::Profile,
}};

pub(in crate::catalogue) const TESTS: &[Test] = &[Test {{
    id: "{id}",
    rev: 1,
    title: "what the vault does, in one sentence",
    profile: Profile::{profile},
    verifies: &{requirements},
    needs: &[],
    twin: None,
    threat: None,
    run: |case| Box::pin({behaviour}(case)),
}}];

async fn {behaviour}(case: &Case) -> Outcome {{
{sentences}    let grant = case.grant(&case.ask()).await?;
    // the twin works …
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    // … and differs in one thing from what is refused, for the right reason
    let prompt = case.prompt();
    let reply = case.call(&grant, &prompt).await?;
    reply.is_refused("{first}", 403, "its_code")?;
    case.never_left(&prompt)?;
    // a draft passes nothing: take this line away once the test is written
    Err(Stop::Broken(format!("{id} is not written yet ({{}})", witness.seen())))
}}
"#
    ))
}

fn mutant(args: &Args, id: &str) -> String {
    let profile = args.profile.word();
    format!(
        r#"use crate::lie::{{Lie, Mutant}};

pub(crate) const MUTANTS: &[Mutant] = &[Mutant {{
    id: "{profile}.NN",
    what: "what the vault does wrong, in one sentence",
    killed_by: &["{id}"],
    // one lie at one seam, or the mutant lives
    lie: Lie {{ ..Lie::NONE }},
}}];
"#
    )
}

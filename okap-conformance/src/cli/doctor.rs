use std::sync::Arc;

use super::{at::At, out, session::open};
use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop},
    profile::Profile,
    seed::Seed,
    verdict::Exit,
};

/// Looks whether everything finds everything: the suite the vault, and the vault the provider
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: At,
}

/// In whose name the doctor asks; its steps are taken one by one, and it is in no catalogue.
static DOCTOR: Test = Test {
    id: "doctor.both.ways",
    rev: 1,
    title: "the vault finds the fake provider",
    profile: Profile::Core,
    verifies: &[],
    needs: &[],
    twin: None,
    threat: None,
    run: |_| Box::pin(nothing()),
};

async fn nothing() -> Outcome {
    Err(Stop::NotApplicable("taken step by step".to_owned()))
}

pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let target = args.at.read()?;
    ok("description", &args.at.target.display().to_string());
    let stage = match open(target, Seed::fresh()).await {
        Ok(stage) => Arc::new(stage),
        Err(exit) => {
            hint("is the vault running at target.base_url, or does [launch] start it?");
            return Ok(exit);
        }
    };
    ok("suite → vault", &stage.base_url);
    ok("provider", &format!("listens at {}", stage.provider.url()));
    let verbs = serde_json::to_value(&stage.verbs)?;
    let words: Vec<_> = verbs.as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
    ok("driver", &format!("{}: {}", stage.target.consent.mode(), words.join(", ")));
    let exit = both_ways(&Case::new(Arc::clone(&stage), &DOCTOR, 1)).await;
    stage.close().await;
    Ok(exit)
}

/// Asks for access, has it decided, and calls the provider through the vault.
async fn both_ways(case: &Case) -> Exit {
    let grant = match case.grant(&case.ask()).await {
        Ok(grant) => grant,
        Err(stop) => {
            bad("consent", &stop.said());
            hint("the driver has to allow a request; see [consent] in the description");
            return match stop {
                Stop::Broken(_) => Exit::Harness,
                _ => Exit::Incomplete,
            };
        }
    };
    ok("consent", &format!("grant {}", grant.id));
    let prompt = case.prompt();
    let reply = match case.call(&grant, &prompt).await {
        Ok(reply) => reply,
        Err(stop) => {
            bad("vault → provider", &stop.said());
            return Exit::Unreachable;
        }
    };
    match (case.books(&prompt).totals.calls, reply.status) {
        (0, 200..=299) => {
            bad("vault → provider", "the vault answered, and the fake provider was not called");
            hint(
                "it calls another provider, which may be a real one: stop it and look at its keys",
            );
            Exit::Unreachable
        }
        (0, _) => {
            bad("vault → provider", &format!("not called; the vault said {}", reply.summary()));
            hint("does the vault reach it from where it runs? see provider.listen and .advertise");
            Exit::Unreachable
        }
        (calls, status) => {
            ok("vault → provider", &format!("called {calls} time, answered {status}"));
            Exit::Conformant
        }
    }
}

fn ok(what: &str, said: &str) {
    out::line(&format!("ok   {what:<17} {said}"));
}

fn bad(what: &str, said: &str) {
    out::line(&format!("BAD  {what:<17} {said}"));
}

fn hint(said: &str) {
    out::line(&format!("     {:<17} {said}", ""));
}

use std::sync::Arc;

use super::{
    at::At,
    out,
    session::{open, unless_ended},
};
use crate::{
    canary::Secrets,
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop},
    profile::Profile,
    redact,
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
    out::line(&format!("ok   {:<17} {}", "description", args.at.target.display()));
    let stage = match open(target, Seed::fresh()).await {
        Ok(stage) => Arc::new(stage),
        Err(exit) => {
            if exit != Exit::Interrupted {
                out::line(
                    "     is the vault running at target.base_url, or does [launch] start it?",
                );
            }
            return Ok(exit);
        }
    };
    let says = Says(&stage.secrets);
    says.ok("suite → vault", &stage.base_url);
    says.ok("provider", &format!("listens at {}", stage.provider.url()));
    let verbs = serde_json::to_value(&stage.verbs)?;
    let words: Vec<_> = verbs.as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
    says.ok("driver", &format!("{}: {}", stage.target.consent.mode(), words.join(", ")));
    let proxy = stage.target.profiles().contains(&Profile::Proxy);
    if let Err(why) = stage.target.timeouts.waits_for_provider()
        && proxy
    {
        says.line("-- ", "timeouts", &why);
        says.hint("proxy.patience.silent is untestable so, and the run incomplete");
    }
    let case = Case::new(Arc::clone(&stage), &DOCTOR, 1);
    let came = unless_ended(both_ways(&case, &says)).await;
    stage.close().await;
    Ok(came.unwrap_or_else(|exit| exit))
}

/// Asks for access, has it decided, and calls the provider through the vault.
async fn both_ways(case: &Case, says: &Says<'_>) -> Exit {
    let grant = match case.grant(&case.ask()).await {
        Ok(grant) => grant,
        Err(stop) => {
            says.bad("consent", &stop.said());
            says.hint("the driver has to allow a request; see [consent] in the description");
            return match stop {
                Stop::Broken(_) => Exit::Harness,
                _ => Exit::Incomplete,
            };
        }
    };
    says.ok("consent", &format!("grant {}", grant.id));
    let prompt = case.prompt();
    let reply = match case.call(&grant, &prompt).await {
        Ok(reply) => reply,
        Err(stop) => {
            says.bad("vault → provider", &stop.said());
            return Exit::Unreachable;
        }
    };
    match (case.books(&prompt).totals.calls, reply.status) {
        (0, 200..=299) => {
            says.bad(
                "vault → provider",
                "the vault answered, and the fake provider was not called",
            );
            says.hint(
                "it calls another provider, which may be a real one: stop it and look at its keys",
            );
            Exit::Unreachable
        }
        (0, _) => {
            says.bad(
                "vault → provider",
                &format!("not called; the vault said {}", reply.summary()),
            );
            says.hint(
                "does the vault reach it from where it runs? see provider.listen and .advertise",
            );
            Exit::Unreachable
        }
        (calls, status) => {
            says.ok("vault → provider", &format!("called {calls} time, answered {status}"));
            Exit::Conformant
        }
    }
}

/// Says how a step went, without secrets: a vault may say anything back.
struct Says<'a>(&'a Secrets);

impl Says<'_> {
    fn ok(&self, what: &str, said: &str) {
        self.line("ok ", what, said);
    }

    fn bad(&self, what: &str, said: &str) {
        self.line("BAD", what, said);
    }

    fn hint(&self, said: &str) {
        self.line("   ", "", said);
    }

    fn line(&self, sign: &str, what: &str, said: &str) {
        out::line(&redact::shown(self.0, &format!("{sign}  {what:<17} {said}")));
    }
}

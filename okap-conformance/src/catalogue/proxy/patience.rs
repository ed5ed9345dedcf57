//! Providers that do not answer.

use tokio::time::timeout;

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop, twin},
    profile::Profile,
    provider::Fault,
    target::WAY,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[Test {
    id: "proxy.patience.silent",
    rev: 2,
    title: "a provider that does not answer in time is given up",
    profile: Profile::Proxy,
    verifies: &["OKAP-R-314"],
    needs: &[],
    twin: Some("proxy.forward.clean"),
    threat: Some("exhaustion"),
    run: |case| Box::pin(silent(case)),
}];

async fn silent(case: &Case) -> Outcome {
    let patience = case.waits_for_provider()?;
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let prompt = case.prompt();
    case.spoil(&prompt, Fault::Hang);
    let given_up = timeout(patience + WAY, case.call(&grant, &prompt)).await;
    let late = |_| {
        let observed = format!("no answer after {} s", (patience + WAY).as_secs());
        Stop::failed("OKAP-R-314", "504 upstream_timeout", observed)
    };
    given_up.map_err(late)??.is_refused("OKAP-R-314", 504, "upstream_timeout")?;
    Ok(witness)
}

use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Witness, twin},
    profile::Profile,
    provider::Fault,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[Test {
    id: "proxy.key.never_seen",
    rev: 2,
    title: "the master key is in no answer, also where the provider repeats it",
    profile: Profile::Proxy,
    verifies: &["OKAP-R-311"],
    needs: &[],
    twin: Some("proxy.forward.clean"),
    threat: Some("key-exfiltration"),
    run: |case| Box::pin(never_seen(case)),
}];

async fn never_seen(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let ordinary = case.prompt();
    twin(case.forwarded(&grant, &ordinary).await)?;
    case.saw_no("master", "OKAP-R-311")?;

    let echo = [case.prompt(), case.prompt().with("stream", json!(true))];
    for prompt in &echo {
        case.spoil(prompt, Fault::EchoCredential);
        case.call(&grant, prompt).await?;
        case.reached(prompt)?;
    }
    let refused = case.prompt();
    case.spoil(&refused, Fault::Status { status: 400, retry_after: None, echo: true });
    case.call(&grant, &refused).await?;
    case.saw_no("master", "OKAP-R-311")?;
    Witness::of_upstream("OKAP-R-311", &refused.nonce, &case.books(&refused))
}

//! Where a provider would send a call.

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
    provider::{Config, FakeProvider, Fault},
};

pub(in crate::catalogue) const TESTS: &[Test] = &[Test {
    id: "proxy.redirect.refused",
    rev: 1,
    title: "a redirect of the provider is followed neither to its own origin nor to another",
    profile: Profile::Proxy,
    verifies: &["OKAP-R-310", "OKAP-R-314", "OKAP-R-307"],
    needs: &[],
    twin: Some("proxy.forward.clean"),
    threat: Some("key-exfiltration"),
    run: |case| Box::pin(refused(case)),
}];

async fn refused(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    // a second origin: whatever arrives there was led astray
    let sink = FakeProvider::start(Config::default()).await;
    let sink = sink.map_err(|error| Stop::Broken(format!("the sink: {error}")))?;
    let own = case.provider().url();
    for status in [301, 302, 303, 307, 308] {
        for origin in [&own, &sink.url()] {
            let prompt = case.prompt();
            let to = format!("{origin}/v1/chat/completions?of={}", prompt.nonce);
            case.spoil(&prompt, Fault::Redirect { to, status });
            let reply = case.call(&grant, &prompt).await?;
            if let Some(stray) = sink.ledger().last() {
                let key = if stray.header("authorization").is_some() { "with" } else { "without" };
                let observed = format!("{} {} {key} a key", stray.method, stray.path);
                return Err(Stop::failed("OKAP-R-310", "nothing at the second origin", observed));
            }
            let books = case.provider().ledger();
            let followed = |call: &&crate::provider::Call| {
                call.query.as_ref().is_some_and(|query| query.contains(&prompt.nonce))
            };
            if let Some(stray) = books.calls.iter().find(followed) {
                let observed = format!("{} {}", stray.method, stray.path);
                return Err(Stop::failed("OKAP-R-310", "no second call", observed));
            }
            reply.is_refused("OKAP-R-314", 502, "upstream_redirect_refused")?;
            let kept = reply.header("location").is_none();
            reply.ensure("OKAP-R-307", kept, "no location in the answer")?;
            Witness::of_upstream("OKAP-R-310", &prompt.nonce, &case.books(&prompt))?;
        }
    }
    Ok(witness)
}

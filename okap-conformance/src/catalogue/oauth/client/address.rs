//! What a client id has to look like.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::{
    case::{Case, Published, with},
    outcome::{Outcome, Stop, Witness, ensure, twin},
};

/// A good document stands wherever a vault may look for it, so that the spelling alone is wrong.
pub(super) async fn spelling(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let push = |id: &str| case.to_push(&case.ask()).of(id).to(&client.redirect_uri);
    let one = twin(case.pushed(&push(&client.client_id)).await)?;
    let home = client.client_id.as_str();
    let (site, _) = home.rsplit_once('/').unwrap_or_default();
    let host = site.trim_start_matches("https://");
    for wrong in [
        format!("http://{host}/client.json"),
        site.to_owned(),
        format!("{site}/"),
        format!("https://user@{host}/client.json"),
        format!("{home}?x=1"),
        format!("{home}#x"),
        format!("{site}/a/../client.json"),
        format!("https://{}/client.json", host.to_uppercase()),
        format!("{site}:443/client.json"),
        format!("{site}/{}", "a".repeat(500)),
    ] {
        // the document names the client as the request does, and then as its address is spelt
        for named in [wrong.as_str(), home] {
            publish(case, &client, &wrong, named).await?;
            publish(case, &client, home, named).await?;
            let reply = case.send_push(&push(&wrong)).await?;
            reply.is_refused("OKAP-R-077", 401, "invalid_client")?;
        }
    }
    for wrong in ["app", "http://localhost/", "http://127.0.0.1"] {
        let reply = case.send_push(&case.to_push(&case.ask()).of(wrong)).await?;
        reply.is_refused("OKAP-R-077", 401, "invalid_client")?;
    }
    let other = twin(case.pushed(&push(home)).await)?;
    Witness::of_fresh("OKAP-R-077", &one, &other)
}

async fn publish(case: &Case, client: &Published, at: &str, named: &str) -> Result<(), Stop> {
    let document = with(client.document(), "client_id", named.into());
    let mut place = client.clone();
    at.clone_into(&mut place.client_id);
    case.publish(&place, &document).await
}

/// Addresses of this computer, on a port at which somebody listens.
pub(super) async fn inside(case: &Case) -> Outcome {
    let listening = TcpListener::bind("127.0.0.1:0").await;
    let listening = listening.map_err(|error| Stop::Broken(error.to_string()))?;
    let port = listening.local_addr().map_err(|error| Stop::Broken(error.to_string()))?.port();
    let one = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"] {
        let client_id = format!("https://{host}:{port}/client.json");
        let reply = case.send_push(&case.to_push(&case.ask()).of(&client_id)).await?;
        reply.is_refused("OKAP-R-079", 401, "invalid_client")?;
    }
    let called = tokio::time::timeout(Duration::from_millis(50), listening.accept());
    let quiet = called.await.is_err();
    ensure("OKAP-R-079", quiet, "no connection to this computer", "a connection")?;
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh("OKAP-R-079", &one, &other)
}

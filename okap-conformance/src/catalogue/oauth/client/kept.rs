//! How long a document is kept.

use serde_json::{Value, json};

use crate::{
    case::{Case, Published, with},
    http::Reply,
    outcome::{Outcome, Stop, Witness, twin},
};

pub(super) async fn never(case: &Case) -> Outcome {
    let mut answers = Vec::new();
    for said in ["no-store", "no-cache", "No-Store, max-age=300", "max-age=300, no-cache"] {
        // no more than three requests of one client may wait
        let client = case.published();
        stands(case, &client, &client.document(), Some(said)).await?;
        answers.push(taken(case, &client).await?);
        stands(case, &client, &moved(&client), Some(said)).await?;
        pushed(case, &client).await?.is_refused("OKAP-R-083", 400, "invalid_request")?;
    }
    Witness::of_several("OKAP-R-083", &answers)
}

pub(super) async fn a_day(case: &Case) -> Outcome {
    let (client, week) = (case.published(), Some("max-age=604800"));
    stands(case, &client, &client.document(), week).await?;
    let one = taken(case, &client).await?;
    stands(case, &client, &moved(&client), week).await?;
    case.advance(86_401).await?;
    pushed(case, &client).await?.is_refused("OKAP-R-083", 400, "invalid_request")?;
    stands(case, &client, &client.document(), week).await?;
    case.advance(86_401).await?;
    Witness::of_fresh("OKAP-R-083", &one, &taken(case, &client).await?)
}

pub(super) async fn unsaid(case: &Case) -> Outcome {
    let client = case.published();
    stands(case, &client, &client.document(), None).await?;
    let one = taken(case, &client).await?;
    stands(case, &client, &moved(&client), None).await?;
    case.advance(240).await?;
    pushed(case, &client).await?.has_status("OKAP-R-084", 201)?;
    case.advance(61).await?;
    pushed(case, &client).await?.is_refused("OKAP-R-084", 400, "invalid_request")?;
    stands(case, &client, &client.document(), None).await?;
    case.advance(301).await?;
    Witness::of_fresh("OKAP-R-084", &one, &taken(case, &client).await?)
}

async fn stands(
    case: &Case,
    client: &Published,
    document: &Value,
    cache_control: Option<&str>,
) -> Result<(), Stop> {
    case.publish_text(client, Some(document.to_string()), cache_control).await
}

/// The document of a client that has moved, by which its first address is not its own any more.
fn moved(client: &Published) -> Value {
    with(client.document(), "redirect_uris", json!(["https://elsewhere.example/back"]))
}

async fn pushed(case: &Case, client: &Published) -> Result<Reply, Stop> {
    case.send_push(&case.to_push(&case.ask()).by(client)).await
}

/// What the client is answered that has not moved.
async fn taken(case: &Case, client: &Published) -> Result<String, Stop> {
    twin(case.pushed(&case.to_push(&case.ask()).by(client)).await)
}

//! Direct requests of clients that prove who they are.

use serde_json::json;

use crate::{
    case::{Case, put, with},
    http::Reply,
    outcome::{Outcome, Stop, Witness, twin},
};

pub(super) async fn direct(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let one = asked(case, &client.client_id).await?;
    twin(one.has_status("OKAP-R-042", 202))?;
    let bound = with(client.document(), "dpop_bound_access_tokens", json!(true));
    for document in [client.signing_document(), bound] {
        case.publish(&client, &document).await?;
        let reply = asked(case, &client.client_id).await?;
        reply.is_refused("OKAP-R-450", 401, "invalid_client")?;
    }
    case.publish(&client, &client.document()).await?;
    let two = asked(case, &client.client_id).await?;
    twin(two.has_status("OKAP-R-042", 202))?;
    let token = "/continue/access_token";
    Witness::of_fresh("OKAP-R-450", one.text(token), two.text(token))
}

async fn asked(case: &Case, client_id: &str) -> Result<Reply, Stop> {
    let mut body = case.ask().shape_2();
    put(&mut body, "client", json!({ "client_id": client_id }));
    case.request(&body).await
}

//! The user's part, played by the suite: finds the request that is meant, and decides it.

use okap_engine::{
    flow::{Decision, shown},
    narrow::{Approved, as_asked},
    record::{Interaction, Owner},
};
use okap_types::{Capability, Limits, ModelAccess, ModelId, Models, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Refused,
    order::{Decide, Word},
};
use crate::{Asked, Consent, Control, ControlError, Vault};

/// What a request that leaves the models to the user is given.
const CHOICE: usize = 1;

/// What the suite leaves of an object; what is not named is as it was asked.
#[derive(Deserialize)]
struct Left {
    models: Option<Vec<ModelId>>,
    capabilities: Option<Vec<Capability>>,
    limits: Option<Limits>,
    expires: Option<Timestamp>,
}

pub(super) async fn decide(
    control: &Control<impl Vault, impl Consent>,
    owner: &Owner,
    order: Decide,
) -> Result<Value, Refused> {
    let asked = find(control, &order).await?;
    let decision = match order.decision {
        Word::Ignore => {
            let page = match control.core().consent.ask(&asked, control.now()).await {
                Asked::Visit(page) => Some(page),
                Asked::Decided(..) => None,
            };
            return Ok(json!({ "decided": false, "page": page }));
        }
        Word::Deny => Decision::Deny,
        Word::Approve => Decision::Approve(
            asked.access.iter().map(|access| Some(all(control, access))).collect(),
        ),
        Word::Narrow => narrowed(control, &asked, order.details)?,
    };
    let decided = control.decide(&asked.id, owner, &shown(&asked), &decision).await?;
    let grant = decided.grant.map(|grant| grant.id);
    Ok(json!({ "decided": true, "grant": grant, "redirect": decided.redirect }))
}

async fn find(
    control: &Control<impl Vault, impl Consent>,
    order: &Decide,
) -> Result<Interaction, Refused> {
    // a page is sure, and a code that is typed is counted as a guess
    if let Some(id) =
        order.interaction_url.as_ref().and_then(|url| url.path_segments()?.next_back())
    {
        return Ok(control.interaction(id).await?);
    }
    if let Some(code) = &order.user_code
        && let Ok(asked) = control.typed(code, "conformance").await
    {
        return Ok(asked);
    }
    // an empty word stands in every request
    if order.correlation.is_empty() {
        return Err(Refused::Order("nothing says which request is meant".to_owned()));
    }
    let carries = |asked: &Interaction| {
        let name =
            asked.app.info.name.as_ref().is_some_and(|n| n.as_str().contains(&order.correlation));
        let reason = |access: &ModelAccess| {
            access.reason.as_ref().is_some_and(|r| r.as_str().contains(&order.correlation))
        };
        name || asked.access.iter().any(reason)
    };
    let waiting = control.waiting().await?.into_iter().find(carries);
    waiting.ok_or_else(|| Refused::Missing(ControlError::Unknown.to_string()))
}

/// All that was asked; where a choice was left to the user, the first model there is.
fn all(control: &Control<impl Vault, impl Consent>, asked: &ModelAccess) -> Approved {
    let known = control.known_models(&asked.provider).into_iter();
    let choice: Vec<ModelId> = known.filter_map(|m| m.parse().ok()).take(CHOICE).collect();
    as_asked(asked, &choice, control.latest_end())
}

fn narrowed(
    control: &Control<impl Vault, impl Consent>,
    asked: &Interaction,
    details: Vec<Option<Value>>,
) -> Result<Decision, Refused> {
    if details.len() != asked.access.len() {
        return Err(Refused::Order("details and the request differ in length".to_owned()));
    }
    let mut approved = Vec::new();
    for (access, left) in asked.access.iter().zip(details) {
        let Some(left) = left else {
            approved.push(None);
            continue;
        };
        let left: Left =
            serde_json::from_value(left).map_err(|error| Refused::Order(error.to_string()))?;
        let whole = all(control, access);
        approved.push(Some(Approved {
            models: left.models.map_or(whole.models, Models::Listed),
            capabilities: left.capabilities.unwrap_or(whole.capabilities),
            limits: left.limits.unwrap_or(whole.limits),
            expires: left.expires.unwrap_or(whole.expires),
        }));
    }
    Ok(Decision::Approve(approved))
}

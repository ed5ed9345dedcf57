//! What the user leaves of a request, by a page or by the driver.

use okap_engine::narrow::as_asked;
use okap_server::{Approved, ConsentPage, Control, Decision, Interaction};
use okap_types::{ModelAccess, Models};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::seams::Store;

/// An approval of what is left of each object, `null` for none; `None` where that cannot be read.
pub(super) fn approval(
    control: &Control<Store, ConsentPage>,
    asked: &Interaction,
    left: &[Value],
) -> Option<Decision> {
    let objects = asked.access.iter().zip(left).map(|(asked, left)| match left {
        Value::Null => Some(None),
        left => of_one(control, asked, left).map(Some),
    });
    objects.collect::<Option<_>>().map(Decision::Approve)
}

fn of_one(
    control: &Control<Store, ConsentPage>,
    asked: &ModelAccess,
    left: &Value,
) -> Option<Approved> {
    let choice = ["gpt-4o-mini".parse().ok()?];
    let whole = as_asked(asked, &choice, control.latest_end());
    Some(Approved {
        models: read(left, "models")?.map_or(whole.models, Models::Listed),
        capabilities: read(left, "capabilities")?.unwrap_or(whole.capabilities),
        limits: read(left, "limits")?.unwrap_or(whole.limits),
        expires: read(left, "expires")?.unwrap_or(whole.expires),
    })
}

fn read<T: DeserializeOwned>(left: &Value, member: &str) -> Option<Option<T>> {
    let value = left.get(member).cloned();
    value.map(serde_json::from_value).transpose().ok()
}

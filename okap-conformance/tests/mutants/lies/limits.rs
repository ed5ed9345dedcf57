use serde_json::Value;

use crate::lie::{Lie, Mutant, Scene, each_access};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "limits.01",
        what: "requests_per_minute is not kept",
        killed_by: &["limits.rate.minute"],
        lie: Lie {
            read: Some(|scene, key, record| forget(scene, key, record, "requests_per_minute")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.03",
        what: "a limit on money is not kept",
        killed_by: &["limits.spend.race", "delegation.spend.shared"],
        lie: Lie {
            read: Some(|scene, key, record| forget(scene, key, record, "daily_spend")),
            ..Lie::NONE
        },
    },
];

/// A call looks at a grant without this limit.
fn forget(scene: &Scene<'_>, key: &str, record: &mut Value, limit: &str) {
    if scene.is_call() && key.starts_with("grant/") {
        each_access(record, |access| {
            let above = access.get("under").and_then(Value::as_array).cloned().unwrap_or_default();
            for (at, _) in above.iter().enumerate() {
                access["under"][at]["limits"].as_object_mut().unwrap().remove(limit);
            }
            if let Some(limits) = access["limits"].as_object_mut() {
                limits.remove(limit);
            }
        });
    }
}

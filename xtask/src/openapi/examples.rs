//! One example of each message, from the vectors' tables.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::vectors;

/// The examples of each schema, by name.
pub(super) struct Examples(BTreeMap<&'static str, Map<String, Value>>);

impl Examples {
    pub(super) fn new() -> Self {
        let mut all: BTreeMap<&'static str, Map<String, Value>> = BTreeMap::new();
        for (name, schema, message) in vectors::examples() {
            all.entry(schema).or_default().insert(name.to_owned(), json!({"value": message}));
        }
        Self(all)
    }

    pub(super) fn of(&self, schema: &str) -> Option<Value> {
        self.0.get(schema).cloned().map(Value::Object)
    }
}

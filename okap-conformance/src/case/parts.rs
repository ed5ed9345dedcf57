//! Members of JSON objects.

use serde_json::Value;

/// Sets a member of an object; others than objects stay as they are.
pub fn put(object: &mut Value, member: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
}

/// Takes a member out of an object.
pub fn take(object: &mut Value, member: &str) {
    if let Some(members) = object.as_object_mut() {
        members.remove(member);
    }
}

/// An object with one more member.
#[must_use]
pub fn with(mut object: Value, member: &str, value: Value) -> Value {
    put(&mut object, member, value);
    object
}

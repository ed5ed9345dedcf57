//! Writes `spec/openapi.yaml`: the vault's whole HTTP surface, from the wire types and a table of
//! routes.

mod answers;
mod examples;
mod routes;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value, json};

use crate::generated::{self, Files};

const SCHEMAS: &str = "/components/schemas";

/// Writes the document, or with `check` only compares.
///
/// # Errors
/// Those of [`generated::write`]; a reference that leads nowhere.
pub(crate) fn write(check: bool) -> Result<()> {
    let wanted = Files::from([("openapi.yaml".to_owned(), text()?)]);
    generated::write("spec", "yaml", &wanted, "openapi", check)
}

fn text() -> Result<String> {
    let names = Names::new();
    let document = Ordered(vec![
        ("openapi".to_owned(), json!("3.1.1")),
        ("info".to_owned(), info()),
        ("servers".to_owned(), servers()),
        ("security".to_owned(), json!([])),
        ("tags".to_owned(), tags()),
        ("paths".to_owned(), Value::Null),
        ("components".to_owned(), components(&names)?),
    ]);
    let paths = routes::paths(&names)?;
    let whole = json!({"paths": paths.0.iter().map(|(_, v)| v).collect::<Vec<_>>(), "components": document.last()});
    references(&whole, &whole)?;
    let yaml = serde_saphyr::to_string(&Document { document, paths }).context("no YAML")?;
    Ok(format!("# Written by `cargo xtask openapi`; do not edit.\n{yaml}"))
}

/// A map in the order in which it is written.
struct Ordered(Vec<(String, Value)>);

impl Ordered {
    fn last(&self) -> &Value {
        self.0.last().map_or(&Value::Null, |(_, value)| value)
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

struct Document {
    document: Ordered,
    paths: Ordered,
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        for (name, value) in &self.document.0 {
            match name.as_str() {
                "paths" => map.serialize_entry(name, &self.paths)?,
                _ => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

/// Where the schema of each message stands in the document.
struct Names(BTreeMap<&'static str, String>);

impl Names {
    fn new() -> Self {
        Self(okap_types::schema::side_by_side(SCHEMAS).0.into_iter().collect())
    }

    /// A reference to the schema with this file name.
    fn of(&self, schema: &str) -> Result<Value> {
        let name = self.0.get(schema).with_context(|| format!("no schema {schema}"))?;
        Ok(json!({"$ref": format!("#{SCHEMAS}/{name}")}))
    }
}

fn info() -> Value {
    json!({
        "title": "OKAP vault",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Open Key Access Protocol: scoped access to AI models without handing out keys",
        "description": "An app asks a vault for access to a provider's models. The vault's user lowers any of it and allows or denies. The app gets a scoped token and a `base_url`, and calls the provider's API there; the vault checks every call and puts the provider's key in.\n\nAll JSON is read strictly: a member that stands twice is refused, and so are unknown members inside of what is asked. Any address longer than 2048 bytes is answered with 400, any other path with 404, any other method with 405 and `Allow`; but GET and DELETE at proxied paths that take POST alone, and DELETE of a model, with 404, since they name what the provider stores.",
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    })
}

fn servers() -> Value {
    json!([{
        "url": "{issuer}",
        "description": "The vault's issuer, with its path where it has one. The two well-known documents stand at the root of its host.",
        "variables": {"issuer": {"default": "http://127.0.0.1:8787"}},
    }])
}

fn tags() -> Value {
    json!([
        {"name": "discovery", "description": "What a vault is and offers"},
        {"name": "oauth", "description": "The authorization code, device, refresh and exchange flows"},
        {"name": "direct", "description": "One JSON request, and its outcome"},
        {"name": "own grant", "description": "What an app may learn of its own grant"},
        {"name": "proxy", "description": "Calls to a provider's models"},
    ])
}

fn components(names: &Names) -> Result<Value> {
    let (_, mut schemas) = okap_types::schema::side_by_side(SCHEMAS);
    schemas.extend(answers::proxy_schemas());
    Ok(json!({
        "schemas": schemas,
        "responses": answers::shared(names)?,
        "headers": answers::headers(),
        "parameters": routes::parameters(),
        "securitySchemes": {
            "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "okap_at_…", "description": "An access token that is not bound to a key."},
            "boundToken": {"type": "http", "scheme": "DPoP", "description": "An access token that is bound to a key, beside a proof in the `DPoP` header (RFC 9449)."},
            "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An access token as Anthropic's SDKs send it; one that is not bound to a key."},
            "googleApiKey": {"type": "apiKey", "in": "header", "name": "x-goog-api-key", "description": "An access token as Google's SDKs send it; one that is not bound to a key."},
            "continuation": {"type": "http", "scheme": "bearer", "bearerFormat": "okap_ct_…", "description": "The token of `continue` in a pending answer."},
            "resourceServer": {"type": "http", "scheme": "basic", "description": "A resource server that the vault's owner has set up (RFC 7662)."},
        },
    }))
}

/// Checks that every reference in a part leads somewhere in the whole.
fn references(whole: &Value, part: &Value) -> Result<()> {
    match part {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                let there = target.strip_prefix('#').and_then(|path| whole.pointer(path));
                ensure!(there.is_some(), "{target} leads nowhere");
            }
            members.values().try_for_each(|value| references(whole, value))
        }
        Value::Array(items) => items.iter().try_for_each(|value| references(whole, value)),
        _ => Ok(()),
    }
}

/// An object of those members that are there.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

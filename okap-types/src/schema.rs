//! JSON Schema (2020-12) of every public wire type.
//!
//! A schema says what a message may look like; the parser says what is accepted. Only the parser
//! can refuse a repeated member, an amount by its digits (`1e3`, seven decimals), a text by its
//! length after cleaning or in bytes, and objects that overlap.

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::transform_subschemas,
};
use serde_json::{Map, Value};

use crate::{access, client_document, error, oauth, request, response, standing};

macro_rules! wire_types {
    ($($name:literal: $Type:ty,)+) => {
        /// Every schema with its file name (without `.json`), in a fixed order.
        ///
        /// Each has a relative `$id`, its file's name: whoever publishes them decides where.
        ///
        /// ```
        /// let all = okap_types::schema::all();
        /// let (_, access) = all.iter().find(|(name, _)| *name == "model-access").ok_or("missing")?;
        /// assert_eq!(access["$id"], "model-access.json");
        /// # Ok::<(), &str>(())
        /// ```
        #[must_use]
        pub fn all() -> Vec<(&'static str, Value)> {
            vec![$(of::<$Type>($name, SchemaSettings::draft2020_12())),+]
        }

        /// [`all`] in draft-07, for generators that do not read 2020-12.
        #[must_use]
        pub fn all_draft07() -> Vec<(&'static str, Value)> {
            vec![$(of::<$Type>($name, SchemaSettings::draft07().with_transform(pairs))),+]
        }

        /// Every type, those inside others included, to stand side by side in one document
        /// (OpenAPI), and the name that each of [`all`] has there. `path` is where they stand,
        /// as in a JSON pointer: `/components/schemas`.
        #[must_use]
        pub fn side_by_side(path: &str) -> (Vec<(&'static str, String)>, Map<String, Value>) {
            let mut settings = SchemaSettings::draft2020_12().with_transform(plain);
            settings.definitions_path = path.to_owned().into();
            let mut generator = settings.into_generator();
            let names = vec![$(($name, {
                generator.subschema_for::<$Type>();
                <$Type>::schema_name().into_owned()
            })),+];
            (names, generator.take_definitions(true))
        }
    };
}

wire_types! {
    "authorize-request.proposal": request::ProposalRequest,
    "authorize-request.details": request::DetailsRequest,
    "flat-request": request::FlatRequest<'_>,
    "model-access": access::ModelAccess,
    "granted-access": access::GrantedAccess,
    "client-info": request::ClientInfo,
    "pending": response::Pending,
    "granted.request": response::RequestGranted,
    "granted.details": response::DetailsGranted,
    "denied": response::Denied,
    "flat-answer": response::FlatAnswer,
    "pushed-request": oauth::PushedRequest,
    "pushed-answer": oauth::PushedAnswer,
    "token-request": oauth::TokenRequest,
    "token-answer": oauth::TokenAnswer,
    "device-request": oauth::DeviceRequest,
    "device-answer": oauth::DeviceAnswer,
    "revocation-request": oauth::RevocationRequest,
    "introspection-request": oauth::IntrospectionRequest,
    "introspection-answer": oauth::IntrospectionAnswer,
    "metadata": oauth::Metadata,
    "protected-resource": oauth::ProtectedResource,
    "limits": standing::LimitsAnswer,
    "grant": standing::GrantAnswer,
    "client-document": client_document::ClientDocument,
    "error": error::ErrorBody,
}

fn of<T: JsonSchema>(name: &'static str, settings: SchemaSettings) -> (&'static str, Value) {
    let generator: SchemaGenerator = settings.with_transform(plain).into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), format!("{name}.json").into());
    (name, schema.to_value())
}

/// What draft-07 calls `dependentRequired`.
fn pairs(schema: &mut Schema) {
    if let Some(object) = schema.as_object_mut()
        && let Some(pairs) = object.remove("dependentRequired")
    {
        object.insert("dependencies".to_owned(), pairs);
    }
}

/// Rust's view taken out: null for an absent member, defaults, integer widths, code in comments.
fn plain(schema: &mut Schema) {
    if let Some(object) = schema.as_object_mut() {
        object.remove("default");
        let width = |f: &str| f.starts_with("int") || f.starts_with("uint");
        if object.get("format").and_then(Value::as_str).is_some_and(width) {
            object.remove("format");
        }
        without_null(object);
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = prose(text);
        }
    }
    transform_subschemas(&mut plain, schema);
}

/// A member may be absent, never null.
fn without_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|c| c.get("type").is_none_or(|t| t != "null"));
    let [Value::Object(one)] = choices.as_slice() else { return };
    let one = one.clone();
    object.remove("anyOf");
    for (key, value) in one {
        object.entry(key).or_insert(value);
    }
}

/// A doc comment without its example and its links.
fn prose(text: &str) -> String {
    let (prose, _example) = text.split_once("```").unwrap_or((text, ""));
    let mut plain = String::with_capacity(prose.len());
    for (at, part) in prose.split("[`").enumerate() {
        match part.split_once("`]").filter(|_| at > 0) {
            Some((word, rest)) => {
                let rest =
                    rest.strip_prefix('(').and_then(|r| r.split_once(')')).map_or(rest, |r| r.1);
                plain.extend(["`", word, "`", rest]);
            }
            None => plain.push_str(part),
        }
    }
    let paragraphs = plain.trim().split("\n\n").map(|p| p.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

//! The schemas agree with the parser: what parses is valid, and what is refused is not valid, but
//! for what no schema can say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Value, json};

#[path = "it/answers.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod answers;
#[path = "it/cases.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod cases;

use cases::Seen;

fn validators() -> BTreeMap<&'static str, Validator> {
    let compiled = okap_types::schema::all().into_iter().map(|(name, schema)| {
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        (name, validator)
    });
    compiled.collect()
}

#[test]
fn every_schema_is_a_schema_with_a_name_of_its_own() {
    let all = okap_types::schema::all();
    for (name, schema) in &all {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$id"], format!("{name}.json"));
        assert!(schema["title"].is_string(), "{name}");
        assert!(schema["description"].is_string(), "{name}");
        assert_eq!(schema["type"], "object", "{name}");
    }
    let names: std::collections::BTreeSet<_> = all.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), all.len());
}

/// Every object inside a schema that is itself a schema or a keyword's value.
fn walk(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    match value {
        Value::Object(members) => members.values().for_each(|v| walk(v, see)),
        Value::Array(items) => items.iter().for_each(|v| walk(v, see)),
        _ => {}
    }
}

#[test]
fn no_schema_says_what_generators_for_other_languages_misread() {
    for (name, schema) in okap_types::schema::all() {
        walk(&schema, &mut |part| {
            // an absent member is absent, never null
            assert!(!part.is_null() && *part != "null", "{name}: {part}");
            let Some(object) = part.as_object() else { return };
            // Rust's defaults and integer widths mean nothing elsewhere
            assert!(!object.contains_key("default"), "{name}: {part}");
            let format = object.get("format").and_then(Value::as_str).unwrap_or_default();
            assert!(["", "uri"].contains(&format), "{name}: {part}");
            // tuples, and a $ref beside properties: json-schema-to-typescript drops the fields
            assert!(!object.contains_key("prefixItems"), "{name}: {part}");
            assert!(
                !(object.contains_key("$ref") && object.contains_key("properties")),
                "{name}: {part}"
            );
            // look-around is unknown to RE2 and Rust, and with them to pydantic
            let pattern = object.get("pattern").and_then(Value::as_str).unwrap_or_default();
            assert!(!pattern.contains("(?"), "{name}: {part}");
            // code and links belong to the Rust documentation
            let text = object.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(!text.contains("```") && !text.contains("[`"), "{name}: {part}");
            // every reference stays in its file
            let target = object.get("$ref").and_then(Value::as_str).unwrap_or("#/");
            assert!(target.starts_with("#/"), "{name}: {part}");
        });
    }
}

#[test]
fn unknown_members_are_refused_exactly_inside_what_is_asked() {
    let mut closed = Vec::new();
    for (name, schema) in okap_types::schema::all() {
        let root = (schema["title"].as_str().unwrap_or_default(), &schema);
        let parts = schema["$defs"].as_object().into_iter().flatten();
        for (part, schema) in parts.map(|(part, s)| (part.as_str(), s)).chain([root]) {
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => closed.push(part.to_owned()),
                None => {}
                Some(other) => panic!("{name} {part}: {other}"),
            }
        }
    }
    closed.sort_unstable();
    closed.dedup();
    assert_eq!(closed, ["AskedLimits", "ModelAccess", "Proposal"]);
}

#[test]
fn every_message_that_parses_is_valid() {
    let validators = validators();
    for (door, text) in cases::accepted() {
        let Some(schema) = door.schema() else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        if let Err(error) = validators[schema].validate(&message) {
            panic!("{schema} refuses {text}: {error}");
        }
    }
}

#[test]
fn every_refused_message_is_invalid_but_for_what_no_schema_can_say() {
    let validators = validators();
    for case in cases::refused() {
        let Some(schema) = case.door.schema() else { continue };
        let validator = &validators[schema];
        let at = format!("{schema}, {}", case.what);
        let good: Value = serde_json::from_str(&case.good).unwrap();
        assert!(validator.is_valid(&good), "{at}: twin refused: {}", case.good);
        let bad = serde_json::from_str::<Value>(&case.bad);
        match case.seen {
            Seen::AsNoJson => assert!(bad.is_err(), "{at}: {}", case.bad),
            Seen::BySchema => assert!(!validator.is_valid(&bad.unwrap()), "{at}: {}", case.bad),
            // the list of exceptions is exact
            Seen::ByParserOnly(why) => {
                assert!(
                    validator.is_valid(&bad.unwrap()),
                    "{at}: not only the parser, though {why}"
                );
            }
        }
    }
}

#[test]
fn one_details_object_is_judged_alone_as_in_its_list() {
    let validators = validators();
    for case in cases::refused().into_iter().filter(|c| c.door == cases::Door::Details) {
        let (Ok(good), Ok(bad)) =
            (serde_json::from_str::<Value>(&case.good), serde_json::from_str::<Value>(&case.bad))
        else {
            continue;
        };
        let objects = |message: &Value| message["authorization_details"].as_array().cloned();
        let valid = |object: &Value| validators["model-access"].is_valid(object);
        assert!(objects(&good).unwrap().iter().all(valid), "{}", case.what);
        if let (Some(objects), Seen::BySchema) = (objects(&bad), case.seen) {
            let whole = validators["authorize-request.details"].is_valid(&bad);
            let whole_only = (1..=16).contains(&objects.len())
                && bad["okap"] == "1.0"
                && bad.get("request").is_none();
            assert!(!whole);
            assert!(!whole_only || !objects.iter().all(valid), "{}", case.what);
        }
    }
}

#[test]
fn every_answer_is_valid_and_may_grow() {
    let validators = validators();
    for (name, schema, mut answer) in answers::all() {
        if let Err(error) = validators[schema].validate(&answer) {
            panic!("{schema} refuses {name}: {error}");
        }
        answer["added_later"] = json!({"by": [1, null]});
        assert!(validators[schema].is_valid(&answer), "{name}");
    }
}

#[test]
fn an_answer_without_a_member_or_with_one_of_another_type_is_invalid() {
    let validators = validators();
    let optional: &[(&str, &[&str])] = &[
        ("client-info", &["name", "url", "client_id", "callback"]),
        ("device-answer", &["verification_uri_complete", "interval"]),
        ("device-request", &["client_name"]),
        ("error", &["error_description", "okap_versions_supported"]),
        ("grant", &["parent_grant_id", "client_id", "client_name"]),
        ("granted-access", &["models_refused", "limits"]),
        (
            "introspection-answer",
            &[
                "token_type",
                "client_id",
                "iss",
                "iat",
                "exp",
                "cnf",
                "authorization_details",
                "grant_id",
            ],
        ),
        ("introspection-request", &["token_type_hint"]),
        // of profiles that a vault may lack
        (
            "metadata",
            &[
                "authorization_endpoint",
                "token_endpoint",
                "pushed_authorization_request_endpoint",
                "require_pushed_authorization_requests",
                "device_authorization_endpoint",
                "response_modes_supported",
                "grant_types_supported",
                "code_challenge_methods_supported",
                "authorization_response_iss_parameter_supported",
                "client_id_metadata_document_supported",
                "token_endpoint_auth_methods_supported",
                "token_endpoint_auth_signing_alg_values_supported",
                "dpop_signing_alg_values_supported",
            ],
        ),
        ("protected-resource", &["dpop_signing_alg_values_supported", "resource_name"]),
        ("pushed-request", &["client_name", "state", "resource", "dpop_jkt"]),
        ("revocation-request", &["token_type_hint", "client_id"]),
        ("token-answer", &["refresh_token", "issued_token_type"]),
        // RFC 6749 lets a server say that the verifier is missing
        (
            "token-request",
            &[
                "code_verifier",
                "authorization_details",
                "requested_token_type",
                "client_name",
                "resource",
                "dpop_jkt",
            ],
        ),
    ];
    let may_lack = |name: &str, schema: &str, member: &str| {
        let listed = optional.iter().any(|(s, members)| *s == schema && members.contains(&member));
        // of the token requests only an exchange may do without
        listed || (name == "token_request_exchange" && member == "client_id")
    };
    for (name, schema, answer) in answers::all() {
        for member in answer.as_object().unwrap().keys() {
            let mut without = answer.clone();
            without.as_object_mut().unwrap().remove(member);
            let valid = validators[schema].is_valid(&without);
            assert_eq!(valid, may_lack(name, schema, member), "{name} without {member}");
            for wrong in [json!(null), json!({"a": 1}), json!([{"a": 1}]), json!(-1.5)] {
                if answer[member].is_object() && wrong.is_object() && member == "limits" {
                    continue; // caps of an answer may grow
                }
                let mut other = answer.clone();
                other[member] = wrong.clone();
                assert!(!validators[schema].is_valid(&other), "{name}: {member} as {wrong}");
            }
        }
    }
}

#[test]
fn an_answer_that_contradicts_itself_is_invalid() {
    let validators = validators();
    let answer = |wanted: &str| {
        let found = answers::all().into_iter().find(|(name, ..)| *name == wanted);
        let (_, schema, answer) = found.unwrap();
        (schema, answer)
    };
    for (name, pointer, wrong) in answers::contradictions() {
        let (schema, mut answer) = answer(name);
        assert!(validators[schema].is_valid(&answer));
        *answer.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validators[schema].is_valid(&answer), "{name}{pointer}");
    }
    let (schema, mut answer) = answer("granted_access_to_everything");
    assert_eq!(answer["models"], json!(["*"]));
    answer["models"] = json!(["*", "*"]);
    assert!(!validators[schema].is_valid(&answer));
}

/// The cases of `spec/vectors` for one schema.
fn vectors(schema: &str) -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/messages");
    let text = std::fs::read_to_string(format!("{folder}/{schema}.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["schema"], format!("{schema}.json"));
    file["cases"].as_array().unwrap().clone()
}

#[test]
fn the_schema_of_a_client_document_agrees_with_its_parser() {
    let validator = &validators()["client-document"];
    let url = "https://notes.example/okap.json".parse().unwrap();
    let judge = |document: &Value| {
        let parsed = okap_types::ClientDocument::parse(&url, document.to_string().as_bytes());
        (validator.is_valid(document), parsed.is_ok())
    };
    let key =
        json!({"kty": "EC", "crv": "P-256", "x": "x".repeat(42) + "A", "y": "y".repeat(42) + "A"});
    let full = json!({
        "client_id": url, "client_name": "Notes", "client_uri": "https://notes.example",
        "redirect_uris": ["https://notes.example/cb", "http://[::1]:3/cb", "a.b:/cb"],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key]},
        "dpop_bound_access_tokens": true, "later": null,
    });
    assert_eq!(judge(&full), (true, true));
    assert_eq!(judge(&json!({"client_id": url})), (true, true));
    for (member, wrong) in [
        ("client_id", json!("http://notes.example/okap.json")),
        ("client_id", json!("https://notes.example/")),
        ("client_name", json!(null)),
        ("client_uri", json!("javascript:x")),
        ("redirect_uris", json!(["http://notes.example/cb"])),
        ("redirect_uris", json!(["javascript:x"])),
        ("redirect_uris", json!(["https://notes.example/#"])),
        ("redirect_uris", json!("https://notes.example/cb")),
        ("redirect_uris", json!(vec!["https://notes.example/cb"; 17])),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("jwks", json!({"keys": []})),
        ("jwks", json!({"keys": vec![key; 9]})),
        ("jwks_uri", json!("https://notes.example/jwks")),
        ("client_secret", json!("x")),
        ("dpop_bound_access_tokens", json!("true")),
    ] {
        let mut document = full.clone();
        document[member] = wrong.clone();
        assert_eq!(judge(&document), (false, false), "{member}: {wrong}");
    }
}

#[test]
fn the_vectors_say_of_each_message_whether_its_schema_refuses_it() {
    let validators = validators();
    for (schema, validator) in &validators {
        for case in vectors(schema) {
            let message = match case["text"].as_str() {
                Some(text) => serde_json::from_str(text).ok(),
                None => case.get("message").cloned(),
            };
            let Some(message) = message else {
                assert_eq!(case["structural"], false, "{schema}: {case}");
                continue;
            };
            assert_eq!(!validator.is_valid(&message), case["structural"], "{schema}: {case}");
        }
    }
}

#[test]
fn the_draft_07_of_a_schema_judges_every_message_alike() {
    let newer = validators();
    for (name, schema) in okap_types::schema::all_draft07() {
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert!(jsonschema::draft7::meta::is_valid(&schema), "{name}");
        let older = jsonschema::draft7::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        for case in vectors(name) {
            let Some(message) = case.get("message") else { continue };
            assert_eq!(older.is_valid(message), newer[name].is_valid(message), "{name}: {case}");
        }
    }
}

#[test]
fn side_by_side_every_type_has_a_name_of_its_own_and_is_found_by_it() {
    let (names, parts) = okap_types::schema::side_by_side("/components/schemas");
    let all = okap_types::schema::all();
    assert_eq!(names.len(), all.len());
    for ((file, name), (same, schema)) in names.iter().zip(&all) {
        assert_eq!(file, same);
        assert_eq!(parts[name]["description"], schema["description"], "{file}");
    }
    walk(&json!(parts), &mut |part| {
        let Some(target) = part.get("$ref").and_then(Value::as_str) else { return };
        let name = target.strip_prefix("#/components/schemas/").unwrap();
        assert!(parts.contains_key(name), "{target}");
    });
}

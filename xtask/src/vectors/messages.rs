//! Messages: valid ones, and ones that have to be refused.

#[path = "../../../okap-types/tests/it/answers.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the tables of okap-types' own tests")]
mod answers;
#[path = "../../../okap-types/tests/it/cases.rs"]
#[allow(dead_code, reason = "the tables of okap-types' own tests")]
mod cases;

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context as _, Result};
use cases::{Door, Seen};
use okap_types::{
    ErrorCode, Secret,
    token::{AccessToken, AuthorizationCode, ContinuationToken, DeviceCode, RefreshToken},
};
use serde_json::{Map, Value, json};

use super::{File, documents};

/// One file for each schema.
pub(super) fn all() -> Result<Vec<File>> {
    let mut files: BTreeMap<&str, Cases> = BTreeMap::new();
    for (schema, _) in okap_types::schema::all() {
        files.insert(schema, Cases::default());
    }
    let mut put = |schema: &str, case: Case| -> Result<()> {
        files.get_mut(schema).with_context(|| format!("no schema {schema}"))?.put(case);
        Ok(())
    };
    for (schema, case) in asked() {
        put(schema, case)?;
    }
    for (schema, case) in sent() {
        put(schema, case)?;
    }
    for case in documents::cases() {
        put("client-document", case)?;
    }
    let about = |schema: &str| match is_form(schema) {
        true => {
            "Forms: `message` holds the parameters, each a text, and `text` a whole form; the wire carries \
            application/x-www-form-urlencoded."
        }
        false if schema == "client-document" => {
            "Documents about published apps; each stands at https://notes.example/okap.json."
        }
        false if is_asked(schema) => {
            "What an app sends as JSON. A case has `message`, or `text` where \
            the exact characters matter, or `hex` where the bytes do."
        }
        false => {
            "What a vault answers. One that is not valid must not be sent; a reader may be more \
            forgiving."
        }
    };
    Ok(files
        .into_iter()
        .map(|(schema, cases)| {
            let wire = if is_form(schema) { "form" } else { "json" };
            File::new(&format!("messages/{schema}"), about(schema), cases.list)
                .with("schema", json!(format!("{schema}.json")))
                .with("wire", json!(wire))
        })
        .collect())
}

/// One of each message, by the name of its schema.
pub(super) fn examples() -> Vec<(&'static str, &'static str, Value)> {
    let mut all = written();
    for (name, schema, text) in [
        ("proposal", "authorize-request.proposal", cases::PROPOSAL),
        ("draft", "authorize-request.details", cases::DRAFT),
        ("python_package", "flat-request", cases::PYPI),
    ] {
        all.extend(serde_json::from_str(text).ok().map(|message| (name, schema, message)));
    }
    all
}

/// The messages of the tables, with secrets that look like ones.
fn written() -> Vec<(&'static str, &'static str, Value)> {
    let mut all = answers::all();
    for (_, _, message) in &mut all {
        lifelike(message, "");
    }
    all
}

fn lifelike(value: &mut Value, inside: &str) {
    let Some(members) = value.as_object_mut() else { return };
    let bits = Secret::new([7; 32]);
    for (name, member) in members {
        if *member != answers::CANARY {
            lifelike(member, name);
            continue;
        }
        *member = match name.as_str() {
            _ if inside == "continue" => ContinuationToken::from_random(&bits).expose().into(),
            "refresh_token" => RefreshToken::from_random(&bits).expose().into(),
            "code" => AuthorizationCode::from_random(&bits).expose().into(),
            "device_code" => DeviceCode::from_random(&bits).expose().into(),
            // RFC 7636 appendix B
            "code_verifier" => "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
            "client_assertion" => "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl".into(),
            "request_uri" => "urn:ietf:params:oauth:request_uri:bwc4JK-ESC0w8acc191e-Y1LTC2".into(),
            _ => AccessToken::from_random(&bits).expose().into(),
        };
    }
}

fn is_form(schema: &str) -> bool {
    ["pushed", "token", "device", "revocation", "introspection"]
        .iter()
        .any(|kind| schema == format!("{kind}-request"))
}

fn is_asked(schema: &str) -> bool {
    schema.starts_with("authorize-request")
        || ["flat-request", "model-access", "client-info"].contains(&schema)
}

/// The wire form of a case.
pub(super) enum Wire {
    Message(Value),
    Text(String),
    Hex(Vec<u8>),
}

pub(super) struct Case {
    pub(super) name: String,
    pub(super) wire: Wire,
    /// `None` for a valid message; for others the code, where an answer carries one.
    pub(super) refused: Option<Option<ErrorCode>>,
    /// Whether a schema refuses it as well.
    pub(super) structural: bool,
    pub(super) why: String,
}

impl Case {
    pub(super) fn valid(name: impl Into<String>, message: Value, why: &str) -> Self {
        let wire = Wire::Message(message);
        Self { name: name.into(), wire, refused: None, structural: false, why: why.into() }
    }

    pub(super) fn refused(
        name: impl Into<String>,
        message: Value,
        code: Option<ErrorCode>,
        why: &str,
    ) -> Self {
        Self { refused: Some(code), structural: true, ..Self::valid(name, message, why) }
    }
}

/// The cases of one schema, no message twice.
#[derive(Default)]
struct Cases {
    seen: HashSet<String>,
    names: BTreeMap<String, usize>,
    list: Vec<Value>,
}

impl Cases {
    fn put(&mut self, case: Case) {
        let (member, value) = match case.wire {
            Wire::Message(message) => ("message", message),
            Wire::Text(text) => ("text", text.into()),
            Wire::Hex(bytes) => {
                ("hex", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>().into())
            }
        };
        if !self.seen.insert(format!("{member} {value}")) {
            return;
        }
        let number = self.names.entry(case.name.clone()).or_insert(0);
        *number += 1;
        let name = if *number == 1 { case.name } else { format!("{} ({number})", case.name) };
        let valid = case.refused.is_none();
        let code = case.refused.flatten().map(ErrorCode::as_str);
        self.list.push(json!({
            "name": name, "valid": valid, member: value, "why": case.why, "code": code,
            "structural": case.structural,
        }));
    }
}

/// The requests for access, from the tables of refusals and their twins.
fn asked() -> Vec<(&'static str, Case)> {
    let mut all = Vec::new();
    for (at, (door, text)) in cases::accepted().into_iter().enumerate() {
        let Some(schema) = door.schema() else { continue };
        all.push((
            schema,
            shaped(door, format!("accepted {}", at + 1), &text, "parses", None, false),
        ));
    }
    for case in cases::refused() {
        let Some(schema) = case.door.schema() else { continue };
        let why = match case.seen {
            Seen::BySchema => "its form is wrong",
            Seen::ByParserOnly(why) => why,
            Seen::AsNoJson => "it is no JSON",
        };
        let structural = case.seen == Seen::BySchema;
        let twin = format!("twin of: {}", case.what);
        let good = shaped(
            case.door,
            twin,
            &case.good,
            "differs in one thing from what is refused",
            None,
            false,
        );
        let bad = shaped(case.door, case.what.clone(), &case.bad, why, Some(case.code), structural);
        for (part, whole) in [(&case.good, &good), (&case.bad, &bad)] {
            all.extend(parts(case.door, part, whole));
        }
        all.extend([(schema, good), (schema, bad)]);
    }
    all.extend(encodings().into_iter().map(|case| ("authorize-request.proposal", case)));
    all
}

/// A case as a JSON value, or as text where a JSON reader would change what it says.
fn shaped(
    door: Door,
    name: String,
    text: &str,
    why: &str,
    code: Option<ErrorCode>,
    structural: bool,
) -> Case {
    let same = serde_json::from_str::<Value>(text)
        .ok()
        .filter(|value| door.parse(&value.to_string()).err().map(|e| e.code()) == code);
    let wire = same.map_or_else(|| Wire::Text(text.to_owned()), Wire::Message);
    Case { name, wire, refused: code.map(Some), structural, why: why.to_owned() }
}

/// The one details object of a message, and what the message says of its client, on their own.
fn parts(door: Door, text: &str, whole: &Case) -> Vec<(&'static str, Case)> {
    let Ok(message) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let part = |value: &Value, code| Case {
        name: whole.name.clone(),
        wire: Wire::Message(value.clone()),
        refused: whole.refused.map(|_| Some(code)),
        structural: whole.structural,
        why: whole.why.clone(),
    };
    let is_value = matches!(whole.wire, Wire::Message(_));
    let mut all = Vec::new();
    match (door, message.get("authorization_details").and_then(Value::as_array)) {
        (Door::Details, Some(list))
            if is_value && whole.refused != Some(Some(ErrorCode::UnsupportedVersion)) =>
        {
            if let [object] = list.as_slice()
                && message.get("request").is_none()
            {
                all.push(("model-access", part(object, ErrorCode::InvalidAuthorizationDetails)));
            }
        }
        _ => {}
    }
    if door == Door::Proposal
        && let Some(client) = message.get("client")
    {
        all.push(("client-info", part(client, ErrorCode::InvalidRequest)));
    }
    all
}

/// V125: what is no UTF-8 JSON text.
fn encodings() -> Vec<Case> {
    let good = r#"{"okap":"1.0","request":{"provider":"openai"},"note":"x"}"#;
    let note = |bytes: &[u8]| {
        let (head, tail) = good.split_once("\"x\"").unwrap_or((good, ""));
        [head.as_bytes(), b"\"", bytes, b"\"", tail.as_bytes()].concat()
    };
    let utf16 =
        |order: fn(u16) -> [u8; 2]| -> Vec<u8> { good.encode_utf16().flat_map(order).collect() };
    let bad = [
        ("empty", Vec::new()),
        ("white space alone", b" \n".to_vec()),
        ("byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("UTF-16, little end first", utf16(u16::to_le_bytes)),
        ("UTF-16, big end first", utf16(u16::to_be_bytes)),
        ("Latin-1", note(b"\xe9")),
        ("overlong UTF-8", note(b"\xc0\xaf")),
        ("surrogate in UTF-8", note(b"\xed\xa0\x80")),
        ("UTF-8 cut short", note(b"\xc3")),
        ("lone surrogate, escaped", note(br"\ud83d")),
        ("raw line feed in a text", note(b"\n")),
        ("unknown escape", note(br"\x41")),
        ("text behind it", format!("{good}x").into_bytes()),
        ("object behind it", format!("{good}{{}}").into_bytes()),
        ("NUL behind it", format!("{good}\0").into_bytes()),
        ("comma too many", good.replace("\"x\"}", "\"x\",}").into_bytes()),
        ("comment", format!("{good} // done").into_bytes()),
        ("single quotes", good.replace('"', "'").into_bytes()),
        ("cut off", good.trim_end_matches('}').as_bytes().to_vec()),
        ("17 levels", note(b"x\",\"deep\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]],\"y\":\"")),
    ];
    let fine =
        [("UTF-8", note("é".as_bytes())), ("escaped pair of surrogates", note(br"\ud83d\ude00"))];
    let why = "it is no UTF-8 JSON text of at most 16 levels";
    let refused = bad.map(|(name, bytes)| Case {
        name: format!("V125 {name}"),
        wire: Wire::Hex(bytes),
        refused: Some(Some(ErrorCode::InvalidJson)),
        structural: false,
        why: why.to_owned(),
    });
    let read = fine.map(|(name, bytes)| Case {
        name: name.to_owned(),
        wire: Wire::Hex(bytes),
        refused: None,
        structural: false,
        why: "parses".to_owned(),
    });
    read.into_iter().chain(refused).collect()
}

/// Forms and answers: one of each, then each without a member, with a member of another type, and
/// with one that contradicts it.
fn sent() -> Vec<(&'static str, Case)> {
    let schemas: BTreeMap<_, _> = okap_types::schema::all().into_iter().collect();
    let mut all = Vec::new();
    for (name, schema, message) in written() {
        let form = is_form(schema);
        all.push((schema, Case::valid(name, message.clone(), "as a peer writes it")));
        if !is_asked(schema) {
            let mut more = message.clone();
            set(&mut more, "added_later", if form { json!("x") } else { json!({"by": [1]}) });
            let what = format!("{name} with a member of a later version");
            all.push((schema, Case::valid(what, more, "unknown members are ignored")));
        }
        let members = message.as_object().cloned().unwrap_or_default();
        if form {
            all.extend(twice(name, &members).into_iter().map(|case| (schema, case)));
        }
        for member in members.keys() {
            let code = form.then_some(ErrorCode::InvalidRequest);
            if let Some(why) = requires(schemas.get(schema), &message, member) {
                let mut without = members.clone();
                without.remove(member);
                let what = format!("{name} without {member}");
                all.push((schema, Case::refused(what, without.into(), code, why)));
            }
            if form {
                continue; // a form knows texts only
            }
            for wrong in [Value::Null, json!([{"a": 1}]), json!(-1.5)] {
                let mut other = message.clone();
                set(&mut other, member, wrong.clone());
                let what = format!("{name}, {member}: {wrong}");
                let code = is_asked(schema).then_some(ErrorCode::InvalidRequest);
                all.push((schema, Case::refused(what, other, code, "a member has the wrong type")));
            }
        }
    }
    for (name, pointer, wrong) in answers::contradictions() {
        let Some((_, schema, mut message)) = written().into_iter().find(|(n, ..)| *n == name)
        else {
            continue;
        };
        if is_form(schema) && !wrong.is_string() {
            continue;
        }
        let what = format!("{name}, {pointer}: {wrong}");
        if let Some(place) = message.pointer_mut(pointer) {
            *place = wrong;
        }
        let code = is_form(schema).then(|| form_code(&message));
        all.push((
            schema,
            Case::refused(what, message, code, "a member has a value that it cannot have"),
        ));
    }
    all
}

/// A form in which a parameter stands twice, and one with too many.
fn twice(name: &str, members: &Map<String, Value>) -> Vec<Case> {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (member, value) in members {
        pairs.append_pair(member, value.as_str().unwrap_or_default());
    }
    let whole = pairs.finish();
    let case = |what: &str, more: String| Case {
        name: format!("{name} with {what}"),
        wire: Wire::Text(format!("{whole}&{more}")),
        refused: Some(Some(ErrorCode::InvalidRequest)),
        structural: false,
        why: "a parameter stands once, and there are 64 at most".to_owned(),
    };
    let many: Vec<_> = (0..64).map(|i| format!("p{i}=1")).collect();
    let mut all: Vec<_> = whole
        .split('&')
        .map(|pair| {
            let parameter = pair.split('=').next().unwrap_or_default();
            case(&format!("{parameter} twice"), pair.to_owned())
        })
        .collect();
    all.push(case("an unknown parameter twice", "x=1&x=2".to_owned()));
    all.push(case("an unknown parameter twice, once escaped", "x=1&%78=1".to_owned()));
    all.push(case("64 parameters more", many.join("&")));
    all
}

fn form_code(message: &Value) -> ErrorCode {
    let is = |member: &str, value: &str| message.get(member).is_some_and(|v| v == value);
    match () {
        () if is("grant_type", "password") => ErrorCode::UnsupportedGrantType,
        () if is("response_type", "token") => ErrorCode::UnsupportedResponseType,
        () => ErrorCode::InvalidRequest,
    }
}

fn set(message: &mut Value, member: &str, value: Value) {
    if let Some(object) = message.as_object_mut() {
        object.insert(member.to_owned(), value);
    }
}

/// Why the schema wants a member of this message, where it does.
fn requires(schema: Option<&Value>, message: &Value, member: &str) -> Option<&'static str> {
    let schema = schema?.as_object()?;
    let lists = |part: &Map<String, Value>| {
        let required = part.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|name| name == member))
    };
    let same_grant = |part: &&Map<String, Value>| {
        let wanted = part.get("properties").and_then(|p| p.pointer("/grant_type/const"));
        wanted.is_some() && wanted == message.get("grant_type")
    };
    let choices = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let chosen = choices.filter_map(Value::as_object).find(same_grant);
    if lists(schema) || chosen.is_some_and(lists) {
        return Some("a required member is missing");
    }
    let pairs = schema.get("dependentRequired").and_then(Value::as_object)?;
    pairs.contains_key(member).then_some("one of a pair comes alone")
}

//! Messages that parse, and for each refusal a message and its twin: they differ in one thing, and
//! only one of them parses. `requests.rs` puts them to the parser, `schema.rs` to the schemas.

use okap_types::{
    ClientInfo,
    ErrorCode::{self, InvalidAuthorizationDetails as Details, InvalidJson},
    GrantRequest, ParseError,
};

// with their paths, since other targets take this file in by its own
#[path = "cases/accepted.rs"]
mod accepted;
#[path = "cases/clients.rs"]
mod clients;
#[path = "cases/lists.rs"]
mod lists;
#[path = "cases/messages.rs"]
mod messages;
#[path = "cases/objects.rs"]
mod objects;
#[path = "cases/values.rs"]
mod values;
#[path = "cases/versions.rs"]
mod versions;

pub(crate) use self::accepted::accepted;

/// How a message comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Shape 1 at `/okap/authorize`.
    Proposal,
    /// Shape 2 at `/okap/authorize`.
    Details,
    /// Shape 3 at `/okap/request`.
    Flat,
    /// Shape 4, `authorization_details` in a form.
    OAuth,
}

impl Door {
    pub(crate) const ALL: [Self; 4] = [Self::Proposal, Self::Details, Self::Flat, Self::OAuth];

    pub(crate) fn parse(self, text: &str) -> Result<GrantRequest, ParseError> {
        match self {
            Self::Proposal | Self::Details => GrantRequest::parse_authorize(text.as_bytes()),
            Self::Flat => GrantRequest::parse_flat(text.as_bytes()),
            Self::OAuth => GrantRequest::from_oauth(text, ClientInfo::default()),
        }
    }

    /// A message that asks for one object with these members (without `type`).
    pub(crate) fn around(self, members: &str) -> String {
        let typed = || format!(r#"[{{"type":"ai_model_access",{members}}}]"#);
        match self {
            Self::Proposal => format!(r#"{{"okap":"1.0","request":{{{members}}}}}"#),
            Self::Details => format!(r#"{{"okap":"1.0","authorization_details":{}}}"#, typed()),
            Self::Flat => format!(r#"{{"okap":"1.0",{members}}}"#),
            Self::OAuth => typed(),
        }
    }

    /// The schema of its messages.
    #[allow(dead_code, reason = "the schema tests read it")]
    pub(crate) fn schema(self) -> Option<&'static str> {
        match self {
            Self::Proposal => Some("authorize-request.proposal"),
            Self::Details => Some("authorize-request.details"),
            Self::Flat => Some("flat-request"),
            Self::OAuth => None,
        }
    }
}

/// Who else sees what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The message's schema refuses it too.
    BySchema,
    /// The parser alone: why no schema can.
    ByParserOnly(&'static str),
    /// No JSON reader gets this far.
    AsNoJson,
}

/// A refused message beside its twin.
pub(crate) struct Case {
    pub(crate) door: Door,
    pub(crate) what: String,
    pub(crate) good: String,
    pub(crate) bad: String,
    pub(crate) code: ErrorCode,
    pub(crate) seen: Seen,
}

const AS_NUMBER: Seen = Seen::ByParserOnly("a validator sees the number, not its digits");
const AS_CALENDAR: Seen = Seen::ByParserOnly("a pattern knows no calendar");
const AS_BYTES: Seen = Seen::ByParserOnly("a schema counts characters, the limit is in bytes");
const AS_SHOWN: Seen = Seen::ByParserOnly("the limit counts what is left after cleaning");
const AS_LOOKS: Seen = Seen::ByParserOnly("a portable pattern has no Unicode classes");
const AS_TOGETHER: Seen = Seen::ByParserOnly("a schema cannot compare one object with another");
const AS_ADDRESS: Seen = Seen::ByParserOnly("a schema does not take an address apart");
const AS_READ: Seen = Seen::ByParserOnly("a JSON reader has dropped one of the two already");

/// The proposal's example request, as `protocol.md` section 2 writes it.
pub(crate) const PROPOSAL: &str = r#"{"okap":"1.0","request":{"provider":"openai","models":["gpt-4","gpt-4o-mini"],"capabilities":["chat","embeddings"],"limits":{"monthly_spend":10.00,"requests_per_minute":60},"expires":"2025-03-01"}}"#;

/// A request in the published draft's shape, with two objects.
pub(crate) const DRAFT: &str = r#"{"okap":"1.0","authorization_details":[
    {"type":"ai_model_access","provider":"openai","models":["gpt-4o-mini"],
     "capabilities":["chat"],"limits":{"monthly_spend":"10.00","daily_spend":1,
     "requests_per_minute":60,"requests_per_day":500,"tokens_per_request":8192},
     "expires":"2027-03-01T12:00:00+02:00","reason":"Summarise your notes"},
    {"type":"ai_model_access","provider":"anthropic"}],
    "client":{"name":"Notes","url":"https://notes.example","callback":"https://notes.example/cb"}}"#;

/// What `OkapClient(..., app_name=, app_url=).request_access("openai", ...)` of okap 0.1.2 posts,
/// as httpx wrote it.
pub(crate) const PYPI: &str = r#"{"okap":"1.0","provider":"openai","models":["gpt-4","gpt-4o-mini"],"capabilities":["chat","embeddings"],"limits":{"monthly_spend":10.0,"daily_spend":1.5,"requests_per_minute":60},"expires":"2027-03-01","reason":"Summarise your notes","app_name":"Notes","app_url":"https://notes.example"}"#;

/// The same with no arguments but the provider.
pub(crate) const PYPI_BARE: &str =
    r#"{"okap":"1.0","provider":"anthropic","models":[],"capabilities":["chat"]}"#;

/// Every refusal, with its twin.
pub(crate) fn refused() -> Vec<Case> {
    let mut all = Vec::new();
    for row in objects::all() {
        for door in Door::ALL.into_iter().filter(|door| !row.skip.contains(door)) {
            all.push(Case {
                door,
                what: row.what.clone(),
                good: door.around(&row.good),
                bad: door.around(&row.bad),
                code: match (row.seen, door) {
                    (Seen::AsNoJson, Door::Proposal | Door::Details | Door::Flat) => InvalidJson,
                    (AS_READ, Door::Proposal | Door::Details | Door::Flat) => {
                        ErrorCode::DuplicateMember
                    }
                    _ => Details,
                },
                seen: row.seen,
            });
        }
    }
    all.extend(messages::all());
    all
}

/// Two lists of members for one object, of which the second is refused.
struct Row {
    what: String,
    good: String,
    bad: String,
    seen: Seen,
    skip: &'static [Door],
}

fn row(what: &str, good: &str, bad: &str, seen: Seen) -> Row {
    Row { what: what.into(), good: good.into(), bad: bad.into(), seen, skip: &[] }
}

fn case(door: Door, what: &str, good: &str, bad: &str, code: ErrorCode, seen: Seen) -> Case {
    Case { door, what: what.into(), good: good.into(), bad: bad.into(), code, seen }
}

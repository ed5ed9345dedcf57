//! Messages that parse, and for each refusal a message and its twin: they differ in one thing, and
//! only one of them parses. `requests.rs` puts them to the parser, `schema.rs` to the schemas.

use okap_types::{
    ClientInfo,
    ErrorCode::{
        self, InvalidAuthorizationDetails as Details, InvalidJson, InvalidRequest,
        UnsupportedVersion,
    },
    GrantRequest, ParseError,
};

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

/// Messages that parse.
pub(crate) fn accepted() -> Vec<(Door, String)> {
    let mut all = vec![
        (Door::Proposal, PROPOSAL.to_owned()),
        (Door::Details, DRAFT.to_owned()),
        (Door::Flat, PYPI.to_owned()),
        (Door::Flat, PYPI_BARE.to_owned()),
    ];
    let around = |members: &str| Door::ALL.map(|door| (door, door.around(members)));
    for members in [
        r#""provider":"openai""#.to_owned(),
        r#""provider":"my-lab_2","models":[],"capabilities":["dreaming"],"limits":{}"#.to_owned(),
        r#""provider":"openai","limits":{"daily_spend":0,"monthly_spend":"0"}"#.to_owned(),
        r#""provider":"openai","limits":{"monthly_spend":1000000,"daily_spend":"1000000.000000"}"#
            .to_owned(),
        format!(r#""provider":"openai","reason":"{}{}""#, "x".repeat(280), r"\u200b".repeat(100)),
        r#""provider":"openai","reason":"\ud83d\ude00 \u0000 caf\u00e9""#.to_owned(),
        r#""provider":"ollama","models":["My Model:7b","\u6a21\u578b"]"#.to_owned(),
        r#" "provider" : "openai" , "expires" : "2999-12-31t23:59:59.999z" "#.to_owned(),
    ] {
        all.extend(around(&members));
    }
    for more in [
        r#""client":{}"#,
        r#""client":{"name":"","more":{"deep":[1,{"a":null}]}}"#,
        r#""client":{"name":"Notes","url":"http://127.0.0.1:8080/x?y#z"}"#,
        r#""client":{"client_id":"https://notes.example/okap.json"}"#,
        // a claim; whether it is an address is seen where somebody wants to prove it
        r#""client":{"client_id":"notes"}"#,
        r#""extra":[null,1e-3,"\u0000"],"provider":"ignored here""#,
    ] {
        let body = format!(r#"{{"okap":"1.0","request":{{"provider":"openai"}},{more}}}"#);
        all.push((Door::Proposal, body));
    }
    let typed = r#""type":"ai_model_access","provider":"openai""#;
    all.push((Door::Proposal, Door::Proposal.around(typed)));
    all.push((Door::Proposal, r#"{"okap":"1.7","request":{"provider":"openai"}}"#.to_owned()));
    all.push((
        Door::Flat,
        r#"{"okap":"1.0","provider":"openai","more":1,"app_url":""}"#.to_owned(),
    ));
    all
}

/// Every refusal, with its twin.
pub(crate) fn refused() -> Vec<Case> {
    let mut all = Vec::new();
    for row in objects() {
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
    all.extend(messages());
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

/// V71, V74, V76, V77, V124: what is wrong inside one object.
fn objects() -> Vec<Row> {
    let mut all = vec![
        row(
            "provider missing",
            r#""provider":"openai","models":["m"]"#,
            r#""models":["m"]"#,
            Seen::BySchema,
        ),
        row(
            "answer-only member in limits",
            r#""provider":"openai","limits":{"monthly_spend":1}"#,
            r#""provider":"openai","limits":{"monthly_spend":1,"resets_at":"2027-01-01"}"#,
            Seen::BySchema,
        ),
        row(
            "depth 9",
            r#""provider":"openai","limits":{}"#,
            r#""provider":"openai","limits":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}"#,
            Seen::BySchema,
        ),
    ];
    // unknown at the top of a flat body is ignored
    all.push(Row {
        skip: &[Door::Flat],
        ..row(
            "unknown member",
            r#""provider":"openai","models":["m"]"#,
            r#""provider":"openai","model":["m"]"#,
            Seen::BySchema,
        )
    });
    for (name, value) in [
        ("base_url", r#""https://evil.example""#),
        ("base_url", "null"),
        ("currency", r#""EUR""#),
        ("window", r#""utc_calendar""#),
        ("resets_at", r#""2027-01-01""#),
    ] {
        let bad = format!(r#""provider":"openai","{name}":{value}"#);
        all.push(row(&format!("V77 {name}"), r#""provider":"openai""#, &bad, Seen::BySchema));
    }
    for (what, twice) in [
        ("a member twice", r#""provider":"openai","provider":"anthropic""#),
        ("a member twice, the same value", r#""provider":"openai","provider":"openai""#),
        ("a member twice, one escaped", r#""provider":"openai","provid\u0065r":"openai""#),
        (
            "a member twice, nested",
            r#""provider":"openai","limits":{"daily_spend":1,"daily_spend":1}"#,
        ),
        (
            "a member twice, nested and escaped",
            r#""provider":"openai","limits":{"daily_spend":1,"\u0064aily_spen\u0064":1}"#,
        ),
    ] {
        all.push(row(what, r#""provider":"openai","limits":{"daily_spend":1}"#, twice, AS_READ));
    }
    all.extend(wrong_values());
    all
}

/// One member of one object: `(member, good value, bad values)`.
fn wrong_values() -> Vec<Row> {
    let quoted = |text: &str| format!("\"{text}\"");
    let list = |n: usize| {
        let items: Vec<_> = (0..n).map(|i| format!("\"n{i}\"")).collect();
        format!("[{}]", items.join(","))
    };
    let mut all = Vec::new();
    let mut put = |member: &str, good: &str, bads: &[(String, Seen)]| {
        for (bad, seen) in bads {
            let provider = if member == "provider" { "" } else { r#""provider":"openai","# };
            let mut shown: String = bad.chars().take(40).collect();
            shown.insert_str(0, &format!("{member}: "));
            all.push(row(
                &shown,
                &format!(r#"{provider}"{member}":{good}"#),
                &format!(r#"{provider}"{member}":{bad}"#),
                *seen,
            ));
        }
    };
    let see = |values: &[&str]| -> Vec<(String, Seen)> {
        values.iter().map(|v| ((*v).to_owned(), Seen::BySchema)).collect()
    };

    put("provider", &quoted(&"a".repeat(64)), &[(quoted(&"a".repeat(65)), Seen::BySchema)]);
    put(
        "provider",
        r#""openai""#,
        &see(&[
            "7",
            "null",
            "true",
            r#"["openai"]"#,
            r#"{"openai":null}"#,
            r#""""#,
            r#""OpenAI""#,
            r#"" openai""#,
            r#""openai ""#,
            r#""-openai""#,
            r#""open/ai""#,
            r#""..""#,
            r#""open.ai""#,
            r#""openai\u0000""#,
            r#""openai\n""#,
            r#""openai\u200b""#,
            r#""\u202eianepo""#,
            r#""openai\ufeff""#,
            r#""о\u0440enai""#,
            r#""ｏpenai""#,
        ]),
    );
    put(
        "models",
        r#"["gpt-4"]"#,
        &see(&[
            r#""gpt-4""#,
            "null",
            r#"{"0":"gpt-4"}"#,
            "[4]",
            "[null]",
            r#"[["gpt-4"]]"#,
            r#"["gpt-4","gpt-4"]"#,
            r#"["gpt-4","gpt\u002d4"]"#,
            r#"["*"]"#,
            r#"["gpt-4","*"]"#,
            r#"[""]"#,
            r#"["gpt-4\u0000"]"#,
            r#"["gpt-4\n"]"#,
            r#"["gpt-4\u0085"]"#,
        ]),
    );
    put("models", &list(64), &[(list(65), Seen::BySchema)]);
    let model = |text: &str, times: usize| format!("[\"{}\"]", text.repeat(times));
    put("models", &model("m", 256), &[(model("m", 257), Seen::BySchema)]);
    put("models", &model("é", 128), &[(model("é", 129), AS_BYTES)]);
    let deceiving =
        [r"gpt-4\u200b", r"\u202e4-tpg", r"\ufeffgpt-4", r"gpt\u00ad-4", r"gpt\u2800-4"];
    put("models", r#"["gpt-4"]"#, &deceiving.map(|m| (format!("[\"{m}\"]"), AS_LOOKS)));
    put(
        "capabilities",
        r#"["chat"]"#,
        &see(&[
            r#""chat""#,
            "null",
            "[1]",
            r#"["Chat"]"#,
            r#"["chat","chat"]"#,
            r#"[""]"#,
            r#"["chat\u200b"]"#,
            r#"["chat "]"#,
            r#"["*"]"#,
            r#"{"chat":true}"#,
        ]),
    );
    put("capabilities", &list(16), &[(list(17), Seen::BySchema)]);
    put(
        "limits",
        r#"{"monthly_spend":10}"#,
        &see(&[
            "null",
            "10",
            r#""10""#,
            "[]",
            "[10]",
            "[[10]]",
            r#"{"monthly":10}"#,
            r#"{"unlimited":true}"#,
        ]),
    );
    for member in ["monthly_spend", "daily_spend"] {
        let limit = |value: &str| format!(r#"{{"{member}":{value}}}"#);
        let mut bads = see(&[
            "-1",
            "1000000.01",
            "1000001",
            "1e300",
            "null",
            "true",
            "[]",
            "{}",
            r#"{"amount":1}"#,
            r#""1e3""#,
            r#""10,00""#,
            r#""""#,
            r#"" 10""#,
            r#""10 ""#,
            r#""10\n""#,
            r#""10.""#,
            r#"".5""#,
            r#""+1""#,
            r#""-1""#,
            r#""-0.0""#,
            r#""0x10""#,
            r#""010""#,
            r#""00""#,
            r#""1_0""#,
            r#""NaN""#,
            r#""Infinity""#,
            r#""-Infinity""#,
            r#""1e400""#,
            r#""0.0000001""#,
            r#""1.0000000""#,
            r#""1000000.000001""#,
            r#""1000001""#,
            r#""99999999999999999999""#,
            r#""10 USD""#,
            r#""$10""#,
            r#""１０""#,
            r#""1.0.0""#,
            r#""unlimited""#,
            r#""10\u0000""#,
        ]);
        let digits = ["-0.0", "-0", "0.0000001", "10.0000000", "1e3", "1E3", "1e-5", "1.0e0"];
        bads.extend(digits.map(|v| (v.to_owned(), AS_NUMBER)));
        let broken = [
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "-Infinity",
            "010",
            ".5",
            "+1",
            "10,00",
            "1_0",
            "10.",
        ];
        bads.extend(broken.map(|v| (v.to_owned(), Seen::AsNoJson)));
        let bads: Vec<_> = bads.into_iter().map(|(v, seen)| (limit(&v), seen)).collect();
        put("limits", &limit("10.1"), &bads);
        put("limits", &limit(r#""10.1""#), &bads);
    }
    for member in ["requests_per_minute", "requests_per_day", "tokens_per_request"] {
        let limit = |value: &str| format!(r#"{{"{member}":{value}}}"#);
        let mut bads = see(&[
            "0",
            "-1",
            "2147483648",
            "18446744073709551616",
            "1.5",
            "null",
            "true",
            r#""60""#,
            "[]",
            "[60]",
            "{}",
        ]);
        bads.extend(["60.0", "6e1"].map(|v| (v.to_owned(), AS_NUMBER)));
        bads.extend(["1e400", "NaN", "060"].map(|v| (v.to_owned(), Seen::AsNoJson)));
        let bads: Vec<_> = bads.into_iter().map(|(v, seen)| (limit(&v), seen)).collect();
        put("limits", &limit("1"), &bads);
        put("limits", &limit("2147483647"), &bads);
    }
    let mut dates = see(&[
        "1740787200",
        "null",
        "true",
        r#"["2025-03-01"]"#,
        r#""""#,
        r#""tomorrow""#,
        r#""2025-13-01""#,
        r#""2025-00-01""#,
        r#""2025-03-00""#,
        r#""2025-03-32""#,
        r#""2025-3-1""#,
        r#""20250301""#,
        r#""2025-060""#,
        r#""01.03.2025""#,
        r#""03/01/2025""#,
        r#""9999-01-01""#,
        r#""9999-12-31T23:59:59Z""#,
        r#""0000-01-01""#,
        r#""-2025-03-01""#,
        r#""+2025-03-01""#,
        r#""12025-03-01""#,
        r#""2025-03-01Z""#,
        r#"" 2025-03-01""#,
        r#""2025-03-01 ""#,
        r#""2025-03-01\n""#,
        r#""２０２５-03-01""#,
        r#""2025‐03‐01""#,
        r#""2025-03-01T00:00:00""#,
        r#""2025-03-01T00:00Z""#,
        r#""2025-03-01T00Z""#,
        r#""2025-03-01X00:00:00Z""#,
        r#""2025-03-01T24:00:00Z""#,
        r#""2025-03-01T00:60:00Z""#,
        r#""2025-03-01T00:00:61Z""#,
        r#""2016-12-31T23:59:60Z""#,
        r#""2025-03-01T00:00:60Z""#,
        r#""2025-03-01T00:00:00+99:99""#,
        r#""2025-03-01T00:00:00+24:00""#,
        r#""2025-03-01T00:00:00+05:75""#,
        r#""2025-03-01T00:00:00+0100""#,
        r#""2025-03-01T00:00:00+01""#,
        r#""2025-03-01T00:00:00 UTC""#,
        r#""2025-03-01T00:00:00.Z""#,
        r#""2025-03-01T00:00:00,5Z""#,
        r#""2025-03-01T00:00:00ZZ""#,
        r#""2025-03-01T00:00:00.00000000000000000000Z""#,
    ]);
    let unreal = [
        "2025-02-29",
        "2025-02-30",
        "2025-04-31",
        "2100-02-29T00:00:00Z",
        "1969-12-31",
        "1970-01-01T00:00:00+01:00",
        "2999-12-31T23:59:59-01:00",
        "3000-01-01",
    ];
    dates.extend(unreal.map(|d| (quoted(d), AS_CALENDAR)));
    put("expires", r#""2025-03-01""#, &dates);
    put("reason", r#""why""#, &see(&["7", "null", r#"["why"]"#, r#"{"en":"why"}"#]));
    put("reason", &quoted(&"é".repeat(280)), &[(quoted(&"é".repeat(281)), AS_SHOWN)]);
    all
}

fn case(door: Door, what: &str, good: &str, bad: &str, code: ErrorCode, seen: Seen) -> Case {
    Case { door, what: what.into(), good: good.into(), bad: bad.into(), code, seen }
}

/// V71, V73, V121, V122: what is wrong with a message as a whole.
fn messages() -> Vec<Case> {
    let mut all = versions();
    all.extend(lists());
    all.extend(clients());
    let one = |top: &str| format!(r#"{{"okap":"1.0",{top}}}"#);
    let request = r#""request":{"provider":"openai"}"#;
    let details = r#""authorization_details":[{"type":"ai_model_access","provider":"openai"}]"#;
    let both = one(&format!("{request},{details}"));
    let mut put = |door, what: &str, bad: &str, code| {
        let good = match door {
            Door::Details => one(details),
            Door::Flat => r#"{"okap":"1.0","provider":"openai"}"#.to_owned(),
            _ => one(request),
        };
        all.push(case(door, what, &good, bad, code, Seen::BySchema));
    };
    put(Door::Proposal, "V121 both shapes", &both, InvalidRequest);
    put(Door::Details, "V121 both shapes", &both, InvalidRequest);
    let null = one(&format!(r#"{request},"authorization_details":null"#));
    put(Door::Proposal, "V121 both shapes, one null", &null, InvalidRequest);
    let null = one(&format!(r#"{details},"request":null"#));
    put(Door::Details, "V121 both shapes, one null", &null, InvalidRequest);
    put(Door::Proposal, "neither shape", r#"{"okap":"1.0"}"#, InvalidRequest);
    put(Door::Proposal, "the flat shape", r#"{"okap":"1.0","provider":"openai"}"#, InvalidRequest);
    put(Door::Flat, "the proposal's shape", &one(request), Details);
    for other in ["null", "true", "7", r#""openai""#, "[]"] {
        for door in [Door::Proposal, Door::Details, Door::Flat] {
            put(door, "not an object", other, InvalidRequest);
        }
        put(
            Door::Proposal,
            "request not an object",
            &one(&format!(r#""request":{other}"#)),
            Details,
        );
    }
    let array = r#"["1.0",{"provider":"openai"}]"#;
    put(Door::Proposal, "an array of the members", array, InvalidRequest);
    put(Door::Proposal, "request as an array", &one(r#""request":["openai"]"#), Details);
    put(Door::Flat, "an array of the members", r#"["1.0","openai"]"#, InvalidRequest);
    let unknown = one(r#""request":{"type":"payment","provider":"openai"}"#);
    put(Door::Proposal, "V71 unknown type", &unknown, Details);
    let null = one(r#""request":{"type":null,"provider":"openai"}"#);
    put(Door::Proposal, "type null", &null, Details);
    all
}

fn versions() -> Vec<Case> {
    let mut all = Vec::new();
    let wrong = [
        "1",
        "1.0",
        "null",
        "true",
        "[]",
        "{}",
        r#"["1.0"]"#,
        r#""2.0""#,
        r#""0.9""#,
        r#""1""#,
        r#""""#,
        r#""1.""#,
        r#"".0""#,
        r#""01.0""#,
        r#""1.00""#,
        r#""1.01""#,
        r#""1.0.0""#,
        r#"" 1.0""#,
        r#""1.0 ""#,
        r#""v1.0""#,
        r#""1.+0""#,
        r#""1.-1""#,
        r#""1,0""#,
        r#""１.0""#,
        r#""1.100000""#,
        r#""10.0""#,
        r#""1.0\u0000""#,
    ];
    let bodies = [
        (Door::Proposal, r#""request":{"provider":"openai"}"#),
        (
            Door::Details,
            r#""authorization_details":[{"type":"ai_model_access","provider":"openai"}]"#,
        ),
        (Door::Flat, r#""provider":"openai""#),
    ];
    for (door, rest) in bodies {
        let good = format!(r#"{{"okap":"1.0",{rest}}}"#);
        let mut put = |what: &str, bad: String| {
            all.push(case(door, what, &good, &bad, UnsupportedVersion, Seen::BySchema));
        };
        put("V122 okap missing", format!("{{{rest}}}"));
        for version in wrong {
            put(&format!("V122 okap {version}"), format!(r#"{{"okap":{version},{rest}}}"#));
        }
    }
    all
}

/// What is wrong with `authorization_details` as a list.
fn lists() -> Vec<Case> {
    let object = |more: &str| format!(r#"{{"type":"ai_model_access",{more}}}"#);
    let providers = |n: usize| {
        let objects: Vec<_> = (0..n).map(|i| object(&format!(r#""provider":"p{i}""#))).collect();
        format!("[{}]", objects.join(","))
    };
    let good = providers(1);
    let pair = |a: &str, b: &str| {
        let of = |rest: &str| object(&format!(r#""provider":"openai"{rest}"#));
        format!("[{},{}]", of(a), of(b))
    };
    let rows = [
        ("V73 17 objects", providers(16), providers(17), Seen::BySchema),
        ("no object", good.clone(), "[]".into(), Seen::BySchema),
        ("null", good.clone(), "null".into(), Seen::BySchema),
        ("an object, not a list", good.clone(), object(r#""provider":"openai""#), Seen::BySchema),
        ("a text", good.clone(), format!("{good:?}"), Seen::BySchema),
        ("null in the list", good.clone(), "[null]".into(), Seen::BySchema),
        ("a list in the list", good.clone(), format!("[{good}]"), Seen::BySchema),
        (
            "an object as an array of its members",
            good.clone(),
            r#"[["ai_model_access","openai"]]"#.into(),
            Seen::BySchema,
        ),
        ("type missing", good.clone(), r#"[{"provider":"openai"}]"#.into(), Seen::BySchema),
        (
            "V71 unknown type",
            good.clone(),
            r#"[{"type":"payment_initiation","provider":"openai"}]"#.into(),
            Seen::BySchema,
        ),
        (
            "V71 type in other case",
            good.clone(),
            r#"[{"type":"AI_model_access","provider":"openai"}]"#.into(),
            Seen::BySchema,
        ),
        (
            "type as an object",
            good.clone(),
            r#"[{"type":{"ai_model_access":null},"provider":"openai"}]"#.into(),
            Seen::BySchema,
        ),
        (
            "type a number",
            good.clone(),
            r#"[{"type":0,"provider":"openai"}]"#.into(),
            Seen::BySchema,
        ),
        (
            "two objects that share a model",
            pair(r#","models":["a","b"]"#, r#","models":["c"]"#),
            pair(r#","models":["a","b"]"#, r#","models":["c","a"]"#),
            AS_TOGETHER,
        ),
        (
            "two objects that leave the models open",
            pair("", r#","models":["c"]"#),
            pair("", r#","models":[]"#),
            AS_TOGETHER,
        ),
    ];
    let mut all = Vec::new();
    for (what, good, bad, seen) in rows {
        let around = |list: &str| format!(r#"{{"okap":"1.0","authorization_details":{list}}}"#);
        all.push(case(Door::Details, what, &around(&good), &around(&bad), Details, seen));
        all.push(case(Door::OAuth, what, &good, &bad, Details, seen));
    }
    all
}

/// What an app says of itself.
fn clients() -> Vec<Case> {
    let around = |client: &str| {
        format!(r#"{{"okap":"1.0","request":{{"provider":"openai"}},"client":{client}}}"#)
    };
    let flat = |more: &str| format!(r#"{{"okap":"1.0","provider":"openai",{more}}}"#);
    let name = |n: usize| format!(r#"{{"name":"{}"}}"#, "n".repeat(n));
    let id = |c: &str, n: usize| format!(r#"{{"client_id":"{}"}}"#, c.repeat(n));
    let app = |n: usize| format!(r#""app_name":"{}""#, "n".repeat(n));
    let good = around(r#"{"name":"Notes","url":"https://notes.example"}"#);
    let good_flat = flat(r#""app_name":"Notes","app_url":"https://notes.example""#);
    let mut all = vec![
        case(
            Door::Proposal,
            "long name",
            &around(&name(80)),
            &around(&name(81)),
            InvalidRequest,
            AS_SHOWN,
        ),
        case(
            Door::Proposal,
            "long client_id",
            &around(&id("i", 512)),
            &around(&id("i", 513)),
            InvalidRequest,
            Seen::BySchema,
        ),
        case(
            Door::Proposal,
            "long client_id in bytes",
            &around(&id("é", 256)),
            &around(&id("é", 257)),
            InvalidRequest,
            AS_BYTES,
        ),
        case(Door::Flat, "long name", &flat(&app(80)), &flat(&app(81)), InvalidRequest, AS_SHOWN),
    ];
    for (client, seen) in [
        ("null", Seen::BySchema),
        (r#""Notes""#, Seen::BySchema),
        (r#"["Notes"]"#, Seen::BySchema),
        (r#"{"name":7}"#, Seen::BySchema),
        (r#"{"name":null}"#, Seen::BySchema),
        (r#"{"url":null}"#, Seen::BySchema),
        (r#"{"callback":null}"#, Seen::BySchema),
        (r#"{"client_id":null}"#, Seen::BySchema),
        (r#"{"client_id":7}"#, Seen::BySchema),
        (r#"{"client_id":["https://notes.example/okap.json"]}"#, Seen::BySchema),
        (r#"{"url":"notes.example"}"#, Seen::BySchema),
        (r#"{"url":"javascript:alert(1)"}"#, Seen::BySchema),
        (r#"{"url":"data:text/html,x"}"#, Seen::BySchema),
        (r#"{"url":"file:///etc/passwd"}"#, Seen::BySchema),
        (r#"{"url":"https://"}"#, AS_ADDRESS),
        (r#"{"url":"https://bank.example@notes.example"}"#, AS_ADDRESS),
        (r#"{"url":"https://:secret@notes.example"}"#, AS_ADDRESS),
        (r#"{"url":"https://notes.example:99999"}"#, AS_ADDRESS),
    ] {
        let what = format!("client {client}");
        all.push(case(Door::Proposal, &what, &good, &around(client), InvalidRequest, seen));
    }
    for (member, seen) in [
        (r#""app_name":7"#, Seen::BySchema),
        (r#""app_name":null"#, Seen::BySchema),
        (r#""app_url":["https://notes.example"]"#, Seen::BySchema),
        (r#""app_url":"notes.example""#, AS_ADDRESS),
        (r#""app_url":"javascript:alert(1)""#, AS_ADDRESS),
        (r#""app_url":"https://a:b@notes.example""#, AS_ADDRESS),
    ] {
        all.push(case(Door::Flat, member, &good_flat, &flat(member), InvalidRequest, seen));
    }
    all
}

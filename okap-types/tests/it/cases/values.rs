//! What is wrong with the value of one member of an object.

use super::{AS_BYTES, AS_CALENDAR, AS_LOOKS, AS_NUMBER, AS_SHOWN, Row, Seen, row};

/// One member of one object: `(member, good value, bad values)`.
pub(super) fn all() -> Vec<Row> {
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

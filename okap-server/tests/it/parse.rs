//! What a request may say, through the direct door and through the pushed one.

use serde_json::{Value, json};

use crate::support::{Ask, House, chat_with};

impl House {
    /// Asks with one details object as text, through both doors; they agree.
    async fn reads(&self, details: &str) -> bool {
        self.clock.turn(601);
        let body = format!(r#"{{"okap":"1.0","authorization_details":[{details}]}}"#);
        let direct = self.send(Ask::post("/okap/authorize").json_text(&body)).await;
        let pushed = self.pushes("authorization_details", &format!("[{details}]")).await;
        assert_eq!(
            direct.status == 202,
            pushed.status == 201,
            "{details}: {} {}",
            direct.text(),
            pushed.text()
        );
        if direct.status != 202 {
            let code = direct.code();
            assert!(
                matches!(
                    &*code,
                    "invalid_authorization_details" | "invalid_json" | "duplicate_member"
                ),
                "{details}: {code}"
            );
            assert_eq!((direct.status, pushed.status), (400, 400));
        }
        direct.status == 202
    }
}

fn details(members: &str) -> String {
    format!(r#"{{"type":"ai_model_access","provider":"openai"{members}}}"#)
}

#[tokio::test]
async fn v71_details_are_read_strictly() {
    let house = House::open().await;
    for wrong in [
        r#"{"type":"ai_model","provider":"openai"}"#,
        r#"{"provider":"openai"}"#,
        r#"{"type":"ai_model_access"}"#,
        r#"{"type":["ai_model_access"],"provider":"openai"}"#,
        r#"{"type":"ai_model_access","provider":7}"#,
        r#"{"type":"ai_model_access","provider":"OpenAI"}"#,
        r#"{"type":"ai_model_access","provider":"nobody"}"#,
        r#"{"type":"ai_model_access","provider":null}"#,
        "null",
        "7",
        r#""x""#,
        "[]",
    ] {
        assert!(!house.reads(wrong).await, "{wrong}");
    }
    for wrong in [
        r#","scope":"all""#,
        r#","Models":["gpt-4o"]"#,
        r#","models":"gpt-4o""#,
        r#","models":{"0":"gpt-4o"}"#,
        r#","models":null"#,
        r#","models":["gpt-4o","gpt-4o"]"#,
        r#","models":["*"]"#,
        r#","models":[""]"#,
        r#","models":[7]"#,
        r#","models":["a\u0000b"]"#,
        r#","capabilities":"chat""#,
        r#","capabilities":["chat","chat"]"#,
        r#","capabilities":["Chat"]"#,
        r#","capabilities":[null]"#,
        r#","limits":[]"#,
        r#","limits":{"monthly":1}"#,
        r#","limits":{"monthly_spend":null}"#,
        r#","limits":{"requests_per_minute":0}"#,
        r#","limits":{"requests_per_minute":1.5}"#,
        r#","limits":{"requests_per_minute":"5"}"#,
        r#","limits":{"requests_per_day":-1}"#,
        r#","limits":{"requests_per_day":2147483648}"#,
        r#","limits":{"tokens_per_request":0}"#,
        r#","limits":{"requests_per_minute":1e1}"#,
    ] {
        assert!(!house.reads(&details(wrong)).await, "{wrong}");
    }
    for good in [
        "",
        r#","models":[]"#,
        r#","models":["gpt-4o"],"capabilities":["chat","my_own-thing"]"#,
        r#","limits":{}"#,
        r#","limits":{"requests_per_day":2147483647,"tokens_per_request":1}"#,
        r#","reason":"because""#,
    ] {
        assert!(house.reads(&details(good)).await, "{good}");
    }
    house.done().await;
}

#[tokio::test]
async fn v73_size_count_and_depth_are_bounded() {
    let house = House::open().await;
    let part = |n: usize| json!({"type": "ai_model_access", "provider": "openai", "models": [format!("m{n}")]});
    let parts = |n: usize| (0..n).map(part).collect::<Vec<_>>();
    for (count, status) in [(0, 400), (1, 202), (16, 202), (17, 400), (300, 400)] {
        house.clock.turn(601);
        assert_eq!(house.ask(&json!(parts(count))).await.status, status, "{count}");
    }
    let models = |n: usize| (0..n).map(|n| format!("m{n}")).collect::<Vec<_>>();
    for (count, good) in [(64, true), (65, false)] {
        assert_eq!(
            house.reads(&details(&format!(r#","models":{}"#, json!(models(count))))).await,
            good
        );
    }
    for (length, good) in [(256, true), (257, false)] {
        assert_eq!(
            house.reads(&details(&format!(r#","models":["{}"]"#, "m".repeat(length)))).await,
            good
        );
    }
    for depth in [9, 17, 120, 5_000, 10_000] {
        let nested = format!(r#","limits":{}{}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(!house.reads(&details(&nested)).await, "{depth}");
    }
    // behind members that are ignored, too
    for depth in [17, 30_000] {
        let body = format!(
            r#"{{"okap":"1.0","request":{{"provider":"openai"}},"x":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        assert_eq!(
            house.send(Ask::post("/okap/authorize").json_text(&body)).await.says(),
            (400, "invalid_json".into())
        );
    }
    let long =
        |n: usize| json!({"okap": "1.0", "request": {"provider": "openai"}, "x": "x".repeat(n)});
    assert_eq!(
        house.send(Ask::post("/okap/authorize").json(&long(65_536))).await.says(),
        (413, "request_too_large".into())
    );
    house.clock.turn(601);
    assert_eq!(house.send(Ask::post("/okap/authorize").json(&long(65_000))).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn two_parts_of_a_provider_share_no_model() {
    let house = House::open().await;
    let part =
        |models: Value| json!({"type": "ai_model_access", "provider": "openai", "models": models});
    for (parts, status) in [
        (json!([part(json!(["a"])), part(json!(["a", "b"]))]), 400),
        (json!([part(json!([])), part(json!([]))]), 400),
        (json!([part(json!(["a"])), part(json!(["b"]))]), 202),
        (json!([part(json!(["a"])), part(json!([]))]), 202),
    ] {
        assert_eq!(house.ask(&parts).await.status, status, "{parts}");
    }
    house.done().await;
}

#[tokio::test]
async fn v74_money_is_read_digit_by_digit() {
    let house = House::open().await;
    for wrong in [
        "1e400",
        "NaN",
        "Infinity",
        "-1",
        "-0.0",
        "0.0000001",
        r#""1e3""#,
        "1e3",
        "1E-2",
        r#""10,00""#,
        r#""-1""#,
        r#""+1""#,
        r#"" 1""#,
        r#""""#,
        r#""NaN""#,
        r#""0x10""#,
        "1000000.000001",
        "1000001",
        r#""1_000""#,
        r#"".5""#,
        r#""5.""#,
        "true",
        "[1]",
        r#"{"usd":1}"#,
        r#""01""#,
        r#""١""#,
        "18446744073709551616",
    ] {
        let limits = format!(r#","limits":{{"monthly_spend":{wrong}}}"#);
        assert!(!house.reads(&details(&limits)).await, "{wrong}");
        let limits = format!(r#","limits":{{"daily_spend":{wrong}}}"#);
        assert!(!house.reads(&details(&limits)).await, "{wrong}");
    }
    for (good, shown) in [
        ("10.1", "10.10"),
        (r#""10.1""#, "10.10"),
        ("0", "0.00"),
        (r#""0.000001""#, "0.000001"),
        ("1000000", "1000000.00"),
        ("10.00", "10.00"),
        ("0.1", "0.10"),
        ("33.333333", "33.333333"),
    ] {
        let granted = house.grant(
            serde_json::from_str(&details(&format!(r#","limits":{{"monthly_spend":{good}}}"#)))
                .unwrap(),
        );
        let limits = granted.await.grant.access[0].limits.clone();
        assert_eq!(limits.monthly_spend.unwrap().to_string(), shown);
        house.clock.turn(61);
    }
    house.done().await;
}

#[tokio::test]
async fn v76_an_end_is_a_moment_to_come() {
    let house = House::open().await;
    let day = |text: &str| format!(r#","expires":"{text}""#);
    for wrong in [
        "2026-11-15",
        "2020-01-01T00:00:00Z",
        "2027-13-01",
        "2027-02-29",
        "2027-01-01T00:00:00",
        "2027-01-01 00:00",
        "9999-01-01",
        "9999-12-31T23:59:59Z",
        "2027-06-30T23:59:60Z",
        "2027-01-01T00:00:00+99:99",
        "2027-1-1",
        "+2027-01-01",
        "2027-01-01Z",
        "1893456000",
        "",
        "tomorrow",
        "2027-01-01T24:00:00Z",
        "２０２７-01-01",
    ] {
        assert!(!house.reads(&details(&day(wrong))).await, "{wrong}");
    }
    assert!(!house.reads(&details(r#","expires":1893456000"#)).await);
    assert!(!house.reads(&details(r#","expires":null"#)).await);
    for good in [
        "2027-01-01",
        "2027-01-01T00:00:00Z",
        "2027-01-01T05:30:00+05:30",
        "2027-01-01T00:00:00.5Z",
    ] {
        assert!(house.reads(&details(&day(good))).await, "{good}");
    }
    let granted = house.grant(serde_json::from_str(&details(&day("2027-01-01"))).unwrap()).await;
    assert_eq!(granted.grant.access[0].expires.to_string(), "2027-01-01T00:00:00Z");
    house.done().await;
}

#[tokio::test]
async fn an_end_beyond_the_vaults_longest_is_clamped() {
    let house = House::open().await;
    let granted =
        house.grant(serde_json::from_str(&details(r#","expires":"2900-01-01""#)).unwrap()).await;
    assert!(granted.grant.access[0].expires <= house.control().latest_end());
    house.done().await;
}

#[tokio::test]
async fn v77_members_of_answers_have_no_place_in_requests() {
    let house = House::open().await;
    for member in ["base_url", "currency", "window", "resets_at", "models_refused"] {
        let wrong = format!(r#","{member}":"http://evil.example""#);
        assert!(!house.reads(&details(&wrong)).await, "{member}");
    }
    assert!(house.reads(&details("")).await);
    house.done().await;
}

#[tokio::test]
async fn v124_a_member_stands_once_at_every_depth() {
    let house = House::open().await;
    for twice in [
        r#"{"okap":"1.0","okap":"1.0","request":{"provider":"openai"}}"#,
        r#"{"okap":"1.0","request":{"provider":"openai","provider":"openai"}}"#,
        r#"{"okap":"1.0","request":{"provider":"openai","provid\u0065r":"anthropic"}}"#,
        r#"{"okap":"1.0","request":{"provider":"openai","limits":{"monthly_spend":1,"monthly_spend":1000}}}"#,
        r#"{"okap":"1.0","request":{"provider":"openai"},"x":[[{"a":1,"\u0061":2}]]}"#,
        r#"{"okap":"1.0","request":{"provider":"openai"},"client":{"name":"a","name":"b"}}"#,
    ] {
        let refused = house.send(Ask::post("/okap/authorize").json_text(twice)).await;
        assert_eq!(refused.says(), (400, "duplicate_member".into()), "{twice}");
    }
    let once = r#"{"okap":"1.0","request":{"provider":"openai"},"x":[{"a":1},{"a":2}]}"#;
    assert_eq!(house.send(Ask::post("/okap/authorize").json_text(once)).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn v125_json_is_one_text_in_utf8_and_nothing_more() {
    let house = House::open().await;
    let good = r#"{"okap":"1.0","request":{"provider":"openai"}}"#;
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let text = |text: &str| text.as_bytes().to_vec();
    for wrong in [
        [b"\xef\xbb\xbf".as_slice(), good.as_bytes()].concat(),
        utf16,
        good.replace("openai", "open\u{1}ai").into_bytes(),
        [good.as_bytes(), b"\xff"].concat(),
        text(&good.replace("openai", "x\\ud800")),
        text(&good.replace("openai", "x\\udc00\\ud800")),
        text(&format!("{good}{{}}")),
        text(&format!("{good}x")),
        text(&good.replace('{', "{/**/")),
        text(&good.replace(r#"}}"#, r#",}}"#)),
        text(&good.replace('"', "'")),
        text(""),
        text("{"),
        text(&good.replace("\"1.0\"", "\"1.0\",\"x\":1e999")),
    ] {
        let refused = house.send(Ask::post("/okap/authorize").json_text("").raw(&wrong)).await;
        assert_eq!(
            refused.says(),
            (400, "invalid_json".into()),
            "{}",
            String::from_utf8_lossy(&wrong)
        );
    }
    assert_eq!(house.control().vault().count("interaction").await, 0);
    let spaced = format!(" \r\n\t{good}\n ");
    assert_eq!(house.send(Ask::post("/okap/authorize").json_text(&spaced)).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn an_app_does_not_name_an_address_that_is_none() {
    let house = House::open().await;
    let ask = |url: &str| {
        let body = json!({"okap": "1.0", "authorization_details": [chat_with(json!({}))], "client": {"name": "n", "url": url}});
        Ask::post("/okap/authorize").json(&body)
    };
    for wrong in [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://me@evil.example/",
        "x",
    ] {
        assert_eq!(house.send(ask(wrong)).await.says(), (400, "invalid_request".into()), "{wrong}");
    }
    assert_eq!(house.send(ask("https://notes.example/")).await.status, 202);
    house.done().await;
}

//! Money, moments, counts, limits, models: the borders.

use okap_types::{Count, Limits, ModelId, Models, Money, Timestamp, Version};

use crate::answers::listed;

#[test]
fn money_is_written_with_at_least_two_decimals() {
    for (micros, text) in [
        (0, "0.00"),
        (1, "0.000001"),
        (100_000, "0.10"),
        (10_100_000, "10.10"),
        (10_123_456, "10.123456"),
        (10_120_000, "10.12"),
        (1_000_000_000_000, "1000000.00"),
    ] {
        let money = Money::from_micros(micros).unwrap();
        assert_eq!(money.to_string(), text);
        assert_eq!(serde_json::to_string(&money).unwrap(), format!("\"{text}\""));
    }
    assert_eq!(Money::from_micros(1_000_000_000_001), None);
    assert_eq!(Money::usd(u32::MAX), Money::MAX);
    assert_eq!(Money::usd(0), Money::ZERO);
}

#[test]
fn a_date_is_the_first_moment_of_its_day_in_utc() {
    for (text, millis) in [
        ("1970-01-01", 0),
        ("2025-03-01", 1_740_787_200_000),
        ("2024-02-29", 1_709_164_800_000),
        ("2025-03-01T00:00:00Z", 1_740_787_200_000),
        ("2025-03-01T02:00:00+02:00", 1_740_787_200_000),
        ("2025-02-28T19:00:00-05:00", 1_740_787_200_000),
        ("2025-03-01T00:00:00-00:00", 1_740_787_200_000),
        ("2025-03-01t00:00:00z", 1_740_787_200_000),
        ("2025-03-01 00:00:00+00:00", 1_740_787_200_000),
        ("2025-03-01T00:00:00.5Z", 1_740_787_200_500),
        // later digits are dropped: never a later end than asked
        ("2025-03-01T00:00:00.999999999Z", 1_740_787_200_999),
        ("2999-12-31T23:59:59.999Z", 32_503_679_999_999),
        ("3000-01-01T00:00:00+00:01", 32_503_679_940_000),
        ("1969-12-31T23:00:00-01:00", 0),
    ] {
        let moment: Timestamp = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(moment.unix_millis(), millis, "{text}");
    }
}

#[test]
fn moments_stay_in_range() {
    let end = Timestamp::from_unix_millis(i64::MAX);
    assert_eq!(end.to_string(), "2999-12-31T23:59:59.999Z");
    assert_eq!(end.plus_seconds(i64::MAX), end);
    assert_eq!(Timestamp::from_unix_millis(i64::MIN).unix_millis(), 0);
    assert_eq!(Timestamp::from_unix_millis(500).plus_seconds(-1).unix_millis(), 0);
    let second = Timestamp::from_unix_millis(1_000);
    assert_eq!(second.seconds_until(Timestamp::from_unix_millis(1_001)), 1);
    assert_eq!(second.seconds_until(second), 0);
    assert_eq!(second.seconds_until(Timestamp::from_unix_millis(0)), 0);
}

#[test]
fn counts_are_one_to_two_to_the_31_less_one() {
    assert_eq!(Count::new(0), None);
    assert_eq!(Count::new(1).map(Count::get), Some(1));
    assert_eq!(Count::new(2_147_483_647).map(Count::get), Some(2_147_483_647));
    assert_eq!(Count::new(2_147_483_648), None);
    let error = serde_json::from_str::<Count>("0").unwrap_err().to_string();
    assert!(error.contains("a whole number from 1 to 2147483647"), "{error}");
    let limits = Limits::default().per_minute(0).per_day(u32::MAX);
    assert_eq!(limits.requests_per_minute, Count::new(1));
    assert_eq!(limits.requests_per_day, Count::new(Count::MAX));
}

#[test]
fn no_money_is_not_unlimited_money() {
    let none = Limits::monthly(Money::ZERO);
    assert!(none.has_money());
    assert_ne!(none, Limits::default());
    assert!(none.within(&Limits::default()));
    assert!(!Limits::default().within(&none));
    assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"monthly_spend":"0.00"}"#);
}

#[test]
fn a_grant_lists_models_or_the_star_alone() {
    let read = |text: &str| serde_json::from_str::<Models>(text);
    assert_eq!(read(r#"["*"]"#).unwrap(), Models::Any);
    assert_eq!(read(r#"["a","b"]"#).unwrap(), listed(&["a", "b"]));
    let many: Vec<_> = (0..65).map(|i| format!("m{i}")).collect();
    for bad in ["[]", r#"["a","*"]"#, r#"["*","*"]"#, r#"["a","a"]"#, r#"[""]"#, r#""*""#, "null"] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert!(read(&serde_json::to_string(&many[..64]).unwrap()).is_ok());
    assert!(read(&serde_json::to_string(&many).unwrap()).is_err());
}

#[test]
fn models_are_compared_byte_by_byte() {
    let models = listed(&["gpt-4"]);
    assert!(models.contains("gpt-4"));
    for other in
        ["GPT-4", " gpt-4", "gpt-4 ", "gpt-4\u{200b}", "gpt-4%00", "gpt-4-0613", "gpt", "*", ""]
    {
        assert!(!models.contains(other), "{other:?}");
    }
    let composed: ModelId = "caf\u{e9}".parse().unwrap();
    assert_ne!(composed, "cafe\u{301}".parse().unwrap());
}

#[test]
fn every_minor_of_the_first_major_is_spoken() {
    for text in ["1.0", "1.1", "1.99999"] {
        assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
    }
    assert_eq!(Version::CURRENT.to_string(), "1.0");
    assert!("2.0".parse::<Version>().is_err());
}

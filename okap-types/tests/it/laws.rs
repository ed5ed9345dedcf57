//! Laws that hold for every value.

use okap_types::{
    AppName, Capability, ClientInfo, Count, GrantRequest, Limits, ModelAccess, ModelId, Models,
    Money, ParseError, Provider, Reason, Timestamp,
    access::{check_details, parse_details},
    strict::{self, Bounds},
};
use proptest::{collection, option, prelude::*, sample};
use serde_json::{Map, Value};

use crate::cases::{self, Door};

fn money() -> impl Strategy<Value = Money> {
    (0..=Money::MAX.micros()).prop_map(|m| Money::from_micros(m).unwrap())
}

fn count() -> impl Strategy<Value = Count> {
    (1..=Count::MAX).prop_map(|c| Count::new(c).unwrap())
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0..32_503_680_000_000_i64).prop_map(Timestamp::from_unix_millis)
}

/// Few values, so that two of them are often comparable.
fn small_limits() -> impl Strategy<Value = Limits> {
    let money = || option::of((0..3_u32).prop_map(Money::usd));
    let count = || option::of((1..3_u32).prop_map(|c| Count::new(c).unwrap()));
    limits_of(money(), money(), count(), count(), count())
}

fn limits() -> impl Strategy<Value = Limits> {
    let (money, count) = (|| option::of(money()), || option::of(count()));
    limits_of(money(), money(), count(), count(), count())
}

fn limits_of(
    monthly: impl Strategy<Value = Option<Money>>,
    daily: impl Strategy<Value = Option<Money>>,
    minute: impl Strategy<Value = Option<Count>>,
    day: impl Strategy<Value = Option<Count>>,
    tokens: impl Strategy<Value = Option<Count>>,
) -> impl Strategy<Value = Limits> {
    (monthly, daily, minute, day, tokens).prop_map(|(monthly, daily, minute, day, tokens)| Limits {
        monthly_spend: monthly,
        daily_spend: daily,
        requests_per_minute: minute,
        requests_per_day: day,
        tokens_per_request: tokens,
    })
}

fn some_models() -> impl Strategy<Value = Models> {
    let listed = sample::subsequence(vec!["a", "b", "c", "d"], 1..=4)
        .prop_map(|names| Models::Listed(names.into_iter().map(|m| m.parse().unwrap()).collect()));
    prop_oneof![1 => Just(Models::Any), 4 => listed]
}

fn provider() -> impl Strategy<Value = Provider> {
    "[a-z0-9][a-z0-9_-]{0,63}".prop_map(|p| p.parse().unwrap())
}

fn model_name() -> impl Strategy<Value = String> {
    "[ -)+-~é日]{1,40}".prop_filter("1 to 256 bytes", |m| m.parse::<ModelId>().is_ok())
}

fn access() -> impl Strategy<Value = ModelAccess> {
    (
        provider(),
        collection::hash_set(model_name(), 0..6),
        sample::subsequence(Capability::KNOWN.to_vec(), 0..5),
        limits(),
        option::of(moment()),
        option::of(".{0,60}"),
    )
        .prop_map(|(provider, models, capabilities, limits, expires, reason)| {
            let mut access =
                ModelAccess::new(provider).models(models).capabilities(capabilities).limits(limits);
            access.expires = expires;
            access.reason = reason.map(|r| Reason::new(&r).unwrap());
            access
        })
}

/// JSON without repeated members.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn money_returns_from_a_json_string_and_a_json_number(money in money()) {
        let text = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money);
        prop_assert_eq!(serde_json::from_str::<Money>(text.trim_matches('"')).unwrap(), money);
        prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
        let value: Value = serde_json::from_str(text.trim_matches('"')).unwrap();
        prop_assert_eq!(serde_json::from_value::<Money>(value).unwrap(), money);
    }

    #[test]
    fn money_has_the_order_of_its_millionths(a in money(), b in money()) {
        prop_assert_eq!(a.cmp(&b), a.micros().cmp(&b.micros()));
        prop_assert_eq!(a == b, a.to_string() == b.to_string());
    }

    #[test]
    fn money_of_more_than_six_decimals_is_refused(whole in 0..1_000_000_u32, rest in "[0-9]{7,20}") {
        let text = format!("{whole}.{rest}");
        prop_assert!(text.parse::<Money>().is_err());
        prop_assert!(serde_json::from_str::<Money>(&text).is_err());
    }

    #[test]
    fn a_text_that_is_money_is_written_back_as_the_same_amount(text in "[-+0-9.eE, ]{0,12}") {
        if let Ok(money) = text.parse::<Money>() {
            prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            prop_assert!(money <= Money::MAX);
        }
    }

    #[test]
    fn a_moment_returns_from_its_text(moment in moment()) {
        prop_assert_eq!(moment.to_string().parse::<Timestamp>().unwrap(), moment);
        let text = serde_json::to_string(&moment).unwrap();
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), moment);
        prop_assert_eq!(Timestamp::from(moment.utc()), moment);
    }

    #[test]
    fn moments_have_the_order_of_their_texts_in_whole_seconds(a in moment(), b in moment()) {
        let second = |t: Timestamp| Timestamp::from_unix_millis(t.unix_seconds() * 1000);
        let (a, b) = (second(a), second(b));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn no_text_makes_the_value_parsers_panic(text in any::<String>()) {
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<Money>();
        let _ = text.parse::<Provider>();
        let _ = text.parse::<ModelId>();
        let _ = text.parse::<okap_types::Version>();
        let _ = format!("2025-03-01{text}").parse::<Timestamp>();
    }

    #[test]
    fn cleaned_words_stay_as_they_are(text in any::<String>()) {
        if let Ok(name) = AppName::new(&text) {
            prop_assert_eq!(AppName::new(name.as_str()).unwrap(), name.clone());
            prop_assert!(!name.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn limits_lie_within_themselves(a in limits()) {
        prop_assert!(a.within(&a));
        prop_assert!(a.within(&Limits::default()));
    }

    #[test]
    fn limits_within_each_other_are_equal(a in small_limits(), b in small_limits()) {
        prop_assert_eq!(a.within(&b) && b.within(&a), a == b);
    }

    #[test]
    fn limits_within_limits_within_limits_are_within(
        a in small_limits(), b in small_limits(), c in small_limits(),
    ) {
        if a.within(&b) && b.within(&c) {
            prop_assert!(a.within(&c));
        }
    }

    #[test]
    fn limits_within_others_hold_for_every_amount(a in small_limits(), b in small_limits(), spent in 0..4_u32) {
        // what b refuses, a refuses
        let over = |cap: Option<Money>| cap.is_some_and(|cap| Money::usd(spent) > cap);
        if a.within(&b) {
            prop_assert!(!over(b.monthly_spend) || over(a.monthly_spend));
            prop_assert!(!over(b.daily_spend) || over(a.daily_spend));
        }
    }

    #[test]
    fn limits_return_from_json(limits in limits()) {
        let text = serde_json::to_string(&limits).unwrap();
        prop_assert_eq!(serde_json::from_str::<Limits>(&text).unwrap(), limits);
    }

    #[test]
    fn a_subset_of_models_is_a_partial_order(a in some_models(), b in some_models(), c in some_models()) {
        prop_assert!(a.is_subset(&a));
        prop_assert!(a.is_subset(&Models::Any));
        prop_assert!(!Models::Any.is_subset(&a) || a == Models::Any);
        if a.is_subset(&b) && b.is_subset(&c) {
            prop_assert!(a.is_subset(&c));
        }
        if a.is_subset(&b) && b.is_subset(&a) {
            prop_assert_eq!(&a, &b);
        }
    }

    #[test]
    fn a_subset_contains_no_model_that_its_superset_lacks(a in some_models(), b in some_models()) {
        let inside = ["a", "b", "c", "d", "e"].iter().all(|m| !a.contains(m) || b.contains(m));
        prop_assert_eq!(a.is_subset(&b), inside);
        let shared = ["a", "b", "c", "d", "e"].iter().any(|m| a.contains(m) && b.contains(m));
        prop_assert_eq!(a.overlaps(&b), shared);
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
    }

    #[test]
    fn models_return_from_json(models in some_models()) {
        let text = serde_json::to_string(&models).unwrap();
        prop_assert_eq!(serde_json::from_str::<Models>(&text).unwrap(), models);
    }

    #[test]
    fn an_ask_returns_from_what_it_is_written_as(access in access()) {
        prop_assert_eq!(access.check(), Ok(()));
        let text = serde_json::to_string(&[&access]).unwrap();
        prop_assert_eq!(parse_details(&text).unwrap(), vec![access.clone()]);
        let body = format!(r#"{{"okap":"1.0","authorization_details":{text}}}"#);
        let request = GrantRequest::parse_authorize(body.as_bytes()).unwrap();
        prop_assert_eq!(request.access, vec![access.clone()]);
        let request = GrantRequest::from_oauth(&text, ClientInfo::default()).unwrap();
        prop_assert_eq!(request.access, vec![access]);
    }

    #[test]
    fn what_parses_passes_the_checks_of_its_own_types(
        list in collection::vec(access(), 1..4),
    ) {
        let text = serde_json::to_string(&list).unwrap();
        match parse_details(&text) {
            Ok(read) => prop_assert_eq!(check_details(&read), Ok(())),
            Err(error) => prop_assert_eq!(check_details(&list), Err(error)),
        }
    }

    #[test]
    fn the_parser_does_not_panic_on_bytes(bytes in collection::vec(any::<u8>(), 0..300)) {
        let _ = GrantRequest::parse_authorize(&bytes);
        let _ = GrantRequest::parse_flat(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = GrantRequest::from_oauth(&text, ClientInfo::default());
    }

    #[test]
    fn the_parser_does_not_panic_on_what_looks_like_json(text in r#"[\[\]{}",:0-9a-z\\u.\-eE ]{0,200}"#) {
        let _ = GrantRequest::parse_authorize(text.as_bytes());
        let _ = GrantRequest::parse_flat(text.as_bytes());
        let _ = GrantRequest::from_oauth(&text, ClientInfo::default());
    }

    #[test]
    fn the_parser_does_not_panic_on_changed_messages(
        which in 0..4_usize,
        edits in collection::vec((any::<sample::Index>(), 0..4_u8, any::<u8>()), 1..6),
    ) {
        let mut body = [cases::PROPOSAL, cases::DRAFT, cases::PYPI, cases::PYPI_BARE][which].as_bytes().to_vec();
        for (index, edit, byte) in edits {
            if body.is_empty() {
                break;
            }
            let at = index.index(body.len());
            match edit {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                2 => drop(body.remove(at)),
                _ => body.truncate(at),
            }
        }
        for parsed in [GrantRequest::parse_authorize(&body), GrantRequest::parse_flat(&body)].into_iter().flatten() {
            prop_assert_eq!(check_details(&parsed.access), Ok(()));
        }
    }

    #[test]
    fn a_changed_value_parses_or_is_refused_with_a_short_text(value in json(), member in 0..8_usize) {
        let member = ["provider", "models", "capabilities", "limits", "expires", "reason", "type", "x"][member];
        for door in Door::ALL {
            let text = door.around(r#""provider":"openai","models":["m"],"x_":0"#);
            let text = text.replace(r#""x_":0"#, &format!("\"{member}\":{value}"));
            match door.parse(&text) {
                Ok(request) => prop_assert_eq!(check_details(&request.access), Ok(())),
                Err(error) => prop_assert!(error.to_string().len() < 2_000, "{}", error),
            }
        }
    }

    #[test]
    fn the_door_agrees_with_serde_json_where_no_member_is_repeated(value in json(), pretty: bool) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let bounds = Bounds { bytes: usize::MAX, depth: 16 };
        prop_assert_eq!(strict::check(text.as_bytes(), bounds).unwrap(), text.as_str());
        prop_assert_eq!(strict::read::<Value>(text.as_bytes(), bounds).unwrap(), value.clone());
        // and counts levels exactly
        let levels = depth(&value);
        let exact = Bounds { bytes: text.len(), depth: levels };
        prop_assert!(strict::check(text.as_bytes(), exact).is_ok());
        if levels > 0 {
            let low = Bounds { depth: levels - 1, ..exact };
            prop_assert!(matches!(strict::check(text.as_bytes(), low), Err(ParseError::InvalidJson(_))));
        }
        let short = Bounds { bytes: text.len() - 1, ..exact };
        let too_large = ParseError::TooLarge { limit: short.bytes };
        prop_assert_eq!(strict::check(text.as_bytes(), short), Err(too_large));
    }

    #[test]
    fn the_door_lets_in_no_text_that_serde_json_refuses(text in r#"[\[\]{}",:0-9a-z\\u.\-eE ]{0,60}"#) {
        let bounds = Bounds { bytes: usize::MAX, depth: 120 };
        let read = serde_json::from_str::<Value>(&text).is_ok();
        match strict::check(text.as_bytes(), bounds) {
            Ok(_) => prop_assert!(read, "{}", text),
            Err(ParseError::DuplicateMember(_)) => {}
            Err(_) => prop_assert!(!read, "{}", text),
        }
    }
}

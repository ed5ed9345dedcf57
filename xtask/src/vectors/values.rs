//! Values inside messages: tokens, user codes, money, moments.

use anyhow::Result;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use okap_types::{
    Money, Secret, Timestamp,
    token::{AccessToken, AuthorizationCode, ContinuationToken, DeviceCode, RefreshToken},
};
use serde_json::{Value, json};

use super::File;

pub(super) fn all() -> Result<Vec<File>> {
    Ok(vec![tokens(), user_codes(), money()?, timestamps()?])
}

/// One token of each kind from the same random bits.
fn kinds(random: [u8; 32]) -> [(&'static str, String); 5] {
    let bits = Secret::new(random);
    [
        ("access_token", AccessToken::from_random(&bits).expose().to_owned()),
        ("refresh_token", RefreshToken::from_random(&bits).expose().to_owned()),
        ("authorization_code", AuthorizationCode::from_random(&bits).expose().to_owned()),
        ("device_code", DeviceCode::from_random(&bits).expose().to_owned()),
        ("continuation_token", ContinuationToken::from_random(&bits).expose().to_owned()),
    ]
}

/// A text with its right checksum.
fn summed(body: &str) -> String {
    let sum = crc32fast::hash(body.as_bytes()).to_be_bytes();
    format!("{body}{}", Base64UrlUnpadded::encode_string(&sum))
}

fn tokens() -> File {
    let case = |name: String, kind: &str, token: &str, valid: bool, why: &str| json!({"name": name, "kind": kind, "token": token, "valid": valid, "why": why});
    let counting: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap_or_default());
    let mut cases = Vec::new();
    for (bits, random) in [("00 to 1f", counting), ("all zero", [0; 32]), ("all one", [0xff; 32])] {
        for (kind, token) in kinds(random) {
            cases.push(case(
                format!("{kind}, bits {bits}"),
                kind,
                &token,
                true,
                "prefix, 43 characters of base64url, CRC-32",
            ));
        }
    }
    for (kind, token) in kinds(counting) {
        for (other, _) in kinds(counting).iter().filter(|(other, _)| *other != kind) {
            cases.push(case(
                format!("{kind} where {other} is wanted"),
                other,
                &token,
                false,
                "the prefix names another kind",
            ));
        }
    }
    let [(kind, token), ..] = kinds(counting);
    let (body, sum) = token.split_at(token.len() - 6);
    for (name, text, why) in [
        ("another checksum", format!("{body}AAAAAA"), "the checksum is another"),
        (
            "checksum of another token",
            format!("{body}{}", kinds([1; 32])[0].1.split_at(51).1),
            "the checksum is another",
        ),
        ("one bit changed", token.replacen("AAEC", "AAED", 1), "the checksum is another"),
        (
            "prefix of another kind, its checksum kept",
            token.replacen("_at_", "_rt_", 1),
            "the checksum covers the prefix",
        ),
        ("no prefix", token.replacen("okap_at_", "", 1), "the prefix is missing"),
        (
            "prefix in capitals",
            token.replacen("okap_at_", "OKAP_AT_", 1),
            "the prefix is compared byte by byte",
        ),
        ("checksum missing", body.to_owned(), "6 characters are missing"),
        ("a character less", token.get(..56).unwrap_or_default().to_owned(), "57 characters"),
        ("a character more", format!("{token}A"), "57 characters"),
        ("padded", format!("{body}={sum}"), "base64url without padding"),
        ("plain base64", token.replacen("AAEC", "AA+C", 1), "not the alphabet of base64url"),
        (
            "not canonical base64url",
            summed(&format!("{}9", body.get(..50).unwrap_or_default())),
            "the last character of 43 has two bits to spare, both 0",
        ),
        ("31 bytes", summed(&format!("okap_at_{}", "A".repeat(42))), "256 random bits"),
        ("space before", format!(" {token}"), "nothing is trimmed"),
        ("line feed behind", format!("{token}\n"), "nothing is trimmed"),
        ("with its scheme", format!("Bearer {token}"), "the scheme is not part of it"),
        ("in lower case", token.to_lowercase(), "base64url tells case apart"),
        ("empty", String::new(), "57 characters"),
        ("prefix alone", "okap_at_".to_owned(), "57 characters"),
    ] {
        cases.push(case(name.to_owned(), kind, &text, false, why));
    }
    File::new(
        "tokens",
        "A token of a kind is its prefix, 43 characters of base64url for 256 random bits, and 6 characters of base64url for the CRC-32 (IEEE, big-endian) of all that stands before them.",
        cases,
    )
}

fn user_codes() -> File {
    let read = [
        "BCDF-GHJK",
        "bcdf-ghjk",
        "BCDFGHJK",
        "bcdf ghjk",
        " BCDF-GHJK ",
        "B C D F - G H J K",
        "BC-DF-GH-JK",
    ];
    let refused = [
        ("", "8 letters"),
        ("BCDF-GHJ", "8 letters"),
        ("BCDF-GHJKL", "8 letters"),
        ("ABCD-FGHJ", "no vowels"),
        ("BCDF-GHJY", "no Y"),
        ("BCDF-GHJ0", "no digits"),
        ("ВСDF-GHJK", "letters of another alphabet"),
        ("ＢＣＤＦ-ＧＨＪＫ", "wide letters"),
        ("BCDF\u{2010}GHJK", "another hyphen"),
        ("BCDF\u{a0}GHJK", "another space"),
        ("BCDF\tGHJK", "another space"),
        ("BCDF-GHJK\n", "another space"),
        ("BCDF_GHJK", "no hyphen"),
    ];
    let mut cases: Vec<Value> = read
        .iter()
        .map(|typed| json!({"name": format!("{typed:?}"), "typed": typed, "code": "BCDF-GHJK"}))
        .collect();
    cases.extend(refused.iter().map(|(typed, why)| json!({"name": format!("{typed:?}"), "typed": typed, "code": null, "why": why})));
    File::new("user-codes", "What a person typed, and the code it is: 8 of BCDFGHJKLMNPQRSTVWXZ; case, hyphens and spaces are forgiven.", cases)
        .with("letters", json!("BCDFGHJKLMNPQRSTVWXZ"))
}

fn money() -> Result<File> {
    let read = [
        "0",
        "0.0",
        "0.00",
        "0.000001",
        "0.1",
        "0.3",
        "1",
        "10",
        "10.1",
        "10.00",
        "10.123456",
        "999999.999999",
        "1000000",
        "1000000.000000",
    ];
    let refused = [
        ("-1", "no sign"),
        ("-0", "no sign"),
        ("-0.0", "no sign"),
        ("+1", "no sign"),
        ("NaN", "a number"),
        ("Infinity", "a number"),
        ("1e400", "no exponent"),
        ("1e3", "no exponent"),
        ("1E3", "no exponent"),
        ("1.0e0", "no exponent"),
        ("0.0000001", "at most 6 decimals"),
        ("1.0000000", "at most 6 decimals"),
        ("1000000.000001", "at most 1000000"),
        ("1000001", "at most 1000000"),
        ("99999999999999999999", "at most 1000000"),
        ("10,00", "a period before decimals"),
        ("1_0", "digits alone"),
        ("1 000", "digits alone"),
        ("0x10", "digits alone"),
        ("１０", "ASCII digits"),
        ("010", "no leading zero"),
        ("00", "no leading zero"),
        (".5", "a digit before the period"),
        ("10.", "a digit behind the period"),
        ("1.0.0", "one period"),
        ("", "a number"),
        (" 10", "nothing is trimmed"),
        ("10 ", "nothing is trimmed"),
        ("10\n", "nothing is trimmed"),
        ("10 USD", "no currency"),
        ("$10", "no currency"),
        ("unlimited", "a number"),
    ];
    // a JSON number is one for some of the texts only
    let number = |text: &str| {
        text.trim() == text && serde_json::from_str::<serde_json::Number>(text).is_ok()
    };
    let mut cases: Vec<Value> = read
        .iter()
        .map(|text| Ok((text, text.parse::<Money>()?)))
        .map(|read| read.map(|(text, money)| json!({"name": format!("{text:?}"), "text": text, "json_number": number(text), "micros": money.micros(), "written": money.to_string()})))
        .collect::<Result<_>>()?;
    cases.extend(refused.iter().map(|(text, why)| json!({"name": format!("{text:?}"), "text": text, "json_number": number(text), "micros": null, "why": why})));
    Ok(File::new(
        "money",
        "The text of an amount in USD, the millionths that it is, and how an answer writes it. Where `json_number` is true the same characters may stand in JSON without quotes and mean the same, or are refused the same.",
        cases,
    ))
}

fn timestamps() -> Result<File> {
    let read = [
        "1970-01-01",
        "2024-02-29",
        "2025-03-01",
        "2025-03-01T00:00:00Z",
        "2025-03-01T02:00:00+02:00",
        "2025-02-28T19:00:00-05:00",
        "2025-03-01T00:00:00-00:00",
        "2025-03-01t00:00:00z",
        "2025-03-01 00:00:00+00:00",
        "2025-03-01T00:00:00.5Z",
        "2025-03-01T00:00:00.999999999Z",
        "2027-03-01T12:00:00.250+02:00",
        "2999-12-31T23:59:59.999Z",
        "3000-01-01T00:00:00+00:01",
        "1969-12-31T23:00:00-01:00",
    ];
    let refused = [
        ("", "a date"),
        ("tomorrow", "a date"),
        ("1740787200", "a date"),
        ("2025-13-01", "no such month"),
        ("2025-00-01", "no such month"),
        ("2025-03-00", "no such day"),
        ("2025-03-32", "no such day"),
        ("2025-02-29", "no such day"),
        ("2025-02-30", "no such day"),
        ("2025-04-31", "no such day"),
        ("2100-02-29T00:00:00Z", "no such day"),
        ("2025-3-1", "YYYY-MM-DD"),
        ("20250301", "YYYY-MM-DD"),
        ("2025-060", "YYYY-MM-DD"),
        ("01.03.2025", "YYYY-MM-DD"),
        ("2025-03-01Z", "YYYY-MM-DD"),
        (" 2025-03-01", "nothing is trimmed"),
        ("2025-03-01 ", "nothing is trimmed"),
        ("2025-03-01\n", "nothing is trimmed"),
        ("２０２５-03-01", "ASCII digits"),
        ("2025‐03‐01", "ASCII hyphens"),
        ("9999-01-01", "at most the year 2999"),
        ("9999-12-31T23:59:59Z", "at most the year 2999"),
        ("3000-01-01", "at most the year 2999"),
        ("2999-12-31T23:59:59-01:00", "at most the year 2999"),
        ("1969-12-31", "at least the year 1970"),
        ("1970-01-01T00:00:00+01:00", "at least the year 1970"),
        ("0000-01-01", "at least the year 1970"),
        ("-2025-03-01", "four digits"),
        ("+2025-03-01", "four digits"),
        ("12025-03-01", "four digits"),
        ("2025-03-01T00:00:00", "an offset"),
        ("2025-03-01T00:00Z", "seconds"),
        ("2025-03-01T00Z", "minutes and seconds"),
        ("2025-03-01X00:00:00Z", "T between date and time"),
        ("2025-03-01T24:00:00Z", "no such hour"),
        ("2025-03-01T00:60:00Z", "no such minute"),
        ("2025-03-01T00:00:61Z", "no such second"),
        ("2016-12-31T23:59:60Z", "no leap second"),
        ("2025-03-01T00:00:60Z", "no leap second"),
        ("2025-03-01T00:00:00+99:99", "no such offset"),
        ("2025-03-01T00:00:00+24:00", "no such offset"),
        ("2025-03-01T00:00:00+05:75", "no such offset"),
        ("2025-03-01T00:00:00+0100", "a colon in the offset"),
        ("2025-03-01T00:00:00+01", "minutes in the offset"),
        ("2025-03-01T00:00:00 UTC", "an offset in digits"),
        ("2025-03-01T00:00:00.Z", "a digit behind the period"),
        ("2025-03-01T00:00:00,5Z", "a period before the fraction"),
        ("2025-03-01T00:00:00ZZ", "one offset"),
        ("2025-03-01T00:00:00.00000000000000000000Z", "at most 35 characters"),
    ];
    let mut cases: Vec<Value> = read
        .iter()
        .map(|text| Ok((text, text.parse::<Timestamp>()?)))
        .map(|read| read.map(|(text, moment)| json!({"name": format!("{text:?}"), "text": text, "unix_millis": moment.unix_millis(), "written": moment.to_string()})))
        .collect::<Result<_>>()?;
    cases.extend(refused.iter().map(|(text, why)| json!({"name": format!("{text:?}"), "text": text, "unix_millis": null, "why": why})));
    Ok(File::new(
        "timestamps",
        "The text of a moment, the milliseconds since 1970 that it is, and how an answer writes it. A date is its first moment in UTC; digits beyond the millisecond are dropped.",
        cases,
    ))
}

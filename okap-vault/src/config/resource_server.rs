//! `[[resource_server]]`: who may ask what a token is worth (RFC 7662).

use serde::{Deserialize, Deserializer, de::Error};

/// A resource server as the file names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    #[serde(deserialize_with = "id")]
    id: String,
    #[serde(deserialize_with = "digest")]
    secret_sha256: [u8; 32],
}

impl From<&Entry> for okap_server::ResourceServer {
    fn from(entry: &Entry) -> Self {
        Self { id: entry.id.clone(), secret_sha256: entry.secret_sha256 }
    }
}

/// Whether a text names a resource server: 1 to 64 of `A-Z a-z 0-9 . _ -`, which HTTP Basic and
/// forms carry as they stand.
pub(crate) fn is_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn id<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let text = String::deserialize(d)?;
    match is_id(&text) {
        true => Ok(text),
        false => {
            Err(D::Error::custom("id of [[resource_server]] is not 1 to 64 of A-Z a-z 0-9 . _ -"))
        }
    }
}

fn digest<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(d)?;
    // what stands there may be the secret itself, so it is not repeated
    hex(&text).ok_or_else(|| {
        D::Error::custom(
            "secret_sha256 of [[resource_server]] is not 64 hexadecimal digits; \
             okap-vault introspection new ID makes a secret and this line",
        )
    })
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()));
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    let bytes = digits.chunks_exact(2).map(|pair| match pair {
        [high, low] => high << 4 | low,
        _ => 0,
    });
    match digits.len() {
        64 => bytes.collect::<Vec<_>>().try_into().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use okap_engine::token::hash;

    use crate::config::Settings;

    fn parse(text: &str) -> Result<okap_server::Config, String> {
        let settings = Settings::parse(text, Path::new("okap-vault.toml"));
        let settings = settings.map_err(|error| error.to_string())?;
        Ok(settings.config("http://127.0.0.1:1".parse().unwrap()).unwrap())
    }

    #[test]
    fn a_resource_server_is_an_id_and_a_hash() {
        let secret = hash("okap_is_secret");
        let text = format!(
            "dpop_nonce = true\n[[resource_server]]\nid='gateway'\nsecret_sha256='{secret}'\n\
             [[resource_server]]\nid='gateway'\nsecret_sha256='{}'",
            "0F".repeat(32),
        );
        let config = parse(&text).unwrap();
        assert!(config.dpop_nonce);
        // two secrets of one id: while the old one is replaced
        let [one, two] = config.resource_servers.as_slice() else { panic!() };
        assert_eq!((one.id.as_str(), two.id.as_str()), ("gateway", "gateway"));
        assert_eq!(
            (one.secret_sha256[0], two.secret_sha256),
            (u8::from_str_radix(&secret[..2], 16).unwrap(), [15; 32],)
        );
        let nothing = parse("").unwrap();
        assert!(!nothing.dpop_nonce && nothing.resource_servers.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_not_repeated() {
        let good = "a".repeat(64);
        for (id, secret, key) in [
            ("gateway", "okap_is_pasted-by-mistake", "secret_sha256 of [[resource_server]]"),
            ("gateway", &good[1..], "secret_sha256 of [[resource_server]]"),
            ("gateway", &format!("{good}a"), "secret_sha256 of [[resource_server]]"),
            ("gateway", &good.replacen('a', "g", 1), "secret_sha256 of [[resource_server]]"),
            ("gateway", &good.replacen('a', "é", 1), "secret_sha256 of [[resource_server]]"),
            ("", &good, "id of [[resource_server]]"),
            ("a:b", &good, "id of [[resource_server]]"),
            ("a b", &good, "id of [[resource_server]]"),
            (&"a".repeat(65), &good, "id of [[resource_server]]"),
        ] {
            let text = format!("[[resource_server]]\nid='{id}'\nsecret_sha256='{secret}'");
            let error = parse(&text).unwrap_err();
            assert!(error.contains(key) && error.contains(", line "), "{error}");
            assert!(!error.contains("pasted"), "{error}");
        }
        let missing = parse("[[resource_server]]\nid='gateway'").unwrap_err();
        assert!(missing.contains("secret_sha256"), "{missing}");
        let unknown =
            format!("[[resource_server]]\nid='gateway'\nsecret='x'\nsecret_sha256='{good}'");
        assert!(parse(&unknown).unwrap_err().contains("secret"));
        let word = parse("dpop_nonce = 'yes'").unwrap_err();
        assert!(word.contains("dpop_nonce") || word.contains("boolean"), "{word}");
        assert!(
            parse(&format!("[[resource_server]]\nid='{}'\nsecret_sha256='{good}'", "a".repeat(64)))
                .is_ok()
        );
    }
}

//! Secrets of a run: minted by the suite or seen in an answer, and found again wherever they leak.

mod cut;
mod learn;
mod shown;
mod views;
mod word;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::seed::Seed;
use views::Wanted;

/// Fewest characters of what counts as a secret: shorter ones stand everywhere by chance.
pub(crate) const SHORTEST: usize = 16;
/// Fewest characters of what is a secret where a description holds it: a shorter one is soon guessed.
pub(crate) const SHORTEST_WORD: usize = 4;
/// How the tokens of the specification begin, without their kind.
const TOKENS: [&str; 5] = ["okap_at_", "okap_rt_", "okap_ac_", "okap_dc_", "okap_ct_"];
/// Characters of a token behind its prefix.
const TOKEN: usize = 49;
/// All secrets of a run. Clones share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    /// In the order in which they came; none is taken away.
    secrets: Vec<Secret>,
    /// What is looked for, by how the names of its secrets begin.
    wanted: BTreeMap<String, Arc<Wanted>>,
}

#[derive(Clone)]
struct Secret {
    name: String,
    value: String,
    /// What is the same of it in base64url, wherever it begins; nothing of a word.
    coded: Vec<String>,
    /// Whether it is too short to be told from chance but where it stands as a word.
    word: bool,
}

/// A secret that stands where it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which secret, by name.
    pub secret: String,
    /// In which form: `plain`, `base64`, `hex`, `percent`, `json`, `in pieces`.
    pub form: &'static str,
}

impl Secrets {
    /// Makes a key for a provider that opens nothing but the fake one.
    #[must_use]
    pub fn mint(&self, name: &str, seed: Seed) -> String {
        let value = format!("sk-okapconf-{}{}", seed.of(name), seed.of(name).of("more"));
        self.know(name, &value);
        value
    }

    /// Adds a secret under a name, and what a form makes of it under `NAME_form`; a value that is
    /// known keeps its first name. One of fewer than 16 characters is none.
    pub fn know(&self, name: &str, value: &str) {
        if value.len() >= SHORTEST {
            self.hold(name, value);
        }
    }

    /// As [`know`](Self::know), of what a description holds: of 4 characters or more. One of fewer
    /// than 16 is redacted where it stands as a word, and never [found](Self::find).
    pub(crate) fn hold(&self, name: &str, value: &str) {
        if value.len() < SHORTEST_WORD {
            return;
        }
        self.add(name, value);
        let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        self.add(&format!("{name}_form"), &form);
        let json = serde_json::Value::from(value).to_string();
        let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(value);
        self.add(&format!("{name}_json"), json);
        if !json.is_ascii() {
            self.add(&format!("{name}_ascii"), &ascii(json));
        }
    }

    fn add(&self, name: &str, value: &str) {
        let secrets = &mut self.write().secrets;
        if !secrets.iter().any(|secret| secret.value == value) {
            let word = value.len() < SHORTEST;
            let coded = if word { Vec::new() } else { base64(value) };
            secrets.push(Secret { name: name.to_owned(), value: value.to_owned(), coded, word });
        }
    }

    /// Adds every OKAP token in a text, so that no report shows one.
    pub fn know_tokens(&self, text: &str) {
        for prefix in TOKENS {
            for (at, _) in text.match_indices(prefix) {
                let token = text.get(at..at + prefix.len() + TOKEN);
                if let Some(token) = token.filter(|token| token.bytes().all(is_token_byte)) {
                    let kind = prefix.trim_end_matches('_').replace("okap_", "");
                    self.know(&format!("token_{kind}_{}", self.len() + 1), token);
                }
            }
        }
    }

    /// Looks for the secrets whose name begins so, in every form that a leak takes. Words are not
    /// looked for: what a report says of its own may have one.
    #[must_use]
    pub fn find(&self, beginning: &str, bytes: &[u8]) -> Option<Sighting> {
        self.wanted(beginning).find(bytes)
    }

    /// What is looked for of the secrets whose name begins so: made once, and anew where one of them
    /// has come since.
    fn wanted(&self, beginning: &str) -> Arc<Wanted> {
        let known = self.read();
        let named = |secret: &&Secret| !secret.word && secret.name.starts_with(beginning);
        if let Some(wanted) = known.wanted.get(beginning)
            && !known.secrets.iter().skip(wanted.among).any(|secret| named(&secret))
        {
            return Arc::clone(wanted);
        }
        let secrets: Vec<_> = known.secrets.iter().filter(named).cloned().collect();
        let among = known.secrets.len();
        // others may go on meanwhile
        drop(known);
        let wanted = Arc::new(Wanted::new(&secrets, among));
        self.write().wanted.insert(beginning.to_owned(), Arc::clone(&wanted));
        wanted
    }

    fn len(&self) -> usize {
        self.read().secrets.len()
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A text within JSON as those write it that keep to ASCII: `\u00e9`.
fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    json.chars().fold(String::new(), |mut all, c| {
        if c.is_ascii() {
            all.push(c);
        } else {
            c.encode_utf16(&mut units)
                .iter()
                .for_each(|unit| all.push_str(&format!("\\u{unit:04x}")));
        }
        all
    })
}

/// A text in the alphabet of base64url, byte for byte.
fn url_safe(text: &str) -> String {
    text.replace('+', "-").replace('/', "_")
}

/// What of a secret is the same in base64url whatever stands before it and behind it.
fn base64(secret: &str) -> Vec<String> {
    let shifted = |before: usize| {
        let bytes = [&vec![0; before], secret.as_bytes()].concat();
        let text = Base64UrlUnpadded::encode_string(&bytes);
        // the first characters mix with what stands before, the last with what follows
        let from = if before == 0 { 0 } else { before + 1 };
        let to = text.len().saturating_sub(if bytes.len() % 3 == 0 { 0 } else { 1 });
        text.get(from..to).unwrap_or_default().to_owned()
    };
    (0..3).map(shifted).filter(|form| form.len() >= SHORTEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::Base64;

    const KEY: &str = "sk-okapconf-0123456789abcdef";

    fn secrets() -> Secrets {
        let secrets = Secrets::default();
        secrets.know("master.openai", KEY);
        secrets
    }

    fn found(text: &str) -> Option<&'static str> {
        secrets().find("master.", text.as_bytes()).map(|sighting| sighting.form)
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let hex: String = KEY.bytes().map(|b| format!("{b:02X}")).collect();
        let percent: String = KEY.bytes().map(|b| format!("%{b:02X}")).collect();
        let escaped: String = KEY.bytes().map(|b| format!("\\u{b:04x}")).collect();
        assert_eq!(found(&format!("x {KEY} y")), Some("plain"));
        assert_eq!(found(&hex), Some("hex"));
        assert_eq!(found(&percent), Some("percent"));
        assert_eq!(found(&escaped), Some("json"));
        for before in ["", "a", "ab", "abc", "user:"] {
            let text = Base64::encode_string(format!("{before}{KEY} and more").as_bytes());
            assert_eq!(found(&text), Some("base64"), "{before:?}");
        }
    }

    #[test]
    fn a_secret_that_comes_in_pieces_is_found() {
        let (head, tail) = KEY.split_at(11);
        let event =
            |text| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
        assert_eq!(found(&(event(head) + &event(tail))), Some("in pieces"));
    }

    #[test]
    fn what_is_looked_for_is_made_anew_only_where_a_secret_of_its_kind_has_come() {
        let secrets = secrets();
        let (keys, all) = (secrets.wanted("master."), secrets.wanted(""));
        assert!(Arc::ptr_eq(&all, &secrets.wanted("")));
        secrets.know("master.again", KEY);
        assert!(Arc::ptr_eq(&all, &secrets.wanted("")), "it was known");
        secrets.know("token_1", "okap_at_0123456789");
        assert!(Arc::ptr_eq(&keys, &secrets.wanted("master.")), "it is no key");
        assert!(!Arc::ptr_eq(&all, &secrets.wanted("")));
        assert_eq!(secrets.find("", b"okap_at_0123456789").unwrap().secret, "token_1");
    }

    #[test]
    fn what_is_no_secret_is_not_found() {
        assert_eq!(found("sk-okapconf-0123456789abcde and c2stb2thcGNvbmY"), None);
        assert_eq!(secrets().find("token_", KEY.as_bytes()), None);
    }

    #[test]
    fn a_secret_is_known_as_a_form_has_it() {
        let secrets = Secrets::default();
        secrets.know("password", "made up & für this run");
        let form = "made+up+%26+f%C3%BCr+this+run";
        let seen = secrets.find("password", format!("user=a&pass={form}").as_bytes()).unwrap();
        assert_eq!((seen.secret.as_str(), seen.form), ("password_form", "plain"));
        assert_eq!(secrets.redact(&format!("pass={form}&b=c")), "pass=${PASSWORD_FORM}&b=c");
        assert_eq!(secrets.redact("made up & für this run"), "${PASSWORD}");
        assert_eq!(secrets.redact("made+up"), "made+up");
    }

    #[test]
    fn tokens_in_an_answer_are_known_and_redacted_like_keys() {
        let token = format!("okap_at_{}", "A".repeat(49));
        let secrets = secrets();
        secrets.know_tokens(&format!("{{\"token\":\"{token}\",\"other\":\"okap_at_short\"}}"));
        let text = secrets.redact(&format!("{token} {KEY} okap_at_short"));
        assert_eq!(text, "${TOKEN_AT_2} ${MASTER_OPENAI} okap_at_short");
    }
}

//! The forms in which a secret may stand in bytes. There are thousands of secrets in a run and
//! megabytes in what a vault keeps, so that all are looked for at once.

use aho_corasick::AhoCorasick;
use serde_json::Value;

use super::{SHORTEST, Secret, Sighting, url_safe};

/// What is looked for of some secrets, in every form.
pub(super) struct Wanted {
    /// Among how many secrets these were all.
    pub(super) among: usize,
    values: Texts,
    coded: Texts,
}

/// Texts, and the name of the secret that each is of.
struct Texts {
    of: Vec<(String, String)>,
    machine: Option<AhoCorasick>,
}

impl Wanted {
    /// That of these secrets, which are all of their kind among so many.
    pub(super) fn new(secrets: &[Secret], among: usize) -> Self {
        let name = |secret: &Secret| secret.name.clone();
        let values = secrets.iter().map(|secret| (name(secret), secret.value.clone()));
        let coded = secrets
            .iter()
            .flat_map(|secret| secret.coded.iter().map(move |form| (name(secret), form.clone())));
        Self { among, values: Texts::all(values.collect()), coded: Texts::all(coded.collect()) }
    }

    /// One of the secrets, where one stands in these bytes.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<Sighting> {
        let text = String::from_utf8_lossy(bytes);
        let Self { values, coded, .. } = self;
        let plain = || values.first(text.as_bytes(), "plain");
        let base64 = || coded.first(url_safe(&text).as_bytes(), "base64");
        let hex = || values.first(&unhexed(text.as_bytes()), "hex");
        let percent = || values.first(&unescaped(text.as_bytes(), b"%"), "percent");
        let json = || values.first(&unescaped(text.as_bytes(), b"\\u00"), "json");
        let whole = || values.first(pieces(&text).as_bytes(), "in pieces");
        plain().or_else(base64).or_else(hex).or_else(percent).or_else(json).or_else(whole)
    }
}

impl Texts {
    fn all(of: Vec<(String, String)>) -> Self {
        let machine = AhoCorasick::new(of.iter().map(|(_, text)| text)).ok();
        Self { of, machine }
    }

    fn first(&self, bytes: &[u8], form: &'static str) -> Option<Sighting> {
        let at = match &self.machine {
            Some(machine) => {
                count::looked(bytes.len());
                machine.find(bytes)?.pattern().as_usize()
            }
            // too many for the machine: one after the other
            None => {
                count::looked(bytes.len().saturating_mul(self.of.len()));
                let text = String::from_utf8_lossy(bytes);
                self.of.iter().position(|(_, wanted)| text.contains(wanted))?
            }
        };
        let (secret, _) = self.of.get(at)?;
        Some(Sighting { secret: secret.clone(), form })
    }
}

/// What stands in hex, wherever it begins; a byte 0 between two.
fn unhexed(bytes: &[u8]) -> Vec<u8> {
    let runs = bytes.split(|byte| !byte.is_ascii_hexdigit());
    let mut all = Vec::new();
    for run in runs.filter(|run| run.len() >= 2 * SHORTEST) {
        for from in [run, run.get(1..).unwrap_or_default()] {
            all.extend(from.chunks(2).filter_map(of_hex));
            all.push(0);
        }
    }
    all
}

/// With two digits of hex behind each mark read as a byte.
fn unescaped(bytes: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, more)) = rest.split_first() {
        let behind = rest.strip_prefix(mark).and_then(|behind| behind.split_at_checked(2));
        let coded = behind.and_then(|(digits, behind)| Some((of_hex(digits)?, behind)));
        let (byte, behind) = coded.unwrap_or((first, more));
        all.push(byte);
        rest = behind;
    }
    all
}

fn of_hex(digits: &[u8]) -> Option<u8> {
    let [high, low] = *digits.first_chunk()?;
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Every string of the JSON in a body or in the events of a stream, one behind the other: a secret
/// that was cut into pieces is whole again.
fn pieces(text: &str) -> String {
    let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut all = String::new();
    for json in std::iter::once(text).chain(events) {
        if let Ok(json) = serde_json::from_str::<Value>(json.trim()) {
            strings(&json, &["content", "text", "delta", "arguments"], &mut all);
        }
    }
    all
}

fn strings(json: &Value, names: &[&str], all: &mut String) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| strings(item, names, all)),
        Value::Object(members) => {
            for (name, item) in members {
                match item {
                    Value::String(text) if names.contains(&name.as_str()) => all.push_str(text),
                    other => strings(other, names, all),
                }
            }
        }
        _ => {}
    }
}

/// How many bytes were looked at, counted in tests alone.
mod count {
    #[cfg(test)]
    thread_local!(static LOOKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });

    #[cfg(not(test))]
    pub(super) const fn looked(_: usize) {}

    #[cfg(test)]
    pub(super) fn looked(bytes: usize) {
        LOOKED.set(LOOKED.get() + bytes);
    }

    /// Those of this thread since this was last asked.
    #[cfg(test)]
    pub(super) fn taken() -> usize {
        LOOKED.take()
    }
}

#[cfg(test)]
mod tests {
    use super::count;
    use crate::canary::Secrets;

    /// How many bytes are looked at in a text without secrets where so many are known, for each of
    /// its own.
    fn passes(secrets: usize, words: usize) -> usize {
        let known = Secrets::default();
        for n in 0..secrets {
            known.know(&format!("token_{n}"), &format!("okap_at_{n:049}"));
        }
        let mut kept = "what a vault keeps, okap_at_ and hashes 0123456789abcdef ".repeat(words);
        count::taken();
        assert_eq!(known.find("token_", kept.as_bytes()), None);
        let passes = count::taken().div_ceil(kept.len());
        kept.push_str(&format!("okap_at_{:049}", secrets - 1));
        let found = known.find("token_", kept.as_bytes()).unwrap();
        assert_eq!(found.secret, format!("token_{}", secrets - 1));
        passes
    }

    #[test]
    fn a_text_is_looked_through_once_for_each_form_however_many_secrets_there_are() {
        for (secrets, words) in [(1, 100), (60, 100), (6_000, 100), (6_000, 10_000)] {
            let passes = passes(secrets, words);
            assert!((1..=6).contains(&passes), "{passes} for {secrets} secrets");
        }
    }
}

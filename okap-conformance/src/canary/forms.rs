//! The forms that a secret takes where it leaks, all looked for at once: what a vault keeps is long, and
//! the secrets of a run are many.

use aho_corasick::AhoCorasick;

use super::{Secret, Sighting, pieces, url_safe};

/// A form by name, and how a secret is written in it.
type Form = (&'static str, fn(&Secret) -> Vec<String>);

/// What a text is turned into, and the forms that are looked for in that.
type View = (fn(&str) -> String, &'static [Form]);

pub(super) static VIEWS: [View; 4] = [
    (str::to_owned, &[("plain", plain)]),
    (url_safe, &[("base64", |secret| secret.coded.clone())]),
    (
        str::to_ascii_lowercase,
        &[
            ("hex", |secret| each(secret, |byte| format!("{byte:02x}"))),
            ("percent", |secret| each(secret, |byte| format!("%{byte:02x}"))),
            ("json", |secret| each(secret, |byte| format!("\\u{byte:04x}"))),
        ],
    ),
    (pieces, &[("in pieces", plain)]),
];

fn plain(secret: &Secret) -> Vec<String> {
    vec![secret.value.clone()]
}

fn each(secret: &Secret, form: fn(u8) -> String) -> Vec<String> {
    vec![secret.value.bytes().map(form).collect()]
}

/// The first secret that stands in a text in one of the forms.
pub(super) fn first(secrets: &[Secret], text: &str, forms: &[Form]) -> Option<Sighting> {
    let mut wanted = Vec::new();
    let mut written = Vec::new();
    for secret in secrets {
        for (form, write) in forms {
            let ways = write(secret);
            wanted.extend(ways.iter().map(|_| (secret, *form)));
            written.extend(ways);
        }
    }
    // what cannot be searched for counts as found: a leak must not be overlooked
    let Ok(search) = AhoCorasick::new(&written) else {
        return secrets.first().map(|secret| sighting(secret, "that cannot be searched for"));
    };
    let found = search.find(text)?;
    wanted.get(found.pattern().as_usize()).map(|(secret, form)| sighting(secret, form))
}

fn sighting(secret: &Secret, form: &'static str) -> Sighting {
    Sighting { secret: secret.name.clone(), form }
}

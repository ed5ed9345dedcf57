//! What a description holds that no report may show.
//!
//! - `[consent] password`: of 16 characters or more, else the description is refused.
//! - What a browser types. What is taken from the environment has 4 characters or more, else the
//!   description is refused.
//! - The values of `[launch] env`, but those that `[launch] open` names. Of a value with places in it
//!   (`{dir}`) each word of 16 characters or more that has a digit; of an address the password, too.
//!
//! Of 16 characters or more a value is redacted wherever it stands, in any form; of 4 or more where it
//! stands as a word. What has fewer counts as no secret, nor does what the description publishes of
//! itself, nor `true`, `false` and `null`.

use crate::{
    canary::{SHORTEST, Secrets},
    target::{Step, Target},
};

/// What is filled in, in whole or up to a name.
const PLACES: [&str; 6] = ["{port}", "{base_url}", "{dir}", "{here}", "{provider.", "{master."];
/// Words of JSON, which stand in every answer.
const WORDS: [&str; 3] = ["true", "false", "null"];

/// Adds what this description holds, with what variables of the environment hold.
pub(super) fn know(target: &Target, variable: impl Fn(&str) -> Option<String>, secrets: &Secrets) {
    let hold = |name: &str, value: &str| {
        if !is_public(target, value) {
            secrets.hold(name, value);
        }
    };
    if let Some(password) = &target.consent.password {
        secrets.know("password", password);
    }
    let pages = target.consent.browser.iter().flat_map(|browser| &browser.page);
    for (at, step) in pages.flat_map(|page| &page.steps).enumerate() {
        match step {
            Step::Fill { with, .. } => hold(&format!("typed_{}", at + 1), with),
            Step::FillFrom { env, .. } => {
                secrets.hold(&format!("typed_{env}"), &variable(env).unwrap_or_default());
            }
            Step::Click { .. } => {}
        }
    }
    let launch = target
        .launch
        .iter()
        .flat_map(|launch| launch.env.iter().filter(|(name, _)| !launch.open.contains(name)));
    for (name, value) in launch {
        let name = format!("launch_{name}");
        match PLACES.iter().any(|place| value.contains(place)) {
            false => hold(&name, value),
            true => {
                for (at, word) in value.split(is_between).filter(|word| is_long(word)).enumerate() {
                    hold(&format!("{name}_{}", at + 1), word);
                }
            }
        }
        if let Some(password) = password(value) {
            hold(&format!("{name}_password"), password);
        }
    }
}

/// Whether this stands in every report, or in nearly every answer.
fn is_public(target: &Target, value: &str) -> bool {
    let about = &target.target;
    let published = [&about.name, &about.version, &about.contact, &about.source, &about.base_url];
    WORDS.contains(&value)
        || target.user() == value
        || target.file.contains(value)
        || published.iter().any(|text| text.contains(value))
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || "/:@?&=#,;\"'{}".contains(c)
}

/// Whether a word beside places may be a secret: the names of places have no digit.
fn is_long(word: &str) -> bool {
    word.len() >= SHORTEST && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The password of an address: `postgres://name:password@host`.
fn password(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(more: &str) -> Secrets {
        let text = format!(
            "[target]\nname='acme-vault'\nbase_url='http://127.0.0.1:8787'\n\
             [consent]\npassword='a password of twenty'\n{more}"
        );
        let target = Target::parse(&text, std::path::Path::new("t.toml"), &[], []).unwrap();
        let secrets = Secrets::default();
        let variable = |name: &str| (name == "PASS").then(|| "hunter2".to_owned());
        know(&target, variable, &secrets);
        secrets
    }

    #[test]
    fn what_the_user_signs_in_with_is_a_secret_and_the_users_name_is_none() {
        let secrets = known(
            "[consent.browser]\nwebdriver='http://127.0.0.1:9515'\n\
             [[consent.browser.page]]\naddress='/login'\n\
             steps=[{fill='#user', with='owner'}, {fill='#pass', with='another of twenty two'},\
             {fill='#pin', with='pin-7'}, {fill='#more', env='PASS'}, {fill='#other', env='UNSET'}]",
        );
        assert_eq!(
            secrets.redact("owner: a password of twenty, another of twenty two, pin-7 (hunter2)"),
            "owner: ${PASSWORD}, ${TYPED_2}, ${TYPED_3} (${TYPED_PASS})"
        );
    }

    #[test]
    fn what_a_vault_is_started_with_is_a_secret_where_it_is_not_said_to_be_none() {
        let secrets = known(
            "[launch]\ncommand=['x']\nopen=['RUST_LOG']\n[launch.env]\n\
             PASSPHRASE='correct horse battery'\nPIN='hunter2'\nRUST_LOG='info'\n\
             DB='postgres://me:s3cret@db/okap'\nFLAG='1'\nTLS='true'\nPORT='8787'\n\
             WHO='acme-vault'\nKEY='{master.anthropic}'\nFROM='{provider.openai}/v1/abcdefghij012345'",
        );
        for (said, shown) in [
            ("correct horse battery", "${LAUNCH_PASSPHRASE}"),
            ("correct+horse+battery", "${LAUNCH_PASSPHRASE_FORM}"),
            ("wrong: \"hunter2\"", "wrong: \"${LAUNCH_PIN}\""),
            ("no such user me with s3cret", "no such user me with ${LAUNCH_DB_PASSWORD}"),
            ("postgres://me:s3cret@db/okap", "${LAUNCH_DB}"),
            ("/v1/abcdefghij012345", "/v1/${LAUNCH_FROM_1}"),
        ] {
            assert_eq!(secrets.redact(said), shown);
        }
        let open =
            "info {\"on\":true,\"n\":1} acme-vault at http://127.0.0.1:8787 master.anthropic";
        assert_eq!(secrets.redact(open), open);
    }
}

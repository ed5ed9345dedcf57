//! Writes `docs/attacks.md`: which test holds which line of the attack catalogue, `spec/attacks.toml`.

use std::{collections::BTreeMap, fmt::Write as _, fs, str::FromStr};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use crate::{
    spec::Sources,
    tools::{root, say},
};

const CATALOGUE: &str = "spec/attacks.toml";
/// It stands among pages that are written by hand.
const PAGE: &str = "docs/attacks.md";

/// Writes the table, or with `check` only compares.
///
/// # Errors
/// Every line without a test and without a reason, or with both; every test of a number that is
/// not in the catalogue; a page that `check` finds different.
pub(crate) fn write(check: bool) -> Result<()> {
    let path = root().join(CATALOGUE);
    let toml = fs::read_to_string(path).with_context(|| format!("cannot read {CATALOGUE}"))?;
    let catalogue = parse(&toml)?;
    let held = held(&catalogue, &Sources::collect(root())?);
    if !held.wrong.is_empty() {
        let wrong = &held.wrong;
        bail!("{} faults in the attack catalogue:\n  {}", wrong.len(), wrong.join("\n  "));
    }
    put(&page(&catalogue, &held), check)?;
    let reasons = catalogue.values().filter(|attack| attack.reason.is_some()).count();
    say(&format!(
        "{CATALOGUE}: {} attacks, {} held by tests, {reasons} with a reason why not",
        catalogue.len(),
        held.tests.len(),
    ));
    Ok(())
}

fn put(page: &str, check: bool) -> Result<()> {
    let path = root().join(PAGE);
    match (fs::read_to_string(&path), check) {
        (Ok(found), _) if found == page => Ok(()),
        (_, true) => bail!("{PAGE} is not what `cargo xtask attacks` writes"),
        (_, false) => fs::write(&path, page).with_context(|| format!("cannot write {PAGE}")),
    }
}

/// The name of a line: `V12` is tried against a vault, `C3` against an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    client: bool,
    number: u16,
}

impl FromStr for Number {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || anyhow!("{text} is no number of the catalogue");
        let client = match text.get(..1) {
            Some("V" | "v") => false,
            Some("C" | "c") => true,
            _ => return Err(wrong()),
        };
        let digits = text.get(1..).unwrap_or_default();
        match digits.bytes().all(|b| b.is_ascii_digit()) {
            true => Ok(Self { client, number: digits.parse().map_err(|_| wrong())? }),
            false => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.client { 'C' } else { 'V' }, self.number)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Vault,
    Client,
}

/// One line of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    side: Side,
    title: String,
    /// `folder::name` of tests that hold it under another name.
    #[serde(default)]
    also: Vec<String>,
    /// Why no test holds it.
    reason: Option<String>,
}

type Catalogue = BTreeMap<Number, Attack>;

fn parse(toml: &str) -> Result<Catalogue> {
    let read: BTreeMap<String, Attack> = toml::from_str(toml).context(CATALOGUE)?;
    let mut catalogue = Catalogue::new();
    for (name, attack) in read {
        let number: Number = name.parse()?;
        if number.to_string() != name || number.client != (attack.side == Side::Client) {
            bail!("{name} of {CATALOGUE} is written otherwise, or stands on the other side");
        }
        catalogue.insert(number, attack);
    }
    Ok(catalogue)
}

/// The numbers that the name of a test begins with.
fn numbers(test: &str) -> Vec<Number> {
    let name = test.strip_prefix("test_").unwrap_or(test);
    name.split(['_', ' ']).map_while(|word| word.parse().ok()).collect()
}

/// Which tests hold which line, each with the file that it stands in.
#[derive(Debug, Default)]
struct Held {
    tests: BTreeMap<Number, Vec<(String, String)>>,
    wrong: Vec<String>,
}

fn held(catalogue: &Catalogue, sources: &Sources) -> Held {
    let mut held = Held::default();
    for (name, path) in sources.tests() {
        for number in numbers(name) {
            match catalogue.contains_key(&number) {
                true => held.hold(number, path, name),
                false => held.wrong.push(format!("{path}: {name} names {number}, which is none")),
            }
        }
    }
    for (number, attack) in catalogue {
        for also in &attack.also {
            let paths: Vec<_> = sources.paths_of(also).collect();
            if paths.is_empty() {
                held.wrong.push(format!("{number}: there is no test {also}"));
            }
            let name = also.split_once("::").map_or("", |(_, name)| name);
            for path in paths {
                held.hold(*number, path, name);
            }
        }
        match (held.tests.contains_key(number), &attack.reason) {
            (false, None) => held.wrong.push(format!("{number} has no test and no reason")),
            (true, Some(_)) => held.wrong.push(format!("{number} has tests, and a reason why not")),
            _ => {}
        }
    }
    for tests in held.tests.values_mut() {
        tests.sort();
        tests.dedup();
    }
    held
}

impl Held {
    fn hold(&mut self, number: Number, path: &str, name: &str) {
        let tests = self.tests.entry(number).or_default();
        tests.push((path.to_owned(), name.to_owned()));
    }
}

const HEAD: &str = "\
<!-- Written by `cargo xtask attacks` from spec/attacks.toml; do not edit. -->

# Attacks, and the tests that hold them

Each line is something that is tried against a vault (V) or an app (C), and the tests in which it
fails. A line without a test says why. Every refusal is tested beside a twin that differs in one
thing and succeeds.
";

fn page(catalogue: &Catalogue, held: &Held) -> String {
    let mut page = HEAD.to_owned();
    for (side, heading) in [(Side::Vault, "The vault"), (Side::Client, "The app")] {
        let _ = write!(page, "\n## {heading}\n\n| | Attack | Held by |\n|---|---|---|\n");
        for (number, attack) in catalogue.iter().filter(|(_, attack)| attack.side == side) {
            let by = match held.tests.get(number) {
                Some(tests) => tests.iter().map(link).collect::<Vec<_>>().join("<br>"),
                None => format!("*no test: {}*", attack.reason.as_deref().unwrap_or_default()),
            };
            let _ = writeln!(page, "| {number} | {} | {by} |", attack.title);
        }
    }
    page
}

fn link((path, name): &(String, String)) -> String {
    let folder = path.split('/').next().unwrap_or_default();
    format!("{folder} [`{name}`](../{path})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(more: &str) -> Catalogue {
        let toml = format!("[V1]\nside = \"vault\"\ntitle = \"a\"\n{more}");
        parse(&toml).unwrap_or_default()
    }

    fn of(path: &str, text: &str) -> Sources {
        let mut sources = Sources::default();
        sources.take(path, text);
        sources
    }

    #[test]
    fn a_name_begins_with_its_numbers() {
        let read = |name| numbers(name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(read("v61_v63_v65_a_code"), ["V61", "V63", "V65"]);
        assert_eq!(read("test_v7_a_redirect"), ["V7"]);
        assert_eq!(read("c01_metadata"), ["C1"]);
        assert_eq!(read("v12 a failure is not kept"), ["V12"]);
        for none in ["a_code_v61", "vault_v1", "v_1", "version_2", "client_c3"] {
            assert_eq!(read(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn a_line_has_a_test_or_a_reason_and_not_both() {
        let test = of("a/tests/x.rs", "#[test]\nfn v1_holds() {");
        let none = Sources::default();
        let (open, reasoned) = (catalogue(""), catalogue("reason = \"later\""));
        assert_eq!((open.len(), reasoned.len()), (1, 1));
        assert!(held(&open, &test).wrong.is_empty());
        assert!(held(&reasoned, &none).wrong.is_empty());
        assert_eq!(held(&open, &none).wrong, ["V1 has no test and no reason"]);
        assert_eq!(held(&reasoned, &test).wrong, ["V1 has tests, and a reason why not"]);
        let page = page(&open, &held(&open, &test));
        assert!(page.contains("| V1 | a | a [`v1_holds`](../a/tests/x.rs) |"), "{page}");
    }

    #[test]
    fn a_test_of_no_number_and_a_number_of_no_test_are_faults() {
        let test = of("a/tests/x.rs", "#[test]\nfn v1_v2_holds() {\n#[test]\nfn other() {");
        let wrong = held(&catalogue(""), &test).wrong;
        assert_eq!(wrong, ["a/tests/x.rs: v1_v2_holds names V2, which is none"]);
        let also = catalogue("also = [\"a::other\"]");
        assert!(held(&also, &of("a/x.rs", "#[test]\nfn other() {")).wrong.is_empty());
        let wrong = held(&also, &of("b/x.rs", "#[test]\nfn other() {")).wrong;
        assert_eq!(wrong, ["V1: there is no test a::other", "V1 has no test and no reason"]);
    }

    #[test]
    fn a_number_is_written_in_one_way() {
        for wrong in
            ["[v1]\nside = \"vault\"", "[V01]\nside = \"vault\"", "[V1]\nside = \"client\""]
        {
            assert!(parse(&format!("{wrong}\ntitle = \"a\"")).is_err(), "{wrong}");
        }
    }
}

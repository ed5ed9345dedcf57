//! What upholds each requirement: a test, a source file, or a citation in a source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::requirements::Requirement;

/// Folders that hold no source of this project.
const LEFT_OUT: &[&str] = &["target", "node_modules", ".git", "spec"];

/// One entry of `coverage.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upheld {
    /// `folder::name` of a test below that folder.
    #[serde(default)]
    tests: Vec<String>,
    /// Paths of sources.
    #[serde(default)]
    code: Vec<String>,
}

/// Reads `coverage.toml`.
///
/// # Errors
/// Where it is no such list.
pub(super) fn parse(toml: &str) -> Result<BTreeMap<String, Upheld>> {
    toml::from_str(toml).context(super::COVERAGE)
}

/// The sources of the project: where tests are defined, and which requirements are cited.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Test names, each with the files where it is defined.
    tests: BTreeMap<String, BTreeSet<String>>,
    paths: BTreeSet<String>,
    cited: BTreeSet<String>,
}

impl Sources {
    /// Reads every source below a folder.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn collect(root: &Path) -> Result<Self> {
        let mut sources = Self::default();
        sources.folder(root, "")?;
        Ok(sources)
    }

    fn folder(&mut self, root: &Path, below: &str) -> Result<()> {
        for entry in fs::read_dir(root.join(below))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            if entry.file_type()?.is_dir() {
                if !LEFT_OUT.contains(&name.as_str()) {
                    self.folder(root, &path)?;
                }
                continue;
            }
            let kind = name.rsplit_once('.').map(|(_, kind)| kind);
            if matches!(kind, Some("rs" | "py" | "mjs")) {
                let text = fs::read_to_string(entry.path());
                self.take(&path, &text.with_context(|| format!("cannot read {path}"))?);
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    pub(crate) fn take(&mut self, path: &str, text: &str) {
        let folder = path.split('/').next().unwrap_or_default();
        let mut is_test = false;
        for line in text.lines() {
            let line = line.trim();
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            if let Some(name) = defined(line, is_test) {
                self.tests.entry(name).or_default().insert(path.to_owned());
                is_test = false;
            }
            // the checks themselves play with numbers
            let citations = line.match_indices("OKAP-R-").filter(|_| folder != "xtask");
            for (at, _) in citations {
                let number =
                    line.get(at + 7..at + 10).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
                self.cited.extend(number.map(|n| format!("OKAP-R-{n}")));
            }
        }
    }

    /// Every test with the file where it is defined.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tests
            .iter()
            .flat_map(|(name, paths)| paths.iter().map(move |path| (name.as_str(), path.as_str())))
    }

    /// The files in which `folder::name` is defined.
    pub(crate) fn paths_of(&self, name: &str) -> impl Iterator<Item = &str> {
        let (folder, test) = name.split_once("::").unwrap_or_default();
        let below = format!("{folder}/");
        let paths = self.tests.get(test).into_iter().flatten();
        paths.map(String::as_str).filter(move |path| path.starts_with(&below))
    }

    fn has_test(&self, name: &str) -> bool {
        self.paths_of(name).next().is_some()
    }
}

/// The test that a line defines: a Rust function behind its attribute, a Python method, or the
/// title of a JavaScript test.
fn defined(line: &str, is_test: bool) -> Option<String> {
    if let Some(title) = line.strip_prefix("test('").and_then(|r| r.split_once('\'')) {
        return Some(title.0.to_owned());
    }
    let python = line.strip_prefix("def test_").is_some();
    let function = line
        .strip_prefix("async fn ")
        .or_else(|| line.strip_prefix("fn "))
        .filter(|_| is_test)
        .or_else(|| line.strip_prefix("def ").filter(|_| python))?;
    function.split_once('(').map(|(name, _)| name.to_owned())
}

/// How many requirements are upheld by what.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) tests: usize,
    pub(super) code: usize,
    pub(super) cited: usize,
    pub(super) excluded: usize,
}

/// Judges the coverage: every requirement is upheld, and what upholds it is there.
pub(super) fn judge(
    requirements: &BTreeMap<String, Requirement>,
    coverage: &BTreeMap<String, Upheld>,
    sources: &Sources,
) -> (Counts, Vec<String>) {
    let mut counts = Counts::default();
    let mut wrong = Vec::new();
    for (id, requirement) in requirements {
        match coverage.get(id) {
            Some(upheld) if !upheld.tests.is_empty() => counts.tests += 1,
            Some(upheld) if !upheld.code.is_empty() => counts.code += 1,
            _ if sources.cited.contains(id) => counts.cited += 1,
            _ if requirement.excluded() => counts.excluded += 1,
            _ => wrong.push(format!("{id} is upheld by no test and no source")),
        }
    }
    for (id, upheld) in coverage {
        if !requirements.contains_key(id) {
            wrong.push(format!("{id} of {} is no requirement", super::COVERAGE));
        }
        let missing = upheld.tests.iter().filter(|test| !sources.has_test(test));
        wrong.extend(missing.map(|test| format!("{id}: there is no test {test}")));
        let missing = upheld.code.iter().filter(|path| !sources.paths.contains(*path));
        wrong.extend(missing.map(|path| format!("{id}: there is no file {path}")));
    }
    wrong.extend(
        sources
            .cited
            .iter()
            .filter(|id| !requirements.contains_key(*id))
            .map(|id| format!("{id} is cited in a source and is no requirement")),
    );
    (counts, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_three_languages_are_found() {
        let mut sources = Sources::default();
        sources.take("okap-a/tests/x.rs", "#[tokio::test]\nasync fn one() {\nfn helper() {");
        sources.take("interop/python/x.py", "    def test_two(self):\n    def helper(self):");
        sources.take("interop/node/x.mjs", "  test('three words', async () => {");
        for there in ["okap-a::one", "interop::test_two", "interop::three words"] {
            assert!(sources.has_test(there), "{there}");
        }
        for missing in ["okap-a::helper", "okap-b::one", "interop::helper", "one"] {
            assert!(!sources.has_test(missing), "{missing}");
        }
    }

    #[test]
    fn a_citation_upholds_and_a_missing_file_does_not() {
        let list = "[OKAP-R-500]\nlevel = \"MUST\"\nactor = \"vault\"\nprofile = \"core\"\n\
                    anchor = \"a\"\ntestability = \"wire\"\ntext = \"x\"";
        let requirements = super::super::requirements::parse(list).unwrap_or_default();
        assert_eq!(requirements.len(), 1);
        let mut sources = Sources::default();
        let none = BTreeMap::new();
        assert_eq!(judge(&requirements, &none, &sources).1.len(), 1);
        sources.take("a/b.rs", "// OKAP-R-500: because");
        assert!(judge(&requirements, &none, &sources).1.is_empty());
        let upheld = parse("[OKAP-R-500]\ncode = [\"a/gone.rs\"]").unwrap_or_default();
        assert_eq!(
            judge(&requirements, &upheld, &sources).1,
            ["OKAP-R-500: there is no file a/gone.rs"]
        );
    }
}

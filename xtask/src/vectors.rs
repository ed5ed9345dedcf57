//! Writes `spec/vectors/`: messages, values and rules with their outcomes, for every language.
//!
//! The messages come from the tables that okap-types tests itself with; its tests, those of
//! okap-engine and those of other languages read the files back.

mod documents;
mod messages;
mod proofs;
mod rules;
mod values;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::generated::{self, Files};

/// Writes the vectors, or with `check` only compares.
///
/// # Errors
/// Those of [`generated::write`]; two cases of one file with one name.
pub(crate) fn write(check: bool) -> Result<()> {
    let mut files = Files::new();
    for file in messages::all()?
        .into_iter()
        .chain(values::all()?)
        .chain(rules::all())
        .chain([proofs::file()?])
    {
        file.distinct()?;
        files.insert(format!("{}.json", file.name), file.text());
    }
    generated::write("spec/vectors", "json", &files, "vectors", check)
}

/// Messages as peers write them: a name, a schema, the message.
pub(crate) fn examples() -> Vec<(&'static str, &'static str, Value)> {
    messages::examples()
}

/// One file of cases.
struct File {
    name: String,
    /// What the cases are, member by member.
    head: Vec<(&'static str, Value)>,
    cases: Vec<Value>,
}

impl File {
    fn new(name: &str, about: &str, cases: Vec<Value>) -> Self {
        Self { name: name.to_owned(), head: vec![("about", json!(about))], cases }
    }

    fn with(mut self, member: &'static str, value: Value) -> Self {
        self.head.push((member, value));
        self
    }

    fn distinct(&self) -> Result<()> {
        let mut names = std::collections::HashSet::new();
        for case in &self.cases {
            let name = case.get("name").and_then(Value::as_str).unwrap_or_default();
            ensure!(!name.is_empty() && names.insert(name), "{}: two cases {name:?}", self.name);
        }
        Ok(())
    }

    /// JSON with a line for each case, so that a change shows as the case that it is.
    fn text(&self) -> String {
        let mut text = String::from("{\n");
        for (member, value) in &self.head {
            text.push_str(&format!("  {}: {value},\n", json!(member)));
        }
        let cases: Vec<_> = self.cases.iter().map(|case| format!("    {case}")).collect();
        text.push_str(&format!("  \"cases\": [\n{}\n  ]\n}}\n", cases.join(",\n")));
        text
    }
}

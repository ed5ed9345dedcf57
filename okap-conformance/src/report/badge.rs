//! A badge, as shields.io reads it from an address.

use serde_json::{Value, json};

use super::Run;
use crate::verdict::{Exit, Verdict};

/// The badge of a run.
#[must_use]
pub fn document(run: &Run) -> Value {
    let exit = run.ended.as_ref().map_or(Exit::Incomplete, |ended| ended.exit);
    let known = run.ended.as_ref().map_or(0, |ended| ended.tally.of(Verdict::Xfail));
    let (message, color) = match exit {
        Exit::Conformant if known > 0 => (format!("{known} known failures"), "yellow"),
        // a part that passes says nothing of the whole
        Exit::Conformant if !run.began.as_ref().is_some_and(|began| began.whole) => {
            ("part of the tests passed".to_owned(), "yellowgreen")
        }
        Exit::Conformant => (profiles(run), "brightgreen"),
        Exit::Nonconformant => ("not conformant".to_owned(), "red"),
        Exit::Incomplete => ("incomplete".to_owned(), "yellow"),
        Exit::Stale => ("stale baseline".to_owned(), "orange"),
        Exit::Usage | Exit::Unreachable | Exit::Harness | Exit::Interrupted => {
            ("not measured".to_owned(), "lightgrey")
        }
    };
    json!({ "schemaVersion": 1, "label": "OKAP", "message": message, "color": color })
}

fn profiles(run: &Run) -> String {
    let profiles = run.began.iter().flat_map(|began| &began.profiles);
    let words: Vec<_> = profiles.map(|profile| profile.word()).collect();
    words.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_badge_names_the_profiles_only_where_all_of_them_pass() {
        assert_eq!(document(&sample::every())["message"], "not conformant");
        let mut good = sample::good();
        assert_eq!(document(&good)["message"], "part of the tests passed");
        good.began.as_mut().unwrap().whole = true;
        assert_eq!(document(&good)["message"], "core · proxy · limits");
        assert_eq!(document(&sample::empty())["color"], "yellow");
    }
}

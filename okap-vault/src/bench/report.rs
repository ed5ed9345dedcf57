//! Figures, their goals, and three ways to write them down.

use std::fmt::Write;

use serde_json::{Value, json};

/// One measured figure.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    part: &'static str,
    name: String,
    unit: &'static str,
    direct: Option<f64>,
    nginx: Option<f64>,
    vault: f64,
    goal: Option<Goal>,
    note: String,
}

/// What a figure should come to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// The ratio to nginx.
    RatioAtLeast(f64),
    RatioAtMost(f64),
    AtMost(f64),
    Exactly(f64),
}

impl Goal {
    fn words(self) -> String {
        match self {
            Self::RatioAtLeast(ratio) => format!("ratio at least {ratio}"),
            Self::RatioAtMost(ratio) => format!("ratio at most {ratio}"),
            Self::AtMost(most) => format!("at most {most}"),
            Self::Exactly(what) => format!("exactly {what}"),
        }
    }
}

/// What a figure can be: a count or a measure.
pub(super) trait Amount {
    fn amount(self) -> f64;
}

impl Amount for f64 {
    fn amount(self) -> f64 {
        self
    }
}

impl Amount for u64 {
    #[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn amount(self) -> f64 {
        self as f64
    }
}

impl Figure {
    pub(super) fn of(part: &'static str, name: impl Into<String>, unit: &'static str) -> Self {
        let name = name.into();
        let (direct, nginx, goal) = (None, None, None);
        Self { part, name, unit, direct, nginx, vault: 0.0, goal, note: String::new() }
    }

    pub(super) fn vault(self, vault: impl Amount) -> Self {
        Self { vault: vault.amount(), ..self }
    }

    /// The same with nginx in the vault's place.
    pub(super) fn nginx(self, nginx: Option<f64>) -> Self {
        Self { nginx, ..self }
    }

    /// The same with nothing in between.
    pub(super) fn direct(self, direct: Option<f64>) -> Self {
        Self { direct, ..self }
    }

    pub(super) fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    pub(super) fn note(self, note: String) -> Self {
        Self { note, ..self }
    }

    /// What it is of the vault.
    pub(super) const fn amount(&self) -> f64 {
        self.vault
    }

    /// What it is to nginx, where that stands beside it.
    pub(super) fn ratio(&self) -> Option<f64> {
        self.nginx.filter(|nginx| *nginx > 0.0).map(|nginx| self.vault / nginx)
    }

    /// Whether its goal is reached; `None` where there is none, or nothing to compare with.
    fn reached(&self) -> Option<bool> {
        match self.goal? {
            Goal::RatioAtLeast(least) => self.ratio().map(|ratio| ratio >= least),
            Goal::RatioAtMost(most) => self.ratio().map(|ratio| ratio <= most),
            Goal::AtMost(most) => Some(self.vault <= most),
            Goal::Exactly(what) => Some((self.vault - what).abs() < 1e-9),
        }
    }

    fn cells(&self) -> [String; 8] {
        let shown = |value: Option<f64>| value.map_or_else(String::new, number);
        let reached = match self.reached() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let name = match self.note.is_empty() {
            true => self.name.clone(),
            false => format!("{} ({})", self.name, self.note),
        };
        [
            format!("{}: {name}", self.part),
            self.unit.to_owned(),
            shown(self.direct),
            shown(self.nginx),
            number(self.vault),
            shown(self.ratio()),
            self.goal.map(Goal::words).unwrap_or_default(),
            reached.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "part": self.part,
            "name": self.name,
            "unit": self.unit,
            "direct": self.direct,
            "nginx": self.nginx,
            "vault": self.vault,
            "ratio": self.ratio(),
            "goal": self.goal.map(Goal::words),
            "reached": self.reached(),
            "note": (!self.note.is_empty()).then_some(&self.note),
        })
    }
}

const HEAD: [&str; 8] = ["FIGURE", "UNIT", "DIRECT", "NGINX", "VAULT", "RATIO", "GOAL", "REACHED"];

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// As columns.
pub(super) fn table(figures: &[Figure]) {
    let rows: Vec<_> = figures.iter().map(Figure::cells).collect();
    crate::out::table(HEAD, &rows);
}

/// As a Markdown table.
pub(super) fn markdown(figures: &[Figure]) -> String {
    let mut text = String::from(
        "| figure | unit | direct | nginx | vault | ratio | goal | reached |\n\
         |---|---|--:|--:|--:|--:|---|---|\n",
    );
    for figure in figures {
        let _ = writeln!(text, "| {} |", figure.cells().join(" | "));
    }
    text
}

/// As JSON.
pub(super) fn json(figures: &[Figure]) -> Vec<Value> {
    figures.iter().map(Figure::json).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(vault: f64) -> Figure {
        Figure::of("part", "name", "unit").vault(vault)
    }

    #[test]
    fn a_ratio_is_reached_on_its_side_of_the_goal_alone() {
        let half = figure(50.0).nginx(Some(100.0));
        assert_eq!(half.clone().goal(Goal::RatioAtLeast(0.5)).reached(), Some(true));
        assert_eq!(half.clone().goal(Goal::RatioAtLeast(0.51)).reached(), Some(false));
        assert_eq!(half.clone().goal(Goal::RatioAtMost(0.5)).reached(), Some(true));
        assert_eq!(half.goal(Goal::RatioAtMost(0.49)).reached(), Some(false));
    }

    #[test]
    fn without_nginx_nothing_is_said_of_a_ratio() {
        assert_eq!(figure(1.0).goal(Goal::RatioAtMost(2.0)).reached(), None);
        assert_eq!(figure(1.0).goal(Goal::AtMost(2.0)).reached(), Some(true));
        assert_eq!(figure(11.0).goal(Goal::Exactly(10.0)).reached(), Some(false));
    }

    #[test]
    fn a_ratio_to_nothing_is_none() {
        assert_eq!(figure(1.0).nginx(Some(0.0)).ratio(), None);
        assert_eq!(figure(1.0).nginx(Some(-3.0)).ratio(), None);
        assert_eq!(figure(3.0).nginx(Some(2.0)).ratio(), Some(1.5));
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        let shown = [0.0, 0.1234, 9.876, 12.34, 1_234.56, -0.5].map(number);
        assert_eq!(shown, ["0", "0.12", "9.88", "12.3", "1235", "-0.50"]);
    }

    #[test]
    fn json_says_whether_a_goal_is_reached_and_what_is_not_known() {
        let one = &json(&[figure(2.0).goal(Goal::AtMost(1.0))])[0];
        assert_eq!((&one["vault"], &one["reached"]), (&json!(2.0), &json!(false)));
        assert!(one["nginx"].is_null() && one["ratio"].is_null() && one["note"].is_null());
    }

    #[test]
    fn markdown_has_one_line_a_figure() {
        let text = markdown(&[figure(1.5).nginx(Some(3.0)).goal(Goal::RatioAtMost(2.0))]);
        assert_eq!(
            text.lines().next_back(),
            Some("| part: name | unit |  | 3 | 1.50 | 0.50 | ratio at most 2 | yes |")
        );
    }
}

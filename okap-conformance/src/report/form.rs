use std::{fmt, str::FromStr};

use super::{Run, badge, coverage, html, json, junit, markdown, sarif, tap, threats};

/// A report cannot be made of a run.
#[derive(Debug, thiserror::Error)]
#[error("cannot make {0}: {1}")]
pub struct RenderError(pub Form, pub String);

/// What a report looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All of a run as one document; `schema/report.json` describes it.
    Json,
    /// For CI servers.
    Junit,
    /// For code scanning.
    Sarif,
    /// TAP 14, for whatever reads that.
    Tap,
    /// A summary for the page of a CI run.
    Markdown,
    /// A page for people.
    Html,
    /// A badge, as shields.io reads it.
    Badge,
    /// Which requirements are tested, and how that went.
    Coverage,
    /// The same as a page.
    CoverageHtml,
    /// Which threats are met, as a page.
    Threats,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Json,
        Self::Junit,
        Self::Sarif,
        Self::Tap,
        Self::Markdown,
        Self::Html,
        Self::Badge,
        Self::Coverage,
        Self::CoverageHtml,
        Self::Threats,
    ];

    /// The word for it on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Tap => "tap",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Badge => "badge",
            Self::Coverage => "coverage",
            Self::CoverageHtml => "coverage-html",
            Self::Threats => "threats",
        }
    }

    /// What its file is called among all reports of a run.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Json => "report.json",
            Self::Junit => "junit.xml",
            Self::Sarif => "report.sarif",
            Self::Tap => "report.tap",
            Self::Markdown => "summary.md",
            Self::Html => "report.html",
            Self::Badge => "badge.json",
            Self::Coverage => "coverage.json",
            Self::CoverageHtml => "coverage.html",
            Self::Threats => "threats.html",
        }
    }

    /// The report of a run.
    ///
    /// # Errors
    /// Where it cannot be written down.
    pub fn render(self, run: &Run) -> Result<String, RenderError> {
        let text = match self {
            Self::Json => pretty(&json::document(run)),
            Self::Junit => junit::document(run).map_err(|error| error.to_string()),
            Self::Sarif => pretty(&sarif::document(run)),
            Self::Tap => Ok(tap::document(run)),
            Self::Markdown => Ok(markdown::document(run)),
            Self::Html => html::document(run).map_err(|error| error.to_string()),
            Self::Badge => pretty(&badge::document(run)),
            Self::Coverage => pretty(&coverage::json(Some(run))),
            Self::CoverageHtml => coverage::html(Some(run)).map_err(|error| error.to_string()),
            Self::Threats => threats::html(run).map_err(|error| error.to_string()),
        };
        let text = text.map_err(|error| RenderError(self, error))?;
        Ok(if text.ends_with('\n') { text } else { text + "\n" })
    }
}

fn pretty(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|form| form.word() == text).ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join(", ");
            format!("{text:?} is no report; there are {words}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_form_takes_every_run() {
        for form in Form::ALL {
            assert_eq!(form.word().parse(), Ok(form));
            for run in [sample::every(), sample::good(), sample::empty(), Run::default()] {
                let text = form.render(&run).unwrap();
                assert!(text.ends_with('\n') && !text.contains('\u{1b}'), "{form}: {text}");
            }
        }
    }
}

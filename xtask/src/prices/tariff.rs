//! The prices of one model, taken from the one of its dated lists that is in force.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::amount::Amount;

/// The source's price keys that the book prices, and their names there.
const KINDS: [(&str, &str); 15] = [
    ("input_mtok", "input"),
    ("output_mtok", "output"),
    ("cache_read_mtok", "cache_read"),
    ("cache_write_mtok", "cache_write"),
    ("cache_write_1h_mtok", "cache_write_1h"),
    ("input_audio_mtok", "input_audio"),
    ("input_image_mtok", "input_image"),
    ("input_video_mtok", "input_video"),
    ("cache_audio_read_mtok", "cache_audio_read"),
    ("output_audio_mtok", "output_audio"),
    ("output_image_mtok", "output_image"),
    ("output_video_mtok", "output_video"),
    ("output_reasoning_mtok", "output_reasoning"),
    ("input_mchars", "characters"),
    ("input_audio_hours", "audio_hours"),
];

/// The same price a second time, where a model takes audio and gives none.
const REPEATED: &str = "audio_hours";

/// A discount that the book passes over: a cached image token costs it what an image token costs.
const IGNORED: &str = "cache_image_read_mtok";

/// What the snapshot says of one model's prices.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Tariff {
    #[serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty")]
    prices: Vec<(&'static str, Amount)>,
    /// Units billed beside tokens, which the book does not price.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other: Vec<String>,
}

/// One price list of a model and when it holds.
#[derive(Deserialize)]
pub(super) struct Entry {
    constraint: Option<Constraint>,
    prices: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Constraint {
    From {
        start_date: String,
    },
    Daily {
        #[serde(rename = "start_time")]
        _start: String,
        #[serde(rename = "end_time")]
        _end: String,
    },
}

/// Reads the source's `prices`, one list or several with constraints.
pub(super) fn price_list(prices: &RawValue) -> Result<Vec<Entry>> {
    if prices.get().starts_with('[') {
        Ok(serde_json::from_str(prices.get())?)
    } else {
        Ok(vec![Entry { constraint: None, prices: serde_json::from_str(prices.get())? }])
    }
}

impl Entry {
    pub(super) fn start_date(&self) -> Option<&str> {
        match &self.constraint {
            Some(Constraint::From { start_date }) => Some(start_date),
            _ => None,
        }
    }

    fn is_daily(&self) -> bool {
        matches!(self.constraint, Some(Constraint::Daily { .. }))
    }
}

impl Tariff {
    /// Takes the list in force on a day: the last one that does not start later, for the whole day. Where lists
    /// hold at times of the day only, or are announced for a later day, each kind of token takes the highest of
    /// all: a snapshot outlives its day, and a cap must hold all the same.
    pub(super) fn in_force(list: &[Entry], day: &str) -> Result<Self> {
        let mut begun =
            list.iter().rev().filter(|entry| entry.start_date().is_none_or(|date| date <= day));
        let announced =
            list.iter().filter(|entry| entry.start_date().is_some_and(|date| date > day));
        let mut tariff: Option<Self> = None;
        for entry in announced {
            let this = Self::of(entry)?;
            tariff = Some(match tariff {
                Some(dearest) => dearest.highest(&this),
                None => this,
            });
        }
        loop {
            let entry = begun.next().context("no price list holds all day")?;
            let this = Self::of(entry)?;
            let highest = match tariff {
                Some(later) => this.highest(&later),
                None => this,
            };
            if !entry.is_daily() {
                return Ok(highest);
            }
            tariff = Some(highest);
        }
    }

    pub(super) fn has_input(&self) -> bool {
        self.price("input").is_some()
    }

    /// Completes what the source leaves out or means otherwise, so that the book does not undercount.
    ///
    /// - For Gemini, OpenRouter lists only the storage that a cache write costs on top of its input.
    /// - Anthropic's models cost twice their input for an hour of cache, which resellers charge but do not list.
    pub(super) fn complete(&mut self, model: &str) {
        let Some(input) = self.price("input").cloned() else {
            return;
        };
        let Some(write) = self.prices.iter_mut().find(|(kind, _)| *kind == "cache_write") else {
            return;
        };
        if write.1.is_below(&input) {
            write.1 = write.1.plus(&input);
        }
        if model.contains("claude") && self.price("cache_write_1h").is_none() {
            self.prices.push(("cache_write_1h", input.plus(&input)));
        }
    }

    fn price(&self, kind: &str) -> Option<&Amount> {
        self.prices.iter().find(|(own, _)| *own == kind).map(|(_, amount)| amount)
    }

    fn of(entry: &Entry) -> Result<Self> {
        let mut prices = Vec::new();
        for (key, kind) in KINDS {
            if let Some(raw) = entry.prices.get(key) {
                prices.push((kind, Amount::read(raw).with_context(|| key.to_owned())?));
            }
        }
        let unknown = entry
            .prices
            .keys()
            .filter(|key| *key != IGNORED && KINDS.iter().all(|(known, _)| known != key))
            .filter(|key| *key != REPEATED || !entry.prices.contains_key("input_audio_hours"));
        let other = unknown
            .map(|key| key.trim_end_matches("_kcount").trim_end_matches("_mtok").to_owned())
            .collect();
        Ok(Self { prices, other })
    }

    /// Each kind of token at the higher of two prices, and every other unit of either.
    fn highest(&self, other: &Self) -> Self {
        let mut highest = Self { prices: self.prices.clone(), other: self.other.clone() };
        for (kind, theirs) in &other.prices {
            match highest.prices.iter_mut().find(|(own, _)| own == kind) {
                Some((_, ours)) => *ours = ours.highest(theirs),
                None => highest.prices.push((kind, theirs.clone())),
            }
        }
        for unit in &other.other {
            if !highest.other.contains(unit) {
                highest.other.push(unit.clone());
            }
        }
        highest
    }
}

fn as_map<S: Serializer>(
    prices: &[(&'static str, Amount)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(prices.iter().map(|(kind, amount)| (kind, amount)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_force(json: &str, day: &str) -> Result<String> {
        let raw = RawValue::from_string(json.to_owned())?;
        Ok(serde_json::to_string(&Tariff::in_force(&price_list(&raw)?, day)?)?)
    }

    #[test]
    fn the_last_list_that_has_begun_is_in_force_unless_a_dearer_one_is_announced() {
        let list = r#"[{"prices":{"input_mtok":1}},
            {"constraint":{"start_date":"2026-03-13"},"prices":{"input_mtok":0.5}},
            {"constraint":{"start_date":"2027-01-01"},"prices":{"input_mtok":0.7}},
            {"constraint":{"start_date":"2027-02-01"},"prices":{"input_mtok":0.1}}]"#;
        for (day, price) in [
            ("2026-03-12", "1"),
            ("2026-03-13", "0.7"),
            ("2027-01-01", "0.7"),
            ("2027-02-01", "0.1"),
        ] {
            assert_eq!(
                in_force(list, day).unwrap(),
                format!(r#"{{"prices":{{"input":"{price}"}}}}"#)
            );
        }
    }

    #[test]
    fn prices_by_the_time_of_the_day_take_the_highest_of_each_kind() {
        let list = r#"[{"prices":{"input_mtok":100,"output_mtok":100}},
            {"constraint":{"start_date":"2026-09-10"},"prices":{"input_mtok":0.9,"output_mtok":1}},
            {"constraint":{"start_time":"01:00:00Z","end_time":"04:00:00Z"},"prices":{"input_mtok":0.30,"output_mtok":9.5}},
            {"constraint":{"start_time":"06:00:00Z","end_time":"10:00:00Z"},"prices":{"input_mtok":0.25,"output_mtok":10}}]"#;
        assert_eq!(
            in_force(list, "2026-11-23").unwrap(),
            r#"{"prices":{"input":"0.9","output":"10"}}"#
        );
    }

    #[test]
    fn tiers_are_kept_and_unknown_units_are_named() {
        let one = r#"{"web_searches_kcount":10,"audio_hours":0.24,"cache_image_read_mtok":1,
            "input_mtok":{"base":2.5,"tiers":[{"start":272000,"price":5}]}}"#;
        assert_eq!(
            in_force(one, "2026-11-23").unwrap(),
            r#"{"prices":{"input":{"base":"2.5","tiers":[{"start":272000,"price":"5"}]}},"other":["audio_hours","web_searches"]}"#
        );
    }

    #[test]
    fn what_is_billed_by_the_character_or_the_hour_is_priced() {
        let one = r#"{"audio_hours":0.36,"input_audio_hours":0.36}"#;
        assert_eq!(in_force(one, "2026-11-23").unwrap(), r#"{"prices":{"audio_hours":"0.36"}}"#);
        let one = r#"{"input_mchars":15}"#;
        assert_eq!(in_force(one, "2026-11-23").unwrap(), r#"{"prices":{"characters":"15"}}"#);
    }

    #[test]
    fn cache_writes_that_resellers_list_in_part_are_completed() {
        for (model, listed, completed) in [
            (
                "google/gemini",
                r#"{"input_mtok":2,"cache_write_mtok":0.375}"#,
                r#"{"input":"2","cache_write":"2.375"}"#,
            ),
            (
                "anthropic/claude",
                r#"{"input_mtok":3,"cache_write_mtok":3.75}"#,
                r#"{"input":"3","cache_write":"3.75","cache_write_1h":"6"}"#,
            ),
            (
                "openai/gpt",
                r#"{"input_mtok":2,"cache_write_mtok":2.5}"#,
                r#"{"input":"2","cache_write":"2.5"}"#,
            ),
        ] {
            let raw = RawValue::from_string(listed.to_owned()).unwrap();
            let mut tariff = Tariff::in_force(&price_list(&raw).unwrap(), "2026-11-23").unwrap();
            tariff.complete(model);
            assert_eq!(
                serde_json::to_string(&tariff).unwrap(),
                format!(r#"{{"prices":{completed}}}"#)
            );
        }
    }
}

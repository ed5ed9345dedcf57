//! The members of a call's body: read strictly, and written again with a few of them changed.

use std::{borrow::Cow, fmt, ops::Range};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Fault, Json, Name, Names, Object, Strict};
use crate::refusal::Refusal;

/// Nesting of a call's body; tool schemas go deep.
const DEPTH: usize = 100;
/// Members and items of a call's body: each takes many times its bytes in memory. The longest
/// that a provider takes are embeddings of 300,000 token numbers.
const VALUES: usize = 500_000;

/// What a body says, borrowed from it.
#[derive(Debug)]
pub(super) struct Body<'a> {
    object: Object<'a>,
    raw: Vec<&'a str>,
    text: &'a str,
}

/// A body's members, in order, each as its own JSON text.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    text: Box<str>,
    parts: Vec<(Spelled, Range<usize>)>,
}

/// A name: a place in the text, or its own where the text has it escaped.
#[derive(Clone, Debug)]
enum Spelled {
    There(Range<usize>),
    Own(Box<str>),
}

/// Members to write in place of others, or to leave out (`None`).
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(Vec<(&'static str, Option<String>)>);

impl Changes {
    /// Puts a value in place of a member, or behind the others.
    pub(super) fn set(&mut self, name: &'static str, value: impl fmt::Display) {
        self.0.push((name, Some(value.to_string())));
    }

    /// Leaves a member out.
    pub(super) fn remove(&mut self, name: &'static str) {
        self.0.push((name, None));
    }
}

impl<'a> Body<'a> {
    /// Reads a body in one pass over its values.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        if separators(body) > VALUES {
            let text = format!("request body has more than {VALUES} members and items");
            return Err(Refusal::InvalidRequest(text));
        }
        let text = std::str::from_utf8(body)
            .map_err(|_| Refusal::InvalidJson("body is not UTF-8".to_owned()))?;
        let mut fault = Fault::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let found = json.deserialize_any(Top { fault: &mut fault });
        let (object, raw) = match found.and_then(|found| json.end().map(|()| found)) {
            Ok(Some(found)) => found,
            Ok(None) => return Err(Refusal::InvalidRequest("body is not an object".to_owned())),
            Err(error) => return Err(fault.refusal(&error)),
        };
        Ok(Self { object, raw, text })
    }

    /// A member with a value; `null` counts as none.
    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.object.get(name)
    }

    pub(super) const fn object(&self) -> &Object<'a> {
        &self.object
    }

    /// Refuses the first of the forbidden members that is here with a value.
    pub(super) fn refuse(&self, forbidden: &[&str]) -> Result<(), Refusal> {
        let with_value = |(_, value): &&(_, Json<'_>)| !value.is_null();
        let here = self.object.0.iter().filter(with_value).map(|(name, _)| name.as_ref());
        match here.into_iter().find(|name| forbidden.contains(name)) {
            Some(name) => Err(Refusal::UnsupportedParameter(name.to_owned())),
            None => Ok(()),
        }
    }

    /// A member that is a positive whole number of tokens or answers.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, Refusal> {
        count(self.get(name), name)
    }

    /// The same members, to be kept.
    pub(super) fn keep(&self) -> Members {
        let place = |part: &str| {
            let from = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
            from..from.saturating_add(part.len())
        };
        let spelled = |name: &Cow<'_, str>| match name {
            Cow::Borrowed(name) => Spelled::There(place(name)),
            Cow::Owned(name) => Spelled::Own(name.as_str().into()),
        };
        let members = self.object.0.iter().zip(&self.raw);
        let parts = members.map(|((name, _), raw)| (spelled(name), place(raw))).collect();
        Members { text: self.text.into(), parts }
    }
}

/// A positive whole number of tokens or answers.
pub(super) fn count(value: Option<&Json<'_>>, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let number = value.as_count().filter(|n| (1..=2_147_483_647).contains(n));
    number.map(Some).ok_or_else(|| {
        Refusal::InvalidRequest(format!("{name} is not a whole number from 1 to 2147483647"))
    })
}

impl Members {
    /// The JSON text of a member.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let (_, place) = self.parts.iter().find(|(own, _)| self.name(own) == name)?;
        self.text.get(place.clone())
    }

    fn name<'s>(&'s self, spelled: &'s Spelled) -> &'s str {
        match spelled {
            Spelled::There(place) => self.text.get(place.clone()).unwrap_or_default(),
            Spelled::Own(name) => name,
        }
    }

    /// Writes the members, with the changes; of two for one name the later counts.
    pub(super) fn write(&self, changes: &Changes) -> Vec<u8> {
        let changed = |name: &str| changes.0.iter().rev().find(|(own, _)| *own == name);
        let mut out = Vec::with_capacity(self.text.len().saturating_add(64));
        out.push(b'{');
        let mut add = |name: &str, value: &str| {
            if out.len() > 1 {
                out.push(b',');
            }
            // plain names, which need no escape
            for piece in ["\"", name, "\":", value] {
                out.extend_from_slice(piece.as_bytes());
            }
        };
        for (spelled, place) in &self.parts {
            let name = self.name(spelled);
            match changed(name) {
                Some((_, Some(value))) => add(name, value),
                Some((_, None)) => {}
                None => add(name, self.text.get(place.clone()).unwrap_or_default()),
            }
        }
        for (at, (name, value)) in changes.0.iter().enumerate() {
            let last = !changes.0.iter().skip(at.saturating_add(1)).any(|(own, _)| own == name);
            let here = self.parts.iter().any(|(own, _)| self.name(own) == *name);
            if let Some(value) = value.as_ref().filter(|_| last && !here) {
                add(name, value);
            }
        }
        out.push(b'}');
        out
    }
}

/// The whole body: its members with their texts; `None` where it is no object.
struct Top<'f> {
    fault: &'f mut Fault,
}

type Found<'a> = Option<(Object<'a>, Vec<&'a str>)>;

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
    fn visit_unit<E>(self) -> Result<Found<'de>, E> {
        Ok(None)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Found<'de>, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Found<'de>, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Found<'de>, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Found<'de>, E> {
        Ok(None)
    }
    fn visit_str<E>(self, _: &str) -> Result<Found<'de>, E> {
        Ok(None)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Found<'de>, A::Error> {
        let fault = self.fault;
        while seq.next_element_seed(Strict { depth: DEPTH, fault: &mut *fault })?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut seen = Names::default();
        let mut members: Vec<(Cow<'de, str>, Json<'de>)> = Vec::with_capacity(8);
        let mut texts: Vec<&'de str> = Vec::with_capacity(8);
        while let Some(Name(name)) = map.next_key()? {
            if !seen.add(&name, members.iter().map(|(name, _)| name)) {
                return Err(self.fault.twice(&name));
            }
            let raw: &RawValue = map.next_value()?;
            let mut inner = serde_json::Deserializer::from_str(raw.get());
            let strict = Strict { depth: DEPTH.saturating_sub(1), fault: &mut *self.fault };
            let value = serde::de::DeserializeSeed::deserialize(strict, &mut inner)
                .map_err(serde::de::Error::custom)?;
            members.push((name, value));
            texts.push(raw.get());
        }
        Ok(Some((Object(members), texts)))
    }
}

/// Commas outside of texts; as many as JSON has, up to where it is JSON.
fn separators(body: &[u8]) -> usize {
    // most bodies have fewer commas in all
    if body.len() <= VALUES {
        return 0;
    }
    let (mut count, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' if !in_text => count = count.saturating_add(1),
            _ => {}
        }
    }
    count
}

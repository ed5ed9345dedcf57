//! The one door for JSON from outside: size, encoding, depth and repeated members are checked
//! before anything is read into a type.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor},
};

use crate::{ParseError, error::said, name::shortened, object};

/// Bounds on a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Longest text in bytes.
    pub bytes: usize,
    /// Deepest nesting of objects and arrays; at most 120.
    pub depth: usize,
}

impl Bounds {
    /// An OKAP message: 64 KiB, 16 levels.
    pub const MESSAGE: Self = Self { bytes: 64 * 1024, depth: 16 };
    /// `authorization_details` alone: 64 KiB, 8 levels below the list.
    pub const DETAILS: Self = Self { bytes: 64 * 1024, depth: 9 };
}

/// Checks that bytes are one JSON text within bounds and without a repeated member at any depth.
///
/// Names are compared after their escapes are undone, so `"a"` and `"\u0061"` are the same.
///
/// # Errors
/// [`ParseError::TooLarge`], [`ParseError::InvalidJson`], [`ParseError::DuplicateMember`].
///
/// ```
/// use okap_types::{ParseError, strict::{Bounds, check}};
/// assert!(check(br#"{"a":1,"b":{"a":2}}"#, Bounds::MESSAGE).is_ok());
/// let twice = check(br#"{"a":1,"\u0061":2}"#, Bounds::MESSAGE);
/// assert!(matches!(twice, Err(ParseError::DuplicateMember(_))));
/// ```
pub fn check(bytes: &[u8], bounds: Bounds) -> Result<&str, ParseError> {
    if bytes.len() > bounds.bytes {
        return Err(ParseError::TooLarge { limit: bounds.bytes });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ParseError::InvalidJson("body is not UTF-8".to_owned()))?;
    let mut twice = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let scan = Scan { depth: bounds.depth, twice: &mut twice };
    let outcome = scan.deserialize(&mut json).and_then(|()| json.end());
    match (outcome, twice) {
        (Ok(()), _) => Ok(text),
        (Err(_), Some(member)) => Err(ParseError::DuplicateMember(member)),
        (Err(error), None) => Err(ParseError::InvalidJson(error.to_string())),
    }
}

/// Checks bytes and reads them into a type. A struct is read from an object, not from an array.
///
/// # Errors
/// Those of [`check`]; [`ParseError::InvalidRequest`] where the type refuses the text.
pub fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], bounds: Bounds) -> Result<T, ParseError> {
    object::read(check(bytes, bounds)?).map_err(|error| ParseError::InvalidRequest(said(&error)))
}

struct Scan<'a> {
    depth: usize,
    twice: &'a mut Option<String>,
}

impl Scan<'_> {
    /// One object or array further down.
    fn below<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom("nested too deeply")),
        }
    }

    /// For the next element.
    fn again(&mut self) -> Scan<'_> {
        Scan { depth: self.depth, twice: self.twice }
    }
}

impl<'de> DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut inside = self.below()?;
        while seq.next_element_seed(inside.again())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut inside = self.below()?;
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name) {
                *inside.twice = Some(shortened(&name));
                return Err(A::Error::custom("repeated member"));
            }
            map.next_value_seed(inside.again())?;
            names.insert(name);
        }
        Ok(())
    }
}

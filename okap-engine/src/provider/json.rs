//! A body in one strict pass: its values as they stand, borrowed from its text.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::refusal::Refusal;

/// Members up to which a repeated name is looked for one by one.
const FEW: usize = 16;

/// One JSON value; numbers as far as the rules look at them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// A whole number from 0 up.
    Count(u64),
    /// Any other number.
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// The members of an object, in order, none of them twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object<'a>(pub(super) Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Json<'a> {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) const fn as_count(&self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(*count),
            _ => None,
        }
    }

    pub(super) fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    pub(super) const fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(super) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A member with a value, where this is an object that has one.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }
}

impl<'a> Object<'a> {
    /// A member; one that is `null` counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }
}

/// What is wrong with a text, while it is read.
#[derive(Debug, Default)]
pub(super) struct Fault {
    twice: Option<String>,
}

impl Fault {
    pub(super) fn refusal(self, error: &serde_json::Error) -> Refusal {
        match self.twice {
            Some(member) => Refusal::DuplicateMember(member),
            None => Refusal::InvalidJson(error.to_string()),
        }
    }

    /// Takes note of a name that stands twice.
    pub(super) fn twice<E: Error>(&mut self, name: &str) -> E {
        self.twice = Some(name.chars().take(80).collect());
        E::custom("repeated member")
    }
}

/// Reads a value at most `depth` levels deep, without a repeated member anywhere.
pub(super) struct Strict<'f> {
    pub(super) depth: usize,
    pub(super) fault: &'f mut Fault,
}

impl Strict<'_> {
    /// One object or array further down.
    fn below<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom("nested too deeply")),
        }
    }

    /// For the next element.
    fn again(&mut self) -> Strict<'_> {
        Strict { depth: self.depth, fault: self.fault }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Json<'de>, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }
    #[expect(clippy::cast_precision_loss, reason = "only whether it is a count matters")]
    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(u64::try_from(value).map_or(Json::Number(value as f64), Json::Count))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Count(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut inside = self.below()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(inside.again())? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut inside = self.below()?;
        let mut seen = Names::default();
        let mut members: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            if !seen.add(&name, members.iter().map(|(name, _)| name)) {
                return Err(inside.fault.twice(&name));
            }
            members.push((name, map.next_value_seed(inside.again())?));
        }
        Ok(Json::Object(Object(members)))
    }
}

/// The name of a member, with its escapes undone.
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        d.deserialize_str(Read)
    }
}

/// The names that an object has shown; hashed once they are many.
#[derive(Default)]
pub(super) struct Names<'a>(HashSet<Cow<'a, str>>);

impl<'a> Names<'a> {
    /// Adds a name to those before it; `false` where it is one of them.
    #[expect(clippy::ptr_arg, reason = "what is borrowed stays borrowed in the set")]
    pub(super) fn add<'b>(
        &mut self,
        name: &Cow<'a, str>,
        before: impl ExactSizeIterator<Item = &'b Cow<'a, str>>,
    ) -> bool
    where
        'a: 'b,
    {
        match before.len() {
            0..FEW => before.into_iter().all(|other| other != name),
            FEW => {
                self.0.extend(before.cloned());
                self.0.insert(name.clone())
            }
            _ => self.0.insert(name.clone()),
        }
    }
}

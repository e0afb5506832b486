//! Finds one string in a JSON text and builds nothing else of it: a client that has not shown its
//! secret yet must not make the endpoint work.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::index;

/// Seeks the string at the end of these tokens of a pointer.
pub(super) struct Seek<'t>(pub(super) &'t [String]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = object.next_key::<String>()? {
            match self.0.split_first() {
                // Of a repeated member the last counts, as elsewhere.
                Some((token, rest)) if *token == name => {
                    found = object.next_value_seed(Seek(rest))?;
                }
                _ => _ = object.next_value::<IgnoredAny>()?,
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        if let Some((token, rest)) = self.0.split_first()
            && let Some(place) = index(token)
        {
            for _ in 0..place {
                if array.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
            }
            found = array.next_element_seed(Seek(rest))?.flatten();
        }

        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| text.to_owned()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

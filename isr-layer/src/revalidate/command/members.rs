//! The members of a JSON body: their names, the shapes that they accept, and the words for others.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::revalidate::json;
use crate::revalidate::response::Refusal;

/// The members of an object in their order, repeated ones included.
#[derive(Debug)]
pub(super) struct Members(pub(super) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(body: D) -> Result<Self, D::Error> {
        body.deserialize_map(Collect)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// Reads a string. `several` is the member for an array of them, if there is one.
pub(super) fn text(name: &str, value: Value, several: Option<&str>) -> Result<String, Refusal> {
    match (value, several) {
        (Value::String(text), _) => Ok(text),
        (_, Some(several)) => Err(malformed(format!(
            "`{name}` must be a string: several are given as `{several}`"
        ))),
        (_, None) => Err(malformed(format!("`{name}` must be a string"))),
    }
}

/// Reads an array of strings. `one` is the member for a single one.
pub(super) fn texts(name: &str, value: &Value, one: &str) -> Result<Vec<String>, Refusal> {
    let texts = json::items(value).and_then(|items| {
        let texts = items.into_iter().map(Value::as_str);
        texts.map(|text| text.map(str::to_owned)).collect()
    });
    texts.ok_or_else(|| {
        malformed(format!(
            "`{name}` must be an array of strings: one is given as `{one}`"
        ))
    })
}

/// Reads the parameters of a page. PHP writes an object without members as `[]`.
pub(super) fn params(value: Value) -> Result<BTreeMap<String, Value>, Refusal> {
    match value {
        Value::Object(params) => Ok(params.into_iter().collect()),
        Value::Array(none) if none.is_empty() => Ok(BTreeMap::new()),
        _ => Err(malformed(
            "`params` must be an object with the parameters of the page, such as {\"slug\": \"a\"}",
        )),
    }
}

pub(super) fn flag(name: &str, value: &Value) -> Result<bool, Refusal> {
    value
        .as_bool()
        .ok_or_else(|| malformed(format!("`{name}` must be true or false")))
}

/// Refuses `null`: most often that is the mistake of a template.
pub(super) fn present(name: &str, value: Value) -> Result<Value, Refusal> {
    match value {
        Value::Null => Err(malformed(format!(
            "`{name}` is null: leave it out, or give it a value"
        ))),
        value => Ok(value),
    }
}

pub(super) fn malformed(detail: impl Into<String>) -> Refusal {
    Refusal::Malformed(detail.into())
}

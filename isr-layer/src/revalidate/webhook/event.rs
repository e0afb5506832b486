//! One event of a webhook, authenticated and parsed, as a mapping sees it.

use std::fmt;

use http::HeaderMap;
use serde_json::Value;

use crate::revalidate::pointer::Pointer;

/// One event that a content system sent: its headers and its JSON payload, after authentication.
#[derive(Clone, Copy, Debug)]
pub struct WebhookEvent<'a> {
    headers: &'a HeaderMap,
    payload: &'a Value,
}

/// The reason for which a [`Webhook`](crate::webhook::Webhook) cannot map an event. The response is
/// a 422 with this reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprocessable {
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Missing(String),
    TooMany(String),
    Other(String),
}

impl<'a> WebhookEvent<'a> {
    pub(super) fn new(headers: &'a HeaderMap, payload: &'a Value) -> Self {
        Self { headers, payload }
    }

    /// Returns the value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the string or whole number at a JSON pointer; the first, if there are several.
    pub fn text(&self, pointer: &str) -> Option<String> {
        self.texts(pointer).ok()?.into_iter().next()
    }

    /// Returns the string or whole number at a JSON pointer, or else the 422 that names the
    /// pointer.
    ///
    /// # Errors
    ///
    /// If the payload has no value there, or one that is neither a string nor a whole number.
    pub fn required(&self, pointer: &str) -> Result<String, Unprocessable> {
        self.texts(pointer)?
            .into_iter()
            .next()
            .ok_or_else(|| Unprocessable::missing(pointer))
    }

    /// Returns all strings and whole numbers at a JSON pointer, which goes into every item of an
    /// array that it meets.
    ///
    /// # Errors
    ///
    /// If the payload has no value there, in any of the items, or one that is neither a string nor
    /// a whole number.
    pub fn texts(&self, pointer: &str) -> Result<Vec<String>, Unprocessable> {
        let parsed = Pointer::parse(pointer).map_err(Unprocessable::new)?;
        self.texts_at(&parsed)
    }

    /// Returns whether there is a value other than `null` at a JSON pointer.
    pub fn has(&self, pointer: &str) -> bool {
        let found = Pointer::parse(pointer)
            .ok()
            .and_then(|pointer| pointer.find(self.payload));
        found.is_some_and(|value| !value.is_null())
    }

    pub(super) fn texts_at(&self, pointer: &Pointer) -> Result<Vec<String>, Unprocessable> {
        let missing = || Unprocessable::missing(&pointer.to_string());
        all_texts(pointer.find_all(self.payload).ok_or_else(missing)?, pointer)
    }

    /// Returns the texts that are there: one that is missing costs the others nothing.
    pub(super) fn texts_if_present(&self, pointer: &str) -> Result<Vec<String>, Unprocessable> {
        let parsed = Pointer::parse(pointer).map_err(Unprocessable::new)?;
        self.texts_present_at(&parsed)
    }

    pub(super) fn texts_present_at(&self, pointer: &Pointer) -> Result<Vec<String>, Unprocessable> {
        all_texts(pointer.find_present(self.payload), pointer)
    }
}

fn all_texts(values: Vec<&Value>, pointer: &Pointer) -> Result<Vec<String>, Unprocessable> {
    values
        .into_iter()
        .map(|value| text(value).ok_or_else(|| not_text(value, pointer)))
        .collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn not_text(value: &Value, pointer: &Pointer) -> Unprocessable {
    match value {
        Value::Null => Unprocessable::missing(&pointer.to_string()),
        _ => Unprocessable::new(format!(
            "the value at `{pointer}` in the payload is neither a string nor a whole number"
        )),
    }
}

impl Unprocessable {
    /// Creates an error with a reason of your own, which the response tells the sender.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: Reason::Other(reason.into()),
        }
    }

    pub(super) fn missing(pointer: &str) -> Self {
        Self {
            reason: Reason::Missing(pointer.to_owned()),
        }
    }

    /// Creates the error for more selectors than one request may have: a 413, as for any request.
    pub(super) fn too_many(reason: String) -> Self {
        Self {
            reason: Reason::TooMany(reason),
        }
    }

    pub(super) fn is_too_many(&self) -> bool {
        matches!(self.reason, Reason::TooMany(_))
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.reason, Reason::Missing(_))
    }
}

impl fmt::Display for Unprocessable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Missing(pointer) => write!(f, "the payload has nothing at `{pointer}`"),
            Reason::TooMany(reason) | Reason::Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Unprocessable {}

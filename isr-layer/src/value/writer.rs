//! The arguments of a value as the text of a JSON array: the part of its key that a purge can name.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::shape::are_several;

/// The longest text of arguments. Longer ones are not kept: clients may choose arguments.
const MAX_TEXT: usize = 16 * 1024;

/// The longest text whose place in memory is used again.
const MAX_KEPT: usize = 1024;

thread_local! {
    /// The text of the call that this thread looks up, so that a hit allocates nothing.
    static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes the arguments of one call. Generated code and `key` use it.
#[derive(Debug)]
pub struct ArgumentsWriter<'a> {
    text: &'a mut Vec<u8>,
    state: Result<(), ArgumentsError>,
}

/// The reason why arguments make no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArgumentsError {
    /// One of them does not serialise to JSON.
    NotJson,
    /// They are longer than 16 KiB.
    TooLong,
}

/// The arguments of one call, as far as they could be written.
pub(crate) type Arguments<'a> = Result<&'a str, ArgumentsError>;

impl ArgumentsWriter<'_> {
    /// Writes the next argument.
    pub fn argument(&mut self, argument: &(impl Serialize + ?Sized)) {
        if self.state.is_err() {
            return;
        }
        self.text.push(match self.text.is_empty() {
            true => b'[',
            false => b',',
        });
        self.write(argument);
    }

    /// Writes all arguments: those of a tuple, or a single one.
    pub(crate) fn all(&mut self, arguments: &impl Serialize) {
        if !are_several(arguments) {
            return self.argument(arguments);
        }
        self.write(arguments);
        match self.text.as_slice() {
            b"null" => self.text.clear(),
            // The last bracket is written at the end.
            _ => drop(self.text.pop()),
        }
    }

    fn write(&mut self, argument: &(impl Serialize + ?Sized)) {
        if serde_json::to_writer(&mut *self.text, argument).is_err() {
            self.state = Err(ArgumentsError::NotJson);
        } else if self.text.len() > MAX_TEXT {
            self.state = Err(ArgumentsError::TooLong);
        }
    }
}

/// Hands the text of the arguments that `write` writes to `work`.
pub(crate) fn arguments_text<T>(
    write: impl FnOnce(&mut ArgumentsWriter<'_>),
    work: impl FnOnce(Arguments<'_>) -> T,
) -> T {
    // Taken out, since the user's `Serialize` may look up a value itself.
    let mut text = TEXT.with_borrow_mut(std::mem::take);
    text.clear();
    let mut writer = ArgumentsWriter {
        text: &mut text,
        state: Ok(()),
    };
    write(&mut writer);

    let state = writer.state;
    if text.is_empty() {
        text.push(b'[');
    }
    text.push(b']');
    // `to_writer` writes UTF-8 alone.
    let arguments = std::str::from_utf8(&text).map_err(|_| ArgumentsError::NotJson);
    let output = work(state.and(arguments));

    if text.capacity() <= MAX_KEPT {
        TEXT.set(text);
    }
    output
}

/// Returns the text of a JSON array in one spelling: without space, and with the names of each
/// object in their order. `None` if it is no array.
pub(crate) fn canonical(text: &str) -> Option<String> {
    canonical_list(serde_json::from_str(text).ok()?)
}

/// Returns the one spelling of a list of arguments. `None` if it is no array, or longer than any
/// arguments that make a key.
pub(crate) fn canonical_list(value: Value) -> Option<String> {
    let text = value.is_array().then(|| sorted(value).to_string());
    text.filter(|text| text.len() <= MAX_TEXT)
}

/// Sorts the names of all objects, which are in any order if the program turns `preserve_order` on.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(members) => {
            let mut members = members.into_iter().collect::<Vec<_>>();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            let members = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(members.collect())
        }
        other => other,
    }
}

impl fmt::Display for ArgumentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "they do not serialise to JSON",
            Self::TooLong => "they have more than 16 KiB as JSON",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(arguments: &impl Serialize) -> Result<String, ArgumentsError> {
        arguments_text(
            |writer| writer.all(arguments),
            |text| text.map(str::to_owned),
        )
    }

    #[test]
    fn arguments_are_one_list_however_they_are_given() {
        let one_by_one = |writer: &mut ArgumentsWriter<'_>| {
            writer.argument("a");
            writer.argument(&2);
        };
        let text = arguments_text(one_by_one, |text| text.map(str::to_owned));

        assert_eq!(text.as_deref(), Ok(r#"["a",2]"#));
        for (given, expected) in [
            (all(&("a", 2)), r#"["a",2]"#),
            (all(&["a"]), r#"["a"]"#),
            (all(&"a"), r#"["a"]"#),
            (all(&()), "[]"),
            (all(&Vec::<u8>::new()), "[[]]"),
            (all(&vec!["a", "b"]), r#"[["a","b"]]"#),
            (all(&(vec!["a"],)), r#"[["a"]]"#),
            (all(&None::<u8>), "[null]"),
            (all(&(None::<u8>,)), "[null]"),
        ] {
            assert_eq!(given.as_deref(), Ok(expected));
        }
        let none = arguments_text(|_| {}, |text| text.map(str::to_owned));
        assert_eq!(none.as_deref(), Ok("[]"));
    }

    #[test]
    fn arguments_that_are_too_long_or_no_json_make_no_key() {
        let odd = std::collections::HashMap::from([((1, 2), 3)]);

        assert_eq!(all(&odd), Err(ArgumentsError::NotJson));
        assert_eq!(all(&"a".repeat(MAX_TEXT)), Err(ArgumentsError::TooLong));
        assert_eq!(all(&"short").as_deref(), Ok(r#"["short"]"#), "afterwards");
    }

    #[test]
    fn one_spelling_stands_for_all() {
        let text = canonical(r#"[ {"b": 1, "a": [2 , {"d":1,"c":2}]} ]"#);

        assert_eq!(text.as_deref(), Some(r#"[{"a":[2,{"c":2,"d":1}],"b":1}]"#));
        assert_eq!(canonical(r#"{"a":1}"#), None);
        assert_eq!(canonical("[1"), None);
    }
}

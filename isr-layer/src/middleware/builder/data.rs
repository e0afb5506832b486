//! The functions of the program whose values are cached.

use std::collections::HashMap;

use crate::__private::RegisteredData;
use crate::error::{Error, ErrorKind};
use crate::page::check_text;

/// Checks the names of all functions of the program, and says if there are any.
pub(super) fn checked() -> Result<bool, Error> {
    check(inventory::iter::<RegisteredData>())
}

fn check<'a>(registered: impl IntoIterator<Item = &'a RegisteredData>) -> Result<bool, Error> {
    let mut names = HashMap::new();

    for RegisteredData(data) in registered {
        let (name, at) = (data.name(), data.made_at());
        if let Err(error) = check_text(name) {
            return refuse(format!("the data at {at}: its name {error}"));
        }
        if let Some(other) = names.insert(name, at) {
            return refuse(format!(
                "two functions have the data name `{name}`, at {other} and at {at}: give one of \
                 them another by `name = \"…\"`"
            ));
        }
    }
    Ok(!names.is_empty())
}

fn refuse(message: String) -> Result<bool, Error> {
    Err(Error::new(ErrorKind::Configuration, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Data;

    const ONE: RegisteredData = RegisteredData(Data::new("one"));
    const OTHER: RegisteredData = RegisteredData(Data::new("other"));

    #[test]
    fn two_functions_of_one_name_are_refused_with_both_places() {
        const AGAIN: RegisteredData = RegisteredData(Data::new("one"));

        let error = check(&[ONE, OTHER, AGAIN]).unwrap_err().to_string();

        assert!(error.contains("the data name `one`"), "{error}");
        assert_eq!(error.matches("data.rs:").count(), 2, "{error}");
    }

    #[test]
    fn a_name_that_no_purge_can_name_is_refused() {
        const EMPTY: RegisteredData = RegisteredData(Data::new(""));

        assert!(check(&[ONE, EMPTY]).is_err());
        assert!(check(&[ONE, OTHER]).unwrap());
        assert!(!check(&[]).unwrap());
    }
}

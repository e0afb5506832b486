//! The functions of the program whose values are cached.

use std::collections::HashMap;

use crate::__private::RegisteredData;
use crate::error::{Error, ErrorKind};
use crate::page::check_text;

/// Checks the names of all functions, and says if there are any.
pub(super) fn checked() -> Result<bool, Error> {
    let mut names = HashMap::new();
    for RegisteredData(data) in inventory::iter::<RegisteredData> {
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

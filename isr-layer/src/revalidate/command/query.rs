//! Parses the query of a GET, in the form of the Next.js examples:
//! `?secret=…&path=/posts/a&tag=posts`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::members::malformed;
use super::{Command, clip_name, options};
use crate::invalidation::Purge;
use crate::revalidate::response::Refusal;

/// Reads a query into a [`Purge`]; selectors may be repeated. `is_credential` is true for the keys
/// that carry a credential, which are ignored.
pub(in crate::revalidate) fn from_query(
    query: &str,
    is_credential: impl Fn(&str) -> bool,
) -> Result<Purge, Refusal> {
    let mut command = Command::default();
    let mut seen = BTreeSet::new();
    for parameter in query.split('&') {
        let Some((name, value)) = form_urlencoded::parse(parameter.as_bytes()).next() else {
            continue;
        };
        if is_credential(&name) {
            continue;
        }

        // Unlike `?all`, `?all=` is a template that was not filled.
        let is_unfilled = value.is_empty() && parameter.contains('=');
        command.set_parameter(&name, value.into_owned())?;
        if matches!(&*name, "path" | "page" | "prefix" | "tag") {
            continue;
        }
        if is_unfilled {
            return Err(malformed(format!("`{name}` is empty: give it a value")));
        }
        if let Some(twice) = seen.replace(name) {
            return Err(malformed(format!("`{twice}` is given twice")));
        }
    }
    command.into_purge(false)
}

impl Command {
    fn set_parameter(&mut self, name: &str, value: String) -> Result<(), Refusal> {
        match name {
            // Unlike the member of a body, it may be repeated and has no `params`.
            "page" => self.pages.push(value),
            "settle" => self.settle = Some(options::seconds(value.parse().ok())?),
            "args" => self.args = Some(arguments(&value)?),
            "path" | "prefix" | "tag" | "data" | "host" | "mode" | "wait" => {
                self.set(name, Value::String(value))?;
            }
            "all" | "only_cached" | "dry_run" => {
                self.set(name, Value::Bool(flag(name, &value)?))?;
            }
            _ => return Err(unknown_parameter(name)),
        }

        Ok(())
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "" | "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(malformed(format!("`{name}` must be true or false"))),
    }
}

/// Reads the arguments of a value, which are JSON in a query, too.
fn arguments(value: &str) -> Result<Value, Refusal> {
    let parsed = serde_json::from_str(value);
    parsed.map_err(|_| malformed("`args` must be a JSON array, such as [\"a\"]"))
}

fn unknown_parameter(name: &str) -> Refusal {
    let name = clip_name(name);
    let accepted =
        "path, page, prefix, tag, data, args, all, host, mode, only_cached, dry_run, settle, wait";
    malformed(format!(
        "unknown parameter `{name}`: accepted are {accepted}"
    ))
}

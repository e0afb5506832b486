//! Parses the query of a GET, in the form of the Next.js examples:
//! `?secret=…&path=/posts/a&tag=posts`.

use super::{Command, clip_name};
use crate::invalidation::Purge;
use crate::revalidate::response::Refusal;

/// Reads a query into a [`Purge`]; keys may be repeated. `is_credential` is true for the keys that
/// carry a credential, which are ignored.
pub(in crate::revalidate) fn from_query(
    query: &str,
    is_credential: impl Fn(&str) -> bool,
) -> Result<Purge, Refusal> {
    let mut command = Command::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !is_credential(&name) {
            command.set(&name, value.into_owned())?;
        }
    }
    command.into_purge(false)
}

impl Command {
    fn set(&mut self, name: &str, value: String) -> Result<(), Refusal> {
        match name {
            "path" => self.paths.push(value),
            "page" => self.pages.push(value),
            "prefix" => self.prefixes.push(value),
            "tag" => self.tags.push(value),
            "all" => self.all = flag(name, &value)?,
            "only_cached" => self.only_cached = flag(name, &value)?,
            "dry_run" => self.dry_run = flag(name, &value)?,
            "host" => self.host = once(name, self.host.take(), value)?,
            "mode" => self.mode = once(name, self.mode.take(), value)?,
            "wait" => self.wait = once(name, self.wait.take(), value)?,
            "settle" => self.settle = once(name, self.settle.take(), seconds(&value)?)?,
            _ => return Err(unknown_parameter(name)),
        }
        Ok(())
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Refusal::Malformed(format!("`{name}` must be 1 or 0"))),
    }
}

fn once<T>(name: &str, before: Option<T>, value: T) -> Result<Option<T>, Refusal> {
    match before {
        Some(_) => Err(Refusal::Malformed(format!("`{name}` is given twice"))),
        None => Ok(Some(value)),
    }
}

fn seconds(value: &str) -> Result<f64, Refusal> {
    value.parse().map_err(|_| {
        Refusal::Malformed("`settle` must be a number of seconds from 0 to 3600".to_owned())
    })
}

fn unknown_parameter(name: &str) -> Refusal {
    let name = clip_name(name);
    let accepted = "path, page, prefix, tag, all, host, mode, only_cached, dry_run, settle, wait";
    Refusal::Malformed(format!(
        "unknown parameter `{name}`: accepted are {accepted}"
    ))
}

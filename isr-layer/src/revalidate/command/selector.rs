//! Checks one selector at a time: a path, a page, a prefix or a tag.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::clip_name;
use crate::invalidation::{Purge, Selector};
use crate::page::{ParamSet, normalize_page, parameter, pattern};
use crate::revalidate::response::Refusal;

/// The maximum length of a selector and of a parameter's value.
const MAX_BYTES: usize = 256;

pub(super) fn path(path: &str) -> Result<Purge, Refusal> {
    check_path("path", path)?;

    // Read literally, `/posts/[slug]` would purge a path that no page has, and look like a success.
    if let Some(segment) = path.split('/').find(|segment| parameter(segment).is_some()) {
        return Err(Refusal::Malformed(format!(
            "`{segment}` makes this path a pattern: write {{\"page\": …}}, with \"params\" for one \
             of its instances; percent-encode the segment's first character if it is meant \
             literally"
        )));
    }
    Ok(Purge::path(path))
}

pub(super) fn prefix(prefix: &str) -> Result<Purge, Refusal> {
    check_path("prefix", prefix)?;
    Ok(Purge::prefix(prefix))
}

pub(super) fn tag(tag: &str) -> Result<Purge, Refusal> {
    check_text("tag", tag)?;
    Ok(Purge::tag(tag))
}

pub(super) fn page(page: &str) -> Result<Purge, Refusal> {
    Ok(Purge::page(check_page(page)?))
}

pub(super) fn instance(page: &str, params: BTreeMap<String, Value>) -> Result<Purge, Refusal> {
    let pattern = check_page(page)?;

    // A parameter left out must not widen the purge to all instances of the page.
    if let Some(missing) = pattern::names(&pattern).find(|name| !params.contains_key(*name)) {
        return Err(Refusal::Malformed(format!(
            "`params` lacks `{missing}`, a parameter of the page"
        )));
    }
    let mut set = ParamSet::new();
    for (name, value) in params {
        if !pattern::names(&pattern).any(|known| known == name) {
            let name = clip_name(&name);
            return Err(Refusal::Malformed(format!(
                "`params` has `{name}`, which is not a parameter of the page"
            )));
        }
        let value = text(&name, value)?;
        set = set.with(name, value);
    }
    // A page without parameters has one instance, which `params: {}` names.
    Ok(Purge::instance(pattern, set))
}

/// Checks a [`Selector`] that exists already. Its path is literal, even where a segment looks like
/// a parameter.
pub(super) fn check(selector: &Selector) -> Result<(), Refusal> {
    match selector {
        Selector::Path(path) => check_path("path", path),
        Selector::Prefix(prefix) => check_path("prefix", prefix),
        Selector::Tag(tag) => check_text("tag", tag),
        Selector::All => Ok(()),
        Selector::Page { pattern, params } => {
            check_page(pattern)?;
            params
                .iter()
                .try_for_each(|(name, value)| check_text(name, value))
        }
    }
}

fn check_page(page: &str) -> Result<String, Refusal> {
    check_path("page", page)?;
    let pattern = normalize_page(page);
    match pattern::mistake(&pattern) {
        Some(mistake) => Err(Refusal::Malformed(format!("invalid `page`: {mistake}"))),
        None => Ok(pattern),
    }
}

fn check_path(field: &str, path: &str) -> Result<(), Refusal> {
    // An escape counts as the one octet that it stands for, so that every spelling of a path has
    // the same limit.
    check_length(field, percent_decode_str(path).count())?;
    check_characters(field, path)?;

    // A whole URL is a frequent mistake, and gets a message of its own.
    if path.starts_with("//")
        || path
            .split('/')
            .next()
            .is_some_and(|start| start.ends_with(':'))
    {
        return Err(Refusal::Malformed(format!(
            "`{field}` is a URL: give the path alone, as in /posts/a"
        )));
    }

    if !path.starts_with('/') {
        return Err(Refusal::Malformed(format!("`{field}` must start with `/`")));
    }
    if path.contains(['?', '#']) {
        let detail = format!(
            "`{field}` has a query or a fragment: leave it out; a literal `?` is %3F, `#` is %23"
        );
        return Err(Refusal::Malformed(detail));
    }
    Ok(())
}

fn check_text(field: &str, text: &str) -> Result<(), Refusal> {
    check_length(field, text.len())?;
    check_characters(field, text)
}

fn check_length(field: &str, length: usize) -> Result<(), Refusal> {
    if length > MAX_BYTES {
        return Err(Refusal::TooLarge(format!(
            "`{field}` has {length} bytes, but at most {MAX_BYTES} are accepted"
        )));
    }
    Ok(())
}

fn check_characters(field: &str, text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::Malformed(format!("`{field}` is empty")));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::Malformed(format!(
            "`{field}` contains a control character"
        )));
    }
    Ok(())
}

fn text(name: &str, value: Value) -> Result<String, Refusal> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) if !number.is_f64() => number.to_string(),
        _ => {
            return Err(Refusal::Malformed(format!(
                "the parameter `{name}` must be a string or a whole number"
            )));
        }
    };
    check_text(name, &text)?;
    Ok(text)
}

//! Checks one selector at a time: a path, a page, a prefix or a tag.

use std::collections::BTreeMap;

use serde_json::Value;

use super::clip_name;
use crate::invalidation::{Mistake, Purge, Selector};
use crate::page::{
    MAX_NAME, NameError, ParamSet, check_characters, check_path_length, check_text, normalize_page,
    parameter, pattern,
};
use crate::revalidate::response::clip;
use crate::value::canonical_list;

pub(super) fn path(path: &str) -> Purge {
    purge(Selector::Path(path.to_owned()), check_literal_path(path))
}

pub(super) fn prefix(prefix: &str) -> Purge {
    purge(
        Selector::Prefix(prefix.to_owned()),
        check_path("prefix", prefix),
    )
}

pub(super) fn tag(tag: &str) -> Purge {
    purge(Selector::Tag(tag.to_owned()), check_tag(tag))
}

/// Purges the values of a name, or the one with these arguments.
pub(super) fn data(name: &str, args: Option<Value>) -> Purge {
    let refused = |mistake| {
        let name = clip(name, MAX_NAME).to_owned();
        Purge::refused(Selector::Data { name, args: None }, mistake)
    };
    if let Err(mistake) = check_data(name) {
        return refused(mistake);
    }
    match args.map(canonical_list) {
        None => Purge::of_data(name, None),
        Some(Some(args)) => Purge::of_data(name, Some(args)),
        Some(None) => refused(unacceptable(
            "`args` must be an array of the value's arguments, of at most 16 KiB".to_owned(),
        )),
    }
}

pub(super) fn page(page: &str) -> Purge {
    match check_page(page) {
        Ok(pattern) => Purge::page(pattern),
        Err(mistake) => refused_page(page, mistake),
    }
}

pub(super) fn instance(page: &str, params: BTreeMap<String, Value>) -> Purge {
    let pattern = match check_page(page) {
        Ok(pattern) => pattern,
        Err(mistake) => return refused_page(page, mistake),
    };
    match check_params(&pattern, params) {
        // A page without parameters has one instance, which `params: {}` names.
        Ok(params) => Purge::instance(pattern, params),
        Err(mistake) => refused_page(&pattern, mistake),
    }
}

/// Narrows a selector to one host.
pub(super) fn at_host(purge: Purge, host: &str) -> Purge {
    let purge = purge.host(clip(host, MAX_NAME));
    purge.checked(|_| check_host(host))
}

/// Checks a [`Selector`] that exists already. Its path is literal, even where a segment looks like
/// a parameter.
pub(super) fn check(selector: &Selector) -> Result<(), Mistake> {
    match selector {
        Selector::Path(path) => check_path("path", path),
        Selector::Prefix(prefix) => check_path("prefix", prefix),
        Selector::Tag(tag) => check_tag(tag),
        Selector::Data { name, .. } => check_data(name),
        Selector::All => Ok(()),
        Selector::AtHost { host, path } => {
            check_host(host)?;
            let path = path.as_ref().map(|path| check_path("path", path));
            path.unwrap_or(Ok(()))
        }
        Selector::Page { pattern, params } => {
            check_page(pattern)?;

            let mut params = params.iter();
            params.try_for_each(|(name, value)| check_value(name, value))
        }
    }
}

/// Checks that no part of a [`Selector`] has U+FFFD, which stands for half of a character. The
/// template of a path has escaped it.
pub(super) fn check_whole(selector: &Selector) -> Result<(), Mistake> {
    let mut parts: Vec<(&str, &str)> = match selector {
        Selector::Path(path) => vec![("path", path)],
        Selector::Prefix(prefix) => vec![("prefix", prefix)],
        Selector::Tag(tag) => vec![("tag", tag)],
        Selector::Data { name, args } => {
            let args = args.as_deref().unwrap_or_default();
            vec![("data", name), ("args", args)]
        }
        Selector::All => Vec::new(),
        Selector::AtHost { host, path } => {
            let path = path.as_deref().unwrap_or_default();
            vec![("host", host), ("path", path)]
        }
        Selector::Page { pattern, params } => {
            let page = [("page", pattern.as_str())];
            page.into_iter().chain(params.iter()).collect()
        }
    };

    parts.retain(|(_, text)| text.contains('\u{fffd}') || text.contains("%EF%BF%BD"));
    match parts.first() {
        None => Ok(()),
        Some((part, _)) => Err(unacceptable(format!(
            "`{part}` has half of a character, such as \\ud83d without the other half"
        ))),
    }
}

/// Makes the purge of a selector, which is refused if it is not a good one.
fn purge(selector: Selector, checked: Result<(), Mistake>) -> Purge {
    match checked {
        Ok(()) => Purge::from(selector),
        Err(mistake) => Purge::refused(clipped(selector), mistake),
    }
}

fn refused_page(page: &str, mistake: Mistake) -> Purge {
    let page = Selector::Page {
        pattern: page.to_owned(),
        params: ParamSet::new(),
    };
    Purge::refused(clipped(page), mistake)
}

/// Shortens a selector, since its receipt repeats the text that was sent.
fn clipped(selector: Selector) -> Selector {
    let clipped = |text: String| clip(&text, MAX_NAME).to_owned();
    match selector {
        Selector::Path(path) => Selector::Path(clipped(path)),
        Selector::Prefix(prefix) => Selector::Prefix(clipped(prefix)),
        Selector::Tag(tag) => Selector::Tag(clipped(tag)),
        Selector::Page { pattern, params } => Selector::Page {
            pattern: clipped(pattern),
            params,
        },
        Selector::Data { name, args } => Selector::Data {
            name: clipped(name),
            args,
        },
        Selector::All | Selector::AtHost { .. } => selector,
    }
}

fn check_data(name: &str) -> Result<(), Mistake> {
    check_value("data", name)
}

/// Checks that `params` name every parameter of the pattern, and no other.
fn check_params(pattern: &str, params: BTreeMap<String, Value>) -> Result<ParamSet, Mistake> {
    // A parameter left out must not widen the purge to all instances of the page.
    if let Some(missing) = pattern::names(pattern).find(|name| !params.contains_key(*name)) {
        return Err(unacceptable(format!(
            "`params` lacks `{missing}`, a parameter of the page"
        )));
    }

    let mut set = ParamSet::new();
    for (name, value) in params {
        if !pattern::names(pattern).any(|known| known == name) {
            let name = clip_name(&name);
            return Err(unacceptable(format!(
                "`params` has `{name}`, which is not a parameter of the page"
            )));
        }
        let value = text(&name, value)?;
        set = set.with(name, value);
    }
    Ok(set)
}

fn check_page(page: &str) -> Result<String, Mistake> {
    check_path("page", page)?;
    let pattern = normalize_page(page);
    match pattern::mistake(&pattern) {
        Some(mistake) => Err(unacceptable(format!("invalid `page`: {mistake}"))),
        None => Ok(pattern),
    }
}

/// Checks a path that is not meant as a pattern.
fn check_literal_path(path: &str) -> Result<(), Mistake> {
    check_path("path", path)?;

    // Read literally, `/posts/[slug]` would purge a path that no page has, and look like a success.
    match path.split('/').find(|segment| parameter(segment).is_some()) {
        None => Ok(()),
        Some(segment) => Err(unacceptable(format!(
            "`{segment}` makes this path a pattern: write {{\"page\": …}}, with \"params\" for one \
             of its instances; percent-encode the segment's first character if it is meant \
             literally"
        ))),
    }
}

fn check_path(part: &str, path: &str) -> Result<(), Mistake> {
    let bounds = check_path_length(path).and_then(|()| check_characters(path));
    bounds.map_err(|error| name(part, error))?;

    // A whole URL is a frequent mistake, and gets a message of its own.
    if path.starts_with("//")
        || path
            .split('/')
            .next()
            .is_some_and(|start| start.ends_with(':'))
    {
        return Err(unacceptable(format!(
            "`{part}` is a URL: give the path alone, as in /posts/a"
        )));
    }

    if !path.starts_with('/') {
        return Err(unacceptable(format!("`{part}` must start with `/`")));
    }
    if path.contains(['?', '#']) {
        return Err(unacceptable(format!(
            "`{part}` has a query or a fragment: leave it out; a literal `?` is %3F, `#` is %23"
        )));
    }
    Ok(())
}

fn check_host(host: &str) -> Result<(), Mistake> {
    check_value("host", host)?;
    if host.contains(['/', '?', '#', '@']) {
        return Err(unacceptable(
            "`host` is a name as in `Host`, such as example.com or example.com:8080".to_owned(),
        ));
    }
    Ok(())
}

fn check_tag(tag: &str) -> Result<(), Mistake> {
    check_value("tag", tag)
}

fn check_value(part: &str, text: &str) -> Result<(), Mistake> {
    check_text(text).map_err(|error| name(part, error))
}

fn name(part: &str, error: NameError) -> Mistake {
    Mistake::Name(clip_name(part).to_owned(), error)
}

fn unacceptable(reason: String) -> Mistake {
    Mistake::Unacceptable(reason)
}

fn text(name: &str, value: Value) -> Result<String, Mistake> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) if !number.is_f64() => number.to_string(),
        _ => {
            return Err(unacceptable(format!(
                "the parameter `{name}` must be a string or a whole number"
            )));
        }
    };
    check_value(name, &text)?;
    Ok(text)
}

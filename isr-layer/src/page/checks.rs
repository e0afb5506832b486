//! The checks of a page: settings that contradict each other, the path, or the layer.

use http::HeaderName;
use http::header::HOST;

use super::name::{check_path_length, check_text};
use super::{Page, Policy, pattern};
use crate::error::{Error, ErrorKind};
use crate::hosts::Hosts;

/// Refuses a policy that contradicts itself; returns the headers that the page varies on beside the
/// host.
pub(super) fn checked(page: &Page, hosts: &Hosts) -> Result<Vec<HeaderName>, Error> {
    let refuse = |what: String| {
        let message = format!("the page {}: {what}", page.describe());
        Error::new(ErrorKind::Policy, message)
    };
    check_settings(page).map_err(refuse)?;
    let names = page.policy().vary.iter();
    let headers = names.filter_map(|name| header(name, page, hosts).transpose());
    headers.collect::<Result<_, _>>().map_err(refuse)
}

fn check_settings(page: &Page) -> Result<(), String> {
    let policy = page.policy();
    if let Some(setting) = zero_setting(policy) {
        return Err(format!("`{setting}` is 0: it must be greater than zero"));
    }
    if let (Some(revalidate), Some(expire)) = (policy.revalidate, policy.expire)
        && expire < revalidate
    {
        return Err(format!(
            "`expire` ({expire:?}) is below `revalidate` ({revalidate:?})"
        ));
    }

    if let Err(error) = check_path_length(page.path()) {
        return Err(format!("the path {error}"));
    }

    for tag in policy.tags {
        if let Err(error) = check_text(tag) {
            return Err(format!("the tag `{}` {error}", tag.escape_debug()));
        }
        if let Some(name) = unknown_name(tag, page.path()) {
            return Err(format!(
                "the tag `{tag}` uses `{{{name}}}`, which is no parameter of the path"
            ));
        }
    }

    if page.is_unary() && (page.path().contains('{') || !policy.query.is_empty()) {
        return Err(
            "a unary method has no parameters and no `query`: its message is its key".to_owned(),
        );
    }
    Ok(())
}

/// Checks a name of `vary`. Returns no header for the host: with a list of hosts, it is part of
/// every key anyway.
fn header(name: &str, page: &Page, hosts: &Hosts) -> Result<Option<HeaderName>, String> {
    if page.is_unary() && (name.starts_with("grpc-") || matches!(name, "content-type" | "te")) {
        return Err(format!(
            "`vary` cannot name `{name}`: gRPC itself uses this header to send calls"
        ));
    }

    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) if name == HOST && hosts.are_listed() => Ok(None),
        Ok(name) if name == HOST => Err(
            "`vary` can name `host` only if the layer has a list of hosts: set `hosts`".to_owned(),
        ),
        Ok(name) if !identifies_client(&name) => Ok(Some(name)),
        _ => Err(format!(
            "`vary` cannot name `{name}`: it is not a header name, or it describes one client or \
             connection"
        )),
    }
}

/// Names the first setting that must not be zero and is.
fn zero_setting(policy: &Policy) -> Option<&'static str> {
    let settings = [
        (
            "revalidate",
            policy.revalidate.is_some_and(|after| after.is_zero()),
        ),
        ("expire", policy.expire.is_some_and(|after| after.is_zero())),
        ("timeout", policy.timeout.is_zero()),
        ("max_body", policy.max_body == 0),
    ];
    settings
        .into_iter()
        .find_map(|(name, is_zero)| is_zero.then_some(name))
}

/// Returns whether a header tells who the client is or how its request came here. A page is for all
/// clients, so the header cannot be part of its key.
pub(crate) fn identifies_client(name: &HeaderName) -> bool {
    const NAMES: [&str; 10] = [
        "authorization",
        "cookie",
        "proxy-authorization",
        "host",
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "connection",
        "content-length",
    ];
    NAMES.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-")
}

fn unknown_name<'a>(template: &'a str, page_path: &str) -> Option<&'a str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .find(|name| !pattern::names(page_path).any(|known| known == *name))
}

//! The lines about values.

use std::fmt::Display;
use std::panic::Location;

use super::{ALL, Logged};
use crate::outcome::Reason;
use crate::page::NameError;

/// Logs that a load failed. If there is a value, nothing else tells of the failure.
pub(crate) fn load_failed(name: &str, reason: Reason, has_value: bool) {
    let reason = reason.as_str();
    if !has_value {
        log!(
            debug,
            data = name,
            reason = reason,
            "a value could not be loaded"
        );
        return;
    }

    log!(
        warn,
        data = name,
        reason = reason,
        "a value could not be loaded; the last one stays"
    );
}

/// Logs once for each name that its function is called where no cache is in reach.
pub(crate) fn no_cache(name: &'static str) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(name, ALL) {
        log!(
            warn,
            data = name,
            "a value was loaded and not cached, since no layer is in reach: the layer is missing, \
             or this is a task of its own: carry a scope there by `context::current().scope(..)` \
             or `cache.scope(..)`; logged once for each name"
        );
    }
}

/// Logs once for each name that arguments of it make no key. The arguments are not logged: they
/// may hold text of a client.
pub(crate) fn arguments_make_no_key(name: &'static str, error: &impl Display) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(name, ALL) {
        let error = error.to_string();
        log!(
            warn,
            data = name,
            error = error.as_str(),
            "a value was loaded and not cached, since its arguments make no key; logged once for \
             each name"
        );
    }
}

/// Logs once for each name that arguments of it are equal as JSON, and not by `PartialEq`.
pub(crate) fn arguments_differ(name: &'static str) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(name, ALL) {
        log!(
            warn,
            data = name,
            "a value was loaded and not cached: its arguments have the same JSON as others that \
             they are not equal to, or are not equal to themselves, as `NaN`; logged once for each \
             name"
        );
    }
}

/// Logs once for each name that two declare it.
pub(crate) fn two_data_of_one_name(name: &'static str, one: &Location<'_>, other: &Location<'_>) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(name, ALL) {
        let (one, other) = (one.to_string(), other.to_string());
        log!(
            error,
            data = name,
            declared = other.as_str(),
            again = one.as_str(),
            "values of one name are declared twice: those of the second place are loaded each \
             time; logged once for each name"
        );
    }
}

/// Logs once for each name that a value of it is larger than memory has room for.
pub(crate) fn value_too_large(name: &'static str) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(name, ALL) {
        log!(
            warn,
            data = name,
            "a value is larger than its memory has room for, and is loaded each time: see \
             `max_data_bytes`; logged once for each name"
        );
    }
}

/// Logs once for each name that a tag of it was not taken. The tag is not logged: it may hold text
/// of a client.
pub(crate) fn tag_of_data_ignored(name: &'static str, error: NameError) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(name, ALL) {
        let error = error.to_string();
        log!(
            warn,
            data = name,
            error = error.as_str(),
            "a tag of a value was not taken, since no purge can name it: a tag has 1 to 1,024 \
             octets and no control characters; logged once for each name"
        );
    }
}

/// Logs once for each name that its load would get something that says who asks.
pub(crate) fn unkeyed_says_who_asks(name: &'static str) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(name, ALL) {
        log!(
            error,
            data = name,
            "a value was loaded and not cached, since `with_unkeyed` has headers or a request: \
             everybody who asks for the key would get what one client may see; logged once for \
             each name"
        );
    }
}

//! The list of hosts: checks its names, and finds the one that a request is for.

use std::cmp::Ordering;
use std::net::Ipv6Addr;
use std::sync::Arc;

use http::Uri;
use http::header::{HOST, HeaderMap};

use crate::error::{Error, ErrorKind};
use crate::render::key;

/// The longest host name, in octets (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 253;
/// The longest label of a host name, in octets.
const LONGEST_LABEL: usize = 63;

/// The hosts that may stand in keys, by name and port. Empty without a list: then no key has a
/// host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts(Arc<[Arc<Host>]>);

/// One host of the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// The host as it is spelled in the list.
    spelled: String,
    /// The name in lower case; an address with its brackets.
    name: String,
    /// The only port that it is for; `None` stands for every port.
    port: Option<u16>,
    /// The field as it stands in keys.
    field: Box<[u8]>,
}

/// Error: the host of the request is outside the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unlisted;

impl Hosts {
    /// Builds the list from the names that the application gave.
    ///
    /// # Errors
    ///
    /// If nothing is listed, a name is invalid, or one host is listed twice.
    pub(crate) fn new(listed: Vec<String>) -> Result<Self, Error> {
        let refuse = |what: String| Err(Error::new(ErrorKind::Configuration, what));
        if listed.is_empty() {
            return refuse("`hosts` is empty: list at least one host".to_owned());
        }

        let mut hosts = Vec::with_capacity(listed.len());
        for spelled in listed {
            match Host::new(&spelled) {
                Ok(host) => hosts.push(Arc::new(host)),
                Err(mistake) => {
                    return refuse(format!(
                        "`hosts` cannot list `{}`: {mistake}; expected a name as in `Host`, such \
                         as `example.com`, `example.com:8080` or `[::1]:3000`",
                        spelled.escape_debug()
                    ));
                }
            }
        }

        hosts.sort_by(|one, other| one.compare(other.name.bytes(), other.port));
        match hosts
            .windows(2)
            .find(|pair| pair[0].name == pair[1].name && pair[0].port == pair[1].port)
        {
            Some(pair) => refuse(format!(
                "`hosts` lists one host twice: `{}` and `{}`; case makes no difference",
                pair[0].spelled, pair[1].spelled
            )),
            None => Ok(Self(hosts.into())),
        }
    }

    /// Returns whether there is a list, so that the host is part of every key.
    pub(crate) fn are_listed(&self) -> bool {
        !self.0.is_empty()
    }

    /// Returns the host in the key of a request: one of the list, or `None` without a list.
    pub(crate) fn of(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<&Arc<Host>>, Unlisted> {
        if !self.are_listed() {
            return Ok(None);
        }
        authority(uri, headers)
            .and_then(|authority| self.find(authority))
            .map(Some)
            .ok_or(Unlisted)
    }

    /// Iterates over the hosts in keys that no request made: each host of the list, or `None` once
    /// without a list.
    pub(crate) fn each(&self) -> impl Iterator<Item = Option<&Host>> {
        let none = (!self.are_listed()).then_some(None);
        self.0.iter().map(|host| Some(&**host)).chain(none)
    }

    /// Finds the host that an authority without user information names. A host listed with that
    /// port comes before one listed without a port.
    fn find(&self, authority: &str) -> Option<&Arc<Host>> {
        let (name, port) = split(authority)?;
        let find = |port| {
            let name = || name.bytes().map(|octet| octet.to_ascii_lowercase());
            let at = self
                .0
                .binary_search_by(|host| host.compare(name(), port))
                .ok()?;
            self.0.get(at)
        };

        port.and_then(|port| find(Some(port)))
            .or_else(|| find(None))
    }
}

impl Host {
    /// Parses a name of the list; the error tells the mistake in it.
    fn new(spelled: &str) -> Result<Self, &'static str> {
        if let Some(mistake) = mistake(spelled) {
            return Err(mistake);
        }
        // Only one spelling of a port is accepted, so that handlers see no other.
        let is_plain = |(name, port): &(&str, Option<u16>)| {
            spelled.len() == name.len() + port.map_or(0, |port| 1 + port.to_string().len())
        };
        let (name, port) = split(spelled)
            .filter(is_plain)
            .ok_or("its port is invalid")?;

        if name.is_empty() {
            return Err("it has no name");
        }

        let is_host = match name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => name.len() <= LONGEST_NAME && name.split('.').all(is_label),
        };
        if !is_host {
            return Err("its name is invalid");
        }

        let (name, field) = (name.to_ascii_lowercase(), key::field(spelled.as_bytes()));
        Ok(Self {
            spelled: spelled.to_owned(),
            name,
            port,
            field,
        })
    }

    /// Returns the field as it stands in keys.
    pub(crate) fn field(&self) -> &[u8] {
        &self.field
    }

    /// Compares the host with a name in lower case and a port: the order of the list.
    fn compare(&self, name: impl Iterator<Item = u8>, port: Option<u16>) -> Ordering {
        self.name.bytes().cmp(name).then(self.port.cmp(&port))
    }
}

/// Returns the mistake in a name that `Host` would not have, if it is a common one.
fn mistake(spelled: &str) -> Option<&'static str> {
    if spelled.is_empty() {
        return Some("it is empty");
    }
    if !spelled.is_ascii() {
        return Some("it is not ASCII, and clients send the ASCII form of such a name (`xn--…`)");
    }
    if spelled.contains("://") {
        return Some("it has a scheme");
    }
    if spelled.contains(['/', '?', '#', '\\']) {
        return Some("it has a path");
    }
    if spelled.contains('@') {
        return Some("it has user information");
    }

    spelled
        .contains('*')
        .then_some("each host is listed by its own name, not by a pattern")
}

fn is_label(label: &str) -> bool {
    let is_one = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(is_one)
}

/// Returns the host and port that a request is for: those of its target, or those of its one `Host`
/// if the target has none (RFC 9112, 3.2.2; RFC 9113, 8.3.1). A client that sends several could
/// mean any of them (RFC 9112, 3.2).
fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut lines = headers.get_all(HOST).iter();
    let host = lines.next();
    if lines.next().is_some() {
        return None;
    }

    match uri.authority() {
        // User information is no part of the host (RFC 3986, 3.2.1).
        Some(authority) => authority.as_str().rsplit('@').next(),
        None => host?.to_str().ok(),
    }
}

/// Splits an authority without user information into name and port; an empty port counts as none
/// (RFC 3986, 3.2.3). Returns `None` if a text that is not a port follows the name.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = match authority.strip_prefix('[') {
        Some(_) => authority.find(']')? + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };

    let (name, rest) = authority.split_at(end);
    if rest.is_empty() {
        return Some((name, None));
    }

    let digits = rest
        .strip_prefix(':')
        .filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()))?;
    let port = if digits.is_empty() {
        None
    } else {
        Some(digits.parse().ok()?)
    };
    Some((name, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listed: &[&str]) -> Hosts {
        Hosts::new(listed.iter().map(|&spelled| spelled.to_owned()).collect())
            .expect("they are hosts")
    }

    fn refusal(listed: &[&str]) -> String {
        let listed = listed.iter().map(|&spelled| spelled.to_owned()).collect();
        Hosts::new(listed)
            .expect_err("they are refused")
            .to_string()
    }

    #[test]
    fn what_is_no_host_is_refused_with_what_is_wrong_and_what_is_accepted() {
        for (spelled, mistake) in [
            ("", "it is empty"),
            ("https://example.com", "it has a scheme"),
            ("example.com/", "it has a path"),
            ("example.com?", "it has a path"),
            ("user@example.com", "it has user information"),
            ("bücher.example", "xn--"),
            ("*.example.com", "not by a pattern"),
            (":80", "it has no name"),
            ("example.com:http", "its port is invalid"),
            ("example.com:65536", "its port is invalid"),
            ("example.com:", "its port is invalid"),
            ("example.com:080", "its port is invalid"),
            ("[::1", "its port is invalid"),
            ("[::1]80", "its port is invalid"),
            ("::1", "its port is invalid"),
            ("[::g]", "its name is invalid"),
            ("example..com", "its name is invalid"),
            ("example.com.", "its name is invalid"),
            ("exam ple.com", "its name is invalid"),
            ("example.com\r\nx: y", "its"),
        ] {
            let refusal = refusal(&["fine.example", spelled]);

            assert!(
                refusal.contains(mistake) && refusal.contains("`example.com:8080`"),
                "{spelled}: {refusal}"
            );
        }
        assert!(refusal(&[&"a".repeat(64)]).contains("its name is invalid"));
        assert!(refusal(&[]).contains("is empty"));
    }

    #[test]
    fn one_host_twice_is_refused_and_both_are_named() {
        let refusal = refusal(&["example.com", "other.example", "EXAMPLE.com"]);

        assert!(
            refusal.contains("`example.com`") && refusal.contains("`EXAMPLE.com`"),
            "{refusal}"
        );
        hosts(&["example.com", "example.com:80", "example.com:81"]);
    }

    #[test]
    fn a_host_is_found_by_name_and_port_in_whatever_case() {
        let hosts = hosts(&[
            "www.example:8080",
            "Example.COM",
            "[::1]:3000",
            "127.0.0.1",
            "xn--bcher-kva.example",
            "www.example",
        ]);
        for (authority, expected) in [
            ("example.com", Some("Example.COM")),
            ("EXAMPLE.com:8443", Some("Example.COM")),
            ("example.com:", Some("Example.COM")),
            ("example.com.", None),
            ("example.comm", None),
            ("sub.example.com", None),
            ("example.com:65536", None),
            ("example.com:+1", None),
            ("example.com:80:80", None),
            ("www.example:8080", Some("www.example:8080")),
            ("www.example:08080", Some("www.example:8080")),
            ("www.example:8081", Some("www.example")),
            ("www.example", Some("www.example")),
            ("[::1]:3000", Some("[::1]:3000")),
            ("[::1]", None),
            ("[::1", None),
            ("127.0.0.1:1", Some("127.0.0.1")),
            ("XN--bcher-KVA.example", Some("xn--bcher-kva.example")),
            ("", None),
            (":80", None),
        ] {
            let found = hosts.find(authority).map(|host| host.spelled.as_str());

            assert_eq!(found, expected, "{authority}");
        }
    }

    #[test]
    fn the_target_says_the_host_before_the_header_and_several_headers_say_none() {
        let hosts = hosts(&["a.example", "b.example"]);
        for (uri, lines, expected) in [
            ("/", &["a.example"][..], Ok("a.example")),
            ("/", &["user@a.example"], Err(Unlisted)),
            ("/", &["c.example"], Err(Unlisted)),
            ("/", &[], Err(Unlisted)),
            ("/", &["a.example", "a.example"], Err(Unlisted)),
            ("http://b.example/", &[], Ok("b.example")),
            ("http://b.example/", &["a.example"], Ok("b.example")),
            ("http://c.example/", &["a.example"], Err(Unlisted)),
            ("http://a.example@b.example:1/", &[], Ok("b.example")),
            (
                "http://b.example/",
                &["b.example", "b.example"],
                Err(Unlisted),
            ),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(HOST, line.parse().unwrap());
            }

            let found = hosts.of(&uri.parse().unwrap(), &headers);

            assert_eq!(
                found.map(|host| host.unwrap().spelled.as_str()),
                expected,
                "{uri} {lines:?}"
            );
        }
    }

    #[test]
    fn without_a_list_there_is_no_host_and_one_key_without_it() {
        let none = Hosts::default();

        assert_eq!(
            none.of(&Uri::from_static("http://a.example/"), &HeaderMap::new()),
            Ok(None)
        );
        assert_eq!(none.each().collect::<Vec<_>>(), [None]);
        assert_eq!(hosts(&["a.example", "b.example"]).each().count(), 2);
    }
}

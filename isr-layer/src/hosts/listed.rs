//! The list of hosts: checks its names, and finds the one that a request is for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::Uri;
use http::header::{HOST, HeaderMap};

use super::open::{HostFunction, OpenHosts};
use crate::error::{Error, ErrorKind};
use crate::render::key;

/// The longest host name, in octets (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 253;
/// The longest label of a host name, in octets.
const LONGEST_LABEL: usize = 63;

/// The hosts that may stand in keys. Empty without a list: then no key has a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// The hosts that are listed by their names, by name and port.
    named: Arc<[Host]>,
    open: OpenHosts,
}

/// One host of the list, or the one behind the `*.` of a pattern.
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
    /// Builds the list from the names, patterns and functions that the application gave.
    ///
    /// # Errors
    ///
    /// If nothing is listed, a name is invalid, or one host is listed twice.
    pub(crate) fn new(listed: Vec<String>, functions: Vec<HostFunction>) -> Result<Self, Error> {
        if listed.is_empty() && functions.is_empty() {
            return refuse("`hosts` is empty: list at least one host".to_owned());
        }

        let (mut named, mut patterns) = (Vec::new(), Vec::new());
        for spelled in listed {
            match spelled.strip_prefix("*.") {
                Some(parent) => patterns.push(parse(&spelled, Host::behind_pattern(parent))?),
                None => named.push(parse(&spelled, Host::new(&spelled))?),
            }
        }
        check_duplicates(&mut named)?;
        check_duplicates(&mut patterns)?;

        Ok(Self {
            named: named.into(),
            open: OpenHosts::new(patterns, functions),
        })
    }

    /// Returns true if there is a list, so that the host is part of every key.
    pub(crate) fn are_listed(&self) -> bool {
        !self.named.is_empty() || self.are_open()
    }

    /// Returns true if clients may choose hosts that are not listed by their names.
    pub(crate) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Returns the field that the host of a request has in its key; `None` without a list.
    pub(crate) fn of(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<Cow<'_, [u8]>>, Unlisted> {
        if !self.are_listed() {
            return Ok(None);
        }
        let field = authority(uri, headers).and_then(|authority| self.field(authority));
        field.map(Some).ok_or(Unlisted)
    }

    /// Returns a host as it is spelled in keys; `None` if the layer does not have it. A host that a
    /// function accepts counts as one even after the function accepts it no more, since its entries
    /// are still there.
    pub(crate) fn spelled(&self, authority: &str) -> Option<String> {
        let (name, port) = split(authority)?;
        let listed = self.find(name, port).map(|host| host.spelled.clone());
        listed.or_else(|| self.open.spelled(name, port, |_| true))
    }

    /// Iterates over the fields of hosts in keys that no request made: each host that is listed by
    /// its name, or `None` once without a list.
    pub(crate) fn each(&self) -> impl Iterator<Item = Option<Cow<'_, [u8]>>> {
        let none = (!self.are_listed()).then_some(None);
        let named = self.named.iter();
        named
            .map(|host| Some(Cow::Borrowed(&*host.field)))
            .chain(none)
    }

    /// Returns the field of the host that an authority without user information names. One that is
    /// listed by its name comes before a pattern.
    fn field(&self, authority: &str) -> Option<Cow<'_, [u8]>> {
        let (name, port) = split(authority)?;
        if let Some(host) = self.find(name, port) {
            return Some(Cow::Borrowed(&*host.field));
        }
        let spelled = self.open.spelled(name, port, OpenHosts::ask)?;
        Some(Cow::Owned(key::field(spelled.as_bytes()).into_vec()))
    }

    /// Finds a host by its name. A host listed with that port comes before one listed without a
    /// port.
    fn find(&self, name: &str, port: Option<u16>) -> Option<&Host> {
        let find = |port| {
            let name = || name.bytes().map(|octet| octet.to_ascii_lowercase());
            let at = self
                .named
                .binary_search_by(|host| host.compare(name(), port))
                .ok()?;
            self.named.get(at)
        };

        port.and_then(|port| find(Some(port)))
            .or_else(|| find(None))
    }
}

/// Names the entry of the list that could not be parsed.
fn parse(spelled: &str, host: Result<Host, &'static str>) -> Result<Host, Error> {
    host.or_else(|mistake| {
        refuse(format!(
            "`hosts` cannot list `{}`: {mistake}; expected a name as in `Host`, such as \
             `example.com`, `example.com:8080`, `[::1]:3000` or `*.example.com`",
            spelled.escape_debug()
        ))
    })
}

/// Sorts hosts by name and port, and refuses one that is listed twice.
fn check_duplicates(hosts: &mut [Host]) -> Result<(), Error> {
    hosts.sort_by(|one, other| one.compare(other.name.bytes(), other.port));
    let is_one = |pair: &&[Host]| pair[0].name == pair[1].name && pair[0].port == pair[1].port;
    match hosts.windows(2).find(is_one) {
        Some(pair) => refuse(format!(
            "`hosts` lists one host twice: `{}` and `{}`; case makes no difference",
            pair[0].spelled, pair[1].spelled
        )),
        None => Ok(()),
    }
}

fn refuse<T>(what: String) -> Result<T, Error> {
    Err(Error::new(ErrorKind::Configuration, what))
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
        if !is_name(name) {
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

    /// Parses the part of a pattern behind its `*.`.
    fn behind_pattern(parent: &str) -> Result<Self, &'static str> {
        let host = Self::new(parent)?;
        // An address has no hosts below it.
        if host.name.starts_with('[') || host.name.parse::<Ipv4Addr>().is_ok() {
            return Err("a pattern is for names below a domain");
        }
        Ok(host)
    }

    /// Returns the name in lower case.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the only port that the host is for.
    pub(super) fn port(&self) -> Option<u16> {
        self.port
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

    spelled.contains('*').then_some(
        "`*` is accepted as the whole first label alone; `hosts_by` decides by a function",
    )
}

/// Returns true if a text can be the name of a host, or its address in brackets.
pub(super) fn is_name(name: &str) -> bool {
    let address = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.len() <= LONGEST_NAME && name.split('.').all(is_label),
    }
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
        let listed = listed.iter().map(|&spelled| spelled.to_owned());
        Hosts::new(listed.collect(), Vec::new()).expect("they are hosts")
    }

    fn field(spelled: &str) -> Box<[u8]> {
        key::field(spelled.as_bytes())
    }

    fn refusal(listed: &[&str]) -> String {
        let listed = listed.iter().map(|&spelled| spelled.to_owned()).collect();
        Hosts::new(listed, Vec::new())
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
            ("a.*.com", "first label"),
            ("*", "first label"),
            ("*.", "it is empty"),
            ("*.[::1]", "below a domain"),
            ("*.127.0.0.1", "below a domain"),
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
            let found = hosts.field(authority);

            assert_eq!(
                found.as_deref(),
                expected.map(field).as_deref(),
                "{authority}"
            );
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
                found.map(|host| host.unwrap().into_owned()),
                expected.map(|host| field(host).into_vec()),
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

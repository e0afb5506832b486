//! Target URI: the key of an entry, made of scheme, authority, path and raw query (RFC 9110, 7.1).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::header::{HOST, HeaderValue};
use http::{Request, Uri};
use quick_cache::Equivalent;

use crate::page::{canonical, check_path_length};

/// Longest target in bytes; a request for a longer one is passed on untouched.
const MAX_BYTES: usize = 16 * 1024;

/// Target URI of a request, borrowed for the lookup.
#[derive(Clone, Copy, Debug)]
pub(super) struct TargetUriRef<'a> {
    /// Empty if the request does not say the scheme.
    scheme: &'a str,
    /// In any case: authorities are compared without regard to case.
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

/// Owned form of a [`TargetUriRef`].
#[derive(Clone, Debug)]
pub(crate) struct TargetUri {
    /// `scheme://authority/path?query`.
    text: Arc<str>,
    /// Lengths in `text` of scheme, authority and path.
    lengths: [usize; 3],
    /// Canonical path, as purges name it.
    path: Arc<str>,
}

impl<'a> TargetUriRef<'a> {
    /// Reads the target of a request whose public path is `path`; `None` if it is too long, or
    /// unclear because the request names two hosts: the application may go by the other one (RFC
    /// 9112, 3.2.2; RFC 9113, 8.3.1).
    pub(super) fn of<B>(request: &'a Request<B>, path: &'a str) -> Option<Self> {
        let uri = request.uri();
        let mut hosts = request.headers().get_all(HOST).iter();
        let host = hosts.next().map(HeaderValue::to_str).transpose().ok()?;
        if hosts.next().is_some() {
            return None;
        }

        let (scheme, host) = (uri.scheme_str().unwrap_or(""), host.unwrap_or(""));
        let Some(authority) = uri.authority() else {
            return Self::new(scheme, host, path, uri.query());
        };
        let target_ref = Self::new(scheme, authority.as_str(), path, uri.query())?;
        let host = without_default_port(scheme, host);
        let is_one = host.is_empty() || target_ref.authority.eq_ignore_ascii_case(host);
        is_one.then_some(target_ref)
    }

    fn new(
        scheme: &'a str,
        authority: &'a str,
        path: &'a str,
        query: Option<&'a str>,
    ) -> Option<Self> {
        // Either would make one `text` of two different targets.
        if !path.starts_with('/')
            || authority
                .bytes()
                .any(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\'))
        {
            return None;
        }

        // A purge must be able to name everything that is stored.
        check_path_length(path).ok()?;
        let length = scheme.len() + authority.len() + path.len() + query.map_or(0, str::len);
        let authority = without_default_port(scheme, authority);
        (length <= MAX_BYTES).then_some(Self {
            scheme,
            authority,
            path,
            query,
        })
    }
}

impl TargetUri {
    pub(super) fn new(target_ref: TargetUriRef<'_>) -> Self {
        let TargetUriRef {
            scheme,
            authority,
            path,
            query,
        } = target_ref;

        let mut text = format!("{scheme}://{}{path}", authority.to_ascii_lowercase());
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }

        let lengths = [scheme, authority, path].map(str::len);
        let path = canonical(path).unwrap_or(path.into());
        Self {
            text: text.into(),
            lengths,
            path: path.into(),
        }
    }

    /// Borrows the target for a lookup.
    pub(super) fn target_ref(&self) -> TargetUriRef<'_> {
        let [scheme, authority, path] = self.lengths;
        let (scheme, rest) = self.text.split_at(scheme);
        let (authority, rest) = rest["://".len()..].split_at(authority);
        let (path, query) = rest.split_at(path);
        TargetUriRef {
            scheme,
            authority,
            path,
            query: query.strip_prefix('?'),
        }
    }

    /// Returns the path as purges name it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path as purges name it, shared instead of copied.
    pub(super) fn shared_path(&self) -> Arc<str> {
        self.path.clone()
    }

    /// Returns the bytes that the target takes, about.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.path.len()
    }

    /// Returns the target in every scheme. HTTP/2 requests say the scheme, HTTP/1.1 requests do
    /// not, and both can change one resource.
    pub(super) fn in_every_scheme(&self) -> impl Iterator<Item = Self> {
        let TargetUriRef {
            scheme,
            authority,
            path,
            query,
        } = self.target_ref();
        let schemes = ["", "http", "https"]
            .into_iter()
            .filter(move |other| *other != scheme);
        let others =
            schemes.filter_map(move |other| TargetUriRef::new(other, authority, path, query));
        std::iter::once(self.clone()).chain(others.map(Self::new))
    }

    /// Resolves a reference in `Location` or `Content-Location` against this target (RFC 3986,
    /// 5.2); `None` if it names another origin.
    pub(super) fn resolve(&self, reference: &str) -> Option<Self> {
        let reference = reference.split('#').next().unwrap_or_default().trim();
        let TargetUriRef {
            scheme,
            authority,
            path,
            ..
        } = self.target_ref();

        if let Some((named, rest)) = reference.split_once("://") {
            let is_same = named.eq_ignore_ascii_case(scheme) || scheme.is_empty();
            return if is_same {
                self.resolve_authority(named, authority, scheme, rest)
            } else {
                None
            };
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return self.resolve_authority(scheme, authority, scheme, rest);
        }

        let (named, query) = split_query(reference);
        let resolved = match named {
            "" => path.to_owned(),
            absolute if absolute.starts_with('/') => without_dots(absolute),
            relative => without_dots(&format!("{}{relative}", &path[..=path.rfind('/')?])),
        };
        TargetUriRef::new(scheme, authority, &resolved, query).map(Self::new)
    }

    /// Resolves `authority/path?query`; `None` if that is not our authority.
    fn resolve_authority(
        &self,
        named_scheme: &str,
        ours: &str,
        scheme: &str,
        rest: &str,
    ) -> Option<Self> {
        let uri = format!("http://{rest}").parse::<Uri>().ok()?;
        let authority = uri.authority()?.as_str().to_ascii_lowercase();
        let named_scheme = named_scheme.to_ascii_lowercase();
        let authority = without_default_port(&named_scheme, &authority);
        let is_same = authority == without_default_port(&named_scheme, ours);
        let path = without_dots(uri.path());
        TargetUriRef::new(scheme, ours, &path, uri.query())
            .filter(|_| is_same)
            .map(Self::new)
    }
}

impl PartialEq for TargetUriRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
            && self.query == other.query
            && self.scheme == other.scheme
            && self.authority.eq_ignore_ascii_case(other.authority)
    }
}

impl Hash for TargetUriRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // In few writes: each costs as much as eight octets. What stands between the parts cannot
        // stand in the part before, so a client cannot move text from one part to the next.
        if !self.scheme.is_empty() {
            state.write(self.scheme.as_bytes());
            state.write(b"://");
        }
        for part in self.authority.as_bytes().chunks(32) {
            let mut lower = [0; 32];
            let lower = &mut lower[..part.len()];
            lower.copy_from_slice(part);
            lower.make_ascii_lowercase();
            state.write(lower);
        }

        state.write(self.path.as_bytes());
        if let Some(query) = self.query {
            state.write(b"?");
            state.write(query.as_bytes());
        }
    }
}

impl Equivalent<TargetUri> for TargetUriRef<'_> {
    fn equivalent(&self, target: &TargetUri) -> bool {
        *self == target.target_ref()
    }
}

impl PartialEq for TargetUri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TargetUri {}

impl Hash for TargetUri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.target_ref().hash(state);
    }
}

fn split_query(reference: &str) -> (&str, Option<&str>) {
    reference
        .split_once('?')
        .map_or((reference, None), |(path, query)| (path, Some(query)))
}

/// Removes an empty port and the default port of the scheme (RFC 9110, 4.2.3). A request that does
/// not say its scheme may have come over either.
fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    // Every hit comes here, and most authorities end with a letter.
    if !matches!(authority.as_bytes().last(), Some(b':' | b'0' | b'3')) {
        return authority;
    }
    let Some((host, port)) = authority.rsplit_once(':') else {
        return authority;
    };

    let is_default = matches!(
        (scheme, port),
        (_, "") | ("" | "http", "80") | ("" | "https", "443")
    );
    // An IPv6 address has brackets; without them its last part is no port.
    let is_host = !host.is_empty() && (host.ends_with(']') || !host.contains(':'));
    if is_default && is_host {
        host
    } else {
        authority
    }
}

/// Removes the segments `.` and `..` of a path (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();

    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // A dot segment at the end names the directory, which ends with a slash.
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }

    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::hash::BuildHasher;

    use super::*;

    fn target(uri: &str, host: &str) -> Option<TargetUri> {
        let request = Request::get(uri).header(HOST, host).body(()).unwrap();
        TargetUriRef::of(&request, request.uri().path()).map(TargetUri::new)
    }

    #[test]
    fn scheme_authority_path_and_raw_query_are_all_of_it() {
        let text = |uri, host| target(uri, host).unwrap().text;

        assert_eq!(&*text("/a?b=c&b", "Example.com"), "://example.com/a?b=c&b");
        assert_eq!(
            &*text("http://example.com:80/a", "Example.com"),
            "http://example.com/a"
        );
        assert_ne!(text("/a", "one"), text("/a", "other"));
        assert_ne!(text("/a?", "one"), text("/a", "one"));
        assert_ne!(text("/a?x&y", "one"), text("/a?y&x", "one"));
        assert!(target("/a", "one/b").is_none());
        assert!(target(&format!("/{}", "a".repeat(MAX_BYTES)), "one").is_none());
    }

    #[test]
    fn what_is_asked_for_finds_its_target_in_any_case_of_the_host() {
        let targets = HashMap::from([(target("/a?b", "example.com:81").unwrap(), ())]);
        let finds = |uri: &str, host: &str| {
            let request = Request::get(uri).header(HOST, host).body(()).unwrap();
            let target_ref = TargetUriRef::of(&request, request.uri().path()).unwrap();
            let hash = targets.hasher().hash_one(target_ref);
            targets.keys().all(|target| {
                targets.hasher().hash_one(target) == hash && target_ref.equivalent(target)
            })
        };

        assert!(finds("/a?b", "example.com:81") && finds("/a?b", "EXAMPLE.com:81"));
        for (uri, host) in [
            ("/a?B", "example.com:81"),
            ("/a", "example.com:81"),
            ("/a?b", "example.com"),
        ] {
            assert!(!finds(uri, host), "{uri} {host}");
        }
    }

    #[test]
    fn text_that_moves_from_one_part_to_the_next_changes_the_hash() {
        let hasher = std::hash::RandomState::new();
        let targets = [
            ("", "bc", "/a", None),
            ("b", "c", "/a", None),
            ("bc", "", "/a", None),
            ("", "bc", "/a", Some("")),
            ("", "b", "/a", Some("c")),
            ("", "", "/a", Some("bc")),
            ("", "", "/abc", None),
            ("", "b", "/ac", None),
            ("", "b", "/a/c", None),
        ];

        let hashes = targets.map(|(scheme, authority, path, query)| {
            hasher.hash_one(TargetUriRef::new(scheme, authority, path, query).unwrap())
        });

        let different = hashes.iter().collect::<std::collections::HashSet<_>>();
        assert_eq!(different.len(), targets.len());
    }

    #[test]
    fn only_the_default_port_of_a_host_is_no_part_of_it() {
        for (scheme, authority, expected) in [
            ("", "a", "a"),
            ("", "a:80", "a"),
            ("", "a:443", "a"),
            ("", "a:", "a"),
            ("http", "a:80", "a"),
            ("http", "a:443", "a:443"),
            ("https", "a:443", "a"),
            ("https", "a:80", "a:80"),
            ("https", "a:", "a"),
            ("x", "a:80", "a:80"),
            ("", "a:8080", "a:8080"),
            ("", "a:080", "a:080"),
            ("", "[::1]:80", "[::1]"),
            ("", "[::80]", "[::80]"),
            ("", "fe80::80", "fe80::80"),
            ("", ":80", ":80"),
            ("", "", ""),
            ("", "u@a:80", "u@a"),
            ("", "a.:80", "a."),
            ("", "a0", "a0"),
        ] {
            assert_eq!(
                without_default_port(scheme, authority),
                expected,
                "{scheme} {authority}"
            );
        }
    }

    #[test]
    fn two_hosts_are_none() {
        let request = Request::get("/")
            .header(HOST, "a")
            .header(HOST, "b")
            .body(())
            .unwrap();

        assert!(TargetUriRef::of(&request, "/").is_none());
        assert!(target("http://a/", "b").is_none() && target("http://a:81/", "a").is_none());
    }

    #[test]
    fn references_resolve_as_in_rfc_3986_and_only_within_the_origin() {
        // RFC 3986, 5.4: the base is http://a/b/c/d;p?q.
        let base = target("http://a/b/c/d;p?q", "a").unwrap();
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("g?y#s", "http://a/b/c/g?y"),
            ("", "http://a/b/c/d;p"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("//a/g", "http://a/g"),
            ("http://A:80/g?y", "http://a/g?y"),
        ] {
            assert_eq!(
                base.resolve(reference)
                    .map(|target| target.text.to_string())
                    .as_deref(),
                Some(expected),
                "{reference}"
            );
        }
        for reference in [
            "//g",
            "http://b/g",
            "https://a/g",
            "http://a:81/g",
            "http://a@b/g",
        ] {
            assert_eq!(base.resolve(reference), None, "{reference}");
        }
        let unsaid = target("/b", "a").unwrap();
        assert_eq!(unsaid.resolve("https://a:443/g"), target("/g", "a"));
    }
}

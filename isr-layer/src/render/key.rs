//! The identity of a cached response: a function of page, canonical path, declared query parameters
//! and declared headers, and of the message for a gRPC method. With a list of hosts, the host is
//! the first of the declared headers.
//!
//! A render's request is made from the key, from the headers and extensions that the application
//! asked a [`Recipe`](crate::render::Recipe) to keep, and from nothing else. So a handler cannot
//! see any other part of a client's request. The parts of a key are kept apart and length-prefixed,
//! so two different inputs never share a key.

mod fields;

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::Uri;
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use quick_cache::Equivalent;

use self::fields::{
    LENGTH, declared_headers, put_bytes, take_bytes, take_field, with_declared_query,
};
use crate::page::{RegisteredPage, canonical};

pub(crate) use self::fields::{apply_functions, field};

/// The longest key, in octets; a request with a longer one is never for a page.
pub(crate) const MAX_KEY: usize = 16 * 1024;

/// The first octet of a gRPC method's key. No other key begins with this octet: the first octet of
/// a field is lower.
const GRPC: u8 = 2;

/// The octet before the depth of a key of an inner layer.
const DEPTH: u8 = 3;

/// The identity of a cached response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    page: u32,
    path_len: u32,
    target: Arc<str>,
    /// The declared headers; for a gRPC method, its message comes before them.
    headers: Arc<[u8]>,
}

/// A key read off a request, borrowed as far as the request spells it canonically. It does not name
/// its page, because the path does.
#[derive(Debug)]
pub(crate) struct KeyRef<'a> {
    path_len: usize,
    target: Cow<'a, str>,
    headers: Cow<'a, [u8]>,
}

/// The parts of a gRPC method's key beside the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GrpcKey<'a> {
    pub(crate) subtype: &'a str,
    pub(crate) message: &'a [u8],
    /// The fields of the declared metadata.
    declared: &'a [u8],
}

/// A key that consists of its path, as those of most pages do: the least there is to hash and to
/// compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathKey<'a>(pub(crate) &'a str);

impl<'a> KeyRef<'a> {
    /// Makes the key of a request for `page`; `None` if it would be too long, or if a function of a
    /// header has no result for the request.
    pub(crate) fn new(
        page: &RegisteredPage,
        path: Cow<'a, str>,
        query: Option<&str>,
        host: Option<Cow<'a, [u8]>>,
        headers: &HeaderMap,
    ) -> Option<Self> {
        let key = Self {
            path_len: path.len(),
            target: with_declared_query(path, query, page.policy().query),
            headers: declared_headers(page, host, headers).ok()?,
        };
        (key.target.len() + key.headers.len() <= MAX_KEY).then_some(key)
    }

    /// Makes the key of a call of the gRPC method `page` with this message; `None` as for
    /// [`new`](Self::new).
    pub(crate) fn of_grpc(
        page: &RegisteredPage,
        path: Cow<'a, str>,
        subtype: &str,
        message: &[u8],
        host: Option<&[u8]>,
        headers: &HeaderMap,
    ) -> Option<Self> {
        let host = host.map(Cow::Borrowed);
        let declared = declared_headers(page, host, headers).ok()?;
        let mut fields =
            Vec::with_capacity(1 + 2 * LENGTH + subtype.len() + message.len() + declared.len());
        fields.push(GRPC);
        put_bytes(&mut fields, subtype.as_bytes());
        put_bytes(&mut fields, message);
        fields.extend_from_slice(&declared);

        let key = Self {
            path_len: path.len(),
            target: path,
            headers: Cow::Owned(fields),
        };
        (key.target.len() + key.headers.len() <= MAX_KEY).then_some(key)
    }

    /// Makes the key of a layer behind so many others of the same cache.
    pub(crate) fn at_depth(mut self, depth: u8) -> Self {
        if depth > 0 {
            // Behind all fields, whose number is the page's: no other key ends in this way.
            self.headers.to_mut().extend([DEPTH, depth]);
        }
        self
    }

    /// Makes a [`Key`] that can be kept.
    pub(crate) fn to_key(&self, page: &RegisteredPage) -> Key {
        Key {
            page: page.id,
            // The length is at most `MAX_KEY`, so it fits.
            path_len: u32::try_from(self.path_len).unwrap_or(u32::MAX),
            target: Arc::from(&*self.target),
            headers: Arc::from(&*self.headers),
        }
    }
}

impl Key {
    /// Returns the keys of `path` without query and without declared headers, one for each host
    /// that is listed by its name if there is a list. A purge of a path renders them if no variant
    /// is cached. A gRPC method has no such key, because there is no message to call it with.
    pub(crate) fn bare(page: &RegisteredPage, path: &str) -> Vec<Self> {
        let Some(path) = canonical(path).filter(|_| !page.is_unary()) else {
            return Vec::new();
        };
        let none = HeaderMap::new();
        let of = |host| KeyRef::new(page, Cow::Borrowed(&*path), None, host, &none);
        page.hosts
            .each()
            .filter_map(of)
            .map(|key| key.to_key(page))
            .collect()
    }

    /// Returns everything of the key that does not depend on the process: the target, which is the
    /// path with the declared query, and the fields.
    pub(crate) fn parts(&self) -> (&str, &[u8]) {
        (&self.target, &self.headers)
    }

    /// Returns the id of the page.
    pub(crate) fn page(&self) -> u32 {
        self.page
    }

    /// Returns the canonical path.
    pub(crate) fn path(&self) -> &str {
        &self.target[..self.path_len as usize]
    }

    /// Returns the canonical path with the declared query parameters as a URI, without the first
    /// `prefix` octets.
    pub(crate) fn uri(&self, prefix: usize) -> Uri {
        let local = self.target.get(prefix..).unwrap_or(&self.target);

        // Nothing may be left of the path, if it is the index of a nested router.
        let local = if local.starts_with('/') {
            Cow::Borrowed(local)
        } else {
            format!("/{local}").into()
        };
        // The path is canonical and the pairs come from a URI that was parsed before: they are a
        // URI again.
        local
            .parse::<PathAndQuery>()
            .map(Uri::from)
            .unwrap_or_default()
    }

    /// Iterates over the declared headers that the request had, as the handler sees them.
    pub(crate) fn headers<'a>(
        &'a self,
        vary: &'a [HeaderName],
    ) -> impl Iterator<Item = (HeaderName, HeaderValue)> + 'a {
        let mut rest = self.grpc().map_or(&*self.headers, |grpc| grpc.declared);
        vary.iter().filter_map(move |name| {
            let value = take_field(&mut rest)?;
            Some((name.clone(), HeaderValue::from_bytes(value).ok()?))
        })
    }

    /// Returns the listed host of the key, if hosts are listed.
    pub(crate) fn host(&self, page: &RegisteredPage) -> Option<String> {
        let (_, host) = self.headers(&page.vary).find(|(name, _)| *name == HOST)?;
        host.to_str().ok().map(str::to_owned)
    }

    /// Returns whether this is the key of a gRPC method.
    pub(crate) fn is_grpc(&self) -> bool {
        self.headers.first() == Some(&GRPC)
    }

    /// Returns the parts of a gRPC method's key; `None` for every other key.
    pub(crate) fn grpc(&self) -> Option<GrpcKey<'_>> {
        let mut rest = self.headers.strip_prefix(&[GRPC])?;
        let subtype = std::str::from_utf8(take_bytes(&mut rest)?).ok()?;
        let message = take_bytes(&mut rest)?;
        Some(GrpcKey {
            subtype,
            message,
            declared: rest,
        })
    }

    /// Returns the bytes that the key takes in memory.
    pub(crate) fn size(&self) -> usize {
        self.target.len() + self.headers.len()
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(state, &self.target, &self.headers);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(state, &self.target, &self.headers);
    }
}

impl Hash for PathKey<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(state, self.0, &[]);
    }
}

impl Equivalent<Key> for PathKey<'_> {
    #[inline]
    fn equivalent(&self, key: &Key) -> bool {
        *self.0 == *key.target && key.headers.is_empty()
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.target == *key.target && *self.headers == *key.headers
    }
}

/// Hashes a part of the key, which is enough: the path already names the page.
#[inline]
fn hash(state: &mut impl Hasher, target: &str, headers: &[u8]) {
    state.write(target.as_bytes());
    if !headers.is_empty() {
        state.write(headers);
    }
}

#[cfg(test)]
mod tests;

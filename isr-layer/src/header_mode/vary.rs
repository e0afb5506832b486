//! Vary: selects the requests that a response is for (RFC 9110, 12.5.5; RFC 9111, 4.1).

use http::header::{HeaderMap, HeaderName, VARY};

/// Fields that `Vary` names, with the values of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct VaryKey(Box<[Field]>);

/// A field, and its value if the request has the field.
type Field = (HeaderName, Option<Box<[u8]>>);

/// Reads the names in `Vary`, over all its lines; `None` if a member is `*` or invalid, since then
/// no request ever matches.
pub(super) fn names(response: &HeaderMap) -> Option<Vec<HeaderName>> {
    let lines = response.get_all(VARY).into_iter();
    let members = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);

    let mut names = Vec::new();
    for member in members.filter(|member| !member.is_empty()) {
        // The parser takes `*` for a name, since it is a token.
        let name = HeaderName::from_bytes(member)
            .ok()
            .filter(|name| name.as_str() != "*")?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

impl VaryKey {
    /// Takes the values of these fields from a request.
    pub(super) fn of(names: Vec<HeaderName>, request: &HeaderMap) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| {
                    let value = value(request, &name);
                    (name, value)
                })
                .collect(),
        )
    }

    /// Returns whether another request has equal values in all fields.
    pub(super) fn matches(&self, request: &HeaderMap) -> bool {
        self.0
            .iter()
            .all(|(name, expected)| value(request, name) == *expected)
    }

    /// Returns the names of the fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// Returns whether every request matches, because `Vary` names no field.
    pub(super) fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the bytes that the key takes, about.
    pub(super) fn size(&self) -> usize {
        let entry = |(name, value): &Field| {
            64 + name.as_str().len() + value.as_ref().map_or(0, |value| value.len())
        };
        self.0.iter().map(entry).sum()
    }
}

/// Joins the lines of a field, and normalizes the value if its grammar is known (RFC 9111, 4.1);
/// `None` if the request does not have the field.
fn value(request: &HeaderMap, name: &HeaderName) -> Option<Box<[u8]>> {
    let mut lines = request
        .get_all(name)
        .iter()
        .map(|line| line.as_bytes().trim_ascii());
    let mut all = lines.next()?.to_vec();
    for line in lines {
        all.extend_from_slice(b", ");
        all.extend_from_slice(line);
    }
    Some(if is_plain_list(name) {
        normalised(&all)
    } else {
        all.into()
    })
}

/// Returns whether a field is a list of tokens, where case does not matter and no comma is quoted.
fn is_plain_list(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "accept-charset" | "accept-encoding" | "accept-language"
    )
}

/// Normalises a list: lower case, no empty members, one spelling of white space.
fn normalised(list: &[u8]) -> Box<[u8]> {
    let members = list
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty());
    members
        .map(<[u8]>::to_ascii_lowercase)
        .collect::<Vec<_>>()
        .join(&b","[..])
        .into()
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn lines(name: HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    fn request(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn members_parse_over_lines_and_empty_ones_and_a_star_anywhere_means_never() {
        for (vary, expected) in [
            (&[][..], Some(0)),
            (&[""], Some(0)),
            (&["Foo"], Some(1)),
            (&["foo, FOO"], Some(1)),
            (&[", Foo,,bar ,"], Some(2)),
            (&["foo", "bar, baz"], Some(3)),
            (&["*"], None),
            (&["*, *"], None),
            (&["", "*"], None),
            (&["foo", "bar, *"], None),
            (&["foo bar"], None),
        ] {
            assert_eq!(
                names(&lines(VARY, vary)).map(|names| names.len()),
                expected,
                "{vary:?}"
            );
        }
    }

    #[test]
    fn a_field_that_is_missing_differs_from_one_that_is_empty() {
        let of = |fields: &[(&'static str, &str)]| {
            VaryKey::of(
                vec![
                    HeaderName::from_static("foo"),
                    HeaderName::from_static("bar"),
                ],
                &request(fields),
            )
        };

        assert!(of(&[]).matches(&request(&[("baz", "1")])));
        assert!(!of(&[]).matches(&request(&[("foo", "")])));
        assert!(!of(&[("foo", "1")]).matches(&request(&[])));
        assert!(
            of(&[("foo", "1"), ("bar", "2")]).matches(&request(&[("bar", " 2"), ("foo", "1 ")]))
        );
        assert!(
            !of(&[("foo", "1"), ("bar", "2")]).matches(&request(&[("foo", "2"), ("bar", "1")]))
        );
    }

    #[test]
    fn lines_are_one_list_and_known_lists_have_one_spelling() {
        let of = |name: &'static str, value| {
            VaryKey::of(
                vec![HeaderName::from_static(name)],
                &request(&[(name, value)]),
            )
        };

        assert!(of("foo", "a, b").matches(&request(&[("foo", "a"), ("foo", "b")])));
        assert!(!of("foo", "a, b").matches(&request(&[("foo", "b, a")])));
        assert!(!of("foo", "a").matches(&request(&[("foo", "A")])));
        assert!(
            of("accept-language", "de,EN").matches(&request(&[("accept-language", " DE , ,en")]))
        );
        assert!(
            !of("accept-language", "de, en").matches(&request(&[("accept-language", "en, de")]))
        );
    }

    proptest! {
        #[test]
        fn a_second_implementation_agrees_on_the_names(
            vary in prop::collection::vec("[ ,*a-c\\t]{0,8}", 0..4),
        ) {
            let texts = vary.iter().map(String::as_str).collect::<Vec<_>>();
            let joined = vary.join(",");
            let members = joined.split(',').map(str::trim).filter(|member| !member.is_empty()).collect::<Vec<_>>();
            let is_name = |member: &&str| *member != "*" && !member.contains([' ', '\t']);
            let simply = members.iter().all(is_name).then(|| {
                members.iter().collect::<std::collections::BTreeSet<_>>().len()
            });

            prop_assert_eq!(names(&lines(VARY, &texts)).map(|names| names.len()), simply);
        }
    }
}

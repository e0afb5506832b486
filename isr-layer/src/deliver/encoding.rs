//! Which encoding of a page a client gets: RFC 9110, 12.5.3, with q-values, `identity` and `*`.

use http::header::{ACCEPT_ENCODING, HeaderMap};

/// A content coding we can store a page in, by its name in `Content-Encoding` and in entity tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Coding(&'static str);

/// How much a client wants each coding, in thousandths; nothing is said of most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    gzip: Option<u16>,
    brotli: Option<u16>,
    zstd: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

impl Coding {
    pub(crate) const GZIP: Self = Self("gzip");
    pub(crate) const BROTLI: Self = Self("br");
    pub(crate) const ZSTD: Self = Self("zstd");

    pub(crate) const fn name(self) -> &'static str {
        self.0
    }
}

impl Accepted {
    /// What the request says; without the header everything but identity is left out.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        for list in headers.get_all(ACCEPT_ENCODING) {
            for member in list.as_bytes().split(|byte| *byte == b',') {
                accepted.add(member);
            }
        }
        accepted
    }

    /// The coding among `available`, which stand in our order of preference, that the client wants most; `None` is
    /// identity. A coding wins over identity wanted as much, since it is smaller. Where nothing is acceptable it is
    /// identity too: a page that may not be read beats an error that says so.
    pub(crate) fn choose(self, available: impl IntoIterator<Item = Coding>) -> Option<Coding> {
        let mut best = (None, self.identity());
        for coding in available {
            let wanted = self.coding(coding);
            let is_better = wanted > best.1 || (wanted == best.1 && best.0.is_none());
            if wanted > 0 && is_better {
                best = (Some(coding), wanted);
            }
        }
        best.0
    }

    fn coding(self, coding: Coding) -> u16 {
        let said = match coding {
            Coding::GZIP => self.gzip,
            Coding::BROTLI => self.brotli,
            Coding::ZSTD => self.zstd,
            _ => None,
        };
        said.or(self.any).unwrap_or(0)
    }

    /// Identity is acceptable unless it is excluded by name or by `*;q=0`; wanted least where nothing is said of it.
    fn identity(self) -> u16 {
        self.identity.unwrap_or(if self.any == Some(0) { 0 } else { 1 })
    }

    fn add(&mut self, member: &[u8]) {
        let (name, parameters) = match member.iter().position(|byte| *byte == b';') {
            Some(at) => (&member[..at], &member[at + 1..]),
            None => (member, &[][..]),
        };
        let name = name.trim_ascii();
        let slot = match name.len() {
            1 if name == b"*" => &mut self.any,
            2 if name.eq_ignore_ascii_case(b"br") => &mut self.brotli,
            4 if name.eq_ignore_ascii_case(b"gzip") => &mut self.gzip,
            4 if name.eq_ignore_ascii_case(b"zstd") => &mut self.zstd,
            6 if name.eq_ignore_ascii_case(b"x-gzip") => &mut self.gzip,
            8 if name.eq_ignore_ascii_case(b"identity") => &mut self.identity,
            _ => return,
        };
        if let Some(weight) = weight(parameters) {
            *slot = Some(weight);
        }
    }
}

/// The weight of a member, in thousandths; 1 without one. A member with a weight that is none is ignored.
fn weight(parameters: &[u8]) -> Option<u16> {
    if parameters.is_empty() {
        return Some(1000);
    }
    let parameters = parameters.trim_ascii();
    let (name, value) = parameters.split_at_checked(2)?;
    if !name.eq_ignore_ascii_case(b"q=") {
        return None;
    }
    let (whole, rest) = value.split_first()?;
    let thousandths = match rest {
        [] => 0,
        [b'.', digits @ ..] if digits.len() <= 3 => fraction(digits)?,
        _ => return None,
    };
    match whole {
        b'0' => Some(thousandths),
        b'1' if thousandths == 0 => Some(1000),
        _ => None,
    }
}

fn fraction(digits: &[u8]) -> Option<u16> {
    let mut value = 0;
    for at in 0..3 {
        let digit = digits.get(at).copied().unwrap_or(b'0');
        value = value * 10 + u16::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn chosen(accept: Option<&str>) -> &'static str {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(accept).unwrap());
        }
        let coding = Accepted::of(&headers).choose([Coding::BROTLI, Coding::GZIP]);
        coding.map_or("identity", Coding::name)
    }

    #[test]
    fn the_examples_of_rfc_9110_and_what_browsers_send() {
        for (accept, expected) in [
            (None, "identity"),
            (Some(""), "identity"),
            (Some("compress, gzip"), "gzip"),
            (Some("*"), "br"),
            (Some("compress;q=0.5, gzip;q=1.0"), "gzip"),
            (Some("gzip;q=1.0, identity; q=0.5, *;q=0"), "gzip"),
            (Some("gzip, deflate, br, zstd"), "br"),
            (Some("GZIP"), "gzip"),
            (Some("x-gzip"), "gzip"),
            (Some("br;q=0.5, gzip;q=0.8"), "gzip"),
            (Some("gzip;q=0.5, identity"), "identity"),
            (Some("gzip;q=0"), "identity"),
            (Some("gzip;q=0, *"), "br"),
            (Some("identity;q=0"), "identity"),
            (Some("identity;q=0, gzip;q=0.001"), "gzip"),
            (Some("*;q=0"), "identity"),
            (Some("gzip;q=1.5"), "identity"),
            (Some("gzip;q=0.1234"), "identity"),
            (Some("gzip;level=9"), "identity"),
            (Some("deflate"), "identity"),
            (Some("gzip ; Q=0.9 , br ; q=0.8"), "gzip"),
        ] {
            assert_eq!(chosen(accept), expected, "{accept:?}");
        }
    }

    /// The same by the letter of the RFC, written with strings and floats.
    fn reference(accept: &str) -> &'static str {
        let members = accept.split(',').filter_map(|member| {
            let mut parts = member.splitn(2, ';');
            let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let q = match parts.next().map(str::trim) {
                None | Some("") => 1.0,
                Some(text) => text.strip_prefix("q=").and_then(|q| q.parse::<f64>().ok())?,
            };
            Some((name, q))
        });
        let members = members.collect::<Vec<_>>();
        let said = |name: &str| members.iter().rev().find(|(member, _)| member == name).map(|(_, q)| *q);
        let any = said("*");
        let identity = said("identity").unwrap_or(if any == Some(0.0) { 0.0 } else { 0.001 });
        let mut best = ("identity", identity);
        for name in ["br", "gzip"] {
            let q = said(name).or(any).unwrap_or(0.0);
            if q > 0.0 && (q > best.1 || (q == best.1 && best.0 == "identity")) {
                best = (name, q);
            }
        }
        best.0
    }

    proptest! {
        #[test]
        fn a_second_implementation_agrees(
            accept in prop::collection::vec(
                ("(gzip|br|identity|\\*|deflate|zstd)", prop::option::of(0..=10u8)), 0..6,
            )
        ) {
            let member = |(name, q): &(String, Option<u8>)| match q {
                None => name.clone(),
                Some(10) => format!("{name};q=1"),
                Some(q) => format!("{name};q=0.{q}"),
            };
            let accept = accept.iter().map(member).collect::<Vec<_>>().join(", ");

            prop_assert_eq!(chosen(Some(&accept)), reference(&accept));
        }

        #[test]
        fn no_input_panics(accept in "[ -~]{0,60}") {
            chosen(Some(&accept));
        }
    }
}

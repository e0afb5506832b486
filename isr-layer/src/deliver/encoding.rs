//! Chooses the encoding that a client gets: RFC 9110, 12.5.3, with q-values, `identity` and `*`.

use http::header::HeaderValue;

/// A content coding in which we can store a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
    Zstd,
}

/// The weight that a client gives to each coding, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    codings: [u16; 3],
    identity: u16,
}

/// The weights that a list names; most codings have none.
#[derive(Clone, Copy, Debug, Default)]
struct CodingWeights {
    codings: [Option<u16>; 3],
    identity: Option<u16>,
    any: Option<u16>,
}

/// The lists that most requests bring, parsed beforehand: browsers over TLS, the second one Safari,
/// browsers without TLS, and programs.
const USUAL: [(&[u8], Accepted); 4] = [
    (
        b"gzip, deflate, br, zstd",
        Accepted {
            codings: [1000, 1000, 1000],
            identity: 1,
        },
    ),
    (
        b"gzip, deflate, br",
        Accepted {
            codings: [1000, 1000, 0],
            identity: 1,
        },
    ),
    (
        b"gzip, deflate",
        Accepted {
            codings: [0, 1000, 0],
            identity: 1,
        },
    ),
    (
        b"gzip",
        Accepted {
            codings: [0, 1000, 0],
            identity: 1,
        },
    ),
];

impl Coding {
    /// Returns the coding's name in `Content-Encoding` and in entity tags.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn of(name: &[u8]) -> Option<Self> {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is(b"br") => Some(Self::Brotli),
            4 if is(b"gzip") => Some(Self::Gzip),
            4 if is(b"zstd") => Some(Self::Zstd),
            6 if is(b"x-gzip") => Some(Self::Gzip),
            _ => None,
        }
    }
}

impl Accepted {
    /// Parses an `Accept-Encoding` of one line.
    pub(crate) fn of(line: &HeaderValue) -> Self {
        let usual = USUAL.iter().find(|(usual, _)| line == usual);
        usual.map_or_else(|| Self::of_lines([line]), |(_, accepted)| *accepted)
    }

    /// Parses an `Accept-Encoding` of several lines, which are one list.
    pub(crate) fn of_lines<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let mut weights = CodingWeights::default();
        for member in lines
            .into_iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        {
            weights.add(member);
        }

        // An unnamed identity has the lowest weight. `*;q=0` would exclude it, but changes nothing:
        // every coding with a weight is chosen before it in either case.
        let identity = weights.identity.unwrap_or(1);
        Self {
            codings: weights
                .codings
                .map(|coding| coding.or(weights.any).unwrap_or(0)),
            identity,
        }
    }

    /// Returns the place of the client's best coding among `available`, which stand in our order of
    /// preference; `None` is identity. A coding wins over an identity of equal weight, because it
    /// is smaller. If nothing is acceptable, the client gets identity: a page that it may not be
    /// able to read is better than an error that says so.
    pub(crate) fn choose(self, available: impl IntoIterator<Item = Coding>) -> Option<usize> {
        let mut best = (None, self.identity);
        for (place, coding) in available.into_iter().enumerate() {
            let weight = self.codings[coding as usize];
            let is_better = weight > best.1 || (weight == best.1 && best.0.is_none());
            if weight > 0 && is_better {
                best = (Some(place), weight);
            }
        }
        best.0
    }
}

impl CodingWeights {
    fn add(&mut self, member: &[u8]) {
        let (name, parameters) = match member.iter().position(|byte| *byte == b';') {
            Some(at) => (&member[..at], &member[at + 1..]),
            None => (member, &[][..]),
        };

        let name = name.trim_ascii();
        let slot = match Coding::of(name) {
            Some(coding) => &mut self.codings[coding as usize],
            None if name == b"*" => &mut self.any,
            None if name.eq_ignore_ascii_case(b"identity") => &mut self.identity,
            None => return,
        };

        if let Some(weight) = weight(parameters) {
            *slot = Some(weight);
        }
    }
}

/// Parses the weight of a member, in thousandths; 1,000 without one. `None` says that it is
/// invalid: the member is ignored.
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
    use proptest::prelude::*;

    fn chosen(accept: Option<&str>) -> &'static str {
        let line = accept.map(|accept| HeaderValue::from_str(accept).unwrap());
        let available = [Coding::Brotli, Coding::Gzip];
        let place = Accepted::of_lines(line.iter()).choose(available);
        place.map_or("identity", |place| available[place].name())
    }

    #[test]
    fn what_was_read_beforehand_is_what_would_be_read() {
        for (list, accepted) in USUAL {
            let line = HeaderValue::from_bytes(list).unwrap();

            assert_eq!(accepted, Accepted::of_lines([&line]), "{list:?}");
        }
    }

    #[test]
    fn lines_are_one_list() {
        let lines = ["gzip", "br"].map(HeaderValue::from_static);

        assert_eq!(
            Accepted::of_lines(lines.iter()).choose([Coding::Brotli]),
            Some(0)
        );
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

    /// A second implementation, by the letter of the RFC, with strings and floats.
    fn reference(accept: &str) -> &'static str {
        let members = accept.split(',').filter_map(|member| {
            let mut parts = member.splitn(2, ';');
            let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let name = name.strip_prefix("x-").unwrap_or(&name).to_owned();
            let q = match parts.next().map(|text| text.trim().to_ascii_lowercase()) {
                None => 1.0,
                Some(text) => text.strip_prefix("q=")?.parse::<f64>().ok()?,
            };
            Some((name, q))
        });
        let members = members.collect::<Vec<_>>();
        let weight_of = |name: &str| {
            members
                .iter()
                .rev()
                .find(|(member, _)| member == name)
                .map(|(_, q)| *q)
        };
        let any = weight_of("*");
        let identity = weight_of("identity").unwrap_or(if any == Some(0.0) { 0.0 } else { 0.001 });
        let mut best = ("identity", identity);
        for name in ["br", "gzip"] {
            let q = weight_of(name).or(any).unwrap_or(0.0);
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
                "(gzip|X-Gzip|br|BR|identity|\\*|deflate|zstd)([ \t]?;[ \t]?[qQ]=(0|0\\.[0-9]{0,3}|0\\.00[01]|1|1\\.0{0,3}))?",
                0..6,
            ),
            comma in prop::sample::select(vec![",", ", ", " ,\t", ", ,"]),
        ) {
            let accept = accept.join(comma);

            prop_assert_eq!(chosen(Some(&accept)), reference(&accept), "{}", accept);
        }

        #[test]
        fn no_input_panics(accept in "[ -~]{0,60}") {
            chosen(Some(&accept));
        }
    }
}

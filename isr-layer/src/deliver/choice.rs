//! Chooses one client's response from an [`Entry`]: the encoding, and the [`ResponseKind`]. The
//! order is that of RFC 9110, 13.2.2: preconditions first, then the range.

use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE,
};

use super::encoding::Accepted;
use super::precondition::PreconditionResult;
use super::range::{self, RangeRequest};
use super::representation::Representation;
use super::response_kind::{Choice, ResponseKind, Span};
use crate::entry::Entry;

/// The headers of one request that decide which response its client gets.
#[derive(Clone, Copy, Debug, Default)]
struct ClientConditions<'a> {
    encoding: Option<&'a HeaderValue>,
    none_match: Option<&'a HeaderValue>,
    other_conditions: bool,
    range: bool,
    /// True if `Accept-Encoding` has several lines; `encoding` then holds only the last.
    has_lines: bool,
}

/// Chooses for a client that sent these headers. If none of them matters, the choice costs one pass
/// over their names.
#[inline(always)]
pub(crate) fn choose(entry: &Entry, head: bool, request: &HeaderMap) -> Choice {
    if request.keys().any(matters) {
        return choose_among(entry, head, request);
    }
    Choice {
        encoding: None,
        kind: unconditional(head),
    }
}

#[inline(always)]
fn unconditional(head: bool) -> ResponseKind {
    if head {
        ResponseKind::Head
    } else {
        ResponseKind::Whole
    }
}

/// Returns whether a header decides which response its client gets. Standard names compare as
/// numbers, so this is cheap.
#[inline(always)]
fn matters(name: &HeaderName) -> bool {
    *name == ACCEPT_ENCODING
        || *name == RANGE
        || *name == IF_NONE_MATCH
        || *name == IF_MATCH
        || *name == IF_MODIFIED_SINCE
        || *name == IF_UNMODIFIED_SINCE
}

#[inline(never)]
fn choose_among(entry: &Entry, head: bool, request: &HeaderMap) -> Choice {
    let plain = unconditional(head);
    // Encodings, ranges and preconditions are for GET. A gRPC method is called by POST and has one
    // response.
    if entry.key.is_grpc() {
        return Choice {
            encoding: None,
            kind: plain,
        };
    }

    let conditions = ClientConditions::of(request);
    // RFC 9110, 14.2: only GET may ask for a range. A range counts the bytes of identity, so a part
    // is never encoded. Where the range is ignored, it changes nothing.
    let asks_for_part = conditions.range && !head && entry.status == StatusCode::OK;
    let kind = if asks_for_part {
        ranged(entry.representation(None), request)
    } else {
        plain
    };

    let encoding = match conditions.encoding {
        Some(line) if kind == plain => match entry.encoded() {
            [] => {
                entry.encode_if_missed();
                None
            }
            encoded => encoding(encoded, line, &conditions, request),
        },
        _ => None,
    };

    // RFC 9110, 13.2.1: preconditions are ignored unless the response without them is a success.
    if !conditions.has_conditions() || !entry.status.is_success() {
        return Choice { encoding, kind };
    }
    Choice {
        encoding,
        kind: conditional(entry.representation(encoding), kind, &conditions, request),
    }
}

/// Chooses the [`ResponseKind`] in [header mode](crate::header_mode), where a stored response has
/// one encoding only.
pub(crate) fn choose_kind(
    representation: &Representation,
    head: bool,
    request: &HeaderMap,
) -> ResponseKind {
    let conditions = ClientConditions::of(request);
    let status = representation.heads.latest().whole.head.status;
    let asks_for_part = conditions.range && !head && status == StatusCode::OK;

    let kind = if asks_for_part {
        ranged(representation, request)
    } else {
        unconditional(head)
    };

    let is_conditional = conditions.has_conditions() && status.is_success();
    if is_conditional {
        conditional(representation, kind, &conditions, request)
    } else {
        kind
    }
}

fn conditional(
    representation: &Representation,
    kind: ResponseKind,
    conditions: &ClientConditions<'_>,
    request: &HeaderMap,
) -> ResponseKind {
    let validators = &representation.validators;
    // Browsers nearly always send back the one tag that they were given: compare that first.
    if !conditions.other_conditions
        && conditions
            .none_match
            .is_some_and(|tag| validators.has_tag(tag))
    {
        return ResponseKind::NotModified;
    }

    match validators.evaluate(request) {
        PreconditionResult::Proceed => kind,
        PreconditionResult::NotModified => ResponseKind::NotModified,
        PreconditionResult::Failed => ResponseKind::PreconditionFailed,
    }
}

fn encoding(
    encoded: &[Representation],
    line: &HeaderValue,
    conditions: &ClientConditions<'_>,
    request: &HeaderMap,
) -> Option<u8> {
    let accepted = match conditions.has_lines {
        false => Accepted::of(line),
        true => Accepted::of_lines(request.get_all(ACCEPT_ENCODING)),
    };

    let place = accepted.choose(encoded.iter().filter_map(|one| one.coding))?;
    u8::try_from(place).ok()
}

fn ranged(representation: &Representation, request: &HeaderMap) -> ResponseKind {
    let latest = representation.heads.latest();
    match range::evaluate(
        request,
        &latest.whole.head.headers,
        representation.body.len(),
    ) {
        RangeRequest::Whole => ResponseKind::Whole,
        // `Span` holds no position beyond four gigabytes. Such a range is ignored, as
        // RFC 9110, 14.2 allows.
        RangeRequest::Part(part) => Span::new(part).map_or(ResponseKind::Whole, ResponseKind::Part),
        RangeRequest::Unsatisfiable => ResponseKind::Unsatisfiable,
    }
}

impl<'a> ClientConditions<'a> {
    /// Collects the headers in one pass: with the few headers of a request, this costs less than
    /// six look-ups by name.
    fn of(request: &'a HeaderMap) -> Self {
        let mut conditions = Self::default();
        for (name, value) in request.iter().filter(|(name, _)| matters(name)) {
            match *name {
                ACCEPT_ENCODING => {
                    conditions.has_lines |= conditions.encoding.replace(value).is_some()
                }
                IF_NONE_MATCH => conditions.none_match = Some(value),
                RANGE => conditions.range = true,
                _ => conditions.other_conditions = true,
            }
        }
        conditions
    }

    fn has_conditions(&self) -> bool {
        self.none_match.is_some() || self.other_conditions
    }
}

//! What one client gets of an entry: which encoding of the page, and in which form. Decided in the order RFC 9110, 13.2.2
//! gives: preconditions first, then the range.

use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE,
};

use super::encoding::Accepted;
use super::precondition::Answer;
use super::range::{Wanted, wanted};
use super::representation::Representation;
use crate::entry::Entry;

/// What one client gets of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Which of the entry's encodings; `None` is identity.
    pub(crate) encoding: Option<u8>,
    pub(crate) form: Form,
}

/// What a stored page can be sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// With its body.
    Whole,
    /// As the answer to HEAD: all but the body.
    Head,
    /// As a 304: without what describes the body.
    NotModified,
    /// As a 412.
    PreconditionFailed,
    /// These bytes of it, as a 206.
    Part { start: u32, end: u32 },
    /// As a 416.
    Unsatisfiable,
}

/// Which of the headers that matter here a request has.
#[derive(Clone, Copy, Debug, Default)]
struct Says {
    encoding: bool,
    conditions: bool,
    range: bool,
}

/// Chooses for a request with these headers.
#[inline(always)]
pub(crate) fn choose(entry: &Entry, head: bool, request: &HeaderMap) -> Choice {
    let says = Says::of(request);
    let plain = Choice { encoding: None, form: if head { Form::Head } else { Form::Whole } };
    if !(says.encoding || says.conditions || says.range) {
        return plain;
    }
    choose_among(entry, plain, says, request)
}

fn choose_among(entry: &Entry, plain: Choice, says: Says, request: &HeaderMap) -> Choice {
    // What asks for a page in another form is GET's: a call has one.
    if entry.key.is_call() {
        return plain;
    }
    // RFC 9110, 14.2: a range is GET's alone. It is one of identity's bytes; where it is ignored it changes nothing.
    let asks_for_part = says.range && plain.form == Form::Whole && entry.status == StatusCode::OK;
    let part = if asks_for_part { ranged(entry.representation(None), request) } else { Form::Whole };
    let form = if part == Form::Whole { plain.form } else { part };
    let encoding = if says.encoding && part == Form::Whole { encoding(entry, request) } else { None };
    // 13.2.1: preconditions are ignored unless the answer without them would be a success.
    if !says.conditions || !entry.status.is_success() {
        return Choice { encoding, form };
    }
    Choice { encoding, form: conditional(entry.representation(encoding), form, request) }
}

/// In which form a client gets what has one encoding only and belongs to no page.
pub(crate) fn choose_form(representation: &Representation, head: bool, request: &HeaderMap) -> Form {
    let says = Says::of(request);
    let status = representation.stamps.latest().whole.head.status;
    let form = match head {
        true => Form::Head,
        false if says.range && status == StatusCode::OK => ranged(representation, request),
        false => Form::Whole,
    };
    if says.conditions && status.is_success() { conditional(representation, form, request) } else { form }
}

fn conditional(representation: &Representation, form: Form, request: &HeaderMap) -> Form {
    match representation.validators.answer(request) {
        Answer::Proceed => form,
        Answer::NotModified => Form::NotModified,
        Answer::Failed => Form::PreconditionFailed,
    }
}

fn encoding(entry: &Entry, request: &HeaderMap) -> Option<u8> {
    let encoded = entry.encoded();
    if encoded.is_empty() {
        return None;
    }
    let coding = Accepted::of(request).choose(encoded.iter().filter_map(|one| one.coding))?;
    let at = encoded.iter().position(|one| one.coding == Some(coding))?;
    u8::try_from(at).ok()
}

fn ranged(representation: &Representation, request: &HeaderMap) -> Form {
    let latest = representation.stamps.latest();
    match wanted(request, &latest.whole.head.headers, representation.body.len()) {
        Wanted::Whole => Form::Whole,
        Wanted::Part(part) => Form::Part { start: part.start as u32, end: part.end as u32 },
        Wanted::Unsatisfiable => Form::Unsatisfiable,
    }
}

impl Says {
    /// One pass over the few names there are costs less than asking for each; their lengths tell them apart.
    #[inline]
    fn of(request: &HeaderMap) -> Self {
        let mut says = Self::default();
        for name in request.keys() {
            match name.as_str().len() {
                5 => says.range |= *name == RANGE,
                8 => says.conditions |= *name == IF_MATCH,
                13 => says.conditions |= *name == IF_NONE_MATCH,
                15 => says.encoding |= *name == ACCEPT_ENCODING,
                17 => says.conditions |= *name == IF_MODIFIED_SINCE,
                19 => says.conditions |= *name == IF_UNMODIFIED_SINCE,
                _ => {}
            }
        }
        says
    }
}

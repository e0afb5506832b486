//! Functions of request headers: only the result of such a function counts for a page.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};

use super::checks::identifies_client;
use crate::error::{Error, ErrorKind};
use crate::observe;

/// The longest value that a function is called with, in octets.
const MAX_VALUE: usize = 16 * 1024;

/// A function of one header. Its results are texts of the program, so that clients cannot choose
/// how many there are.
pub(crate) type HeaderFunction = Arc<dyn Fn(&str) -> &'static str + Send + Sync>;

/// The functions of one layer, by header.
#[derive(Clone, Default)]
pub(crate) struct VaryBy(Arc<[(HeaderName, HeaderFunction)]>);

/// Error: a function has no result for a request, so that no page can be chosen for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoResult;

impl VaryBy {
    /// Takes the functions that the application gave.
    ///
    /// # Errors
    ///
    /// If a name is not a header, tells who the client is, or is given twice.
    pub(crate) fn new(given: Vec<(String, HeaderFunction)>) -> Result<Self, Error> {
        let mut functions = Vec::<(HeaderName, HeaderFunction)>::with_capacity(given.len());
        for (name, function) in given {
            let header = HeaderName::try_from(&name).ok();
            let Some(header) = header.filter(|header| !identifies_client(header)) else {
                return refuse(format!(
                    "`vary_by` cannot name `{}`: it is not a header name, or it describes one \
                     client or connection",
                    name.escape_debug()
                ));
            };
            if functions.iter().any(|(other, _)| *other == header) {
                return refuse(format!("`vary_by` is given twice for `{header}`"));
            }
            functions.push((header, function));
        }

        Ok(Self(functions.into()))
    }

    /// Refuses a function of a header that no page has in its `vary`.
    pub(super) fn check_use(&self, is_used: impl Fn(&HeaderName) -> bool) -> Result<(), Error> {
        match self.0.iter().find(|(name, _)| !is_used(name)) {
            Some((name, _)) => refuse(format!(
                "`vary_by` is given for `{name}`, which no page has in its `vary`"
            )),
            None => Ok(()),
        }
    }

    /// Returns true if the header has a function.
    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|(of, _)| of == name)
    }

    /// Returns the result of the function of a header for this value, which is empty if the client
    /// sent none. A value that is not text is shown as far as it is.
    pub(crate) fn result(&self, name: &HeaderName, value: &[u8]) -> Result<&'static str, NoResult> {
        let function = self.0.iter().find(|(of, _)| of == name);
        let (_, function) = function.ok_or(NoResult)?;
        if value.len() > MAX_VALUE {
            return Err(NoResult);
        }

        let text = String::from_utf8_lossy(value);
        // A function that panics for one client's value must not end that client's connection.
        let result = catch_unwind(AssertUnwindSafe(|| function(&text)));
        let result = result.ok().filter(|one| HeaderValue::from_str(one).is_ok());
        result.ok_or_else(|| {
            observe::vary_by_failed(name);
            NoResult
        })
    }
}

fn refuse<T>(message: String) -> Result<T, Error> {
    Err(Error::new(ErrorKind::Configuration, message))
}

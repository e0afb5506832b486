//! Open hosts: patterns and functions, under which a client's own text names the host. It is
//! checked and spelled in lower case before it becomes part of a key.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::listed::{Host, is_name};
use crate::observe;

/// A function that tells if a host, in lower case and without its port, is one of the
/// application's.
pub(crate) type HostFunction = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The patterns and functions of one layer.
#[derive(Clone, Default)]
pub(crate) struct OpenHosts {
    /// Each is the host behind `*.`.
    patterns: Arc<[Host]>,
    functions: Arc<[HostFunction]>,
}

impl OpenHosts {
    pub(super) fn new(patterns: Vec<Host>, functions: Vec<HostFunction>) -> Self {
        Self {
            patterns: patterns.into(),
            functions: functions.into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.functions.is_empty()
    }

    /// Returns a host as it is spelled in keys, if a pattern has it or `is_known` says so of one of
    /// the functions. A name under a pattern has the pattern's port, and no other host has one.
    pub(super) fn spelled(
        &self,
        name: &str,
        port: Option<u16>,
        is_known: impl Fn((&HostFunction, &str)) -> bool,
    ) -> Option<String> {
        if self.is_empty() || !is_name(name) {
            return None;
        }

        let name = name.to_ascii_lowercase();
        if let Some(pattern) = self.pattern(&name, port) {
            return Some(match pattern.port() {
                Some(port) => format!("{name}:{port}"),
                None => name,
            });
        }
        let mut functions = self.functions.iter();
        functions
            .any(|function| is_known((function, &name)))
            .then_some(name)
    }

    /// Calls a function. If it panics for one client's host, that host is not known.
    pub(super) fn ask((function, name): (&HostFunction, &str)) -> bool {
        catch_unwind(AssertUnwindSafe(|| function(name))).unwrap_or_else(|_| {
            observe::hosts_by_panicked();
            false
        })
    }

    /// Finds the pattern of a name: one label stands for its `*`. A pattern with that port comes
    /// before one without a port.
    fn pattern(&self, name: &str, port: Option<u16>) -> Option<&Host> {
        let (_, parent) = name.split_once('.').filter(|_| !name.starts_with('['))?;
        let find = |port| {
            let mut patterns = self.patterns.iter();
            patterns.find(|pattern| pattern.name() == parent && pattern.port() == port)
        };
        port.and_then(|port| find(Some(port)))
            .or_else(|| find(None))
    }
}

impl fmt::Debug for OpenHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenHosts")
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

//! The expectations of the random schedule: for each page, the promises of the purges acknowledged
//! so far, and nothing else.

/// The paths of the schedule.
pub(crate) const PATHS: [&str; 4] = ["/posts/a", "/posts/b", "/about", "/"];

/// The promises of a page's acknowledged purges to all requests that arrive after them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Promise {
    /// Version of a purge whose receipt said `regenerated`: no older version is served again.
    regenerated: u64,
    /// Version of an acknowledged `Expire`: no older version is served, unless a render failed
    /// since.
    expired: u64,
    /// The number of renders of the page that had failed when `expired` was set.
    failures: usize,
    /// Version of any acknowledged purge: an older version is marked.
    purged: u64,
    /// True once a client got a good page: no client gets an error after that.
    good: bool,
}

/// The way in which a purge was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// By a receipt that says `regenerated`.
    Regenerated,
    /// By any other receipt of an `Expire`.
    Expired,
    /// In any other way.
    Marked,
}

/// The parts of a response that the promises are about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// The version of the page; `None` for an error.
    pub(crate) version: Option<u64>,
    pub(crate) is_marked: bool,
}

impl Promise {
    /// Records a purge that began when the database had `version` and `failures` renders had
    /// failed.
    pub(crate) fn acknowledge(&mut self, how: Acknowledged, version: u64, failures: usize) {
        self.purged = self.purged.max(version);
        match how {
            Acknowledged::Regenerated => self.regenerated = self.regenerated.max(version),
            Acknowledged::Expired => {
                self.expired = self.expired.max(version);
                self.failures = failures;
            }
            Acknowledged::Marked => {}
        }
    }

    /// Records a response: from a good page on, errors are not allowed.
    pub(crate) fn saw(&mut self, sight: Sight) {
        self.good |= sight.version.is_some();
    }

    /// Checks a response to a request that arrived under this promise; `failures` is the number of
    /// failed renders by now.
    pub(crate) fn judge(&self, sight: Sight, failures: usize) -> Result<(), String> {
        let Some(version) = sight.version else {
            return if self.good {
                Err("an error though there was a good page".to_owned())
            } else {
                Ok(())
            };
        };
        if version < self.regenerated {
            return Err(format!(
                "version {version} after `regenerated` at {}",
                self.regenerated
            ));
        }
        if version < self.expired && failures == self.failures {
            return Err(format!(
                "version {version} after `Expire` at {}, and nothing failed",
                self.expired
            ));
        }
        if version < self.purged && !sight.is_marked {
            return Err(format!(
                "version {version} unmarked after a purge at {}",
                self.purged
            ));
        }
        Ok(())
    }
}

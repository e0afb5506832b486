//! What the random schedule expects: per page, what was promised by the purges acknowledged so far. Nothing else.

/// The paths of the schedule.
pub(crate) const PATHS: [&str; 4] = ["/posts/a", "/posts/b", "/about", "/"];

/// What the acknowledged purges of one page promise to every request that comes after them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Promise {
    /// A receipt said `regenerated`: nothing older is ever answered again.
    regenerated: u64,
    /// An `Expire` was acknowledged: nothing older is answered, unless a render of the page failed since.
    expired: u64,
    /// How many renders of the page had failed by then.
    failures: usize,
    /// Any purge was acknowledged: what is older is marked.
    purged: u64,
    /// Somebody got a good page: nobody gets an error any more.
    good: bool,
}

/// How a purge was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// With a receipt that says `regenerated`.
    Regenerated,
    /// After an `Expire`.
    Expired,
    /// In any other way.
    Marked,
}

/// What a client saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// The version of the page; none in an error.
    pub(crate) version: Option<u64>,
    pub(crate) is_marked: bool,
}

impl Promise {
    /// A purge called when the database had `version` and `failures` renders of the page had failed.
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

    /// Somebody got a good page.
    pub(crate) fn saw(&mut self, sight: Sight) {
        self.good |= sight.version.is_some();
    }

    /// Whether a request that came under this promise may see this; `failures` is how many renders have failed by now.
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

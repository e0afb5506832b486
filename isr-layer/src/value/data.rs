//! The name and the policy of a cached function, as plain data built in `const`.

use std::panic::Location;
use std::time::Duration;

/// The name and the policy of values that pages and plain routes share.
///
/// Every setter is `const`. `#[static_data]` makes one for its function, named `DATA`; one made by
/// hand is given to [`Cache::data`](crate::Cache::data).
///
/// ```
/// use isr_layer::data::Data;
/// use std::time::Duration;
///
/// const RATES: Data = Data::new("rates").revalidate(Duration::from_secs(300)).tags(&["rates"]);
/// assert_eq!(RATES.name(), "rates");
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Data {
    name: &'static str,
    made_at: &'static Location<'static>,
    pub(crate) revalidate: Option<Duration>,
    pub(crate) expire: Option<Duration>,
    pub(crate) not_found_revalidate: Duration,
    pub(crate) tags: &'static [&'static str],
    pub(crate) timeout: Duration,
    pub(crate) jitter: bool,
    /// True if the headers of an upstream's response go before `revalidate`.
    pub(crate) is_from_upstream: bool,
}

impl Data {
    /// Names values that are fresh until they are purged.
    ///
    /// A purge has the name ([`Purge::data`](crate::Purge::data)), so it should outlive the place
    /// of the function. Two of one name in one program are a mistake: the values of the
    /// one that is read first are cached, the other one loads each time, and an ERROR names both.
    ///
    /// By default a load may take 30 s, and `None` lives for 10 s.
    #[track_caller]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            made_at: Location::caller(),
            revalidate: None,
            expire: None,
            not_found_revalidate: Duration::from_secs(10),
            tags: &[],
            timeout: Duration::from_secs(30),
            jitter: false,
            is_from_upstream: false,
        }
    }

    /// Makes a value stale at this age. A page, or another value, that is made of it waits for a
    /// new one then; any other reader still gets it, and one load refreshes it in the background.
    pub const fn revalidate(mut self, after: Duration) -> Self {
        self.revalidate = Some(after);
        self
    }

    /// Stops handing out a value at this age, even if loading fails.
    pub const fn expire(mut self, after: Duration) -> Self {
        self.expire = Some(after);
        self
    }

    /// Sets the lifetime of `None`, where [`load_option`](crate::data::Read::load_option) or
    /// `#[static_data]` loads an `Option`. The default is 10 s.
    pub const fn not_found_revalidate(mut self, after: Duration) -> Self {
        self.not_found_revalidate = after;
        self
    }

    /// Tags every value. A page that reads one has its tags, too.
    ///
    /// A tag has 1 to 1,024 octets and no control characters. Any other has no effect, and that is
    /// logged. For a tag with an argument in it, call [`context::tag`](crate::context::tag) while
    /// the value is loaded.
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// Sets the time limit of a load. The default is 30 s.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Shortens each lifetime by a random part of up to 10 %, so that values that were loaded
    /// together do not go stale together.
    pub const fn jitter(mut self, on: bool) -> Self {
        self.jitter = on;
        self
    }

    /// Lets the headers of an upstream's response say for how long a value is fresh; where they say
    /// nothing, it is fresh for `or`. It counts for values that
    /// [`load_from_upstream`](crate::data::Read::load_from_upstream) reads.
    pub const fn revalidate_from_upstream(mut self, or: Duration) -> Self {
        self.revalidate = Some(or);
        self.is_from_upstream = true;
        self
    }

    /// Returns the name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the place in the program at which this was made.
    pub(crate) fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }
}

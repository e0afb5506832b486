//! The promises of a store, by name.

use std::fmt;

/// A promise of the trait [`Store`](crate::store::Store), as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Promise(&'static str);

/// A [`Promise`] that a store broke.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) promise: Promise,
    pub(super) expected: String,
    pub(super) came: String,
}

/// The end of a [`Check`](super::promises::Check).
pub(super) type Kept = Result<(), Broken>;

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "- {}", self.promise)?;
        writeln!(f, "    expected: {}", self.expected)?;
        write!(f, "    came:     {}", self.came)
    }
}

macro_rules! promises {
    ($($name:ident: $sentence:literal,)*) => {
        $(pub(super) const $name: Promise = Promise($sentence);)*
    };
}

promises! {
    PAGE_COMES_BACK: "a page that was put is found",
    UNKNOWN_KEY_IS_NONE: "a key that was never put is unknown",
    KEYS_ARE_APART: "keys that differ in one octet are different pages",
    OCTETS_OF_EACH_LENGTH: "octets come back equal, whatever their number",
    PAGE_IS_KEPT_UNTIL_EXPIRY: "a page is kept until it expires",
    AGE_IS_NOT_LOST: "an age that is returned is that of the put or more",
    PUT_REPLACES: "a put with a higher `as_of` replaces",
    EQUAL_PUT_REPLACES: "a put with an equal `as_of` replaces",
    LOWER_PUT_DOES_NOT_REPLACE: "a put with a lower `as_of` replaces nothing",
    REMOVE_FORGETS: "a remove forgets a page of its `as_of` or a lower one",
    LOWER_REMOVE_DOES_NOT_FORGET: "a remove with a lower `as_of` forgets nothing",
    WRITES_KEEP_THEIR_ORDER: "writes of one call take effect in their order",

    NUMBERS_GROW: "each number is higher than every one before",
    ONE_NUMBER_PER_CALL: "all marks of one call have the same number",

    MARK_REACHES_EQUAL: "a mark reaches each page that has an equal selector",
    MARK_REACHES_ONLY_EQUAL: "a mark reaches no page that has no equal selector",
    SOFT_MARK_IS_SOFT: "a page that a soft mark reaches is soft",
    HARD_MARK_IS_HARD: "a page that a hard mark reaches is hard",
    HARD_STAYS_HARD: "a hard page stays hard after a soft mark",
    STRICTEST_MARK_COUNTS: "the strictest mark on the selectors of a page counts",
    MARKED_PAGE_IS_RETURNED: "a page that a mark reaches is returned all the same",
    OLD_MARK_DOES_NOT_REACH: "a mark up to the `as_of` of a page does not reach it",
    MARK_REACHES_LATER_PUT: "a mark reaches a page that is put later and knows less",
    EACH_OF_MANY_SELECTORS: "each of many selectors of a page is compared",
    EACH_OF_MANY_MARKS: "each of many marks of one call is recorded",

    TOUCH_RAISES: "a page that is touched through a number is valid up to it",
    TOUCH_OF_ANOTHER_MEANS_NOTHING: "a touch with the `as_of` of another page is void",
    TOUCH_NEVER_LOWERS: "a touch with a lower `through` lowers nothing",
    TOUCH_RAISES_ONLY_THROUGH: "a mark above `through` reaches a touched page",

    RECORDS_AT_ONCE_ARE_ORDERED: "records at once get different, growing numbers",
    MARK_IS_SEEN_AT_ONCE: "a mark is seen as soon as `record` returns",
    PAGES_AT_ONCE_ARE_WHOLE: "pages that are put at once are found, and whole",
    HIGHEST_OF_PUTS_AT_ONCE_STAYS: "the highest `as_of` of puts at once stays",
    GIVEN_UP_CALL_IS_HARMLESS: "a call whose future was dropped does no harm",

    NUMBERS_GROW_ACROSS_RESTARTS: "numbers grow across restarts",
    JOIN_TELLS_PURGES: "`join` returns at least the highest number of a purge",
    PAGES_SURVIVE_RESTART: "pages survive a restart",
    REMOVALS_SURVIVE_RESTART: "a page that was removed stays so after a restart",
    MARKS_SURVIVE_RESTART: "marks survive a restart, with their strictness",
    PAGES_BELONG_TO_ONE_BUILD: "a build gets no page of another build",
    ROLLBACK_FINDS_ITS_PAGES: "a build finds its own pages after another build",
    PURGES_REACH_ALL_BUILDS: "a purge reaches the pages of all builds",
    JOIN_TELLS_PAGES: "`join` returns at least the highest `as_of` of a page",
}

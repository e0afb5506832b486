//! A check for each promise of a store.

mod builds;
mod many_calls;
mod marks;
mod numbers;
mod pages;
mod restart;
mod touches;

use std::pin::Pin;

use super::promise::{self, Kept, Promise};
use super::trial::Trial;

/// A running check.
type Checking<'t> = Pin<Box<dyn Future<Output = Kept> + Send + 't>>;

/// The check of one [`Promise`].
#[derive(Clone, Copy)]
pub(super) struct Check {
    pub(super) promise: Promise,
    /// Without these the check would tell nothing new. They come before it.
    pub(super) builds_on: &'static [Promise],
    pub(super) run: for<'t, 'a> fn(&'t mut Trial<'a>) -> Checking<'t>,
}

macro_rules! checks {
    ($($promise:ident $([$($base:ident)*])? => $module:ident::$function:ident,)*) => {
        &[$(Check {
            promise: promise::$promise,
            builds_on: &[$($(promise::$base,)*)?],
            run: |trial| Box::pin($module::$function(trial)),
        },)*]
    };
}

/// Checks of a store while one handle is open.
pub(super) const WITHIN_ONE_RUN: &[Check] = checks! {
    PAGE_COMES_BACK => pages::page_comes_back,
    UNKNOWN_KEY_IS_NONE [PAGE_COMES_BACK] => pages::unknown_key_is_none,
    KEYS_ARE_APART [PAGE_COMES_BACK] => pages::keys_are_apart,
    PAGE_IS_KEPT_UNTIL_EXPIRY [PAGE_COMES_BACK] => pages::page_is_kept_until_expiry,
    AGE_IS_NOT_LOST [PAGE_COMES_BACK] => pages::age_is_not_lost,
    NUMBERS_GROW => numbers::numbers_grow,
    PUT_REPLACES [KEYS_ARE_APART] => pages::put_replaces,
    EQUAL_PUT_REPLACES [KEYS_ARE_APART] => pages::equal_put_replaces,
    LOWER_PUT_DOES_NOT_REPLACE [KEYS_ARE_APART] => pages::lower_put_does_not_replace,
    REMOVE_FORGETS [UNKNOWN_KEY_IS_NONE KEYS_ARE_APART] => pages::remove_forgets,
    LOWER_REMOVE_DOES_NOT_FORGET [KEYS_ARE_APART] => pages::lower_remove_does_not_forget,
    WRITES_KEEP_THEIR_ORDER [REMOVE_FORGETS] => pages::writes_keep_their_order,
    MARKED_PAGE_IS_RETURNED [KEYS_ARE_APART] => marks::marked_page_is_returned,
    MARK_REACHES_EQUAL [MARKED_PAGE_IS_RETURNED] => marks::mark_reaches_equal,
    OLD_MARK_DOES_NOT_REACH [MARKED_PAGE_IS_RETURNED] => marks::old_mark_does_not_reach,
    MARK_REACHES_ONLY_EQUAL [OLD_MARK_DOES_NOT_REACH] => marks::mark_reaches_only_equal,
    SOFT_MARK_IS_SOFT [MARK_REACHES_EQUAL] => marks::soft_mark_is_soft,
    HARD_MARK_IS_HARD [MARK_REACHES_EQUAL] => marks::hard_mark_is_hard,
    MARK_REACHES_LATER_PUT [MARK_REACHES_EQUAL] => marks::mark_reaches_later_put,
    STRICTEST_MARK_COUNTS [HARD_MARK_IS_HARD] => marks::strictest_mark_counts,
    HARD_STAYS_HARD [SOFT_MARK_IS_SOFT HARD_MARK_IS_HARD OLD_MARK_DOES_NOT_REACH
        MARK_REACHES_LATER_PUT] => marks::hard_stays_hard,
    ONE_NUMBER_PER_CALL [OLD_MARK_DOES_NOT_REACH] => numbers::one_number_per_call,
    EACH_OF_MANY_SELECTORS [MARK_REACHES_EQUAL] => marks::each_of_many_selectors,
    EACH_OF_MANY_MARKS [MARK_REACHES_EQUAL] => marks::each_of_many_marks,
    TOUCH_RAISES [OLD_MARK_DOES_NOT_REACH] => touches::touch_raises,
    TOUCH_OF_ANOTHER_MEANS_NOTHING [UNKNOWN_KEY_IS_NONE MARK_REACHES_EQUAL]
        => touches::touch_of_another_means_nothing,
    TOUCH_NEVER_LOWERS [TOUCH_RAISES] => touches::touch_never_lowers,
    TOUCH_RAISES_ONLY_THROUGH [MARK_REACHES_EQUAL] => touches::touch_raises_only_through,
    RECORDS_AT_ONCE_ARE_ORDERED [NUMBERS_GROW] => many_calls::records_at_once_are_ordered,
    PAGES_AT_ONCE_ARE_WHOLE [EQUAL_PUT_REPLACES] => many_calls::pages_at_once_are_whole,
    HIGHEST_OF_PUTS_AT_ONCE_STAYS [PAGES_AT_ONCE_ARE_WHOLE LOWER_PUT_DOES_NOT_REPLACE]
        => many_calls::highest_of_puts_at_once_stays,
    MARK_IS_SEEN_AT_ONCE [PAGES_AT_ONCE_ARE_WHOLE RECORDS_AT_ONCE_ARE_ORDERED HARD_MARK_IS_HARD]
        => many_calls::mark_is_seen_at_once,
    GIVEN_UP_CALL_IS_HARMLESS [PUT_REPLACES] => many_calls::given_up_call_is_harmless,
};

/// Checks that [`restart`](Trial::restart).
pub(super) const ACROSS_RESTARTS: &[Check] = checks! {
    NUMBERS_GROW_ACROSS_RESTARTS [NUMBERS_GROW] => numbers::numbers_grow_across_restarts,
    JOIN_TELLS_PURGES => numbers::join_tells_purges,
    PAGES_SURVIVE_RESTART [LOWER_PUT_DOES_NOT_REPLACE PUT_REPLACES] => restart::pages_survive,
    REMOVALS_SURVIVE_RESTART [REMOVE_FORGETS] => restart::removals_survive,
    MARKS_SURVIVE_RESTART [HARD_STAYS_HARD] => restart::marks_survive,
    PAGES_BELONG_TO_ONE_BUILD [UNKNOWN_KEY_IS_NONE KEYS_ARE_APART]
        => builds::pages_belong_to_one_build,
    ROLLBACK_FINDS_ITS_PAGES [PAGES_BELONG_TO_ONE_BUILD PAGES_SURVIVE_RESTART]
        => builds::rollback_finds_its_pages,
    PURGES_REACH_ALL_BUILDS [MARKS_SURVIVE_RESTART] => builds::purges_reach_all_builds,
};

/// Checks that leave much behind: a large page, and a number that no purge had, after which some
/// stores forget every page.
pub(super) const LARGE: &[Check] = checks! {
    OCTETS_OF_EACH_LENGTH [KEYS_ARE_APART] => pages::octets_of_each_length,
};
pub(super) const LAST: &[Check] = checks! {
    JOIN_TELLS_PAGES [JOIN_TELLS_PURGES NUMBERS_GROW_ACROSS_RESTARTS PAGE_COMES_BACK]
        => numbers::join_tells_pages,
};

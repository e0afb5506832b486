//! The rules that keep memory and a store in step, and those of values, each with a name: a test
//! run can leave one out, to see that a test notices.

/// A rule that keeps memory and a store in step, or pages and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A page that waits to be written is taken back as it is, with its own number.
    Queue,
    /// A page that the store judged as marked counts as rendered before every purge.
    AsOfZero,
    /// A page that is rendered while another one is loaded makes that one void.
    VoidLoad,
    /// A page that is not written takes the older one in the store with it.
    Drop,
    /// A render that was overtaken changes nothing once its successor has ended.
    Outrun,
    /// A purge that waits to be recorded is above the number that counts as recorded.
    FailPass,
    /// The number of a page is asked for when it is written.
    AskedLate,
    /// The list of paths is asked before the store.
    ListFirst,
    /// A visit loads once, and a refresh never does.
    Once,
    /// A render on demand does not ask the store.
    OnDemand,
    /// The judgement of the store counts.
    Judged,
    /// A purge is acknowledged once it is recorded.
    Recorded,
    /// A page that was purged is made of values that know the purge.
    Needs,
    /// Arguments that were kept confirm that a key means the same call.
    Confirm,
    /// A reader whose result is kept waits for what is stale.
    Waits,
    /// A page takes over the marks of its values.
    Marks,
    /// A page takes over the absolute ends of its values.
    Ends,
    /// A page that is made of a value which is out of date is born stale.
    BornStale,
    /// A reader takes no load that a purge has overtaken before it came.
    LateJoin,
    /// A page made of a value that could not be loaded rests until that is tried again.
    Rest,
    /// A key whose load failed is left alone for a while.
    LoadBackoff,
    /// `None` lives shorter than other values.
    ShortNone,
    /// A wait that would close a circle is refused.
    Circle,
    /// So many loads of a key run beside its flight, and no more.
    Turns,
    /// A page that is made of too many values is not kept.
    ManyMarks,
    /// A value that is made for a draft is not kept.
    DraftAlone,
    /// A page that is made of another layer's value is not kept.
    OtherLayer,
}

/// True if the rule holds, as it always does outside of such a test run.
#[cfg(not(feature = "__suites"))]
#[inline(always)]
pub(crate) const fn holds(_: Rule) -> bool {
    true
}

#[cfg(feature = "__suites")]
pub(crate) use self::breaking::{break_rule, holds};

#[cfg(feature = "__suites")]
mod breaking {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Rule;

    const ALL: [(&str, Rule); 27] = [
        ("queue", Rule::Queue),
        ("asof0", Rule::AsOfZero),
        ("voidload", Rule::VoidLoad),
        ("drop", Rule::Drop),
        ("outrun", Rule::Outrun),
        ("failpass", Rule::FailPass),
        ("askedlate", Rule::AskedLate),
        ("listfirst", Rule::ListFirst),
        ("once", Rule::Once),
        ("ondemand", Rule::OnDemand),
        ("judged", Rule::Judged),
        ("recorded", Rule::Recorded),
        ("data_needs", Rule::Needs),
        ("data_confirm", Rule::Confirm),
        ("data_waits", Rule::Waits),
        ("data_marks", Rule::Marks),
        ("data_ends", Rule::Ends),
        ("data_born", Rule::BornStale),
        ("data_join", Rule::LateJoin),
        ("data_rest", Rule::Rest),
        ("data_backoff", Rule::LoadBackoff),
        ("data_none", Rule::ShortNone),
        ("data_circle", Rule::Circle),
        ("data_turns", Rule::Turns),
        ("data_many", Rule::ManyMarks),
        ("data_draft", Rule::DraftAlone),
        ("data_layer", Rule::OtherLayer),
    ];

    const NONE: u8 = u8::MAX;

    static BROKEN: AtomicU8 = AtomicU8::new(NONE);

    /// True if the rule holds.
    pub(crate) fn holds(rule: Rule) -> bool {
        #[cfg(test)]
        if let Ok(name) = std::env::var("ISR_BREAK") {
            break_rule(&name);
        }
        BROKEN.load(Ordering::Relaxed) != rule as u8
    }

    /// Leaves out a rule in all of the program from now on. Returns `false` for an unknown
    /// name.
    pub(crate) fn break_rule(name: &str) -> bool {
        let found = ALL.iter().find(|(one, _)| *one == name);
        if let Some((_, rule)) = found {
            BROKEN.store(*rule as u8, Ordering::Relaxed);
        }
        found.is_some()
    }
}

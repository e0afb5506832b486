//! Sweeps the table of marks in short steps: forgets the oldest idle marks once there are too many.
//!
//! Everything rendered before a forgotten mark counts as marked from then on, so a sweep can
//! invalidate too much and never too little. While a sweep runs, the table grows by as much as is
//! purged and rendered meanwhile: purges and renders wait for its end once the table is
//! [overfull](Marks::is_overfull), so it never has more than twice the size at which the sweep was
//! due, and the selectors of the calls that are on their way.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::ages::Ages;
use super::marks::Marks;
use super::sequence::Sequence;
use super::table::{MARK_BYTES, Size};

/// The number of selectors from which a sweep pays.
pub(super) const MIN_SWEEP: usize = 4096;

/// The bytes that one mark takes on an average at most, as far as idle marks are kept.
const BYTES_EACH: usize = 256 + MARK_BYTES;

/// The sizes that the table of marks keeps to.
#[derive(Debug)]
pub(super) struct Bounds {
    marks: usize,
    /// The size from which the next sweep pays.
    sweep_at: [AtomicUsize; 2],
}

/// A sweep on its way.
#[derive(Debug)]
pub(crate) struct Sweep<'a> {
    marks: &'a Marks,
    /// The last number that was published when the sweep began.
    through: Sequence,
    ages: Ages,
    /// The marks that entries and renders hold.
    living: Size,
    part: usize,
    cut: Option<Sequence>,
}

impl Bounds {
    /// Bounds the marks beside those that living entries carry to about `marks`, and to 256 bytes
    /// of text for each of them.
    pub(super) fn new(marks: usize) -> Self {
        let least = least(marks);
        Self {
            marks,
            sweep_at: [AtomicUsize::new(least.marks), AtomicUsize::new(least.bytes)],
        }
    }

    fn sweep_at(&self) -> Size {
        let [marks, bytes] = &self.sweep_at;
        Size {
            marks: marks.load(Ordering::Relaxed),
            bytes: bytes.load(Ordering::Relaxed),
        }
    }

    /// Sets the size for the next sweep. This one found `living` marks in use and left `size`.
    fn set_sweep_at(&self, living: Size, size: Size) {
        let (least, kept) = (least(self.marks), self.kept());
        let next = |least: usize, living: usize, kept: usize, size: usize, part: usize| {
            // Purges that came during the sweep do not put the next one off.
            let left = size.min(living.saturating_add(kept));
            least.max(left + left / part)
        };

        let [marks, bytes] = &self.sweep_at;
        let next_marks = next(least.marks, living.marks, kept.marks, size.marks, 2);
        // The texts of evicted entries stay until then, and no entry weighs them any more: few
        // beside those of the living, which are weighed.
        let next_bytes = next(least.bytes, living.bytes, kept.bytes, size.bytes, 16);
        marks.store(next_marks, Ordering::Relaxed);
        bytes.store(next_bytes, Ordering::Relaxed);
    }

    /// The size of the idle marks that a sweep keeps.
    fn kept(&self) -> Size {
        Size {
            marks: self.marks / 2,
            bytes: (self.marks / 2).saturating_mul(BYTES_EACH),
        }
    }
}

fn least(marks: usize) -> Size {
    let marks = marks.min(MIN_SWEEP);
    Size {
        marks,
        bytes: marks * BYTES_EACH,
    }
}

impl Marks {
    /// True if so many selectors may be idle that a sweep is worth its work.
    pub(crate) fn wants_pruning(&self) -> bool {
        let (size, due) = (self.table.size(), self.bounds.sweep_at());
        size.marks > due.marks || size.bytes > due.bytes
    }

    /// True if the table is so large that nothing should be added before a sweep has ended.
    pub(crate) fn is_overfull(&self) -> bool {
        let (size, due) = (self.table.size(), self.bounds.sweep_at());
        size.marks > 2 * due.marks || size.bytes > 2 * due.bytes
    }

    /// Begins a sweep. One at a time.
    pub(crate) fn sweep(&self) -> Sweep<'_> {
        Sweep {
            marks: self,
            through: self.published(),
            ages: Ages::default(),
            living: Size::default(),
            part: 0,
            cut: None,
        }
    }

    /// Sweeps at once, where no entry has to be raised.
    #[cfg(test)]
    pub(crate) fn prune(&self) {
        let mut sweep = self.sweep();
        while sweep.look() {}
        if sweep.has_surplus() {
            while sweep.forget() {}
        }
        sweep.end();
    }
}

impl Sweep<'_> {
    /// Takes one step of looking through the table. Returns `false` after the last.
    pub(crate) fn look(&mut self) -> bool {
        let table = &self.marks.table;
        let living = table.look_at(self.part, self.through, &mut self.ages);
        self.part += 1;
        if let Some(living) = living {
            self.living += living;
        }
        living.is_some()
    }

    /// True if idle marks have to be forgotten. Before that, the caller has to raise every living
    /// valid entry to the number that is published now.
    pub(crate) fn has_surplus(&mut self) -> bool {
        let kept = self.marks.bounds.kept();
        self.cut = self.ages.cut(kept, self.through);
        self.part = 0;
        self.cut.is_some()
    }

    /// Takes one step of forgetting. Returns `false` after the last.
    pub(crate) fn forget(&mut self) -> bool {
        let Some(cut) = self.cut else { return false };
        let floor = &self.marks.floor;
        // Before any lock goes: a check that misses a forgotten mark then finds the floor.
        floor.raise_soft(cut);
        let has_forgotten = self
            .marks
            .table
            .forget(self.part, cut, |hard| floor.raise_hard(hard));
        self.part += 1;
        has_forgotten
    }

    /// Ends the sweep, and decides when the next one is due.
    pub(crate) fn end(self) {
        let size = self.marks.table.size();
        self.marks.bounds.set_sweep_at(self.living, size);
    }
}

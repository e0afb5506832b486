//! The numbers of purges on both sides: those of this process, and those of the store.
//!
//! Inside the process everything compares local numbers, which begin at 0. A page that leaves takes
//! the highest number of the store all of whose purges its render knew. So nothing claims to know a
//! purge that a crash can undo.

use std::collections::VecDeque;

use super::{Mark, selectors};
use crate::invalidation::Sequence;
use crate::rules::{Rule, holds};

/// The number of recorded purges whose numbers on both sides are remembered. A page that was
/// rendered before all of them leaves with the number from the start, which can only be too low.
const MAX_PAIRS: usize = 65_536;

/// The number of marks that may wait for a store that fails. More of them become one on everything.
const MAX_WAITING: usize = 1_000;

/// The purges of this process, as a store knows them.
#[derive(Debug)]
pub(super) struct Numbers {
    /// The store's number when this process began.
    base: u64,
    /// The store's number of each recording, and the last local number that it holds.
    pairs: VecDeque<(u64, Sequence)>,
    /// The purges that are not recorded, oldest first.
    waiting: VecDeque<(Sequence, Vec<Mark>)>,
    /// The last local number up to which every purge is recorded.
    recorded: Sequence,
    /// The times at which every page of the store had to be made stale, and those of them that are
    /// recorded.
    distrusted: u64,
    distrust_recorded: u64,
}

/// The purges that one call of the store records.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) through: Sequence,
    pub(super) marks: Vec<Mark>,
    distrusted: u64,
}

impl Numbers {
    pub(super) fn new(base: u64) -> Self {
        Self {
            base,
            pairs: VecDeque::new(),
            waiting: VecDeque::new(),
            recorded: Sequence::NO_MARK,
            distrusted: 0,
            distrust_recorded: 0,
        }
    }

    /// Has every page of the store made stale, with the next purge.
    pub(super) fn distrust_pages(&mut self) {
        self.distrusted += 1;
    }

    /// Notes a purge. Called in the order of the local numbers.
    pub(super) fn note(&mut self, number: Sequence, marks: Vec<Mark>) {
        self.waiting.push_back((number, marks));
    }

    /// Returns every purge that waits, to be recorded under one number.
    pub(super) fn batch(&self) -> Option<Batch> {
        let last = self.waiting.back().map(|(last, _)| *last);
        let through = last.or(self.distrusts_pages().then_some(self.recorded))?;
        let marks = self.waiting.iter().flat_map(|(_, marks)| marks).cloned();
        let all = Mark::soft(selectors::all());
        let all = self.distrusts_pages().then_some(all);
        Some(Batch {
            through,
            marks: marks.chain(all).collect(),
            distrusted: self.distrusted,
        })
    }

    /// Notes that a batch is recorded under the store's `number`.
    pub(super) fn recorded(&mut self, batch: &Batch, number: u64) {
        let through = batch.through;
        while self.waiting.front().is_some_and(|(one, _)| *one <= through) {
            self.waiting.pop_front();
        }
        // Two calls may have ended in another order than they began.
        self.recorded = self.recorded.max(through);
        self.distrust_recorded = self.distrust_recorded.max(batch.distrusted);
        if self.pairs.len() == MAX_PAIRS {
            self.pairs.pop_front();
        }
        self.pairs.push_back((number, self.recorded));
    }

    /// Keeps the list of a store that fails small: many marks become one on everything, which is
    /// as strict as the strictest of them.
    pub(super) fn refused(&mut self) {
        if !holds(Rule::FailPass) {
            self.recorded = self.waiting.back().map_or(self.recorded, |(last, _)| *last);
        }
        let marks = || self.waiting.iter().flat_map(|(_, marks)| marks);
        if marks().count() <= MAX_WAITING {
            return;
        }

        let is_hard = marks().any(|mark| mark.is_hard);
        let all = match is_hard {
            true => Mark::hard(selectors::all()),
            false => Mark::soft(selectors::all()),
        };
        if let Some((last, _)) = self.waiting.pop_back() {
            self.waiting = [(last, vec![all])].into();
        }
    }

    /// Returns the last number of the store.
    pub(super) fn last(&self) -> u64 {
        self.pairs.back().map_or(self.base, |(number, _)| *number)
    }

    /// Returns the last local number up to which every purge is recorded.
    pub(super) fn recorded_through(&self) -> Sequence {
        self.recorded
    }

    /// Returns the highest number of the store all of whose purges are at or below `local`.
    pub(super) fn known_at(&self, local: Sequence) -> u64 {
        if !holds(Rule::AskedLate) {
            return self.base;
        }
        let known = self.pairs.partition_point(|(_, last)| *last <= local);
        match known.checked_sub(1) {
            Some(at) => self.pairs[at].0,
            None => self.base,
        }
    }

    /// Returns the store's number of the purge with a local number, if it is recorded.
    pub(super) fn number_of(&self, local: Sequence) -> Option<u64> {
        let before = self.pairs.partition_point(|(_, last)| *last < local);
        self.pairs.get(before).map(|(number, _)| *number)
    }

    /// True if something waits to be recorded.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.distrusts_pages()
    }

    fn distrusts_pages(&self) -> bool {
        self.distrusted > self.distrust_recorded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u64) -> Sequence {
        (0..number).fold(Sequence::NO_MARK, |before, _| before.next())
    }

    fn soft(text: &str) -> Vec<Mark> {
        vec![Mark::soft(selectors::tag(text))]
    }

    #[test]
    fn a_page_leaves_with_the_last_number_all_of_whose_purges_its_render_knew() {
        let mut numbers = Numbers::new(40);
        numbers.note(number(1), soft("a"));
        numbers.note(number(2), soft("b"));
        let batch = numbers.batch().expect("two purges wait");
        numbers.recorded(&batch, 41);
        numbers.note(number(3), soft("c"));

        let known = [0, 1, 2, 3].map(|local| numbers.known_at(number(local)));

        // The call under number 41 had two purges: who knows one of them does not know it.
        assert_eq!(known, [40, 40, 41, 41]);
        assert_eq!(numbers.recorded_through(), number(2));
        assert_eq!(numbers.number_of(number(1)), Some(41));
        assert_eq!(numbers.number_of(number(3)), None);
    }

    #[test]
    fn a_purge_that_could_not_be_recorded_waits_for_the_next_call() {
        let mut numbers = Numbers::new(0);
        numbers.note(number(1), soft("a"));
        numbers.refused();
        numbers.note(number(2), soft("b"));

        let batch = numbers.batch().expect("two purges wait");

        assert_eq!(batch.marks, [soft("a"), soft("b")].concat());
        assert_eq!(numbers.recorded_through(), Sequence::NO_MARK);
        numbers.recorded(&batch, 7);
        assert_eq!(numbers.recorded_through(), number(2));
        assert!(!numbers.has_waiting());
    }

    #[test]
    fn pages_that_cannot_be_trusted_become_stale_with_the_next_call() {
        let mut numbers = Numbers::new(3);
        numbers.distrust_pages();
        let batch = numbers.batch().expect("the distrust waits");
        assert_eq!(batch.marks, [Mark::soft(selectors::all())]);

        // Once more while the store records the first one.
        numbers.distrust_pages();
        numbers.recorded(&batch, 4);
        let again = numbers.batch().expect("the second one waits");
        numbers.recorded(&again, 5);

        assert!(!numbers.has_waiting());
        assert_eq!(numbers.known_at(Sequence::NO_MARK), 5);
    }

    #[test]
    fn many_marks_that_wait_become_one_on_everything_as_strict_as_they_were() {
        for is_hard in [false, true] {
            let mut numbers = Numbers::new(0);
            let most = u64::try_from(MAX_WAITING).expect("it is small");
            for at in 1..=most + 1 {
                let text = at.to_string();
                let mark = match is_hard && at == 3 {
                    true => vec![Mark::hard(selectors::tag(&text))],
                    false => soft(&text),
                };
                numbers.note(number(at), mark);
                numbers.refused();
            }

            let batch = numbers.batch().expect("they wait");

            let expected = match is_hard {
                true => Mark::hard(selectors::all()),
                false => Mark::soft(selectors::all()),
            };
            assert_eq!(batch.marks, [expected]);
            assert_eq!(batch.through, number(most + 1));
            assert_eq!(numbers.recorded_through(), Sequence::NO_MARK);
        }
    }
}

//! The numbers of the idle marks, to decide which of them are the oldest.

use std::collections::BTreeMap;

use super::sequence::Sequence;
use super::table::Size;

/// The number of groups. With more purges than that, neighbours share a group.
const MAX_GROUPS: usize = 8 * 1024;

/// The idle marks by their numbers. Marks of one group are kept or forgotten together.
#[derive(Debug, Default)]
pub(super) struct Ages {
    /// By the newest number of each group.
    groups: BTreeMap<Sequence, Size>,
}

impl Ages {
    pub(super) fn add(&mut self, number: Sequence, bytes: usize) {
        *self.groups.entry(number).or_default() += Size { marks: 1, bytes };
        if self.groups.len() > MAX_GROUPS {
            self.join_neighbours();
        }
    }

    /// Returns the number up to which marks have to be forgotten for no more than `keep` to remain,
    /// if any have to be. It is always older than `newest`, the number of the last purge: that one
    /// must not reach pages that carry none of its selectors.
    pub(super) fn cut(&self, keep: Size, newest: Sequence) -> Option<Sequence> {
        let mut kept = Size::default();
        let mut from_newest = self.groups.iter().rev();
        let (cut, _) = from_newest.find(|(number, group)| {
            kept += **group;
            **number < newest && (kept.marks > keep.marks || kept.bytes > keep.bytes)
        })?;
        Some(*cut)
    }

    /// Halves the number of groups. The newest group stays alone, so that it can always be kept.
    fn join_neighbours(&mut self) {
        let newest = self.groups.pop_last();
        let mut joined = BTreeMap::new();
        let mut groups = std::mem::take(&mut self.groups).into_iter();
        while let Some((number, size)) = groups.next() {
            let (newer, other) = groups.next().unwrap_or((number, Size::default()));
            let mut both = size;
            both += other;
            joined.insert(newer, both);
        }
        joined.extend(newest);
        self.groups = joined;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: u64) -> Vec<Sequence> {
        let next = |number: &Sequence| Some(number.next());
        std::iter::successors(Some(Sequence::NO_MARK.next()), next)
            .take(usize::try_from(count).unwrap())
            .collect()
    }

    fn keep(marks: usize, bytes: usize) -> Size {
        Size { marks, bytes }
    }

    #[test]
    fn the_oldest_are_cut_by_number_or_by_bytes_and_never_the_newest() {
        let numbers = numbers(10);
        let mut ages = Ages::default();
        for number in &numbers {
            ages.add(*number, 100);
        }
        let newest = numbers[9];

        for (kept, cut) in [
            (keep(10, 10_000), None),
            (keep(9, 10_000), Some(numbers[0])),
            (keep(3, 10_000), Some(numbers[6])),
            (keep(10, 400), Some(numbers[5])),
            (keep(0, 0), Some(numbers[8])),
        ] {
            assert_eq!(ages.cut(kept, newest), cut, "{kept:?}");
        }
    }

    #[test]
    fn a_purge_of_more_than_is_kept_is_kept_whole() {
        let numbers = numbers(2);
        let mut ages = Ages::default();
        ages.add(numbers[0], 1);
        for _ in 0..1_000 {
            ages.add(numbers[1], 1);
        }

        assert_eq!(ages.cut(keep(10, 1_000), numbers[1]), Some(numbers[0]));
    }

    #[test]
    fn however_many_purges_there_were_the_groups_are_few_and_no_more_is_kept() {
        let count = 10 * MAX_GROUPS;
        let numbers = numbers(count as u64);
        let mut ages = Ages::default();
        for number in &numbers {
            ages.add(*number, 1);
            assert!(ages.groups.len() <= MAX_GROUPS);
        }

        let cut = ages.cut(keep(count / 2, count), numbers[count - 1]);

        let cut = cut.expect("half of them go");
        let kept = numbers.iter().filter(|number| **number > cut).count();
        assert!((count / 4..=count / 2).contains(&kept), "{kept}");
    }
}

//! The pages and marks of a place in memory.

use std::collections::HashMap;

use bytes::Bytes;
use isr_layer::store::{Found, Mark, Put, Remove, Touch, Validity, Write};

#[derive(Debug, Default)]
pub(super) struct State {
    /// By build and key.
    pages: HashMap<(String, Bytes), Kept>,
    marks: HashMap<Bytes, Numbers>,
    recorded: Vec<(u64, Mark)>,
    highest: u64,
}

#[derive(Debug)]
struct Kept {
    as_of: u64,
    /// Not below `as_of`.
    valid_through: u64,
    selectors: Vec<Bytes>,
    octets: Bytes,
}

/// The highest numbers of the marks on one selector.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    any: u64,
    hard: u64,
}

impl State {
    pub(super) fn find(&self, build: &str, key: &[u8]) -> Option<Found> {
        let page = (build.to_owned(), Bytes::copy_from_slice(key));
        let kept = self.pages.get(&page)?;
        let validity = kept.selectors.iter().map(|selector| {
            let marks = self.marks.get(selector).copied().unwrap_or_default();
            marks.judge(kept.valid_through)
        });
        let validity = validity.max().unwrap_or(Validity::Valid);
        Some(Found::new(kept.octets.clone(), validity))
    }

    pub(super) fn write(&mut self, build: &str, write: Write) {
        match write {
            Write::Put(put) => self.put(build, put),
            Write::Remove(Remove { key, as_of, .. }) => {
                let page = (build.to_owned(), key);
                if self
                    .pages
                    .get(&page)
                    .is_some_and(|kept| kept.as_of <= as_of)
                {
                    self.pages.remove(&page);
                }
            }
            Write::Touch(touch) => self.touch(build, &touch),
            other => panic!("the store knows no such write: {other:?}"),
        }
    }

    fn put(&mut self, build: &str, put: Put) {
        self.highest = self.highest.max(put.as_of);
        let page = (build.to_owned(), put.key);
        if self
            .pages
            .get(&page)
            .is_none_or(|kept| kept.as_of <= put.as_of)
        {
            let kept = Kept {
                as_of: put.as_of,
                valid_through: put.as_of,
                selectors: put.selectors,
                octets: put.octets,
            };
            self.pages.insert(page, kept);
        }
    }

    fn touch(&mut self, build: &str, touch: &Touch) {
        let page = self.pages.get_mut(&(build.to_owned(), touch.key.clone()));
        if let Some(page) = page.filter(|page| page.as_of == touch.as_of) {
            page.valid_through = page.valid_through.max(touch.through);
        }
    }

    pub(super) fn record(&mut self, marks: &[Mark]) -> u64 {
        self.highest += 1;
        for mark in marks {
            let numbers = self.marks.entry(mark.selector.clone()).or_default();
            numbers.any = self.highest;
            if mark.is_hard {
                numbers.hard = self.highest;
            }
            self.recorded.push((self.highest, mark.clone()));
        }
        self.highest
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    pub(super) fn recorded(&self) -> &[(u64, Mark)] {
        &self.recorded
    }

    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }

    pub(super) fn forget_pages(&mut self) {
        self.pages.clear();
    }
}

impl Numbers {
    fn judge(self, known: u64) -> Validity {
        if self.hard > known {
            Validity::Hard
        } else if self.any > known {
            Validity::Soft
        } else {
            Validity::Valid
        }
    }
}

//! A store with one flaw. Without a flaw it keeps every promise.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use isr_layer::store::{
    Found, Mark, Put, Remove, Store, StoreError, StoreErrorKind, Touch, Validity, Write,
};

/// The one thing that a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Flawless,
    ForgetsAll,
    FailsToRead,
    PanicsAtOnce,
    Hangs,
    InventsPages,
    ComparesHalfOfKeys,
    LosesEmptyPages,
    CutsLargePages,
    DropsPagesThatExpire,
    ReturnsNoAge,
    KeepsOldSelectors,
    KeepsEqual,
    ReplacesByLower,
    KeepsEqualAtRemove,
    RemovesHigher,
    RemovesFirst,
    RepeatsNumber,
    NumbersEachMark,
    IgnoresEmptySelector,
    ComparesPrefixes,
    IgnoresCase,
    ComparesTextOnly,
    HasHardMarksAlone,
    HasSoftMarksAlone,
    LastMarkCounts,
    SoftestMarkCounts,
    HidesHardPages,
    ReachesEqualNumbers,
    ForgetsMarksAtPut,
    KeepsFewSelectors,
    KeepsFewMarks,
    IgnoresTouches,
    TouchesAny,
    TouchLowers,
    TouchIsForEver,
    SharesNumbers,
    LosesMarksAtOnce,
    LosesPagesAtOnce,
    MixesPages,
    ComparesTooEarly,
    StaysLocked,
    BeginsAtZero,
    JoinsAtZero,
    LosesPages,
    RestoresPages,
    LosesMarks,
    LosesStrictness,
    SharesPages,
    DeletesOtherBuilds,
    PurgesOneBuild,
    ForgetsNumbersOfPages,
}

use Flaw::*;

/// A handle. A clone of the place opens a new one.
pub(super) struct Flawed {
    flaw: Flaw,
    place: Arc<Mutex<Place>>,
    build: Mutex<String>,
    busy: AtomicBool,
    own_number: AtomicU64,
}

#[derive(Default)]
pub(super) struct Place {
    pages: HashMap<(String, Bytes), Page>,
    seen: HashSet<Bytes>,
    removed: Vec<((String, Bytes), Page)>,
    /// By build, if that matters, and by selector.
    marks: HashMap<(String, Bytes), Numbers>,
    purges: u64,
    of_pages: u64,
}

#[derive(Clone)]
struct Page {
    as_of: u64,
    through: u64,
    selectors: Vec<Bytes>,
    age: Duration,
    octets: Bytes,
}

#[derive(Clone, Copy, Default)]
struct Numbers {
    any: u64,
    hard: u64,
    last_is_soft: bool,
}

impl Place {
    fn highest(&self) -> u64 {
        self.purges.max(self.of_pages)
    }
}

impl Flawed {
    pub(super) fn open(flaw: Flaw, place: &Arc<Mutex<Place>>) -> Self {
        let mut kept = lock(place);
        match flaw {
            LosesPages => kept.pages.clear(),
            LosesMarks => kept.marks.clear(),
            LosesStrictness => kept.marks.values_mut().for_each(|numbers| numbers.hard = 0),
            RestoresPages => {
                let removed = mem::take(&mut kept.removed);
                kept.pages.extend(removed);
            }
            _ => {}
        }
        drop(kept);
        Self {
            flaw,
            place: place.clone(),
            build: Mutex::default(),
            busy: AtomicBool::new(false),
            own_number: AtomicU64::new(0),
        }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        lock(&self.place)
    }

    fn page(&self, key: &[u8]) -> (String, Bytes) {
        let mut key = key.to_vec();
        if self.is(ComparesHalfOfKeys) {
            key[15] &= 0x7f;
        }
        let build = match self.is(SharesPages) {
            true => String::new(),
            false => lock(&self.build).clone(),
        };
        (build, key.into())
    }

    fn mark(&self, selector: &Bytes) -> (String, Bytes) {
        let build = match self.is(PurgesOneBuild) {
            true => lock(&self.build).clone(),
            false => String::new(),
        };
        let selector = match self.flaw {
            IgnoresCase => selector.to_ascii_lowercase().into(),
            ComparesTextOnly => String::from_utf8_lossy(selector).into_owned().into(),
            _ => selector.clone(),
        };
        (build, selector)
    }

    fn judge(&self, place: &Place, page: &Page) -> Validity {
        let known = match self.is(ReachesEqualNumbers) {
            true => page.through.saturating_sub(1),
            false => page.through,
        };
        let many = match self.is(KeepsFewSelectors) {
            true => 255,
            false => usize::MAX,
        };
        let judged = page.selectors.iter().take(many).map(|selector| {
            let numbers = self.numbers(place, selector);
            if numbers.any <= known {
                Validity::Valid
            } else if self.is(HasHardMarksAlone) {
                Validity::Hard
            } else if self.is(HasSoftMarksAlone)
                || numbers.hard <= known
                || self.is(LastMarkCounts) && numbers.last_is_soft
            {
                Validity::Soft
            } else {
                Validity::Hard
            }
        });
        if self.is(SoftestMarkCounts) {
            let reaching = judged.filter(|judged| *judged != Validity::Valid);
            return reaching.min().unwrap_or(Validity::Valid);
        }
        judged.max().unwrap_or(Validity::Valid)
    }

    fn numbers(&self, place: &Place, selector: &Bytes) -> Numbers {
        if self.is(ComparesPrefixes) {
            let marks = place.marks.iter();
            let reaching = marks.filter(|((_, mark), _)| selector.starts_with(mark));
            let mut all = Numbers::default();
            for (_, numbers) in reaching {
                all.any = all.any.max(numbers.any);
                all.hard = all.hard.max(numbers.hard);
            }
            return all;
        }
        let numbers = place.marks.get(&self.mark(selector));
        numbers.copied().unwrap_or_default()
    }

    fn apply(&self, place: &mut Place, write: Write) {
        match write {
            Write::Put(put) => self.put(place, put),
            Write::Remove(remove) => self.remove(place, &remove),
            Write::Touch(touch) => self.touch(place, &touch),
            _ => unreachable!("there are three kinds of writes"),
        }
    }

    fn put(&self, place: &mut Place, put: Put) {
        place.seen.insert(put.key.clone());
        if self.is(ForgetsAll)
            || self.is(LosesEmptyPages) && put.octets.is_empty()
            || self.is(DropsPagesThatExpire) && put.expires_at.is_some()
        {
            return;
        }

        place.of_pages = place.of_pages.max(put.as_of);
        let id = self.page(&put.key);
        let there = place.pages.get(&id);
        let stays = there.is_some_and(|there| match self.flaw {
            ReplacesByLower => false,
            KeepsEqual => there.as_of >= put.as_of,
            _ => there.as_of > put.as_of,
        });
        if stays {
            return;
        }

        let selectors = match there {
            Some(there) if self.is(KeepsOldSelectors) => there.selectors.clone(),
            _ => put.selectors,
        };
        let through = match self.is(ForgetsMarksAtPut) {
            true => place.purges.max(put.as_of),
            false => put.as_of,
        };
        let cut = match self.is(CutsLargePages) {
            true => put.octets.len().min(1 << 20),
            false => put.octets.len(),
        };
        let page = Page {
            as_of: put.as_of,
            through,
            selectors,
            age: put.age,
            octets: put.octets.slice(..cut),
        };
        place.pages.insert(id, page);
    }

    fn remove(&self, place: &mut Place, remove: &Remove) {
        place.seen.insert(remove.key.clone());
        let id = self.page(&remove.key);
        let goes = place.pages.get(&id).is_some_and(|there| match self.flaw {
            RemovesHigher => true,
            KeepsEqualAtRemove => there.as_of < remove.as_of,
            _ => there.as_of <= remove.as_of,
        });
        if goes && let Some(page) = place.pages.remove(&id) {
            place.removed.push((id, page));
        }
    }

    fn touch(&self, place: &mut Place, touch: &Touch) {
        place.seen.insert(touch.key.clone());
        let id = self.page(&touch.key);
        let Some(page) = place.pages.get_mut(&id) else {
            return;
        };
        if self.is(IgnoresTouches) || page.as_of != touch.as_of && !self.is(TouchesAny) {
            return;
        }
        page.through = match self.flaw {
            TouchIsForEver => u64::MAX,
            TouchLowers => touch.through,
            _ => page.through.max(touch.through),
        };
    }

    /// Changes a copy of all pages, which then takes their place.
    fn write_copy(&self, writes: Vec<Write>) {
        let mut copy = Place {
            pages: self.place().pages.clone(),
            ..Place::default()
        };
        writes
            .into_iter()
            .for_each(|write| self.apply(&mut copy, write));
        pause();

        let mut place = self.place();
        place.pages = copy.pages;
        place.of_pages = place.of_pages.max(copy.of_pages);
    }

    /// Writes a page in two halves. The second may come after the first of another call.
    fn write_halves(&self, write: Write) {
        let Write::Put(mut put) = write else {
            return self.apply(&mut self.place(), write);
        };
        let (id, as_of) = (self.page(&put.key), put.as_of);
        let second = put.octets.split_off(put.octets.len() / 2);
        self.apply(&mut self.place(), Write::Put(put));
        pause();

        let mut place = self.place();
        let page = place.pages.get_mut(&id);
        if let Some(page) = page.filter(|page| page.as_of == as_of) {
            page.octets = [&page.octets[..], &second[..]].concat().into();
        }
    }

    /// Compares the numbers, and writes a little later, whatever is there then.
    fn write_late(&self, write: Write) {
        let Write::Put(put) = &write else {
            return self.apply(&mut self.place(), write);
        };
        let id = self.page(&put.key);
        let there = self.place().pages.get(&id).map(|page| page.as_of);
        pause();

        if there.is_none_or(|there| there <= put.as_of) {
            let mut place = self.place();
            place.pages.remove(&id);
            self.apply(&mut place, write);
        }
    }

    /// Waits for the handle. The flaw is that a future that is dropped leaves it locked.
    async fn lock_handle(&self) {
        while self.is(StaysLocked) && self.busy.swap(true, Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        if self.is(StaysLocked) {
            tokio::task::yield_now().await;
        }
    }

    fn unlock_handle(&self) {
        self.busy.store(false, Ordering::SeqCst);
    }

    /// Gives the next number.
    fn next(&self, place: &mut Place) -> u64 {
        let highest = match self.is(ForgetsNumbersOfPages) {
            true => place.purges,
            false => place.highest(),
        };
        let repeats = self.is(RepeatsNumber) && highest == 5 && place.seen.insert("5".into());
        place.purges = match repeats {
            true => highest,
            false => highest + 1,
        };
        if self.is(BeginsAtZero) {
            return self.own_number.fetch_add(1, Ordering::SeqCst) + 1;
        }
        place.purges
    }

    fn raise(&self, marks: &mut HashMap<(String, Bytes), Numbers>, mark: &Mark, number: u64) {
        if self.is(IgnoresEmptySelector) && mark.selector.is_empty() {
            return;
        }
        let numbers = marks.entry(self.mark(&mark.selector)).or_default();
        numbers.any = numbers.any.max(number);
        numbers.last_is_soft = !mark.is_hard;
        if mark.is_hard {
            numbers.hard = numbers.hard.max(number);
        }
    }
}

impl Store for Flawed {
    fn join(&self, build: &str) -> Result<u64, StoreError> {
        build.clone_into(&mut lock(&self.build));
        let mut place = self.place();
        if self.is(DeletesOtherBuilds) {
            place.pages.retain(|(of, _), _| of == build);
        }
        Ok(match self.flaw {
            JoinsAtZero => 0,
            ForgetsNumbersOfPages => place.purges,
            _ => place.highest(),
        })
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Found>, StoreError> {
        self.lock_handle().await;
        match self.flaw {
            FailsToRead => return Err(StoreError::new(StoreErrorKind::Denied, "not for you")),
            PanicsAtOnce => panic!("told to"),
            Hangs => std::future::pending().await,
            _ => {}
        }
        let place = self.place();
        let found = place.pages.get(&self.page(key)).map(|page| {
            let found = Found::new(page.octets.clone(), self.judge(&place, page));
            match self.is(ReturnsNoAge) {
                true => found.with_age(Duration::ZERO),
                false => found.with_age(page.age),
            }
        });
        self.unlock_handle();
        match found {
            None if self.is(InventsPages) && !place.seen.contains(key) => {
                Ok(Some(Found::new("invented".into(), Validity::Valid)))
            }
            Some(found) if self.is(HidesHardPages) && found.validity == Validity::Hard => Ok(None),
            found => Ok(found),
        }
    }

    async fn write(&self, mut writes: Vec<Write>) -> Result<(), StoreError> {
        self.lock_handle().await;
        if self.is(RemovesFirst) {
            writes.sort_by_key(|write| !matches!(write, Write::Remove(_)));
        }
        match self.flaw {
            LosesPagesAtOnce => self.write_copy(writes),
            MixesPages => writes
                .into_iter()
                .for_each(|write| self.write_halves(write)),
            ComparesTooEarly => writes.into_iter().for_each(|write| self.write_late(write)),
            _ => {
                let mut place = self.place();
                writes
                    .into_iter()
                    .for_each(|write| self.apply(&mut place, write));
            }
        }
        self.unlock_handle();
        Ok(())
    }

    async fn record(&self, marks: &[Mark]) -> Result<u64, StoreError> {
        self.lock_handle().await;
        let few = match self.is(KeepsFewMarks) {
            true => &marks[..marks.len().min(255)],
            false => marks,
        };
        let number = match self.flaw {
            SharesNumbers => {
                let next = self.place().highest() + 1;
                pause();
                let mut place = self.place();
                place.purges = place.purges.max(next);
                next
            }
            _ => self.next(&mut self.place()),
        };
        if self.is(LosesMarksAtOnce) {
            let mut changed = self.place().marks.clone();
            pause();
            few.iter()
                .for_each(|mark| self.raise(&mut changed, mark, number));
            self.place().marks = changed;
        } else {
            let mut place = self.place();
            for (place_in_call, mark) in few.iter().enumerate() {
                let mut number = number;
                if self.is(NumbersEachMark) {
                    number += place_in_call as u64;
                    place.purges = place.purges.max(number);
                }
                self.raise(&mut place.marks, mark, number);
            }
        }
        self.unlock_handle();
        Ok(number)
    }
}

/// Lets other threads come between, however busy the machine is.
fn pause() {
    thread::sleep(Duration::from_millis(1));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

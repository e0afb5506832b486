// The store of the example. This file is not a module: the example includes it, in hidden lines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use isr_layer::store::{Found, Mark, Put, Store, StoreError, Validity, Write};

#[derive(Clone, Default)]
struct Place(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    last: u64,
    /// By build and key, with the number through which a page is valid.
    pages: HashMap<(String, Vec<u8>), (Put, u64)>,
    /// The numbers of the last mark and of the last hard one.
    marks: HashMap<Vec<u8>, (u64, u64)>,
}

struct MyStore(Place, Mutex<String>);

impl MyStore {
    async fn open(place: &Place) -> Self {
        Self(place.clone(), Mutex::default())
    }

    fn kept<T>(&self, work: impl FnOnce(&mut Kept, &str) -> T) -> Result<T, StoreError> {
        let build = self.1.lock().unwrap();
        Ok(work(&mut self.0.0.lock().unwrap(), &build))
    }
}

impl Store for MyStore {
    fn join(&self, build: &str) -> Result<u64, StoreError> {
        build.clone_into(&mut self.1.lock().unwrap());
        self.kept(|kept, _| kept.last)
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Found>, StoreError> {
        self.kept(|kept, build| {
            let (put, through) = kept.pages.get(&(build.to_owned(), key.to_vec()))?;
            let marks = put.selectors.iter().map(|selector| {
                match kept.marks.get(&**selector) {
                    Some((_, hard)) if hard > through => Validity::Hard,
                    Some((any, _)) if any > through => Validity::Soft,
                    _ => Validity::Valid,
                }
            });
            let validity = marks.max().unwrap_or(Validity::Valid);
            Some(Found::new(put.octets.clone(), validity))
        })
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.kept(|kept, build| {
            for write in writes {
                let id = |key: &[u8]| (build.to_owned(), key.to_vec());
                let of = |key: &[u8]| kept.pages.get(&id(key)).map(|(put, _)| put.as_of);
                match write {
                    Write::Put(put) if of(&put.key) <= Some(put.as_of) => {
                        kept.last = kept.last.max(put.as_of);
                        let through = put.as_of;
                        kept.pages.insert(id(&put.key), (put, through));
                    }
                    Write::Remove(page) if of(&page.key) <= Some(page.as_of) => {
                        kept.pages.remove(&id(&page.key));
                    }
                    Write::Touch(page) if of(&page.key) == Some(page.as_of) => {
                        let touched = kept.pages.entry(id(&page.key));
                        touched.and_modify(|(_, through)| *through = page.through.max(*through));
                    }
                    _ => {}
                }
            }
        })
    }

    async fn record(&self, marks: &[Mark]) -> Result<u64, StoreError> {
        self.kept(|kept, _| {
            kept.last += 1;
            for mark in marks {
                let numbers = kept.marks.entry(mark.selector.to_vec()).or_default();
                numbers.0 = kept.last;
                if mark.is_hard {
                    numbers.1 = kept.last;
                }
            }
            kept.last
        })
    }
}

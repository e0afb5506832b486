//! A disk in memory whose power can be cut, and which can be full.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{Builder, Database, DatabaseError, StorageBackend};

use super::*;

/// The files of a simulated machine.
#[derive(Clone, Debug)]
pub(super) struct Machine(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    files: HashMap<PathBuf, Content>,
    /// The octets that fit on the disk.
    capacity: u64,
    /// The changes and syncs before the power is cut.
    left: u64,
    is_cut: bool,
    /// True if syncs do nothing, as those of some disks.
    lies: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    /// The blocks of the disk that are written: what was never written takes no room.
    blocks: HashSet<usize>,
    synced: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

const BLOCK_LEN: usize = 4096;

#[derive(Debug)]
struct OpenFile(Machine, PathBuf);

impl Machine {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: fastrand::Rng::with_seed(seed),
            files: HashMap::new(),
            capacity: u64::MAX,
            left: u64::MAX,
            is_cut: false,
            lies: false,
        })))
    }

    pub(super) fn settings(&self) -> Settings {
        let machine = self.clone();
        let create = move |builder: &Builder, path: &Path| machine.open(builder, path);
        let machine = self.clone();
        let fill_gaps = move |path: &Path| {
            let mut state = machine.state();
            let file = state.files.get_mut(path).unwrap();
            file.blocks.extend(0..file.now.len().div_ceil(BLOCK_LEN));
            Ok(())
        };
        Settings {
            create: Arc::new(create),
            fill_gaps: Arc::new(fill_gaps),
            ..settings()
        }
    }

    fn open(&self, builder: &Builder, path: &Path) -> Result<Database, DatabaseError> {
        self.state().files.entry(path.to_owned()).or_default();
        builder.create_with_backend(OpenFile(self.clone(), path.to_owned()))
    }

    pub(super) fn cut_power_after(&self, changes: u64) {
        self.state().left = changes;
    }

    pub(super) fn lie_about_syncs(&self) {
        self.state().lies = true;
    }

    pub(super) fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    /// The machine after the power came back.
    pub(super) fn restart(&self) -> Self {
        let mut state = self.state();
        let again = Self::new(state.random.u64(..));
        again.state().files = std::mem::take(&mut state.files);
        for file in again.state().files.values_mut() {
            file.now = file.synced.clone();
            file.since.clear();
        }
        again
    }

    pub(super) fn set_capacity(&self, capacity: u64) {
        self.state().capacity = capacity;
    }

    pub(super) fn used(&self) -> u64 {
        self.state().used()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn used(&self) -> u64 {
        let blocks: usize = self.files.values().map(|file| file.blocks.len()).sum();
        (blocks * BLOCK_LEN) as u64
    }

    /// Takes the room of a change.
    fn take(&mut self, path: &Path, change: &Change) -> io::Result<()> {
        let used = self.used();
        let capacity = self.capacity;
        let blocks = &mut self.files.get_mut(path).unwrap().blocks;
        let Change::Write(at, octets) = change else {
            let Change::Len(len) = change else {
                unreachable!()
            };
            blocks.retain(|block| block * BLOCK_LEN < *len);
            return Ok(());
        };

        let new = at / BLOCK_LEN..(at + octets.len()).div_ceil(BLOCK_LEN);
        let more = new.clone().filter(|block| !blocks.contains(block)).count() * BLOCK_LEN;
        if more > 0 && used + more as u64 > capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        blocks.extend(new);
        Ok(())
    }

    fn change(&mut self, path: &Path, change: Change) -> io::Result<()> {
        self.take(path, &change)?;
        self.tick();
        let is_cut = self.is_cut;
        let file = self.files.get_mut(path).unwrap();
        apply(&mut file.now, &change);
        if !is_cut {
            file.since.push(change);
        }
        Ok(())
    }

    fn sync(&mut self, path: &Path) {
        self.tick();
        if self.is_cut || self.lies {
            return;
        }
        let file = self.files.get_mut(path).unwrap();
        for change in file.since.drain(..) {
            apply(&mut file.synced, &change);
        }
    }

    fn tick(&mut self) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.cut();
        }
    }

    /// Of the changes since the last sync a part arrives, in any order, and torn.
    fn cut(&mut self) {
        if std::mem::replace(&mut self.is_cut, true) {
            return;
        }
        let random = &mut self.random;
        for file in self.files.values_mut() {
            if random.bool() {
                random.shuffle(&mut file.since);
            }
            let share = random.f64();
            for change in file.since.drain(..) {
                if random.f64() < share {
                    apply(&mut file.synced, &torn(change, random));
                }
            }
        }
    }
}

/// A quarter of the writes arrive in part, in sectors of 512 octets.
fn torn(change: Change, random: &mut fastrand::Rng) -> Change {
    match change {
        Change::Write(at, mut octets) if random.u8(..) < 64 => {
            octets.truncate(random.usize(..=octets.len() / 512) * 512);
            Change::Write(at, octets)
        }
        change => change,
    }
}

fn apply(to: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Len(len) => to.resize(*len, 0),
        Change::Write(at, octets) => {
            let end = at + octets.len();
            if to.len() < end {
                to.resize(end, 0);
            }
            to[*at..end].copy_from_slice(octets);
        }
    }
}

impl StorageBackend for OpenFile {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.state().files[&self.1].now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let state = self.0.state();
        let at = offset as usize;
        let octets = state.files[&self.1].now.get(at..at + out.len());
        let octets = octets.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        out.copy_from_slice(octets);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.state().change(&self.1, Change::Len(len as usize))
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.state().sync(&self.1);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0
            .state()
            .change(&self.1, Change::Write(offset as usize, data.to_vec()))
    }
}

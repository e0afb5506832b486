//! One machine's store: two files of redb in a directory.
//!
//! `marks.redb` is small and precious: each purge is synced to it before it is acknowledged.
//! `pages.redb` is large and disposable: it is written behind and synced once a second. A
//! broken file is set aside, and the store goes on with an empty one.

mod batch;
mod builds;
mod directory;
mod eviction;
mod file;
mod frame;
mod handle;
mod id;
mod keeper;
mod marks;
mod options;
mod pages;
mod prune;
mod reserve;
mod room;
mod settings;
mod shared;
mod signals;
#[cfg(test)]
mod tests;

pub use self::handle::Disk;
pub use self::options::DiskOptions;

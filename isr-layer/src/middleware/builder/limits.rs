//! The limits of a layer: memory, marks, background renders and new keys.

use super::super::builder::IsrLayerBuilder;

impl IsrLayerBuilder {
    /// Limits the memory that entries take, in bytes. Default 256 MiB.
    ///
    /// It also limits the size of one body, whatever the page's own limit: to nearly half of this
    /// memory, since a body is counted twice, for its encodings; and to nearly 16 MiB where there
    /// is more.
    ///
    /// An entry is counted with its key, headers and tags. The process takes more than this: up to
    /// 20 % in the flood tests with one allocator arena (`tests/tests/security/flood_bytes.rs`).
    /// glibc keeps free memory for each thread besides, which was up to 15 MiB there; the
    /// environment variable `MALLOC_ARENA_MAX=1` prevents it.
    ///
    /// It does not count what is bounded apart: remembered failures (8 MiB), keys beyond
    /// [`new_keys_per_second`](Self::new_keys_per_second) (512 KiB), the marks of purges
    /// ([`max_marks`](Self::max_marks)), the tags of evicted entries (a sixteenth of all tags, or
    /// 4,096), the lists of `params`, and the responses that are being rendered or encoded.
    pub fn max_memory_bytes(mut self, bytes: u64) -> Self {
        self.config.max_memory_bytes = bytes;
        self
    }

    /// Limits the number of entries. Default 1,000,000.
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.config.max_entries = entries;
        self
    }

    /// Limits the memory that [values](crate::data) take, in bytes, beside that of the entries.
    /// Default an eighth of [`max_memory_bytes`](Self::max_memory_bytes).
    ///
    /// A value counts what its type or `weight` tells, and 4 KiB if nothing does. One that is
    /// larger than nearly all of this memory (nearly 32 MiB where there is more) is loaded each
    /// time.
    pub fn max_data_bytes(mut self, bytes: u64) -> Self {
        self.config.max_data_bytes = Some(bytes);
        self
    }

    /// Limits the number of [values](crate::data). Default 10,000.
    pub fn max_data_entries(mut self, values: u64) -> Self {
        self.config.max_data_entries = values;
        self
    }

    /// Limits the marks of purged selectors that no entry carries, approximately. Default 65,536.
    ///
    /// Their texts are limited too, to 256 bytes for each on average. Beyond either limit the
    /// oldest marks are forgotten, which can only invalidate too much.
    pub fn max_marks(mut self, selectors: usize) -> Self {
        self.config.max_marks = selectors;
        self
    }

    /// Limits the renders that run at once without a client waiting for them. Default twice the
    /// number of processors. The refreshes of [`cache_by_headers`](Self::cache_by_headers) count
    /// among them, and get half of the places at most.
    pub fn background_renders(mut self, at_once: usize) -> Self {
        self.config.renders.at_once = at_once;
        self
    }

    /// Limits the [`background_renders`](Self::background_renders) of one page. Default 8.
    pub fn background_renders_per_page(mut self, at_once: usize) -> Self {
        self.config.renders.per_group = at_once;
        self
    }

    /// Limits the new keys of one page that are stored in a second, where clients choose them: by a
    /// parameter of the path, a declared query parameter, a declared header, or a host that a
    /// pattern or function accepts. Default 100.
    ///
    /// Beyond it a new key is rendered once for all clients that wait for it, and not stored. It is
    /// stored when it is asked for again. A key that is stored, or whose path `params` lists, is
    /// not new; the renders of a revalidation and responses that are not stored anyway do not
    /// count.
    pub fn new_keys_per_second(mut self, keys: u32) -> Self {
        self.config.new_keys_per_second = keys;
        self
    }
}

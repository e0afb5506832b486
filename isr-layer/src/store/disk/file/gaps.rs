//! Makes a disk give room to each octet of a file: a file system gives none to octets that were
//! never written.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// Fills the gaps of a file. Tests give one for files that are not on a disk.
pub(in crate::store::disk) type FillGaps = Arc<dyn Fn(&Path) -> io::Result<()> + Send + Sync>;

const STEP_LEN: usize = 1 << 20;

/// Writes each octet of a file once more, as it is. Nothing else may write to the file meanwhile.
/// A crash in between does no harm, since nothing changes.
pub(in crate::store::disk) fn fill_gaps(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut step = vec![0; STEP_LEN];
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let len = file.read(&mut step)?;
        if len == 0 {
            return file.sync_data();
        }

        file.seek(SeekFrom::Start(at))?;
        file.write_all(&step[..len])?;
        at += len as u64;
    }
}

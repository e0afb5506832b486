//! A process that works until it is killed, and the pages that it renders.

use std::io::{BufRead, BufReader, Write as _};

use super::child::{command, wait_for};
use super::*;

/// The content of a page, so that half of one is noticed.
pub(crate) fn content(key: usize, version: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(key as u64 * 31 + version);
    let len = random.usize(500..12_000);
    let body = std::iter::repeat_with(|| random.alphanumeric()).take(len);
    let mut content = format!("{key} {version} ");
    content.extend(body);
    content.into()
}

/// The version of a page, if it is whole.
pub(crate) fn version_of(key: usize, octets: &Bytes) -> Option<u64> {
    let text = std::str::from_utf8(octets).ok()?;
    let version = text.split(' ').nth(1)?.parse().ok()?;
    (*octets == content(key, version)).then_some(version)
}

/// Tells the parent a line.
pub(crate) fn say(line: String) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(line.as_bytes());
    let _ = out.flush();
}

/// Returns the milliseconds until a process is killed. Pages are synced after a second, so that
/// some processes have to live longer.
pub(crate) fn lifetime(kill: u32, random: &mut fastrand::Rng) -> u64 {
    random.u64(if kill.is_multiple_of(8) {
        1_100..1_500
    } else {
        30..300
    })
}

/// Runs a process with a task, kills it some milliseconds after it is ready, and returns the lines
/// that it told from then on.
pub(crate) fn run_and_kill(task: &str, path: &Path, millis: u64) -> Vec<String> {
    let mut child = command(&[], task, path).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    wait_for(&mut output, "ready");

    let reader = std::thread::spawn(move || output.lines().map_while(Result::ok).collect());
    std::thread::sleep(Duration::from_millis(millis));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

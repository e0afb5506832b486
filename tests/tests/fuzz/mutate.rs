//! Makes new input of known input.

use fastrand::Rng;

/// Pieces that parsers stumble over.
const PIECES: &[&str] = &[
    "",
    ",",
    ";",
    "=",
    "\"",
    "\\",
    "*",
    "%",
    "%2F",
    "%00",
    "%c3%28",
    "..",
    "//",
    "-",
    "0",
    "-1",
    "18446744073709551616",
    "99999999999999999999999",
    "1e9",
    "\u{e9}",
    "\u{1f600}",
    "\\ud83d",
    "\u{feff}",
    "\t",
    " ",
    "\r\n",
    "\0",
    "{",
    "}",
    "[",
    "]",
    "null",
    "W/",
    "q=0",
    "bytes=",
    "no-store",
];

/// A source of input, the same for the same seed.
pub(crate) struct Mutator {
    rng: Rng,
}

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
        }
    }

    /// Returns one of these, as it is.
    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.rng.usize(..of.len())]
    }

    /// Returns true once in so many calls.
    pub(crate) fn once_in(&mut self, calls: u32) -> bool {
        self.rng.u32(..calls) == 0
    }

    /// Returns one of these texts with a few changes; often with none.
    pub(crate) fn text(&mut self, corpus: &[&str]) -> String {
        let mut text: Vec<char> = self.one(corpus).chars().collect();
        for _ in 0..self.rng.usize(..5).saturating_sub(1) {
            self.change(&mut text, corpus);
        }
        text.into_iter().collect()
    }

    fn change(&mut self, text: &mut Vec<char>, corpus: &[&str]) {
        let at = self.rng.usize(..=text.len());
        let end = at + self.rng.usize(..=(text.len() - at).min(8));
        match self.rng.u8(..6) {
            0 => drop(text.drain(at..end)),
            1 => {
                let twice = text[at..end].to_vec();
                text.splice(at..at, twice);
            }
            2 => {
                let piece = self.one(PIECES).chars().collect::<Vec<_>>();
                text.splice(at..end, piece);
            }
            3 => {
                let other = self.one(corpus).chars().collect::<Vec<_>>();
                let from = self.rng.usize(..=other.len());
                text.splice(at.., other[from..].iter().copied());
            }
            4 => text.truncate(at),
            _ => {
                for char in &mut text[at..end] {
                    *char = match char.is_ascii_lowercase() {
                        true => char.to_ascii_uppercase(),
                        false => char.to_ascii_lowercase(),
                    };
                }
            }
        }
    }
}

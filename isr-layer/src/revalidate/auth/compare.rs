//! Compares secrets, as the only file to do so: in constant time, over a hash of both sides, with
//! every candidate.

use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// Returns the place of the `expected` candidate that equals `presented`.
///
/// The time depends only on the lengths, never on the place of the first wrong byte, the number of
/// right ones, or the candidate that matches.
pub(super) fn find_equal<T: AsRef<[u8]>>(
    presented: &[u8],
    expected: impl IntoIterator<Item = T>,
) -> Option<usize> {
    // Hashes have one length, so the comparison does not depend on the lengths of the secrets.
    let presented = Sha256::digest(presented);
    let mut found = u64::MAX;
    for (place, candidate) in (0u64..).zip(expected) {
        let same = Sha256::digest(candidate)
            .as_slice()
            .ct_eq(presented.as_slice());
        found.conditional_assign(&place, same);
    }

    usize::try_from(found)
        .ok()
        .filter(|place| *place != usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    const SECRET: &[u8] = b"the right secret, of some forty-eight bytes, as is";

    #[test]
    fn the_place_of_the_equal_candidate_is_found() {
        let candidates: [&[u8]; 3] = [b"a", b"bb", b"ccc"];

        assert_eq!(find_equal(b"a", candidates), Some(0));
        assert_eq!(find_equal(b"ccc", candidates), Some(2));
        assert_eq!(find_equal(b"", candidates), None);
        assert_eq!(find_equal(b"cc", candidates), None);
    }

    /// Writes the secret with one wrong byte: the first or the last. Both cases use one buffer and
    /// one way to fill it, since the place of bytes in memory and their history take time too.
    fn spoil(presented: &mut [u8], last: bool) {
        let end = presented.len() - 1;
        presented.copy_from_slice(SECRET);
        presented[0] ^= u8::from(!last);
        presented[end] ^= u8::from(last);
    }

    /// Measures the difference in time between a wrong first byte and a wrong last byte: its mean
    /// and its standard error, in nanoseconds.
    ///
    /// 100,000 comparisons of each are made in pairs of random order, so that both see the same
    /// machine. Whole blocks are compared, since the time of one comparison depends on that of the
    /// one before. The slowest tenth of a block is left out: the scheduler interrupted those.
    fn apart(compare: impl Fn(&[u8])) -> (f64, f64) {
        const BLOCKS: usize = 1_000;
        const BLOCK: usize = 100;
        let mut presented = SECRET.to_vec();
        let differences: Vec<f64> = (0..BLOCKS)
            .map(|_| {
                let mut times = [Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK)];
                for _ in 0..BLOCK {
                    let first = fastrand::bool();
                    for last in [first, !first] {
                        spoil(&mut presented, black_box(last));
                        let started = Instant::now();
                        compare(black_box(&presented));
                        times[usize::from(last)].push(started.elapsed().as_nanos());
                    }
                }
                let [left, right] = times.map(|mut times| {
                    times.sort_unstable();
                    times[..BLOCK * 9 / 10].iter().sum::<u128>() as f64 / (BLOCK * 9 / 10) as f64
                });
                left - right
            })
            .collect();

        let count = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let variance = differences
            .iter()
            .map(|one| (one - mean).powi(2))
            .sum::<f64>()
            / (count - 1.0);
        (mean.abs(), (variance / count).sqrt())
    }

    #[test]
    #[ignore = "needs a quiet machine; run by .ci/run"]
    fn a_right_prefix_takes_as_long_as_a_wrong_one() {
        // One time in a few hundred, chance alone puts equal means three standard errors apart. A
        // leak does so each time.
        let measured: Vec<_> = (0..3)
            .map(|_| apart(|presented| _ = black_box(find_equal(presented, [black_box(SECRET)]))))
            .collect();

        let equal = measured.iter().any(|(mean, error)| *mean <= 3.0 * error);
        assert!(
            equal,
            "means and standard errors of the difference, in nanoseconds: {measured:?}"
        );
    }

    #[test]
    #[ignore = "needs a quiet machine; run by .ci/run"]
    fn the_measurement_tells_a_comparison_that_stops_early() {
        let (mean, error) = apart(|presented| {
            black_box(
                presented
                    .iter()
                    .zip(black_box(SECRET))
                    .position(|(left, right)| left != right),
            );
        });

        assert!(
            mean > 3.0 * error,
            "{mean} ns apart with a standard error of {error} ns"
        );
    }
}

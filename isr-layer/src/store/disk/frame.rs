//! A page as it is in the file: its number and selectors in the open, then the caller's octets.
//!
//! Version, checksum, `as_of`, selectors, octets; everything of variable length behind its length,
//! all numbers little-endian. The checksum covers the page's place in the file too, so that no page
//! is found under the key of another.

use bytes::{Buf, BufMut, Bytes};
use crc32fast::Hasher;

use super::id::Id;

const VERSION: u8 = 1;

/// The octets before those that the checksum covers: version and checksum.
const HEADER_LEN: usize = 5;

/// A page in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) as_of: u64,
    pub(super) selectors: Vec<Bytes>,
    pub(super) octets: Bytes,
}

/// Writes a page. `None` if a length is beyond 32 bits, which the engine could not keep either.
pub(super) fn encode(id: Id, as_of: u64, selectors: &[Bytes], octets: &[u8]) -> Option<Vec<u8>> {
    let selectors_len: usize = selectors.iter().map(|selector| selector.len() + 4).sum();
    let len = HEADER_LEN + 8 + 4 + selectors_len + 4 + octets.len();
    let mut frame = Vec::with_capacity(len);
    frame.put_u8(VERSION);
    frame.put_u32_le(0);

    frame.put_u64_le(as_of);
    frame.put_u32_le(u32::try_from(selectors.len()).ok()?);
    for selector in selectors {
        put(&mut frame, selector)?;
    }
    put(&mut frame, octets)?;

    let sum = checksum(id, &frame[HEADER_LEN..]);
    frame[1..HEADER_LEN].copy_from_slice(&sum.to_le_bytes());
    Some(frame)
}

/// Reads a page, of which every part is a slice of `frame`. `None` in any doubt.
pub(super) fn decode(id: Id, frame: Bytes) -> Option<Frame> {
    let mut rest = frame;
    if rest.try_get_u8().ok()? != VERSION {
        return None;
    }
    let sum = rest.try_get_u32_le().ok()?;
    if checksum(id, &rest) != sum {
        return None;
    }

    let as_of = rest.try_get_u64_le().ok()?;
    let count = rest.try_get_u32_le().ok()?;
    // The count is not trusted with memory: each selector has four octets at least.
    let mut selectors = Vec::with_capacity(rest.len().min(count as usize * 4) / 4);
    for _ in 0..count {
        selectors.push(take(&mut rest)?);
    }
    let octets = take(&mut rest)?;

    rest.is_empty().then_some(Frame {
        as_of,
        selectors,
        octets,
    })
}

fn checksum(id: Id, rest: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&id);
    hasher.update(rest);
    hasher.finalize()
}

fn put(frame: &mut Vec<u8>, octets: &[u8]) -> Option<()> {
    frame.put_u32_le(u32::try_from(octets.len()).ok()?);
    frame.put_slice(octets);
    Some(())
}

fn take(rest: &mut Bytes) -> Option<Bytes> {
    let len = rest.try_get_u32_le().ok()? as usize;
    (len <= rest.len()).then(|| rest.split_to(len))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: Id = [7; 20];

    fn sample() -> (Frame, Vec<u8>) {
        let frame = Frame {
            as_of: 42,
            selectors: vec![Bytes::from_static(b"*"), Bytes::from_static(b"tposts")],
            octets: Bytes::from_static(b"<h1>a page</h1>"),
        };
        let octets = encode(ID, frame.as_of, &frame.selectors, &frame.octets).unwrap();
        (frame, octets)
    }

    #[test]
    fn a_truncated_page_is_none() {
        let (_, octets) = sample();

        for len in 0..octets.len() {
            assert_eq!(decode(ID, Bytes::copy_from_slice(&octets[..len])), None);
        }
    }

    #[test]
    fn a_page_with_one_flipped_bit_is_none() {
        let (_, octets) = sample();

        for bit in 0..octets.len() * 8 {
            let mut flipped = octets.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(ID, flipped.into()), None, "bit {bit}");
        }
    }

    #[test]
    fn a_page_with_zeros_in_it_is_none() {
        let (_, octets) = sample();

        for from in 0..octets.len() {
            let mut zeroed = octets.clone();
            zeroed[from..].fill(0);
            let same = zeroed == octets;
            assert_eq!(decode(ID, zeroed.into()).is_some(), same, "from {from}");
        }
    }

    #[test]
    fn a_page_is_not_found_in_the_place_of_another() {
        let (frame, octets) = sample();

        assert_eq!(decode([8; 20], octets.clone().into()), None);
        assert_eq!(decode(ID, octets.into()), Some(frame));
    }

    #[test]
    fn a_page_is_decoded_without_a_copy() {
        let octets = Bytes::from(sample().1);
        let range = octets.as_ptr_range();

        let frame = decode(ID, octets.clone()).unwrap();

        assert!(range.contains(&frame.octets.as_ptr()));
        assert!(range.contains(&frame.selectors[1].as_ptr()));
    }

    proptest! {
        #[test]
        fn any_octets_are_none_or_what_was_written(octets: Vec<u8>) {
            prop_assert_eq!(decode(ID, octets.into()), None);
        }

        /// The checksum is right here, so that the lengths behind it are tested too.
        #[test]
        fn octets_with_a_right_checksum_are_none_or_what_they_encode(mut octets: Vec<u8>) {
            octets.splice(0..0, [VERSION, 0, 0, 0, 0]);
            let sum = checksum(ID, &octets[HEADER_LEN..]);
            octets[1..HEADER_LEN].copy_from_slice(&sum.to_le_bytes());

            if let Some(frame) = decode(ID, octets.clone().into()) {
                let again = encode(ID, frame.as_of, &frame.selectors, &frame.octets);
                prop_assert_eq!(again, Some(octets));
            }
        }

        #[test]
        fn what_was_written_is_read(
            as_of: u64,
            selectors in prop::collection::vec(any::<Vec<u8>>(), 0..8),
            octets: Vec<u8>,
        ) {
            let selectors: Vec<Bytes> = selectors.into_iter().map(Bytes::from).collect();
            let octets = Bytes::from(octets);

            let written = encode(ID, as_of, &selectors, &octets).unwrap();

            let frame = Frame { as_of, selectors, octets };
            prop_assert_eq!(decode(ID, written.into()), Some(frame));
        }
    }
}

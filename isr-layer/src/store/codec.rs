//! A [`Record`] as octets: the one file that knows them.
//!
//! Behind a version and a checksum come fields of fixed length, then those behind their lengths.
//! Decoding slices the octets and copies no body. Whatever is in doubt is `None`: the page is
//! rendered again.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::StatusCode;

use crate::deliver::Coding;
use crate::entry::{Field, Lifetime, Record};
use crate::invalidation::Validity;

/// The version of the octets. Another one is a record of another version of this library.
const VERSION: u8 = 1;

/// The octets of the version and of the checksum, which is over everything behind it.
const HEAD: usize = 5;

/// The octets that have a fixed length behind the head.
const FIXED: usize = 8 + 8 + 1 + 8 + 8 + 2 + 1 + 8;

/// Stands for a time that does not end.
const NO_END: u64 = u64::MAX;

const NOT_FOUND: u8 = 1;
const ENCODABLE: u8 = 2;
const ENCODED: u8 = 4;
const EARLIER_CACHES: u8 = 8;

/// Returns the octets of a record.
pub(crate) fn encode(record: &Record) -> Bytes {
    let bodies = record.bodies.iter().map(|(_, body)| body.len() + HEAD);
    let mut out = BytesMut::with_capacity(bodies.sum::<usize>() + 2048);
    out.put_u8(VERSION);
    out.put_u32_le(0);

    out.put_u64_le(record.as_of);
    out.put_u64_le(record.birth);
    out.put_u8(record.born_as as u8);
    for end in [record.lifetime.revalidate, record.lifetime.expire] {
        out.put_u64_le(end.map_or(NO_END, millis));
    }
    out.put_u16_le(record.status.as_u16());
    out.put_u8(flags(record));
    out.put_u64_le(record.own_age);

    put(&mut out, &record.key.0);
    put(&mut out, &record.key.1);
    put(&mut out, &record.page);
    put_list(&mut out, &record.tags, |out, tag| put(out, tag));
    if let Some(caches) = &record.earlier_caches {
        put(&mut out, caches);
    }
    for fields in [&record.headers, &record.trailers] {
        put_list(&mut out, fields, |out, (name, value)| {
            put(out, name);
            put(out, value);
        });
    }
    put_list(&mut out, &record.bodies, |out, (coding, body)| {
        out.put_u8(number(*coding));
        put(out, body);
    });

    let sum = crc32fast::hash(&out[HEAD..]);
    out[1..HEAD].copy_from_slice(&sum.to_le_bytes());
    out.freeze()
}

/// Returns the record that octets are of, or `None` if they are not whole.
pub(crate) fn decode(octets: Bytes) -> Option<Record> {
    let mut rest = octets;
    if rest.len() < HEAD + FIXED || rest.get_u8() != VERSION {
        return None;
    }
    let sum = rest.get_u32_le();
    if crc32fast::hash(&rest) != sum {
        return None;
    }

    let (as_of, birth) = (rest.get_u64_le(), rest.get_u64_le());
    let born_as = validity(rest.get_u8())?;
    let [revalidate, expire] = [rest.get_u64_le(), rest.get_u64_le()].map(end);
    let status = StatusCode::from_u16(rest.get_u16_le()).ok()?;
    let flags = rest.get_u8();
    let has = |flag| flags & flag != 0;
    let own_age = rest.get_u64_le();

    let record = Record {
        as_of,
        birth,
        born_as,
        lifetime: Lifetime { revalidate, expire },
        status,
        is_not_found: has(NOT_FOUND),
        is_encodable: has(ENCODABLE),
        is_encoded: has(ENCODED),
        own_age,
        key: field(&mut rest)?,
        page: take(&mut rest)?,
        tags: take_list(&mut rest, take)?,
        earlier_caches: match has(EARLIER_CACHES) {
            true => Some(take(&mut rest)?),
            false => None,
        },
        headers: take_list(&mut rest, field)?,
        trailers: take_list(&mut rest, field)?,
        bodies: take_list(&mut rest, body)?,
    };
    rest.is_empty().then_some(record)
}

fn flags(record: &Record) -> u8 {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    flag(record.is_not_found, NOT_FOUND)
        | flag(record.is_encodable, ENCODABLE)
        | flag(record.is_encoded, ENCODED)
        | flag(record.earlier_caches.is_some(), EARLIER_CACHES)
}

fn validity(octet: u8) -> Option<Validity> {
    let all = [Validity::Valid, Validity::Soft, Validity::Hard];
    all.into_iter().find(|one| *one as u8 == octet)
}

fn number(coding: Option<Coding>) -> u8 {
    match coding {
        None => 0,
        Some(Coding::Gzip) => 1,
        Some(Coding::Brotli) => 2,
        Some(Coding::Zstd) => 3,
    }
}

fn coding(number: u8) -> Option<Option<Coding>> {
    Some(match number {
        0 => None,
        1 => Some(Coding::Gzip),
        2 => Some(Coding::Brotli),
        3 => Some(Coding::Zstd),
        _ => return None,
    })
}

fn millis(time: Duration) -> u64 {
    // Rounded up: a lifetime must not end at once where it was shorter than this clock's step.
    let millis = time.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(NO_END - 1).min(NO_END - 1)
}

fn end(millis: u64) -> Option<Duration> {
    (millis != NO_END).then(|| Duration::from_millis(millis))
}

fn put(out: &mut BytesMut, octets: &[u8]) {
    out.put_u32_le(u32::try_from(octets.len()).unwrap_or(u32::MAX));
    out.put_slice(octets);
}

fn put_list<T>(out: &mut BytesMut, list: &[T], put_one: impl Fn(&mut BytesMut, &T)) {
    out.put_u32_le(u32::try_from(list.len()).unwrap_or(u32::MAX));
    list.iter().for_each(|one| put_one(out, one));
}

fn take(rest: &mut Bytes) -> Option<Bytes> {
    let length = rest.try_get_u32_le().ok()? as usize;
    (length <= rest.len()).then(|| rest.split_to(length))
}

fn field(rest: &mut Bytes) -> Option<Field> {
    Some((take(rest)?, take(rest)?))
}

fn body(rest: &mut Bytes) -> Option<(Option<Coding>, Bytes)> {
    let coding = coding(rest.try_get_u8().ok()?)?;
    Some((coding, take(rest)?))
}

fn take_list<T>(rest: &mut Bytes, take_one: fn(&mut Bytes) -> Option<T>) -> Option<Vec<T>> {
    let length = rest.try_get_u32_le().ok()? as usize;
    // Each member takes four octets at least, so a length that is wrong allocates nothing.
    if length > rest.len() / 4 {
        return None;
    }
    (0..length).map(|_| take_one(rest)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn octets(most: usize) -> impl Strategy<Value = Bytes> {
        vec(any::<u8>(), 0..most).prop_map(Bytes::from)
    }

    fn time() -> impl Strategy<Value = Option<Duration>> {
        prop::option::of((0..u64::MAX / 2).prop_map(Duration::from_millis))
    }

    fn record() -> impl Strategy<Value = Record> {
        let validity = prop_oneof![
            Just(Validity::Valid),
            Just(Validity::Soft),
            Just(Validity::Hard)
        ];
        let coding = (0..4_u8).prop_map(|one| super::coding(one).expect("a number of a coding"));
        let fields = || vec((octets(20), octets(50)), 0..6);
        let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), 100..=999_u16);
        let texts = (
            octets(50),
            octets(50),
            octets(30),
            prop::option::of(octets(9)),
        );
        let lists = (
            vec(octets(20), 0..5),
            fields(),
            fields(),
            vec((coding, octets(400)), 0..4),
        );
        let flags = (any::<bool>(), any::<bool>(), any::<bool>());
        let all = (numbers, validity, time(), time(), flags, texts, lists);
        all.prop_map(
            |(numbers, born_as, revalidate, expire, flags, texts, lists)| Record {
                as_of: numbers.0,
                birth: numbers.1,
                own_age: numbers.2,
                status: StatusCode::from_u16(numbers.3).expect("a status"),
                born_as,
                lifetime: Lifetime { revalidate, expire },
                is_not_found: flags.0,
                is_encodable: flags.1,
                is_encoded: flags.2,
                key: (texts.0, texts.1),
                page: texts.2,
                earlier_caches: texts.3,
                tags: lists.0,
                headers: lists.1,
                trailers: lists.2,
                bodies: lists.3,
            },
        )
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(record in record()) {
            prop_assert_eq!(decode(encode(&record)), Some(record));
        }

        #[test]
        fn a_record_that_is_cut_is_none(record in record(), part in 0.0..1.0_f64) {
            let octets = encode(&record);
            let length = (octets.len() as f64 * part) as usize;
            prop_assert_eq!(decode(octets.slice(..length)), None);
        }

        #[test]
        fn a_record_with_a_wrong_bit_is_none(record in record(), at in any::<prop::sample::Index>()) {
            let mut octets = encode(&record).to_vec();
            let at = at.index(octets.len() * 8);
            octets[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(decode(octets.into()), None);
        }

        #[test]
        fn octets_of_somebody_else_are_none(octets in octets(300)) {
            prop_assert_eq!(decode(octets), None);
        }

        #[test]
        fn octets_with_a_right_checksum_never_panic(octets in octets(300)) {
            let sum = crc32fast::hash(&octets).to_le_bytes();
            let whole = [&[VERSION][..], &sum, &octets].concat();
            let _ = decode(whole.into());
        }
    }

    #[test]
    fn a_body_is_not_copied() {
        let body = Bytes::from(vec![7; 4096]);
        let record = Record {
            as_of: 1,
            birth: 2,
            born_as: Validity::Valid,
            lifetime: Lifetime::default(),
            status: StatusCode::OK,
            is_not_found: false,
            is_encodable: false,
            is_encoded: false,
            own_age: 0,
            key: Field::default(),
            page: Bytes::new(),
            tags: Vec::new(),
            earlier_caches: None,
            headers: Vec::new(),
            trailers: Vec::new(),
            bodies: vec![(None, body)],
        };

        let octets = encode(&record);
        let decoded = decode(octets.clone()).expect("it is whole");

        let within = octets.as_ptr_range();
        assert!(within.contains(&decoded.bodies[0].1.as_ptr()));
    }
}

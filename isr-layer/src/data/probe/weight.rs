//! The bytes that a value takes in memory, as far as its type tells.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::output::Value;
use crate::data::builder::UNKNOWN_WEIGHT;

/// A type that tells how many bytes a value of it takes in memory.
///
/// Values are bounded by their bytes. The weight need not be exact: it leaves out the bytes that an
/// allocator adds.
///
/// ```
/// use isr_layer::data::Weight;
///
/// #[derive(Clone)]
/// struct Post {
///     title: String,
///     likes: u64,
/// }
///
/// impl Weight for Post {
///     fn heap(&self) -> usize {
///         self.title.heap()
///     }
/// }
///
/// let post = Post { title: String::from("a post"), likes: 7 };
/// assert_eq!(post.weight(), size_of::<Post>() + 6);
/// ```
pub trait Weight {
    /// Returns the bytes that this value owns beside its own size, such as the text of a `String`.
    fn heap(&self) -> usize;

    /// Returns all bytes of this value: its own size and [`heap`](Self::heap).
    fn weight(&self) -> usize {
        size_of_val(self).saturating_add(self.heap())
    }
}

/// A collection of elements whose type does not tell its weight.
pub trait Contents {
    /// Returns the number of elements.
    fn number(&self) -> usize;
}

fn sum(weights: impl Iterator<Item = usize>) -> usize {
    weights.fold(0, usize::saturating_add)
}

macro_rules! plain {
    ($($type:ty),* $(,)?) => {
        $(impl Weight for $type {
            fn heap(&self) -> usize {
                0
            }
        })*
    };
}

plain!(
    (),
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64,
    str,
    Duration,
    Instant,
    SystemTime,
);

impl Weight for String {
    fn heap(&self) -> usize {
        self.capacity()
    }
}

impl Weight for bytes::Bytes {
    fn heap(&self) -> usize {
        self.len()
    }
}

/// Counts nothing, since the text or list is not owned.
impl<T: ?Sized> Weight for &'static T {
    fn heap(&self) -> usize {
        0
    }
}

impl<T: Weight> Weight for [T] {
    fn heap(&self) -> usize {
        sum(self.iter().map(Weight::heap))
    }
}

impl<T: Weight, const N: usize> Weight for [T; N] {
    fn heap(&self) -> usize {
        self.as_slice().heap()
    }
}

impl<T: Weight> Weight for Option<T> {
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, Weight::heap)
    }
}

impl<T: Weight, E: Weight> Weight for Result<T, E> {
    fn heap(&self) -> usize {
        match self {
            Ok(value) => value.heap(),
            Err(error) => error.heap(),
        }
    }
}

impl<T: Weight + ToOwned<Owned: Weight> + ?Sized + 'static> Weight for Cow<'static, T> {
    fn heap(&self) -> usize {
        match self {
            Cow::Borrowed(_) => 0,
            Cow::Owned(owned) => owned.heap(),
        }
    }
}

macro_rules! pointers {
    ($($pointer:ident),*) => {
        $(
            impl<T: Weight + ?Sized> Weight for $pointer<T> {
                fn heap(&self) -> usize {
                    T::weight(self)
                }
            }

            impl<T: Contents + ?Sized> Contents for $pointer<T> {
                fn number(&self) -> usize {
                    T::number(self)
                }
            }
        )*
    };
}

pointers!(Arc, Box);

/// Lists weigh their capacity in elements, and the heap of each element.
macro_rules! lists {
    ($($list:ident),*) => {
        $(
            impl<T: Weight> Weight for $list<T> {
                fn heap(&self) -> usize {
                    let elements = self.capacity().saturating_mul(size_of::<T>());
                    elements.saturating_add(sum(self.iter().map(Weight::heap)))
                }
            }
        )*
    };
}

lists!(Vec, VecDeque, BinaryHeap);

macro_rules! sets {
    ($($set:ident<T $(, $state:ident)?>),*) => {
        $(
            impl<T: Weight $(, $state)?> Weight for $set<T $(, $state)?> {
                fn heap(&self) -> usize {
                    sum(self.iter().map(Weight::weight))
                }
            }
        )*
    };
}

sets!(BTreeSet<T>, LinkedList<T>, HashSet<T, S>);

macro_rules! maps {
    ($($map:ident<K, V $(, $state:ident)?>),*) => {
        $(
            impl<K: Weight, V: Weight $(, $state)?> Weight for $map<K, V $(, $state)?> {
                fn heap(&self) -> usize {
                    let pair = |(key, value): (&K, &V)| key.weight().saturating_add(value.weight());
                    sum(self.iter().map(pair))
                }
            }

            impl<K, V $(, $state)?> Contents for $map<K, V $(, $state)?> {
                fn number(&self) -> usize {
                    self.len()
                }
            }
        )*
    };
}

maps!(BTreeMap<K, V>, HashMap<K, V, S>);

macro_rules! contents {
    ($($list:ident<T $(, $state:ident)?>),*) => {
        $(
            impl<T $(, $state)?> Contents for $list<T $(, $state)?> {
                fn number(&self) -> usize {
                    self.len()
                }
            }
        )*
    };
}

contents!(Vec<T>, VecDeque<T>, BinaryHeap<T>, BTreeSet<T>, LinkedList<T>, HashSet<T, S>);

impl<T> Contents for [T] {
    fn number(&self) -> usize {
        self.len()
    }
}

impl<T: Contents> Contents for Option<T> {
    fn number(&self) -> usize {
        self.as_ref().map_or(0, Contents::number)
    }
}

macro_rules! tuples {
    ($(($($element:ident),*))*) => {
        $(
            #[allow(non_snake_case)]
            impl<$($element: Weight),*> Weight for ($($element,)*) {
                fn heap(&self) -> usize {
                    let ($($element,)*) = self;
                    sum([$($element.heap()),*].into_iter())
                }
            }
        )*
    };
}

tuples! {
    (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F)
    (A, B, C, D, E, F, G) (A, B, C, D, E, F, G, H)
}

/// The type of the value tells its weight.
pub trait ByContent<T> {
    /// Weighs a value.
    fn probe_weight(&self) -> fn(&T) -> usize;
}

impl<T: Weight> ByContent<T> for &&Value<T> {
    fn probe_weight(&self) -> fn(&T) -> usize {
        T::weight
    }
}

/// The type of the value tells its number of elements.
pub trait ByNumber<T> {
    /// Counts 4 KiB for each element.
    fn probe_weight(&self) -> fn(&T) -> usize;
}

impl<T: Contents> ByNumber<T> for &Value<T> {
    fn probe_weight(&self) -> fn(&T) -> usize {
        |value| {
            let elements = value.number().saturating_mul(UNKNOWN_WEIGHT);
            elements.saturating_add(size_of::<T>())
        }
    }
}

/// The type of the value tells nothing.
pub trait ByDefault<T> {
    /// Counts 4 KiB.
    fn probe_weight(&self) -> fn(&T) -> usize;
}

impl<T> ByDefault<T> for Value<T> {
    fn probe_weight(&self) -> fn(&T) -> usize {
        |_| UNKNOWN_WEIGHT
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::Returned;
    use super::*;

    #[derive(Clone)]
    struct Post;

    macro_rules! weight {
        ($type:ty, $value:expr) => {{
            let weight: fn(&$type) -> usize = (&&&Returned::<Result<$type, String>>::new()
                .probe_types()
                .value())
                .probe_weight();
            weight(&$value)
        }};
    }

    #[test]
    fn texts_and_lists_weigh_what_they_own() {
        let text = "a".repeat(1_000);

        assert_eq!(weight!(String, text.clone()), 1_024);
        assert_eq!(weight!(Option<String>, None), 24);
        assert_eq!(weight!(Arc<str>, Arc::from(text.as_str())), 1_016);
        assert_eq!(weight!(Vec<u64>, vec![0; 100]), 824);
        assert_eq!(weight!(Vec<String>, vec![text.clone(); 3]), 24 + 3 * 1_024);
        assert_eq!(weight!((u64, String), (1, text.clone())), 1_032);
        let map = HashMap::from([(1_u64, text)]);
        assert_eq!(
            weight!(HashMap<u64, String>, map.clone()),
            size_of_val(&map) + 8 + 1_024
        );
    }

    #[test]
    fn a_type_that_does_not_tell_weighs_four_kibibytes() {
        assert_eq!(weight!(Post, Post), UNKNOWN_WEIGHT);
        assert_eq!(weight!(Option<Post>, Some(Post)), UNKNOWN_WEIGHT);
        assert_eq!(weight!(Arc<Post>, Arc::new(Post)), UNKNOWN_WEIGHT);
    }

    #[test]
    fn each_element_that_does_not_tell_weighs_four_kibibytes() {
        let posts = || vec![Post; 10];

        assert_eq!(weight!(Vec<Post>, posts()), 24 + 10 * UNKNOWN_WEIGHT);
        assert_eq!(
            weight!(Arc<[Post]>, Arc::from(posts())),
            16 + 10 * UNKNOWN_WEIGHT
        );
        assert_eq!(
            weight!(Option<Arc<Vec<Post>>>, Some(Arc::new(posts()))),
            8 + 10 * UNKNOWN_WEIGHT
        );
        assert_eq!(weight!(Option<Vec<Post>>, None), 24);
    }
}

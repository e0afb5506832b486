//! Says if arguments are several: a tuple, and nothing else, is a list of them.

use std::fmt;

use serde::Serialize;
use serde::ser::{Error, Impossible, Serializer};

/// True for a tuple, an array and `()`; false for anything else, which is one argument.
pub(super) fn are_several(arguments: &impl Serialize) -> bool {
    matches!(arguments.serialize(Ask), Err(Shape::Several))
}

/// Asks a value for its first call, and ends there.
struct Ask;

#[derive(Debug)]
enum Shape {
    One,
    Several,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Shape {}

impl Error for Shape {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::One
    }
}

/// Writes a method for each kind of value that is one argument.
macro_rules! one {
    ($($name:ident($($kind:ty),*) -> $output:ty;)*) => {
        $(fn $name(self, $(_: $kind),*) -> Result<$output, Shape> {
            Err(Shape::One)
        })*
    };
}

type Never = Impossible<(), Shape>;

impl Serializer for Ask {
    type Ok = ();
    type Error = Shape;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    one! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_i128(i128) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_u128(u128) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn serialize_unit(self) -> Result<(), Shape> {
        Err(Shape::Several)
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, Shape> {
        Err(Shape::Several)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Shape> {
        Err(Shape::One)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), Shape> {
        Err(Shape::One)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Shape> {
        Err(Shape::One)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), Shape> {
        Err(Shape::One)
    }
}

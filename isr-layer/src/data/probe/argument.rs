//! The steps of one argument, as far as its type has them.

use std::borrow::Borrow;
use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;

use crate::value::ArgumentsWriter;

/// The steps of an argument of type `T`, or `&T`.
#[derive(Debug)]
pub struct Argument<T: ?Sized>(PhantomData<fn(&T)>);

impl<T: ?Sized> Argument<T> {
    /// Names the type.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Serialize + ?Sized> Argument<T> {
    /// Writes the argument into the key.
    pub fn write(self, argument: &T, writer: &mut ArgumentsWriter<'_>) {
        writer.argument(argument);
    }
}

impl<T: PartialEq + ?Sized> Argument<T> {
    /// Returns whether the argument is the one that was kept.
    pub fn is(self, argument: &T, kept: &T) -> bool {
        argument == kept
    }
}

impl<T: ToOwned + ?Sized> Argument<T> {
    /// Owns an argument that is passed by reference.
    pub fn own(self, argument: &T) -> T::Owned {
        argument.to_owned()
    }

    /// Lends an owned argument to a load.
    pub fn lend(self, kept: &T::Owned) -> &T {
        kept.borrow()
    }
}

impl<T: Display + ?Sized> Argument<T> {
    /// Returns the text of the argument in a tag.
    pub fn display(self, argument: &T) -> String {
        argument.to_string()
    }
}

/// The steps that a type lacks. A check has reported each, so that none of these runs.
pub trait RefusedArgument<T: ?Sized>: Sized {
    /// Stands in for a type without `Serialize`.
    fn write(self, _argument: &T, _writer: &mut ArgumentsWriter<'_>) {}

    /// Stands in for a type without `PartialEq`.
    fn is(self, _argument: &T, _kept: &T) -> bool {
        false
    }

    /// Stands in for a type without `ToOwned`.
    fn own(self, _argument: &T) {}

    /// Stands in for a type without `ToOwned`.
    fn lend<K>(self, _kept: &K) -> &T {
        unreachable!("the type of this argument was refused")
    }

    /// Stands in for a type without `Display`.
    fn display(self, _argument: &T) -> String {
        String::new()
    }
}

impl<T: ?Sized> RefusedArgument<T> for Argument<T> {}

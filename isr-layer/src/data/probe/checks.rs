//! The bounds on the types of a function, each with the message for a type that lacks it.
//!
//! Every trait here has one implementation, which the compiler does not look into: it reports the
//! trait itself, with its message.

use std::fmt::Display;

use serde::Serialize;

use super::output::{Fault, Value};

/// An argument that can be written into the key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in the key of a value: it is not `Serialize`",
    label = "every argument is in the key, and this one does not implement `serde::Serialize`",
    note = "derive `Serialize` for it; or, if the value is the same whatever this argument is, \
            leave it out of the key: `skip = [..]` with the argument's name"
)]
pub trait Serialized {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> Serialized for T {}

/// An argument that can be told from a kept one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in the key of a value: it is not `PartialEq`",
    label = "this argument is compared with the one that was kept",
    note = "derive `PartialEq` for it, or leave it out of the key by `skip = [..]`"
)]
pub trait Compared {}
#[diagnostic::do_not_recommend]
impl<T: PartialEq + ?Sized> Compared for T {}

/// An argument that is passed by reference and can be owned.
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be kept for a refresh: `{Self}` is not `Clone`",
    label = "a refresh needs this argument once more, so it is cloned",
    note = "derive `Clone` for it, or pass it in an `Arc`"
)]
pub trait Owned {}
#[diagnostic::do_not_recommend]
impl<T: ToOwned<Owned: Clone> + ?Sized> Owned for T {}

/// An argument that is passed by value and can be cloned.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept for a refresh: it is not `Clone`",
    label = "a refresh needs this argument once more, so it is cloned",
    note = "derive `Clone` for it, or pass it in an `Arc`"
)]
pub trait Cloned {}
#[diagnostic::do_not_recommend]
impl<T: Clone> Cloned for T {}

/// An argument that several threads may see.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot go to the task that loads: it is not `Send` and `Sync`",
    label = "a load runs on a task of its own, maybe on another thread"
)]
pub trait SharedArgument {}
#[diagnostic::do_not_recommend]
impl<T: Send + Sync + ?Sized> SharedArgument for T {}

/// An argument that may go to another thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot go to the task that loads: it is not `Send`",
    label = "a load runs on a task of its own, maybe on another thread"
)]
pub trait SentArgument {}
#[diagnostic::do_not_recommend]
impl<T: Send> SentArgument for T {}

/// An argument that can be a part of a tag.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in a tag: it is not `Display`",
    label = "this tag names an argument of type `{Self}`"
)]
pub trait Displayed {}
#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> Displayed for T {}

/// A value of which each reader gets a copy.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value: it is not `Clone`",
    label = "each reader gets a clone of the value",
    note = "derive `Clone` for it, or return it in an `Arc`, which is cloned at no cost"
)]
pub trait ClonedValue {}
#[diagnostic::do_not_recommend]
impl<T: Clone> ClonedValue for T {}

/// A value that several threads may read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value: it is not `Send` and `Sync`",
    label = "readers on all threads share the value"
)]
pub trait SharedValue {}
#[diagnostic::do_not_recommend]
impl<T: Send + Sync> SharedValue for T {}

/// An error that may go from the task that loads to a reader.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a load: it is not `Send`",
    label = "a load runs on a task of its own, and its error goes to the readers"
)]
pub trait SentError {}
#[diagnostic::do_not_recommend]
impl<T: Send> SentError for T {}

/// Checks an argument of the key.
pub const fn serialized<T: Serialized + ?Sized>() {}

/// Checks an argument of the key.
pub const fn compared<T: Compared + ?Sized>() {}

/// Checks an argument that is passed by reference.
pub const fn owned<T: Owned + ?Sized>() {}

/// Checks an argument that is passed by value.
pub const fn cloned<T: Cloned>() {}

/// Checks an argument that is shared with a load.
pub const fn shared<T: SharedArgument + ?Sized>() {}

/// Checks an argument that is given to a load.
pub const fn sent<T: SentArgument>() {}

/// Checks an argument of a tag.
pub const fn displayed<T: Displayed + ?Sized>() {}

/// Checks the value.
pub const fn kept<T: ClonedValue + SharedValue>(_: Value<T>) {}

/// Checks the error.
pub const fn sent_error<E: SentError>(_: Fault<E>) {}

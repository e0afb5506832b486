//! Functions of values in every place, whatever names their scope has.
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    unused_qualifications,
    unused_lifetimes,
    unused_results,
    let_underscore_drop,
    future_incompatible
)]

// Stands for a dependency that Cargo renamed: `isr` is a crate's name from here on.
extern crate isr_layer as isr;

pub mod exported {
    //! Values that others read.

    /// A post.
    ///
    /// # Errors
    ///
    /// If the text is no number.
    #[isr_layer::static_data(
        revalidate = "60s",
        expire = 7 * 24 * 60 * 60,
        tags = ["posts", "post:{slug}"],
        timeout = std::time::Duration::from_secs(5),
        jitter = true,
        not_found_revalidate = 5,
    )]
    #[must_use]
    pub async fn post(slug: &str) -> Result<Option<u64>, std::num::ParseIntError> {
        slug.parse().map(Some)
    }

    #[isr_layer::static_data(name = "number-of-posts", revalidate = false)]
    pub(crate) async fn count() -> u64 {
        7
    }

    #[isr_layer::static_data]
    pub(super) async fn texts(of: Vec<u8>) -> std::sync::Arc<[u8]> {
        of.into()
    }
}

mod facade {
    pub(crate) use isr_layer;

    macro_rules! value {
        ($name:ident, $argument:ident: $ty:ty, $krate:path) => {
            #[isr::static_data(crate = $krate, tags = ["made:{text}"])]
            async fn $name($argument: $ty, text: &str) -> String {
                format!("{}{text}", $argument)
            }
        };
    }
    pub(crate) use value;
}

mod shadows {
    #![no_implicit_prelude]
    #![allow(dead_code, non_camel_case_types)]

    mod std {}
    mod core {}
    mod isr_layer {}
    mod data {}
    struct Option;
    struct Result;
    struct Vec;
    struct String;
    struct Send;
    trait ToOwned {}
    trait Clone {}

    #[::isr_layer::static_data(crate = ::isr_layer, skip = [kept, writer], tags = ["{data}:{argument_0}"])]
    pub(crate) async fn shadowed(
        kept: u8,
        writer: &u8,
        data: u8,
        argument_0: u8,
        message: &str,
        output: &[u8],
    ) -> u8 {
        let _ = (message, output);
        kept + writer + data + argument_0
    }
}

#[isr::static_data(crate = isr)]
async fn renamed(lists: &[u8]) -> u8 {
    lists.iter().sum()
}

#[isr::static_data(crate = facade::isr_layer, skip = [r#type])]
async fn r#struct(r#type: &str, mut number: u8) -> u8 {
    number += 1;
    number + u8::try_from(r#type.len()).unwrap_or(0)
}

facade::value!(made, number: u8, crate::facade::isr_layer);
facade::value!(made_by_reference, number: &u8, crate::facade::isr_layer);

fn main() {
    #[isr::static_data(revalidate = HOUR)]
    async fn inside(of: u8) -> u8 {
        of
    }
    const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

    let read = async {
        drop(exported::post("7").await);
        let texts = exported::texts(vec![1]).await;
        assert_eq!(exported::count().await + u64::from(texts[0]), 8);
        assert_eq!(renamed(&[1, 2]).await + r#struct("ab", 1).await, 7);
        assert_eq!(made(1, "a").await + &made_by_reference(&2, "b").await, "1a2b");
        assert_eq!(shadows::shadowed(1, &2, 3, 4, "", &[]).await + inside(1).await, 11);
    };
    drop(is_send(read));

    let names = [exported::post::DATA, exported::count::DATA, r#struct::DATA, inside::DATA];
    let names = names.map(|data| data.name());
    assert_eq!(names, ["post", "number-of-posts", "struct", "inside"]);
}

fn is_send<T: Send>(value: T) -> T {
    value
}

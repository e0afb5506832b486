//! What a `params` function may give, made into parameter sets that name every parameter of the page.

use std::borrow::Cow;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use super::{Page, ParamSet, ParamsFuture, pattern};

/// Why a list of parameters could not be told.
type BoxError = Box<dyn Error + Send + Sync>;

/// A function that lists a page's parameters, with whatever state it needs.
pub(crate) type ListParams = Arc<dyn Fn() -> ParamsFuture + Send + Sync>;

/// The list a page declares.
pub(crate) fn declared_list(page: &Page) -> Option<ListParams> {
    page.params().map(|list| Arc::new(list) as ListParams)
}

/// A list that is given for a page.
pub(crate) fn given_list<F>(page: &Page, list: impl Fn() -> F + Send + Sync + 'static) -> ListParams
where
    F: Future<Output: ParamList> + Send + 'static,
{
    let names = pattern::names(page.path()).collect::<Arc<[&'static str]>>();
    Arc::new(move || named_sets(names.clone(), list()))
}

/// Runs a `params` function for a page whose path has these parameters.
pub fn list_params<F>(names: &'static [&'static str], list: impl FnOnce() -> F) -> ParamsFuture
where
    F: Future<Output: ParamList> + Send + 'static,
{
    named_sets(names, list())
}

fn named_sets<F>(names: impl AsRef<[&'static str]> + Send + 'static, listed: F) -> ParamsFuture
where
    F: Future<Output: ParamList> + Send + 'static,
{
    Box::pin(async move {
        let sets = listed.await.into_list()?;
        sets.into_iter()
            .map(|values| values.into_set(names.as_ref()))
            .collect()
    })
}

/// What a `params` function gives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of parameters",
    label = "a `params` function gives `Vec<T>` or `Result<Vec<T>, E>`",
    note = "`T` is a text or a whole number for a path with one parameter, a tuple of them for two to four, and a \
            `ParamSet` for any; `E` is anything that becomes a `Box<dyn Error + Send + Sync>`"
)]
pub trait ParamList {
    /// The values of one instance of the page.
    type Values: IntoParamSet;

    /// The list, or why there is none.
    fn into_list(self) -> Result<Vec<Self::Values>, BoxError>;
}

impl<T: IntoParamSet> ParamList for Vec<T> {
    type Values = T;

    fn into_list(self) -> Result<Vec<T>, BoxError> {
        Ok(self)
    }
}

impl<T: IntoParamSet, E: Into<BoxError>> ParamList for Result<Vec<T>, E> {
    type Values = T;

    fn into_list(self) -> Result<Vec<T>, BoxError> {
        self.map_err(Into::into)
    }
}

/// The values of one instance of a page, in the order of the path's parameters, or by name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value for the parameters of a path",
    note = "accepted are a text or a whole number for one parameter, a tuple of them for two to four, and a `ParamSet` \
            for any"
)]
pub trait IntoParamSet {
    /// Names the values, or says which do not fit.
    fn into_set(self, names: &[&str]) -> Result<ParamSet, BoxError>;
}

impl IntoParamSet for ParamSet {
    fn into_set(self, names: &[&str]) -> Result<ParamSet, BoxError> {
        let is_complete = names
            .iter()
            .all(|name| self.iter().any(|(given, _)| given == name));
        if self.len() == names.len() && is_complete {
            return Ok(self);
        }
        let given: Vec<&str> = self.iter().map(|(name, _)| name.as_str()).collect();
        Err(format!("`params` gave {given:?}, the path has the parameters {names:?}").into())
    }
}

/// Text, or a whole number: the value of one parameter, decoded.
#[diagnostic::on_unimplemented(message = "`{Self}` is no value for a parameter of a path")]
pub trait ParamValue {
    /// As it stands in the path, before it is encoded.
    fn into_text(self) -> String;
}

/// Implements the traits for single values.
macro_rules! single_values {
    ($($ty:ty),*) => {$(
        impl ParamValue for $ty {
            fn into_text(self) -> String {
                self.to_string()
            }
        }

        impl IntoParamSet for $ty {
            fn into_set(self, names: &[&str]) -> Result<ParamSet, BoxError> {
                named(names, [self.into_text()])
            }
        }
    )*};
}

single_values!(
    String,
    &str,
    Cow<'_, str>,
    Box<str>,
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
    isize
);

/// Implements the trait for tuples.
macro_rules! tuples {
    ($($($name:ident)+;)*) => {$(
        impl<$($name: ParamValue),+> IntoParamSet for ($($name,)+) {
            fn into_set(self, names: &[&str]) -> Result<ParamSet, BoxError> {
                #[allow(non_snake_case, reason = "each type's name serves for its value")]
                let ($($name,)+) = self;
                named(names, [$($name.into_text()),+])
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
}

fn named<const N: usize>(names: &[&str], values: [String; N]) -> Result<ParamSet, BoxError> {
    if names.len() != N {
        return Err(format!(
            "`params` gave the values {values:?}, the path has the parameters {names:?}"
        )
        .into());
    }
    Ok(names
        .iter()
        .map(|name| (*name).to_owned())
        .zip(values)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_parameter_takes_plain_values() {
        let sets = list_params(&["slug"], || async { vec!["a", "b"] })
            .await
            .unwrap();

        assert_eq!(
            sets,
            [
                [("slug".to_owned(), "a".to_owned())],
                [("slug".to_owned(), "b".to_owned())]
            ]
        );
    }

    #[tokio::test]
    async fn tuples_follow_the_order_of_the_path() {
        let sets = list_params(&["tag", "page"], || async {
            vec![("rust".to_owned(), 2_u32)]
        })
        .await
        .unwrap();

        assert_eq!(sets[0][0], ("tag".to_owned(), "rust".to_owned()));
        assert_eq!(sets[0][1], ("page".to_owned(), "2".to_owned()));
    }

    #[tokio::test]
    async fn a_parameter_set_names_its_values() {
        let set = vec![
            ("page".to_owned(), "2".to_owned()),
            ("tag".to_owned(), "rust".to_owned()),
        ];
        let given = set.clone();

        let sets = list_params(&["tag", "page"], || async { vec![given] })
            .await
            .unwrap();

        assert_eq!(sets, [set]);
    }

    #[tokio::test]
    async fn values_that_do_not_fit_the_path_are_an_error() {
        let tuple = list_params(&["slug"], || async { vec![("a", "b")] }).await;
        let set = list_params(&["slug"], || async {
            vec![vec![("id".to_owned(), "1".to_owned())]]
        })
        .await;

        assert!(tuple.unwrap_err().to_string().contains("slug"));
        assert!(set.unwrap_err().to_string().contains("\"id\""));
    }

    #[tokio::test]
    async fn an_error_of_the_function_is_passed_on() {
        let listed =
            list_params(&["slug"], || async { Err::<Vec<String>, _>("no database") }).await;

        assert_eq!(listed.unwrap_err().to_string(), "no database");
    }
}

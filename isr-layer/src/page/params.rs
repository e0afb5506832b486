//! The lists that `params` functions return, turned into sets that name every parameter of a page.

use std::collections::{BTreeSet, HashSet};
use std::error::Error;
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use self::sealed::{InOrder, Named, One, Token, Values};
use super::{Page, ParamSet, pattern};

/// The reason why a list could not be read.
type BoxError = Box<dyn Error + Send + Sync>;

type Listing<T> = Pin<Box<dyn Future<Output = Result<Vec<T>, BoxError>> + Send>>;

/// A function that lists the parameters of a page, with the state it needs.
pub(crate) type ListParams = Arc<dyn Fn() -> Listing<ParamSet> + Send + Sync>;

/// A function that lists the parameters of a page. `#[static_page(params = …)]` makes one.
///
/// A function that needs state is given to
/// [`IsrLayerBuilder::params`](crate::IsrLayerBuilder::params).
pub type Params = fn() -> ParamsFuture;

/// The future of a [`Params`] function.
///
/// ```
/// use isr_layer::params::ParamsFuture;
///
/// fn all_slugs() -> ParamsFuture {
///     ParamsFuture::new(async { vec!["first", "second"] })
/// }
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct ParamsFuture {
    list: Listing<Values>,
}

impl ParamsFuture {
    /// Wraps a future that returns a [`ParamList`].
    pub fn new<M>(list: impl Future<Output: ParamList<M>> + Send + 'static) -> Self {
        Self {
            list: Box::pin(async move { list.await.into_list(Token) }),
        }
    }
}

impl fmt::Debug for ParamsFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParamsFuture").finish_non_exhaustive()
    }
}

/// Returns the list that a page declares.
pub(crate) fn declared_list(page: &Page) -> Option<ListParams> {
    let (pattern, params) = (page.path(), page.params()?);
    Some(Arc::new(move || named_by(pattern, params())))
}

/// Returns a list that is given for the page of a pattern.
pub(crate) fn given_list<F, M>(
    pattern: &str,
    list: impl Fn() -> F + Send + Sync + 'static,
) -> ListParams
where
    F: Future<Output: ParamList<M>> + Send + 'static,
{
    let pattern = Arc::<str>::from(pattern);
    Arc::new(move || named_by(pattern.clone(), ParamsFuture::new(list())))
}

/// Calls a `params` function, for the code of the attribute.
pub fn list_params<F, M>(_names: &'static [&'static str], list: impl FnOnce() -> F) -> ParamsFuture
where
    F: Future<Output: ParamList<M>> + Send + 'static,
{
    ParamsFuture::new(list())
}

fn named_by(pattern: impl AsRef<str> + Send + 'static, listed: ParamsFuture) -> Listing<ParamSet> {
    Box::pin(async move {
        let listed = listed.list.await?;
        let names = pattern::names(pattern.as_ref()).collect::<Vec<_>>();
        listed
            .into_iter()
            .map(|values| values.into_set(&names))
            .collect()
    })
}

/// A list of the instances of a page, as a `params` function returns it.
///
/// It is implemented for `Vec<T>`, `[T; N]`, `HashSet<T>` and `BTreeSet<T>` with `T:`
/// [`IntoParamSet`], and for a `Result` of these whose error becomes a
/// `Box<dyn Error + Send + Sync>`. The compiler infers `M`. The trait is sealed.
///
/// ```
/// use isr_layer::params::ParamList;
/// use isr_layer::{IsrLayer, IsrLayerBuilder, Page};
///
/// const POST: Page = Page::new("/posts/{slug}");
///
/// /// A helper of your own around `IsrLayerBuilder::params`.
/// fn posts<F, M>(list: impl Fn() -> F + Send + Sync + 'static) -> IsrLayerBuilder
/// where
///     F: Future<Output: ParamList<M>> + Send + 'static,
/// {
///     IsrLayer::builder().pages([POST]).params(POST.path(), list)
/// }
///
/// let isr = posts(|| async { ["first", "second"] }).build()?;
/// # Ok::<(), isr_layer::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of parameters",
    label = "a `params` function returns `Vec<T>` or `Result<Vec<T>, E>`",
    note = "`T` is a value with `Display` for a path with one parameter, a tuple of them for two \
            to four, and a `ParamSet` for any; `E` is anything that becomes a \
            `Box<dyn Error + Send + Sync>`"
)]
pub trait ParamList<M> {
    #[doc(hidden)]
    fn into_list(self, _: Token) -> Result<Vec<Values>, BoxError>;
}

/// Implements the trait for collections, each with its further generics.
macro_rules! collections {
    ($([$($generic:tt)*] $ty:ty;)*) => {$(
        impl<T: IntoParamSet<M>, M, $($generic)*> ParamList<M> for $ty {
            fn into_list(self, token: Token) -> Result<Vec<Values>, BoxError> {
                Ok(self.into_iter().map(|values| values.into_values(token)).collect())
            }
        }
    )*};
}

collections! {
    [] Vec<T>;
    [const N: usize] [T; N];
    [S] HashSet<T, S>;
    [] BTreeSet<T>;
}

impl<L: ParamList<M>, E: Into<BoxError>, M> ParamList<M> for Result<L, E> {
    fn into_list(self, token: Token) -> Result<Vec<Values>, BoxError> {
        self.map_err(Into::into)?.into_list(token)
    }
}

/// The values of one instance of a page.
///
/// It is implemented for every value with `Display` (a text, a number, a date, an id of your own),
/// for a path with one parameter; for tuples of two to four such values, in the order of the path;
/// and for [`ParamSet`]. The compiler infers `M`. The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value for the parameters of a path",
    label = "the list holds `{Self}`",
    note = "accepted are a value with `Display` for one parameter, a tuple of them for two to \
            four, and a `ParamSet` for any"
)]
pub trait IntoParamSet<M> {
    #[doc(hidden)]
    fn into_values(self, _: Token) -> Values;
}

// Without the attribute the compiler would ask for `Display`, whatever else was meant.
#[diagnostic::do_not_recommend]
impl<T: Display> IntoParamSet<One> for T {
    fn into_values(self, _: Token) -> Values {
        Values::InOrder(vec![self.to_string()])
    }
}

impl IntoParamSet<Named> for ParamSet {
    fn into_values(self, _: Token) -> Values {
        Values::Named(self)
    }
}

/// Implements the trait for tuples.
macro_rules! tuples {
    ($($($name:ident)+;)*) => {$(
        impl<$($name: Display),+> IntoParamSet<InOrder> for ($($name,)+) {
            fn into_values(self, _: Token) -> Values {
                #[allow(non_snake_case, reason = "each type's name serves for its value")]
                let ($($name,)+) = self;
                Values::InOrder(vec![$($name.to_string()),+])
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

/// Types in the signatures of the traits which no other crate can name, so that the traits are
/// sealed.
mod sealed {
    use super::{BoxError, ParamSet};

    /// Marks the implementation for a single value.
    ///
    /// A blanket implementation over `Display` and one for tuples overlap, for all that the
    /// compiler knows: tuples may get a `Display` one day. A marker for each keeps them apart.
    #[derive(Debug)]
    pub struct One;

    /// Marks the implementation for tuples.
    #[derive(Debug)]
    pub struct InOrder;

    /// Marks the implementation for [`ParamSet`].
    #[derive(Debug)]
    pub struct Named;

    /// The argument of every method of the sealed traits.
    #[derive(Clone, Copy, Debug)]
    pub struct Token;

    /// The values of one instance, before the names of the path are known.
    #[derive(Debug)]
    pub enum Values {
        InOrder(Vec<String>),
        Named(ParamSet),
    }

    impl Values {
        /// Names the values by the parameters of a path.
        pub(super) fn into_set(self, names: &[&str]) -> Result<ParamSet, BoxError> {
            let set = match self {
                // Checked below: the user wrote its names.
                Self::Named(set) => set,
                Self::InOrder(values) if values.len() == names.len() => {
                    names.iter().copied().zip(values).collect()
                }
                Self::InOrder(values) => {
                    let message = format!("`params` gave {values:?} for the parameters {names:?}");
                    return Err(message.into());
                }
            };

            match set.mismatch(names) {
                Some(mismatch) => {
                    Err(format!("`params` gave a set that does not fit: {mismatch}").into())
                }
                None => Ok(set),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn listed<M, F>(pattern: &'static str, list: F) -> Result<Vec<ParamSet>, BoxError>
    where
        F: Future<Output: ParamList<M>> + Send + 'static,
    {
        named_by(pattern, ParamsFuture::new(list)).await
    }

    /// An id of one's own.
    #[derive(PartialEq, Eq, Hash)]
    struct Id(u32);

    impl Display for Id {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "id-{}", self.0)
        }
    }

    #[tokio::test]
    async fn one_parameter_takes_every_value_with_display() {
        let slugs = listed("/{slug}", async { vec!["a", "b"] }).await.unwrap();
        let ids = listed("/{id}", async { vec![Id(1)] }).await.unwrap();
        let addresses = listed("/{ip}", async { vec![std::net::Ipv4Addr::LOCALHOST] });

        assert_eq!(
            slugs,
            [ParamSet::from([("slug", "a")]), [("slug", "b")].into()]
        );
        assert_eq!(ids, [ParamSet::from([("id", "id-1")])]);
        assert_eq!(addresses.await.unwrap()[0].get("ip"), Some("127.0.0.1"));
    }

    #[tokio::test]
    async fn every_collection_is_a_list() {
        let array = listed("/{n}", async { [1, 2] }).await.unwrap();
        let hashed = listed("/{id}", async { HashSet::from([Id(7)]) }).await;
        let sorted = listed("/{n}", async { Ok::<_, BoxError>(BTreeSet::from([2, 1])) });

        assert_eq!(array, [ParamSet::from([("n", 1)]), [("n", 2)].into()]);
        assert_eq!(hashed.unwrap(), [ParamSet::from([("id", "id-7")])]);
        assert_eq!(sorted.await.unwrap(), array);
    }

    #[tokio::test]
    async fn tuples_follow_the_order_of_the_path() {
        let sets = listed("/{tag}/{page}", async { vec![("rust".to_owned(), 2_u32)] }).await;

        assert_eq!(
            sets.unwrap(),
            [ParamSet::new().with("tag", "rust").with("page", 2)]
        );
    }

    #[tokio::test]
    async fn a_parameter_set_names_its_values() {
        let set = ParamSet::from([("page", "2"), ("tag", "rust")]);
        let given = set.clone();

        let sets = listed("/{tag}/{page}", async { vec![given] }).await;

        assert_eq!(sets.unwrap(), [set]);
    }

    #[tokio::test]
    async fn values_that_do_not_fit_the_path_are_an_error() {
        let tuple = listed("/{slug}", async { vec![("a", "b")] }).await;
        let set = listed("/{slug}", async { vec![ParamSet::from([("id", 1)])] }).await;
        let twice = ParamSet::new().with("slug", 1).with("slug", 2);
        let twice = listed("/{slug}", async { vec![twice] }).await;

        assert!(tuple.unwrap_err().to_string().contains("slug"));
        assert!(set.unwrap_err().to_string().contains("`id`"));
        assert!(
            twice
                .unwrap_err()
                .to_string()
                .contains("`slug` is given twice")
        );
    }

    #[tokio::test]
    async fn an_error_of_the_function_is_passed_on() {
        let listed = listed("/{slug}", async { Err::<Vec<String>, _>("no database") }).await;

        assert_eq!(listed.unwrap_err().to_string(), "no database");
    }
}

//! Values for the time of one render.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::OnceCell;

use super::context::Current;
use crate::value::arguments_text;

tokio::task_local! {
    /// The addresses of the values that this task loads, one for another.
    static INSIDE: Vec<usize>;
}

/// The values that were asked for during one render.
#[derive(Default)]
pub(super) struct Once(Mutex<BTreeMap<Key, Arc<OnceCell<Held>>>>);

/// The name, the arguments as JSON, and the type of the value with that of its future.
type Key = (&'static str, Box<str>, TypeId);

type Held = Arc<dyn Any + Send + Sync>;

impl Once {
    fn cell(&self, key: Key) -> Arc<OnceCell<Held>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.entry(key).or_default().clone()
    }
}

/// Loads a value once for each render, however often it is asked for: two parts of a page that
/// need one user's name ask the database once. In React it is `cache()`.
///
/// The value is kept until the render ends, and no other render sees it. Everything that the value
/// depends on belongs into `arguments`. Outside a render, and where the arguments do not serialise
/// to JSON, it is loaded each time. An error is not kept.
///
/// # Errors
///
/// Those of `load`.
///
/// ```
/// use isr_layer::context;
///
/// async fn title(slug: &str) -> Result<String, std::io::Error> {
///     let load = || async { std::fs::read_to_string(format!("posts/{slug}")) };
///     context::once("post", slug, load).await
/// }
/// ```
pub async fn once<T, E, F>(
    name: &'static str,
    arguments: impl Serialize,
    load: impl FnOnce() -> F,
) -> Result<T, E>
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<T, E>>,
{
    let text = arguments_text(
        |writer| writer.all(&arguments),
        |text| text.ok().map(Box::<str>::from),
    );
    let scope = Current::try_here();
    let once = scope.as_ref().and_then(Current::once);
    let (Some(arguments), Some(once)) = (text, once) else {
        return load().await;
    };

    let cell = once.cell((name, arguments, TypeId::of::<T>()));
    let inside = INSIDE.try_with(Clone::clone).unwrap_or_default();
    if inside.contains(&Arc::as_ptr(&cell).addr()) {
        // It is made of itself, and would wait for itself.
        return load().await;
    }
    let inside = [inside, vec![Arc::as_ptr(&cell).addr()]].concat();
    let load = async || {
        let value = INSIDE.scope(inside, load()).await?;
        Ok(Arc::new(value) as Held)
    };
    let held = cell.get_or_try_init(load).await?;
    let value = held.downcast_ref::<T>();
    Ok(value.expect("the key of a value holds its type").clone())
}

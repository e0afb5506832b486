//! The receipt of a purge: its outcome for each selector.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::{Serialize, Serializer};

use super::{NotRevalidated, Reach, Selector, SelectorError};

/// The outcome of one call of [`Cache::revalidate`](crate::Cache::revalidate).
///
/// A purge can fail in part, so look at it: by [`is_revalidated`](Self::is_revalidated), or by `?`
/// on [`into_result`](Self::into_result).
///
/// ```
/// use isr_layer::{IsrLayer, Page, Purge};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let isr = IsrLayer::builder().pages([Page::new("/posts/{slug}")]).build()?;
///
/// let receipt = isr.cache().revalidate(Purge::path("/posts/a")).await.into_result()?;
/// assert_eq!(receipt.receipts()[0].page(), Some("/posts/{slug}"));
///
/// let error = isr.cache().revalidate(Purge::path("/post/a")).await.into_result().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "not revalidated: the path `/post/a` (not_a_page: no page's pattern matches this path)"
/// );
/// # Ok(())
/// # }
/// ```
///
/// # As JSON
///
/// A receipt serializes to the JSON that the endpoint sends, without `now`, the endpoint's time in
/// milliseconds since the Unix epoch. If every render failed, the endpoint adds the members of a
/// problem (RFC 9457): `type`, `title`, `status`, `detail`, `message`. If it did nothing, since a
/// delivery was a repeated one or an event names nothing, it sends `replayed` and no receipts.
///
/// Each member of `receipts` is one flat map. These names are reserved in it:
///
/// | names | for |
/// |---|---|
/// | `path`, `page` and `params`, `prefix`, `tag`, `all`, `host` | the selector |
/// | `page` | beside `path`: the page that the path belongs to |
/// | `status`, `error` | the outcome, see [`SelectorStatus`] |
/// | `http`, `etag`, `previous_etag`, `render_ms` | the render of one path |
/// | `matched`, `regenerated`, `failed` | the entries of a selector that names several |
/// | `data`, `args`, `reach`, `wait`, `nodes`, `forwarded` | later versions |
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    revalidated: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reach: Option<Reach>,
    receipts: Vec<SelectorReceipt>,
}

/// The outcome of a purge for one selector.
#[derive(Clone, Debug, Serialize)]
pub struct SelectorReceipt {
    #[serde(flatten, serialize_with = "selector")]
    pub(crate) selector: Selector,
    /// The page a path belongs to. A page selector names itself.
    #[serde(skip_serializing_if = "Option::is_none", rename = "page")]
    pub(crate) page: Option<String>,
    pub(crate) status: SelectorStatus,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "code")]
    pub(crate) http: Option<StatusCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_etag: Option<String>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        rename = "render_ms",
        serialize_with = "millis"
    )]
    pub(crate) render: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) matched: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regenerated: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<SelectorError>,
}

/// The end of a purge for one selector. Its `Display` is the word of the JSON, such as
/// `not_a_page`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SelectorStatus {
    /// New content, rendered after the call, is stored.
    Regenerated,
    /// The selector is marked, and its render is still running.
    Running,
    /// The selector is marked; the next request renders.
    ///
    /// Also for a tag, a page, a prefix or everything of which nothing was cached, and for a tag
    /// whose known entries are all regenerated, while a running render may yet add it.
    Marked,
    /// Nothing was cached, and the purge was [`only_cached`](crate::Purge::only_cached).
    NotCached,
    /// A page's pattern matches, but no good page was stored, and the path is not found or not
    /// among the page's `params`.
    UnknownPath,
    /// A response may not be stored, for instance because it sets a cookie. The old one was
    /// dropped, and requests are rendered one by one until a response may be stored again. The
    /// purge took effect, so there is no [`error`](SelectorReceipt::error): the log and
    /// `Cache-Status` have the reason.
    ///
    /// Also for a selector of several of which none failed and some may not be stored.
    Uncacheable,
    /// No page's pattern matches.
    NotAPage,
    /// Every render failed; the last good page stays.
    Failed,
    /// The purge itself has a mistake for this selector, and nothing was marked for it: see
    /// [`error`](SelectorReceipt::error).
    Refused,
}

impl Receipt {
    /// A purge without any selector did nothing, which must not pass for a purge that worked.
    pub(crate) fn new(sequence: Option<u64>, receipts: Vec<SelectorReceipt>) -> Self {
        let is_good = receipts.iter().all(|receipt| receipt.status.is_good());
        Self {
            revalidated: is_good && !receipts.is_empty(),
            dry_run: false,
            sequence,
            reach: None,
            receipts,
        }
    }

    /// Sets the reach. A purge that was not recorded has failed.
    pub(crate) fn with_reach(self, reach: Option<Reach>) -> Self {
        Self {
            revalidated: self.revalidated && reach != Some(Reach::Local),
            reach,
            ..self
        }
    }

    /// The receipt of a purge that marked and rendered nothing.
    pub(crate) fn of_dry_run(receipts: Vec<SelectorReceipt>) -> Self {
        Self {
            dry_run: true,
            ..Self::new(None, receipts)
        }
    }

    /// True if the purge reached every selector: none of them failed or was unknown, and there was
    /// at least one.
    ///
    /// It is also false if the layer has a store and the purge could not be recorded there:
    /// [`reach`](Self::reach) is [`Reach::Local`] then.
    pub fn is_revalidated(&self) -> bool {
        self.revalidated
    }

    /// Turns a receipt that is not [`revalidated`](Self::is_revalidated) into an error, for `?`.
    ///
    /// # Errors
    ///
    /// If the receipt is not revalidated. The error holds it.
    pub fn into_result(self) -> Result<Self, NotRevalidated> {
        if self.revalidated {
            Ok(self)
        } else {
            Err(NotRevalidated::new(self))
        }
    }

    /// True if the purge was a [`dry_run`](crate::Purge::dry_run): nothing was marked or rendered.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Returns the [`Reach`] of the purge; `None` without a store, and if nothing was marked.
    pub fn reach(&self) -> Option<Reach> {
        self.reach
    }

    /// Returns the sequence number of the marks, if any were made: the store's number if the layer
    /// has a [`store`](crate::IsrLayerBuilder::store), and none if the store did not record the
    /// purge. Purges that a store recorded together have one number.
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Returns one receipt for each selector, in the order of the purge.
    pub fn receipts(&self) -> &[SelectorReceipt] {
        &self.receipts
    }
}

impl SelectorReceipt {
    pub(crate) fn new(selector: Selector, status: SelectorStatus) -> Self {
        Self {
            selector,
            page: None,
            status,
            http: None,
            etag: None,
            previous_etag: None,
            render: None,
            matched: None,
            regenerated: None,
            failed: None,
            error: None,
        }
    }

    /// Chooses between two variants of one path: the one that tells more about a failure. The path
    /// is known if either of them exists.
    pub(crate) fn or_worse(self, other: Self) -> Self {
        // A running render may still fail, so it outranks a mark.
        let badness = |status| match status {
            SelectorStatus::Failed => 5,
            SelectorStatus::Running => 4,
            SelectorStatus::Marked => 3,
            SelectorStatus::Uncacheable => 2,
            SelectorStatus::UnknownPath => 0,
            _ => 1,
        };
        if badness(other.status) > badness(self.status) {
            other
        } else {
            self
        }
    }

    /// Returns the selector.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Returns the outcome.
    pub fn status(&self) -> SelectorStatus {
        self.status
    }

    /// Returns the pattern of the page that a path belongs to.
    pub fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// Returns the status code of the render, if there was one. NOT_FOUND of a gRPC method is told
    /// as 404.
    pub fn http(&self) -> Option<StatusCode> {
        self.http
    }

    /// Returns the entity tag that is stored now.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Returns the entity tag that was stored before. It equals [`etag`](Self::etag) if the content
    /// did not change.
    pub fn previous_etag(&self) -> Option<&str> {
        self.previous_etag.as_deref()
    }

    /// Returns the duration of the render.
    pub fn render(&self) -> Option<Duration> {
        self.render
    }

    /// Returns the number of entries that carry the tag, belong to the page, or are at the host. It
    /// is a live counter; nothing is scanned for it.
    pub fn matched(&self) -> Option<u64> {
        self.matched
    }

    /// Returns the number of cached pages that were rendered again, for a selector of several.
    pub fn regenerated(&self) -> Option<u64> {
        self.regenerated
    }

    /// Returns the number of those renders that failed.
    pub fn failed(&self) -> Option<u64> {
        self.failed
    }

    /// Returns the reason of a failure, or why a response may not be stored.
    pub fn error(&self) -> Option<&SelectorError> {
        self.error.as_ref()
    }
}

impl SelectorStatus {
    /// True if the selector was known and did not fail.
    pub fn is_good(self) -> bool {
        !matches!(
            self,
            Self::UnknownPath | Self::NotAPage | Self::Failed | Self::Refused
        )
    }
}

impl fmt::Display for SelectorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

fn selector<S: Serializer>(selector: &Selector, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(None)?;
    match selector {
        Selector::Path(path) => map.serialize_entry("path", path)?,
        Selector::Page { pattern, params } => {
            map.serialize_entry("page", pattern)?;
            if !params.is_empty() {
                let params: std::collections::BTreeMap<_, _> = params.iter().collect();
                map.serialize_entry("params", &params)?;
            }
        }
        Selector::Prefix(prefix) => map.serialize_entry("prefix", prefix)?,
        Selector::Tag(tag) => map.serialize_entry("tag", tag)?,
        Selector::Data { name, args } => {
            map.serialize_entry("data", name)?;
            if let Some(args) = args {
                let args = serde_json::from_str::<serde_json::Value>(args);
                map.serialize_entry("args", &args.unwrap_or_default())?;
            }
        }
        Selector::All => map.serialize_entry("all", &true)?,
        Selector::AtHost { host, path } => {
            match path {
                Some(path) => map.serialize_entry("path", path)?,
                None => map.serialize_entry("all", &true)?,
            }
            map.serialize_entry("host", host)?;
        }
    }

    map.end()
}

// serde passes a reference to the field, an `Option` that is `Some` by then.
fn code<S: Serializer>(code: &Option<StatusCode>, serializer: S) -> Result<S::Ok, S::Error> {
    code.map(|code| code.as_u16()).serialize(serializer)
}

fn millis<S: Serializer>(render: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    render
        .map(|render| u64::try_from(render.as_millis()).unwrap_or(u64::MAX))
        .serialize(serializer)
}

//! What a revalidation did to each selector it was given, told truthfully.

use std::time::Duration;

use http::StatusCode;
use serde::{Serialize, Serializer};

use super::Selector;

/// What one call of [`Cache::revalidate`](crate::Cache::revalidate) did. It serializes to the JSON the endpoint answers.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    revalidated: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    receipts: Vec<SelectorReceipt>,
}

/// What happened to one selector.
#[derive(Clone, Debug, Serialize)]
pub struct SelectorReceipt {
    #[serde(flatten, serialize_with = "selector")]
    pub(crate) selector: Selector,
    /// The page a path belongs to; a page selector names itself.
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
    pub(crate) error: Option<String>,
}

/// How it ended for one selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SelectorStatus {
    /// New content, rendered after the call, is stored.
    Regenerated,
    /// It is marked, and its render goes on.
    Running,
    /// It is marked; the next request renders. Also for a tag of which all that is known to carry it was regenerated, while
    /// something else is being rendered that may yet say it.
    Marked,
    /// `only_cached` was asked for and nothing was cached.
    NotCached,
    /// A page's pattern matches, but nothing good was stored and the path is not found, or not among the page's `params`.
    UnknownPath,
    /// No page's pattern matches.
    NotAPage,
    /// Every render failed; the last good page stays.
    Failed,
}

impl Receipt {
    pub(crate) fn new(sequence: Option<u64>, receipts: Vec<SelectorReceipt>) -> Self {
        let revalidated = receipts.iter().all(|receipt| receipt.status.is_good());
        Self {
            revalidated,
            dry_run: false,
            sequence,
            receipts,
        }
    }

    /// What would have happened: nothing was marked or rendered.
    pub(crate) fn of_dry_run(receipts: Vec<SelectorReceipt>) -> Self {
        Self {
            dry_run: true,
            ..Self::new(None, receipts)
        }
    }

    /// Whether no selector failed or was unknown.
    pub fn is_revalidated(&self) -> bool {
        self.revalidated
    }

    /// Whether this only says what would have happened: nothing was marked or rendered.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The sequence number of the marks; none when nothing was marked.
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// One receipt a selector, in the order they were given.
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

    /// Of two variants of one path, the one that says more about what went wrong. The path is known where one of them is
    /// there.
    pub(crate) fn or_worse(self, other: Self) -> Self {
        let badness = |status| match status {
            SelectorStatus::Failed => 4,
            SelectorStatus::Running => 3,
            SelectorStatus::Marked => 2,
            SelectorStatus::UnknownPath => 0,
            _ => 1,
        };
        if badness(other.status) > badness(self.status) {
            other
        } else {
            self
        }
    }

    /// The selector this is about.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// How it ended.
    pub fn status(&self) -> SelectorStatus {
        self.status
    }

    /// The pattern of the page a path belongs to.
    pub fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// The status code of the render, when there was one.
    pub fn http(&self) -> Option<StatusCode> {
        self.http
    }

    /// The entity tag that is stored now.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The entity tag that was stored before; equal to [`etag`](Self::etag) when the content did not change.
    pub fn previous_etag(&self) -> Option<&str> {
        self.previous_etag.as_deref()
    }

    /// How long the render took.
    pub fn render(&self) -> Option<Duration> {
        self.render
    }

    /// How many entries carry the tag or belong to the page: a live counter, nothing is scanned for it.
    pub fn matched(&self) -> Option<u64> {
        self.matched
    }

    /// How many cached pages were rendered anew, for a selector that names several.
    pub fn regenerated(&self) -> Option<u64> {
        self.regenerated
    }

    /// How many of those renders failed.
    pub fn failed(&self) -> Option<u64> {
        self.failed
    }

    /// What went wrong, in words.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

impl SelectorStatus {
    /// Whether the selector did not fail and was known.
    pub fn is_good(self) -> bool {
        !matches!(self, Self::UnknownPath | Self::NotAPage | Self::Failed)
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
                let params: std::collections::BTreeMap<_, _> =
                    params.iter().map(|(k, v)| (k, v)).collect();
                map.serialize_entry("params", &params)?;
            }
        }
        Selector::Prefix(prefix) => map.serialize_entry("prefix", prefix)?,
        Selector::Tag(tag) => map.serialize_entry("tag", tag)?,
        Selector::All => map.serialize_entry("all", &true)?,
    }
    map.end()
}

// serde hands over a reference to the field, an `Option` that is `Some` by then.
fn code<S: Serializer>(code: &Option<StatusCode>, serializer: S) -> Result<S::Ok, S::Error> {
    code.map(|code| code.as_u16()).serialize(serializer)
}

fn millis<S: Serializer>(render: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    render
        .map(|render| u64::try_from(render.as_millis()).unwrap_or(u64::MAX))
        .serialize(serializer)
}

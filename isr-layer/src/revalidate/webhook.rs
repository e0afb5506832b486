//! Maps the payloads of content systems to purges: by templates, presets, or a closure.

mod event;
mod presets;
mod template;

use std::fmt;
use std::sync::Arc;

use super::command;
use super::json;
use super::response::Refusal;
use crate::invalidation::{Mode, Purge};
use crate::{Error, ErrorKind};
use template::{Insert, Template};

pub use event::{Unprocessable, WebhookEvent};

/// Maps the payload of a webhook to a [`Purge`].
///
/// A template holds JSON pointers (RFC 6901) in braces. Where a pointer meets an array, it goes
/// into every item, so that one event may name many things; `{{` and `}}` are literal braces. A
/// missing field is a 422 that names the pointer: nothing is ever revalidated by mistake, and never
/// everything.
///
/// ```
/// use isr_layer::webhook::Webhook;
///
/// // {"_type": "post", "slug": {"current": "hello"}, "tags": [{"slug": "rust"}, {"slug": "web"}]}
/// let webhook = Webhook::new()
///     .tag("{/_type}:{/slug/current}")
///     .tag_if_present("tag:{/tags/slug}")
///     .path("/blog/{/slug/current}");
/// ```
///
/// A preset has the tags that fit the payload of one system: see [`Webhook::sanity`] and its
/// neighbours. A closure maps payloads that no template can: see [`Webhook::map`].
#[derive(Clone, Debug, Default)]
#[must_use = "a mapping does nothing until it is given to `RevalidateService::webhook`"]
pub struct Webhook {
    rules: Vec<Rule>,
    mode: Option<Mode>,
    mistake: Option<String>,
}

#[derive(Clone)]
enum Rule {
    Template {
        kind: SelectorKind,
        text: Template,
        presence: Presence,
    },
    Map(Arc<Map>),
}

type Map = dyn Fn(&WebhookEvent<'_>) -> Result<Purge, Unprocessable> + Send + Sync;

/// The kind of [`Selector`](crate::purge::Selector) that the text of a template becomes.
#[derive(Clone, Copy, Debug)]
enum SelectorKind {
    Tag,
    Path,
    Prefix,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Required,
    IfPresent,
}

impl Webhook {
    /// Creates a mapping without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tag: `{/_type}:{/slug/current}`.
    pub fn tag(self, template: &str) -> Self {
        self.template(SelectorKind::Tag, template, Presence::Required)
    }

    /// Adds a tag if the payload has all fields of the template. A field that is missing in one
    /// item of an array costs the other items nothing.
    pub fn tag_if_present(self, template: &str) -> Self {
        self.template(SelectorKind::Tag, template, Presence::IfPresent)
    }

    /// Adds a path: `/blog/{/slug/current}`.
    pub fn path(self, template: &str) -> Self {
        self.template(SelectorKind::Path, template, Presence::Required)
    }

    /// Adds a path if the payload has all fields of the template, as
    /// [`tag_if_present`](Self::tag_if_present) does.
    pub fn path_if_present(self, template: &str) -> Self {
        self.template(SelectorKind::Path, template, Presence::IfPresent)
    }

    /// Adds every path below a prefix: `/{/locale}/`. A payload whose values make it `/`, which is
    /// every path, is a 422.
    pub fn prefix(self, template: &str) -> Self {
        self.template(SelectorKind::Prefix, template, Presence::Required)
    }

    /// Adds the purge that a function makes of the event. An empty batch means that the event does
    /// not concern this site: it is acknowledged, and nothing is purged.
    ///
    /// Options for a whole call, such as [`only_cached`](Purge::only_cached), hold where this is
    /// the only rule. Beside others they are misplaced, as in [`Purge::batch`].
    ///
    /// ```
    /// use isr_layer::Purge;
    /// use isr_layer::webhook::Webhook;
    ///
    /// let webhook = Webhook::new().map(|event| {
    ///     if event.text("/status").as_deref() == Some("draft") {
    ///         return Ok(Purge::batch([]));
    ///     }
    ///     Ok(Purge::instance("/posts/{slug}", [("slug", event.required("/slug")?)]))
    /// });
    /// ```
    pub fn map<F>(mut self, map: F) -> Self
    where
        F: Fn(&WebhookEvent<'_>) -> Result<Purge, Unprocessable> + Send + Sync + 'static,
    {
        self.rules.push(Rule::Map(Arc::new(map)));
        self
    }

    /// Sets the [`Mode`] of everything that the mapping names.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    fn template(mut self, kind: SelectorKind, template: &str, presence: Presence) -> Self {
        match Template::parse(template) {
            Ok(text) => self.rules.push(Rule::Template {
                kind,
                text,
                presence,
            }),
            Err(mistake) => {
                self.mistake
                    .get_or_insert(format!("webhook template `{template}`: {mistake}"));
            }
        }
        self
    }

    /// Refuses a mapping that could never work, when the endpoint is built.
    pub(super) fn checked(self) -> Result<Self, Error> {
        let mistake = match self.mistake {
            Some(mistake) => mistake,
            None if self.rules.is_empty() => {
                "the webhook mapping has no rule: add a tag, a path, a prefix or a function"
                    .to_owned()
            }
            None => return Ok(self),
        };
        Err(Error::new(ErrorKind::Configuration, mistake))
    }

    /// Returns the purge for a payload: an empty one if the event is not about this site.
    pub(super) fn purge(&self, headers: &http::HeaderMap, body: &[u8]) -> Result<Purge, Refusal> {
        let payload = json::parse(body).map_err(Refusal::Malformed)?;
        let event = WebhookEvent::new(headers, &payload.value);

        let mut purges = Vec::new();
        let mut missing_field = None;
        for rule in &self.rules {
            match rule.apply(&event) {
                Ok(named) => purges.extend(named),
                Err(NothingNamed::Optional(missing)) => {
                    missing_field = missing_field.or(Some(missing))
                }
                Err(NothingNamed::Refused(refusal)) => return Err(refusal),
            }
        }
        // One alone keeps the options that its function gave it; in a batch they would be
        // misplaced.
        let purge = match <[Purge; 1]>::try_from(purges) {
            Ok([only]) => only,
            Err(purges) => Purge::batch(purges),
        };

        // If no rule named anything and a field was missing, the mapping does not fit the payload.
        let purge = match payload.is_mended {
            true => command::whole(purge),
            false => purge,
        };
        let purge = self.mode.into_iter().fold(purge, Purge::mode);
        let purge = command::within_limits(purge)?;
        match missing_field {
            Some(missing) if purge.is_empty() => Err(refusal(&missing)),
            _ => Ok(purge),
        }
    }
}

/// The reason for which a rule named nothing.
enum NothingNamed {
    /// The rule may be skipped: an optional template lacks a field.
    Optional(Unprocessable),
    Refused(Refusal),
}

impl Rule {
    fn apply(&self, event: &WebhookEvent<'_>) -> Result<Vec<Purge>, NothingNamed> {
        match self {
            Self::Map(map) => match map(event) {
                Ok(purge) => Ok(vec![command::checked(purge)]),
                Err(missing) => Err(NothingNamed::Refused(refusal(&missing))),
            },
            Self::Template {
                kind,
                text,
                presence,
            } => {
                let texts = text
                    .fill(event, kind.insert(), *presence)
                    .map_err(|missing| match presence {
                        Presence::IfPresent if missing.is_missing() => {
                            NothingNamed::Optional(missing)
                        }
                        _ => NothingNamed::Refused(refusal(&missing)),
                    })?;

                let is_all = |text: &String| text.trim_matches('/').is_empty();
                if matches!(kind, SelectorKind::Prefix)
                    && text.has_pointer()
                    && texts.iter().any(is_all)
                {
                    let detail = "an empty value would make the prefix `/`, which is every path";
                    return Err(NothingNamed::Refused(refusal(&Unprocessable::new(detail))));
                }

                // A payload's values are input like a request's, so each selector is checked.
                let purges = texts.into_iter();
                let purges = purges.map(|text| command::checked(kind.purge(text)));
                Ok(purges.collect())
            }
        }
    }
}

impl SelectorKind {
    fn insert(self) -> Insert {
        match self {
            Self::Tag => Insert::AsIs,
            Self::Path | Self::Prefix => Insert::IntoPath,
        }
    }

    fn purge(self, text: String) -> Purge {
        match self {
            Self::Tag => Purge::tag(text),
            Self::Path => Purge::path(text),
            Self::Prefix => Purge::prefix(text),
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template {
                kind,
                text,
                presence,
            } => write!(f, "{kind:?} {text:?} {presence:?}"),
            Self::Map(_) => f.write_str("Map(…)"),
        }
    }
}

fn refusal(unprocessable: &Unprocessable) -> Refusal {
    let reason = unprocessable.to_string();
    if unprocessable.is_too_many() {
        Refusal::TooLarge(reason)
    } else {
        Refusal::Unprocessable(reason)
    }
}

#[cfg(test)]
mod odd_tests;
#[cfg(test)]
mod tests;

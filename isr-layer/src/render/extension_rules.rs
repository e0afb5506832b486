//! The rules by which a request's extensions travel with its render, where the layer is behind a
//! router.

use http::Extensions;

/// The rules by which a request's extensions travel with its render.
///
/// Extensions may say who the client is, and no check can see who reads them. So without a rule
/// none travel, and nothing is stored.
#[derive(Default)]
pub(crate) struct ExtensionRules {
    /// Each copies one type.
    keep: Vec<fn(&Extensions, &mut Extensions)>,
    /// True if all travel, less those that `drop` removes.
    trust: bool,
    drop: Vec<fn(&mut Extensions)>,
}

impl ExtensionRules {
    pub(crate) fn keep<T: Clone + Send + Sync + 'static>(&mut self) {
        self.keep.push(|from, to| {
            if let Some(extension) = from.get::<T>() {
                to.insert(extension.clone());
            }
        });
    }

    pub(crate) fn trust(&mut self) {
        self.trust = true;
    }

    pub(crate) fn drop<T: Clone + Send + Sync + 'static>(&mut self) {
        self.drop.push(|extensions| {
            extensions.remove::<T>();
        });
    }

    /// Says why the rules contradict each other, if they do.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        if self.trust && !self.keep.is_empty() {
            Some("`keep_extension` beside `trust_extensions`: either single types travel, or all")
        } else if !self.trust && !self.drop.is_empty() {
            Some("`drop_extension` without `trust_extensions`: no other extensions travel anyway")
        } else {
            None
        }
    }

    /// True if pages may be stored behind a router.
    pub(crate) fn let_travel(&self) -> bool {
        self.trust || !self.keep.is_empty()
    }

    /// Returns the extensions that travel with the render of a request that had `all`.
    /// `parameters` makes those of the router alone.
    pub(crate) fn select(
        &self,
        all: &Extensions,
        parameters: impl FnOnce(&Extensions) -> Extensions,
    ) -> Extensions {
        if self.trust {
            let mut extensions = all.clone();
            for drop in &self.drop {
                drop(&mut extensions);
            }
            return extensions;
        }

        let mut extensions = parameters(all);
        for keep in &self.keep {
            keep(all, &mut extensions);
        }
        extensions
    }
}

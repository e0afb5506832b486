//! A layer inside of a layer, both of one cache: the outer one leaves a page behind a guard to
//! the inner one.

use http::Extensions;

use super::core::Core;

/// The number of layers of one cache that passed on a client's own request. Each such depth has
/// keys of its own ([`KeyRef::at_depth`](crate::render::KeyRef::at_depth)), so that an outer layer
/// never finds what an inner one stores behind a guard.
#[derive(Clone, Copy)]
struct Passed {
    /// The address of the shared state. It only tells layers of this program apart.
    core: usize,
    layers: u8,
}

impl Core {
    /// Returns the number of layers in front that passed this request on.
    pub(crate) fn depth(&self, extensions: &Extensions) -> u8 {
        let passed = extensions.get::<Passed>();
        let passed = passed.filter(|passed| passed.core == self.address());
        passed.map_or(0, |passed| passed.layers)
    }

    /// Notes on a request that one more layer passes it on.
    pub(crate) fn pass_on(&self, extensions: &mut Extensions) {
        let layers = self.depth(extensions).saturating_add(1);
        let core = self.address();
        extensions.insert(Passed { core, layers });
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

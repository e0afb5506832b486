//! A filter over the first segments of all pages: most requests that are no page are told by one look at it.

/// Says of a path that no page can have it, or that one may. It never errs on the first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FirstSegments {
    /// Some page begins with a parameter, so any path may be one.
    any: bool,
    slots: [u64; 4],
}

impl FirstSegments {
    pub(crate) fn add(&mut self, pattern: &str) {
        let segment = first(pattern);
        if segment.starts_with(b"{") {
            self.any = true;
        }
        let slot = slot(segment);
        self.slots[slot / 64] |= 1 << (slot % 64);
    }

    /// Whether a page may have this path, which need not be canonical.
    #[inline]
    pub(crate) fn may_have(&self, path: &str) -> bool {
        let segment = first(path);
        let slot = slot(segment);
        self.any || self.slots[slot / 64] & (1 << (slot % 64)) != 0 || segment.contains(&b'%')
    }
}

fn first(path: &str) -> &[u8] {
    let rest = path.as_bytes().get(1..).unwrap_or_default();
    let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    &rest[..end]
}

/// One of 256 slots, by length and both ends.
fn slot(segment: &[u8]) -> usize {
    let ends = segment
        .first()
        .zip(segment.last())
        .map_or(0, |(first, last)| usize::from(*first).wrapping_mul(7) ^ usize::from(*last).wrapping_mul(29));
    (ends ^ segment.len().wrapping_mul(83)) % 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_of_a_page_is_ever_told_to_be_none() {
        let mut segments = FirstSegments::default();
        for pattern in ["/", "/posts/{slug}", "/about", "/caf%C3%A9/menu"] {
            segments.add(pattern);
        }

        for path in [
            "/",
            "/posts/a",
            "/posts/a/b",
            "/about",
            "/about/",
            "/caf%C3%A9/menu",
            "/caf%c3%a9/menu",
            "/p%6Fsts/a",
        ] {
            assert!(segments.may_have(path), "{path}");
        }
        for path in ["/account", "/api/v1", "/static/x.css"] {
            assert!(!segments.may_have(path), "{path}");
        }
    }

    #[test]
    fn a_page_that_begins_with_a_parameter_may_have_any_path() {
        let mut segments = FirstSegments::default();
        segments.add("/{slug}");

        assert!(segments.may_have("/anything/at/all"));
    }
}

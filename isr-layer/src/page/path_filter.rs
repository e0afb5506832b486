//! A filter over the first octets of all paths: one look rules out most requests that are for no
//! page.

/// Rules out paths that no page can have. A path that is ruled out is certainly no page; any other
/// path may be one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PathFilter {
    /// True if a page has a parameter in its first octets, so that any path may be of this page.
    any: bool,
    slots: [u64; 4],
}

impl PathFilter {
    pub(crate) fn add(&mut self, pattern: &str) {
        let beginning = beginning(pattern);
        self.any |= beginning.contains(&b'{');
        let slot = slot(beginning);
        self.slots[slot / 64] |= 1 << (slot % 64);
    }

    /// Returns whether a page may have this path, which need not be canonical.
    #[inline]
    pub(crate) fn may_have(&self, path: &str) -> bool {
        let beginning = beginning(path);
        let slot = slot(beginning);
        // An escape among the first octets may spell the beginning of a page in another way.
        self.any || self.slots[slot / 64] & (1 << (slot % 64)) != 0 || beginning.contains(&b'%')
    }
}

/// Returns the three octets after the first slash, as far as there are any.
#[inline]
fn beginning(path: &str) -> [u8; 3] {
    match *path.as_bytes() {
        [_, first, second, third, ..] => [first, second, third],
        [_, first, second] => [first, second, 0],
        [_, first] => [first, 0, 0],
        _ => [0; 3],
    }
}

/// Returns one of 256 slots. The octets are spread by a multiplication whose highest octet depends
/// on all of them.
#[inline]
fn slot([first, second, third]: [u8; 3]) -> usize {
    let [_, _, _, slot] = u32::from_le_bytes([first, second, third, 0])
        .wrapping_mul(0x9e37_79b1)
        .to_le_bytes();
    usize::from(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_of_a_page_is_ever_told_to_be_none() {
        let mut path_filter = PathFilter::default();
        for pattern in ["/", "/posts/{slug}", "/about", "/de", "/caf%C3%A9/menu"] {
            path_filter.add(pattern);
        }

        for path in [
            "/",
            "/posts/a",
            "/posts/a/b",
            "/about",
            "/de",
            "/caf%C3%A9/menu",
            "/%63af%c3%a9/menu",
            "/p%6Fsts/a",
        ] {
            assert!(path_filter.may_have(path), "{path}");
        }
        for path in ["/account", "/api/v1", "/static/x.css"] {
            assert!(!path_filter.may_have(path), "{path}");
        }
    }

    #[test]
    fn a_parameter_near_the_beginning_may_be_anything() {
        for pattern in ["/{slug}", "/x/{slug}", "/{*rest}"] {
            let mut path_filter = PathFilter::default();
            path_filter.add(pattern);

            assert!(path_filter.may_have("/x/at/all"), "{pattern}");
            assert!(path_filter.may_have("/x/"), "{pattern}");
        }
    }
}

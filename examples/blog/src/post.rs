//! A post, and the rules for its title, body, tags and slug.

use isr_layer::data::Weight;
use serde::{Deserialize, Serialize};

const MAX_TITLE: usize = 200;
const MAX_BODY: usize = 100_000;
const MAX_TAGS: usize = 10;
const MAX_SLUG: usize = 80;

/// One published post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Post {
    pub(crate) slug: String,
    pub(crate) title: String,
    /// Markdown, as it was written.
    pub(crate) body: String,
    pub(crate) tags: Vec<String>,
    /// The day on which it first appeared, as `2024-03-09`.
    pub(crate) published: String,
}

/// Tells the memory that a post takes as a value. Without it each would count 4 KiB.
impl Weight for Post {
    fn heap(&self) -> usize {
        let texts = [&self.slug, &self.title, &self.body, &self.published];
        texts.map(Weight::heap).iter().sum::<usize>() + self.tags.heap()
    }
}

/// A post as a writer sends it, checked by [`Draft::checked`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    pub(crate) title: String,
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

impl Draft {
    /// Returns the draft with its edges trimmed and its tags sorted, or a sentence that says what
    /// is wrong with it.
    pub(crate) fn checked(self) -> Result<Self, String> {
        let title = self.title.trim().to_owned();
        if title.is_empty() {
            return Err("title must not be empty".into());
        }
        if title.chars().count() > MAX_TITLE || title.contains(char::is_control) {
            return Err(format!(
                "title must be one line of at most {MAX_TITLE} characters"
            ));
        }
        let body = self.body.trim().replace("\r\n", "\n");
        if body.is_empty() {
            return Err("body must not be empty".into());
        }
        if body.len() > MAX_BODY || body.contains('\0') {
            return Err(format!("body must be text of at most {MAX_BODY} bytes"));
        }
        Ok(Self {
            title,
            body,
            tags: checked_tags(&self.tags)?,
        })
    }

    /// Returns the tags of a form's single field, as `bread, sourdough`.
    pub(crate) fn tags_from_field(field: &str) -> Vec<String> {
        field
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// Returns whether `slug` can be the last segment of a path without any escaping.
pub(crate) fn is_slug(slug: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte != b'-');
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    slug.len() <= MAX_SLUG
        && slug.bytes().all(plain)
        && edge(slug.bytes().next())
        && edge(slug.bytes().next_back())
}

/// Makes a slug from a title: `Rye, and Why` becomes `rye-and-why`. `None` if no letter or digit is
/// left.
pub(crate) fn slug_of(title: &str) -> Option<String> {
    let lower = title.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(MAX_SLUG); // ASCII only, so every byte is a boundary
    let slug = slug.trim_end_matches('-');
    is_slug(slug).then(|| slug.to_owned())
}

fn checked_tags(tags: &[String]) -> Result<Vec<String>, String> {
    let mut tags: Vec<_> = tags.iter().map(|tag| tag.trim().to_owned()).collect();
    tags.sort();
    tags.dedup();
    if tags.len() > MAX_TAGS {
        return Err(format!("tags must be at most {MAX_TAGS}"));
    }
    match tags.iter().find(|tag| !is_slug(tag)) {
        Some(tag) => Err(format!(
            "tag {tag:?} must be lower-case letters, digits and single hyphens inside"
        )),
        None => Ok(tags),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(title: &str, body: &str, tags: &[&str]) -> Draft {
        Draft {
            title: title.into(),
            body: body.into(),
            tags: tags.iter().map(|&tag| tag.into()).collect(),
        }
    }

    #[test]
    fn a_draft_is_trimmed_and_its_tags_are_sorted_without_duplicates() {
        let checked = draft("  Rye \n", "a\r\nb\n", &["rye", " bread ", "rye"])
            .checked()
            .unwrap();

        assert_eq!(checked, draft("Rye", "a\nb", &["bread", "rye"]));
    }

    #[test]
    fn what_is_wrong_with_a_draft_is_said_by_the_name_of_the_field() {
        let long = "x".repeat(MAX_BODY + 1);
        let many: Vec<_> = (0..=MAX_TAGS).map(|n| format!("t{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let cases = [
            ("title", draft(" ", "b", &[])),
            ("title", draft("two\nlines", "b", &[])),
            ("title", draft(&"x".repeat(MAX_TITLE + 1), "b", &[])),
            ("body", draft("t", "\n", &[])),
            ("body", draft("t", &long, &[])),
            ("body", draft("t", "nul\0", &[])),
            ("tag", draft("t", "b", &["Not A Slug"])),
            ("tag", draft("t", "b", &[""])),
            ("tags", draft("t", "b", &many)),
        ];
        for (field, draft) in cases {
            let message = draft.checked().unwrap_err();

            assert!(message.starts_with(field), "{field}: {message}");
        }
    }

    #[test]
    fn a_slug_needs_no_escaping_in_a_path() {
        assert!(is_slug("rye-2") && is_slug("a"));

        for slug in [
            "",
            "-a",
            "a-",
            "A",
            "ä",
            "a/b",
            "a%2Fb",
            "..",
            "a b",
            &"a".repeat(MAX_SLUG + 1),
        ] {
            assert!(!is_slug(slug), "{slug:?}");
        }
    }

    #[test]
    fn a_slug_is_made_of_the_words_of_a_title() {
        assert_eq!(slug_of("Rye, and Why!").as_deref(), Some("rye-and-why"));
        assert_eq!(slug_of("…"), None);
        assert!(slug_of(&"word ".repeat(99)).is_some_and(|slug| is_slug(&slug)));
    }

    #[test]
    fn a_form_gives_its_tags_in_one_field() {
        assert_eq!(Draft::tags_from_field(" bread, ,rye,"), ["bread", "rye"]);
    }
}

//! The posts of a new site: one Markdown file each in `posts/`, with title, day and tags at its
//! beginning.

use anyhow::{Context, Result};

use crate::post::{Draft, Post, is_slug};

/// Includes each file of `posts/` in the program, with its slug.
macro_rules! files {
    ($($slug:literal)*) => { [$(($slug, include_str!(concat!("../posts/", $slug, ".md")))),*] };
}

const FILES: [(&str, &str); 30] = files! {
    "the-loaf-that-waits"
    "reading-a-contour-line"
    "surveyor-who-drew-his-dog"
    "rye-is-not-wheat"
    "a-wheel-in-an-evening"
    "ferry-timetable-1931"
    "oven-with-a-temper"
    "grain-mill-on-the-landing"
    "the-map-with-no-north"
    "forty-kilometres-for-a-cake"
    "the-starter-called-gerald"
    "a-folding-map-properly-folded"
    "bread-for-a-power-cut"
    "riding-behind-the-plough"
    "the-last-signalman"
    "how-to-sharpen-a-bread-knife"
    "map-of-a-garden"
    "second-hand-touring-bike"
    "sea-charts-and-trust"
    "brioche-and-patience"
    "night-ride"
    "railway-atlas-of-a-child"
    "soda-bread-for-the-impatient"
    "panniers-and-what-not-to-take"
    "boundary-stones"
    "salt"
    "the-hill-behind-the-dairy"
    "colour-of-water"
    "rolls-on-sunday"
    "why-we-write-this"
};

/// Returns all posts. An error names the file and says what is wrong with it.
pub(crate) fn posts() -> Result<Vec<Post>> {
    let read =
        |(slug, text): &(&str, &str)| read(slug, text).with_context(|| format!("posts/{slug}.md"));
    FILES.iter().map(read).collect()
}

fn read(slug: &str, text: &str) -> Result<Post> {
    let front = text
        .strip_prefix("---\n")
        .context("it does not begin with ---")?;
    let (front, body) = front
        .split_once("\n---\n")
        .context("its front matter does not end with ---")?;
    let field = |name: &str| {
        let lines = front.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value.trim());
        values
            .next()
            .with_context(|| format!("its front matter has no {name}"))
    };
    let published = field("date")?;
    published
        .parse::<jiff::civil::Date>()
        .context("its date is none")?;
    anyhow::ensure!(is_slug(slug), "its name is no slug");
    let draft = Draft {
        title: field("title")?.into(),
        body: body.into(),
        tags: Draft::tags_from_field(field("tags")?),
    };
    let Draft { title, body, tags } = draft.checked().map_err(anyhow::Error::msg)?;
    Ok(Post {
        slug: slug.into(),
        title,
        body,
        tags,
        published: published.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::views;

    #[test]
    fn every_post_is_whole_and_of_real_length() {
        let posts = posts().unwrap();

        for post in &posts {
            let size = views::post(post).unwrap().len();
            assert!(
                (3_000..8_000).contains(&size),
                "{}: {size} bytes",
                post.slug
            );
            assert!(!post.tags.is_empty(), "{}", post.slug);
            assert!(post.body.matches("\n\n").count() >= 4, "{}", post.slug);
        }
    }

    #[test]
    fn no_two_posts_share_a_slug_or_a_title() {
        let posts = posts().unwrap();

        let slugs: BTreeSet<_> = posts.iter().map(|post| &post.slug).collect();
        let titles: BTreeSet<_> = posts.iter().map(|post| &post.title).collect();

        assert_eq!((slugs.len(), titles.len()), (posts.len(), posts.len()));
    }

    #[test]
    fn every_link_between_posts_leads_somewhere() {
        let posts = posts().unwrap();

        for post in &posts {
            for link in post.body.split("](/posts/").skip(1) {
                let slug = link.split(')').next().unwrap();
                assert!(
                    posts.iter().any(|post| post.slug == slug),
                    "{} links to {slug}",
                    post.slug
                );
            }
        }
    }

    #[test]
    fn a_file_without_its_front_matter_is_refused_by_what_is_missing() {
        for (text, missing) in [
            ("body", "begin"),
            ("---\ntitle: T\n", "end"),
            ("---\ntitle: T\ntags: a\n---\nb", "date"),
            ("---\ndate: 2024-01-01\ntags: a\n---\nb", "title"),
            ("---\ntitle: T\ntags: a\ndate: 2024-13-01\n---\nb", "date"),
        ] {
            let error = format!("{:#}", read("a", text).unwrap_err());

            assert!(error.contains(missing), "{text:?}: {error}");
        }
    }
}

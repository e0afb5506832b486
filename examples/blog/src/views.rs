//! Fills the templates in `templates/`, which escape all text of writers.

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use isr_layer::Receipt;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::markdown;
use crate::post::Post;
use crate::values::TagCount;

/// Everything comes from this site itself and no page has an inline script, so an injected script
/// would not run.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The fields of the form that edits a post.
#[derive(Debug, Default)]
pub(crate) struct Editor {
    /// `None` for a post that does not exist yet.
    pub(crate) slug: Option<String>,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) tags: String,
}

/// The reason why the editor is shown again.
#[derive(Debug)]
pub(crate) enum Notice {
    Refused(String),
    /// The post is saved, but not all pages that show it could be renewed.
    NotRenewed {
        receipt: String,
    },
}

/// A post as shown in a list.
struct Line<'a> {
    post: &'a Post,
    day: String,
    excerpt: String,
}

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    rendered: String,
    lines: Vec<Line<'a>>,
    tags: &'a [TagCount],
}

#[derive(Template)]
#[template(path = "tag.html")]
struct TagPage<'a> {
    rendered: String,
    tag: &'a str,
    lines: Vec<Line<'a>>,
    tags: &'a [TagCount],
}

#[derive(Template)]
#[template(path = "post.html")]
struct PostPage<'a> {
    rendered: String,
    post: &'a Post,
    day: String,
    /// Already escaped, by [`markdown::to_html`].
    html: String,
}

#[derive(Template)]
#[template(path = "about.html")]
struct About {
    rendered: String,
}

#[derive(Template)]
#[template(path = "demo.html")]
struct Demo {
    rendered: String,
    receipt: Option<String>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    rendered: String,
    heading: &'a str,
    message: &'a str,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    rendered: String,
    error: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "admin.html")]
struct Admin<'a> {
    rendered: String,
    posts: &'a [Post],
    editor: Editor,
    notice: Option<Notice>,
}

#[derive(Template)]
#[template(path = "edit.html")]
struct Edit<'a> {
    rendered: String,
    editor: &'a Editor,
    notice: Option<Notice>,
}

pub(crate) fn index(posts: &[Post], tags: &[TagCount]) -> askama::Result<String> {
    Index {
        rendered: now(),
        lines: lines(posts),
        tags,
    }
    .render()
}

pub(crate) fn tag(tag: &str, posts: &[Post], tags: &[TagCount]) -> askama::Result<String> {
    TagPage {
        rendered: now(),
        tag,
        lines: lines(posts),
        tags,
    }
    .render()
}

pub(crate) fn post(post: &Post) -> askama::Result<String> {
    PostPage {
        rendered: now(),
        post,
        day: day(&post.published),
        html: markdown::to_html(&post.body),
    }
    .render()
}

pub(crate) fn about() -> askama::Result<String> {
    About { rendered: now() }.render()
}

pub(crate) fn demo() -> askama::Result<String> {
    Demo {
        rendered: now(),
        receipt: None,
    }
    .render()
}

pub(crate) fn demo_receipt(receipt: &Receipt) -> askama::Result<String> {
    Demo {
        rendered: now(),
        receipt: Some(pretty(receipt)),
    }
    .render()
}

pub(crate) fn error(heading: &str, message: &str) -> askama::Result<String> {
    ErrorPage {
        rendered: now(),
        heading,
        message,
    }
    .render()
}

pub(crate) fn login(error: Option<&str>) -> askama::Result<String> {
    Login {
        rendered: now(),
        error,
    }
    .render()
}

pub(crate) fn admin(posts: &[Post]) -> askama::Result<String> {
    Admin {
        rendered: now(),
        posts,
        editor: Editor::default(),
        notice: None,
    }
    .render()
}

pub(crate) fn edit(editor: &Editor, notice: Option<Notice>) -> askama::Result<String> {
    Edit {
        rendered: now(),
        editor,
        notice,
    }
    .render()
}

/// Returns the day in UTC, as `2024-03-09`.
pub(crate) fn today() -> String {
    Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Adds the security headers to a response, unless the handler set them.
pub(crate) async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    default(headers, header::CONTENT_SECURITY_POLICY, POLICY);
    default(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(headers, header::REFERRER_POLICY, "same-origin");
    response
}

/// Keeps a response out of all caches.
pub(crate) async fn no_store(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Editor {
    pub(crate) fn of(post: Post) -> Self {
        Self {
            slug: Some(post.slug),
            title: post.title,
            body: post.body,
            tags: post.tags.join(", "),
        }
    }
}

impl Notice {
    pub(crate) fn refused(message: &str) -> Self {
        Self::Refused(message.to_owned())
    }

    pub(crate) fn not_renewed(receipt: &Receipt) -> Self {
        Self::NotRenewed {
            receipt: pretty(receipt),
        }
    }
}

fn lines(posts: &[Post]) -> Vec<Line<'_>> {
    let line = |post| Line {
        post,
        day: day(&post.published),
        excerpt: markdown::excerpt(&post.body),
    };
    posts.iter().map(line).collect()
}

/// Returns the present time in UTC, with milliseconds.
fn now() -> String {
    Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S%.3f UTC")
        .to_string()
}

/// Writes `2024-03-09` as `9 March 2024`. A text that is not a date is shown unchanged.
fn day(published: &str) -> String {
    let date = published.parse::<Date>();
    date.map_or_else(
        |_| published.to_owned(),
        |date| date.strftime("%-d %B %Y").to_string(),
    )
}

fn pretty(receipt: &Receipt) -> String {
    serde_json::to_string_pretty(receipt)
        .unwrap_or_else(|error| format!("the receipt cannot be shown: {error}"))
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers
        .entry(name)
        .or_insert(HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Post {
        let script = "<script>alert('&')</script>";
        Post {
            slug: "x".into(),
            title: script.into(),
            body: script.into(),
            tags: vec![script.into()],
            published: "2024-03-09".into(),
        }
    }

    fn hostile_tag() -> TagCount {
        TagCount {
            tag: "<script>alert('&')</script>".into(),
            posts: 1,
        }
    }

    #[test]
    fn nothing_a_writer_typed_becomes_a_tag_anywhere() {
        let pages = [
            index(&[hostile()], &[hostile_tag()]),
            tag("<script>alert(1)</script>", &[hostile()], &[]),
            post(&hostile()),
            admin(&[hostile()]),
            edit(
                &Editor::of(hostile()),
                Some(Notice::refused("<script>alert")),
            ),
            edit(
                &Editor::default(),
                Some(Notice::NotRenewed {
                    receipt: "<script>alert".into(),
                }),
            ),
        ];
        for page in pages {
            let page = page.unwrap();

            assert!(!page.contains("<script>alert"), "{page}");
            assert!(page.contains("script"), "{page}");
        }
    }

    #[test]
    fn every_page_says_when_it_was_rendered() {
        for page in [
            index(&[], &[]),
            post(&hostile()),
            about(),
            demo(),
            error("h", "m"),
            login(None),
            admin(&[]),
        ] {
            assert!(page.unwrap().contains("rendered at"));
        }
    }

    #[test]
    fn the_time_of_rendering_has_milliseconds() {
        let now = now();

        assert_eq!(now.len(), "2024-03-09 12:34:56.789 UTC".len(), "{now}");
    }

    #[test]
    fn a_day_is_written_out() {
        assert_eq!(day("2024-03-09"), "9 March 2024");
        assert_eq!(day("soon"), "soon");
    }
}

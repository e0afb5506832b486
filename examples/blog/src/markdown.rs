//! Converts Markdown to HTML so that no text of a writer can become markup or script.

use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html};

const EXCERPT: usize = 180;

/// Returns the body of a post as HTML. Raw HTML is shown as text; links lead to the web, to mail,
/// or within the site.
pub(crate) fn to_html(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len() * 5 / 4);
    html::push_html(&mut out, Parser::new(markdown).map(harmless));
    out
}

/// Returns the first paragraph as plain text, cut between words.
pub(crate) fn excerpt(markdown: &str) -> String {
    let paragraph = Parser::new(markdown)
        .skip_while(|event| !matches!(event, Event::Start(Tag::Paragraph)))
        .take_while(|event| !matches!(event, Event::End(TagEnd::Paragraph)));
    let mut text = String::new();
    for event in paragraph {
        match event {
            Event::Text(part) | Event::Code(part) | Event::Html(part) | Event::InlineHtml(part) => {
                text.push_str(&part);
            }
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    shorten(text)
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: safe_url(dest_url),
            title,
            id,
        }),
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Image {
            link_type,
            dest_url: safe_url(dest_url),
            title,
            id,
        }),
        other => other,
    }
}

/// Allows only listed beginnings of a URL, since `javascript:` has more spellings than a list could
/// forbid.
fn safe_url(url: CowStr<'_>) -> CowStr<'_> {
    let lower = url.to_ascii_lowercase();
    let allowed = ["https://", "http://", "mailto:", "/", "#"];
    if allowed.iter().any(|start| lower.starts_with(start)) {
        url
    } else {
        "#".into()
    }
}

fn shorten(text: String) -> String {
    let Some((cut, _)) = text.char_indices().nth(EXCERPT) else {
        return text;
    };
    let kept = text[..cut]
        .rsplit_once(' ')
        .map_or(&text[..cut], |(words, _)| words);
    format!("{}…", kept.trim_end_matches([',', ';', ':', '.', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html() {
        let html = to_html("## Rye\n\nIt is *dark* & good. See [more](/posts/rye).");

        assert!(html.contains("<h2>Rye</h2>"));
        assert!(html.contains("<em>dark</em> &amp; good"));
        assert!(html.contains(r#"<a href="/posts/rye">more</a>"#));
    }

    #[test]
    fn raw_html_is_shown_as_text() {
        for attack in [
            "<script>alert(1)</script>",
            "text <img src=x onerror=alert(1)> text",
            "<div>\n<script>alert(1)</script>\n</div>",
            "<!-- --><svg/onload=alert(1)>",
            "<![CDATA[<script>alert(1)</script>]]>",
            "`<script>alert(1)</script>`",
            "```<script>\n</code></pre><script>alert(1)</script>\n```",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
        ] {
            let html = to_html(attack).to_ascii_lowercase();

            for forbidden in ["<script", "<img", "<svg", "<div", "<!"] {
                assert!(!html.contains(forbidden), "{attack}: {html}");
            }
        }
    }

    #[test]
    fn a_link_runs_no_script() {
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java&#10;script:alert(1)",
            "&#x6A;avascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "<javascript:alert(1)>",
        ] {
            for markdown in [
                format!("[x]({url})"),
                format!("![x]({url})"),
                format!("[x][1]\n\n[1]: {url}"),
            ] {
                let html = to_html(&markdown).to_ascii_lowercase();

                assert!(
                    !html.contains(r#"href="j"#) && !html.contains(r#"src="j"#),
                    "{markdown}: {html}"
                );
                assert!(
                    !html.contains("=\"data:") && !html.contains("=\"vbscript:"),
                    "{markdown}: {html}"
                );
            }
        }
    }

    #[test]
    fn an_attribute_cannot_be_broken_out_of() {
        let html = to_html(r#"[x](/a"onmouseover="alert(1) "t\"onclick=\"alert(1)")"#);

        assert!(
            !html.contains(r#""onmouseover"#) && !html.contains(r#""onclick"#),
            "{html}"
        );
    }

    #[test]
    fn an_excerpt_is_the_first_paragraph_cut_between_words() {
        let long = format!("## Title\n\n**First** {}.\n\nSecond.", "word ".repeat(99));

        let excerpt = excerpt(&long);

        assert!(
            excerpt.starts_with("First word") && excerpt.ends_with("word…"),
            "{excerpt}"
        );
        assert!(excerpt.chars().count() <= EXCERPT + 1);
    }

    #[test]
    fn a_short_paragraph_is_its_own_excerpt() {
        assert_eq!(excerpt("One `two`\nthree.\n\nfour"), "One two three.");
    }
}

//! Tests the blog like a visitor: the real program on a free port, over TCP.

mod blog;
#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod chromium;

use std::process::Stdio;

use blog::{Answer, Blog, SECRET};
use serde_json::{Value, json};

const POST: &str = "/posts/salt";

/// The pages that show the post, and the API's responses with it.
const PAGES: [&str; 3] = ["/", POST, "/tags/bread"];
const API: [&str; 2] = ["/api/posts", "/api/posts/salt"];

const FORM: &str = "content-type: application/x-www-form-urlencoded";

#[test]
fn a_page_is_rendered_for_the_first_reader_and_remembered_for_the_second() {
    let blog = Blog::start();

    let first = blog.get(POST);
    let second = blog.get(POST);

    assert_eq!(
        first.header("cache-status"),
        Some("isr; fwd=uri-miss; stored")
    );
    assert!(
        second
            .header("cache-status")
            .is_some_and(|status| status.starts_with("isr; hit")),
        "{second:?}"
    );
    assert_eq!(first.body, second.body);
}

#[test]
fn a_site_that_is_prerendered_has_every_page_for_its_first_reader() {
    let blog = Blog::start_with(&[("BLOG_PRERENDER", "1")], Stdio::piped());

    for path in ["/", POST, "/about", "/demo", "/tags/bread"] {
        let first = blog.get(path);
        let status = first.header("cache-status").unwrap_or_default();
        assert!(status.starts_with("isr; hit"), "{path}: {first:?}");
    }

    // No terminal is there for a bar.
    let errors = blog.errors();
    let lines = errors.lines().filter(|line| line.contains("prerendered"));
    let lines = lines.collect::<Vec<_>>();
    assert_eq!(lines.len(), 1, "{errors}");
    assert!(lines[0].ends_with("; 0 were kept, 0 failed"), "{errors}");
    assert!(!errors.contains(['\r', '\x1b']), "{errors}");
}

#[test]
fn a_put_leaves_the_page_as_it_is_and_a_revalidation_renews_it() {
    let blog = Blog::start();
    let old = blog.get(POST).body;
    assert_eq!(
        blog.put(POST, r#"{"title":"Changed","body":"New.","tags":["news"]}"#)
            .status,
        200
    );
    assert_eq!(blog.get(POST).body, old);

    let receipt = blog.revalidate(r#"{"path":"/posts/salt","tag":"post:salt"}"#);

    assert!(
        receipt.body.contains(r#""status":"regenerated""#),
        "{receipt:?}"
    );
    assert!(blog.get(POST).body.contains("<h1>Changed</h1>"));
}

#[test]
fn the_api_shows_the_posts_of_the_pages() {
    let blog = Blog::start();

    let (posts, post) = (blog.get("/api/posts"), blog.get("/api/posts/salt"));

    assert_eq!((posts.status, post.status), (200, 200));
    let posts: Value = serde_json::from_str(&posts.body).unwrap();
    let post: Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!(posts["posts"].as_array().map(Vec::len), Some(30));
    assert_eq!(posts["posts"][0]["slug"], "the-loaf-that-waits");
    assert_eq!(posts["tags"][0], json!({ "tag": "bread", "posts": 11 }));
    assert_eq!(post["title"], "A short note about salt");
    assert!(post["body"].as_str().is_some_and(|body| body.len() > 1_000));
}

#[test]
fn the_api_says_that_there_is_no_such_post() {
    let blog = Blog::start();

    let missing = blog.get("/api/posts/nowhere");

    assert_eq!(missing.status, 404);
    assert_eq!(
        missing.body,
        r#"{"message":"there is no post of this name"}"#
    );
    assert_eq!(missing.header("cache-control"), Some("no-store"));
}

#[test]
fn one_purge_of_a_post_s_tag_renews_pages_and_api_at_once() {
    let blog = Blog::start();
    let old = || {
        let bodies = PAGES.iter().chain(&API).map(|path| blog.get(path).body);
        bodies.filter(|body| !body.contains("Pepper")).count()
    };
    assert_eq!(old(), 5);
    blog.put(POST, r#"{"title":"Pepper","body":"x","tags":["bread"]}"#);
    assert_eq!(old(), 5);

    let receipt = blog.revalidate(r#"{"tag":"post:salt","mode":"expire"}"#);

    assert_eq!(receipt.status, 200, "{receipt:?}");
    assert_eq!(old(), 0);
}

#[test]
fn without_its_database_the_blog_shows_all_that_it_has() {
    let blog = Blog::start();
    let titles = || {
        let bodies = PAGES.iter().chain(&API).map(|path| blog.get(path));
        bodies.filter(|it| it.status == 200 && it.body.contains("note about salt"))
    };
    assert_eq!(titles().count(), 5);

    blog.take_database_away();
    assert_eq!(blog.get("/api/posts/night-ride").status, 500);
    blog.revalidate(r#"{"tag":"posts"}"#);

    // The first response of each starts a refresh, which fails.
    for _ in 0..2 {
        let marks = titles().map(|it| it.header("cache-status").map(str::to_owned));
        let marks = marks.flatten().collect::<Vec<_>>();
        assert_eq!(marks.len(), PAGES.len(), "{marks:?}");
        for mark in marks {
            assert!(mark.contains("; detail="), "{mark}");
        }
        assert_eq!(titles().count(), 5);
    }
}

#[test]
fn publishing_renews_the_post_and_the_list() {
    let blog = Blog::start();
    blog.get(POST);
    blog.get("/");
    let cookie = blog.log_in();

    let published = blog.form(
        "/admin/posts/salt",
        &cookie,
        "title=Pepper&body=A+*short*+note.&tags=spice",
    );

    // After a redirect, a reload or a step back does not publish once more.
    assert_eq!(published.status, 303, "{published:?}");
    assert_eq!(published.header("location"), Some(POST));
    assert_eq!(published.header("cache-control"), Some("no-store"));
    assert!(blog.get(POST).body.contains("A <em>short</em> note."));
    assert!(blog.get("/").body.contains(">Pepper</a>"));
}

#[test]
fn a_new_post_is_seen_at_an_address_that_was_not_found_before() {
    let blog = Blog::start();
    assert_eq!(blog.get("/posts/hello-there").status, 404);
    let cookie = blog.log_in();

    let published = blog.form("/admin/posts", &cookie, "title=Hello+there&body=Hi.&tags=");

    assert_eq!(published.status, 303, "{published:?}");
    assert_eq!(published.header("location"), Some("/posts/hello-there"));
    assert_eq!(blog.get("/posts/hello-there").status, 200);
}

#[test]
fn the_demo_page_keeps_its_time_until_its_button_is_pressed() {
    let blog = Blog::start();
    let before = blog.get("/demo").body;
    assert_eq!(blog.get("/demo").body, before);

    // The page shows milliseconds, and a press of the button may take less than one.
    let is_renewed = (0..100).any(|_| {
        let pressed = blog.send(
            "POST",
            "/demo/revalidate",
            &["accept: application/json"],
            "",
        );
        assert!(
            pressed.body.contains(r#""revalidated":true"#),
            "{pressed:?}"
        );
        blog.get("/demo").body != before
    });

    assert!(is_renewed, "a hundred presses, and the same page");
}

#[test]
fn a_put_says_what_is_wrong_with_it() {
    let blog = Blog::start();
    let cases = [
        (400, POST, r#"{"title":"x""#, "EOF"),
        (422, POST, r#"{"title":"x"}"#, "missing field `body`"),
        (
            422,
            POST,
            r#"{"title":"","body":"x"}"#,
            "title must not be empty",
        ),
        (
            422,
            POST,
            r#"{"title":"x","body":"x","tags":["A B"]}"#,
            "tag",
        ),
        (
            422,
            "/posts/No%20Slug",
            r#"{"title":"x","body":"x"}"#,
            "slug must be",
        ),
    ];
    for (status, path, body, message) in cases {
        let answer = blog.put(path, body);

        assert_eq!(answer.status, status, "{answer:?}");
        assert!(
            answer.body.starts_with(r#"{"message":"#) && answer.body.contains(message),
            "{answer:?}"
        );
    }
}

#[test]
fn a_put_creates_what_was_not_there() {
    let blog = Blog::start();

    assert_eq!(
        blog.put("/posts/new", r#"{"title":"x","body":"x"}"#).status,
        201
    );
    assert_eq!(
        blog.put("/posts/new", r#"{"title":"x","body":"x"}"#).status,
        200
    );
}

#[test]
fn a_stranger_changes_nothing() {
    let blog = Blog::start();
    let json = "content-type: application/json";
    let wrong = "authorization: Bearer not-the-secret-at-all-not-at-all";
    let draft = r#"{"title":"x","body":"x"}"#;
    for (status, method, path, headers, body) in [
        (401, "PUT", "/api/posts/salt", &[json][..], draft),
        (401, "PUT", "/api/posts/salt", &[json, wrong], draft),
        (
            401,
            "POST",
            "/api/revalidate",
            &[json, wrong],
            r#"{"path":"/"}"#,
        ),
        (403, "POST", "/admin/posts/salt", &[FORM], "title=x&body=x"),
        (
            403,
            "POST",
            "/admin/posts",
            &[FORM, "cookie: blog_session=00"],
            "title=x&body=x",
        ),
        (
            403,
            "POST",
            "/admin/login",
            &[FORM],
            "secret=not-the-secret-at-all",
        ),
        (
            403,
            "POST",
            "/demo/revalidate",
            &["sec-fetch-site: cross-site"],
            "",
        ),
        (
            403,
            "POST",
            "/demo/revalidate",
            &["origin: http://elsewhere.example"],
            "",
        ),
    ] {
        let answer = blog.send(method, path, headers, body);

        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
    assert!(blog.get(POST).body.contains("A short note about salt"));
}

#[test]
fn a_form_that_is_refused_is_shown_again_with_the_text_in_it() {
    let blog = Blog::start();
    let cookie = blog.log_in();
    for (path, fields) in [
        ("/admin/posts", "title=Salt&body=A+long+text.&tags="),
        ("/admin/posts/salt", "title=&body=A+long+text.&tags="),
    ] {
        let refused = blog.form(path, &cookie, fields);

        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body.contains("Not published:"), "{refused:?}");
        assert!(refused.body.contains("A long text."), "{refused:?}");
    }
}

/// Sends a guess that is wrong. Returns the response.
type Guess = fn(&Blog) -> Answer;

/// Each kind of guess, and the status of the first ten.
const GUESSES: [(Guess, u16); 3] = [
    (
        |blog| blog.send("POST", "/admin/login", &[FORM], "secret=a-guess"),
        403,
    ),
    (
        |blog| {
            blog.send(
                "PUT",
                "/api/posts/salt",
                &["authorization: Bearer a-guess"],
                "",
            )
        },
        401,
    ),
    (|blog| blog.send("PUT", "/api/posts/salt", &[], ""), 401),
];

#[test]
fn the_eleventh_wrong_guess_within_a_minute_is_told_to_wait() {
    for (number, (guess, status)) in GUESSES.into_iter().enumerate() {
        let blog = Blog::start();
        for _ in 0..10 {
            assert_eq!(guess(&blog).status, status, "guess {number}");
        }

        let eleventh = guess(&blog);

        assert_eq!(eleventh.status, 429, "{eleventh:?}");
        let seconds = eleventh
            .header("retry-after")
            .and_then(|it| it.parse().ok());
        assert!(
            seconds.is_some_and(|it: u64| (1..=60).contains(&it)),
            "{eleventh:?}"
        );
        assert!(eleventh.body.contains("oo many wrong"), "{eleventh:?}");
    }
}

#[test]
fn guesses_in_the_form_and_by_put_are_counted_together() {
    let blog = Blog::start();
    for number in 0..10 {
        let (guess, status) = GUESSES[number % GUESSES.len()];
        assert_eq!(guess(&blog).status, status);
    }
    for (guess, _) in GUESSES {
        assert_eq!(guess(&blog).status, 429);
    }
}

#[test]
fn the_right_secret_is_accepted_however_many_guesses_were_wrong() {
    let blog = Blog::start();
    for _ in 0..12 {
        for (guess, _) in GUESSES {
            guess(&blog);
        }
    }

    let cookie = blog.log_in();
    let written = blog.put(POST, r#"{"title":"x","body":"x"}"#);
    let published = blog.form("/admin/posts/salt", &cookie, "title=x&body=x");

    assert_eq!(written.status, 200, "{written:?}");
    assert_eq!(published.status, 303, "{published:?}");
}

#[test]
fn another_sites_form_is_refused_even_with_the_cookie() {
    let blog = Blog::start();
    let cookie = blog.log_in();
    for foreign in [
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
        "origin: null",
    ] {
        let answer = blog.send(
            "POST",
            "/admin/posts/salt",
            &[FORM, &cookie, foreign],
            "title=x&body=x",
        );

        assert_eq!(answer.status, 403, "{foreign}: {answer:?}");
    }
}

#[test]
fn the_desk_is_kept_by_no_cache() {
    let blog = Blog::start();
    let cookie = blog.log_in();
    for path in ["/admin", "/admin/posts/salt"] {
        let answer = blog.send("GET", path, &[&cookie], "");

        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(answer.body.contains(r#"id="editor""#), "{answer:?}");
    }
}

#[test]
fn a_page_that_is_not_there_is_a_page_all_the_same() {
    let blog = Blog::start();
    for path in ["/posts/nowhere", "/tags/nothing", "/nowhere"] {
        let answer = blog.get(path);

        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains("Back to the posts"), "{path}");
    }
}

#[test]
fn a_port_that_is_taken_is_said_in_words() {
    let blog = Blog::start();

    let (code, errors) =
        Blog::fails_with(&[("BLOG_ADDR", &blog.addr()), ("REVALIDATE_SECRET", SECRET)]);

    assert_eq!(code, Some(1));
    assert!(
        errors.contains(&format!("cannot listen on {}", blog.addr())),
        "{errors}"
    );
    assert!(
        errors.contains("BLOG_ADDR") && !errors.contains("panicked"),
        "{errors}"
    );
}

#[test]
fn a_short_secret_is_refused_and_not_repeated() {
    let (code, errors) = Blog::fails_with(&[
        ("BLOG_ADDR", "127.0.0.1:0"),
        ("REVALIDATE_SECRET", "tiny-one"),
    ]);

    assert_eq!(code, Some(1));
    assert!(
        errors.contains("REVALIDATE_SECRET") && !errors.contains("tiny-one"),
        "{errors}"
    );
}

#[cfg(unix)]
#[test]
fn pages_and_purges_survive_a_restart_and_belong_to_one_build() {
    let build = |id: &'static str| [("ISR_BUILD_ID", id)];
    let mut blog = Blog::start_with(&build("one"), Stdio::inherit());
    let about = blog.get("/about").body;
    blog.put(POST, r#"{"title":"Old","body":"x","tags":[]}"#);
    blog.get(POST);
    blog.put(POST, r#"{"title":"New","body":"x","tags":[]}"#);
    blog.revalidate(r#"{"path":"/posts/salt","tag":"post:salt"}"#);

    blog.restart("TERM", &build("one"));

    assert!(
        blog.printed()
            .iter()
            .any(|line| line.starts_with("2 pages of build one were found")),
        "{:?}",
        blog.printed()
    );
    let kept = blog.get("/about");
    assert_eq!(
        kept.header("cache-status"),
        Some("isr; hit; isr-from=store")
    );
    assert_eq!(kept.body, about, "with the time of its render");
    assert!(blog.get(POST).body.contains("<h1>New</h1>"));

    // Another build renders anew. Its purge reaches the first one's page.
    blog.restart("TERM", &build("two"));
    let status = blog.get("/about").header("cache-status").map(str::to_owned);
    assert_eq!(status.as_deref(), Some("isr; fwd=uri-miss; stored"));
    blog.revalidate(r#"{"path":"/about"}"#);

    blog.restart("TERM", &build("one"));
    let rolled_back = blog.get("/about");
    let status = rolled_back.header("cache-status").unwrap_or_default();
    assert!(!status.starts_with("isr; hit; isr-from"), "{status}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_program_in_peace() {
    for signal in ["INT", "TERM"] {
        assert_eq!(Blog::start().stop(signal), Some(0), "SIG{signal}");
    }
}

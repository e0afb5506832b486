use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::invalidation::Mode;
use crate::page::normalize_page;

fn read(body: Value) -> Result<Purge, Refusal> {
    from_json(body.to_string().as_bytes(), |_| false)
}

fn read_query(query: &str) -> Result<Purge, Refusal> {
    from_query(query, |name| name == "secret")
}

/// Returns the message for a malformed request.
fn malformed<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> String {
    match outcome {
        Err(Refusal::Malformed(detail)) => detail,
        other => panic!("should be 400: {other:?}"),
    }
}

fn too_large<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> String {
    match outcome {
        Err(Refusal::TooLarge(detail)) => detail,
        other => panic!("should be 413: {other:?}"),
    }
}

#[test]
fn each_kind_of_selector_is_read() {
    let purge = read(json!({
        "path": "/", "paths": ["/posts/a", "/posts/ä b"],
        "page": "/posts/{slug}", "pages": ["/tags/{tag}"],
        "prefix": "/docs/", "prefixes": ["/en"],
        "tag": "posts", "tags": ["a;b*[c", "ü"], "all": true
    }));

    let expected = [
        Purge::path("/"),
        Purge::path("/posts/a"),
        Purge::path("/posts/ä b"),
        Purge::page("/posts/{slug}"),
        Purge::page("/tags/{tag}"),
        Purge::prefix("/docs/"),
        Purge::prefix("/en"),
        Purge::tag("posts"),
        Purge::tag("a;b*[c"),
        Purge::tag("ü"),
        Purge::all(),
    ];
    assert_eq!(purge, Ok(Purge::batch(expected)));
}

#[test]
fn values_are_named_by_their_name_and_their_arguments_in_any_spelling() {
    const POST: crate::data::Data = crate::data::Data::new("post");
    #[derive(serde::Serialize)]
    struct Query {
        page: u8,
        author: &'static str,
    }
    let query = Query {
        page: 1,
        author: "a",
    };

    assert_eq!(
        read(json!({"data": "post"})),
        Ok(Purge::batch([Purge::data(POST)]))
    );
    assert_eq!(
        read(json!({"data": "post", "args": ["a", 1]})),
        Ok(Purge::batch([Purge::value(POST, ("a", 1))]))
    );
    let text = br#"{"data": "post", "args": [{"page": 1, "author": "a"}]}"#;
    assert_eq!(
        from_json(text, |_| false),
        Ok(Purge::batch([Purge::value(POST, (query,))]))
    );
    assert_eq!(
        read_query("data=post&args=%5B%22a%22%5D"),
        Ok(Purge::batch([Purge::value(POST, "a")]))
    );
}

#[test]
fn wrong_arguments_never_widen_a_purge_to_all_values() {
    let long = "a".repeat(17 * 1024);
    for body in [
        json!({"args": ["a"]}),
        json!({"data": "post", "args": "a"}),
        json!({"data": "post", "args": {"slug": "a"}}),
        json!({"data": "post", "args": null}),
        json!({"data": "post", "args": [long]}),
        json!({"data": "", "args": ["a"]}),
        json!({"data": "a\u{0}b"}),
        json!({"data": ["post"]}),
    ] {
        malformed(read(body));
    }
    for query in [
        "args=%5B%5D",
        "data=post&args=a",
        "data=post&args=",
        "data=",
    ] {
        malformed(read_query(query));
    }
}

#[test]
fn an_instance_is_a_page_with_every_parameter() {
    let purge = read(json!({"page": "/{year}/{slug}", "params": {"slug": "a/b", "year": 2026}}));

    let expected = Purge::instance("/{year}/{slug}", [("slug", "a/b"), ("year", "2026")]);
    assert_eq!(purge, Ok(Purge::batch([expected])));
}

#[test]
fn params_must_name_every_parameter_and_no_other() {
    let page = "/{year}/{slug}";

    assert!(
        malformed(read(json!({"page": page, "params": {"slug": "a"}}))).contains("lacks `year`")
    );
    assert!(malformed(read(json!({"page": page, "params": {}}))).contains("lacks `year`"));
    let more = json!({"page": page, "params": {"slug": "a", "year": "1", "id": "x"}});
    assert!(malformed(read(more)).contains("`id`"));
    assert!(malformed(read(json!({"path": "/a", "params": {"slug": "a"}}))).contains("`page`"));
    let nested = json!({"page": "/{slug}", "params": {"slug": ["a"]}});
    assert!(malformed(read(nested)).contains("`slug`"));
}

#[test]
fn the_options_are_read() {
    let purge = read(json!({
        "path": "/a", "mode": "stale", "only_cached": true, "dry_run": true, "wait": "all",
        "settle": 1.5
    }));

    let settle = std::time::Duration::from_millis(1_500);
    let expected = Purge::batch([Purge::path("/a")])
        .only_cached(true)
        .dry_run(true)
        .mode(Mode::Stale)
        .settle(settle);
    assert_eq!(purge, Ok(expected));
}

#[test]
fn an_option_that_is_not_known_says_what_is_accepted() {
    let mode = json!({"path": "/a", "mode": "soft"});

    assert!(malformed(read(mode)).contains("regenerate, stale, expire"));
    assert!(malformed(read(json!({"path": "/a", "wait": "some"}))).contains("all"));
    for settle in [json!(-1), json!(3601), json!(1e300), json!("1")] {
        malformed(read(json!({"path": "/a", "settle": settle})));
    }
}

/// Returns the names in the first column of the guide's table.
fn documented() -> Vec<&'static str> {
    let guide = include_str!("../../guide/cms.md");
    let (_, section) = guide.split_once("## Members of a body").unwrap();
    let (section, _) = section.split_once("\n# ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| row.split(" | ").next().unwrap().split(", "))
        .map(|name| name.trim_matches('`'))
        .collect()
}

#[test]
fn the_table_of_the_guide_is_whole() {
    assert_eq!(documented(), MEMBERS);
}

#[test]
fn each_member_of_the_table_sets_something() {
    let untouched = format!("{:?}", Command::default());

    for (name, value) in [
        ("path", json!("/a")),
        ("paths", json!(["/a"])),
        ("page", json!("/a")),
        ("pages", json!(["/a"])),
        ("params", json!({})),
        ("prefix", json!("/a")),
        ("prefixes", json!(["/a"])),
        ("tag", json!("a")),
        ("tags", json!(["a"])),
        ("data", json!("a")),
        ("args", json!(["a"])),
        ("all", json!(true)),
        ("host", json!("a")),
        ("mode", json!("stale")),
        ("only_cached", json!(true)),
        ("dry_run", json!(true)),
        ("settle", json!(1)),
        ("wait", json!("all")),
    ] {
        let mut command = Command::default();
        command.set(name, value).unwrap();
        assert_ne!(format!("{command:?}"), untouched, "{name}");
        assert!(MEMBERS.contains(&name));
    }
}

#[test]
fn an_unknown_field_is_named_with_what_is_accepted() {
    let detail = malformed(read(json!({"pth": "/a", "tag": "t"})));

    assert!(
        detail.contains("`pth`") && detail.contains("path, paths, page"),
        "{detail}"
    );
}

#[test]
fn a_member_that_carries_the_credential_is_passed_over() {
    let body = br#"{"secret": "x", "path": "/a"}"#;

    assert!(from_json(body, |name| name == "secret").is_ok());
    assert!(from_json(body, |_| false).is_err());
}

#[test]
fn what_names_nothing_is_refused_and_never_means_everything() {
    for body in [
        json!({}),
        json!({"paths": []}),
        json!({"all": false}),
        json!({"mode": "expire"}),
    ] {
        assert!(malformed(read(body)).contains("no selector"));
    }
}

#[test]
fn the_wrong_shape_is_refused() {
    let bodies = [
        "",
        "null",
        "[]",
        "5",
        "\"/a\"",
        "{",
        r#"{"path": null}"#,
        r#"{"path": 5}"#,
        r#"{"paths": "/a"}"#,
    ];
    let more = [
        r#"{"tags": [1]}"#,
        r#"{"all": "yes"}"#,
        r#"{"path": "/a", "path": "/b"}"#,
        "{\"tag\": \"\u{fffd}",
    ];

    for body in bodies.into_iter().chain(more) {
        malformed(from_json(body.as_bytes(), |_| false));
    }
    malformed(from_json(b"{\"tag\": \"\xff\"}", |_| false));
}

#[test]
fn a_url_in_place_of_a_path_is_told_so() {
    for url in [
        "https://example.com/a",
        "http://example.com",
        "//example.com/a",
    ] {
        assert!(
            malformed(read(json!({"path": url}))).contains("URL"),
            "{url}"
        );
        assert!(
            malformed(read(json!({"prefix": url}))).contains("URL"),
            "{url}"
        );
    }
    assert!(malformed(read(json!({"path": "posts/a"}))).contains("must start with `/`"));
    assert!(malformed(read(json!({"path": "/a?b=c"}))).contains("%3F"));
    assert!(malformed(read(json!({"path": "/a#b"}))).contains("%23"));
}

#[test]
fn a_pattern_given_as_a_path_gets_a_hint() {
    for path in [
        "/posts/{slug}",
        "/posts/[slug]",
        "/posts/:slug",
        "/docs/[...rest]",
        "/docs/{*rest}",
    ] {
        assert!(
            malformed(read(json!({"path": path}))).contains("page"),
            "{path}"
        );
    }
    for path in [
        "/posts/a:b",
        "/posts/12:30",
        "/posts/%5Bslug]",
        "/posts/a{b}",
        "/posts/:-)",
    ] {
        assert!(read(json!({"path": path})).is_ok(), "{path}");
    }
}

#[test]
fn control_characters_are_refused_everywhere() {
    for bad in ["a\rb", "a\nb", "a\0b", "a\u{1b}b", "a\u{7f}b", "a\u{85}b"] {
        malformed(read(json!({"tag": bad})));
        malformed(read(json!({"path": format!("/{bad}")})));
        malformed(read(json!({"page": "/{slug}", "params": {"slug": bad}})));
    }
}

#[test]
fn a_thousand_selectors_of_1024_bytes_are_read_and_one_more_is_not() {
    let longest = "t".repeat(1_024);

    assert_eq!(
        read(json!({"tags": vec![&longest; 1_000]})).map(|purge| purge.len()),
        Ok(1_000)
    );
    let regenerated = json!({"tags": vec!["t"; 1_001], "mode": "regenerate"});
    assert!(too_large(read(regenerated)).contains("1000"));
    assert!(read(json!({"tags": vec!["t"; 10_000]})).is_ok());
    assert!(too_large(read(json!({"tags": vec!["t"; 10_001]}))).contains("10000"));
    assert!(too_large(read(json!({"tag": "t".repeat(1_025)}))).contains("1,024"));
    too_large(read(json!({"path": format!("/{longest}")})));
    too_large(read(
        json!({"page": "/{a}", "params": {"a": "t".repeat(1_025)}}),
    ));
}

#[test]
fn sixteen_patterns_are_read_and_one_more_is_not() {
    assert!(
        read(
            json!({"prefixes": vec!["/a"; 8], "pages": vec!["/{a}"; 8], "paths": vec!["/a"; 100]})
        )
        .is_ok()
    );
    too_large(read(
        json!({"prefixes": vec!["/a"; 8], "pages": vec!["/{a}"; 8], "all": true}),
    ));
}

#[test]
fn a_page_may_be_written_as_in_next_js_or_express() {
    let same = [
        ("/posts/[slug]", "/posts/{slug}"),
        ("/posts/:slug", "/posts/{slug}"),
        ("/docs/[...rest]", "/docs/{*rest}"),
        ("/docs/*rest", "/docs/{*rest}"),
        ("/docs/{*rest}", "/docs/{*rest}"),
        ("/café/[slug]/", "/caf%C3%A9/{slug}/"),
        ("/caf%C3%A9/{slug}", "/caf%C3%A9/{slug}"),
        ("/", "/"),
    ];

    for (written, registered) in same {
        assert_eq!(normalize_page(written), registered);
        assert_eq!(
            read(json!({"page": written})),
            Ok(Purge::batch([Purge::page(registered)])),
            "{written}"
        );
    }
}

#[test]
fn what_is_no_page_says_why() {
    for page in [
        "/posts/x{slug}",
        "/a//b",
        "/{*rest}/b",
        "/{a}/{a}",
        "/[[...rest]]",
        "/../a",
    ] {
        assert!(
            malformed(read(json!({"page": page}))).contains("invalid `page`"),
            "{page}"
        );
    }
}

#[test]
fn a_query_names_the_same_things() {
    let purge = read_query(
        "secret=x&path=/a&path=/b%20c&tag=p+q&page=/posts/[slug]&prefix=/d/&all=1&mode=stale",
    );

    let expected = [
        Purge::path("/a"),
        Purge::path("/b c"),
        Purge::page("/posts/{slug}"),
        Purge::prefix("/d/"),
        Purge::tag("p q"),
        Purge::all(),
    ];
    assert_eq!(purge, Ok(Purge::batch(expected).mode(Mode::Stale)));
}

#[test]
fn a_query_is_as_strict_as_a_body() {
    assert!(malformed(read_query("pth=/a")).contains("`pth`"));
    assert!(malformed(read_query("path=/a&mode=stale&mode=expire")).contains("twice"));
    assert!(malformed(read_query("path=/a&all=maybe")).contains("`all`"));
    assert!(malformed(read_query("path=/a&settle=soon")).contains("`settle`"));
    malformed(read_query("path=/a&settle=nan"));
    malformed(read_query(""));
    malformed(read_query("tag=a%0d%0ab"));
}

fn request() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec![
        "path", "paths", "page", "pages", "params", "prefix", "tag", "tags", "all", "mode",
        "settle", "wait", "x",
    ]);
    let value = prop_oneof![
        "\"/?[a-z{}\\[\\]:*./%?#]{0,12}\"",
        "\\[\"/[a-z]{0,3}\"\\]",
        "\\{\"[a-z]{1,3}\": \"[a-z]{0,3}\"\\}",
        "true|false|null|-?[0-9]{1,4}",
    ];
    proptest::collection::vec((name, value), 0..5).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("\"{name}\": {value}"))
            .collect();
        format!("{{{}}}", members.join(", "))
    })
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_within_the_limits(body in request()) {
        if let Ok(purge) = from_json(body.as_bytes(), |_| false) {
            prop_assert!(!purge.is_empty() && purge.len() <= MAX_SELECTORS);
            for selector in purge.accepted() {
                match selector {
                    Selector::Path(path) | Selector::Prefix(path) =>
                        prop_assert!(path.starts_with('/')),
                    Selector::Page { pattern, .. } => {
                        prop_assert_eq!(crate::page::pattern::mistake(pattern), None);
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn a_normalized_page_stays_as_it_is(page in "(/[a-zé{}\\[\\]:*.% ]{0,6}){0,4}") {
        let once = normalize_page(&page);

        prop_assert_eq!(normalize_page(&once), once);
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let _ = from_json(text.as_bytes(), |_| false);
        let _ = read_query(&text);
        let _ = normalize_page(&text);
    }
}

//! Tests that bad input gets the documented status and does nothing.

use isr_tests::settle;
use serde_json::{Value, json as value};
use tokio::io::AsyncWriteExt;

use crate::call::{Call, rest};
use crate::stand::{Stand, assert_problem};

#[tokio::test]
async fn a_body_that_is_no_json_or_of_the_wrong_shape_is_400() {
    let stand = Stand::new().await;
    let bodies: [&[u8]; 21] = [
        br#"{"path": "/about", "path": "/"}"#,
        b"",
        b" ",
        b"path=/about",
        b"{",
        br#"{"path": "/about"} {"path": "/"}"#,
        br#"{"path": "/about",}"#,
        b"\xff\xfe{\"path\": \"/about\"}",
        b"{\"path\": \"/\xff\"}",
        b"null",
        b"[]",
        b"\"/about\"",
        b"{}",
        br#"{"pth": "/about"}"#,
        br#"{"path": null}"#,
        br#"{"path": ["/about"]}"#,
        br#"{"paths": "/about"}"#,
        br#"{"all": "true"}"#,
        br#"{"all": false}"#,
        br#"{"path": "/about", "settle": -1}"#,
        br#"{"path": "/about", "settle": 1e300}"#,
    ];

    for body in bodies {
        stand.assert_refused(&Call::post(body), 400).await;
    }
}

/// Each message is for whoever wrote the body: it says what is accepted, in the words of JSON.
#[tokio::test]
async fn a_wrong_shape_is_told_in_words_for_users() {
    let stand = Stand::new().await;
    let object = "the body must be a JSON object, such as {\"path\": \"/posts/a\"}";

    for (body, told) in [
        ("[]", object),
        (r#"["/about"]"#, object),
        ("null", object),
        ("true", object),
        ("5", object),
        ("1.5", object),
        (r#""/about""#, object),
        (r#"{"path": 5}"#, "`path` must be a string"),
        (r#"{"path": ["/a"]}"#, "several are given as `paths`"),
        (r#"{"page": ["/a"]}"#, "several are given as `pages`"),
        (r#"{"tag": {}}"#, "several are given as `tags`"),
        (r#"{"prefix": true}"#, "several are given as `prefixes`"),
        (r#"{"path": null}"#, "`path` is null: leave it out"),
        (r#"{"paths": null}"#, "`paths` is null: leave it out"),
        (
            r#"{"paths": "/about"}"#,
            "`paths` must be an array of strings",
        ),
        (r#"{"paths": "/about"}"#, "one is given as `path`"),
        (r#"{"paths": ["/about", null]}"#, "an array of strings"),
        (r#"{"tags": [1]}"#, "`tags` must be an array of strings"),
        (r#"{"prefixes": {"a": "/b"}}"#, "an array of strings"),
        (r#"{"params": "a"}"#, "`params` must be an object"),
        (r#"{"params": ["a"]}"#, "`params` must be an object"),
        (r#"{"params": null}"#, "`params` is null: leave it out"),
        (r#"{"all": "true"}"#, "`all` must be true or false"),
        (r#"{"all": null}"#, "`all` is null: leave it out"),
        (
            r#"{"only_cached": 1}"#,
            "`only_cached` must be true or false",
        ),
        (r#"{"dry_run": "yes"}"#, "`dry_run` must be true or false"),
        (r#"{"mode": 1}"#, "`mode` must be a string"),
        (r#"{"mode": "soft"}"#, "regenerate, stale, expire"),
        (r#"{"settle": "1"}"#, "number of seconds from 0 to 3600"),
        (r#"{"settle": -1}"#, "number of seconds from 0 to 3600"),
        (r#"{"wait": true}"#, "`wait` must be a string"),
        (r#"{"host": 1}"#, "`host` must be a string"),
        (r#"{"path": "/a", "path": "/b"}"#, "`path` is given twice"),
        (r#"{"pth": "/a"}"#, "unknown field `pth`"),
    ] {
        let answer = stand.assert_refused(&Call::post(body), 400).await;
        let message = crate::call::json(&answer)["message"].clone();
        let message = message.as_str().unwrap();

        assert!(message.contains(told), "{body}: {message}");
        for ours in [
            "struct",
            "Command",
            "invalid type",
            "expected",
            "sequence",
            " map",
        ] {
            assert!(!message.contains(ours), "{body}: {message}");
        }
    }
}

#[tokio::test]
async fn deep_json_is_400_however_deep() {
    let stand = Stand::new().await;

    for depth in [129, 1_000, 200_000] {
        for (open, close) in [("[", "]"), (r#"{"tags":"#, "}")] {
            let body = [open.repeat(depth), "1".to_owned(), close.repeat(depth)].concat();
            let answer = if body.len() <= 1 << 20 { 400 } else { 413 };
            stand.assert_refused(&Call::post(body), answer).await;
        }
    }
    stand
        .assert_refused(&Call::post("[".repeat(1 << 20)), 400)
        .await;
}

#[tokio::test]
async fn a_url_in_place_of_a_path_is_400() {
    let stand = Stand::new().await;
    let urls = [
        "https://example.com/posts/a",
        "//example.com/posts/a",
        "HTTP://x",
        "posts/a",
        "",
        "?a",
        "#a",
        "*",
    ];

    for url in urls {
        for field in ["path", "page", "prefix"] {
            stand
                .assert_refused(&Call::post(value!({ field: url }).to_string()), 400)
                .await;
        }
    }
}

#[tokio::test]
async fn a_thousand_selectors_or_ten_thousand_tags_are_done_and_one_more_is_413() {
    let stand = Stand::new().await;
    let tags = |count: usize| {
        (0..count)
            .map(|number| Value::from(format!("t{number}")))
            .collect::<Vec<_>>()
    };

    for (most, more) in [
        (
            value!({"tags": tags(1_000), "mode": "regenerate"}),
            value!({"tags": tags(1_001), "mode": "regenerate"}),
        ),
        (
            value!({"tags": tags(999), "path": "/"}),
            value!({"tags": tags(1_000), "path": "/"}),
        ),
        // Only to mark tags is cheap.
        (
            value!({ "tags": tags(10_000) }),
            value!({ "tags": tags(10_001) }),
        ),
        (
            value!({"tags": tags(10_000), "mode": "expire"}),
            value!({"tags": tags(10_001), "mode": "expire"}),
        ),
    ] {
        stand.assert_admitted(&Call::post(most.to_string())).await;
        stand
            .assert_refused(&Call::post(more.to_string()), 413)
            .await;
    }
}

#[tokio::test]
async fn sixteen_patterns_are_done_and_one_more_is_413() {
    let stand = Stand::new().await;
    let prefixes = |count: usize| {
        (0..count)
            .map(|number| Value::from(format!("/{number}/")))
            .collect::<Vec<_>>()
    };

    stand
        .assert_admitted(&Call::post(
            value!({ "prefixes": prefixes(16) }).to_string(),
        ))
        .await;
    for more in [
        value!({"prefix": "/x"}),
        value!({"page": "/posts/{slug}"}),
        value!({"all": true}),
    ] {
        let mut body = value!({ "prefixes": prefixes(16) });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        stand
            .assert_refused(&Call::post(body.to_string()), 413)
            .await;
    }
}

#[tokio::test]
async fn a_selector_of_1024_bytes_is_done_and_one_of_more_alone_is_413() {
    let stand = Stand::new().await;

    for longest in [
        value!({ "tag": "t".repeat(1_024) }),
        value!({ "tag": "ü".repeat(512) }),
        value!({ "path": format!("/posts/{}", "p".repeat(1_017)) }),
        value!({ "prefix": format!("/{}", "あ".repeat(341)) }),
        value!({"page": "/posts/{slug}", "params": {"slug": "s".repeat(1_017)}}),
    ] {
        stand
            .assert_admitted(&Call::post(longest.to_string()))
            .await;
    }
    for long in [
        value!({ "tag": "t".repeat(1_025) }),
        value!({ "tag": "ü".repeat(513) }),
        value!({ "path": format!("/posts/{}", "p".repeat(1_018)) }),
        value!({ "path": format!("/posts/{}", "%E3%81%82".repeat(340)) }),
        value!({ "prefix": format!("/{}", "p".repeat(1_024)) }),
        value!({"page": "/posts/{slug}", "params": {"slug": "s".repeat(1_025)}}),
    ] {
        stand
            .assert_refused(&Call::post(long.to_string()), 413)
            .await;
    }
}

#[tokio::test]
async fn a_long_path_that_is_cached_can_be_purged() {
    let stand = Stand::new().await;
    let escaped = format!("/posts/{}", "%E3%81%82".repeat(85));
    let raw = format!("/posts/{}", "あ".repeat(85));
    stand.page(&escaped).await;
    stand.site.publish(2);

    let answer = stand
        .revalidate(value!({ "paths": [raw] }).to_string())
        .await;

    assert_eq!(answer["receipts"][0]["status"], "regenerated", "{answer}");
    assert_eq!(stand.page(&escaped).await.text(), format!("{escaped} v2"));
}

/// One odd file of a push must not leave all the others stale.
#[tokio::test]
async fn one_bad_selector_of_a_call_never_costs_the_others() {
    let long = "t".repeat(2_000);
    for (bad, told) in [
        (value!({ "tags": ["posts", long] }), "1,024"),
        (value!({ "tags": ["posts", ""] }), "empty"),
        (value!({ "tags": ["posts", "a\nb"] }), "control"),
        (
            value!({ "tag": "posts", "path": format!("/{long}") }),
            "1,024",
        ),
        (
            value!({ "tag": "posts", "path": "https://example.com/a" }),
            "URL",
        ),
        (value!({ "tag": "posts", "path": "/a?b=c" }), "%3F"),
        (value!({ "tag": "posts", "path": "posts/a" }), "start with"),
        (value!({ "tag": "posts", "path": "/posts/[slug]" }), "page"),
        (
            value!({ "tag": "posts", "prefix": format!("/{long}") }),
            "1,024",
        ),
        (value!({ "tag": "posts", "page": "/a//b" }), "empty segment"),
        (
            value!({ "tag": "posts", "page": "/posts/{slug}", "params": {"slug": long} }),
            "1,024",
        ),
        (
            value!({ "tag": "posts", "page": "/posts/{slug}", "params": {"id": "a"} }),
            "slug",
        ),
    ] {
        let stand = Stand::new().await;
        stand.page("/posts/a").await;
        stand.site.publish(2);

        let answer = stand.revalidate(bad.to_string()).await;

        let receipts = answer["receipts"].as_array().unwrap();
        let of = |status: &str| {
            let with = receipts.iter().filter(|one| one["status"] == status);
            with.cloned().collect::<Vec<_>>()
        };
        let (refused, marked) = (of("refused"), of("marked"));
        assert_eq!((refused.len(), marked.len()), (1, 1), "{bad}: {answer}");
        let error = refused[0]["error"].as_str().unwrap();
        assert!(error.contains(told), "{bad}: {error}");
        assert_eq!(
            (&marked[0]["tag"], &marked[0]["matched"]),
            (&"posts".into(), &1.into())
        );
        assert_eq!(answer["revalidated"], false, "{bad}");
        assert!(
            answer.to_string().len() < 3_000,
            "{}",
            answer.to_string().len()
        );
        stand.page("/posts/a").await;
        settle().await;
        assert_eq!(stand.page("/posts/a").await.text(), "/posts/a v2", "{bad}");
    }
}

#[tokio::test]
async fn a_call_of_bad_selectors_alone_is_400_or_413() {
    let stand = Stand::new().await;
    let long = "t".repeat(1_025);

    for (body, status) in [
        (value!({ "tags": ["", "a\nb"] }), 400),
        (value!({ "tags": [long, ""] }), 413),
        (
            value!({ "paths": ["posts/a", "https://example.com/"] }),
            400,
        ),
    ] {
        stand
            .assert_refused(&Call::post(body.to_string()), status)
            .await;
    }
}

#[tokio::test]
async fn a_control_character_is_400() {
    let stand = Stand::new().await;

    for control in ["\r", "\n", "\0", "\t", "\u{7f}", "\u{85}"] {
        let texts = [
            format!("/posts/a{control}b"),
            format!("{control}/posts/a"),
            format!("/posts/a{control}"),
        ];
        for text in texts {
            for field in ["tag", "path", "page", "prefix"] {
                stand
                    .assert_refused(&Call::post(value!({ field: text }).to_string()), 400)
                    .await;
            }
        }
        let param = value!({"page": "/posts/{slug}", "params": {"slug": format!("a{control}")}});
        stand
            .assert_refused(&Call::post(param.to_string()), 400)
            .await;
    }
}

#[tokio::test]
async fn a_body_with_an_encoding_or_another_type_is_415() {
    let stand = Stand::new().await;
    // The first bytes of `{"path": "/about"}` compressed by gzip are enough.
    let zipped = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabV*H,\xc9";

    for encoding in ["gzip", "br", "deflate", "identity, gzip", "x"] {
        let call = Call::post(zipped).header("content-encoding", encoding);
        stand.assert_refused(&call, 415).await;
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
    ] {
        let call = Call::post(r#"{"path": "/about"}"#).header("content-type", kind);
        stand.assert_refused(&call, 415).await;
    }
}

#[tokio::test]
async fn a_mebibyte_is_read_and_one_byte_more_is_413() {
    let stand = Stand::new().await;
    let padded = |length: usize| {
        let mut body = br#"{"path": "/about"}"#.to_vec();
        body.resize(length, b' ');
        body
    };

    stand.assert_admitted(&Call::post(padded(1 << 20))).await;
    stand
        .assert_refused(&Call::post(padded((1 << 20) + 1)), 413)
        .await;
}

#[tokio::test]
async fn a_length_that_would_be_too_much_is_413_before_anything_is_read() {
    let stand = Stand::new().await;
    let mut head = Call::post("").head();
    head.extend(b"content-length: 10000000000\r\n\r\n");

    stand.assert_bytes_refused(&head, 413).await;
}

#[tokio::test]
async fn chunks_that_add_up_to_too_much_are_413() {
    let stand = Stand::new().await;
    let mut bytes = Call::post("").head();
    bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
    for _ in 0..3 {
        bytes.extend(format!("{:x}\r\n{}\r\n", 400_000, " ".repeat(400_000)).bytes());
    }

    stand.assert_bytes_refused(&bytes, 413).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_purges_nothing() {
    let stand = Stand::new().await;
    let mut bytes = Call::post("").head();
    bytes.extend(b"content-length: 100\r\n\r\n{\"path\": \"/about\"}");
    let mut stream = stand.connect().await;
    stream.write_all(&bytes).await.unwrap();
    stream.shutdown().await.unwrap();

    // The server may or may not respond on the half-closed connection.
    let mut answer = Vec::new();
    _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;

    assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 200"));
    assert_eq!(
        (stand.site.renders(), stand.cache.metrics().sequence()),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_within_five_seconds_is_408() {
    let stand = Stand::new().await;
    let mut bytes = Call::post("").head();
    bytes.extend(b"content-length: 100\r\n\r\n{\"path\": ");
    let mut stream = stand.connect().await;
    let started = tokio::time::Instant::now();
    stream.write_all(&bytes).await.unwrap();

    let answer = rest(stream).await;

    assert_problem(&answer, 408);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(started.elapsed().as_secs(), 5);
    assert_eq!(
        (stand.site.renders(), stand.cache.metrics().sequence()),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_408_too() {
    let stand = Stand::new().await;
    let mut bytes = Call::post("").head();
    bytes.extend(b"content-length: 100\r\n\r\n");
    let mut stream = stand.connect().await;
    let started = tokio::time::Instant::now();
    stream.write_all(&bytes).await.unwrap();
    for _ in 0..6 {
        _ = stream.write_all(b" ").await;
        tokio::time::sleep(crate::secs(1)).await;
    }

    assert_problem(&rest(stream).await, 408);
    // A limit that each octet renews would end after ten seconds.
    assert_eq!(started.elapsed().as_secs(), 6);
}

#[tokio::test]
async fn a_refusal_says_no_more_of_what_was_sent_than_it_must() {
    let stand = Stand::new().await;
    let long = "n".repeat(10_000);

    let answer = stand
        .assert_refused(&Call::post(value!({ long.clone(): 1 }).to_string()), 400)
        .await;

    assert!(answer.body.len() < 2_000, "{}", answer.body.len());
    assert!(!answer.text().contains(env!("CARGO_MANIFEST_DIR")) && !answer.text().contains("src/"));
}

#[tokio::test]
async fn a_path_may_be_as_long_escaped_as_it_is_raw() {
    let stand = Stand::new().await;
    let (raw, escaped) = ("日".repeat(80), "%E6%97%A5".repeat(80));

    for slug in [raw, escaped] {
        let path = value!({ "path": format!("/posts/{slug}") });
        stand.assert_admitted(&Call::post(path.to_string())).await;
    }
}

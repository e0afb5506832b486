//! Tests the endpoint with bodies that are changed at random: whatever is sent is answered, and
//! nothing is purged that the body does not name.
//!
//! The bodies depend only on a seed, which is printed. `ISR_SEED` and `ISR_STEPS` repeat a run.

use fastrand::Rng;
use http::Request;
use http_body_util::{BodyExt, Full};
use isr_layer::IsrLayer;
use isr_layer::webhook::{RevalidateService, Webhook};
use serde_json::Value;
use tower::ServiceExt;

use crate::SECRET;
use crate::stand::bearer;

const STEPS: usize = 30_000;

/// Bodies as clients and content systems send them.
const BODIES: [&str; 14] = [
    r#"{"paths": ["/", "/posts/a"], "tags": ["posts", "ü"], "mode": "stale", "settle": 1.5}"#,
    r#"{"page": "/posts/{slug}", "params": {"slug": "a"}, "only_cached": true}"#,
    r#"{"prefix": "/docs/", "prefixes": {"0": "/a", "7": "/b"}, "all": true, "dry_run": false}"#,
    r#"{"path": "/posts/a", "host": "one.example", "wait": "all"}"#,
    r#"{"_id": "a1", "_type": "post", "slug": {"current": "hello"}}"#,
    r#"{"sys": {"id": "5KsD", "contentType": {"sys": {"id": "post"}}}, "fields": {}}"#,
    r#"{"model": "article", "entry": {"id": 7, "documentId": "z7v8", "slug": "hello"}}"#,
    r#"{"post": {"current": {"slug": "a", "tags": [{"slug": "x"}]}, "previous": {"slug": "b"}}}"#,
    r#"{"action": "moved", "text": "The user moved the Story A (b/a)", "story_id": 1}"#,
    r#"{"entity_type": "cda_cache_tags", "entity": {"attributes": {"tags": ["N*r;L", "a"]}}}"#,
    r#"{"post": {"ID": 4, "post_type": "post", "post_name": "%e3%81%82__trashed-2"}}"#,
    r#"{"postId": 4, "paths": {"0": "/", "3": "/b"}, "tags": ["post"]}"#,
    r#"{"type": "api-update", "masterRef": "x", "documents": ["X6Lb"], "tags": {}}"#,
    r#"{"event": "items.update", "collection": "posts", "keys": ["7"], "payload": {"slug": "a"}}"#,
];

/// Texts that a change puts into a body, at any place.
const PIECES: [&str; 24] = [
    r"\ud83d",
    r"\ude00",
    r"\ud83d\ude00",
    r"\u0000",
    r"\n",
    r"\\",
    r#"\""#,
    "\u{feff}",
    "é",
    "😀",
    "%e3%81%82",
    "%zz",
    "/",
    "//x",
    "https://x",
    "{slug}",
    "__trashed",
    "null",
    "[[",
    "]]",
    r#"{"0":"#,
    r#","all":true"#,
    r#""tags":["x"],"#,
    "1e400",
];

/// The words that presets put into tags.
const OWN: [&str; 10] = [
    "post",
    "page",
    "tag",
    "author",
    "story",
    "datasource",
    "item_type",
    "prismic",
    "document",
    "item",
];

/// Returns the mapping for each of [`BODIES`]; the first are commands.
fn mappings() -> [Option<Webhook>; 14] {
    [
        None,
        None,
        None,
        None,
        Some(Webhook::sanity().path_if_present("/p/{/slug/current}")),
        Some(Webhook::contentful()),
        Some(Webhook::strapi()),
        Some(Webhook::ghost()),
        Some(Webhook::storyblok()),
        Some(Webhook::datocms()),
        Some(Webhook::wordpress()),
        Some(Webhook::on_demand_revalidation()),
        Some(Webhook::prismic()),
        Some(Webhook::directus()),
    ]
}

fn endpoint(isr: &IsrLayer, mapping: Option<Webhook>) -> RevalidateService {
    let service = isr.revalidate_service(bearer());
    let service = service
        .max_calls_per_minute(u32::MAX)
        .expect("that is a limit");
    match mapping {
        Some(webhook) => service.webhook(webhook).expect("its templates are right"),
        None => service,
    }
}

/// Changes a body in up to three places.
fn changed(rng: &mut Rng, body: &str) -> Vec<u8> {
    let mut body = body.as_bytes().to_vec();
    for _ in 0..rng.usize(..4) {
        let at = rng.usize(..=body.len());
        match rng.u8(..20) {
            0 => body.truncate(at.max(body.len() / 2)),
            1 if at < body.len() => body[at] = rng.u8(..),
            2 if at < body.len() => _ = body.remove(at),
            3 => {
                let end = (at + rng.usize(..20)).min(body.len());
                let again = body[at..end].to_vec();
                body.splice(at..at, again);
            }
            4 => {
                let levels = rng.usize(..160);
                let deep = [vec![b'['; levels], b"1".to_vec(), vec![b']'; levels]].concat();
                body.splice(at..at, deep);
            }
            5 | 6 => _ = body.splice(at..at, vec![b'x'; rng.usize(..1_100)]),
            _ => _ = body.splice(at..at, PIECES[rng.usize(..PIECES.len())].bytes()),
        }
    }
    body
}

/// Reads a body in another way than the library: every escaped half of a character, also of a whole
/// one, becomes `?`, so that a text is only told apart where it has none.
fn other_reading(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let escape = rest[at..].get(..6).unwrap_or_default();
        let digits = escape.strip_prefix("\\u").unwrap_or_default();
        let is_half =
            u16::from_str_radix(digits, 16).is_ok_and(|unit| (0xd800..0xe000).contains(&unit));
        let taken = rest[at..]
            .chars()
            .take(2)
            .map(char::len_utf8)
            .sum::<usize>();
        plain += &rest[..at];
        plain += if is_half { "?" } else { &rest[at..at + taken] };
        rest = &rest[at + if is_half { 6 } else { taken }..];
    }
    plain += rest;
    serde_json::from_str(&plain).ok()
}

/// Returns the greatest depth of a body that is JSON.
fn levels(body: &[u8]) -> usize {
    let (mut now, mut most, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => now += 1,
            b']' | b'}' if !in_text => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}

/// Decodes each escape of a text, whatever is beside it.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.extend(byte.unwrap_or(b'%').to_be_bytes());
        bytes.extend(&part.as_bytes()[if byte.is_some() { 2 } else { 0 }..]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Collects every string and number of a value, and the names of its members.
fn texts(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => *into += text,
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            *into += name;
            texts(value, into);
        }),
        other => *into += &other.to_string(),
    }
    *into += "\n";
}

fn assert_honest(body: &[u8], status: u16, answer: &Value, is_command: bool) {
    let read = other_reading(body);
    let message = answer["message"].as_str().unwrap_or_default();
    for ours in ["struct", "invalid type", "expected a", "src/"] {
        assert!(!message.contains(ours), "{message}");
    }
    assert!([200, 400, 413, 422].contains(&status), "{status}: {answer}");
    // serde_json itself stops at 127 levels, and the library at 128.
    assert!(
        status != 200 || read.is_some() || levels(body) == 128,
        "it is no JSON"
    );
    let Some(receipts) = answer["receipts"].as_array() else {
        return;
    };

    let Some(read) = read else {
        return;
    };
    let mut named = String::new();
    texts(&read, &mut named);
    if !is_command {
        // Presets name a text of WordPress decoded, too.
        named += &decoded(&named);
    }
    for receipt in receipts.iter().filter(|one| one["status"] != "refused") {
        let all = receipt["all"] == true;
        assert!(!all || is_command && named.contains("alltrue"), "{receipt}");
        for part in ["tag", "path", "prefix", "page"] {
            let Some(text) = receipt[part].as_str() else {
                continue;
            };
            assert!(!text.contains('\u{fffd}'), "{receipt}");
            assert!(is_command || part != "prefix", "{receipt}");
            // A preset makes a tag of its own word and a text of the payload.
            let is_own = |word: &&str| !is_command && OWN.contains(word);
            let is_told_apart = !text.contains(|one: char| one > '\u{ffff}');
            if is_told_apart && part == "tag" {
                let split: &[char] = if is_command { &[] } else { &[':', '/'] };
                let mut words = text.split(split).filter(|word| !is_own(word));
                assert!(
                    words.all(|word| named.contains(word)),
                    "{receipt} of {named}"
                );
            }
        }
    }
}

#[tokio::test]
async fn whatever_is_sent_is_answered_and_nothing_is_purged_that_is_not_named() {
    let setting = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let seed = setting("ISR_SEED").unwrap_or_else(|| fastrand::u64(..));
    let steps = setting("ISR_STEPS").map_or(STEPS, |steps| usize::try_from(steps).unwrap());
    println!("ISR_SEED={seed} ISR_STEPS={steps}");
    let mut rng = Rng::with_seed(seed);
    let isr = IsrLayer::builder().build().unwrap();
    let mappings = mappings();
    let mut taken = 0;

    for step in 0..steps {
        let number = rng.usize(..BODIES.len());
        let foreign = rng.usize(..10 * BODIES.len());
        let mapping = mappings.get(foreign).unwrap_or(&mappings[number]).clone();
        let is_command = mapping.is_none();
        let body = changed(&mut rng, BODIES[number]);
        let request = Request::post("/")
            .header("authorization", format!("Bearer {SECRET}"))
            .body(Full::new(bytes::Bytes::from(body.clone())));

        let answer = endpoint(&isr, mapping).oneshot(request.unwrap()).await;
        let (head, answer) = answer.unwrap().into_parts();
        let answer = answer.collect().await.unwrap().to_bytes();

        let told = || format!("step {step} of ISR_SEED={seed}: {}", body.escape_ascii());
        let answer: Value =
            serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("{}", told()));
        let status = head.status.as_u16();
        taken += usize::from(status == 200);
        let honest = || assert_honest(&body, status, &answer, is_command);
        let honest = std::panic::catch_unwind(std::panic::AssertUnwindSafe(honest));
        assert!(honest.is_ok(), "{}: {answer}", told());
    }
    assert!(taken > steps / 10, "only {taken} of {steps} were taken");
}

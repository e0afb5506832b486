//! Tests that no log, span, response or `Debug` output contains a secret, and that a refusal is one
//! line of the log.

use isr_layer::Error;
use isr_layer::auth::{
    Authenticators, Contentful, Hmac, Hygraph, Secret, StandardWebhooks, StaticSecret,
};
use isr_layer::webhook::Webhook;
use isr_tests::{Act, Answer};
use serde_json::json as value;

use crate::call::{Call, exchange};
use crate::captured::Captured;
use crate::signed::{PURGE, WHSEC, base64, contentful, github, hygraph, standard, stripe};
use crate::stand::{Stand, bearer, layer};
use crate::{SECRET, WRONG, secs};

const REFUSED: &str = "a revalidation was refused";

/// Returns all credentials of the calls, right and wrong: secrets and signatures.
fn secrets(calls: &[Call]) -> Vec<String> {
    let mut secrets: Vec<String> = [SECRET, WRONG, WHSEC, &WHSEC[6..]]
        .map(str::to_owned)
        .into();
    secrets.push(base64(format!("cms:{SECRET}").as_bytes()));
    let heads = calls
        .iter()
        .map(|call| String::from_utf8(call.head()).expect("the calls are text"));
    for line in heads.flat_map(|head| head.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        if name.contains("signature") || name == "gcms-signature" {
            let parts = value.split([',', ' ', '=']).filter(|part| part.len() > 16);
            secrets.extend(parts.map(str::to_owned));
        }
    }
    secrets
}

/// Makes calls with the right and the wrong secret in each place where a credential may stand.
fn calls() -> Vec<Call> {
    let basic = |secret: &str| format!("Basic {}", base64(format!("cms:{secret}").as_bytes()));
    let mut calls = vec![
        github(PURGE),
        stripe(0),
        stripe(-4_000),
        standard("webhook-", "msg_1", 0, PURGE),
    ];
    calls.extend([
        standard("webhook-", "msg_1", 0, PURGE),
        standard("webhook-", "msg_2", -4_000, PURGE),
    ]);
    calls.extend([
        contentful("/api/revalidate", 0),
        contentful("/api/revalidate", -4_000),
    ]);
    calls.extend([hygraph(0), hygraph(-40_000)]);
    for secret in [SECRET, WRONG] {
        let query = format!("/api/revalidate?secret={secret}");
        calls.extend([
            Call::anonymous(PURGE).bearer(secret),
            Call::anonymous(PURGE).header("authorization", basic(secret)),
            Call::anonymous(PURGE).header("x-secret", secret),
            Call::anonymous(PURGE).to(query.clone()),
            Call::get(format!("{query}&path=/about")),
            Call::get(format!("{query}&pth=/about")),
            Call::get(format!("{query}&path=about&mode=x")),
            Call::anonymous(PURGE)
                .method("DELETE")
                .to(query.clone())
                .bearer(secret),
            Call::anonymous(PURGE)
                .header("content-encoding", "gzip")
                .bearer(secret),
        ]);
        for body in bodies(secret) {
            calls.push(Call::anonymous(body.clone()));
            calls.push(Call::anonymous(body).bearer(secret));
        }
    }
    calls
}

/// Makes bodies that carry the secret in the field that is read, with good and bad fields beside
/// it.
fn bodies(secret: &str) -> Vec<String> {
    let good = value!({"secret": secret, "path": "/about"}).to_string();
    vec![
        value!({"secret": secret}).to_string(),
        value!({"secret": secret, "pth": "/about"}).to_string(),
        value!({"secret": secret, "path": "https://example.com"}).to_string(),
        value!({"secret": secret, "tag": "a\r\nb"}).to_string(),
        value!({"secret": [secret], "path": "/about"}).to_string(),
        value!({"secret": secret, "path": 1}).to_string(),
        value!({"secret": secret, "path": "/fails"}).to_string(),
        good[1..].to_owned(),
        good[..good.len() - 1].to_owned(),
        good,
    ]
}

/// Makes an authenticator with all kinds of credentials.
fn everybody() -> Authenticators {
    every_kind().expect("the secrets are long enough")
}

fn every_kind() -> Result<Authenticators, Error> {
    let all = Authenticators::from(bearer().also_query("secret"))
        .or(StaticSecret::basic("cms", SECRET)?)
        .or(StaticSecret::header("x-secret", SECRET)?)
        .or(StaticSecret::pointer("/secret", SECRET)?)
        .or(Hmac::github(SECRET)?)
        .or(Hmac::stripe(SECRET)?)
        .or(StandardWebhooks::new(WHSEC)?)
        .or(Contentful::new(SECRET)?)
        .or(Hygraph::new(SECRET)?);
    Ok(all)
}

async fn open_to_everybody() -> Stand {
    Stand::set(everybody(), |service| service.allow_get(true)).await
}

async fn answers(stand: &Stand, calls: &[Call]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for call in calls {
        answers.push(exchange(stand.address, &call.bytes()).await);
    }
    answers
}

#[tokio::test]
async fn nothing_that_is_logged_or_answered_contains_a_secret_or_a_signature() {
    let captured = Captured::start();
    let stand = open_to_everybody().await;
    stand.site.script(|seen, _| {
        if seen.uri.path() == "/fails" {
            Act::Panic
        } else {
            isr_tests::Reply::page().into()
        }
    });
    let calls = calls();

    let answers = answers(&stand, &calls).await;
    stand.cache.drained().await;

    let (log, said) = (captured.text(), format!("{answers:?}"));
    assert!(
        log.contains(REFUSED) && log.contains("a purge was recorded"),
        "the log is captured: {log}"
    );
    for status in [200, 400, 401, 405, 415, 429] {
        assert!(
            answers.iter().any(|answer| answer.status == status),
            "no call was answered {status}"
        );
    }
    for secret in secrets(&calls) {
        assert!(!log.contains(&secret), "the log contains {secret}");
        assert!(!said.contains(&secret), "an answer contains {secret}");
    }
}

#[tokio::test]
async fn a_webhook_that_is_refused_tells_no_secret_of_its_payload() {
    let captured = Captured::start();
    let authenticator = StaticSecret::pointer("/secret", SECRET).unwrap();
    let stand = Stand::set(authenticator, |service| {
        service
            .webhook(Webhook::new().path("/posts/{/slug}"))
            .expect("the template is right")
    })
    .await;

    let calls: Vec<_> = bodies(SECRET).into_iter().map(Call::anonymous).collect();
    let answers = answers(&stand, &calls).await;

    assert!(answers.iter().any(|answer| answer.status == 422));
    assert!(!captured.text().contains(SECRET) && !format!("{answers:?}").contains(SECRET));
}

/// 65,000 guesses in ten seconds must not be 65,000 lines.
#[tokio::test(start_paused = true)]
async fn refusals_of_one_status_are_one_line_of_the_log_a_minute_with_their_count() {
    let captured = Captured::start();
    let stand = Stand::new().await;
    let line = |number: usize| {
        let text = captured.text();
        let line = text
            .lines()
            .filter(|line| line.contains(REFUSED))
            .nth(number);
        line.unwrap_or_else(|| panic!("no line {number}: {text}"))
            .to_owned()
    };

    stand.assert_refused(&Call::anonymous(PURGE), 401).await;
    assert!(line(0).contains("status=401 refused=1"), "{}", line(0));
    for _ in 0..100 {
        stand.assert_refused(&Call::post("no JSON"), 400).await;
    }
    stand
        .assert_refused(&Call::post(PURGE).header("content-encoding", "gzip"), 415)
        .await;
    tokio::time::advance(secs(58)).await;
    stand.assert_refused(&Call::post("no JSON"), 400).await;
    assert_eq!(captured.lines_with(REFUSED), 3, "{}", captured.text());
    assert!(line(1).contains("status=400 refused=1"), "{}", line(1));
    assert!(line(2).contains("status=415 refused=1"), "{}", line(2));

    tokio::time::advance(secs(3)).await;
    stand.assert_refused(&Call::post("no JSON"), 400).await;
    assert!(line(3).contains("status=400 refused=101"), "{}", line(3));
    tokio::time::advance(secs(61)).await;
    stand.assert_refused(&Call::post("no JSON"), 400).await;
    assert!(line(4).contains("status=400 refused=1"), "{}", line(4));

    assert_eq!(captured.lines_with(" isr: "), 5, "{}", captured.text());
    stand.assert_admitted(&Call::post(PURGE)).await;
    assert_eq!(captured.lines_with(REFUSED), 5, "{}", captured.text());
}

/// A stranger who makes one harmless mistake a minute must not hide what others do.
#[tokio::test(start_paused = true)]
async fn one_refusal_of_another_kind_does_not_hide_the_guesses() {
    let captured = Captured::start();
    let stand = Stand::new().await;
    let delete = Call::anonymous("").method("DELETE");

    for _ in 0..3 {
        stand.assert_refused(&delete, 405).await;
        for _ in 0..5 {
            stand.assert_refused(&Call::anonymous(PURGE), 401).await;
        }
        tokio::time::advance(secs(61)).await;
    }

    for (line, count) in [
        ("status=405 refused=1", 3),
        ("status=401 refused=1", 1),
        ("status=401 refused=5", 2),
    ] {
        assert_eq!(captured.lines_with(line), count, "{}", captured.text());
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_of_draft_mode_are_counted_in_one_line_too() {
    let captured = Captured::start();
    let isr = isr_layer::IsrLayer::builder()
        .draft(SECRET)
        .build()
        .unwrap();
    let drafts = isr.draft_service().unwrap();
    let guess = || async {
        let request = http::Request::get("/draft?secret=guess").body(()).unwrap();
        let answer = tower::ServiceExt::oneshot(drafts.clone(), request).await;
        assert_eq!(answer.unwrap().status(), 401);
    };

    for _ in 0..50 {
        guess().await;
    }
    tokio::time::advance(secs(61)).await;
    guess().await;

    let refused = "draft mode was refused";
    assert_eq!(captured.lines_with(refused), 2, "{}", captured.text());
    assert_eq!(captured.lines_with("status=401 refused=1"), 1);
    assert_eq!(captured.lines_with("status=401 refused=50"), 1);
}

#[test]
fn no_debug_output_and_no_error_contains_a_secret() {
    let service = layer().revalidate_service(everybody()).allow_get(true);
    let short = "short-secret-of-22-byt";
    let debug = [
        format!("{service:?}"),
        format!("{:#?}", everybody()),
        format!("{:?}", Secret::from(SECRET)),
        format!(
            "{:#?}",
            bearer().also_query("secret").or_secret(WRONG).unwrap()
        ),
        format!("{:#?}", StaticSecret::basic("cms", SECRET).unwrap()),
        format!("{:#?}", Hmac::stripe(SECRET).unwrap()),
        format!("{:#?}", StandardWebhooks::new(WHSEC).unwrap()),
        format!("{:#?}", Contentful::new(SECRET).unwrap()),
        format!("{:#?}", Hygraph::new(SECRET).unwrap()),
        format!("{:?}", Hmac::stripe(short).unwrap_err()),
        format!(
            "{:?}",
            StandardWebhooks::new("whsec_no base64 at all!").unwrap_err()
        ),
        Hmac::stripe(short).unwrap_err().to_string(),
    ];

    for text in debug {
        let bytes = format!("{:?}", SECRET.as_bytes());
        for secret in [
            SECRET,
            WRONG,
            WHSEC,
            &WHSEC[6..],
            short,
            "no base64",
            bytes.trim_matches(['[', ']']),
        ] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

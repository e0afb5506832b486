//! Tests that clients that guess are slowed down, and that a valid credential is never refused
//! because of the failures of others.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::call::{Call, exchange};
use crate::stand::{Stand, assert_problem, bearer, layer, listener};
use crate::{WRONG, secs};

const PURGE: &str = r#"{"path": "/about"}"#;

#[tokio::test(start_paused = true)]
async fn after_ten_failures_a_peer_gets_429_and_its_valid_credential_still_passes() {
    let stand = Stand::new().await;
    let guess = Call::anonymous(PURGE).bearer(WRONG);
    for _ in 0..10 {
        stand.assert_refused(&guess, 401).await;
    }

    let eleventh = stand.assert_refused(&guess, 429).await;

    assert!((1..=60).contains(&eleventh.header("retry-after").parse::<u64>().unwrap()));
    stand.assert_admitted(&Call::post(PURGE)).await;
    stand.assert_refused(&guess, 429).await;

    tokio::time::sleep(secs(61)).await;
    stand.assert_refused(&guess, 401).await;
}

#[tokio::test]
async fn what_is_refused_for_another_reason_is_no_failure_of_a_credential() {
    let stand = Stand::new().await;
    for _ in 0..20 {
        stand.assert_refused(&Call::post("nonsense"), 400).await;
        stand
            .assert_refused(&Call::anonymous("").method("DELETE"), 405)
            .await;
    }

    stand.assert_refused(&Call::anonymous(PURGE), 401).await;
}

#[tokio::test(start_paused = true)]
async fn a_credential_over_its_own_rate_gets_429_and_another_does_not() {
    let rotated = bearer()
        .or_secret("another-secret-of-enough-bytes")
        .unwrap();
    let stand = Stand::set(rotated, |service| {
        service.max_calls_per_minute(2).expect("two is a limit")
    })
    .await;
    for _ in 0..2 {
        stand.assert_admitted(&Call::post(PURGE)).await;
    }

    let third = stand.assert_refused(&Call::post(PURGE), 429).await;

    assert!((1..=60).contains(&third.header("retry-after").parse::<u64>().unwrap()));
    stand
        .assert_admitted(&Call::anonymous(PURGE).bearer("another-secret-of-enough-bytes"))
        .await;
    tokio::time::sleep(secs(61)).await;
    stand.assert_admitted(&Call::post(PURGE)).await;
}

#[tokio::test]
async fn a_limit_of_zero_is_refused_and_named() {
    let service = || layer().revalidate_service(bearer());

    let failures = service().max_failures_per_minute(0).unwrap_err();
    let calls = service().max_calls_per_minute(0).unwrap_err();

    assert_eq!(
        failures.to_string(),
        "`max_failures_per_minute` must be at least 1"
    );
    assert_eq!(
        calls.to_string(),
        "`max_calls_per_minute` must be at least 1"
    );
}

#[tokio::test]
async fn guesses_that_come_all_at_once_are_counted_too() {
    let stand = Stand::new().await;
    let guess = Call::anonymous(PURGE).bearer(WRONG).bytes();
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (address, guess) = (stand.address, guess.clone());
        guesses.spawn(async move { exchange(address, &guess).await.status.as_u16() });
    }

    let mut statuses = guesses.join_all().await;

    statuses.sort_unstable();
    assert_eq!(statuses, [[401; 10].as_slice(), &[429; 30]].concat());
}

#[tokio::test]
async fn where_no_peer_is_known_none_is_counted() {
    let isr = layer();
    let router =
        axum::Router::new().route_service("/api/revalidate", isr.revalidate_service(bearer()));
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, isr.wrap(router)).await });

    for _ in 0..15 {
        let answer = exchange(address, &Call::anonymous(PURGE).bytes()).await;
        assert_problem(&answer, 401);
    }
}

#[tokio::test]
async fn the_calls_of_one_connection_are_each_judged_alone() {
    let stand = Stand::new().await;
    let kept = |call: Call| {
        String::from_utf8(call.bytes())
            .unwrap()
            .replace("connection: close\r\n", "")
    };
    let calls = [
        kept(Call::post(PURGE)),
        kept(Call::anonymous(PURGE)),
        kept(Call::post("no JSON")),
        kept(Call::post(PURGE)),
        String::from_utf8(Call::anonymous(PURGE).bytes()).unwrap(),
    ];
    let mut stream = stand.connect().await;

    stream.write_all(calls.concat().as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();

    let statuses: Vec<_> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["200", "401", "400", "200", "401"]);
    assert_eq!(stand.cache.metrics().sequence(), 2);
}

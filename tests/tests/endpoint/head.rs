//! Tests that a client without a credential costs nothing: it is refused by the head of its
//! request where that tells enough, and its body is bounded where it does not.

use isr_layer::auth::{
    AuthRequest, Authenticate, Authenticators, Contentful, Hmac, Hygraph, StandardWebhooks,
    StaticSecret, Verdict,
};
use isr_tests::Answer;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::call::{Call, rest};
use crate::signed::{PURGE, WHSEC, base64, github};
use crate::stand::{Stand, assert_problem, bearer};
use crate::{SECRET, WRONG, secs};

/// Sends the head of a call whose body never comes. Returns the response, and the seconds until it
/// came.
async fn stalled(stand: &Stand, call: &Call) -> (Answer, u64) {
    let mut bytes = call.head();
    bytes.extend(b"content-length: 1000\r\n\r\n{");
    let started = Instant::now();
    let mut stream = stand.connect().await;
    stream
        .write_all(&bytes)
        .await
        .expect("the server reads heads");

    let answer = rest(stream).await;

    (answer, started.elapsed().as_secs())
}

fn basic() -> StaticSecret {
    StaticSecret::basic("cms", SECRET).expect("it is long enough")
}

fn standard() -> Call {
    Call::anonymous("")
        .header("webhook-id", "1")
        .header("webhook-timestamp", "1")
        .header("webhook-signature", "v1,x")
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_credential_is_refused_before_its_body_is_read() {
    let none = || Call::anonymous("");
    let pair = base64(format!("cms:{WRONG}").as_bytes());
    let cases: Vec<(Authenticators, Vec<Call>)> = vec![
        (bearer().into(), vec![none(), none().bearer(WRONG)]),
        (
            bearer().also_query("secret").into(),
            vec![none().to("/api/revalidate?secret=x")],
        ),
        (
            basic().into(),
            vec![
                none(),
                none().header("authorization", format!("Basic {pair}")),
            ],
        ),
        (
            StaticSecret::query("secret", SECRET).unwrap().into(),
            vec![none()],
        ),
        (
            Hmac::github(SECRET).unwrap().into(),
            vec![
                none(),
                none().bearer(SECRET),
                none()
                    .header("x-hub-signature-256", "sha256=00")
                    .header("x-hub-signature-256", "sha256=00"),
            ],
        ),
        (
            StandardWebhooks::new(WHSEC).unwrap().into(),
            vec![none(), none().header("webhook-id", "1")],
        ),
        (Contentful::new(SECRET).unwrap().into(), vec![none()]),
        (Hygraph::new(SECRET).unwrap().into(), vec![none()]),
        (
            Authenticators::from(Hmac::github(SECRET).unwrap()).or(bearer()),
            vec![none(), none().bearer(WRONG)],
        ),
    ];

    for (authenticators, calls) in cases {
        let stand = Stand::admitting(authenticators).await;
        for call in calls {
            let (answer, seconds) = stalled(&stand, &call).await;
            assert_problem(&answer, 401);
            assert_eq!(seconds, 0, "{call:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_is_read_where_it_decides_and_for_who_has_the_credential() {
    let signed = |name: &str| Call::anonymous("").header(name, "sha256=00");
    let contentful = signed("x-contentful-signature").header("x-contentful-timestamp", "1");
    let own = isr_layer::auth::from_fn(|request| match request.body() {
        b"" => Verdict::rejected(),
        _ => Verdict::accepted(),
    });
    let cases: Vec<(Authenticators, Call)> = vec![
        (bearer().into(), Call::post("")),
        (
            Hmac::github(SECRET).unwrap().into(),
            signed("x-hub-signature-256"),
        ),
        (StandardWebhooks::new(WHSEC).unwrap().into(), standard()),
        (Contentful::new(SECRET).unwrap().into(), contentful),
        (
            Hygraph::new(SECRET).unwrap().into(),
            signed("gcms-signature"),
        ),
        (
            StaticSecret::pointer("/secret", SECRET).unwrap().into(),
            Call::anonymous(""),
        ),
        (
            StaticSecret::pointer("/secret", SECRET)
                .unwrap()
                .also_query("secret")
                .into(),
            Call::anonymous(""),
        ),
        (own.into(), Call::anonymous("")),
    ];

    for (authenticators, call) in cases {
        let stand = Stand::admitting(authenticators).await;
        let (answer, seconds) = stalled(&stand, &call).await;
        assert_problem(&answer, 408);
        assert_eq!(seconds, 5, "{call:?}");
    }
}

/// A client that only wastes time or memory fails as one that guesses does.
#[tokio::test(start_paused = true)]
async fn bodies_of_nobody_that_are_slow_long_or_no_json_count_as_failures() {
    let signed = || Call::anonymous(PURGE).header("x-hub-signature-256", "sha256=00");
    let hmac = || Stand::admitting(Hmac::github(SECRET).unwrap());
    let too_long = {
        let mut bytes = signed().head();
        bytes.extend(b"content-length: 2000000\r\n\r\n");
        bytes
    };

    let stand = hmac().await;
    for number in 1..=12 {
        let answer = stand.send_bytes(&too_long).await;
        assert_problem(&answer, if number <= 10 { 413 } else { 429 });
    }
    stand.assert_admitted(&github(PURGE)).await;

    let stand = hmac().await;
    for number in 1..=12 {
        let answer = stand
            .send(&signed().header("content-type", "text/plain"))
            .await;
        assert_problem(&answer, if number <= 10 { 415 } else { 429 });
    }
    stand.assert_admitted(&github(PURGE)).await;

    let stand = Stand::set(Hmac::github(SECRET).unwrap(), |service| {
        service.max_failures_per_minute(2).expect("two is a limit")
    })
    .await;
    for number in 1..=4 {
        let (answer, seconds) = stalled(&stand, &signed()).await;
        assert_problem(&answer, if number <= 2 { 408 } else { 429 });
        assert_eq!(seconds, 5, "a valid call may come from this address too");
    }
    stand.assert_admitted(&github(PURGE)).await;
}

/// A client that has the credential makes mistakes, but does not guess.
#[tokio::test(start_paused = true)]
async fn bodies_of_a_client_that_has_the_credential_are_no_failures() {
    let stand = Stand::set(bearer(), |service| {
        service.max_failures_per_minute(1).expect("one is a limit")
    })
    .await;
    let mut too_long = Call::post("").head();
    too_long.extend(b"content-length: 2000000\r\n\r\n");

    for _ in 0..3 {
        assert_problem(&stand.send_bytes(&too_long).await, 413);
        let form = Call::post(PURGE).header("content-type", "text/plain");
        assert_problem(&stand.send(&form).await, 415);
        assert_problem(&stalled(&stand, &Call::post("")).await.0, 408);
    }
    stand.assert_refused(&Call::anonymous(PURGE), 401).await;
    stand.assert_refused(&Call::anonymous(PURGE), 429).await;
}

/// Sixteen mebibytes are enough for all content systems of a site at once. When more comes, the
/// body that is being read for the longest time gives way: a delivery takes milliseconds.
#[tokio::test(start_paused = true)]
async fn bodies_beyond_sixteen_mebibytes_make_the_oldest_give_way_to_valid_calls() {
    let stand = Stand::admitting(Hmac::github(SECRET).unwrap()).await;
    let started = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(hold_a_mebibyte(&stand).await);
        stand.assert_admitted(&github(PURGE)).await;
    }
    assert!(started.elapsed() < secs(5), "no valid call waited");

    let mut statuses = Vec::new();
    for client in clients {
        statuses.push(client.await.unwrap());
    }

    let count = |status: &str| statuses.iter().filter(|one| one.contains(status)).count();
    let evicted = count(" 503 ");
    assert!((20..=32).contains(&evicted), "{statuses:?}");
    let waited = count(" 408 ") + count(" 429 ");
    assert_eq!(waited + evicted, 40, "{statuses:?}");
    let busy = statuses.iter().find(|one| one.contains(" 503 ")).unwrap();
    assert!(busy.contains("retry-after: 1\r\n"), "{busy}");
}

/// A client without a credential holds as much as it can. Returns what the server says to it.
async fn hold_a_mebibyte(stand: &Stand) -> JoinHandle<String> {
    let mut bytes = Call::anonymous("")
        .header("x-hub-signature-256", "sha256=00")
        .head();
    bytes.extend(b"content-length: 1048576\r\n\r\n");
    bytes.extend(vec![b' '; (1 << 20) - 1]);
    let mut stream = stand.connect().await;
    // The server may refuse and close while this is written.
    _ = stream.write_all(&bytes).await;
    tokio::spawn(rest_or_nothing(stream))
}

/// Sends a call whose body comes in two parts, before and after forty clients without a credential
/// sent a mebibyte each.
async fn slow_beside_forty_strangers(stand: &Stand, from: u8, call: &Call) -> Answer {
    let socket = TcpSocket::new_v4().expect("there is IPv4");
    let here = ([127, 0, 0, from], 0).into();
    socket.bind(here).expect("all of 127/8 is this machine");
    let stream = socket.connect(stand.address).await;
    let mut stream: TcpStream = stream.expect("the server listens");
    let bytes = call.bytes();
    let (first, second) = bytes.split_at(bytes.len() / 2);

    stream.write_all(first).await.expect("the server reads");
    for _ in 0..40 {
        hold_a_mebibyte(stand).await;
        stand.assert_admitted(&github(PURGE)).await;
    }
    _ = stream.write_all(second).await;
    rest(stream).await
}

/// Content systems do not all send a body at once, and a stranger must not make them fail.
#[tokio::test(start_paused = true)]
async fn a_slow_signed_body_does_not_give_way_to_strangers_of_another_address() {
    let stand = Stand::admitting(Hmac::github(SECRET).unwrap()).await;
    let long = format!("{PURGE}{}", " ".repeat(100_000));

    let answer = slow_beside_forty_strangers(&stand, 2, &github(&long)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_that_its_head_admits_does_not_give_way_to_strangers_of_its_address() {
    let either = Authenticators::from(Hmac::github(SECRET).unwrap()).or(bearer());
    let stand = Stand::admitting(either).await;
    let long = format!("{PURGE}{}", " ".repeat(100_000));

    let answer = slow_beside_forty_strangers(&stand, 1, &Call::post(long)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_body_of_nobody_that_gave_way_counts_as_a_failure() {
    let stand = Stand::admitting(Hmac::github(SECRET).unwrap()).await;
    for _ in 0..40 {
        hold_a_mebibyte(&stand).await;
        stand.assert_admitted(&github(PURGE)).await;
    }

    stand.assert_refused(&Call::anonymous(PURGE), 429).await;
    stand.assert_admitted(&github(PURGE)).await;
}

/// Reads what the server says, as text. It may close while the client still writes.
async fn rest_or_nothing(mut stream: tokio::net::TcpStream) -> String {
    let mut said = Vec::new();
    _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}

/// A user's own authenticator can judge by the head too.
#[tokio::test(start_paused = true)]
async fn an_authenticator_of_ones_own_may_judge_by_the_head() {
    struct ByProxy;

    impl Authenticate for ByProxy {
        fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
            match request.header("x-client-verified") {
                Some("SUCCESS") => Verdict::accepted(),
                _ => Verdict::rejected(),
            }
        }

        fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
            Some(self.verify(request))
        }
    }

    for authenticators in [
        Authenticators::from(ByProxy),
        std::sync::Arc::new(ByProxy).into(),
        Authenticators::from(Box::new(ByProxy)),
    ] {
        let stand = Stand::admitting(authenticators).await;
        let (answer, seconds) = stalled(&stand, &Call::anonymous("")).await;
        assert_eq!((answer.status.as_u16(), seconds), (401, 0));
        let verified = Call::anonymous(PURGE).header("x-client-verified", "SUCCESS");
        stand.assert_admitted(&verified).await;
    }
}

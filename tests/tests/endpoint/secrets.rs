//! Tests that an endpoint with a secret which no request could ever carry is not built.

use isr_layer::auth::{Authenticators, Bearer, Hmac, Secret, StaticSecret};
use isr_layer::{Error, ErrorKind};

use crate::call::Call;
use crate::signed::{PURGE, base64, github};
use crate::stand::Stand;
use crate::{SECRET, WRONG};

/// Returns the message for a secret that is refused. It does not repeat the secret.
fn refused<T>(built: Result<T, Error>, secret: &str) -> String {
    let Err(error) = built else {
        panic!("{secret:?} was taken");
    };
    assert_eq!(error.kind(), ErrorKind::Secret);
    let message = error.to_string();
    assert!(!message.contains(secret.trim()), "{message}");
    message
}

#[test]
fn a_secret_that_no_header_can_carry_is_refused_at_start() {
    for (secret, told) in [
        (format!("{SECRET}-é"), "ASCII"),
        (format!("{SECRET}あ"), "ASCII"),
        (format!("{SECRET}\u{a0}"), "ASCII"),
        (format!(" {SECRET}"), "blank"),
        (format!("{SECRET} "), "blank"),
        (format!("{SECRET}\t"), "blank"),
        (format!("{SECRET}\nmore"), "line break"),
        (format!("{SECRET}\n\n"), "line break"),
        (format!("\n{SECRET}"), "line break"),
        (format!("{SECRET}\0"), "control"),
        (format!("{SECRET}\u{7f}"), "control"),
    ] {
        for message in [
            refused(Bearer::new(&*secret), &secret),
            refused(Bearer::new(SECRET).unwrap().or_secret(&*secret), &secret),
            refused(StaticSecret::header("x-secret", &*secret), &secret),
        ] {
            assert!(message.contains(told), "{secret:?}: {message}");
            assert!(message.contains("header"), "{secret:?}: {message}");
        }
    }
    assert!(Bearer::new("words with blanks between them").is_ok());
}

#[test]
fn a_secret_that_its_place_cannot_carry_is_refused_at_start() {
    let odd = Secret::from([SECRET.as_bytes(), b"\xff"].concat());

    refused(StaticSecret::pointer("/secret", odd.clone()), "zebra");
    refused(StaticSecret::query("secret", odd), "zebra");
    for control in ["\0", "\nmore", "\r\n\r\n"] {
        refused(
            StaticSecret::basic("cms", format!("{SECRET}{control}")),
            "zebra",
        );
    }
    // JSON, a query and base64 carry any text.
    assert!(StaticSecret::pointer("/secret", format!("{SECRET}\né ")).is_ok());
    assert!(StaticSecret::query("secret", format!(" {SECRET}é")).is_ok());
    assert!(StaticSecret::basic("cms", format!("{SECRET}é ")).is_ok());
    assert!(Hmac::github(format!(" {SECRET}é ")).is_ok());
}

/// `std::fs::read_to_string("/run/secrets/revalidate")` ends with the line break of the file.
#[tokio::test]
async fn the_line_break_at_the_end_of_a_file_is_no_part_of_the_secret_in_it() {
    let basic = format!("Basic {}", base64(format!("cms:{SECRET}").as_bytes()));
    let call = || Call::anonymous(PURGE);

    for file in [format!("{SECRET}\n"), format!("{SECRET}\r\n")] {
        let every: Vec<(Authenticators, Call)> = vec![
            (Bearer::new(&*file).unwrap().into(), call().bearer(SECRET)),
            (
                Bearer::new(file.clone().into_bytes()).unwrap().into(),
                call().bearer(SECRET),
            ),
            (
                Bearer::new(WRONG)
                    .unwrap()
                    .or_secret(&*file)
                    .unwrap()
                    .into(),
                call().bearer(SECRET),
            ),
            (
                StaticSecret::basic("cms", &*file).unwrap().into(),
                call().header("authorization", basic.clone()),
            ),
            (Hmac::github(&*file).unwrap().into(), github(PURGE)),
        ];
        for (authenticators, call) in every {
            let stand = Stand::admitting(authenticators).await;
            stand.assert_admitted(&call).await;
        }
    }
}

/// A key of random bytes may end with any byte, also with that of a line break.
#[tokio::test]
async fn a_key_of_bytes_that_ends_like_a_line_stays_whole() {
    let key = b"\x00\x9f-a-key-of-random-bytes-\xe4\n";
    let stand = Stand::admitting(Hmac::github(&key[..]).unwrap()).await;
    let signature = crate::signed::hex(&crate::signed::sha256(key, PURGE.as_bytes()));

    let signed =
        Call::anonymous(PURGE).header("x-hub-signature-256", format!("sha256={signature}"));

    stand.assert_admitted(&signed).await;
}

//! Signs calls like their senders, written from the senders' documents and not with the code under
//! test.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{KeyInit, Mac};

use crate::SECRET;
use crate::call::Call;

/// The body of most calls.
pub(crate) const PURGE: &str = r#"{"path": "/about"}"#;

/// A secret of Standard Webhooks.
pub(crate) const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn sha256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut code = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret).expect("any length is a key");
    code.update(message);
    code.finalize().into_bytes().to_vec()
}

pub(crate) fn sha1(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut code = hmac::Hmac::<sha1::Sha1>::new_from_slice(secret).expect("any length is a key");
    code.update(message);
    code.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the seconds since the epoch at a time relative to now.
pub(crate) fn seconds(from_now: i64) -> i64 {
    milliseconds(from_now) / 1_000
}

/// Returns the milliseconds since the epoch at a time relative to now.
pub(crate) fn milliseconds(seconds_from_now: i64) -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is set");
    i64::try_from(now.as_millis()).expect("it is not that late") + seconds_from_now * 1_000
}

/// Signs like GitHub.
pub(crate) fn github(body: &str) -> Call {
    let signature = hex(&sha256(SECRET.as_bytes(), body.as_bytes()));
    Call::anonymous(body).header("x-hub-signature-256", format!("sha256={signature}"))
}

/// Signs like Stripe, at a time relative to now, in seconds.
pub(crate) fn stripe(from_now: i64) -> Call {
    let time = seconds(from_now);
    let signature = hex(&sha256(
        SECRET.as_bytes(),
        format!("{time}.{PURGE}").as_bytes(),
    ));
    Call::anonymous(PURGE).header("stripe-signature", format!("t={time},v1={signature}"))
}

/// Signs by Standard Webhooks, with header names that begin with `prefix`.
pub(crate) fn standard(prefix: &str, id: &str, from_now: i64, body: &str) -> Call {
    let time = seconds(from_now);
    let key = BASE64_STANDARD.decode(&WHSEC[6..]).expect("it is base64");
    let signature = base64(&sha256(&key, format!("{id}.{time}.{body}").as_bytes()));
    Call::anonymous(body)
        .header(&format!("{prefix}id"), id)
        .header(&format!("{prefix}timestamp"), time.to_string())
        .header(&format!("{prefix}signature"), format!("v1,{signature}"))
}

/// Signs like Contentful, at a time relative to now, in seconds.
pub(crate) fn contentful(target: &str, from_now: i64) -> Call {
    let time = milliseconds(from_now).to_string();
    let names = "x-contentful-topic,x-contentful-timestamp,x-contentful-signed-headers";
    let headers = format!(
        "x-contentful-signed-headers:x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic;\
         x-contentful-timestamp:{time};x-contentful-topic:publish"
    );
    let message = format!("POST\n{target}\n{headers}\n{PURGE}");
    Call::anonymous(PURGE)
        .to(target)
        .header("x-contentful-topic", "publish")
        .header("x-contentful-timestamp", time)
        .header("x-contentful-signed-headers", names)
        .header(
            "x-contentful-signature",
            hex(&sha256(SECRET.as_bytes(), message.as_bytes())),
        )
}

/// Signs like Hygraph, at a time relative to now, in seconds.
pub(crate) fn hygraph(from_now: i64) -> Call {
    let time = milliseconds(from_now);
    let body = serde_json::Value::from(PURGE);
    let message = format!(r#"{{"Body":{body},"EnvironmentName":"master","TimeStamp":{time}}}"#);
    let signature = base64(&sha256(SECRET.as_bytes(), message.as_bytes()));
    Call::anonymous(PURGE).header(
        "gcms-signature",
        format!("sign={signature}, env=master, t={time}"),
    )
}

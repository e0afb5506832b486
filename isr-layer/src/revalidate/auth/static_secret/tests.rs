use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, Method, Uri};

use super::*;

const OLD: &str = "the old secret of 24 bytes or more";
const NEW: &str = "the new secret of 24 bytes or more";

/// Returns whether `authenticator` accepts a request with these parts.
fn accepts(
    authenticator: &impl Authenticate,
    uri: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> bool {
    let uri: Uri = uri.parse().unwrap();
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                value.parse::<http::HeaderValue>().unwrap(),
            )
        })
        .collect();
    authenticator
        .verify(&AuthRequest::new(
            &Method::POST,
            &uri,
            &headers,
            body.as_bytes(),
        ))
        .is_accepted()
}

#[test]
fn both_secrets_are_accepted_while_one_is_replaced() {
    let bearer = Bearer::new(NEW).unwrap().or_secret(OLD).unwrap();

    assert!(accepts(
        &bearer,
        "/",
        &[("authorization", &format!("Bearer {NEW}"))],
        ""
    ));
    assert!(accepts(
        &bearer,
        "/",
        &[("authorization", &format!("Bearer {OLD}"))],
        ""
    ));
    assert!(!accepts(
        &bearer,
        "/",
        &[("authorization", "Bearer neither")],
        ""
    ));
}

#[test]
fn a_variable_whose_secret_no_header_can_carry_is_named() {
    let secret = Secret::from("é a secret of more than 24 bytes");

    let error = Bearer::from_variable("REVALIDATE_SECRET", secret).unwrap_err();

    let message = error.to_string();
    assert!(
        message.contains("`REVALIDATE_SECRET`") && message.contains("ASCII"),
        "{message}"
    );
    assert!(!message.contains("é a secret"));
}

#[test]
fn a_header_of_its_own_takes_the_bare_secret() {
    let strapi = StaticSecret::header("x-hook", NEW).unwrap();

    assert!(accepts(&strapi, "/", &[("X-Hook", NEW)], ""));
    assert!(!accepts(&strapi, "/", &[("X-Hook", &NEW[1..])], ""));
    assert!(!accepts(
        &strapi,
        "/",
        &[("X-Hook", &format!("{NEW}x"))],
        ""
    ));
    assert!(!accepts(&strapi, "/", &[("authorization", NEW)], ""));
}

#[test]
fn a_header_that_is_there_twice_is_no_credential() {
    let strapi = StaticSecret::header("x-hook", NEW).unwrap();

    for both in [["wrong", NEW], [NEW, "wrong"], [NEW, NEW]] {
        let mut headers = HeaderMap::new();
        for value in both {
            headers.append("x-hook", value.parse().unwrap());
        }
        let verdict = strapi.verify(&AuthRequest::new(
            &Method::POST,
            &Uri::from_static("/"),
            &headers,
            b"",
        ));
        assert!(!verdict.is_accepted());
    }
}

#[test]
fn basic_takes_user_and_password_and_the_password_may_have_colons() {
    let password = "a:password:of:24:bytes:or:more";
    let basic = StaticSecret::basic("datocms", password).unwrap();
    let header = |pair: &str| format!("basic {}", BASE64_STANDARD.encode(pair));

    assert!(accepts(
        &basic,
        "/",
        &[("authorization", &header(&format!("datocms:{password}")))],
        ""
    ));
    assert!(!accepts(
        &basic,
        "/",
        &[("authorization", &header(&format!("other:{password}")))],
        ""
    ));
    assert!(!accepts(
        &basic,
        "/",
        &[("authorization", &header("datocms:wrong"))],
        ""
    ));
    assert!(!accepts(
        &basic,
        "/",
        &[("authorization", "Basic ====")],
        ""
    ));
    assert!(!accepts(&basic, "/", &[], ""));
}

#[test]
fn a_user_with_a_colon_and_a_name_that_is_no_header_are_refused_at_start() {
    assert_eq!(
        StaticSecret::basic("a:b", NEW).unwrap_err().kind(),
        ErrorKind::Configuration
    );
    assert_eq!(
        StaticSecret::header("x hook", NEW).unwrap_err().kind(),
        ErrorKind::Configuration
    );
    assert_eq!(
        StaticSecret::pointer("secret", NEW).unwrap_err().kind(),
        ErrorKind::Configuration
    );
}

#[test]
fn a_pointer_takes_the_secret_out_of_the_body() {
    let prismic = StaticSecret::pointer("/auth/secret", NEW).unwrap();

    assert!(accepts(
        &prismic,
        "/",
        &[],
        &format!(r#"{{"auth": {{"secret": "{NEW}"}}}}"#)
    ));
    assert!(!accepts(
        &prismic,
        "/",
        &[],
        r#"{"auth": {"secret": "wrong"}}"#
    ));
    assert!(!accepts(
        &prismic,
        "/",
        &[],
        r#"{"auth": {"secret": null}}"#
    ));
    assert!(!accepts(&prismic, "/", &[], "not JSON"));
    assert!(prismic.is_credential("auth") && !prismic.is_credential("secret"));
}

#[test]
fn a_query_takes_the_decoded_secret_once() {
    let query = StaticSecret::query("token", "a+secret & 24 bytes or more").unwrap();
    let encoded = "a%2Bsecret+%26+24+bytes%20or%20more";

    assert!(accepts(
        &query,
        &format!("/?path=/a&token={encoded}"),
        &[],
        ""
    ));
    assert!(!accepts(
        &query,
        &format!("/?token=wrong&token={encoded}"),
        &[],
        ""
    ));
    assert!(!accepts(
        &query,
        &format!("/?token={encoded}&token=wrong"),
        &[],
        ""
    ));
    assert!(!accepts(&query, "/?token=", &[], ""));
    assert!(!accepts(&query, "/", &[], ""));
}

#[test]
fn debug_prints_no_secret() {
    let bearer = Bearer::new(NEW).unwrap().also_query("secret");

    assert!(!format!("{bearer:?}").contains(NEW));
    assert!(!format!("{:?}", super::super::Authenticators::from(bearer)).contains(NEW));
}

//! Tests the authenticators that compare secrets, several authenticators together, and a user's
//! own.

use isr_layer::auth::{
    AuthRequest, Authenticate, Authenticators, Bearer, Contentful, Hmac, Hygraph, Secret,
    StandardWebhooks, StaticSecret, Verdict,
};

use crate::call::Call;
use crate::signed::{PURGE, WHSEC, base64, contentful, github, hygraph, standard};
use crate::stand::{Stand, bearer};
use crate::{SECRET, WRONG};

/// Asserts that each call gets a 401 and does nothing.
async fn assert_nobody(stand: &Stand, calls: impl IntoIterator<Item = Call>) {
    for call in calls {
        stand.assert_refused(&call, 401).await;
    }
}

#[tokio::test]
async fn bearer_takes_its_scheme_in_any_case() {
    let stand = Stand::new().await;

    for scheme in ["Bearer", "bearer", "BEARER"] {
        stand
            .assert_admitted(
                &Call::anonymous(PURGE).header("authorization", format!("{scheme} {SECRET}")),
            )
            .await;
    }
    assert_nobody(
        &stand,
        [Call::anonymous(PURGE).bearer(WRONG), Call::anonymous(PURGE)],
    )
    .await;
}

#[tokio::test]
async fn a_header_of_ones_own_with_or_without_a_prefix() {
    let plain = Stand::admitting(StaticSecret::header("x-secret", SECRET).unwrap()).await;
    let prefixed = StaticSecret::header("x-secret", SECRET)
        .unwrap()
        .prefix("Token ");
    let prefixed = Stand::admitting(prefixed).await;
    let with = |value: &str| Call::anonymous(PURGE).header("X-Secret", value);

    plain.assert_admitted(&with(SECRET)).await;
    prefixed
        .assert_admitted(&with(&format!("Token {SECRET}")))
        .await;
    assert_nobody(
        &plain,
        [with(WRONG), with(""), with(&format!("Token {SECRET}"))],
    )
    .await;
    assert_nobody(&prefixed, [with(SECRET), with("Token ")]).await;
}

#[tokio::test]
async fn basic_takes_one_user_and_the_secret() {
    let stand = Stand::admitting(StaticSecret::basic("cms", SECRET).unwrap()).await;
    let with = |pair: &str| {
        Call::anonymous(PURGE).header(
            "authorization",
            format!("Basic {}", base64(pair.as_bytes())),
        )
    };

    stand.assert_admitted(&with(&format!("cms:{SECRET}"))).await;
    assert_nobody(
        &stand,
        [
            with(&format!("smc:{SECRET}")),
            with(&format!("cms:{WRONG}")),
            with("cms:"),
            with(""),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_json_pointer_takes_the_secret_out_of_the_body() {
    let stand = Stand::admitting(StaticSecret::pointer("/secret", SECRET).unwrap()).await;
    let with =
        |secret: &str| Call::anonymous(format!(r#"{{"secret": {secret}, "path": "/about"}}"#));

    stand.assert_admitted(&with(&format!("\"{SECRET}\""))).await;
    let wrong = [
        with(&format!("\"{WRONG}\"")),
        with("null"),
        with(&format!("[\"{SECRET}\"]")),
        Call::anonymous("no JSON"),
    ];
    assert_nobody(&stand, wrong).await;
}

#[tokio::test]
async fn a_query_parameter_takes_the_secret_out_of_the_target() {
    let stand = Stand::admitting(StaticSecret::query("secret", SECRET).unwrap()).await;
    let with = |query: &str| Call::anonymous(PURGE).to(format!("/api/revalidate{query}"));

    stand
        .assert_admitted(&with(&format!("?secret={SECRET}")))
        .await;
    stand
        .assert_admitted(&with(&format!("?a=b&secret=%7A{}", &SECRET[1..])))
        .await;
    assert_nobody(
        &stand,
        [
            with(""),
            with("?secret="),
            with(&format!("?secret={WRONG}")),
            with(&format!("?x={SECRET}")),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_secret_that_is_being_rotated_is_accepted_beside_the_new_one() {
    let stand = Stand::admitting(bearer().or_secret("the-next-secret-of-24-bytes").unwrap()).await;

    stand
        .assert_admitted(&Call::anonymous(PURGE).bearer(SECRET))
        .await;
    stand
        .assert_admitted(&Call::anonymous(PURGE).bearer("the-next-secret-of-24-bytes"))
        .await;
    assert_nobody(&stand, [Call::anonymous(PURGE).bearer(WRONG)]).await;
}

#[tokio::test]
async fn several_authenticators_are_tried_in_order_and_one_is_enough() {
    let all = Authenticators::from(StandardWebhooks::new(WHSEC).unwrap())
        .or(Hmac::github(SECRET).unwrap())
        .or(Bearer::new("a-bearer-of-24-bytes-or-more").unwrap());
    let stand = Stand::admitting(all).await;

    stand
        .assert_admitted(&standard("webhook-", "msg_1", 0, PURGE))
        .await;
    stand.assert_admitted(&github(PURGE)).await;
    stand
        .assert_admitted(&Call::anonymous(PURGE).bearer("a-bearer-of-24-bytes-or-more"))
        .await;
    stand.assert_admitted(&github(PURGE).bearer(WRONG)).await;
    assert_nobody(&stand, [Call::anonymous(PURGE).bearer(SECRET)]).await;
}

#[tokio::test]
async fn a_short_secret_passes_only_under_the_name_of_its_risk() {
    assert!(Bearer::new("short").is_err());
    let stand =
        Stand::admitting(Bearer::new(Secret::from("short").allow_short_secret_insecure()).unwrap())
            .await;

    stand
        .assert_admitted(&Call::anonymous(PURGE).bearer("short"))
        .await;
    assert_nobody(
        &stand,
        [
            Call::anonymous(PURGE).bearer("shor"),
            Call::anonymous(PURGE),
        ],
    )
    .await;
}

/// Checks all parts of a request that an authenticator can see.
struct Everything;

impl Authenticate for Everything {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        let is_right = request.method() == "PUT"
            && request.uri() == "/api/revalidate?site=one"
            && request.header("x-signed") == Some("yes")
            && request.body() == PURGE.as_bytes();
        if is_right {
            Verdict::accepted()
        } else {
            Verdict::rejected()
        }
    }
}

#[tokio::test]
async fn an_authenticator_of_ones_own_sees_the_raw_request() {
    let stand = Stand::admitting(Everything).await;
    let right = || {
        Call::anonymous(PURGE)
            .method("PUT")
            .to("/api/revalidate?site=one")
    };

    stand
        .assert_admitted(&right().header("x-signed", "yes"))
        .await;
    let wrong = [
        right(),
        right().header("x-signed", "yes").header("x-signed", "yes"),
        right().header("x-signed", "yes").to("/api/revalidate"),
    ];
    assert_nobody(&stand, wrong).await;
}

/// Clients such as `curl --anyauth` and browsers read it.
#[tokio::test]
async fn a_401_names_the_schemes_that_are_configured() {
    let basic = || StaticSecret::basic("cms", SECRET).unwrap();
    let header = |name: &str| StaticSecret::header(name, SECRET).unwrap();
    let own = isr_layer::auth::from_fn(|_| Verdict::rejected());
    let realm = r#"Basic realm="revalidate", charset="UTF-8""#;

    for (authenticators, challenge) in [
        (Authenticators::from(bearer()), "Bearer".to_owned()),
        (bearer().also_query("secret").into(), "Bearer".to_owned()),
        (basic().into(), realm.to_owned()),
        (
            Authenticators::from(bearer()).or(basic()),
            format!("Bearer, {realm}"),
        ),
        (
            Authenticators::from(bearer()).or(bearer()),
            "Bearer".to_owned(),
        ),
        (
            header("authorization").prefix("Token ").into(),
            "Token".to_owned(),
        ),
        (header("authorization").into(), "Secret".to_owned()),
        (header("x-secret").into(), "Secret".to_owned()),
        (
            StaticSecret::pointer("/secret", SECRET).unwrap().into(),
            "Secret".to_owned(),
        ),
        (
            StaticSecret::query("secret", SECRET).unwrap().into(),
            "Secret".to_owned(),
        ),
        (Hmac::github(SECRET).unwrap().into(), "Signature".to_owned()),
        (
            StandardWebhooks::new(WHSEC).unwrap().into(),
            "Signature".to_owned(),
        ),
        (own.into(), "Custom".to_owned()),
    ] {
        let stand = Stand::admitting(authenticators).await;

        let answer = stand.assert_refused(&Call::anonymous(PURGE), 401).await;

        assert_eq!(answer.header("www-authenticate"), challenge);
    }
}

/// A browser adds the password of HTTP Basic to a request that any page makes it send, and a body
/// without a content type needs no preflight.
#[tokio::test]
async fn a_page_of_another_site_cannot_make_a_browser_purge() {
    let basic = StaticSecret::basic("cms", SECRET).unwrap();
    let stand = Stand::set(basic, |service| service.allow_get(true)).await;
    let known = |call: Call| {
        let pair = base64(format!("cms:{SECRET}").as_bytes());
        call.header("authorization", format!("Basic {pair}"))
    };
    let post = || known(Call::anonymous(PURGE));
    let get = || known(Call::get("/api/revalidate?all"));

    for site in ["cross-site", "same-site"] {
        for call in [post(), post().method("PUT"), get()] {
            let call = call.header("sec-fetch-site", site);
            let answer = stand.assert_refused(&call, 403).await;
            assert!(answer.text().contains("another site"), "{}", answer.text());
        }
    }
    for site in ["same-origin", "none"] {
        for call in [post(), get()] {
            stand
                .assert_admitted(&call.header("sec-fetch-site", site))
                .await;
        }
    }
    stand.assert_admitted(&post()).await;
}

/// Not every browser sends `Sec-Fetch-Site`, and none does for a site without TLS.
#[tokio::test]
async fn without_fetch_metadata_the_origin_of_the_page_must_be_the_host() {
    let basic = StaticSecret::basic("cms", SECRET).unwrap();
    let stand = Stand::set(basic, |service| service.allow_get(true)).await;
    let known = |origin: &str| {
        let pair = base64(format!("cms:{SECRET}").as_bytes());
        let call = Call::anonymous(PURGE).header("origin", origin);
        call.header("authorization", format!("Basic {pair}"))
    };

    for other in [
        "http://evil.example",
        "https://cms.x",
        "http://x:8080",
        "null",
        "",
        "x",
    ] {
        stand.assert_refused(&known(other), 403).await;
    }
    for same in ["http://x", "https://x", "https://X"] {
        stand.assert_admitted(&known(same)).await;
    }
    // A proxy in front may change the host, and the browser knows better.
    let behind_proxy = known("https://public.example").header("sec-fetch-site", "same-origin");
    stand.assert_admitted(&behind_proxy).await;
}

/// An editors' tool at another address of the site calls with a credential that it adds itself.
#[tokio::test]
async fn a_credential_that_no_browser_adds_by_itself_is_taken_from_any_page() {
    let header = |name: &str| StaticSecret::header(name, SECRET).unwrap();
    let in_body = format!(r#"{{"path": "/about", "secret": "{SECRET}"}}"#);
    for (authenticators, call) in [
        (Authenticators::from(bearer()), Call::post(PURGE)),
        (
            header("x-secret").into(),
            Call::anonymous(PURGE).header("x-secret", SECRET),
        ),
        (
            header("authorization").prefix("Token ").into(),
            Call::anonymous(PURGE).header("authorization", format!("Token {SECRET}")),
        ),
        (
            StaticSecret::query("secret", SECRET).unwrap().into(),
            Call::anonymous(PURGE).to(format!("/api/revalidate?secret={SECRET}")),
        ),
        (
            StaticSecret::pointer("/secret", SECRET).unwrap().into(),
            Call::anonymous(in_body),
        ),
        (Hmac::github(SECRET).unwrap().into(), github(PURGE)),
        (
            StandardWebhooks::new(WHSEC).unwrap().into(),
            standard("webhook-", "msg_1", 0, PURGE),
        ),
        (
            Contentful::new(SECRET).unwrap().into(),
            contentful("/api/revalidate", 0),
        ),
        (Hygraph::new(SECRET).unwrap().into(), hygraph(0)),
    ] {
        let stand = Stand::admitting(authenticators).await;
        let call = call.header("origin", "https://cms.example.com");
        stand
            .assert_admitted(&call.header("sec-fetch-site", "same-site"))
            .await;
    }
}

/// A cookie, a password that is compared as it is sent, and a check of one's own, such as that of a
/// client certificate, may come from the browser.
#[tokio::test]
async fn a_credential_that_a_browser_may_add_by_itself_is_taken_from_the_own_site_alone() {
    let header = |name: &str| StaticSecret::header(name, SECRET).unwrap();
    let pair = base64(format!("cms:{SECRET}").as_bytes());
    let plain = StaticSecret::header("authorization", pair.clone()).unwrap();
    let authorization = format!("Basic {pair}");
    let own = isr_layer::auth::from_fn(|_| Verdict::accepted());
    let either = Authenticators::from(bearer()).or(StaticSecret::basic("cms", SECRET).unwrap());
    for (authenticators, name, value) in [
        (Authenticators::from(own), "x-none", "0"),
        (
            header("cookie").prefix("s=").into(),
            "cookie",
            &format!("s={SECRET}"),
        ),
        (
            plain.prefix("Basic ").into(),
            "authorization",
            &authorization,
        ),
        (either, "authorization", &authorization),
    ] {
        let stand = Stand::admitting(authenticators).await;
        let call = Call::anonymous(PURGE).header(name, value);
        stand
            .assert_refused(&call.clone().header("sec-fetch-site", "cross-site"), 403)
            .await;
        stand.assert_admitted(&call).await;
    }
}

//! Tests the key by properties: requests with one key give the handler equal inputs, and requests
//! with different keys never share a response.

use http::{HeaderMap, Method, Request};
use isr_layer::{Isr, IsrLayer, Page, Policy};
use isr_tests::{Act, Reply, Site, ask};
use proptest::prelude::*;
use tower::Layer;

use crate::Plain;

const PAGES: [Page; 3] = [
    Page::new("/w/{*rest}").with_policy(
        Policy::new()
            .query(&["p", "q"])
            .vary(&["accept-language", "x-theme"]),
    ),
    Page::new("/{slug}").with_policy(Policy::new().query(&["p"])),
    Page::new("/static").with_policy(Policy::new().vary(&["x-theme"])),
];

/// The hosts of a layer that has a list.
const HOSTS: [&str; 2] = ["One.example", "two.example:8080"];

/// A request as a client sends it, with all parts that a key could depend on.
#[derive(Clone, Debug)]
struct Sent {
    path: String,
    query: Option<String>,
    headers: Vec<(&'static str, String)>,
    hosts: Vec<&'static str>,
    authority: Option<&'static str>,
    extension: bool,
}

/// The declared parts of a request, found by a second and simpler implementation of the rules.
#[derive(Debug, PartialEq, Eq)]
struct Declared {
    path: String,
    pairs: Vec<String>,
    headers: Vec<Option<String>>,
    host: Option<&'static str>,
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        "[ab]{1,2}",
        Just("%61".to_owned()),
        Just("a%2Fb".to_owned()),
        Just("a%2fb".to_owned()),
        Just("%C3%A9".to_owned()),
        Just("%c3%a9".to_owned()),
        Just("a%3Fp=1".to_owned()),
        Just("%25".to_owned()),
        Just("static".to_owned()),
        Just("st%61tic".to_owned()),
    ];
    let tail = prop::collection::vec(segment.clone(), 1..3)
        .prop_map(|tail| format!("/w/{}", tail.join("/")));
    prop_oneof![tail, segment.prop_map(|segment| format!("/{segment}"))]
}

fn query() -> impl Strategy<Value = Option<String>> {
    let pair = prop_oneof![
        "[pqx]=[ab]{0,2}",
        "[pqx]",
        Just(String::new()),
        Just("p=a%26q=b".to_owned()),
        Just("p=a=b".to_owned()),
        Just("%70=a".to_owned()),
        Just("%71=b".to_owned()),
        Just("%70".to_owned()),
        Just("%2570=a".to_owned()),
        Just("p=a?b".to_owned()),
    ];
    prop::option::of(prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&")))
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = prop::sample::select(vec![
        "accept-language",
        "x-theme",
        "cookie",
        "authorization",
        "x-forwarded-host",
        "range",
    ]);
    prop::collection::vec((name, "[ ]?[abAB]{0,2}[ ]?"), 0..4)
}

fn host() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "one.example",
        "ONE.example",
        "one.example:1",
        "one.example:",
        "two.example:8080",
        "Two.example:08080",
        "two.example",
        "evil.example",
    ])
}

fn sent() -> impl Strategy<Value = Sent> {
    let hosts = prop_oneof![
        8 => host().prop_map(|host| vec![host]),
        1 => prop::collection::vec(host(), 0..3),
    ];
    let authority = prop_oneof![4 => Just(None), 1 => host().prop_map(Some)];
    let parts = (path(), query(), headers(), hosts, authority, any::<bool>());
    parts.prop_map(|(path, query, headers, hosts, authority, extension)| Sent {
        path,
        query,
        headers,
        hosts,
        authority,
        extension,
    })
}

/// Makes two requests of which some parts are equal, or nearly equal.
fn pair() -> impl Strategy<Value = (Sent, Sent)> {
    let alike = any::<[bool; 6]>();
    (sent(), sent(), alike).prop_map(
        |(one, mut other, [path, query, headers, order, case, hosts])| {
            if path {
                other.path = one.path.replace("%2F", "%2f").replace("/a", "/%61");
            }
            if query {
                other.query.clone_from(&one.query);
            }
            if order {
                let reversed = |text: String| text.split('&').rev().collect::<Vec<_>>().join("&");
                other.query = other.query.map(reversed);
            }
            if headers {
                other.headers.clone_from(&one.headers);
            }
            if hosts {
                other.hosts.clone_from(&one.hosts);
                other.authority = one.authority;
            }
            if case {
                other
                    .headers
                    .iter_mut()
                    .for_each(|(_, value)| *value = format!(" {}", value.to_uppercase()));
            }
            (one, other)
        },
    )
}

impl Sent {
    fn request(&self) -> Request<Plain> {
        let target = self
            .query
            .as_ref()
            .map_or(self.path.clone(), |query| format!("{}?{query}", self.path));
        let target = self.authority.map_or(target.clone(), |authority| {
            format!("http://{authority}{target}")
        });
        let hosts = self.hosts.iter().map(|host| ("host", *host));
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let headers = headers.chain(hosts).collect::<Vec<_>>();
        let mut request = isr_tests::request::<Plain>(Method::GET, &target, &headers);
        if self.extension {
            request.extensions_mut().insert("a user");
        }
        request
    }

    /// Returns the declared parts of the request, for a layer with or without a list of hosts;
    /// `None` if the request is not for a page.
    fn declared(&self, listed: bool) -> Option<Declared> {
        let host = if listed {
            Some(self.listed_host()?)
        } else {
            None
        };
        let path = canonical(&self.path);
        let (query, vary): (&[&str], &[&str]) = match path.as_str() {
            "/static" => (&[], &["x-theme"]),
            wide if wide.starts_with("/w/") => (&["p", "q"], &["accept-language", "x-theme"]),
            _ => (&["p"], &[]),
        };
        let name = |pair: &str| {
            let name = pair.split('=').next().unwrap_or_default();
            name.replace("%70", "p").replace("%71", "q")
        };
        let pairs = self.query.iter().flat_map(|text| text.split('&'));
        let mut pairs = pairs
            .filter(|pair| query.contains(&name(pair).as_str()))
            .map(str::to_owned)
            .collect::<Vec<_>>();
        pairs.sort_by_key(|pair| name(pair));
        let headers = vary.iter().map(|wanted| {
            let lines = self.headers.iter().filter(|(name, _)| name == wanted);
            let lines = lines
                .map(|(_, value)| value.trim().to_owned())
                .collect::<Vec<_>>();
            let lower = |text: String| {
                if *wanted == "accept-language" {
                    text.to_lowercase()
                } else {
                    text
                }
            };
            (!lines.is_empty()).then(|| lower(lines.join(", ")))
        });
        Some(Declared {
            pairs,
            headers: headers.collect(),
            host,
            path,
        })
    }

    fn listed_host(&self) -> Option<&'static str> {
        let said = match self.hosts.as_slice() {
            [] => self.authority?,
            [host] => self.authority.unwrap_or(host),
            _ => return None,
        };
        match said.to_lowercase().as_str() {
            "one.example" | "one.example:1" | "one.example:" => Some(HOSTS[0]),
            "two.example:8080" | "two.example:08080" => Some(HOSTS[1]),
            _ => None,
        }
    }
}

/// Replaces only the escapes that [`path`] makes.
fn canonical(path: &str) -> String {
    path.replace("%61", "a")
        .replace("%2f", "%2F")
        .replace("%c3%a9", "%C3%A9")
}

/// Makes a site whose body names all that the handler saw, behind a layer with or without a list of
/// hosts.
fn site(listed: bool) -> (Site, Isr<Site>) {
    let site = Site::new();
    site.script(|seen, _| {
        let text = format!(
            "{} {} {:?} {}",
            seen.method,
            seen.uri,
            sorted(&seen.headers),
            seen.extensions.len()
        );
        Act::from(Reply::page().chunk(text))
    });
    let builder = IsrLayer::builder().without_registered().pages(PAGES);
    let builder = if listed {
        builder.hosts(HOSTS)
    } else {
        builder
    };
    let service = builder
        .build()
        .expect("all of it is accepted")
        .layer(site.clone());
    (site, service)
}

fn sorted(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let mut lines = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect::<Vec<_>>();
    lines.sort();
    lines
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(work)
}

/// Sends each request to a fresh site, so that both render. Returns headers, target and body of
/// each.
async fn apart(
    listed: bool,
    one: &Sent,
    other: &Sent,
) -> [(Vec<(String, Vec<u8>)>, http::Uri, String); 2] {
    let mut results = Vec::new();
    for sent in [one, other] {
        let (site, service) = site(listed);
        let answer = ask(&service, sent.request()).await;
        let seen = site.seen().pop().expect("a cold site renders");
        assert!(seen.body.is_empty() && seen.method == Method::GET && seen.extensions.is_empty());
        results.push((sorted(&seen.headers), seen.uri, answer.text().to_owned()));
    }
    results.try_into().expect("two requests give two results")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_share_an_answer_exactly_when_what_they_declare_is_equal(
        (one, other) in pair(),
        listed in any::<bool>(),
    ) {
        block_on(async {
            let (site, service) = site(listed);
            let first = ask(&service, one.request()).await;
            let second = ask(&service, other.request()).await;

            let shared = site.renders() == 1;
            let declared = [one.declared(listed), other.declared(listed)];
            prop_assert_eq!(shared, declared[0].is_some() && declared[0] == declared[1]);
            // A request that is not for a page reaches the handler unchanged, and shares nothing.
            if declared.iter().all(Option::is_some) {
                prop_assert_eq!(shared, first.text() == second.text());
            }
            Ok(())
        })?;
    }

    #[test]
    fn requests_with_one_key_give_the_handler_equal_inputs((one, other) in pair(), listed in any::<bool>()) {
        block_on(async {
            let (site, service) = site(listed);
            ask(&service, one.request()).await;
            ask(&service, other.request()).await;
            if site.renders() == 1 {
                let [one, other] = apart(listed, &one, &other).await;
                prop_assert_eq!(one, other);
            }
            Ok(())
        })?;
    }
}

use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::auth::{Bearer, StaticSecret};
use crate::invalidation::{SelectorReceipt, SelectorStatus};

pub(super) const SECRET: &str = "a secret of more than 24 bytes";

/// A cache that records its purges, and has one and the same outcome for every selector.
pub(super) struct Recorder {
    purges: Mutex<Vec<Purge>>,
    status: Mutex<SelectorStatus>,
}

impl Recorder {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            purges: Mutex::default(),
            status: Mutex::new(SelectorStatus::Regenerated),
        })
    }

    pub(super) fn purges(&self) -> Vec<Purge> {
        self.purges.lock().unwrap().clone()
    }

    /// Takes the purges recorded until now.
    pub(super) fn take_purges(&self) -> Vec<Purge> {
        std::mem::take(&mut self.purges.lock().unwrap())
    }

    pub(super) fn answers(&self, status: SelectorStatus) {
        *self.status.lock().unwrap() = status;
    }
}

impl Engine for Recorder {
    fn revalidate(&self, purge: Purge) -> Pin<Box<dyn Future<Output = Receipt> + Send + '_>> {
        self.purges.lock().unwrap().push(purge.clone());
        let status = *self.status.lock().unwrap();
        let receipts = purge
            .selectors()
            .map(|one| SelectorReceipt::new(one.clone(), status))
            .collect();
        Box::pin(async move { Receipt::new(Some(7), receipts) })
    }
}

pub(super) fn bearer() -> Bearer {
    Bearer::new(SECRET).unwrap()
}

pub(super) fn endpoint(engine: &Arc<Recorder>) -> RevalidateService {
    RevalidateService::with_engine(engine.clone(), bearer().into())
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

pub(super) async fn send<B: Body + Send + 'static>(
    service: &RevalidateService,
    request: Request<B>,
) -> Answer {
    let (head, body) = service.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let answer = Answer {
        status: head.status,
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap(),
    };
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(
        !String::from_utf8_lossy(&body).contains(SECRET),
        "an answer contains the secret"
    );
    answer
}

pub(super) fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/api/revalidate")
        .header("authorization", format!("Bearer {SECRET}"))
        .body(Full::new(body.into()))
        .unwrap()
}

pub(super) fn stranger(body: &'static str) -> Request<Full<Bytes>> {
    Request::post("/api/revalidate")
        .body(Full::from(body))
        .unwrap()
}

/// Asserts that the response is a problem with this status, and that the cache was not called.
pub(super) fn assert_refused(answer: &Answer, status: u16, engine: &Recorder) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.body["status"], status);
    assert_eq!(answer.body["type"], "about:blank");
    assert!(answer.body["title"].is_string() && answer.body["message"].is_string());
    assert!(engine.purges().is_empty(), "work was done");
}

#[tokio::test]
async fn a_path_is_revalidated_and_the_receipt_is_the_answer() {
    let engine = Recorder::new();

    let answer = send(&endpoint(&engine), post(r#"{"path": "/posts/a"}"#)).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.body["revalidated"], true);
    assert_eq!(answer.body["sequence"], 7);
    assert!(answer.body["now"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(
        answer.body["receipts"],
        json!([{"path": "/posts/a", "status": "regenerated"}])
    );
    assert_eq!(engine.purges(), [Purge::batch([Purge::path("/posts/a")])]);
}

#[tokio::test]
async fn put_does_what_post_does() {
    let engine = Recorder::new();
    let mut request = post(r#"{"tag": "posts"}"#);
    *request.method_mut() = Method::PUT;

    let answer = send(&endpoint(&engine), request).await;

    assert_eq!(answer.status, 200);
    assert_eq!(engine.purges(), [Purge::batch([Purge::tag("posts")])]);
}

#[tokio::test]
async fn an_unknown_path_is_200_with_revalidated_false() {
    let engine = Recorder::new();
    engine.answers(SelectorStatus::UnknownPath);

    let answer = send(&endpoint(&engine), post(r#"{"path": "/nowhere"}"#)).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["revalidated"], false);
    assert_eq!(answer.body["receipts"][0]["status"], "unknown_path");
}

#[tokio::test]
async fn it_is_500_with_the_receipt_when_every_render_failed() {
    let engine = Recorder::new();
    engine.answers(SelectorStatus::Failed);

    let answer = send(&endpoint(&engine), post(r#"{"paths": ["/a", "/b"]}"#)).await;

    assert_eq!(answer.status, 500);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.body["message"], "Error revalidating");
    assert_eq!(answer.body["revalidated"], false);
    assert_eq!(answer.body["receipts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn every_wrong_credential_gets_the_same_401() {
    let engine = Recorder::new();
    let wrong = [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic YTpi",
        "a secret of more than 24 bytes",
        "",
    ];
    let mut answers = Vec::new();

    for authorization in wrong {
        let mut request = stranger(r#"{"path": "/"}"#);
        request
            .headers_mut()
            .insert("authorization", authorization.parse().unwrap());
        answers.push(send(&endpoint(&engine), request).await);
    }
    answers.push(send(&endpoint(&engine), stranger(r#"{"path": "/"}"#)).await);
    answers.push(send(&endpoint(&engine), stranger("not even JSON")).await);

    for answer in &answers {
        assert_refused(answer, 401, &engine);
        assert_eq!(answer.body["message"], "Invalid token");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.body, answers[0].body);
    }
}

#[tokio::test]
async fn the_scheme_is_matched_without_regard_to_case() {
    let engine = Recorder::new();
    let mut request = post(r#"{"path": "/"}"#);
    request.headers_mut().insert(
        "authorization",
        format!("bEARER   {SECRET}").parse().unwrap(),
    );

    assert_eq!(send(&endpoint(&engine), request).await.status, 200);
}

#[tokio::test]
async fn another_method_is_405_and_names_those_that_are_allowed() {
    let engine = Recorder::new();
    let service = endpoint(&engine);

    for method in [
        Method::GET,
        Method::HEAD,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
    ] {
        let mut request = post("");
        *request.method_mut() = method;
        let answer = send(&service, request).await;
        assert_refused(&answer, 405, &engine);
        assert_eq!(answer.headers["allow"], "POST, PUT");
    }
}

#[tokio::test]
async fn a_get_that_was_allowed_revalidates_what_its_query_names() {
    let engine = Recorder::new();
    let service =
        RevalidateService::with_engine(engine.clone(), bearer().also_query("secret").into())
            .allow_get(true);
    let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let uri = format!(
        "/api/revalidate?secret={secret}&path=/posts/a&path=%2Fposts%2Fb&tag=new+posts&mode=expire"
    );

    let answer = send(
        &service,
        Request::get(uri).body(Full::<Bytes>::default()).unwrap(),
    )
    .await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    let named = [
        Purge::path("/posts/a"),
        Purge::path("/posts/b"),
        Purge::tag("new posts"),
    ];
    assert_eq!(
        engine.purges(),
        [Purge::batch(named).mode(crate::Mode::Expire)]
    );
}

#[tokio::test]
async fn a_get_without_the_secret_is_401_and_head_stays_405() {
    let engine = Recorder::new();
    let service =
        RevalidateService::with_engine(engine.clone(), bearer().also_query("secret").into())
            .allow_get(true);
    let get = Request::get("/?path=/a&secret=wrong")
        .body(Full::<Bytes>::default())
        .unwrap();
    let head = Request::head("/?path=/a")
        .body(Full::<Bytes>::default())
        .unwrap();

    assert_refused(&send(&service, get).await, 401, &engine);
    let refused = send(&service, head).await;
    assert_refused(&refused, 405, &engine);
    assert_eq!(refused.headers["allow"], "GET, POST, PUT");
}

#[tokio::test]
async fn a_secret_in_the_body_is_no_part_of_the_request() {
    let engine = Recorder::new();
    let secret = StaticSecret::pointer("/secret", SECRET).unwrap();
    let service = RevalidateService::with_engine(engine.clone(), secret.into());
    let body = |secret: &str| {
        Request::post("/").body(Full::<Bytes>::from(
            json!({"secret": secret, "path": "/a"}).to_string(),
        ))
    };

    let wrong = send(&service, body("wrong").unwrap()).await;
    assert_refused(&wrong, 401, &engine);
    let right = send(&service, body(SECRET).unwrap()).await;

    assert_eq!(right.status, 200, "{}", right.body);
}

#[tokio::test]
async fn a_compressed_body_and_a_form_are_415() {
    let engine = Recorder::new();
    let mut gzip = post("{}");
    gzip.headers_mut()
        .insert("content-encoding", "gzip".parse().unwrap());
    let mut form = post("path=/a");
    form.headers_mut().insert(
        "content-type",
        "application/x-www-form-urlencoded".parse().unwrap(),
    );

    assert_refused(&send(&endpoint(&engine), gzip).await, 415, &engine);
    assert_refused(&send(&endpoint(&engine), form).await, 415, &engine);
}

#[tokio::test]
async fn any_json_type_and_identity_are_read() {
    let engine = Recorder::new();

    for kind in [
        "application/json; charset=utf-8",
        "application/vnd.contentful.management.v1+json",
        "Text/JSON",
    ] {
        let mut request = post(r#"{"path": "/"}"#);
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        request
            .headers_mut()
            .insert("content-encoding", "identity".parse().unwrap());
        assert_eq!(
            send(&endpoint(&engine), request).await.status,
            200,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_413_announced_or_not() {
    let engine = Recorder::new();
    let mut announced = post("{}");
    announced
        .headers_mut()
        .insert("content-length", "1048577".parse().unwrap());

    assert_refused(&send(&endpoint(&engine), announced).await, 413, &engine);
    assert_refused(
        &send(&endpoint(&engine), post(vec![b' '; 1024 * 1024 + 1])).await,
        413,
        &engine,
    );
}

#[tokio::test]
async fn it_is_all_frames_together_that_are_held_to_one_mebibyte() {
    let engine = Recorder::new();
    let half = || Ok(http_body::Frame::data(Bytes::from(vec![b' '; 600 * 1024])));
    let endless = Frames(vec![half(), half()]);

    assert_refused(
        &send(&endpoint(&engine), post("").map(|_| endless)).await,
        413,
        &engine,
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_408_after_five_seconds() {
    let engine = Recorder::new();
    let request = post("").map(|_| Frames(Vec::new()));
    let started = clock::now();

    let answer = send(&endpoint(&engine), request).await;

    assert_refused(&answer, 408, &engine);
    assert_eq!(
        started.elapsed().as_secs(),
        Duration::from_secs(5).as_secs()
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let engine = Recorder::new();
    let start = Ok(http_body::Frame::data(Bytes::from("{\"path\"")));
    let broken = Frames(vec![Err(std::io::Error::other("reset")), start]);

    assert_refused(
        &send(&endpoint(&engine), post("").map(|_| broken)).await,
        400,
        &engine,
    );
}

#[tokio::test]
async fn what_is_malformed_is_400_and_over_a_limit_413_and_nothing_is_done() {
    let engine = Recorder::new();
    let service = endpoint(&engine);

    assert_refused(&send(&service, post("nonsense")).await, 400, &engine);
    assert_refused(
        &send(&service, post(r#"{"pth": "/a"}"#)).await,
        400,
        &engine,
    );
    let long = json!({"tag": "t".repeat(1_025)}).to_string();
    assert_refused(&send(&service, post(long)).await, 413, &engine);
}

#[test]
fn it_is_what_routers_ask_for() {
    fn mountable<S>(_: &S)
    where
        S: Service<Request<Full<Bytes>>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
    }

    mountable(&endpoint(&Recorder::new()));
    mountable(&RevalidateService::new(
        crate::IsrLayer::builder().build().unwrap().cache(),
        bearer(),
    ));
}

/// Yields these frames, then waits for ever.
struct Frames(Vec<Result<http_body::Frame<Bytes>, std::io::Error>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        self.0
            .pop()
            .map_or(Poll::Pending, |frame| Poll::Ready(Some(frame)))
    }
}

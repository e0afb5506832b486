//! Tests that a flood of abandoned requests in header mode stays within bounds: tasks, descriptors
//! and memory, over a real server in front of a slow origin, while other clients are served.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleError;
use axum::serve::ListenerExt;
use http::uri::{Parts, PathAndQuery, Scheme};
use http::{Request, StatusCode, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use isr_layer::IsrLayer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tower::{Layer, service_fn};

use crate::flood::{forget_peak, in_own_process, peak};

/// The variable that tells a process the kind of its flood.
const KIND: &str = "ISR_HEADER_FLOOD";
const KINDS: [&str; 4] = ["streams", "gets", "trickles", "hosts"];
/// The number of fetches that go on though no client waits for them.
const PLACES: usize = 64;
/// Bounds on what is left of a flood. A fetch is a task of the layer and one of the connection to the
/// origin, which has two ends in this process.
const MORE_TASKS: usize = 2 * PLACES + 16;
const MORE_DESCRIPTORS: usize = 2 * PLACES + 32;
const MEMORY: u64 = 64 << 20;
const LARGE: usize = 8 << 20;
static ALL_BUT_THE_END: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; LARGE - 1]);
/// The number of requests that a client of the flood opens before it leaves them.
const AT_ONCE: usize = 20;
/// Times below it are noise of the machine.
const NOISE: Duration = Duration::from_millis(5);
/// The size of the flood, in percent, from which the times of other clients are judged: a small one
/// runs beside other tests, which take the processors.
const FULL: usize = 100;

/// A runtime of its own for each part, so that tasks of clients are not counted as the server's.
struct House {
    server: Runtime,
    address: SocketAddr,
    _origin: Runtime,
}

impl House {
    fn new() -> Self {
        let (origin, server) = (runtime(1), runtime(2));
        let origin_address = origin.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            tokio::spawn(originate(listener));
            address
        });
        let address = server.block_on(serve(origin_address));
        Self {
            server,
            address,
            _origin: origin,
        }
    }

    fn tasks(&self) -> usize {
        self.server.metrics().num_alive_tasks()
    }

    /// Returns how many more tasks and descriptors there are than `tasks` and `open`, once they are
    /// within bounds, or after ten seconds: a busy machine takes its time to notice that clients
    /// left.
    fn settled(&self, tasks: usize, open: usize) -> (usize, usize) {
        let begun = Instant::now();
        loop {
            let grown = (
                self.tasks().saturating_sub(tasks),
                descriptors().saturating_sub(open),
            );
            let is_within = grown.0 <= MORE_TASKS && grown.1 <= MORE_DESCRIPTORS;
            if is_within || begun.elapsed() >= Duration::from_secs(10) {
                return grown;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn runtime(workers: usize) -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(workers).enable_all().build();
    runtime.expect("threads can be started")
}

/// Accepts connections to the origin: by path, it hangs, sends a large body but its end, or responds
/// at once.
async fn originate(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            // A connection that breaks is one that the proxy gave up.
            let _ = respond(stream).await;
        });
    }
}

async fn respond(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut wait_for_end = [0];
    loop {
        head.clear();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        if head.starts_with(b"GET /hang") {
            stream.read_exact(&mut wait_for_end).await?;
            return Ok(());
        }

        let length = if head.starts_with(b"GET /trickle") {
            LARGE
        } else {
            5
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\ncontent-length: {length}\r\n\r\n"
        );
        if length == LARGE {
            stream.write_all(head.as_bytes()).await?;
            for part in ALL_BUT_THE_END.chunks(64 << 10) {
                stream.write_all(part).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stream.read_exact(&mut wait_for_end).await?;
            return Ok(());
        }
        stream.write_all((head + "hello").as_bytes()).await?;
    }
}

/// Serves the origin through a layer in header mode; returns the address.
async fn serve(origin: SocketAddr) -> SocketAddr {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let pass = service_fn(move |mut request: Request<Body>| {
        let mut parts = Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(origin.to_string().parse().expect("an address is one"));
        let path = request.uri().path_and_query().cloned();
        parts.path_and_query = path.or(Some(PathAndQuery::from_static("/")));
        *request.uri_mut() = Uri::from_parts(parts).expect("all parts are there");
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().remove("host");
        client.request(request)
    });
    let isr = IsrLayer::builder()
        .cache_by_headers(true)
        .max_memory_bytes(MEMORY)
        .build()
        .expect("all of it is accepted");
    let cached = HandleError::new(isr.layer(pass), async |_| StatusCode::BAD_GATEWAY);

    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let app = Router::new().fallback_service(cached);
    let listener = listener.tap_io(|stream| {
        // The peer may have gone.
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Opens HTTP/2 streams and resets them, twenty at a time.
async fn reset_streams(address: SocketAddr, count: usize) {
    for twenty in 0..count.div_ceil(AT_ONCE) {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        let (mut client, connection) = h2::client::handshake(stream).await.expect("it speaks h2");
        let connection = tokio::spawn(connection);
        let mut streams = Vec::new();
        for number in 0..AT_ONCE {
            let uri = format!("http://flood/hang/h2/{twenty}/{number}");
            let request = Request::get(uri).body(()).expect("it is a URI");
            client = client.ready().await.expect("there is room for twenty");
            streams.push(
                client
                    .send_request(request, true)
                    .expect("the stream opens"),
            );
        }
        // Until the server has begun with them.
        tokio::time::sleep(Duration::from_millis(10)).await;
        for (_, stream) in &mut streams {
            stream.send_reset(h2::Reason::CANCEL);
        }
        drop(streams);
        tokio::time::sleep(Duration::from_millis(5)).await;
        connection.abort();
    }
}

/// Sends GETs and closes their connections, twenty at a time. Each lingers for so many milliseconds.
async fn abandon(address: SocketAddr, paths: impl Iterator<Item = String>, linger: u64) {
    let paths = paths.collect::<Vec<_>>();
    for twenty in paths.chunks(AT_ONCE) {
        let mut streams = Vec::new();
        for path in twenty {
            let request = format!("GET {path} HTTP/1.1\r\nhost: flood\r\n\r\n");
            let mut stream = TcpStream::connect(address)
                .await
                .expect("the server listens");
            let _ = stream.write_all(request.as_bytes()).await;
            streams.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(linger)).await;
    }
}

/// Asks for one path at many hosts, each of which is stored.
async fn ask_hosts(address: SocketAddr, count: usize) {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    for number in 0..count {
        get(&mut stream, "/page", &format!("host-{number}.example")).await;
    }
}

/// Sends a GET over a connection that is kept, and reads the response, whose body is `hello`.
async fn get(stream: &mut TcpStream, path: &str, host: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\nhello") {
        response.push(stream.read_u8().await.expect("the server responds"));
    }
}

async fn flood(kind: &str, address: SocketAddr, percent: usize) {
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    match kind {
        "streams" => reset_streams(address, 50 * percent).await,
        // Every second asks for a path that nineteen others ask for.
        "gets" => {
            let path = |number| match number % 2 {
                0 => format!("/hang/{round}/{}", number / AT_ONCE),
                _ => format!("/hang/{round}/alone/{number}"),
            };
            abandon(address, (0..50 * percent).map(path), 10).await;
        }
        "trickles" => {
            let count = AT_ONCE.max(percent * 60 / 100);
            let path = |number| format!("/trickle/{round}/{number}");
            abandon(address, (0..count).map(path), 400).await;
        }
        _ => ask_hosts(address, 100 * percent).await,
    }
}

/// Sends requests as another client until `ended`; returns the 99th percentile of their times. Every
/// other one is for a path that is stored, the rest miss.
async fn probe(address: SocketAddr, ended: &AtomicBool) -> Duration {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let mut times = Vec::new();
    while !ended.load(Ordering::Relaxed) || times.len() < 100 {
        let path = match times.len() % 2 {
            0 => "/stored".to_owned(),
            _ => format!("/new/{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        };
        let begun = Instant::now();
        get(&mut stream, &path, "other").await;
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Probes while `work` is done; returns the 99th percentile.
fn probe_during(address: SocketAddr, work: impl Future<Output = ()> + Send) -> Duration {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            give_way();
            let here = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            here.expect("it needs no thread").block_on(work);
            ended.store(true, Ordering::Relaxed);
        });
        runtime(1).block_on(probe(address, &ended))
    })
}

/// Lets this thread wait for the others: the clients of a flood have processors of their own.
fn give_way() {
    let thread = std::fs::read_link("/proc/thread-self").expect("there is a /proc");
    let id = thread.file_name().expect("a thread has an id");
    let renice = std::process::Command::new("renice")
        .args(["-n", "19", "-p"])
        .arg(id)
        .output();
    assert!(renice.is_ok_and(|said| said.status.success()));
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("there is a /proc")
        .count()
}

/// Floods in this process, which does nothing else.
fn one_flood(kind: &str, percent: usize) {
    let house = House::new();
    let calm = || async { tokio::time::sleep(Duration::from_millis(150)).await };
    probe_during(house.address, calm());
    let (tasks, open) = (house.tasks(), descriptors());
    forget_peak();
    let resident = peak();

    // Another process may take the processors for a while: the first of six that is fair counts.
    let mut ratios = (0..6).map(|_| {
        let before = probe_during(house.address, calm());
        let during = probe_during(house.address, flood(kind, house.address, percent));
        println!("{kind}: p99 of others {before:?} before, {during:?} during");
        during.as_secs_f64() / before.max(NOISE).as_secs_f64()
    });
    let is_fair = ratios.any(|ratio| ratio <= 5.0 || percent < FULL);
    let (tasks, open) = house.settled(tasks, open);
    let grown = (tasks, open, peak().saturating_sub(resident) >> 20);
    println!(
        "{kind}: {} more tasks, {} descriptors, {} MiB at the peak",
        grown.0, grown.1, grown.2
    );

    assert!(grown.0 <= MORE_TASKS, "{} more tasks", grown.0);
    assert!(grown.1 <= MORE_DESCRIPTORS, "{} more descriptors", grown.1);
    assert!(
        grown.2 <= 2 * (MEMORY >> 20),
        "{} MiB more resident",
        grown.2
    );
    assert!(is_fair, "others waited more than five times as long");
}

/// Runs [`one_flood`] in a process of its own. `test` is the test that calls this, which that process
/// runs again.
fn assert_bounded(kind: &str, test: &str) {
    match in_own_process(test, &[(KIND, kind)]) {
        Ok(said) => println!("{said}"),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn three_hundred_abandoned_requests_of_each_kind_stay_within_bounds() {
    if let Ok(kind) = std::env::var(KIND) {
        return one_flood(&kind, 6);
    }
    let test = "flood_headers::three_hundred_abandoned_requests_of_each_kind_stay_within_bounds";
    std::thread::scope(|scope| {
        for kind in KINDS {
            scope.spawn(move || assert_bounded(kind, test));
        }
    });
}

#[test]
#[ignore = "slow: 5,000 requests of each kind, up to six times; run by .ci/run"]
fn five_thousand_abandoned_requests_of_each_kind_stay_within_bounds() {
    if let Ok(kind) = std::env::var(KIND) {
        return one_flood(&kind, FULL);
    }
    let test = "flood_headers::five_thousand_abandoned_requests_of_each_kind_stay_within_bounds";
    // One after the other, so that the times of one flood are not those of all.
    for kind in KINDS {
        assert_bounded(kind, test);
    }
}

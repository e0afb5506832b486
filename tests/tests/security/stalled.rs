//! Tests a thousand clients that send a mebibyte each to the revalidation endpoint, all but its
//! last byte, and then nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use hmac::{KeyInit, Mac};
use isr_layer::auth::Hmac;
use isr_layer::{IsrLayer, Page};
use isr_tests::Site;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::flood::{forget_peak, in_own_process, peak};

const SECRET: &str = "zebra-quartz-lantern-0123456789";
const CLIENTS: usize = 1_000;
/// The least number of valid calls beside them.
const CALLS: usize = 20;
/// The bound on the bodies of an endpoint.
const BODIES: u64 = 16 << 20;
/// The variable that tells the process the header in which its clients have a signature.
const HEADER: &str = "ISR_STALLED_HEADER";
/// The bodies that the clients send, all but a byte of each.
static BODY: [u8; 1 << 20] = [b' '; 1 << 20];

/// Sends a call. Returns the whole response, or nothing if the server closed.
async fn call(address: SocketAddr, header: &str, length: usize, body: &[u8]) -> String {
    let head = format!(
        "POST /api/revalidate HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n\
         content-length: {length}\r\n\r\n"
    );
    let mut said = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address).await {
        // The server may refuse and close while this is written.
        _ = stream.write_all(head.as_bytes()).await;
        _ = stream.write_all(body).await;
        _ = stream.read_to_end(&mut said).await;
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn sign(body: &[u8]) -> String {
    let mut code = hmac::Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    code.update(body);
    let code = code.finalize().into_bytes();
    code.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").expect("there is a /proc");
    open.count()
}

async fn serve() -> SocketAddr {
    let isr = IsrLayer::builder().pages([Page::new("/about")]).build();
    let isr = isr.expect("one page contradicts nothing");
    let endpoint = isr.revalidate_service(Hmac::github(SECRET).expect("it is long enough"));
    let router = Router::new()
        .route_service("/api/revalidate", endpoint)
        .fallback_service(Site::new().for_axum());
    let app = isr
        .wrap(router)
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends the bodies in this process, which does nothing else. The clients have this `header`.
async fn one_thousand_stalled_bodies(header: String) {
    let address = serve().await;
    let valid: &[u8] = br#"{"path": "/about"}"#;
    let signature = format!("x-hub-signature-256: sha256={}", sign(valid));
    call(address, &signature, valid.len(), valid).await;
    let (open_before, started) = (descriptors(), Instant::now());
    forget_peak();
    let before = peak();

    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let header = header.clone();
            tokio::spawn(async move { call(address, &header, BODY.len(), &BODY[1..]).await })
        })
        .collect();
    let is_over = || clients.iter().all(JoinHandle::is_finished);
    let (mut calls, mut meanwhile, mut refused, mut slowest) = (0, 0, 0, Duration::ZERO);
    while calls < CALLS || !is_over() {
        let sent = Instant::now();
        let said = call(address, &signature, valid.len(), valid).await;
        slowest = slowest.max(sent.elapsed());
        calls += 1;
        meanwhile += usize::from(!is_over());
        refused += usize::from(!said.starts_with("HTTP/1.1 200 "));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let grown = peak().saturating_sub(before);
    for client in clients {
        client.await.expect("a client does not panic");
    }
    let ended = started.elapsed();
    let open = descriptors();

    println!(
        "{CLIENTS} stalled bodies with `{header}`: {} KiB more resident; {calls} valid calls, \
         {meanwhile} meanwhile, {refused} refused, slowest {slowest:?}; all ended after {ended:?}, \
         descriptors {open_before} -> {open}",
        grown / 1024
    );
    assert_eq!(refused, 0, "of {calls} valid calls");
    // Measured without a signature, whose bodies are not read: 7 to 15 MiB. Else 81 to 101 MiB: the
    // bodies, and of each client about 80 KiB that hyper and its sockets hold.
    let bound = if header.contains("sha256") {
        // A call that waits for the bodies waits until their time is over.
        assert!(meanwhile >= CALLS, "only {meanwhile} calls beside them");
        BODIES + CLIENTS as u64 * (104 << 10)
    } else {
        2 * BODIES
    };
    assert!(grown < bound, "resident memory grew by {grown} bytes");
    assert!(ended < Duration::from_secs(60), "{ended:?}");
    assert!(open <= open_before + 2, "{open_before} -> {open}");
}

#[test]
fn a_thousand_stalled_mebibytes_are_bounded_and_no_valid_call_waits() {
    if let Ok(header) = std::env::var(HEADER) {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads can be started");
        return runtime.block_on(one_thousand_stalled_bodies(header));
    }
    let test = "stalled::a_thousand_stalled_mebibytes_are_bounded_and_no_valid_call_waits";
    for header in ["x-hub-signature-256: sha256=00", "x-nothing: 0"] {
        let said = in_own_process(test, &[(HEADER, header)]);
        println!("{}", said.unwrap_or_else(|failure| panic!("{failure}")));
    }
}

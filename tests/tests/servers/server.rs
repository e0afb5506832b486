//! A real server in a directory of its own, and a service that forwards requests to it.

use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpStream;
use tower::Service;

use crate::Plain;

/// Time in which a server has to listen. Varnish compiles its configuration before.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Time in which a server has to end after it was told to.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that runs in the foreground. It ends with this value, and its directory with it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) directory: Directory,
    process: Child,
}

/// A temporary directory. It can be read by all users, since servers give up the rights of root.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
}

/// A service that forwards to a server, and notes the heads of requests and responses.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    address: SocketAddr,
    client: Client<HttpConnector, Plain>,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

/// The heads of a request and of its response.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: HeaderMap,
    pub(crate) status: StatusCode,
    pub(crate) response: HeaderMap,
}

impl Server {
    /// Starts a program of Debian at a free port of the loopback interface, and waits until it
    /// listens. `configure` writes its configuration into the directory, and returns its arguments.
    ///
    /// # Panics
    ///
    /// If it does not start; the message holds its log.
    pub(crate) async fn start(
        program: &str,
        directory: Directory,
        configure: impl Fn(&Directory, SocketAddr) -> Vec<String>,
    ) -> Self {
        // Another process may take the port before the server does.
        for _ in 0..3 {
            let address = free_address();
            let mut process = directory.spawn(program, &configure(&directory, address));
            if listens(&mut process, address).await {
                return Self {
                    address,
                    directory,
                    process,
                };
            }
            stop(&mut process);
        }
        panic!("{program} does not start; its log:\n{}", directory.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("isr-servers-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Left by an earlier process of this number that was killed.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("the temporary directory can be written to");
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, whose folder is made if need be.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path.join(name);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("the temporary directory can be written to");
        fs::write(path, content).expect("the temporary directory can be written to");
    }

    fn spawn(&self, program: &str, arguments: &[String]) -> Child {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path.join("log"))
            .expect("the temporary directory can be written to");
        let errors = log.try_clone().expect("the log is open");

        // The `PATH` of a normal user may lack this folder.
        let in_sbin = Path::new("/usr/sbin").join(program);
        let program = if in_sbin.exists() {
            in_sbin
        } else {
            PathBuf::from(program)
        };
        // A group of its own: the children of the server end with it, and Apache ends its whole
        // group when it stops.
        Command::new(&program)
            .args(arguments)
            .current_dir(&self.path)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; .ci/run installs it", program.display()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path.join("log")).unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Forward {
    pub(crate) fn to(address: SocketAddr) -> Self {
        // A connection for each request: no idle one can end while a request is sent on it.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        Self {
            address,
            client,
            exchanges: Arc::default(),
        }
    }

    /// Returns what was forwarded to a host so far, in order.
    pub(crate) fn exchanges(&self, host: &str) -> Vec<Exchange> {
        let exchanges = self.lock();
        let of_host = exchanges
            .iter()
            .filter(|exchange| exchange.request.get(HOST).is_some_and(|name| name == host));
        of_host.cloned().collect()
    }

    async fn forward(self, mut request: Request<Plain>) -> Result<Response<Incoming>, Error> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", PathAndQuery::as_str);
        let uri = format!("http://{}{path}", self.address);
        *request.uri_mut() = uri.parse().expect("an address and a path make a URI");
        let asked = request.headers().clone();

        let mut response = self.client.request(request).await?;

        // These are about one connection.
        let keep_alive = HeaderName::from_static("keep-alive");
        for name in [CONNECTION, TRANSFER_ENCODING, keep_alive] {
            response.headers_mut().remove(name);
        }
        self.lock().push(Exchange {
            request: asked,
            status: response.status(),
            response: response.headers().clone(),
        });
        Ok(response)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<Request<Plain>> for Forward {
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Plain>) -> Self::Future {
        Box::pin(self.clone().forward(request))
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("the listener is bound")
}

/// Waits until a server listens. Returns false if it ended before or took too long.
async fn listens(process: &mut Child, address: SocketAddr) -> bool {
    let start = Instant::now();
    while start.elapsed() < START_TIMEOUT && is_running(process) {
        if TcpStream::connect(address).await.is_ok() {
            // Another server may have taken the port: ours then ends.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return is_running(process);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// Ends a server with its children, and waits for its end.
fn stop(process: &mut Child) {
    for signal in ["TERM", "KILL"] {
        if !is_running(process) {
            return;
        }
        // The standard library can only kill, and only one process.
        let command = format!("kill -s {signal} -- -{}", process.id());
        let _ = Command::new("sh").args(["-c", &command]).status();

        let start = Instant::now();
        while start.elapsed() < STOP_TIMEOUT && is_running(process) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn is_running(process: &mut Child) -> bool {
    matches!(process.try_wait(), Ok(None))
}

//! Drives a real browser: headless Chromium through ChromeDriver, both from Debian's packages. Both
//! end with the test.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::ChromeCapabilities;
use thirtyfour::prelude::*;

/// Keeps Chromium from requests of its own: in a closed network they take time and fill the log.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1000,900",
];

/// Time limit of each step, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The browser at one site. The session ends before the processes do, also if the test fails.
pub(crate) struct Browser {
    page: WebDriver,
    site: String,
    _processes: Driver,
}

/// ChromeDriver, which starts Chromium and ends it too.
struct Driver {
    process: Child,
    /// The standard output of ChromeDriver. It must stay open, since ChromeDriver would end at its
    /// next line otherwise.
    printed: BufReader<ChildStdout>,
    profile: PathBuf,
}

impl Browser {
    /// Opens a browser without any history, for the site at `addr`.
    pub(crate) async fn open(addr: &str) -> Self {
        Self::open_as(addr, DesiredCapabilities::chrome()).await
    }

    /// Opens a browser with the screen of a telephone of so many pixels.
    pub(crate) async fn open_on_telephone(addr: &str, width: u32) -> Self {
        let mut wanted = DesiredCapabilities::chrome();
        let screen = json!({"deviceMetrics": {"width": width, "height": 740, "pixelRatio": 1}});
        wanted
            .add_experimental_option("mobileEmulation", screen)
            .expect("it is JSON");
        Self::open_as(addr, wanted).await
    }

    async fn open_as(addr: &str, mut wanted: ChromeCapabilities) -> Self {
        let (driver, port) = Driver::start();
        let profile = format!("--user-data-dir={}", driver.profile.display());
        for argument in ARGUMENTS.into_iter().chain([profile.as_str()]) {
            wanted.add_arg(argument).expect("it is a text");
        }
        let page = WebDriver::builder(format!("http://127.0.0.1:{port}"), wanted)
            .request_timeout(PATIENCE);
        let page = page.await.expect("Chromium starts");
        Self {
            page,
            site: format!("http://{addr}"),
            _processes: driver,
        }
    }

    pub(crate) async fn go(&self, path: &str) {
        self.page
            .goto(format!("{}{path}", self.site))
            .await
            .expect("the page loads");
    }

    pub(crate) async fn reload(&self) {
        self.page.refresh().await.expect("the page loads");
    }

    /// Returns the text of the only matching element, once it is shown.
    pub(crate) async fn text(&self, selector: &str) -> String {
        self.element(selector)
            .await
            .text()
            .await
            .expect("it is still there")
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.element(selector)
            .await
            .click()
            .await
            .expect("it can be clicked");
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let field = self.element(selector).await;
        field.clear().await.expect("it is a field");
        field.send_keys(text).await.expect("it takes keys");
    }

    /// Runs a script and returns its value.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let returned = self.page.execute(script, Vec::<Value>::new()).await;
        returned.expect("the script is valid").json().clone()
    }

    /// Saves a screenshot in the build directory, for people to look at.
    pub(crate) async fn photograph(&self, name: &str) {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        self.page
            .screenshot(&file)
            .await
            .expect("the directory is the test's own");
    }

    async fn element(&self, selector: &str) -> WebElement {
        let query = self.page.query(By::Css(selector)).and_displayed();
        query
            .wait(PATIENCE, Duration::from_millis(50))
            .single()
            .await
            .expect("the page has it once")
    }
}

impl Driver {
    /// Starts ChromeDriver on a free port. Returns the port too.
    fn start() -> (Self, u16) {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver is there: apt-get install chromium chromium-driver");
        let profile =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{}", process.id()));
        let printed = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut driver = Self {
            process,
            printed,
            profile,
        };
        let mut lines = driver.printed.by_ref().lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            line.split_once("successfully on port ")?
                .1
                .trim_end_matches('.')
                .parse()
                .ok()
        });
        (driver, port.expect("it tells its port once it listens"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Asks ChromeDriver to end, so that it ends its browsers first; kills it if it does not.
        let pid = self.process.id().to_string();
        Command::new("kill").arg(&pid).status().ok();
        for _ in 0..100 {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.process.kill().ok();
        self.process.wait().ok();
        std::fs::remove_dir_all(&self.profile).ok();
    }
}

//! Starts the blog program for a test, and sends requests to it by a minimal client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) const SECRET: &str = "a-secret-that-is-long-enough-to-use";

/// The running program, with a database of its own that is removed with it.
pub(crate) struct Blog {
    process: Child,
    addr: String,
    database: PathBuf,
    printed: Vec<String>,
}

/// The response to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Blog {
    pub(crate) fn start() -> Self {
        Self::start_with(&[], Stdio::inherit())
    }

    pub(crate) fn start_with(env: &[(&str, &str)], errors: Stdio) -> Self {
        let database = database();
        let (process, addr, printed) = run(&database, env, errors);
        Self {
            process,
            addr,
            database,
            printed,
        }
    }

    /// Ends the program by a signal, and starts it again with its database and its pages.
    #[cfg(unix)]
    pub(crate) fn restart(&mut self, signal: &str, env: &[(&str, &str)]) {
        self.signal(signal);
        self.process.wait().expect("it is our child");
        (self.process, self.addr, self.printed) = run(&self.database, env, Stdio::inherit());
    }

    /// The lines that it printed until it listened.
    #[cfg(unix)]
    pub(crate) fn printed(&self) -> &[String] {
        &self.printed
    }

    /// Runs a program that cannot start. Returns its exit code and its standard error.
    pub(crate) fn fails_with(env: &[(&str, &str)]) -> (Option<i32>, String) {
        let database = database();
        let output = program(&database)
            .envs(env.iter().copied())
            .output()
            .expect("the program runs");
        remove(&database);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    pub(crate) fn addr(&self) -> String {
        self.addr.clone()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Writes the post at `path` as a program would, without any purge.
    pub(crate) fn put(&self, path: &str, json: &str) -> Answer {
        self.send(
            "PUT",
            &format!("/api{path}"),
            &[&bearer(), "content-type: application/json"],
            json,
        )
    }

    pub(crate) fn revalidate(&self, json: &str) -> Answer {
        self.send(
            "POST",
            "/api/revalidate",
            &[&bearer(), "content-type: application/json"],
            json,
        )
    }

    /// Renames the database, so that every query fails.
    pub(crate) fn take_database_away(&self) {
        std::fs::rename(&self.database, self.database.with_extension("away")).expect("it is there");
    }

    /// Logs in and returns the `cookie` header of the session.
    pub(crate) fn log_in(&self) -> String {
        let answer = self.form("/admin/login", "", &format!("secret={SECRET}"));
        let cookie = answer.header("set-cookie").expect("the secret is right");
        format!("cookie: {}", cookie.split(';').next().unwrap_or_default())
    }

    /// Sends a form like a browser on the site itself.
    pub(crate) fn form(&self, path: &str, cookie: &str, fields: &str) -> Answer {
        let origin = format!("origin: http://{}", self.addr);
        let mut headers = vec!["content-type: application/x-www-form-urlencoded", &origin];
        headers.extend(Some(cookie).filter(|cookie| !cookie.is_empty()));
        self.send("POST", path, &headers, fields)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.addr).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("not zero");
        let headers: String = headers
            .iter()
            .map(|header| format!("{header}\r\n"))
            .collect();
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        let host = &self.addr;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}{length}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("it answers in text");
        Answer::parse(&answer)
    }

    /// Ends the program. Returns its standard error, which was piped.
    pub(crate) fn errors(mut self) -> String {
        self.process.kill().expect("it runs");
        let mut errors = String::new();
        let mut piped = self.process.stderr.take().expect("it is piped");
        piped.read_to_string(&mut errors).expect("it is text");
        errors
    }

    /// Sends a signal and waits for the exit code.
    #[cfg(unix)]
    pub(crate) fn stop(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.process.wait().expect("it is our child").code()
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status()
            .expect("there is a kill");
    }
}

impl Drop for Blog {
    fn drop(&mut self) {
        // Fails if the program has ended already; nothing is to be done then.
        self.process.kill().ok();
        self.process.wait().ok();
        remove(&self.database);
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn parse(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .expect("and a status");
        Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

/// Starts the program. Returns its address and the lines before it.
fn run(database: &Path, env: &[(&str, &str)], errors: Stdio) -> (Child, String, Vec<String>) {
    let mut process = program(database)
        .envs([("BLOG_ADDR", "127.0.0.1:0"), ("REVALIDATE_SECRET", SECRET)])
        .envs(env.iter().copied())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .expect("the program was built for this test");
    let stdout = BufReader::new(process.stdout.take().expect("it is piped"));
    let mut printed = Vec::new();
    for line in stdout.lines().map_while(Result::ok) {
        if let Some(addr) = line.trim().strip_prefix("http://")
            && let Some((addr, _)) = addr.split_once("/demo ")
        {
            return (process, addr.to_owned(), printed);
        }
        printed.push(line);
    }
    process.kill().ok();
    process.wait().ok();
    panic!("it prints its addresses once it listens, not {printed:?}");
}

fn program(database: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blog"));
    command.env("BLOG_DB", database).env_remove("ISR_BUILD_ID");
    command
}

fn bearer() -> String {
    format!("authorization: Bearer {SECRET}")
}

fn database() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("site-{}-{number}.sqlite", std::process::id()))
}

fn remove(database: &Path) {
    std::fs::remove_dir_all(database.with_extension("pages")).ok();
    std::fs::remove_file(database.with_extension("away")).ok();
    for end in ["", "-journal"] {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        std::fs::remove_file(name).ok();
    }
}

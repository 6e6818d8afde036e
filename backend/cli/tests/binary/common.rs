//! A `mycopod` of a test's own: the binary, a folder, and a person who is logged in.

use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub const EMAIL: &str = "admin@example.org";
pub const PASSWORD: &str = "correct-horse-battery-7";
/// A debug build on a busy machine with two cores; initdb alone takes seconds there.
const READY_TIMEOUT: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A folder for one test. Others may pass through it: as root the private PostgreSQL
/// runs under an account of its own.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("mycopod-cli.").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary, with nothing of this process's environment but the path.
    pub fn mycopod(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mycopod"));
        command.args(args).env_clear().env("HOME", self.path()).current_dir(self.path()).stdin(Stdio::null());
        command.env("PATH", option_env!("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin"));
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        self.mycopod(args).envs(variables.iter().copied()).output().unwrap()
    }

    /// Starts the server and waits until it is ready.
    pub fn serve(&self, variables: &[(&str, &str)]) -> Server<'_> {
        let log = self.path().join("log");
        let written = File::create(&log).unwrap();
        let child = self
            .mycopod(&["serve"])
            .env("MYCOPOD_DATA_DIR", self.path().join("data"))
            .env("MYCOPOD_LISTEN", "127.0.0.1:0")
            .env("MYCOPOD_ADMIN_EMAIL", EMAIL)
            .env("MYCOPOD_ADMIN_PASSWORD", PASSWORD)
            .envs(variables.iter().copied())
            .stdout(written.try_clone().unwrap())
            .stderr(written)
            .spawn()
            .unwrap();
        let mut server = Server { home: self, child, log, url: String::new() };
        let deadline = Instant::now() + READY_TIMEOUT;
        server.url = loop {
            let log = server.log();
            if let Some(ready) = log.lines().find_map(|line| line.strip_prefix("Ready: ")) {
                break ready.split(' ').next().unwrap().to_owned();
            }
            assert!(server.child.try_wait().unwrap().is_none() && Instant::now() < deadline, "not ready:\n{log}");
            std::thread::sleep(LOOK_AGAIN);
        };
        server
    }
}

/// A running server; told to stop when dropped.
pub struct Server<'a> {
    home: &'a Home,
    child: Child,
    log: PathBuf,
    pub url: String,
}

impl Server<'_> {
    /// What it has written so far.
    pub fn log(&self) -> String {
        let mut text = String::new();
        File::open(&self.log).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// `kill -9`, of this process alone: its PostgreSQL goes on.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the end that follows.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.terminate();
        let status = self.child.wait().unwrap();
        (status, self.log())
    }

    fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// A client command against it.
    pub fn run(&self, args: &[&str]) -> Output {
        self.home.run(args, &[("MYCOPOD_URL", &self.url)])
    }

    /// Logs in on the command line, for the commands to come.
    pub fn keep_session(&self) {
        let mut child = self
            .home
            .mycopod(&["login", &self.url, "--email", EMAIL])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// A person who is logged in.
    pub async fn login(&self) -> Person {
        let http = reqwest::Client::builder().timeout(Duration::from_mins(1)).build().unwrap();
        let mut person = Person { http, url: format!("{}/api/v1", self.url), token: String::new() };
        let session = person.post("/login", &json!({ "email": EMAIL, "password": PASSWORD })).await;
        person.token = session["token"].as_str().unwrap().to_owned();
        person
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // A test that fails must not leave its PostgreSQL behind.
        if let Ok(None) = self.child.try_wait() {
            self.terminate();
            let _ = self.child.wait();
        }
    }
}

/// Somebody who uses the API.
pub struct Person {
    http: reqwest::Client,
    url: String,
    pub token: String,
}

impl Person {
    pub async fn get(&self, path: &str) -> Value {
        self.answer(self.http.get(format!("{}{path}", self.url))).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.answer(self.http.post(format!("{}{path}", self.url)).json(body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The declaration when nothing is under way with it.
    pub async fn settled(&self, id: &str) -> Value {
        loop {
            let declaration = self.get(&format!("/declarations/{id}?wait=30")).await;
            if !["reading", "approved", "applying"].contains(&declaration["status"].as_str().unwrap()) {
                return declaration;
            }
        }
    }

    /// Declares, and approves the plan.
    pub async fn approve(&self, content: &str) -> String {
        let made = self.post("/declarations", &json!({ "content": content })).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let planned = self.settled(&id).await;
        assert_eq!(planned["status"], "awaiting_approval", "{planned:#}");
        let body = json!({ "plan_digest": planned["plan"]["digest"], "destroy": [] });
        self.post(&format!("/declarations/{id}/confirm"), &body).await;
        id
    }
}

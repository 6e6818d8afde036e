//! A sandbox and a client that reads answers as Proxmox VE's clients do.

use std::path::Path;
use std::time::Duration;

use hyper::ext::ReasonPhrase;
use mycopod_sandbox::{Options, Running, Sandbox, World};
use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};

/// The token that every sandbox of the tests is reached with.
pub const TOKEN: &str = "root@pam!lab=SECRET";

/// A sandbox with a client for it.
pub struct Lab {
    pub running: Running,
    pub client: Client,
}

/// An answer: status, reason phrase, body (null where it is empty).
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub body: Value,
}

impl Answer {
    /// The `data` of a success.
    pub fn data(self) -> Value {
        assert_eq!(self.status, 200, "{} {}", self.reason, self.body);
        self.body["data"].clone()
    }
}

impl Lab {
    pub async fn start(world: World, time_scale: f64, data_dir: Option<&Path>) -> Self {
        let running = Sandbox::start(Options {
            listen: ([127, 0, 0, 1], 0).into(),
            world,
            token: Some(TOKEN.to_owned()),
            time_scale,
            data_dir: data_dir.map(Path::to_path_buf),
        })
        .await
        .unwrap();
        let certificate = Certificate::from_pem(running.ca_pem().as_bytes()).unwrap();
        let client = Client::builder()
            .tls_certs_only([certificate])
            .http1_only()
            .pool_idle_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self { running, client }
    }

    pub async fn demo() -> Self {
        Self::start(World::Demo, 0.0, None).await
    }

    /// Sends a request; `body` is a form's encoding.
    pub async fn send(
        &self,
        verb: &str,
        path: &str,
        authorization: &str,
        body: Option<String>,
    ) -> reqwest::Result<Answer> {
        let url = format!("{}{path}", self.running.url());
        let mut request = self.client.request(Method::from_bytes(verb.as_bytes()).unwrap(), url);
        if !authorization.is_empty() {
            request = request.header("Authorization", authorization);
        }
        if let Some(body) = body {
            let json = body.starts_with('{');
            let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            request = request.header("Content-Type", kind).body(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let phrase = response.extensions().get::<ReasonPhrase>();
        let reason = match phrase {
            Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status: status.as_u16(), reason, body })
    }

    /// Calls a method of the JSON API as root's token.
    pub async fn call(&self, verb: &str, path: &str, fields: &Value) -> Answer {
        let body = (!fields.is_null()).then(|| form(fields));
        let path = format!("/api2/json{path}");
        self.send(verb, &path, &format!("PVEAPIToken={TOKEN}"), body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        self.call("GET", path, &Value::Null).await.data()
    }

    /// Starts a task and waits for it; gives its exit status.
    pub async fn run(&self, verb: &str, path: &str, fields: Value) -> String {
        let upid = self.call(verb, path, &fields).await.data();
        self.wait(upid.as_str().unwrap()).await
    }

    pub async fn wait(&self, upid: &str) -> String {
        let node = upid.split(':').nth(1).unwrap();
        for _ in 0..400 {
            let status = self.get(&format!("/nodes/{node}/tasks/{upid}/status")).await;
            if let Some(exit) = status["exitstatus"].as_str() {
                return exit.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{upid} does not end");
    }

    /// A small VM on `pve1`.
    pub async fn vm(&self, vmid: u32) {
        let fields = json!({ "vmid": vmid, "name": format!("vm-{vmid}"), "memory": 512, "scsi0": "local:1" });
        assert_eq!(self.run("POST", "/nodes/pve1/qemu", fields).await, "OK");
    }
}

/// Encodes fields as a form does.
pub fn form(fields: &Value) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pair = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", encode(name), encode(&value))
    };
    fields.as_object().into_iter().flatten().map(pair).collect::<Vec<_>>().join("&")
}

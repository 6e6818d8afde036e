//! The control endpoints, over plain HTTP.

use std::net::SocketAddr;

use crate::common::Lab;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

/// A sandbox with its control endpoints.
struct Controlled {
    lab: Lab,
    address: SocketAddr,
    client: Client,
}

impl Controlled {
    async fn start() -> Self {
        let lab = Lab::demo().await;
        let address = lab.running.control(([127, 0, 0, 1], 0).into()).await.unwrap();
        Self { lab, address, client: Client::builder().build().unwrap() }
    }

    fn request(&self, verb: &str, path: &str) -> RequestBuilder {
        self.client.request(verb.parse().unwrap(), format!("http://{}{path}", self.address))
    }

    async fn send(&self, verb: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(verb, path);
        answer(if body.is_null() { request } else { request.body(body.to_string()) }).await
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn faults_are_added_listed_and_cleared() {
    let control = Controlled::start().await;
    let fault = json!({ "request": {
        "method": "GET", "path": "/version", "times": 2, "effect": { "answer": { "status": 596, "reason": "Broken pipe" } },
    } });
    assert_eq!(control.send("POST", "/faults", fault).await, (200, json!({ "data": 1 })));
    assert_eq!(control.send("POST", "/faults?seconds=60", json!({ "no_quorum": null })).await.1["data"], 2);
    assert_eq!(control.lab.call("GET", "/version", &Value::Null).await.status, 596);
    let (_, list) = control.send("GET", "/faults", Value::Null).await;
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["hits"]), (&json!(1), &json!(1)));
    assert_eq!(list["data"][1]["fault"], json!("no_quorum"));
    assert!(list["data"][1]["until"].is_number() && list["data"][0]["until"].is_null());
    assert_eq!(control.send("DELETE", "/faults/1", Value::Null).await.0, 200);
    assert_eq!(control.send("DELETE", "/faults/1", Value::Null).await.0, 404);
    assert_eq!(control.lab.call("GET", "/version", &Value::Null).await.status, 200);
    assert_eq!(control.send("DELETE", "/faults", Value::Null).await, (200, json!({ "data": 1 })));
    assert_eq!(control.send("GET", "/faults", Value::Null).await.1, json!({ "data": [] }));
}

#[tokio::test]
async fn every_fault_of_the_readme_is_understood() {
    let readme = include_str!("../../README.md");
    let bodies = |path: &str| -> Vec<Value> {
        let lines = readme.lines().filter(|line| line.contains("curl ") && line.contains(path));
        lines.filter_map(|line| line.split('\'').nth(1)).map(|body| serde_json::from_str(body).unwrap()).collect()
    };
    let (faults, deeds) = (bodies("/faults"), bodies("/by-hand"));
    assert!(faults.len() >= 10 && deeds.len() >= 8, "{} {}", faults.len(), deeds.len());
    for (path, body) in faults.iter().map(|body| ("/faults", body)).chain(deeds.iter().map(|body| ("/by-hand", body))) {
        // Each on its own: some exclude others.
        let control = Controlled::start().await;
        let (status, answer) = control.send("POST", path, body.clone()).await;
        assert_eq!(status, 200, "{body}: {answer}");
    }
}

#[tokio::test]
async fn what_is_not_understood_or_cannot_be_is_refused_with_a_reason() {
    let control = Controlled::start().await;
    for (verb, path, body, status) in [
        ("POST", "/faults", json!({ "request": { "path": "/", "effect": "explode" } }), 400),
        ("POST", "/faults", json!({ "request": { "path": "/", "effect": "drop_reply", "tmies": 2 } }), 400),
        ("POST", "/faults", json!({ "request": { "path": "nodes", "effect": "drop_reply" } }), 400),
        ("POST", "/faults", json!("nothing"), 400),
        ("POST", "/faults?seconds=soon", json!("no_quorum"), 400),
        ("POST", "/faults?seconds=-1", json!("no_quorum"), 409),
        ("POST", "/faults", json!({ "node_offline": { "node": "pve9" } }), 409),
        ("POST", "/by-hand", json!({ "destroy": { "vmid": 999 } }), 409),
        ("POST", "/by-hand", json!({ "destroy": {} }), 400),
        ("PUT", "/faults", Value::Null, 404),
        ("DELETE", "/faults/x", Value::Null, 404),
    ] {
        let (got, answer) = control.send(verb, path, body.clone()).await;
        assert_eq!(got, status, "{verb} {path} {body}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|error| error.len() > 10), "{answer}");
    }
    let (status, _) = answer(control.request("POST", "/faults").body("x".repeat(300_000))).await;
    assert_eq!(status, 413);
    assert_eq!(control.send("GET", "/faults", Value::Null).await.1, json!({ "data": [] }));
}

#[tokio::test]
async fn only_this_machine_is_served_and_no_web_page() {
    let control = Controlled::start().await;
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let refused = control.lab.running.control(address.parse().unwrap()).await.unwrap_err();
        assert!(matches!(refused, mycopod_sandbox::Error::NotLoopback(_)), "{refused}");
    }
    let ask = || control.request("POST", "/faults").body("\"no_quorum\"");
    for request in [ask().header("Origin", "http://example.com"), ask().header("Host", "example.com:80")] {
        assert_eq!(answer(request).await.0, 403);
    }
    assert!(control.lab.running.faults().is_empty());
    assert_eq!(answer(ask().header("Host", format!("localhost:{}", control.address.port()))).await.0, 200);
}

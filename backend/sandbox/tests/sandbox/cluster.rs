//! What clients build on: claims, locks, pending changes, lag, durability, limits.

use std::time::Duration;

use crate::common::{Lab, TOKEN};
use mycopod_sandbox::World;
use serde_json::{Value, json};

/// A twentieth of real time: slow enough to look in between.
const QUICK: f64 = 0.05;

#[tokio::test]
async fn of_two_creations_with_one_vmid_one_is_refused() {
    let lab = Lab::start(World::Demo, QUICK, None).await;
    let fields = json!({ "vmid": 500, "name": "twice" });
    let (first, second) =
        tokio::join!(lab.call("POST", "/nodes/pve1/qemu", &fields), lab.call("POST", "/nodes/pve2/qemu", &fields));
    let refused = if first.status == 200 { second } else { first };
    assert_eq!(refused.status, 500);
    assert!(
        refused.reason.starts_with("unable to create VM 500 - VM 500 already exists on node 'pve"),
        "{}",
        refused.reason
    );
}

#[tokio::test]
async fn during_a_creation_the_configuration_is_a_lock_and_nothing_may_change_it() {
    let lab = Lab::start(World::Demo, QUICK, None).await;
    let fields = json!({ "vmid": 500, "name": "new", "description": "mine", "scsi0": "local-lvm:8" });
    let upid = lab.call("POST", "/nodes/pve1/qemu", &fields).await.data();
    let config = lab.get("/nodes/pve1/qemu/500/config").await;
    let options: Vec<&String> = config.as_object().unwrap().keys().collect();
    assert_eq!(options, ["digest", "lock"]);
    assert_eq!(config["lock"], "create");
    assert_eq!(lab.wait(upid.as_str().unwrap()).await, "OK");
    let config = lab.get("/nodes/pve1/qemu/500/config").await;
    assert_eq!(config["description"], "mine");
    assert_eq!(config["scsi0"], "local-lvm:vm-500-disk-0,size=8G");
    assert_eq!(config["lock"], Value::Null);
}

#[tokio::test]
async fn a_stale_digest_is_refused_and_changes_nothing() {
    let lab = Lab::demo().await;
    let path = "/nodes/pve1/qemu/111/config";
    let before = lab.get(path).await["digest"].clone();
    lab.call("PUT", path, &json!({ "cores": 2, "digest": before })).await.data();
    let refused = lab.call("PUT", path, &json!({ "cores": 3, "digest": before })).await;
    assert_eq!((refused.status, refused.reason.as_str()), (500, "checksum mismatch (file change by other user?)"));
    let now = lab.get(path).await;
    assert_eq!(now["cores"], 2);
    lab.call("PUT", path, &json!({ "cores": 2 })).await.data();
    assert_eq!(lab.get(path).await["digest"], now["digest"], "a change to what is so keeps the digest");
}

#[tokio::test]
async fn what_cannot_change_at_run_time_is_pending_until_the_guest_stops() {
    let lab = Lab::demo().await;
    let guest = "/nodes/pve1/qemu/101";
    lab.call("PUT", &format!("{guest}/config"), &json!({ "memory": 8192, "tags": "b;a" })).await.data();
    assert_eq!(lab.get(&format!("{guest}/config")).await["memory"], "8192");
    let active = lab.get(&format!("{guest}/config?current=1")).await;
    assert_eq!((&active["memory"], &active["tags"]), (&json!("4096"), &json!("a;b")));
    let pending = lab.get(&format!("{guest}/pending")).await;
    let memory = pending.as_array().unwrap().iter().find(|entry| entry["key"] == "memory").unwrap();
    assert_eq!(memory, &json!({ "key": "memory", "value": "4096", "pending": "8192" }));
    assert_eq!(lab.run("POST", &format!("{guest}/status/reboot"), json!({})).await, "OK");
    assert_eq!(lab.get(&format!("{guest}/config?current=1")).await["memory"], "8192");
    assert_eq!(lab.get(&format!("{guest}/status/current")).await["status"], "running");
}

#[tokio::test]
async fn resources_lag_where_lists_do_not() {
    let lab = Lab::start(World::Demo, QUICK, None).await;
    // Past the first broadcast.
    tokio::time::sleep(Duration::from_millis(50)).await;
    lab.get("/version").await;
    lab.vm(500).await;
    let find = |list: Value| list.as_array().unwrap().iter().find(|entry| entry["vmid"] == 500).cloned().unwrap();
    assert_eq!(find(lab.get("/nodes/pve1/qemu").await)["name"], "vm-500");
    let mut seen = find(lab.get("/cluster/resources?type=vm").await);
    let first = seen["status"].clone();
    for _ in 0..200 {
        if seen["name"] == "vm-500" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        seen = find(lab.get("/cluster/resources?type=vm").await);
    }
    assert_eq!(seen["name"], "vm-500");
    assert!(first == "unknown" || first == "stopped");
    assert_eq!(seen["status"], "stopped");
}

#[tokio::test]
async fn a_running_task_goes_on_after_the_process_ended() {
    let directory = tempfile::tempdir().unwrap();
    let lab = Lab::start(World::Demo, QUICK, Some(directory.path())).await;
    let fields = json!({ "vmid": 500, "name": "kept", "scsi0": "local-lvm:8" });
    let upid = lab.call("POST", "/nodes/pve1/qemu", &fields).await.data();
    let authority = lab.running.ca_pem().to_owned();
    // Not shut down: what was answered is on disk already.
    drop(lab);
    let lab = Lab::start(World::Empty, QUICK, Some(directory.path())).await;
    assert_eq!(lab.running.ca_pem(), authority, "clients go on trusting it");
    assert_eq!(lab.wait(upid.as_str().unwrap()).await, "OK");
    assert_eq!(lab.get("/nodes/pve1/qemu/500/config").await["name"], "kept");
}

#[tokio::test]
async fn a_stop_waits_for_a_shutdown_and_overrules_it_when_told_to() {
    let lab = Lab::start(World::Empty, QUICK, None).await;
    let fields = json!({ "vmid": 500, "kvm": 0, "scsi0": "local:1" });
    assert_eq!(lab.run("POST", "/nodes/pve1/qemu", fields).await, "OK");
    assert_eq!(lab.run("POST", "/nodes/pve1/qemu/500/status/start", json!({})).await, "OK");
    let shutdown = lab.call("POST", "/nodes/pve1/qemu/500/status/shutdown", &json!({ "timeout": 600 })).await.data();
    let stop = lab.run("POST", "/nodes/pve1/qemu/500/status/stop", json!({})).await;
    assert_eq!(stop, "can't lock file '/var/lock/qemu-server/lock-500.conf' - got timeout");
    let fields = json!({ "overrule-shutdown": 1 });
    let stop = lab.call("POST", "/nodes/pve1/qemu/500/status/stop", &fields).await.data();
    assert_eq!(lab.wait(stop.as_str().unwrap()).await, "OK");
    let log = lab.get(&format!("/nodes/pve1/tasks/{}/log", stop.as_str().unwrap())).await;
    assert_eq!(log[0]["t"], format!("overruled qmshutdown tasks: {}", shutdown.as_str().unwrap()));
    assert_ne!(lab.wait(shutdown.as_str().unwrap()).await, "OK");
    assert_eq!(lab.get("/nodes/pve1/qemu/500/status/current").await["status"], "stopped");
}

#[tokio::test]
async fn deleting_a_guest_frees_its_disks_and_leaves_its_pools() {
    let lab = Lab::demo().await;
    lab.call("POST", "/pools", &json!({ "poolid": "p" })).await.data();
    lab.call("PUT", "/pools/p", &json!({ "vms": "111" })).await.data();
    let volumes = |list: Value| list.as_array().unwrap().iter().filter(|volume| volume["vmid"] == 111).count();
    assert_eq!(volumes(lab.get("/nodes/pve1/storage/local-lvm/content").await), 1);
    assert_eq!(lab.run("DELETE", "/nodes/pve1/qemu/111?purge=1&destroy-unreferenced-disks=1", Value::Null).await, "OK");
    assert_eq!(volumes(lab.get("/nodes/pve1/storage/local-lvm/content").await), 0);
    assert_eq!(lab.get("/pools/p").await["members"], json!([]));
}

#[tokio::test]
async fn a_template_with_linked_clones_is_deleted_on_thin_storage_alone() {
    let lab = Lab::demo().await;
    let create = json!({ "vmid": 9500, "scsi0": "local:1,format=qcow2", "name": "on-files" });
    assert_eq!(lab.run("POST", "/nodes/pve1/qemu", create).await, "OK");
    assert_eq!(lab.run("POST", "/nodes/pve1/qemu/9500/template", Value::Null).await, "OK");
    for (template, clone) in [(9500, 500), (9000, 501)] {
        let path = format!("/nodes/pve1/qemu/{template}/clone");
        assert_eq!(lab.run("POST", &path, json!({ "newid": clone, "name": "linked" })).await, "OK");
    }
    let exit = lab.run("DELETE", "/nodes/pve1/qemu/9500", Value::Null).await;
    assert_eq!(exit, "base volume 'local:9500/base-9500-disk-0.qcow2' is still in use by linked cloned");
    assert_eq!(lab.get("/nodes/pve1/qemu/9500/config").await["name"], "on-files");
    assert_eq!(lab.run("DELETE", "/nodes/pve1/qemu/9000", Value::Null).await, "OK");
    assert!(lab.get("/nodes/pve1/qemu/501/config").await["scsi0"].is_string());
}

#[tokio::test]
async fn a_world_can_be_taken_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let lab = Lab::start(World::Empty, 0.0, Some(directory.path())).await;
    lab.vm(500).await;
    lab.running.shutdown().await;
    let saved = directory.path().join("world.json");
    let lab = Lab::start(World::File(saved), 0.0, None).await;
    assert_eq!(lab.get("/nodes/pve1/qemu/500/config").await["name"], "vm-500");
}

#[tokio::test]
async fn hostile_input_is_refused_and_the_sandbox_lives_on() {
    let lab = Lab::demo().await;
    let token = format!("PVEAPIToken={TOKEN}");
    let requests: [(&str, &str, Option<&str>); 12] = [
        ("GET", "/api2/json/%", None),
        ("GET", "/api2/json/nodes/%ff%fe/status", None),
        ("GET", "/api2/json/nodes/pve1/qemu/99999999999999999999/config", None),
        ("GET", "/api2/json/nodes/pve1/tasks/UPID:::::::::/status", None),
        ("POST", "/api2/json/nodes/pve1/qemu", Some("vmid=600&scsi0=local:99999999999999999999999")),
        ("POST", "/api2/json/nodes/pve1/qemu", Some("vmid=601&net0=,,,=,virtio==")),
        ("PUT", "/api2/json/nodes/pve1/qemu/111/resize", Some("disk=scsi0&size=%2B99999999999999999999T")),
        ("PUT", "/api2/json/nodes/pve1/qemu/111/config", Some("delete=,;;%00")),
        ("POST", "/api2/json/nodes/pve1/qemu", Some("{\"vmid\":{\"a\":[1]}}")),
        ("POST", "/api2/json/pools", Some("poolid=%2e%2e%2f%2e%2e")),
        ("GET", "/api2/json/nodes/pve1/storage/local/content/local:", None),
        ("GET", "/api2/json/cluster/resources?type=vm&type=vm", None),
    ];
    for (verb, path, body) in requests {
        let answer = lab.send(verb, path, &token, body.map(str::to_owned)).await.unwrap();
        assert!(!answer.reason.contains("failed to carry"), "{verb} {path}: {}", answer.reason);
    }
    assert_eq!(lab.get("/version").await["version"], "8.4.1");
}

#[tokio::test]
async fn a_login_gives_a_ticket_that_needs_its_csrf_token_to_write() {
    let lab = Lab::demo().await;
    let login = "username=root%40pam&password=secret123".to_owned();
    let answer = lab.send("POST", "/api2/json/access/ticket", "", Some(login)).await.unwrap().data();
    let ticket = format!("PVEAuthCookie={}", answer["ticket"].as_str().unwrap());
    let read = lab.send("GET", "/api2/json/version", &ticket, None).await.unwrap();
    assert_eq!(read.status, 200);
    let write = lab.send("POST", "/api2/json/pools", &ticket, Some("poolid=p".into())).await.unwrap();
    assert_eq!((write.status, write.reason.as_str()), (401, "Permission denied - invalid csrf token"));
    assert_eq!(write.body, Value::Null);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_words() {
    let lab = Lab::demo().await;
    let body = format!("description={}", "x".repeat(600_000));
    let token = format!("PVEAPIToken={TOKEN}");
    let answer = lab.send("PUT", "/api2/json/cluster/options", &token, Some(body)).await.unwrap();
    assert_eq!((answer.status, answer.reason.as_str()), (501, "for data too large"));
}

#[tokio::test]
async fn a_connection_serves_a_hundred_requests_and_errors_close_it() {
    let lab = Lab::demo().await;
    let url = format!("{}/api2/json/version", lab.running.url());
    let get = || lab.client.get(&url).header("Authorization", format!("PVEAPIToken={TOKEN}")).send();
    let mut kept = Vec::new();
    for _ in 0..100 {
        let response = get().await.unwrap();
        kept.push(response.headers()["connection"].clone());
        response.bytes().await.unwrap();
    }
    assert!(kept[..99].iter().all(|connection| connection == "Keep-Alive"));
    assert_eq!(kept[99], "close");
    let wrong = lab.client.get(&url).header("Authorization", "PVEAPIToken=root@pam!lab=WRONG").send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), &wrong.headers()["connection"]), (401, &"close".parse().unwrap()));
}

#[tokio::test]
async fn a_token_without_rights_sees_and_does_nothing() {
    let lab = Lab::demo().await;
    lab.call("POST", "/access/users", &json!({ "userid": "alice@pve" })).await.data();
    let made = lab.call("POST", "/access/users/alice@pve/token/own", &json!({ "privsep": 0 })).await.data();
    let token = format!("PVEAPIToken=alice@pve!own={}", made["value"].as_str().unwrap());
    let get = |path: &'static str| lab.send("GET", path, &token, None);
    assert_eq!(get("/api2/json/nodes/pve1/qemu").await.unwrap().data(), json!([]));
    let denied = get("/api2/json/nodes/pve1/qemu/101/config").await.unwrap();
    assert_eq!((denied.status, denied.reason.as_str()), (403, "Permission check failed (/vms/101, VM.Audit)"));
    let start = lab.send("POST", "/api2/json/nodes/pve1/qemu/111/status/start", &token, None).await.unwrap();
    assert_eq!(start.status, 403);
    let grant = json!({ "path": "/vms/111", "roles": "PVEVMUser", "users": "alice@pve" });
    lab.call("PUT", "/access/acl", &grant).await.data();
    let start = lab.send("POST", "/api2/json/nodes/pve1/qemu/111/status/start", &token, None).await.unwrap();
    assert_eq!(start.status, 200);
}

#[tokio::test]
async fn root_that_is_deleted_is_there_again_without_its_tokens() {
    let lab = Lab::demo().await;
    lab.call("DELETE", "/access/users/root@pam", &Value::Null).await.data();
    let by_token = lab.call("GET", "/version", &Value::Null).await;
    assert_eq!((by_token.status, by_token.reason.as_str()), (401, "no such token 'lab' for user 'root@pam'"));
    let login = "username=root%40pam&password=secret123".to_owned();
    lab.send("POST", "/api2/json/access/ticket", "", Some(login)).await.unwrap().data();
}

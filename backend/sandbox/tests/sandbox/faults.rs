//! Faults on demand, each over real connections.

use std::time::{Duration, Instant};

use crate::common::{Answer, Lab, TOKEN};
use mycopod_sandbox::{ByHand, Effect, Fault, Leaves, RequestFault, TaskEffect, TaskFault, World};
use serde_json::{Value, json};

/// A twentieth of real time: slow enough to look in between.
const QUICK: f64 = 0.05;
/// Longer than any answer takes by itself.
const A_WHILE: f64 = 0.3;

const CREATE: &str = "/nodes/*/qemu";

async fn try_create(lab: &Lab, vmid: u32) -> reqwest::Result<Answer> {
    let body = Some(format!("vmid={vmid}&name=new"));
    lab.send("POST", "/api2/json/nodes/pve1/qemu", &format!("PVEAPIToken={TOKEN}"), body).await
}

async fn exists(lab: &Lab, vmid: u32) -> bool {
    lab.call("GET", &format!("/nodes/pve1/qemu/{vmid}/config"), &Value::Null).await.status == 200
}

fn of<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|entry| entry[key] == value).unwrap()
}

#[tokio::test]
async fn a_lost_request_is_not_carried_out_and_a_lost_reply_is() {
    let lab = Lab::demo().await;
    lab.running.inject(Fault::request("POST", CREATE, Effect::DropRequest)).unwrap();
    assert!(try_create(&lab, 500).await.is_err());
    assert!(!exists(&lab, 500).await);
    lab.running.inject(Fault::request("POST", CREATE, Effect::DropReply)).unwrap();
    assert!(try_create(&lab, 501).await.is_err());
    assert!(exists(&lab, 501).await);
    assert_eq!(try_create(&lab, 502).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_answer_in_place_of_pves_has_no_body_and_the_call_happened_or_not() {
    let lab = Lab::demo().await;
    for (vmid, status, executed) in [(500, 595, false), (501, 596, false), (502, 599, false), (503, 599, true)] {
        let reason = format!("Broken {status}");
        let effect = Effect::Answer { status, reason: reason.clone(), executed };
        lab.running.inject(Fault::request("POST", CREATE, effect)).unwrap();
        let answer = try_create(&lab, vmid).await.unwrap();
        assert_eq!((answer.status, answer.reason, answer.body), (status, reason, Value::Null));
        assert_eq!(exists(&lab, vmid).await, executed, "{status}");
    }
}

#[tokio::test]
async fn a_fault_passes_some_requests_and_hits_others() {
    let lab = Lab::demo().await;
    let effect = Effect::Answer { status: 599, reason: "timeout".into(), executed: false };
    let id = lab.running.inject(Fault::request("GET", "/nodes/pve1/**", effect).after(1).times(2)).unwrap();
    let mut seen = Vec::new();
    for path in
        ["/nodes/pve1/qemu", "/nodes/pve1/qemu", "/nodes/pve2/qemu", "/nodes/pve1/qemu/101/config", "/nodes/pve1/qemu"]
    {
        seen.push(lab.call("GET", path, &Value::Null).await.status);
    }
    assert_eq!(seen, [200, 599, 200, 599, 200]);
    let injected = &lab.running.faults()[0];
    assert_eq!((injected.id, injected.passed, injected.hits), (id, 1, 2));
}

#[tokio::test]
async fn of_two_faults_the_older_hits_first_and_one_request_is_hit_once() {
    let lab = Lab::demo().await;
    for status in [595, 596] {
        let effect = Effect::Answer { status, reason: String::new(), executed: false };
        let any = RequestFault { method: None, path: "/**".into(), after: 0, times: 1, effect };
        lab.running.inject(Fault::Request(any)).unwrap();
    }
    let mut seen = Vec::new();
    for verb in ["GET", "POST", "GET"] {
        let path = if verb == "GET" { "/version" } else { "/nodes/pve1/qemu/111/status/start" };
        seen.push(lab.call(verb, path, &Value::Null).await.status);
    }
    assert_eq!(seen, [595, 596, 200]);
}

#[tokio::test]
async fn a_delay_holds_the_call_back_or_its_reply() {
    let lab = Lab::demo().await;
    let config = "/nodes/pve1/qemu/111/config";
    for (cores, effect, early) in
        [(2, Effect::Delay { seconds: A_WHILE }, false), (3, Effect::DelayReply { seconds: A_WHILE }, true)]
    {
        lab.running.inject(Fault::request("PUT", "/nodes/*/qemu/*/config", effect)).unwrap();
        let began = Instant::now();
        let write = async {
            lab.call("PUT", config, &json!({ "cores": cores })).await.data();
            began.elapsed()
        };
        let look = async {
            tokio::time::sleep(Duration::from_secs_f64(A_WHILE / 2.0)).await;
            lab.get(config).await["cores"] == cores
        };
        let (took, seen) = tokio::join!(write, look);
        assert!(took >= Duration::from_secs_f64(A_WHILE));
        assert_eq!(seen, early, "the call is carried out before the delay or after it");
        assert_eq!(lab.get(config).await["cores"], cores);
    }
}

#[tokio::test]
async fn a_body_breaks_off_or_is_quietly_shorter() {
    let lab = Lab::demo().await;
    let inject = |quietly| {
        lab.running
            .inject(Fault::request("GET", "/cluster/resources", Effect::Truncate { bytes: 40, quietly }))
            .unwrap();
    };
    let get = || async {
        let url = format!("{}/api2/json/cluster/resources", lab.running.url());
        let response =
            lab.client.get(url).header("Authorization", format!("PVEAPIToken={TOKEN}")).send().await.unwrap();
        (response.status().as_u16(), response.content_length(), response.bytes().await)
    };
    inject(false);
    let (status, length, body) = get().await;
    assert_eq!(status, 200);
    assert!(length.unwrap() > 1_000 && body.is_err(), "less came than was announced");
    inject(true);
    let (status, length, body) = get().await;
    assert_eq!((status, length), (200, Some(40)));
    assert!(serde_json::from_slice::<Value>(&body.unwrap()).is_err(), "what came is no JSON");
    assert!(get().await.2.is_ok());
}

#[tokio::test]
async fn a_task_fails_and_leaves_nothing_or_its_claim_or_its_work() {
    let lab = Lab::demo().await;
    for (vmid, leaves) in [(500, Leaves::Nothing), (501, Leaves::Halfway), (502, Leaves::Done)] {
        let effect = TaskEffect::Fail { status: "start failed: on demand".into(), leaves };
        lab.running.inject(Fault::task("qmcreate", effect)).unwrap();
        let fields = json!({ "vmid": vmid, "name": "new", "scsi0": "local-lvm:1" });
        let upid = lab.call("POST", "/nodes/pve1/qemu", &fields).await.data();
        assert_eq!(lab.wait(upid.as_str().unwrap()).await, "start failed: on demand");
        let log = lab.get(&format!("/nodes/pve1/tasks/{}/log", upid.as_str().unwrap())).await;
        let last = log.as_array().unwrap().last().unwrap()["t"].clone();
        assert_eq!(last, "TASK ERROR: start failed: on demand");
    }
    assert!(!exists(&lab, 500).await);
    let claimed = lab.get("/nodes/pve1/qemu/501/config").await;
    assert_eq!((&claimed["lock"], &claimed["name"]), (&json!("create"), &Value::Null));
    let delete = lab.run("DELETE", "/nodes/pve1/qemu/501", Value::Null).await;
    assert_eq!(delete, "VM is locked (create)");
    assert_eq!(lab.get("/nodes/pve1/qemu/502/config").await["name"], "new");
}

#[tokio::test]
async fn a_failed_migration_or_snapshot_takes_its_lock_away() {
    let lab = Lab::demo().await;
    let deeds = [
        ("qmigrate", "migrate", json!({ "target": "pve2" })),
        ("qmsnapshot", "snapshot", json!({ "snapname": "one" })),
    ];
    for (task, path, fields) in deeds {
        lab.running
            .inject(Fault::task(task, TaskEffect::Fail { status: "broken".into(), leaves: Leaves::Nothing }))
            .unwrap();
        assert_eq!(lab.run("POST", &format!("/nodes/pve1/qemu/111/{path}"), fields).await, "broken");
        assert_eq!(lab.get("/nodes/pve1/qemu/111/config").await["lock"], Value::Null);
    }
    assert_eq!(lab.get("/nodes/pve1/qemu/111/snapshot").await.as_array().unwrap().len(), 1, "the present alone");
}

#[tokio::test]
async fn a_task_ends_in_warnings_and_has_done_its_work() {
    let lab = Lab::demo().await;
    let fault = TaskFault { kind: None, vmid: Some(111), after: 0, times: 1, effect: TaskEffect::Warn { count: 2 } };
    lab.running.inject(Fault::Task(fault)).unwrap();
    let other = lab.run("POST", "/nodes/pve2/qemu/112/status/start", json!({})).await;
    assert_eq!(other, "OK", "it is for another guest");
    let upid = lab.call("POST", "/nodes/pve1/qemu/111/status/start", &json!({})).await.data();
    assert_eq!(lab.wait(upid.as_str().unwrap()).await, "WARNINGS: 2");
    let log = lab.get(&format!("/nodes/pve1/tasks/{}/log", upid.as_str().unwrap())).await;
    let lines: Vec<&str> = log.as_array().unwrap().iter().map(|line| line["t"].as_str().unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("WARN: ")).count(), 2);
    assert_eq!(lines.last(), Some(&"TASK WARNINGS: 2"));
    assert_eq!(lab.get("/nodes/pve1/qemu/111/status/current").await["status"], "running");
}

#[tokio::test]
async fn a_slow_task_runs_longer_and_holds_its_guests_lock_meanwhile() {
    let lab = Lab::demo().await;
    lab.running.inject(Fault::task("qmstart", TaskEffect::Slow { seconds: 1.0 })).unwrap();
    let began = Instant::now();
    let upid = lab.call("POST", "/nodes/pve1/qemu/111/status/start", &json!({})).await.data();
    let upid = upid.as_str().unwrap();
    let status = lab.get(&format!("/nodes/pve1/tasks/{upid}/status")).await;
    assert!(status["status"] == "running" || began.elapsed() >= Duration::from_secs(1));
    assert_eq!(lab.wait(upid).await, "OK");
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_foreign_lock_bars_what_proxmox_bars_until_it_is_cleared() {
    let lab = Lab::demo().await;
    let locked = |lock: &str| Fault::GuestLocked { vmid: 111, lock: lock.into() };
    for lock in ["backup", "migrate", "snapshot-delete"] {
        let id = lab.running.inject(locked(lock)).unwrap();
        assert_eq!(lab.get("/nodes/pve1/qemu/111/config").await["lock"], lock);
        let list = lab.get("/cluster/resources?type=vm").await;
        assert_eq!(of(&list, "id", "qemu/111")["lock"], lock);
        let start = lab.run("POST", "/nodes/pve1/qemu/111/status/start", json!({})).await;
        assert_eq!(start, format!("VM is locked ({lock})"));
        let change = lab.call("PUT", "/nodes/pve1/qemu/111/config", &json!({ "cores": 2 })).await;
        assert_eq!((change.status, change.reason), (500, format!("VM is locked ({lock})")));
        assert!(lab.running.inject(locked("backup")).is_err(), "it has a lock already");
        assert!(lab.running.clear(id).unwrap());
        assert_eq!(lab.get("/nodes/pve1/qemu/111/config").await["lock"], Value::Null);
    }
    lab.running.inject_for(locked("backup"), Duration::from_millis(1)).unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(lab.run("POST", "/nodes/pve1/qemu/111/status/start", json!({})).await, "OK");
    assert!(lab.running.faults().is_empty());
}

#[tokio::test]
async fn a_full_storage_takes_no_new_disk_and_says_how_full_it_is() {
    let lab = Lab::demo().await;
    let full = |storage: &str| Fault::StorageFull { storage: storage.into(), node: Some("pve1".into()) };
    lab.running.inject(full("local-lvm")).unwrap();
    lab.running.inject(full("local")).unwrap();
    let list = lab.get("/nodes/pve1/storage").await;
    let thin = of(&list, "storage", "local-lvm");
    assert_eq!((&thin["avail"], &thin["used"]), (&json!(0), &thin["total"]));
    let resources = lab.get("/cluster/resources?type=storage").await;
    let (here, there) =
        (of(&resources, "id", "storage/pve1/local-lvm"), of(&resources, "id", "storage/pve2/local-lvm"));
    assert_eq!(here["disk"], here["maxdisk"]);
    assert_ne!(there["disk"], there["maxdisk"]);
    let create = |node: &str, vmid: u32, storage: &str| {
        let fields = json!({ "vmid": vmid, "scsi0": format!("{storage}:1") });
        let path = format!("/nodes/{node}/qemu");
        let lab = &lab;
        async move { lab.run("POST", &path, fields).await }
    };
    let exit = create("pve1", 500, "local-lvm").await;
    assert!(exit.starts_with("unable to create VM 500 - lvcreate ") && exit.ends_with(" reached threshold."), "{exit}");
    assert!(create("pve1", 501, "local").await.ends_with(": No space left on device"));
    assert!(!exists(&lab, 500).await && !exists(&lab, 501).await);
    let backup = lab.run("POST", "/nodes/pve1/vzdump", json!({ "vmid": "111", "storage": "local" })).await;
    assert_eq!(backup, "job errors");
    assert_eq!(create("pve2", 502, "local-lvm").await, "OK");
    lab.running.clear_all().unwrap();
    assert_eq!(create("pve1", 500, "local-lvm").await, "OK");
}

#[tokio::test]
async fn an_offline_node_answers_nothing_and_its_guests_are_unknown_not_gone() {
    let lab = Lab::demo().await;
    let id = lab.running.inject(Fault::NodeOffline { node: "pve2".into() }).unwrap();
    for (verb, path) in [
        ("GET", "/nodes/pve2/qemu"),
        ("GET", "/nodes/pve2/status"),
        ("GET", "/nodes/pve2/qemu/102/config"),
        ("GET", "/nodes/pve2/qemu/999/config"),
        ("POST", "/nodes/pve2/qemu/112/status/start"),
        ("GET", "/nodes/pve2/storage/local/content"),
    ] {
        let answer = lab.call(verb, path, &Value::Null).await;
        assert_eq!(
            (answer.status, answer.reason.as_str(), answer.body),
            (595, "No route to host", Value::Null),
            "{path}"
        );
    }
    let list = lab.get("/nodes").await;
    let (up, down) = (of(&list, "node", "pve1"), of(&list, "node", "pve2"));
    assert_eq!((&up["status"], &down["status"]), (&json!("online"), &json!("offline")));
    assert_eq!((&down["maxmem"], &down["uptime"]), (&Value::Null, &Value::Null));
    let resources = lab.get("/cluster/resources").await;
    let (here, there) = (of(&resources, "id", "qemu/101"), of(&resources, "id", "qemu/102"));
    assert_eq!((&here["status"], &here["name"]), (&json!("running"), &json!("web-01")));
    assert_eq!((&there["status"], &there["name"], &there["node"]), (&json!("unknown"), &Value::Null, &json!("pve2")));
    assert_eq!(of(&resources, "id", "node/pve2")["status"], "offline");
    assert_eq!(of(&resources, "id", "storage/pve2/local-lvm")["status"], "unknown");
    let status = lab.get("/cluster/status").await;
    assert_eq!(
        (&of(&status, "name", "pve1")["online"], &of(&status, "name", "pve2")["online"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(of(&status, "name", "demo")["quorate"], 1);
    assert_eq!(lab.run("POST", "/nodes/pve1/qemu/111/migrate", json!({ "target": "pve2" })).await, "migration aborted");
    // Firewall rules lie in the cluster's file system, which is everywhere.
    assert_eq!(lab.get("/nodes/pve2/qemu/102/firewall/rules").await, json!([]));
    assert_eq!(lab.get("/nodes/pve1/qemu/101/config").await["name"], "web-01");
    lab.running.clear(id).unwrap();
    assert_eq!(lab.get("/nodes/pve2/qemu/102/config").await["name"], "web-02");
}

#[tokio::test]
async fn the_first_node_may_be_the_offline_one() {
    let lab = Lab::demo().await;
    lab.running.inject(Fault::NodeOffline { node: "pve1".into() }).unwrap();
    assert_eq!(lab.get("/nodes/localhost/qemu/102/config").await["name"], "web-02");
    let status = lab.get("/cluster/status").await;
    assert_eq!(of(&status, "name", "pve2")["local"], 1);
}

#[tokio::test]
async fn without_quorum_writes_fail_and_reads_work() {
    let lab = Lab::demo().await;
    lab.running.inject(Fault::NoQuorum).unwrap();
    for (verb, path, fields) in [
        ("POST", "/nodes/pve1/qemu", json!({ "vmid": 500 })),
        ("PUT", "/nodes/pve1/qemu/111/config", json!({ "cores": 2 })),
        ("POST", "/nodes/pve1/qemu/111/status/start", json!({})),
        ("DELETE", "/nodes/pve1/qemu/111", Value::Null),
        ("POST", "/pools", json!({ "poolid": "p" })),
    ] {
        let answer = lab.call(verb, path, &fields).await;
        assert_eq!((answer.status, answer.reason.as_str()), (500, "cluster not ready - no quorum?"), "{verb} {path}");
    }
    let wrong = lab.call("PUT", "/nodes/pve1/qemu/111/config", &json!({ "cores": "x" })).await;
    assert_eq!(wrong.status, 400, "parameters are checked first");
    assert_eq!(lab.get("/nodes/pve1/qemu/111/config").await["cores"], 1);
    assert_eq!(of(&lab.get("/cluster/status").await, "name", "demo")["quorate"], 0);
    let login = "username=root%40pam&password=secret123".to_owned();
    assert_eq!(lab.send("POST", "/api2/json/access/ticket", "", Some(login)).await.unwrap().status, 200);
    lab.running.clear_all().unwrap();
    lab.call("PUT", "/nodes/pve1/qemu/111/config", &json!({ "cores": 2 })).await.data();
}

#[tokio::test]
async fn stale_resources_know_no_new_name_and_no_new_state() {
    let lab = Lab::demo().await;
    lab.get("/cluster/resources").await;
    lab.running.inject(Fault::StaleResources).unwrap();
    lab.vm(500).await;
    lab.run("POST", "/nodes/pve1/qemu/111/status/start", json!({})).await;
    lab.call("PUT", "/nodes/pve1/qemu/111/config", &json!({ "name": "other", "tags": "new" })).await.data();
    let stale = lab.get("/cluster/resources?type=vm").await;
    let (made, started) = (of(&stale, "id", "qemu/500"), of(&stale, "id", "qemu/111"));
    assert_eq!((&made["status"], &made["name"], &made["node"]), (&json!("unknown"), &Value::Null, &json!("pve1")));
    assert_eq!((&started["status"], &started["name"]), (&json!("stopped"), &json!("test-1")));
    assert_eq!(started["tags"], "new", "tags, locks and nodes are live");
    let list = lab.get("/nodes/pve1/qemu").await;
    assert_eq!(of(&list, "name", "other")["status"], "running");
    lab.running.clear_all().unwrap();
    let fresh = lab.get("/cluster/resources?type=vm").await;
    assert_eq!(of(&fresh, "id", "qemu/500")["name"], "vm-500");
    assert_eq!(of(&fresh, "id", "qemu/111")["status"], "running");
}

#[tokio::test]
async fn a_configuration_changes_between_a_read_and_a_write() {
    let lab = Lab::demo().await;
    let config = "/nodes/pve1/qemu/111/config";
    let edit = ByHand::Edit { vmid: 111, set: [("memory".to_owned(), "2048".to_owned())].into(), delete: vec![] };
    lab.running.inject(Fault::request("PUT", "/nodes/*/qemu/111/config", Effect::ByHand(edit))).unwrap();
    let digest = lab.get(config).await["digest"].clone();
    let refused = lab.call("PUT", config, &json!({ "cores": 4, "digest": digest })).await;
    assert_eq!((refused.status, refused.reason.as_str()), (500, "checksum mismatch (file change by other user?)"));
    let now = lab.get(config).await;
    assert_eq!((&now["cores"], &now["memory"]), (&json!(1), &json!("2048")));
    lab.call("PUT", config, &json!({ "cores": 4, "digest": now["digest"] })).await.data();
}

#[tokio::test]
async fn a_fault_begins_when_a_request_comes_and_the_request_meets_it() {
    let lab = Lab::demo().await;
    let begin = Effect::Begin(Box::new(Fault::NodeOffline { node: "pve1".into() }));
    lab.running.inject(Fault::request("PUT", "/nodes/pve1/qemu/*/config", begin).after(1)).unwrap();
    let change = |cores: u32| {
        let lab = &lab;
        async move { lab.call("PUT", "/nodes/pve1/qemu/111/config", &json!({ "cores": cores })).await.status }
    };
    assert_eq!((change(2).await, change(3).await), (200, 595));
    assert_eq!(lab.running.faults().len(), 2);
    lab.running.clear_all().unwrap();
    assert_eq!(lab.get("/nodes/pve1/qemu/111/config").await["cores"], 2);
}

#[tokio::test]
async fn expired_tickets_are_refused_with_an_empty_401_and_new_ones_work() {
    let lab = Lab::demo().await;
    let login = || async {
        let body = Some("username=root%40pam&password=secret123".to_owned());
        let data = lab.send("POST", "/api2/json/access/ticket", "", body).await.unwrap().data();
        format!("PVEAuthCookie={}", data["ticket"].as_str().unwrap())
    };
    let ticket = login().await;
    let version = |ticket: String| async { lab.send("GET", "/api2/json/version", &{ ticket }, None).await.unwrap() };
    lab.running.inject(Fault::request("GET", "/version", Effect::ByHand(ByHand::ExpireTickets)).after(1)).unwrap();
    assert_eq!(version(ticket.clone()).await.status, 200);
    let refused = version(ticket).await;
    assert_eq!((refused.status, refused.body), (401, Value::Null));
    assert_eq!(refused.reason, "permission denied - invalid PVE ticket");
    assert_eq!(version(login().await).await.status, 200);
    assert_eq!(lab.get("/version").await["version"], "8.4.1", "API tokens do not expire");
}

#[tokio::test]
async fn what_the_cluster_does_not_have_cannot_go_wrong() {
    let lab = Lab::demo().await;
    for fault in [
        Fault::NodeOffline { node: "pve9".into() },
        Fault::StorageFull { storage: "nope".into(), node: None },
        Fault::StorageFull { storage: "local".into(), node: Some("pve9".into()) },
        Fault::GuestLocked { vmid: 999, lock: "backup".into() },
    ] {
        assert!(lab.running.inject(fault.clone()).is_err(), "{fault:?}");
    }
    assert!(lab.running.faults().is_empty());
    assert!(!lab.running.clear(1).unwrap());
}

#[tokio::test]
async fn a_fault_of_a_task_outlives_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let lab = Lab::start(World::Demo, QUICK, Some(directory.path())).await;
    let effect = TaskEffect::Fail { status: "broken".into(), leaves: Leaves::Nothing };
    lab.running.inject(Fault::task("qmcreate", effect)).unwrap();
    let upid = lab.call("POST", "/nodes/pve1/qemu", &json!({ "vmid": 500 })).await.data();
    drop(lab);
    let lab = Lab::start(World::Empty, QUICK, Some(directory.path())).await;
    assert_eq!(lab.wait(upid.as_str().unwrap()).await, "broken");
}

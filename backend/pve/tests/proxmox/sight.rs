//! What is seen, unknown or absent, against answers as Proxmox VE 8.4.1 gave them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::common::{Reply, Server, client, identity, serve, token, vmid};
use mycopod_core::guest::{GuestKey, Kind, Power};
use mycopod_core::observed::{Look, NodeState, Observed, Origin};
use mycopod_core::plan::Tasks;
use mycopod_core::ports::{CallError, Hypervisor, MissingPrivilege};
use mycopod_core::size::Size;
use mycopod_pve::{Pve, Trust};

const GONE: &str = "500 Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist";

/// Answers by path (below `/api2/json`, query left out): a status and reason, and the data.
type World = BTreeMap<String, (&'static str, String)>;

struct Cluster {
    world: Arc<Mutex<World>>,
    server: Server,
    pve: Pve,
}

impl Cluster {
    fn answer(&self, path: &str, status: &'static str, data: &str) {
        self.world.lock().unwrap().insert(path.to_owned(), (status, data.to_owned()));
    }

    fn asked(&self, path: &str) -> usize {
        let is_it = |line: &str| line.split([' ', '?']).nth(1) == Some(&format!("/api2/json{path}"));
        self.server.received().iter().filter(|request| is_it(&request.line)).count()
    }
}

/// One VM, one VM template and one container template on `pve1`; `pve2` is empty.
async fn cluster() -> Cluster {
    let mut world = World::new();
    for (path, data) in [
        ("/version", r#"{"release":"8.4","version":"8.4.1"}"#),
        ("/nodes", r#"[{"node":"pve1","status":"online"},{"node":"pve2","status":"online"}]"#),
        (
            "/cluster/status",
            r#"[{"type":"cluster","name":"lab","quorate":1},{"type":"node","name":"pve1","online":1}]"#,
        ),
        (
            "/cluster/resources",
            r#"[{"type":"node","node":"pve1","status":"online"},{"type":"node","node":"pve2","status":"online"},
                {"type":"qemu","vmid":100,"node":"pve1"},{"type":"qemu","vmid":9000,"node":"pve1"}]"#,
        ),
        ("/cluster/nextid", r#""105""#),
        (
            "/nodes/pve1/storage/local/content",
            r#"[{"volid":"local:vztmpl/debian-12_amd64.tar.zst","content":"vztmpl"}]"#,
        ),
        (
            "/nodes/pve1/qemu",
            r#"[{"vmid":100,"name":"web-1","status":"running"},{"vmid":9000,"name":"debian-12","status":"stopped"}]"#,
        ),
        (
            "/nodes/pve1/qemu/100/pending",
            r#"[{"key":"name","value":"web-1"},{"key":"digest","value":"1eeeca6c"},{"key":"memory","value":"512"},
                {"key":"scsi0","value":"local:100/vm-100-disk-0.raw,size=1G"}]"#,
        ),
        ("/nodes/pve1/qemu/100/status/current", r#"{"status":"running","qmpstatus":"paused","vmid":100}"#),
        ("/nodes/pve1/qemu/100/snapshot", r#"[{"name":"one","vmstate":0},{"name":"current","digest":"1eeeca6c"}]"#),
        (
            "/nodes/pve1/qemu/9000/pending",
            r#"[{"key":"name","value":"debian-12"},{"key":"digest","value":"06e9734c"},{"key":"template","value":1},
                {"key":"scsi0","value":"local:9000/base-9000-disk-0.raw,size=4G"}]"#,
        ),
        ("/nodes/pve2/qemu", "[]"),
        ("/nodes/pve1/lxc", "[]"),
        ("/nodes/pve2/lxc", "[]"),
    ] {
        world.insert(path.to_owned(), ("200 OK", data.to_owned()));
    }
    for node in ["pve1", "pve2"] {
        let mut put = |last, data: &str| {
            world.insert(format!("/nodes/{node}/{last}"), ("200 OK", data.to_owned()));
        };
        put("status", r#"{"cpuinfo":{"cpus":2,"cores":2},"memory":{"total":25276514304,"used":2389372928}}"#);
        put(
            "storage",
            r#"[{"storage":"local","active":1,"avail":70120308736,"total":270553174016,"shared":0,"content":"vztmpl,images"},
                {"storage":"off","active":0,"enabled":0,"content":"images"}]"#,
        );
        put(
            "network",
            r#"[{"iface":"eth0","type":"eth"},{"iface":"vmbr0","type":"bridge","bridge_ports":""},
                {"iface":"vmbr1","type":"bridge","bridge_vlan_aware":1}]"#,
        );
    }
    world.insert("/nodes/pve2/storage/local/content".to_owned(), ("500 timeout", "null".to_owned()));
    let world = Arc::new(Mutex::new(world));
    let answers = Arc::clone(&world);
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], move |_, request| {
        let path =
            request.line.split([' ', '?']).nth(1).unwrap_or_default().trim_start_matches("/api2/json").to_owned();
        let found = answers.lock().unwrap().get(&path).cloned();
        async move {
            match found {
                Some((status, data)) => Reply::Full(status, format!(r#"{{"data":{data}}}"#)),
                None => Reply::Full("501 not implemented", r#"{"data":null}"#.to_owned()),
            }
        }
    });
    let server = server.await;
    let pve = client(&server.url, token(), Trust::CaFile(identity.ca_pem.into_bytes()));
    Cluster { world, server, pve }
}

fn vm(n: u32) -> GuestKey {
    GuestKey { kind: Kind::Qemu, vmid: vmid(n) }
}

#[track_caller]
fn why_unreachable(observed: &Observed, node: &str) -> String {
    match &observed.nodes[node] {
        NodeState::Unreachable { why } => why.clone(),
        NodeState::Seen(_) => panic!("{node} was seen"),
    }
}

#[tokio::test]
async fn the_whole_cluster_is_seen() {
    let observed = cluster().await.pve.observe().await.unwrap();
    assert_eq!((observed.version.as_str(), observed.cluster.as_str()), ("8.4.1", "lab"));
    assert!(observed.is_complete());
    let node = observed.node("pve1").unwrap();
    assert_eq!((node.cpus, node.memory), (2, Size::bytes(25_276_514_304)));
    assert_eq!(node.storages.keys().collect::<Vec<_>>(), ["local"], "what is not active holds nothing");
    assert_eq!(node.storages["local"].free, Size::bytes(70_120_308_736));
    assert!(node.bridges["vmbr1"].vlan_aware && !node.bridges["vmbr0"].vlan_aware);
    assert_eq!(observed.guest(vm(100)).unwrap().power, Power::Running);
    assert!(observed.guest(vm(9000)).unwrap().template);
    let images: Vec<_> = observed.images.iter().map(|image| (image.name.as_str(), &image.origin, image.disk)).collect();
    let volume = Origin::Volume("local:vztmpl/debian-12_amd64.tar.zst".to_owned());
    assert_eq!(
        images,
        [("debian-12_amd64.tar.zst", &volume, None), ("debian-12", &Origin::Template(vmid(9000)), Some(Size::gib(4))),]
    );
}

#[tokio::test]
async fn one_silent_node_hides_its_own_guests_only() {
    let cluster = cluster().await;
    cluster.answer("/nodes", "200 OK", r#"[{"node":"pve1","status":"online"},{"node":"pve2","status":"offline"}]"#);
    let observed = cluster.pve.observe().await.unwrap();
    assert!(!observed.is_complete() && observed.guest(vm(100)).is_some());
    assert!(why_unreachable(&observed, "pve2").contains("offline"));
    assert_eq!(cluster.asked("/nodes/pve2/qemu"), 0);
    cluster.answer("/nodes", "200 OK", r#"[{"node":"pve1","status":"online"},{"node":"pve2","status":"online"}]"#);
    cluster.answer("/nodes/pve2/lxc", "596 tls_process_server_certificate", "null");
    let observed = cluster.pve.observe().await.unwrap();
    assert!(!observed.is_complete() && observed.guest(vm(100)).is_some());
    assert!(why_unreachable(&observed, "pve2").contains("596"));
}

#[tokio::test]
async fn a_guest_that_cannot_be_read_is_not_absent() {
    for (status, data) in
        [("403 Permission check failed (/vms/100, VM.Audit)", "null"), (GONE, "null"), ("200 OK", "null")]
    {
        let cluster = cluster().await;
        cluster.answer("/nodes/pve1/qemu/100/pending", status, data);
        let observed = cluster.pve.observe().await.unwrap();
        why_unreachable(&observed, "pve1");
        assert!(observed.guests.is_empty(), "nothing is said of that node's guests: {status}");
    }
}

#[tokio::test]
async fn a_list_that_is_none_is_not_an_empty_list() {
    let cluster = cluster().await;
    cluster.answer("/nodes/pve1/qemu", "200 OK", "null");
    why_unreachable(&cluster.pve.observe().await.unwrap(), "pve1");
}

#[tokio::test]
async fn a_guest_that_moved_while_it_was_looked_for_is_found() {
    let cluster = cluster().await;
    let moved = r#"[{"type":"node","node":"pve1","status":"online"},{"type":"node","node":"pve2","status":"online"},
        {"type":"qemu","vmid":100,"node":"pve2"},{"type":"qemu","vmid":9000,"node":"pve1"}]"#;
    cluster.answer("/cluster/resources", "200 OK", moved);
    cluster.answer(
        "/nodes/pve2/qemu/100/pending",
        "200 OK",
        r#"[{"key":"name","value":"web-1"},{"key":"digest","value":"1"}]"#,
    );
    cluster.answer("/nodes/pve2/qemu/100/status/current", "200 OK", r#"{"status":"running"}"#);
    cluster.answer("/nodes/pve2/qemu/100/snapshot", "200 OK", "[]");
    // Listed on the node it left, or on none: it is seen once, where it is.
    for list in [
        r#"[{"vmid":100,"status":"running"},{"vmid":9000,"status":"stopped"}]"#,
        r#"[{"vmid":9000,"status":"stopped"}]"#,
    ] {
        cluster.answer("/nodes/pve1/qemu", "200 OK", list);
        let observed = cluster.pve.observe().await.unwrap();
        let nodes: Vec<_> =
            observed.guests.iter().filter(|seen| seen.guest.vmid == vmid(100)).map(|seen| &seen.guest.node).collect();
        assert_eq!(nodes, ["pve2"]);
    }
}

#[tokio::test]
async fn without_the_right_to_ask_for_the_clusters_name_the_rest_is_seen() {
    let cluster = cluster().await;
    cluster.answer("/cluster/status", "403 Permission check failed (/, Sys.Audit)", "null");
    let observed = cluster.pve.observe().await.unwrap();
    assert_eq!(observed.cluster, "pve1");
    assert!(observed.is_complete());
}

#[tokio::test]
async fn a_look_finds_the_guest_with_its_snapshots_and_live_power() {
    let Look::Present(seen) = cluster().await.pve.look(vm(100)).await.unwrap() else { panic!("not found") };
    assert_eq!((seen.guest.node.as_str(), seen.power), ("pve1", Power::Paused));
    assert_eq!(seen.snapshots, Some(["one".to_owned()].into()));
}

#[tokio::test]
async fn absence_is_proven_or_unknown() {
    let cluster = cluster().await;
    assert_eq!(cluster.pve.look(vm(105)).await, Ok(Look::Absent));
    let container = GuestKey { kind: Kind::Lxc, vmid: vmid(100) };
    assert_eq!(cluster.pve.look(container).await, Ok(Look::Absent), "the number is a VM's");

    let taken = "400 Parameter verification failed.";
    cluster.answer("/cluster/nextid", taken, r#"null,"errors":{"vmid":"VM 105 already exists"}"#);
    cluster.answer("/nodes/pve1/qemu/105/pending", "403 Permission check failed (/vms/105, VM.Audit)", "null");
    let hidden = cluster.pve.look(vm(105)).await;
    assert!(matches!(&hidden, Ok(Look::Unknown(why)) if why.contains("VM.Audit")), "{hidden:?}");

    let offline =
        r#"[{"type":"node","node":"pve1","status":"online"},{"type":"node","node":"pve2","status":"offline"}]"#;
    cluster.answer("/cluster/resources", "200 OK", offline);
    let unknown = cluster.pve.look(vm(105)).await;
    assert!(matches!(&unknown, Ok(Look::Unknown(why)) if why.contains("pve2")), "{unknown:?}");

    cluster.answer("/cluster/resources", "200 OK", "[]");
    assert!(matches!(cluster.pve.look(vm(105)).await, Ok(Look::Unknown(_))));
    cluster.answer("/cluster/resources", "200 OK", "null");
    assert!(matches!(cluster.pve.look(vm(105)).await, Err(CallError::Malformed(_))));
}

#[tokio::test]
async fn a_guest_that_the_clusters_list_does_not_have_yet_is_found_on_its_node() {
    let cluster = cluster().await;
    let late = r#"[{"type":"node","node":"pve1","status":"online"},{"type":"node","node":"pve2","status":"online"}]"#;
    cluster.answer("/cluster/resources", "200 OK", late);
    let taken = "400 Parameter verification failed.";
    cluster.answer("/cluster/nextid", taken, r#"null,"errors":{"vmid":"VM 100 already exists"}"#);
    let found = cluster.pve.look(vm(100)).await;
    assert!(matches!(&found, Ok(Look::Present(seen)) if seen.guest.node == "pve1"), "{found:?}");
}

#[tokio::test]
async fn data_of_the_wrong_type_never_means_absent() {
    let node = r#"{"type":"node","node":"pve1","status":"online"}"#;
    for data in ["null", "{}", r#""""#, "[7]", "[null]", &format!(r#"[{node},{{"type":"qemu","node":"pve1"}}]"#)] {
        let cluster = cluster().await;
        cluster.answer("/cluster/resources", "200 OK", data);
        assert!(matches!(cluster.pve.look(vm(105)).await, Err(CallError::Malformed(_))), "{data}");
        assert!(matches!(cluster.pve.observe().await, Err(CallError::Malformed(_))), "{data}");
    }
    for data in ["null", "{}", "[7]", r#"[{"name":"web-1"}]"#, r#"[{"vmid":"x"}]"#] {
        let cluster = cluster().await;
        cluster.answer("/nodes/pve1/qemu", "200 OK", data);
        why_unreachable(&cluster.pve.observe().await.unwrap(), "pve1");
    }
    for data in ["null", "[]", "7"] {
        let cluster = cluster().await;
        cluster.answer("/nodes/pve1/qemu/100/status/current", "200 OK", data);
        assert!(matches!(cluster.pve.look(vm(100)).await, Err(CallError::Malformed(_))), "{data}");
    }
    for (status, data) in [("400 Parameter verification failed.", "null"), ("500 no quorum", "null")] {
        let cluster = cluster().await;
        cluster.answer("/cluster/nextid", status, data);
        assert!(cluster.pve.look(vm(105)).await.is_err(), "{status}");
    }
}

#[tokio::test]
async fn a_guest_that_a_survey_missed_and_cannot_find_makes_its_node_unknown() {
    let cluster = cluster().await;
    cluster.answer("/nodes/pve1/qemu", "200 OK", r#"[{"vmid":9000,"status":"stopped"}]"#);
    cluster.answer("/nodes/pve1/qemu/100/pending", GONE, "null");
    let observed = cluster.pve.observe().await.unwrap();
    assert!(why_unreachable(&observed, "pve1").contains("may be moving"));
    assert!(!observed.is_complete());
}

#[tokio::test]
async fn a_guest_on_a_silent_node_is_unknown() {
    let cluster = cluster().await;
    cluster.answer("/nodes/pve1/qemu/100/pending", "595 No route to host", "null");
    assert!(matches!(cluster.pve.look(vm(100)).await, Ok(Look::Unknown(why)) if why.contains("No route to host")));
    let offline = r#"[{"type":"node","node":"pve1","status":"offline"},{"type":"qemu","vmid":100,"node":"pve1"}]"#;
    cluster.answer("/cluster/resources", "200 OK", offline);
    let before = cluster.asked("/nodes/pve1/qemu/100/pending");
    assert!(matches!(cluster.pve.look(vm(100)).await, Ok(Look::Unknown(why)) if why.contains("not online")));
    assert_eq!(cluster.asked("/nodes/pve1/qemu/100/pending"), before);
}

#[tokio::test]
async fn a_listed_guest_that_is_nowhere_is_unknown() {
    let cluster = cluster().await;
    cluster.answer("/nodes/pve1/qemu/100/pending", GONE, "null");
    assert!(matches!(cluster.pve.look(vm(100)).await, Ok(Look::Unknown(_))));
    assert_eq!(cluster.asked("/cluster/resources"), 3, "its node is asked for anew");
}

#[tokio::test]
async fn each_missing_privilege_is_named_with_its_path() {
    let cluster = cluster().await;
    cluster.answer(
        "/storage",
        "200 OK",
        r#"[{"storage":"local","content":"images"},{"storage":"bak","content":"backup"}]"#,
    );
    let guests = r#"{"VM.Allocate":1,"VM.Audit":1,"VM.Backup":1,"VM.Clone":1,"VM.Config.CDROM":1,"VM.Config.CPU":1,
        "VM.Config.Cloudinit":1,"VM.Config.Disk":1,"VM.Config.HWType":1,"VM.Config.Memory":1,"VM.Config.Network":1,
        "VM.Config.Options":1,"VM.Migrate":1,"VM.PowerMgmt":1,"VM.Snapshot":1}"#;
    let rights = format!(
        r#"{{"/vms":{guests},"/nodes":{{"Sys.Audit":1}},"/storage/local":{{"Datastore.Audit":1}},
            "/sdn/zones/localnetwork/vmbr0":{{"SDN.Use":1}}}}"#
    );
    cluster.answer("/access/permissions", "200 OK", &rights);
    let health = cluster.pve.health().await.unwrap();
    let missing = |path: &str, privilege: &str| MissingPrivilege { path: path.into(), privilege: privilege.into() };
    assert_eq!(health.version, "8.4.1");
    assert_eq!(
        health.missing,
        [
            missing("/vms", "VM.Snapshot.Rollback"),
            missing("/storage/local", "Datastore.AllocateSpace"),
            missing("/sdn/zones/localnetwork/vmbr1", "SDN.Use"),
        ]
    );
    let all = r#"{"/":{"Sys.Audit":1,"SDN.Use":1,"Datastore.Audit":1,"Datastore.AllocateSpace":1},"/vms":"#;
    let guests = guests.replace(r#""VM.Snapshot":1"#, r#""VM.Snapshot":1,"VM.Snapshot.Rollback":1"#);
    cluster.answer("/access/permissions", "200 OK", &format!("{all}{guests}}}"));
    assert!(cluster.pve.health().await.unwrap().missing.is_empty());
}

#[tokio::test]
async fn tasks_of_a_guest_come_newest_first_and_once() {
    let cluster = cluster().await;
    let (old, new) = (
        "UPID:pve1:00004D8A:000433A9:6B037920:qmstart:100:root@pam!lab:",
        "UPID:pve1:00004D8B:000433AA:6B037931:qmstop:100:root@pam!lab:",
    );
    let rows =
        format!(r#"[{{"upid":"{old}"}},{{"upid":"{new}","status":"RUNNING"}},{{"upid":"{old}"}},{{"upid":"x"}}]"#);
    cluster.answer("/nodes/pve1/tasks", "200 OK", &rows);
    let tasks = cluster.pve.tasks_of(Tasks::OfGuest { node: "pve1", vmid: vmid(100) }).await.unwrap();
    assert_eq!(tasks.iter().map(ToString::to_string).collect::<Vec<_>>(), [new, old]);
    cluster.answer(&format!("/nodes/pve1/tasks/{old}/log"), "200 OK", r#"[{"n":3,"t":"TASK OK"}],"total":3"#);
    let log = cluster.pve.task_log(&tasks[1], 2).await.unwrap();
    assert_eq!((log.lines, log.total), (vec!["TASK OK".to_owned()], 3));
}

//! Steps carried out on a whole cluster, and seen to have done what they say.

use std::collections::BTreeMap;

use crate::common::{client, resource, step, vmid};
use mycopod_core::field::{Field, Slot, Value};
use mycopod_core::guest::{GuestKey, Kind, Power};
use mycopod_core::observed::{Look, Origin, Ownership, Sighting};
use mycopod_core::plan::{Action, Step};
use mycopod_core::ports::{CallError, Hypervisor, Submitted, TaskState};
use mycopod_core::size::Size;
use mycopod_pve::{Credential, Pve, Trust};
use mycopod_sandbox::{Fault, FaultKind, Options, Running, Sandbox, World};

/// A task on a sandbox without time has ended when it is first asked for; this leaves room for one that has not.
const POLLS: usize = 100;

async fn sandbox() -> (Running, Pve) {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        world: World::Demo,
        token: None,
        time_scale: 0.0,
        data_dir: None,
    };
    let running = Sandbox::start(options).await.unwrap();
    let trust = Trust::CaFile(running.ca_pem().as_bytes().to_vec());
    let pve = client(&running.url(), Credential::Token(running.token().to_owned().into()), trust);
    (running, pve)
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> BTreeMap<Field, Value> {
    fields.into_iter().map(|(field, value)| (field.parse().unwrap(), value)).collect()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

async fn look(pve: &Pve, step: &Step) -> Look {
    pve.look(step.guest.key()).await.unwrap()
}

async fn present(pve: &Pve, kind: Kind, n: u32) -> Sighting {
    match pve.look(GuestKey { kind, vmid: vmid(n) }).await.unwrap() {
        Look::Present(seen) => *seen,
        other => panic!("{n}: {other:?}"),
    }
}

/// Looks, sends, waits for the task.
async fn carry_out(pve: &Pve, step: Step) {
    let seen = look(pve, &step).await;
    let what = step.action.name();
    let Submitted::Task(upid) = pve.submit(&step, &seen).await.unwrap_or_else(|error| panic!("{what}: {error}")) else {
        return;
    };
    for _ in 0..POLLS {
        match pve.task(&upid).await.unwrap() {
            TaskState::Running => tokio::task::yield_now().await,
            TaskState::Ok { .. } => return,
            end => panic!("{what}: {end:?}\n{:?}", pve.task_log(&upid, 0).await),
        }
    }
    panic!("{what} does not end");
}

#[track_caller]
fn has(seen: &Sighting, expected: &BTreeMap<Field, Value>) {
    for (field, value) in expected {
        assert_eq!(seen.get(field), Some(value), "{field}");
    }
}

#[tokio::test]
async fn the_demo_cluster_is_seen_whole() {
    let (_running, pve) = sandbox().await;
    let observed = pve.observe().await.unwrap();
    assert!(observed.is_complete() && observed.nodes.len() == 2, "{:?}", observed.nodes);
    assert!(observed.version.starts_with("8.4"));
    let node = observed.node("pve1").unwrap();
    assert_eq!((node.cpus, node.memory), (32, Size::gib(256)));
    assert!(node.bridges["vmbr1"].vlan_aware);
    assert_eq!(node.storages["local-lvm"].total, Size::gib(4096));
    for name in ["debian-12", "ubuntu-24.04"] {
        let image = observed.images.iter().find(|image| image.name == name && image.node == "pve2").unwrap();
        assert!(matches!(image.origin, Origin::Template(_)) && image.disk.is_some());
    }
    assert!(observed.images.iter().any(|image| image.kind == Kind::Lxc && image.name.starts_with("debian-12")));
    let web = observed.guests.iter().find(|seen| seen.guest.name == "web-01").unwrap();
    assert_eq!((web.power, web.ownership), (Power::Running, Ownership::Unmarked));
    // A look and the observation agree, so that a plan made by one holds by the other.
    let mut looked = present(&pve, Kind::Qemu, web.guest.vmid.get()).await;
    looked.snapshots = None;
    assert_eq!((&looked.fields, &looked.digest, &looked.raw), (&web.fields, &web.digest, &web.raw));
    assert!(pve.health().await.unwrap().missing.is_empty());
}

#[tokio::test]
async fn a_vm_lives_from_create_to_delete() {
    let (_running, pve) = sandbox().await;
    let on = |action| step(Kind::Qemu, 500, "pve1", "shop-01", action);
    let made = fields([
        ("name", text("shop-01")),
        ("cores", Value::Count(4)),
        ("sockets", Value::Count(1)),
        ("cpu", text("x86-64-v2-AES")),
        ("memory", Value::Size(Size::gib(8))),
        ("onboot", Value::Flag(true)),
        ("tags", Value::Set(["web".to_owned(), "prod".to_owned()].into())),
        ("description", text("Shop, line 1\nline 2 äöü ✓")),
        ("disk.scsi0.size", Value::Size(Size::gib(40))),
        ("disk.scsi0.storage", text("local-lvm")),
        ("nic.0.bridge", text("vmbr1")),
        ("nic.0.vlan", Value::Count(20)),
    ]);
    let macs = BTreeMap::from([(0, "BC:24:11:00:00:01".to_owned())]);
    carry_out(&pve, on(Action::Create { fields: made.clone(), template: None, macs })).await;
    let seen = present(&pve, Kind::Qemu, 500).await;
    has(&seen, &made);
    assert_eq!((seen.ownership, seen.power), (Ownership::Ours(resource()), Power::Stopped));
    assert!(seen.smbios_uuid.is_some());
    assert!(seen.raw["net0"].contains("BC:24:11:00:00:01"));

    let update = fields([
        ("cores", Value::Count(2)),
        ("description", text("Shop")),
        ("nic.0.bridge", text("vmbr0")),
        ("nic.0.vlan", Value::Count(0)),
        ("nic.1.bridge", text("vmbr1")),
    ]);
    let macs = BTreeMap::from([(1, "BC:24:11:00:00:02".to_owned())]);
    carry_out(&pve, on(Action::Update { fields: update, macs })).await;
    carry_out(&pve, on(Action::AddDisk { slot: Slot::scsi(1), storage: "local-lvm".into(), size: Size::gib(10) }))
        .await;
    carry_out(&pve, on(Action::Resize { slot: Slot::scsi(0), size: Size::gib(60) })).await;
    let seen = present(&pve, Kind::Qemu, 500).await;
    has(
        &seen,
        &fields([
            ("cores", Value::Count(2)),
            ("description", text("Shop")),
            ("nic.0.bridge", text("vmbr0")),
            ("nic.1.bridge", text("vmbr1")),
            ("disk.scsi0.size", Value::Size(Size::gib(60))),
            ("disk.scsi1.size", Value::Size(Size::gib(10))),
            ("memory", Value::Size(Size::gib(8))),
        ]),
    );
    assert_eq!(seen.get(&"nic.0.vlan".parse().unwrap()), None);
    assert_eq!(seen.ownership, Ownership::Ours(resource()));
    assert!(seen.raw["net0"].contains("BC:24:11:00:00:01"), "the MAC is kept");

    carry_out(&pve, on(Action::Snapshot { name: "pre-patch".into() })).await;
    carry_out(&pve, on(Action::Start)).await;
    let seen = present(&pve, Kind::Qemu, 500).await;
    assert_eq!(seen.power, Power::Running);
    assert_eq!(seen.snapshots, Some(["pre-patch".to_owned()].into()));

    // On a running VM cores wait for the next start.
    let update = Action::Update { fields: fields([("cores", Value::Count(3))]), macs: BTreeMap::new() };
    carry_out(&pve, on(update)).await;
    let seen = present(&pve, Kind::Qemu, 500).await;
    assert_eq!(seen.pending, [Field::Cores].into());
    assert_eq!(seen.get(&Field::Cores), Some(&Value::Count(3)));

    carry_out(&pve, on(Action::Stop)).await;
    assert!(present(&pve, Kind::Qemu, 500).await.pending.is_empty());
    let kinds: Vec<_> =
        pve.tasks_of("pve1", vmid(500)).await.unwrap().iter().map(|upid| upid.kind().to_owned()).collect();
    assert!(kinds.contains(&"qmcreate".to_owned()) && kinds.contains(&"qmstop".to_owned()), "{kinds:?}");
    carry_out(&pve, on(Action::Delete)).await;
    assert_eq!(look(&pve, &on(Action::Delete)).await, Look::Absent);
}

#[tokio::test]
async fn a_container_lives_from_create_to_delete() {
    let (_running, pve) = sandbox().await;
    let on = |action| step(Kind::Lxc, 501, "pve2", "ns-1", action);
    let made = fields([
        ("name", text("ns-1")),
        ("cores", Value::Count(1)),
        ("memory", Value::Size(Size::mib(512))),
        ("swap", Value::Size(Size::mib(256))),
        ("unprivileged", Value::Flag(true)),
        ("tags", Value::Set(["dns".to_owned()].into())),
        ("disk.rootfs.size", Value::Size(Size::gib(4))),
        ("disk.rootfs.storage", text("local-lvm")),
        ("nic.0.bridge", text("vmbr0")),
        ("nic.0.ip", text("10.1.2.3/24")),
        ("nic.0.gateway", text("10.1.2.1")),
    ]);
    let template = Some("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst".to_owned());
    let macs = BTreeMap::from([(0, "BC:24:11:00:00:03".to_owned())]);
    carry_out(&pve, on(Action::Create { fields: made.clone(), template, macs })).await;
    let seen = present(&pve, Kind::Lxc, 501).await;
    has(&seen, &made);
    assert_eq!((seen.ownership, seen.guest.node.as_str()), (Ownership::Ours(resource()), "pve2"));

    let update = fields([("memory", Value::Size(Size::gib(1))), ("nic.0.ip", text("dhcp"))]);
    carry_out(&pve, on(Action::Update { fields: update.clone(), macs: BTreeMap::new() })).await;
    carry_out(
        &pve,
        on(Action::AddDisk { slot: Slot::mount_point(0), storage: "local-lvm".into(), size: Size::gib(2) }),
    )
    .await;
    carry_out(&pve, on(Action::Resize { slot: Slot::rootfs(), size: Size::gib(6) })).await;
    carry_out(&pve, on(Action::Start)).await;
    let seen = present(&pve, Kind::Lxc, 501).await;
    has(&seen, &update);
    assert_eq!(seen.get(&"nic.0.gateway".parse().unwrap()), None);
    has(
        &seen,
        &fields([("disk.rootfs.size", Value::Size(Size::gib(6))), ("disk.mp0.size", Value::Size(Size::gib(2)))]),
    );
    assert_eq!(seen.power, Power::Running);
    assert!(seen.raw["net0"].contains("BC:24:11:00:00:03") && seen.raw["net0"].contains("name=eth0"));

    carry_out(&pve, on(Action::Shutdown)).await;
    assert_eq!(present(&pve, Kind::Lxc, 501).await.power, Power::Stopped);
    carry_out(&pve, on(Action::Delete)).await;
    assert_eq!(look(&pve, &on(Action::Delete)).await, Look::Absent);
}

#[tokio::test]
async fn a_copy_is_ours_and_its_template_is_not() {
    let (_running, pve) = sandbox().await;
    for (n, full, storage) in [(502, true, Some("local-lvm".to_owned())), (503, false, None)] {
        let clone =
            Action::Clone { from: vmid(9000), from_node: "pve1".into(), from_name: "debian-12".into(), full, storage };
        carry_out(&pve, step(Kind::Qemu, n, "pve1", "copy", clone)).await;
        let copy = present(&pve, Kind::Qemu, n).await;
        assert_eq!((copy.ownership, copy.guest.name.as_str()), (Ownership::Ours(resource()), "copy"));
        assert!(!copy.template);
    }
    assert_eq!(present(&pve, Kind::Qemu, 9000).await.ownership, Ownership::Unmarked);
}

#[tokio::test]
async fn adopting_changes_the_notes_and_nothing_else() {
    let (_running, pve) = sandbox().await;
    let before = present(&pve, Kind::Qemu, 101).await;
    carry_out(&pve, step(Kind::Qemu, 101, "pve1", "web-01", Action::Adopt)).await;
    let after = present(&pve, Kind::Qemu, 101).await;
    assert_eq!((before.ownership, after.ownership), (Ownership::Unmarked, Ownership::Ours(resource())));
    assert_eq!(after.fields, before.fields);
    let rest = |seen: &Sighting| {
        let mut raw = seen.raw.clone();
        raw.remove("description");
        raw
    };
    assert_eq!(rest(&after), rest(&before));
}

#[tokio::test]
async fn a_configuration_that_changed_since_the_look_is_left_alone() {
    let (_running, pve) = sandbox().await;
    let set = |cores| {
        let action = Action::Update { fields: fields([("cores", Value::Count(cores))]), macs: BTreeMap::new() };
        step(Kind::Qemu, 111, "pve1", "test-1", action)
    };
    let stale = look(&pve, &set(3)).await;
    carry_out(&pve, set(2)).await;
    let refused = pve.submit(&set(3), &stale).await;
    assert!(matches!(refused, Err(CallError::Rejected { .. })), "{refused:?}");
    assert_eq!(present(&pve, Kind::Qemu, 111).await.get(&Field::Cores), Some(&Value::Count(2)));
}

#[tokio::test]
async fn what_became_of_a_lost_call_is_told_by_a_look() {
    let (running, pve) = sandbox().await;
    let start = step(Kind::Qemu, 111, "pve1", "test-1", Action::Start);
    let fault = |kind| Fault { verb: "POST".into(), path: "/status/start".into(), kind, times: 1 };
    let seen = look(&pve, &start).await;

    running.inject(fault(FaultKind::Refuse { status: 595, reason: "Connection refused".into() }));
    assert!(matches!(pve.submit(&start, &seen).await, Err(CallError::NotSent(_))));
    running.inject(fault(FaultKind::DropRequest));
    assert!(matches!(pve.submit(&start, &seen).await, Err(CallError::MaybeSent(_))));
    assert_eq!(present(&pve, Kind::Qemu, 111).await.power, Power::Stopped);
    running.inject(fault(FaultKind::DropReply));
    assert!(matches!(pve.submit(&start, &seen).await, Err(CallError::MaybeSent(_))));
    assert_eq!(present(&pve, Kind::Qemu, 111).await.power, Power::Running);
}

#[tokio::test]
async fn a_password_serves_as_well_as_a_token() {
    let (running, _) = sandbox().await;
    let password =
        |password: &str| Credential::Password { user: "root@pam".into(), password: password.to_owned().into() };
    let trust = || Trust::CaFile(running.ca_pem().as_bytes().to_vec());
    let pve = client(&running.url(), password("secret123"), trust());
    carry_out(&pve, step(Kind::Qemu, 111, "pve1", "test-1", Action::Start)).await;
    let error = client(&running.url(), password("wrong"), trust()).observe().await.unwrap_err();
    assert!(matches!(error, CallError::Rejected { status: 401, .. }), "{error}");
}

#[tokio::test]
async fn an_unknown_task_is_unknown_and_a_failed_one_says_why() {
    let (_running, pve) = sandbox().await;
    let unknown = "UPID:pve1:00004D8A:000433A9:6B037920:qmstart:100:root@pam!lab:".parse().unwrap();
    assert_eq!(pve.task(&unknown).await, Ok(TaskState::Unknown));
    let seen = pve.look(GuestKey { kind: Kind::Qemu, vmid: vmid(101) }).await.unwrap();
    let started = pve.submit(&step(Kind::Qemu, 101, "pve1", "web-01", Action::Start), &seen).await;
    let Ok(Submitted::Task(upid)) = started else { panic!("{started:?}") };
    let end = pve.task(&upid).await.unwrap();
    assert!(matches!(&end, TaskState::Failed(why) if why.contains("already running")), "{end:?}");
    let log = pve.task_log(&upid, 0).await.unwrap();
    assert!(log.lines.last().unwrap().contains("already running") && log.total >= 1);
}

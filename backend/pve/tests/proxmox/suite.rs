//! What the client's operations come to on a whole cluster, whoever plays it.
//!
//! Each part begins with the guests of the sandbox's demo cluster and says what a real Proxmox VE answers;
//! a [`Trial`] collects where the server under test answers otherwise.

use std::collections::BTreeMap;

use crate::common::{step, vmid};
use crate::deeds::{container_deeds, vm_deeds};
use crate::trial::{Trial, said, shown};
use mycopod_core::field::{Field, Slot, Value};
use mycopod_core::guest::{Kind, Power};
use mycopod_core::observed::{Look, Origin, Sighting};
use mycopod_core::plan::{Action, Step, Tasks};
use mycopod_core::ports::Hypervisor;
use mycopod_core::size::Size;
use mycopod_pve::{Credential, supports};

/// The demo cluster's guests.
const GUESTS: &str = "101 web-01 on pve1, running; 102 web-02 on pve2, running; 103 db-1 on pve1, running; \
    111 test-1 on pve1, stopped; 112 test-2 on pve2, stopped; 113 test-3 on pve2, stopped; 120 cache on pve2, running";
/// Its VM templates.
const TEMPLATES: &str = "debian-12 on pve1; debian-12 on pve2; ubuntu-24.04 on pve1; ubuntu-24.04 on pve2";
/// What a container is unpacked from.
pub const UNPACKED: &str = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";

pub fn fields<const N: usize>(fields: [(&str, Value); N]) -> BTreeMap<Field, Value> {
    fields.into_iter().map(|(field, value)| (field.parse().unwrap(), value)).collect()
}

pub fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A MAC address for one NIC.
pub fn mac(nic: u8, last: u8) -> BTreeMap<u8, String> {
    BTreeMap::from([(nic, format!("BC:24:11:00:00:{last:02X}"))])
}

/// The whole cluster, and what is said of it.
pub async fn cluster(trial: &mut Trial) {
    let observed = match trial.pve.observe().await {
        Ok(observed) => observed,
        Err(error) => return trial.expect("observe", "answered", said(&error)),
    };
    trial.expect(
        "observe: nodes",
        "pve1, pve2",
        observed.seen_nodes().map(|(name, _)| &**name).collect::<Vec<_>>().join(", "),
    );
    for (name, node) in observed.seen_nodes() {
        let bridge = if node.bridges.contains_key("vmbr0") { "there" } else { "missing" };
        trial.expect(format!("observe: vmbr0 on {name}"), "there", bridge);
        let content = node.storages.get("local-lvm").map(|storage| storage.content.iter().cloned().collect::<Vec<_>>());
        let content = content.unwrap_or_default().join(", ");
        trial.expect(format!("observe: local-lvm on {name}"), "images, rootdir", content);
    }
    let guest = |seen: &Sighting| {
        let guest = &seen.guest;
        format!("{} {} on {}, {}", guest.vmid, guest.name, guest.node, shown(seen.power))
    };
    let guests: Vec<_> = observed.guests.iter().filter(|seen| !seen.template).map(guest).collect();
    trial.expect("observe: guests", GUESTS, guests.join("; "));
    let templates =
        observed.images.iter().filter(|image| matches!(image.origin, Origin::Template(_)) && image.disk.is_some());
    let mut templates: Vec<_> = templates.map(|image| format!("{} on {}", image.name, image.node)).collect();
    templates.sort();
    trial.expect("observe: VM templates", TEMPLATES, templates.join("; "));

    // A look and the observation agree, so that a plan made by one holds by the other.
    let Some(looked) = trial.present(Kind::Qemu, 101).await else { return };
    let seen = observed.guest(looked.guest.key());
    let agree = seen
        .is_some_and(|seen| (&seen.fields, &seen.digest, &seen.raw) == (&looked.fields, &looked.digest, &looked.raw));
    trial.expect("observe: a guest", "as by a look", if agree { "as by a look" } else { "otherwise" });
    let digest = if looked.digest.len() == 40 { "40 digits" } else { "none" };
    trial.expect("VM: look: digest", "40 digits", digest);

    for (n, free) in [(101, false), (777, true)] {
        let answer = trial.pve.is_free(vmid(n)).await.map_or_else(|error| said(&error), |free| free.to_string());
        trial.expect(format!("is free: {n}"), free.to_string(), answer);
    }
    let of_another_kind = trial.look(Kind::Lxc, 101).await.err().unwrap_or_default();
    trial.expect("container: look by a VM's number", "absent", of_another_kind);
    match trial.pve.health().await {
        Ok(health) => {
            let version = if supports(&health.version) { "8" } else { &health.version };
            trial.expect("health: version", "8", version);
            trial.expect("health: missing privileges of root", "[]", format!("{:?}", health.missing));
        }
        Err(error) => trial.expect("health", "answered", said(&error)),
    }
}

/// A VM from create to delete.
pub async fn vm(trial: &mut Trial) {
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
    trial.carry_out(on(Action::Create { fields: made.clone(), template: None, macs: mac(0, 1) })).await;
    let Some(seen) = trial.present(Kind::Qemu, 500).await else { return };
    trial.has("create", &seen, &made);
    trial.is_ours("create", &seen);
    trial.stands("create", &seen, Power::Stopped);
    trial.expect("VM: create: SMBIOS UUID", "true", seen.smbios_uuid.is_some().to_string());
    trial.has_part("create", &seen, "net0", "BC:24:11:00:00:01");

    let changed = fields([
        ("cores", Value::Count(2)),
        ("description", text("Shop")),
        ("nic.0.bridge", text("vmbr0")),
        ("nic.0.vlan", Value::Count(0)),
        ("nic.1.bridge", text("vmbr1")),
    ]);
    trial.carry_out(on(Action::Update { fields: changed, macs: mac(1, 2) })).await;
    let size = Size::gib(10);
    trial
        .carry_out(on(Action::AddDisk {
            slot: Slot::scsi(1),
            storage: "local-lvm".into(),
            size,
            parts: BTreeMap::new(),
        }))
        .await;
    trial.carry_out(on(Action::Resize { slot: Slot::scsi(0), size: Size::gib(60) })).await;
    let Some(seen) = trial.present(Kind::Qemu, 500).await else { return };
    let kept = fields([
        ("cores", Value::Count(2)),
        ("description", text("Shop")),
        ("nic.0.bridge", text("vmbr0")),
        ("nic.1.bridge", text("vmbr1")),
        ("memory", Value::Size(Size::gib(8))),
    ]);
    trial.has("update", &seen, &kept);
    trial.expect("VM: update: nic.0.vlan", "None", format!("{:?}", seen.get(&"nic.0.vlan".parse().unwrap())));
    trial.is_ours("update", &seen);
    trial.has_part("update", &seen, "net0", "BC:24:11:00:00:01");
    trial.has("add_disk", &seen, &fields([("disk.scsi1.size", Value::Size(size))]));
    trial.has("resize", &seen, &fields([("disk.scsi0.size", Value::Size(Size::gib(60)))]));

    trial.carry_out(on(Action::Snapshot { name: "pre-patch".into() })).await;
    trial.carry_out(on(Action::Start)).await;
    let Some(seen) = trial.present(Kind::Qemu, 500).await else { return };
    trial.stands("start", &seen, Power::Running);
    let snapshots = seen.snapshots.unwrap_or_default().into_iter().collect::<Vec<_>>();
    trial.expect("VM: snapshot: snapshots", "pre-patch", snapshots.join(", "));

    // On a running VM cores wait for the next start.
    let changed = fields([("cores", Value::Count(3))]);
    trial.carry_out(on(Action::Update { fields: changed.clone(), macs: BTreeMap::new() })).await;
    let Some(seen) = trial.present(Kind::Qemu, 500).await else { return };
    trial.has("update while it runs", &seen, &changed);
    let pending = |seen: &Sighting| {
        let fields: Vec<_> = seen.pending.iter().map(ToString::to_string).collect();
        if fields.is_empty() { "nothing".to_owned() } else { fields.join(", ") }
    };
    trial.expect("VM: update while it runs: pending", "cores", pending(&seen));
    trial.carry_out(on(Action::Stop)).await;
    let Some(seen) = trial.present(Kind::Qemu, 500).await else { return };
    trial.expect("VM: stop: pending", "nothing", pending(&seen));

    for action in [Action::Start, Action::Reboot, Action::Shutdown { seconds: 180 }] {
        trial.carry_out(on(action)).await;
    }
    let Some(seen) = trial.present(Kind::Qemu, 500).await else { return };
    trial.stands("shutdown", &seen, Power::Stopped);
    match trial.pve.tasks_of(Tasks::OfGuest { node: "pve1", vmid: vmid(500) }).await {
        Ok(tasks) => {
            let all = ["qmcreate", "qmsnapshot", "qmstart", "qmreboot", "qmshutdown", "qmstop"];
            let missing = all.into_iter().filter(|kind| !tasks.iter().any(|upid| upid.kind() == *kind));
            trial.expect("tasks of a VM: missing", "", missing.collect::<Vec<_>>().join(", "));
        }
        Err(error) => trial.expect("tasks of a VM", "listed", said(&error)),
    }
    trial.carry_out(on(Action::Delete)).await;
    trial.absent(Kind::Qemu, 500).await;
}

/// A container from create to delete, and a copy of it.
pub async fn container(trial: &mut Trial) {
    let on = |action| step(Kind::Lxc, 501, "pve2", "ns-1", action);
    let made = fields([
        ("name", text("ns-1")),
        ("cores", Value::Count(1)),
        ("memory", Value::Size(Size::mib(512))),
        ("swap", Value::Size(Size::mib(256))),
        ("unprivileged", Value::Flag(true)),
        ("tags", Value::Set(["dns".to_owned()].into())),
        ("description", text("Names\näöü ✓")),
        ("disk.rootfs.size", Value::Size(Size::gib(4))),
        ("disk.rootfs.storage", text("local-lvm")),
        ("nic.0.bridge", text("vmbr0")),
        ("nic.0.ip", text("10.1.2.3/24")),
        ("nic.0.gateway", text("10.1.2.1")),
    ]);
    let create = Action::Create { fields: made.clone(), template: Some(UNPACKED.to_owned()), macs: mac(0, 3) };
    trial.carry_out(on(create)).await;
    let Some(seen) = trial.present(Kind::Lxc, 501).await else { return };
    trial.has("create", &seen, &made);
    trial.is_ours("create", &seen);
    trial.expect("container: create: node", "pve2", &seen.guest.node);

    let changed = fields([("memory", Value::Size(Size::gib(1))), ("nic.0.ip", text("dhcp"))]);
    trial.carry_out(on(Action::Update { fields: changed.clone(), macs: BTreeMap::new() })).await;
    let (slot, size) = (Slot::mount_point(0), Size::gib(2));
    trial.carry_out(on(Action::AddDisk { slot, storage: "local-lvm".into(), size, parts: BTreeMap::new() })).await;
    trial.carry_out(on(Action::Resize { slot: Slot::rootfs(), size: Size::gib(6) })).await;
    trial.carry_out(on(Action::Snapshot { name: "pre-patch".into() })).await;
    trial.carry_out(on(Action::Start)).await;
    let Some(seen) = trial.present(Kind::Lxc, 501).await else { return };
    trial.has("update", &seen, &changed);
    trial.expect(
        "container: update: nic.0.gateway",
        "None",
        format!("{:?}", seen.get(&"nic.0.gateway".parse().unwrap())),
    );
    trial.has("resize", &seen, &fields([("disk.rootfs.size", Value::Size(Size::gib(6)))]));
    trial.has("add_disk", &seen, &fields([("disk.mp0.size", Value::Size(size))]));
    trial.stands("start", &seen, Power::Running);
    trial.has_part("update", &seen, "net0", "hwaddr=BC:24:11:00:00:03");
    trial.has_part("update", &seen, "net0", "name=eth0");

    trial.carry_out(on(Action::Reboot)).await;
    trial.carry_out(on(Action::Shutdown { seconds: 180 })).await;
    let Some(seen) = trial.present(Kind::Lxc, 501).await else { return };
    trial.stands("shutdown", &seen, Power::Stopped);
    trial.carry_out(on(Action::Start)).await;
    trial.carry_out(on(Action::Stop)).await;

    let (from, from_node, from_name) = (vmid(501), "pve2".to_owned(), "ns-1".to_owned());
    let clone = Action::Clone { from, from_node, from_name, full: true, storage: Some("local-lvm".into()) };
    trial.carry_out(step(Kind::Lxc, 504, "pve2", "ns-2", clone)).await;
    if let Some(copy) = trial.present(Kind::Lxc, 504).await {
        trial.is_ours("clone", &copy);
        trial.expect("container: clone: name", "ns-2", &copy.guest.name);
    }
    trial.carry_out(on(Action::Delete)).await;
    trial.absent(Kind::Lxc, 501).await;
}

/// Copies of a template, in full and linked.
pub async fn copies(trial: &mut Trial) {
    for (n, full, storage) in [(502, true, Some("local-lvm".to_owned())), (503, false, None)] {
        let (from, from_node, from_name) = (vmid(9000), "pve1".to_owned(), "debian-12".to_owned());
        let clone = Action::Clone { from, from_node, from_name, full, storage };
        trial.carry_out(step(Kind::Qemu, n, "pve1", "copy", clone)).await;
        let Some(copy) = trial.present(Kind::Qemu, n).await else { continue };
        trial.is_ours("clone", &copy);
        trial.expect("VM: clone: name", "copy", &copy.guest.name);
        trial.expect("VM: clone: template", "false", copy.template.to_string());
        trial.has("clone", &copy, &fields([("disk.scsi0.size", Value::Size(Size::gib(2)))]));
    }
    let Some(source) = trial.present(Kind::Qemu, 9000).await else { return };
    trial.expect("VM: clone: the template's marker", "Unmarked", format!("{:?}", source.ownership));
}

/// Adopting, which changes the notes and nothing else.
pub async fn adopting(trial: &mut Trial) {
    let Some(before) = trial.present(Kind::Qemu, 101).await else { return };
    trial.carry_out(step(Kind::Qemu, 101, "pve1", "web-01", Action::Adopt)).await;
    let Some(after) = trial.present(Kind::Qemu, 101).await else { return };
    trial.expect("VM: adopt: marker before", "Unmarked", format!("{:?}", before.ownership));
    trial.is_ours("adopt", &after);
    let rest = |seen: &Sighting| {
        let mut raw = seen.raw.clone();
        raw.remove("description");
        (seen.fields.clone(), raw)
    };
    let same = if rest(&before) == rest(&after) { "as before" } else { "changed" };
    trial.expect("VM: adopt: everything but the notes", "as before", same);
}

/// A configuration that changed since the look is left alone.
pub async fn stale(trial: &mut Trial) {
    let set = |cores| {
        let action = Action::Update { fields: fields([("cores", Value::Count(cores))]), macs: BTreeMap::new() };
        step(Kind::Qemu, 111, "pve1", "test-1", action)
    };
    let Ok(before) = trial.look(Kind::Qemu, 111).await else { return trial.expect("VM: look", "present", "absent") };
    trial.carry_out(set(2)).await;
    let came_to = trial.submit(&set(3), &Look::Present(before)).await;
    trial.expect("VM: update by a stale look", "500: checksum mismatch (file change by other user?)", came_to);
    let Some(seen) = trial.present(Kind::Qemu, 111).await else { return };
    trial.has("update by a stale look", &seen, &fields([("cores", Value::Count(2))]));
}

/// Tasks that are not known, and tasks that fail.
pub async fn tasks(trial: &mut Trial) {
    let unknown = "UPID:pve1:00004D8A:000433A9:6B037920:qmstart:100:root@pam!lab:".parse().unwrap();
    let state = trial.pve.task(&unknown).await;
    let state = state.map_or_else(|error| said(&error), |state| format!("{state:?}"));
    trial.expect("task: one that is not known", "Unknown", state);

    let start = step(Kind::Qemu, 101, "pve1", "web-01", Action::Start);
    trial.comes_to("VM: start while it runs", start, "the task failed: VM 101 already running").await;
    let Ok(tasks) = trial.pve.tasks_of(Tasks::OfGuest { node: "pve1", vmid: vmid(101) }).await else {
        return trial.expect("tasks of a VM", "listed", "refused");
    };
    let Some(upid) = tasks.iter().find(|upid| upid.kind() == "qmstart") else {
        return trial.expect("tasks of a VM: one that failed", "listed", "missing");
    };
    match trial.pve.task_log(upid, 0).await {
        Ok(log) => {
            let last = log.lines.last().map_or("", String::as_str);
            trial.expect("task log: last line", "TASK ERROR: VM 101 already running", last);
        }
        Err(error) => trial.expect("task log", "answered", said(&error)),
    }
}

/// A VM of which is asked what cannot be: some of it is refused at once, some only by the task.
pub async fn vm_refusals(trial: &mut Trial) {
    let on = |action| step(Kind::Qemu, 505, "pve1", "shop-02", action);
    let made = fields([("disk.scsi0.size", Value::Size(Size::gib(4))), ("disk.scsi0.storage", text("local-lvm"))]);
    let create = on(Action::Create { fields: made, template: None, macs: BTreeMap::new() });
    trial.carry_out(create.clone()).await;
    let came_to = trial.submit(&create, &Look::Unknown("not looked".into())).await;
    let real = "500: unable to create VM 505 - VM 505 already exists on node 'pve1'";
    trial.expect("VM: create with a number that is taken", real, came_to);
    let snapshot = || on(Action::Snapshot { name: "once".into() });
    trial.carry_out(snapshot()).await;
    for (what, step, real) in [
        ("VM: stop while it is stopped", on(Action::Stop), "done"),
        ("VM: shutdown while it is stopped", on(Action::Shutdown { seconds: 180 }), "done"),
        ("VM: resize to less", on(resize(Slot::scsi(0), 2)), "the task failed: shrinking disks is not supported"),
        ("VM: resize of no disk", on(resize(Slot::scsi(5), 2)), "the task failed: disk 'scsi5' does not exist"),
        ("VM: disk on no storage", on(add(Slot::scsi(1), "nowhere")), "500: storage 'nowhere' does not exist"),
        ("VM: snapshot by a name in use", snapshot(), "the task failed: snapshot name 'once' already used"),
        (
            "VM: linked clone of no template",
            linked(Kind::Qemu, 508, 505),
            "500: Linked clone feature is not supported for 'local-lvm:vm-505-disk-0' (scsi0)",
        ),
    ] {
        trial.comes_to(what, step, real).await;
    }
    trial.carry_out(on(Action::Start)).await;
    let real = "500: VM 505 is running - destroy failed";
    trial.comes_to("VM: delete while it runs", on(Action::Delete), real).await;
    trial.carry_out(on(Action::Stop)).await;
    let protection = fields([("protection", Value::Flag(true))]);
    trial.carry_out(on(Action::Update { fields: protection, macs: BTreeMap::new() })).await;
    let real = "500: can't remove VM 505 - protection mode enabled";
    trial.comes_to("VM: delete while it is protected", on(Action::Delete), real).await;

    // LVM-thin keeps no account of which volume stands on which; other storages refuse.
    trial.carry_out(linked(Kind::Qemu, 507, 9001)).await;
    let template = step(Kind::Qemu, 9001, "pve1", "ubuntu-24.04", Action::Delete);
    trial.comes_to("VM: delete of a template with linked clones on LVM-thin", template, "done").await;
}

/// A container of which is asked what cannot be.
pub async fn container_refusals(trial: &mut Trial) {
    let on = |action| step(Kind::Lxc, 506, "pve1", "ns-3", action);
    let made = fields([("disk.rootfs.size", Value::Size(Size::gib(4))), ("disk.rootfs.storage", text("local-lvm"))]);
    let create = on(Action::Create { fields: made, template: Some(UNPACKED.to_owned()), macs: BTreeMap::new() });
    trial.carry_out(create.clone()).await;
    let came_to = trial.submit(&create, &Look::Unknown("not looked".into())).await;
    let real = "500: CT 506 already exists on node 'pve1'";
    trial.expect("container: create with a number that is taken", real, came_to);
    let mount = Slot::mount_point(0);
    for (what, step, real) in [
        ("container: stop while it is stopped", on(Action::Stop), "500: CT 506 not running"),
        ("container: shutdown while it is stopped", on(Action::Shutdown { seconds: 180 }), "500: CT 506 not running"),
        ("container: resize to less", on(resize(Slot::rootfs(), 2)), "500: unable to shrink disk size"),
        ("container: disk on no storage", on(add(mount, "nowhere")), "500: storage 'nowhere' does not exist"),
        (
            "container: linked clone of no template",
            linked(Kind::Lxc, 509, 506),
            "500: Linked clone feature for 'local-lvm:vm-506-disk-0' is not available",
        ),
    ] {
        trial.comes_to(what, step, real).await;
    }
    trial.carry_out(on(add(Slot::mount_point(0), "local-lvm"))).await;
    let protection = |on: bool| {
        let fields = fields([("protection", Value::Flag(on))]);
        Action::Update { fields, macs: BTreeMap::new() }
    };
    trial.carry_out(on(protection(true))).await;
    let real = "500: can't remove CT 506 - protection mode enabled";
    trial.comes_to("container: delete while it is protected", on(Action::Delete), real).await;
    if let Some(seen) = trial.present(Kind::Lxc, 506).await {
        let volume = seen.raw.get("mp0").and_then(|entry| entry.split(',').next()).unwrap_or_default().to_owned();
        let detach = Action::Detach { slot: Slot::mount_point(0), volume };
        let real = "500: can't remove CT 506 drive 'mp0' - protection mode enabled";
        trial.comes_to("container: detach while it is protected", on(detach), real).await;
    }
    let mount = fields([("disk.mp0.size", Value::Size(Size::gib(1))), ("disk.mp0.storage", text("local-lvm"))]);
    let create = Action::Create { fields: mount, template: Some(UNPACKED.to_owned()), macs: BTreeMap::new() };
    let real = "500: mount points configured, but 'rootfs' not set - aborting";
    trial.comes_to("container: create without a root disk", step(Kind::Lxc, 512, "pve1", "ns-5", create), real).await;

    trial.carry_out(on(protection(false))).await;
    trial.carry_out(on(Action::Start)).await;
    let real = "500: unable to destroy CT 506 - container is running";
    trial.comes_to("container: delete while it runs", on(Action::Delete), real).await;
}

pub fn add(slot: Slot, storage: &str) -> Action {
    Action::AddDisk { slot, storage: storage.into(), size: Size::gib(2), parts: BTreeMap::new() }
}

fn resize(slot: Slot, gib: u64) -> Action {
    Action::Resize { slot, size: Size::gib(gib) }
}

/// A linked clone on `pve1`.
fn linked(kind: Kind, n: u32, of: u32) -> Step {
    let (from, from_node, from_name) = (vmid(of), "pve1".to_owned(), "copied".to_owned());
    step(kind, n, "pve1", "copy", Action::Clone { from, from_node, from_name, full: false, storage: None })
}

/// Who is let in, and what the others are told.
pub async fn logins(trial: &mut Trial) {
    let user = || "root@pam".to_owned();
    let wrong = Credential::Password { user: user(), password: "wrong".to_owned().into() };
    let no_token = Credential::Token("root@pam!nope=00000000-0000-0000-0000-000000000000".to_owned().into());
    let nobody = Credential::Password { user: "ghost@pam".into(), password: "wrong".to_owned().into() };
    for (what, credential, real) in [
        ("log in with a wrong password", wrong, "401: authentication failure"),
        ("log in as nobody", nobody, "401: authentication failure"),
        ("a token that is not there", no_token, "401: no such token 'nope' for user 'root@pam'"),
    ] {
        let answer = trial.as_somebody(credential).health().await;
        let answer = answer.map_or_else(|error| said(&error), |_| "let in".to_owned());
        trial.expect(what, real, answer);
    }
}

/// The whole suite, on one cluster.
pub async fn all(trial: &mut Trial) {
    cluster(trial).await;
    vm(trial).await;
    container(trial).await;
    copies(trial).await;
    adopting(trial).await;
    stale(trial).await;
    tasks(trial).await;
    vm_refusals(trial).await;
    container_refusals(trial).await;
    vm_deeds(trial).await;
    container_deeds(trial).await;
    logins(trial).await;
}

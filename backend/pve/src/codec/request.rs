//! A step of a plan → the one call that carries it out.

mod configure;
mod make;
mod operate;

use mycopod_core::cluster::Secret;
use mycopod_core::guest::{GuestRef, Kind};
use mycopod_core::id::ResourceId;
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::{Look, Sighting};
use mycopod_core::plan::{Action, Step, Subject};
use mycopod_core::ports::CallError;
use reqwest::Method;

use super::facility;
use super::form::{Form, unfit};

/// What Proxmox's web UI gives new VMs: one controller a disk, so that each has an I/O thread.
const CONTROLLER: &str = "virtio-scsi-single";

/// One call that changes something.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The node that carries it out; empty where any does.
    pub node: String,
    pub method: Method,
    /// The path below `/api2/json` by segments.
    pub path: Vec<String>,
    pub params: Vec<(String, String)>,
}

/// The call for `step`, given what the look just before it saw. `pool` is where new guests belong.
///
/// `secret` is the value that [`Step::secret`] names. A guest's own digest goes with every call that takes one. Nothing is sent (and the answer is a
/// [`CallError::Rejected`]) where the step does not fit what was seen: another guest, a number that is
/// taken, a disk where one shall be added, a field that guests of that kind do not have.
pub fn request(
    step: &Step,
    seen: &Look,
    marker: &MarkerKey,
    pool: Option<&str>,
    secret: Option<&Secret>,
) -> Result<Request, CallError> {
    let (guest, resource) = match (&step.subject, &step.action) {
        (Subject::Facility { facility }, Action::Facility(call)) => return facility::request(facility, call),
        (Subject::Facility { facility }, action) => return Err(unfit(format!("{} of {facility}", action.name()))),
        (Subject::Guest { guest, resource }, _) => (guest, *resource),
    };
    let secret = match (step.secret(), secret) {
        (Some(name), None) => return Err(unfit(format!("there is no secret {name}"))),
        (name, secret) => name.and(secret),
    };
    let call = Call { guest, resource, seen, marker, pool, secret };
    match &step.action {
        Action::Create { fields, template, macs } => call.create(fields, template.as_deref(), macs),
        Action::Clone { from, from_node, full, storage, .. } => {
            call.clone_of(*from, from_node, *full, storage.as_deref())
        }
        Action::Restore { backup } => call.restore(backup),
        Action::Adopt => call.adopt(),
        Action::Update { fields, macs } => call.update(fields, macs),
        Action::AddDisk { slot, storage, size, parts } => call.add_disk(slot, storage, *size, parts),
        Action::Resize { slot, size } => call.resize(slot, *size),
        Action::MoveDisk { disk, storage } => call.move_disk(disk, storage),
        Action::Detach { slot, volume } => call.detach(slot, volume),
        Action::DestroyVolume { volume } => call.destroy_volume(volume),
        Action::RemoveNic { number } => call.remove_nic(*number),
        Action::SetPool { from, to } => call.set_pool(from, to),
        Action::SetHa { known, state } => call.set_ha(*known, state),
        Action::Firewall(change) => call.firewall(change),
        Action::Start => call.turn("start", Form::default()),
        Action::Stop => call.turn("stop", Form::default()),
        Action::Suspend => call.turn("suspend", Form::default()),
        Action::Resume => call.turn("resume", Form::default()),
        Action::Shutdown { seconds } => call.shutdown(*seconds),
        Action::Reboot => call.reboot(),
        Action::Snapshot { name } => call.snapshot(name),
        Action::Rollback { name } => call.on(Method::POST, &["snapshot", name, "rollback"], Form::default()),
        Action::DeleteSnapshot { name } => call.on(Method::DELETE, &["snapshot", name], Form::default()),
        Action::Backup { storage, mode } => call.backup(storage, mode),
        Action::MakeTemplate => call.on(Method::POST, &["template"], Form::default()),
        Action::Migrate { node, running, local_disks, storage } => {
            call.migrate(node, *running, *local_disks, storage.as_deref())
        }
        Action::Delete => call.delete(),
        Action::Facility(call) => Err(unfit(format!("{} of a guest", call.name()))),
    }
}

/// A call in the making.
struct Call<'a> {
    guest: &'a GuestRef,
    resource: ResourceId,
    seen: &'a Look,
    marker: &'a MarkerKey,
    pool: Option<&'a str>,
    /// The value of the secret that the step names.
    secret: Option<&'a Secret>,
}

impl<'a> Call<'a> {
    fn is_vm(&self) -> bool {
        self.guest.kind == Kind::Qemu
    }

    /// The guest that the step acts on.
    fn present(&self) -> Result<&'a Sighting, CallError> {
        let GuestRef { kind, vmid, .. } = self.guest;
        match self.seen {
            Look::Present(seen) if seen.guest.key() == self.guest.key() => Ok(seen),
            Look::Present(seen) => Err(unfit(format!("{} {} was seen, not {vmid}", seen.guest.kind, seen.guest.vmid))),
            Look::Facility(_) => Err(unfit(format!("no guest was seen, but {vmid} is one"))),
            Look::Absent => Err(unfit(format!("{} {vmid} is not there", kind.noun()))),
            Look::Unknown(why) => Err(unfit(format!("{vmid} is unknown: {why}"))),
        }
    }

    /// `notes` with our marker.
    fn marked(&self, notes: &str) -> String {
        self.marker.mark(notes, self.resource, self.guest.vmid)
    }

    /// A call on the guest, on the node where it was seen.
    fn on(&self, method: Method, below: &[&str], form: Form) -> Result<Request, CallError> {
        let guest = &self.present()?.guest;
        let vmid = guest.vmid.to_string();
        let path = ["nodes", &guest.node, guest.kind.as_str(), &vmid].into_iter().chain(below.iter().copied());
        let path = path.map(str::to_owned).collect();
        Ok(Request { node: guest.node.clone(), method, path, params: form.into_params() })
    }

    /// A call on something else that belongs to the guest.
    fn beside(&self, method: Method, path: &[&str], form: Form) -> Result<Request, CallError> {
        let node = self.present()?.guest.node.clone();
        Ok(Request {
            node,
            method,
            path: path.iter().map(|&part| part.to_owned()).collect(),
            params: form.into_params(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use chrono::DateTime;
    use mycopod_core::field::{Field, Slot, Value};
    use mycopod_core::guest::{GuestKey, Power, Vmid};
    use mycopod_core::observed::Ownership;
    use mycopod_core::plan::Effect;
    use mycopod_core::size::Size;
    use serde_json::json;

    use super::*;
    use crate::codec::{Configuration, Listed, sighting};
    use crate::json::Row;

    const DIGEST: &str = "d0236368426878e8d99d3dcf993f01d8d28da87d";

    fn vmid(n: u32) -> Vmid {
        Vmid::try_from(n).unwrap()
    }

    fn key() -> MarkerKey {
        MarkerKey::new([7; 32])
    }

    fn resource() -> ResourceId {
        "0192f0c1-2d3e-7000-8000-0123456789ab".parse().unwrap()
    }

    fn step(kind: Kind, n: u32, action: Action) -> Step {
        let guest = GuestRef { kind, vmid: vmid(n), name: "web-1".into(), node: "pve1".into() };
        Step {
            seq: 1,
            wish: 0,
            subject: Subject::Guest { guest, resource: resource() },
            action,
            effect: Effect::Live,
            summary: String::new(),
            changes: Vec::new(),
            collateral: Vec::new(),
        }
    }

    fn fields<const N: usize>(fields: [(&str, Value); N]) -> BTreeMap<Field, Value> {
        fields.into_iter().map(|(field, value)| (field.parse().unwrap(), value)).collect()
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    /// A guest that was seen on `pve2`, wherever the plan thought it was.
    fn seen(kind: Kind, n: u32, configuration: &[(&str, &str)]) -> Look {
        let entry = |(key, value): &(&str, &str)| json!({"key": key, "value": value});
        let mut rows: Vec<_> = configuration.iter().map(entry).collect();
        rows.push(entry(&("digest", DIGEST)));
        let listed = Listed { key: GuestKey { kind, vmid: vmid(n) }, node: "pve2".into(), power: Power::Stopped };
        let configuration = Configuration::of(&Row::list(rows.into()).unwrap());
        Look::Present(Box::new(sighting(&listed, configuration, None, &key(), DateTime::UNIX_EPOCH)))
    }

    fn sent(step: &Step, look: &Look) -> (Method, String, BTreeMap<String, String>) {
        let request = request(step, look, &key(), None, None).unwrap();
        assert_eq!(request.path[1], request.node);
        (request.method, request.path.join("/"), request.params.into_iter().collect())
    }

    fn params<const N: usize>(params: [(&str, &str); N]) -> BTreeMap<String, String> {
        params.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_vm_is_made_with_all_that_was_chosen() {
        let fields = fields([
            ("name", text("web-1")),
            ("cores", Value::Count(4)),
            ("memory", Value::Size(Size::gib(8))),
            ("onboot", Value::Flag(true)),
            ("tags", Value::Set(["web".to_owned(), "prod".to_owned()].into())),
            ("description", text("Shop")),
            ("disk.scsi0.size", Value::Size(Size::gib(40))),
            ("disk.scsi0.storage", text("local-lvm")),
            ("nic.0.bridge", text("vmbr1")),
            ("nic.0.vlan", Value::Count(20)),
        ]);
        let macs = BTreeMap::from([(0, "BC:24:11:00:00:01".to_owned())]);
        let step = step(Kind::Qemu, 101, Action::Create { fields, template: None, macs });
        let (method, path, form) = sent(&step, &Look::Absent);
        assert_eq!((method, path.as_str()), (Method::POST, "nodes/pve1/qemu"));
        let description = key().mark("Shop", resource(), vmid(101));
        let expected = params([
            ("vmid", "101"),
            ("name", "web-1"),
            ("cores", "4"),
            ("memory", "8192"),
            ("onboot", "1"),
            ("tags", "prod;web"),
            ("description", &description),
            ("ostype", "l26"),
            ("scsihw", "virtio-scsi-single"),
            ("scsi0", "local-lvm:40,iothread=1"),
            ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr1,tag=20"),
        ]);
        assert_eq!(form, expected);
    }

    #[test]
    fn a_container_is_unpacked_from_its_template() {
        let fields = fields([
            ("memory", Value::Size(Size::mib(512))),
            ("unprivileged", Value::Flag(true)),
            ("tags", Value::Set(BTreeSet::new())),
            ("disk.rootfs.size", Value::Size(Size::gib(4))),
            ("disk.rootfs.storage", text("local-lvm")),
            ("nic.0.bridge", text("vmbr0")),
            ("nic.0.ip", text("10.1.2.3/24")),
            ("nic.0.gateway", text("10.1.2.1")),
        ]);
        let template = Some("local:vztmpl/debian-12.tar.zst".to_owned());
        let macs = BTreeMap::from([(0, "BC:24:11:00:00:02".to_owned())]);
        let step = step(Kind::Lxc, 102, Action::Create { fields, template, macs });
        let (_, path, form) = sent(&step, &Look::Absent);
        assert_eq!(path, "nodes/pve1/lxc");
        let description = key().mark("", resource(), vmid(102));
        let expected = params([
            ("vmid", "102"),
            ("hostname", "web-1"),
            ("ostemplate", "local:vztmpl/debian-12.tar.zst"),
            ("memory", "512"),
            ("unprivileged", "1"),
            ("description", &description),
            ("rootfs", "local-lvm:4"),
            ("net0", "name=eth0,bridge=vmbr0,gw=10.1.2.1,hwaddr=BC:24:11:00:00:02,ip=10.1.2.3/24"),
        ]);
        assert_eq!(form, expected);
    }

    #[test]
    fn a_clone_bears_a_marker_of_its_own() {
        let clone = |full, storage: Option<&str>| Action::Clone {
            from: vmid(9000),
            from_node: "pve1".into(),
            from_name: "debian-12".into(),
            full,
            storage: storage.map(str::to_owned),
        };
        let (method, path, form) = sent(&step(Kind::Qemu, 103, clone(true, Some("local-lvm"))), &Look::Absent);
        assert_eq!((method, path.as_str()), (Method::POST, "nodes/pve1/qemu/9000/clone"));
        let description = key().mark("", resource(), vmid(103));
        let full = params([
            ("newid", "103"),
            ("name", "web-1"),
            ("full", "1"),
            ("storage", "local-lvm"),
            ("description", &description),
        ]);
        assert_eq!(form, full);
        let (_, _, linked) = sent(&step(Kind::Lxc, 103, clone(false, Some("local-lvm"))), &Look::Absent);
        assert_eq!(
            (linked.get("storage"), linked["full"].as_str()),
            (None, "0"),
            "a linked clone stays on its storage"
        );
        assert_eq!(linked["hostname"], "web-1");
    }

    #[test]
    fn adopting_changes_nothing_but_the_notes() {
        let look = seen(Kind::Lxc, 600, &[("description", "ct desc\n"), ("hostname", "web-1")]);
        let (method, path, form) = sent(&step(Kind::Lxc, 600, Action::Adopt), &look);
        assert_eq!((method, path.as_str()), (Method::PUT, "nodes/pve2/lxc/600/config"), "where it was seen");
        let marked = key().mark("ct desc", resource(), vmid(600));
        assert_eq!(form, params([("digest", DIGEST), ("description", &marked)]));
        assert_eq!(key().judge(&form["description"], vmid(600)), (Ownership::Ours(resource()), "ct desc".to_owned()));
    }

    #[test]
    fn an_update_sends_the_named_fields_and_the_digest() {
        let look = seen(
            Kind::Qemu,
            200,
            &[
                ("cpu", "host,flags=+aes"),
                ("net0", "virtio=BC:24:11:E6:F3:DC,bridge=vmbr0,rate=5,tag=3"),
                ("ipconfig0", "ip=dhcp"),
                ("tags", "a"),
            ],
        );
        let fields = fields([
            ("cores", Value::Count(2)),
            ("cpu", text("x86-64-v2-AES")),
            ("tags", Value::Set(BTreeSet::new())),
            ("nic.0.vlan", Value::Count(0)),
            ("nic.0.ip", text("")),
        ]);
        let (method, path, form) =
            sent(&step(Kind::Qemu, 200, Action::Update { fields, macs: BTreeMap::new() }), &look);
        assert_eq!((method, path.as_str()), (Method::PUT, "nodes/pve2/qemu/200/config"));
        let expected = params([
            ("digest", DIGEST),
            ("cores", "2"),
            ("cpu", "x86-64-v2-AES,flags=+aes"),
            ("net0", "virtio=BC:24:11:E6:F3:DC,bridge=vmbr0,rate=5"),
            ("delete", "ipconfig0,tags"),
        ]);
        assert_eq!(form, expected);
    }

    #[test]
    fn a_password_is_the_value_of_the_secret_that_is_named_and_never_its_name() {
        let named = fields([("password", text("web-root"))]);
        let update = |kind| step(kind, 200, Action::Update { fields: named.clone(), macs: BTreeMap::new() });
        let secret = Secret::new("correct horse".to_owned());
        let sent = |step: &Step, look: &Look, secret| request(step, look, &key(), None, secret);
        let look = seen(Kind::Qemu, 200, &[("cipassword", "**********")]);
        let form = sent(&update(Kind::Qemu), &look, Some(&secret)).unwrap().params;
        assert_eq!(
            form.into_iter().collect::<BTreeMap<_, _>>(),
            params([("digest", DIGEST), ("cipassword", "correct horse")])
        );
        assert!(sent(&update(Kind::Qemu), &look, None).is_err(), "without its value nothing is sent");
        assert!(sent(&update(Kind::Lxc), &seen(Kind::Lxc, 200, &[]), Some(&secret)).is_err());
        let mut made = named.clone();
        made.extend(fields([("disk.rootfs.size", Value::Size(Size::gib(4))), ("disk.rootfs.storage", text("local"))]));
        let template = Some("local:vztmpl/debian-12.tar.zst".to_owned());
        let made = step(Kind::Lxc, 201, Action::Create { fields: made, template, macs: BTreeMap::new() });
        let form = sent(&made, &Look::Absent, Some(&secret)).unwrap().params;
        assert!(form.contains(&("password".to_owned(), "correct horse".to_owned())), "{form:?}");
    }

    #[test]
    fn an_added_disk_never_replaces_one() {
        let add = |n| Action::AddDisk {
            slot: Slot::scsi(n),
            storage: "local".into(),
            size: Size::gib(8),
            parts: BTreeMap::new(),
        };
        let look = seen(Kind::Qemu, 200, &[("scsi0", "local:200/vm-200-disk-0.qcow2,size=1G"), ("scsihw", "lsi")]);
        let (_, _, form) = sent(&step(Kind::Qemu, 200, add(1)), &look);
        assert_eq!(form, params([("digest", DIGEST), ("scsi1", "local:8")]));
        assert!(request(&step(Kind::Qemu, 200, add(0)), &look, &key(), None, None).is_err());
    }

    #[test]
    fn deeds_go_to_where_the_guest_was_seen() {
        let (vm, container) = (seen(Kind::Qemu, 200, &[]), seen(Kind::Lxc, 600, &[]));
        let resize = Action::Resize { slot: Slot::scsi(0), size: Size::gib(60) };
        let (method, path, form) = sent(&step(Kind::Qemu, 200, resize), &vm);
        assert_eq!((method, path.as_str()), (Method::PUT, "nodes/pve2/qemu/200/resize"));
        assert_eq!(form, params([("digest", DIGEST), ("disk", "scsi0"), ("size", "60G")]));
        let (_, path, form) = sent(&step(Kind::Lxc, 600, Action::Shutdown { seconds: 180 }), &container);
        assert_eq!(path, "nodes/pve2/lxc/600/status/shutdown");
        assert_eq!(form, params([("timeout", "180"), ("forceStop", "0")]));
        let (_, _, form) = sent(&step(Kind::Qemu, 200, Action::Snapshot { name: "pre".into() }), &vm);
        assert_eq!(form, params([("snapname", "pre"), ("vmstate", "0")]));
        let (method, path, form) = sent(&step(Kind::Qemu, 200, Action::Delete), &vm);
        assert_eq!((method, path.as_str()), (Method::DELETE, "nodes/pve2/qemu/200"));
        assert_eq!(form, params([("purge", "1"), ("destroy-unreferenced-disks", "0")]));
    }

    #[test]
    fn what_does_not_fit_what_was_seen_is_not_sent() {
        let update = |fields| Action::Update { fields, macs: BTreeMap::new() };
        let vm = seen(Kind::Qemu, 200, &[]);
        let create = Action::Create { fields: BTreeMap::new(), template: None, macs: BTreeMap::new() };
        let cores = fields([("cores", Value::Count(2))]);
        for (kind, n, action, look) in [
            (Kind::Qemu, 200, create, &vm),
            (Kind::Qemu, 201, Action::Delete, &vm),
            (Kind::Lxc, 200, Action::Delete, &vm),
            (Kind::Qemu, 200, Action::Delete, &Look::Absent),
            (Kind::Qemu, 200, update(cores), &Look::Unknown("pve2 is offline".into())),
            (Kind::Qemu, 200, update(fields([("swap", Value::Size(Size::gib(1)))])), &vm),
            (Kind::Qemu, 200, update(fields([("disk.scsi0.size", Value::Size(Size::gib(1)))])), &vm),
            (Kind::Qemu, 200, update(fields([("running", Value::Flag(true))])), &vm),
            (Kind::Qemu, 200, update(fields([("nic.0.vlan", Value::Count(3))])), &vm),
            (Kind::Qemu, 200, update(fields([("nic.0.bridge", text("vmbr0,firewall=0"))])), &vm),
            (Kind::Qemu, 200, update(fields([("memory", Value::Size(Size::bytes(1)))])), &vm),
        ] {
            let refused = request(&step(kind, n, action), look, &key(), None, None);
            assert!(matches!(refused, Err(CallError::Rejected { .. })), "{refused:?}");
        }
    }
}

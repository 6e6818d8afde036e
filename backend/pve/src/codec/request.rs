//! A step of a plan → the one call that carries it out.

use std::collections::BTreeMap;

use mycopod_core::cluster::Secret;
use mycopod_core::field::{DiskPart, Field, Plain, Slot, Value};
use mycopod_core::guest::Kind;
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::{Look, Sighting};
use mycopod_core::plan::{Action, Step};
use mycopod_core::ports::CallError;
use reqwest::Method;

use super::form::{Form, plain, set_fields, unfit};
use super::plain::name_key;
use super::{disk, firewall};

/// The seconds a guest's system has to restart; then the task fails, and it is never switched off unasked.
const REBOOT_SECONDS: u32 = 180;
/// What Proxmox's web UI gives new VMs: one controller a disk, so that each has an I/O thread.
const CONTROLLER: &str = "virtio-scsi-single";
/// Linux 2.6 and later.
const OS_TYPE: &str = "l26";

/// One call that changes something.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The node that carries it out.
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
#[expect(clippy::too_many_lines, reason = "one arm a call, so that none is forgotten")]
pub fn request(
    step: &Step,
    seen: &Look,
    marker: &MarkerKey,
    pool: Option<&str>,
    secret: Option<&Secret>,
) -> Result<Request, CallError> {
    match &step.action {
        Action::Create { fields, template, macs } => {
            vacant(step, seen)?;
            let mut form = made(step, "vmid", pool);
            create(step, fields, template.as_deref(), macs, marker, &mut form)?;
            set_password(step, secret, &mut form)?;
            let path = vec!["nodes".into(), step.guest.node.clone(), step.guest.kind.to_string()];
            Ok(Request { node: step.guest.node.clone(), method: Method::POST, path, params: form.into_params() })
        }
        Action::Clone { from, from_node, full, storage, .. } => {
            vacant(step, seen)?;
            let mut form = made(step, "newid", pool);
            form.set(name_key(step.guest.kind), &step.guest.name);
            form.set("full", &u8::from(*full));
            if let (true, Some(storage)) = (*full, storage) {
                form.set("storage", plain(storage)?);
            }
            if step.guest.node != *from_node {
                form.set("target", &step.guest.node);
            }
            form.set("description", &marker.mark("", step.resource, step.guest.vmid));
            let path = ["nodes", from_node, step.guest.kind.as_str(), &from.to_string(), "clone"];
            Ok(Request {
                node: from_node.clone(),
                method: Method::POST,
                path: path.map(str::to_owned).into(),
                params: form.into_params(),
            })
        }
        Action::Adopt => {
            let guest = present(step, seen)?;
            let notes = guest.raw.get("description").map_or("", String::as_str);
            let mut form = Form::guarded(guest);
            form.set("description", &marker.mark(notes, step.resource, step.guest.vmid));
            Ok(on(guest, Method::PUT, &["config"], form))
        }
        Action::Update { fields, macs } => {
            let guest = present(step, seen)?;
            let mut form = Form::guarded(guest);
            set_fields(step.guest.kind, fields, &guest.raw, macs, false, &mut form)?;
            set_password(step, secret, &mut form)?;
            if let Some(Value::Text(notes)) = fields.get(&Field::Plain(Plain::Description)) {
                form.set("description", &marker.mark(notes, step.resource, step.guest.vmid));
            }
            Ok(on(guest, Method::PUT, &["config"], form))
        }
        Action::AddDisk { slot, storage, size, parts } => {
            let guest = present(step, seen)?;
            if guest.raw.contains_key(slot.as_str()) {
                return Err(unfit(format!("{slot} of {} is already in use", step.guest.name)));
            }
            let iothreads = guest.raw.get("scsihw").is_some_and(|controller| controller == CONTROLLER);
            let mut form = Form::guarded(guest);
            form.set(slot.as_str(), &disk::make(step.guest.kind, slot, storage, *size, parts, iothreads)?);
            Ok(on(guest, Method::PUT, &["config"], form))
        }
        Action::Resize { slot, size } => {
            let guest = present(step, seen)?;
            let mut form = Form::guarded(guest);
            form.set("disk", slot);
            form.set("size", &disk::print_size(*size));
            Ok(on(guest, Method::PUT, &["resize"], form))
        }
        Action::Start => Ok(on(present(step, seen)?, Method::POST, &["status", "start"], Form::default())),
        Action::MoveDisk { disk, storage } => {
            let guest = present(step, seen)?;
            let mut form = Form::guarded(guest);
            let (call, key) = match step.guest.kind {
                Kind::Qemu => ("move_disk", "disk"),
                Kind::Lxc => ("move_volume", "volume"),
            };
            form.set(key, plain(disk)?);
            form.set("storage", plain(storage)?);
            // Without it the old volume would stay behind as an unused disk.
            form.set("delete", &1);
            Ok(on(guest, Method::POST, &[call], form))
        }
        Action::Detach { slot, volume } => {
            let guest = present(step, seen)?;
            if guest.raw.get(slot.as_str()).is_none_or(|entry| entry.split(',').next() != Some(volume)) {
                return Err(unfit(format!("{slot} of {} is not {volume}", step.guest.name)));
            }
            let mut form = Form::guarded(guest);
            form.delete(slot.as_str());
            Ok(on(guest, Method::PUT, &["config"], form))
        }
        Action::DestroyVolume { volume } => {
            let guest = present(step, seen)?;
            let unused = guest.raw.iter().find(|(key, entry)| key.starts_with("unused") && *entry == volume);
            let (key, _) = unused.ok_or_else(|| unfit(format!("{volume} is no unused disk of {}", step.guest.name)))?;
            let mut form = Form::guarded(guest);
            form.delete(key);
            Ok(on(guest, Method::PUT, &["config"], form))
        }
        Action::RemoveNic { number } => {
            let guest = present(step, seen)?;
            let mut form = Form::guarded(guest);
            for key in [format!("net{number}"), format!("ipconfig{number}")] {
                if guest.raw.contains_key(&key) {
                    form.delete(&key);
                }
            }
            Ok(on(guest, Method::PUT, &["config"], form))
        }
        Action::SetPool { from, to } => {
            let guest = present(step, seen)?;
            let mut form = Form::default();
            form.set("vms", &guest.guest.vmid);
            let pool = if to.is_empty() {
                form.set("delete", &1);
                from
            } else {
                form.set("allow-move", &1);
                to
            };
            form.set("poolid", pool);
            let path = vec!["pools".to_owned()];
            Ok(Request { node: guest.guest.node.clone(), method: Method::PUT, path, params: form.into_params() })
        }
        Action::SetHa { known, state } => {
            let guest = present(step, seen)?;
            let kind = if step.guest.kind == Kind::Qemu { "vm" } else { "ct" };
            let sid = format!("{kind}:{}", guest.guest.vmid);
            let mut form = Form::default();
            if !state.is_empty() {
                form.set("state", plain(state)?);
            }
            let mut path = ["cluster", "ha", "resources"].map(str::to_owned).to_vec();
            let method = match (known, state.is_empty()) {
                (false, _) => {
                    form.set("sid", &sid);
                    Method::POST
                }
                (true, empty) => {
                    path.push(sid);
                    if empty { Method::DELETE } else { Method::PUT }
                }
            };
            Ok(Request { node: guest.guest.node.clone(), method, path, params: form.into_params() })
        }
        Action::Firewall(call) => {
            let guest = present(step, seen)?;
            let (method, below, form) = firewall::call(call, guest)?;
            let below: Vec<&str> = ["firewall"].into_iter().chain(below.iter().map(String::as_str)).collect();
            Ok(on(guest, method, &below, form))
        }
        Action::Shutdown { seconds } => {
            let mut form = Form::default();
            form.set("timeout", seconds);
            form.set("forceStop", &0);
            Ok(on(present(step, seen)?, Method::POST, &["status", "shutdown"], form))
        }
        Action::Suspend => Ok(on(present(step, seen)?, Method::POST, &["status", "suspend"], Form::default())),
        Action::Resume => Ok(on(present(step, seen)?, Method::POST, &["status", "resume"], Form::default())),
        Action::Rollback { name } => {
            Ok(on(present(step, seen)?, Method::POST, &["snapshot", name, "rollback"], Form::default()))
        }
        Action::DeleteSnapshot { name } => {
            Ok(on(present(step, seen)?, Method::DELETE, &["snapshot", name], Form::default()))
        }
        Action::Backup { storage, mode } => {
            let guest = present(step, seen)?;
            let mut form = Form::default();
            form.set("vmid", &guest.guest.vmid);
            form.set("storage", plain(storage)?);
            form.set("mode", plain(mode)?);
            form.set("compress", "zstd");
            let path = ["nodes", &guest.guest.node, "vzdump"].map(str::to_owned).into();
            Ok(Request { node: guest.guest.node.clone(), method: Method::POST, path, params: form.into_params() })
        }
        Action::Restore { backup } => {
            let guest = present(step, seen)?;
            let mut form = Form::default();
            form.set("vmid", &guest.guest.vmid);
            form.set("force", &1);
            match step.guest.kind {
                Kind::Qemu => form.set("archive", plain(backup)?),
                Kind::Lxc => {
                    form.set("ostemplate", plain(backup)?);
                    form.set("restore", &1);
                }
            }
            let path = ["nodes", &guest.guest.node, step.guest.kind.as_str()].map(str::to_owned).into();
            Ok(Request { node: guest.guest.node.clone(), method: Method::POST, path, params: form.into_params() })
        }
        Action::MakeTemplate => Ok(on(present(step, seen)?, Method::POST, &["template"], Form::default())),
        Action::Migrate { node, running, local_disks, storage } => {
            let mut form = Form::default();
            form.set("target", plain(node)?);
            let (goes_on, at) = match step.guest.kind {
                Kind::Qemu => ("online", "targetstorage"),
                Kind::Lxc => ("restart", "target-storage"),
            };
            if *running {
                form.set(goes_on, &1);
            }
            // A container's local disks are always copied; it has no such parameter.
            if *local_disks && step.guest.kind == Kind::Qemu {
                form.set("with-local-disks", &1);
            }
            if let Some(storage) = storage {
                form.set(at, plain(storage)?);
            }
            Ok(on(present(step, seen)?, Method::POST, &["migrate"], form))
        }
        Action::Stop => Ok(on(present(step, seen)?, Method::POST, &["status", "stop"], Form::default())),
        Action::Reboot => {
            let mut form = Form::default();
            form.set("timeout", &REBOOT_SECONDS);
            Ok(on(present(step, seen)?, Method::POST, &["status", "reboot"], form))
        }
        Action::Snapshot { name } => {
            let mut form = Form::default();
            form.set("snapname", name);
            if step.guest.kind == Kind::Qemu {
                form.set("vmstate", &0);
            }
            Ok(on(present(step, seen)?, Method::POST, &["snapshot"], form))
        }
        Action::Delete => {
            let mut form = Form::default();
            // Out of backup jobs, replication and HA, so that a later guest of that number inherits nothing.
            form.set("purge", &1);
            // The disks in its configuration go, detached ones included. Volumes that only bear its number were
            // in no plan: they stay.
            form.set("destroy-unreferenced-disks", &0);
            Ok(on(present(step, seen)?, Method::DELETE, &[], form))
        }
    }
}

/// The password that a step names; a container takes one at its making alone.
fn set_password(step: &Step, secret: Option<&Secret>, form: &mut Form) -> Result<(), CallError> {
    let Some(name) = step.secret() else { return Ok(()) };
    let secret = secret.ok_or_else(|| unfit(format!("there is no secret {name}")))?;
    match (step.guest.kind, &step.action) {
        (Kind::Qemu, _) => form.set("cipassword", secret.expose()),
        (Kind::Lxc, Action::Create { .. }) => form.set("password", secret.expose()),
        (Kind::Lxc, _) => return Err(unfit("a container takes a password at its making alone")),
    }
    Ok(())
}

/// The guest that the step acts on.
fn present<'a>(step: &Step, seen: &'a Look) -> Result<&'a Sighting, CallError> {
    match seen {
        Look::Present(guest) if guest.guest.key() == step.guest.key() => Ok(guest),
        Look::Present(guest) => {
            Err(unfit(format!("{} {} was seen, not {}", guest.guest.kind, guest.guest.vmid, step.guest.vmid)))
        }
        Look::Absent => Err(unfit(format!("{} {} is not there", step.guest.kind.noun(), step.guest.vmid))),
        Look::Unknown(why) => Err(unfit(format!("{} is unknown: {why}", step.guest.vmid))),
    }
}

/// That nothing is known to have the number. Where that is unknown, Proxmox's own claim on it decides.
fn vacant(step: &Step, seen: &Look) -> Result<(), CallError> {
    match seen {
        Look::Present(guest) => Err(unfit(format!("{} is taken by {}", guest.guest.vmid, guest.guest.name))),
        Look::Absent | Look::Unknown(_) => plain(&step.guest.node).map(|_| ()),
    }
}

/// A call on an existing guest, on the node where it was seen.
fn on(guest: &Sighting, method: Method, below: &[&str], form: Form) -> Request {
    let vmid = guest.guest.vmid.to_string();
    let path = ["nodes", &guest.guest.node, guest.guest.kind.as_str(), &vmid].into_iter().chain(below.iter().copied());
    let path = path.map(str::to_owned).collect();
    Request { node: guest.guest.node.clone(), method, path, params: form.into_params() }
}

/// What all new guests have: the number, by the name that the call has for it, and the pool.
fn made(step: &Step, number: &str, pool: Option<&str>) -> Form {
    let mut form = Form::default();
    form.set(number, &step.guest.vmid);
    if let Some(pool) = pool {
        form.set("pool", pool);
    }
    form
}

fn create(
    step: &Step,
    fields: &BTreeMap<Field, Value>,
    template: Option<&str>,
    macs: &BTreeMap<u8, String>,
    marker: &MarkerKey,
    form: &mut Form,
) -> Result<(), CallError> {
    let kind = step.guest.kind;
    form.set(name_key(kind), &step.guest.name);
    match (kind, template) {
        (Kind::Qemu, None) => {
            form.set("ostype", OS_TYPE);
            form.set("scsihw", CONTROLLER);
        }
        (Kind::Lxc, Some(template)) => form.set("ostemplate", template),
        (Kind::Qemu, Some(_)) => return Err(unfit("a VM is not unpacked from a template volume")),
        (Kind::Lxc, None) => return Err(unfit("a container needs a template volume")),
    }
    let mut rest = fields.clone();
    let mut disks: BTreeMap<&Slot, BTreeMap<DiskPart, Value>> = BTreeMap::new();
    for (field, value) in fields {
        let Field::Disk(slot, part) = field else { continue };
        disks.entry(slot).or_default().insert(*part, value.clone());
        rest.remove(field);
    }
    for (slot, mut parts) in disks {
        let (Some(Value::Size(size)), Some(Value::Text(storage))) =
            (parts.remove(&DiskPart::Size), parts.remove(&DiskPart::Storage))
        else {
            return Err(unfit(format!("{slot} has no size or no storage")));
        };
        form.set(slot.as_str(), &disk::make(kind, slot, &storage, size, &parts, true)?);
    }
    // A pool is a parameter of its own at a guest's making, and the one of the settings gives way to it.
    if let Some(Value::Text(pool)) = rest.remove(&Plain::Pool.into()) {
        form.set("pool", &pool);
    }
    set_fields(kind, &rest, &BTreeMap::new(), macs, true, form)?;
    let notes = match fields.get(&Field::Plain(Plain::Description)) {
        Some(Value::Text(notes)) => notes.as_str(),
        _ => "",
    };
    form.set("description", &marker.mark(notes, step.resource, step.guest.vmid));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::DateTime;
    use mycopod_core::field::Slot;
    use mycopod_core::guest::{GuestKey, GuestRef, Power, Vmid};
    use mycopod_core::id::ResourceId;
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
            guest,
            resource: resource(),
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

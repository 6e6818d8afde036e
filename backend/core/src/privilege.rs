//! What carrying out a step needs, by the permission rules of Proxmox VE 8.4.
//!
//! A privilege that is needed without being named here is refused by Proxmox when the step is carried out; one that is
//! named without being needed would keep a plan from being offered. Where the rule depends on what is not known here
//! (the contents of a backup, the zone of an SDN vnet) nothing is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facility::{Facility, FacilityCall};
use crate::field::{DiskPart, Field, NicPart, Plain, Value};
use crate::guest::{GuestKey, GuestRef, Kind};
use crate::observed::{Observed, Sighting};
use crate::plan::{Action, Plan, Step, Subject};
use crate::ports::MissingPrivilege;
use crate::rights::Rights;

/// Something that a plan needs and we may not do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// A privilege at a path.
    Privilege(MissingPrivilege),
    /// What Proxmox lets nobody do but root@pam itself, whatever its privileges.
    Root(String),
}

/// As in a sentence: `VM.Snapshot on /vms/100`.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Privilege(MissingPrivilege { path, privilege }) => write!(f, "{privilege} on {path}"),
            Self::Root(what) => f.write_str(what),
        }
    }
}

/// What of a plan we may not do, each once.
#[must_use]
pub fn missing(plan: &Plan, observed: &Observed, rights: &Rights) -> BTreeSet<Missing> {
    if rights.root {
        return BTreeSet::new();
    }
    let needs = plan.steps().iter().flat_map(|step| needs(step, observed, rights.pool.as_deref()));
    needs.filter_map(|need| need.missing(rights)).collect()
}

/// One thing that a step needs.
enum Need {
    /// One of these privileges on one of these paths; the first of each is the one to ask for.
    Privilege {
        privileges: &'static [&'static str],
        paths: Vec<String>,
        ask_for: String,
    },
    Root(String),
}

impl Need {
    fn missing(self, rights: &Rights) -> Option<Missing> {
        match self {
            Self::Root(what) => Some(Missing::Root(what)),
            Self::Privilege { privileges, paths, ask_for } => {
                let has = |path: &String| privileges.iter().any(|privilege| rights.has(path, privilege));
                let privilege = (*privileges.first()?).to_owned();
                (!paths.iter().any(has)).then_some(Missing::Privilege(MissingPrivilege { path: ask_for, privilege }))
            }
        }
    }
}

/// The needs of one step, as they are gathered.
struct Needs<'a> {
    kind: Kind,
    name: &'a str,
    observed: &'a Observed,
    seen: Option<&'a Sighting>,
    /// Where rights on the guest may be: its own path, and for one in the making its pool's.
    guest: Vec<String>,
    ask_for: String,
    found: Vec<Need>,
}

const TO_USE: &[&str] = &["Datastore.AllocateSpace", "Datastore.Audit"];
const CLOUD_INIT: &[&str] = &["VM.Config.Cloudinit", "VM.Config.Network"];
const CPU: &[&str] = &["VM.Config.CPU"];
const MEMORY: &[&str] = &["VM.Config.Memory"];
const HARDWARE: &[&str] = &["VM.Config.HWType"];
const OPTIONS: &[&str] = &["VM.Config.Options"];
const DISK: &[&str] = &["VM.Config.Disk"];
const CDROM: &[&str] = &["VM.Config.CDROM"];
const NETWORK: &[&str] = &["VM.Config.Network"];

/// What a step needs. `pool` is the one that new guests join.
fn needs(step: &Step, observed: &Observed, pool: Option<&str>) -> Vec<Need> {
    let guest = match &step.subject {
        Subject::Guest { guest, .. } => guest,
        Subject::Facility { facility } => return of_facility(facility, &step.action),
    };
    of_guest(guest, &step.action, observed, pool)
}

/// What making or deleting a facility needs.
fn of_facility(facility: &Facility, action: &Action) -> Vec<Need> {
    let at = |path: String, privileges| Need::Privilege { privileges, paths: vec![path.clone()], ask_for: path };
    match facility {
        Facility::Pool(name) => vec![at(format!("/pool/{name}"), &["Pool.Allocate"])],
        Facility::BackupJob(_) => vec![at("/".to_owned(), &["Sys.Modify"])],
        Facility::File { node, volume } => {
            let storage = format!("/storage/{}", volume.split(':').next().unwrap_or_default());
            if !matches!(action, Action::Facility(FacilityCall::Download { .. })) {
                return vec![at(storage, &["Datastore.Allocate", "Datastore.AllocateTemplate"])];
            }
            let node = format!("/nodes/{node}");
            let network = Need::Privilege {
                privileges: &["Sys.AccessNetwork", "Sys.Modify"],
                paths: vec![node.clone(), "/".to_owned()],
                ask_for: node,
            };
            vec![at(storage, &["Datastore.AllocateTemplate"]), network]
        }
    }
}

fn of_guest(of: &GuestRef, action: &Action, observed: &Observed, pool: Option<&str>) -> Vec<Need> {
    let vmid = of.vmid;
    let seen = observed.guest(of.key());
    let mut guest = vec![format!("/vms/{vmid}")];
    let mut ask_for = format!("/vms/{vmid}");
    if seen.is_none() {
        let joined = match action {
            Action::Create { fields, .. } => match fields.get(&Field::Plain(Plain::Pool)) {
                Some(Value::Text(pool)) => Some(pool.as_str()).filter(|pool| !pool.is_empty()),
                _ => pool,
            },
            _ => pool,
        };
        ask_for = joined.map_or_else(|| "/vms".to_owned(), |pool| format!("/pool/{pool}"));
        guest.extend(joined.map(|pool| format!("/pool/{pool}")));
    }
    let (kind, name) = (of.kind, of.name.as_str());
    let mut needs = Needs { kind, name, observed, seen, guest, ask_for, found: Vec::new() };
    needs.action(action, of.key());
    needs.found
}

impl Needs<'_> {
    fn guest(&mut self, privileges: &'static [&'static str]) {
        let (paths, ask_for) = (self.guest.clone(), self.ask_for.clone());
        self.found.push(Need::Privilege { privileges, paths, ask_for });
    }

    fn at(&mut self, path: String, privileges: &'static [&'static str]) {
        self.found.push(Need::Privilege { privileges, paths: vec![path.clone()], ask_for: path });
    }

    /// Space on a storage.
    fn space(&mut self, storage: &str) {
        if !storage.is_empty() {
            self.at(format!("/storage/{storage}"), &["Datastore.AllocateSpace"]);
        }
    }

    /// A volume that is there already, such as an ISO image or a container template.
    fn volume(&mut self, volume: &str) {
        if let Some((storage, _)) = volume.split_once(':') {
            self.at(format!("/storage/{storage}"), TO_USE);
        }
    }

    /// A bridge, or one VLAN on it. Without rights on it a node's bridge is not even seen; it is told from a vnet by its
    /// usual name.
    fn bridge(&mut self, bridge: &str, vlan: Option<u64>) {
        let is_seen = self.observed.seen_nodes().any(|(_, node)| node.bridges.contains_key(bridge));
        if is_seen || bridge.starts_with("vmbr") {
            let vlan = vlan.filter(|vlan| *vlan > 0).map_or_else(String::new, |vlan| format!("/{vlan}"));
            self.at(format!("/sdn/zones/localnetwork/{bridge}{vlan}"), &["SDN.Use"]);
        }
    }

    fn root(&mut self, what: &str) {
        self.found.push(Need::Root(format!("{what} of {}", self.name)));
    }

    fn action(&mut self, action: &Action, key: GuestKey) {
        match action {
            Action::Create { fields, template, .. } => {
                self.guest(&["VM.Allocate"]);
                self.guest(&["VM.Audit"]);
                // Our marker is in its notes.
                self.guest(OPTIONS);
                match self.kind {
                    Kind::Qemu => self.guest(HARDWARE),
                    Kind::Lxc => self.guest(NETWORK),
                }
                if let Some(template) = template {
                    self.volume(template);
                }
                self.fields(fields, true);
            }
            Action::Clone { from, full, storage, .. } => {
                self.at(format!("/vms/{from}"), &["VM.Clone"]);
                self.guest(&["VM.Allocate"]);
                self.guest(&["VM.Audit"]);
                match storage {
                    Some(storage) if *full => self.space(storage),
                    // Each disk is copied to, or linked on, the storage that it is on.
                    _ => self.storages_of(GuestKey { kind: key.kind, vmid: *from }),
                }
            }
            Action::Adopt => self.guest(OPTIONS),
            Action::Update { fields, .. } => self.fields(fields, false),
            Action::AddDisk { storage, parts, .. } => {
                self.guest(DISK);
                self.space(storage);
                if let Some(Value::Text(volume)) = parts.get(&DiskPart::Import) {
                    self.volume(volume);
                }
            }
            Action::Resize { .. } | Action::Detach { .. } => self.guest(DISK),
            Action::MoveDisk { storage, .. } => {
                self.guest(DISK);
                self.space(storage);
            }
            Action::DestroyVolume { volume } => {
                self.guest(DISK);
                if let Some((storage, _)) = volume.split_once(':')
                    && self.kind == Kind::Qemu
                {
                    self.space(storage);
                }
            }
            Action::RemoveNic { .. } | Action::Firewall(_) => self.guest(NETWORK),
            Action::SetPool { from, to } => {
                for pool in [from, to].into_iter().filter(|pool| !pool.is_empty()) {
                    self.at(format!("/pool/{pool}"), &["Pool.Allocate"]);
                }
                self.guest(&["VM.Allocate", "Permissions.Modify"]);
            }
            Action::SetHa { .. } => self.at("/".to_owned(), &["Sys.Console"]),
            Action::Start
            | Action::Shutdown { .. }
            | Action::Stop
            | Action::Reboot
            | Action::Suspend
            | Action::Resume => self.guest(&["VM.PowerMgmt"]),
            Action::Snapshot { .. } | Action::DeleteSnapshot { .. } => self.guest(&["VM.Snapshot"]),
            Action::Rollback { .. } => self.guest(&["VM.Snapshot.Rollback", "VM.Snapshot"]),
            Action::Backup { storage, .. } => {
                self.guest(&["VM.Backup"]);
                self.space(storage);
            }
            Action::Restore { backup } => {
                self.guest(&["VM.Backup", "VM.Allocate"]);
                if let Some((storage, _)) = backup.split_once(':') {
                    self.space(storage);
                }
                self.storages_of(key);
            }
            Action::MakeTemplate | Action::Delete => self.guest(&["VM.Allocate"]),
            Action::Facility(_) => {}
            Action::Migrate { storage, .. } => {
                self.guest(&["VM.Migrate"]);
                if let Some(storage) = storage {
                    self.space(storage);
                }
            }
        }
    }

    /// The storages that a guest's disks are on.
    fn storages_of(&mut self, key: GuestKey) {
        let Some(source) = self.observed.guest(key) else { return };
        let storages: BTreeSet<&str> = source
            .fields
            .iter()
            .filter_map(|(field, value)| match (field, value) {
                (Field::Disk(_, DiskPart::Storage), Value::Text(storage)) => Some(storage.as_str()),
                _ => None,
            })
            .collect();
        for storage in storages {
            self.space(storage);
        }
    }

    /// Fields that are set on a guest, or given to one `in_the_making`: then having it made needs no more for its
    /// drives than their storages (VM).
    fn fields(&mut self, fields: &BTreeMap<Field, Value>, in_the_making: bool) {
        let vm_drives = !(in_the_making && self.kind == Kind::Qemu);
        let mut nics = BTreeSet::new();
        for (field, value) in fields {
            match field {
                Field::Plain(plain) => match self.kind {
                    Kind::Qemu => self.of_vm(*plain, value, vm_drives),
                    Kind::Lxc => self.of_container(*plain, value, fields, in_the_making),
                },
                Field::Firewall(_) => self.guest(NETWORK),
                Field::Disk(_, part) => {
                    if vm_drives {
                        self.guest(DISK);
                    }
                    match (part, value) {
                        (DiskPart::Storage, Value::Text(storage)) => self.space(storage),
                        (DiskPart::Import, Value::Text(volume)) => self.volume(volume),
                        _ => {}
                    }
                }
                Field::Nic(n, part) => {
                    let is_address = matches!(part, NicPart::Ip | NicPart::Gateway | NicPart::Ip6 | NicPart::Gateway6);
                    let is_cloud_init = self.kind == Kind::Qemu && is_address;
                    if !is_cloud_init {
                        nics.insert(*n);
                    }
                    self.guest(if is_cloud_init { CLOUD_INIT } else { NETWORK });
                }
            }
        }
        // A NIC is written whole, with the bridge and VLAN that it keeps.
        for n in nics {
            let part = |part| {
                let field = Field::Nic(n, part);
                fields.get(&field).or_else(|| self.seen?.get(&field)).cloned()
            };
            match (part(NicPart::Bridge), part(NicPart::Vlan)) {
                (Some(Value::Text(bridge)), Some(Value::Count(vlan))) => self.bridge(&bridge, Some(vlan)),
                (Some(Value::Text(bridge)), _) => self.bridge(&bridge, None),
                // No bridge was seen that it could be plugged into.
                (None, _) if in_the_making => self.at("/sdn/zones/localnetwork".to_owned(), &["SDN.Use"]),
                _ => {}
            }
        }
    }

    fn of_vm(&mut self, plain: Plain, value: &Value, drives: bool) {
        let drive = if drives { Some(DISK) } else { None };
        let text = if let Value::Text(text) = value { text.as_str() } else { "" };
        let on_guest = match plain {
            Plain::Cores
            | Plain::Sockets
            | Plain::Vcpus
            | Plain::CpuType
            | Plain::Numa
            | Plain::CpuLimit
            | Plain::CpuUnits => Some(CPU),
            Plain::Memory | Plain::Balloon | Plain::Shares => Some(MEMORY),
            Plain::Machine | Plain::ScsiController | Plain::Vga | Plain::Serial | Plain::Hotplug => Some(HARDWARE),
            Plain::EfiDisk | Plain::Tpm => {
                self.space(text);
                drive
            }
            Plain::Cdrom => {
                self.volume(text);
                drive.map(|_| CDROM)
            }
            Plain::CloudInit => {
                self.space(text);
                drive.map(|_| CDROM)
            }
            Plain::BootOrder => Some(DISK),
            Plain::CiUser
            | Plain::Password
            | Plain::SshKeys
            | Plain::CiUpgrade
            | Plain::Snippets
            | Plain::Nameserver
            | Plain::SearchDomain => Some(CLOUD_INIT),
            Plain::StartupOrder | Plain::StartupUp | Plain::StartupDown => {
                // It changes what the node does when it starts.
                self.at("/".to_owned(), &["Sys.Modify"]);
                Some(OPTIONS)
            }
            Plain::Name
            | Plain::Bios
            | Plain::OsType
            | Plain::Agent
            | Plain::OnBoot
            | Plain::Protection
            | Plain::Description => Some(OPTIONS),
            // At its making nobody asks for more.
            Plain::Tags => drive.map(|_| OPTIONS),
            // Steps of their own, or no fields of a VM.
            Plain::Pool
            | Plain::Ha
            | Plain::Running
            | Plain::Swap
            | Plain::Nesting
            | Plain::Keyctl
            | Plain::Fuse
            | Plain::Timezone
            | Plain::Unprivileged => None,
        };
        if let Some(privileges) = on_guest {
            self.guest(privileges);
        }
    }

    fn of_container(&mut self, plain: Plain, value: &Value, fields: &BTreeMap<Field, Value>, in_the_making: bool) {
        let on_guest = match plain {
            Plain::Cores | Plain::CpuLimit | Plain::CpuUnits => Some(CPU),
            Plain::Memory | Plain::Swap => Some(MEMORY),
            Plain::Name | Plain::Nameserver | Plain::SearchDomain => Some(NETWORK),
            Plain::Nesting | Plain::Keyctl | Plain::Fuse => {
                let unprivileged = Field::Plain(Plain::Unprivileged);
                let unprivileged = fields.get(&unprivileged).or_else(|| self.seen?.get(&unprivileged));
                let is_off = in_the_making && *value == Value::Flag(false);
                if is_off {
                    None
                } else if plain != Plain::Nesting {
                    self.root(if plain == Plain::Keyctl { "keyctl" } else { "FUSE" });
                    None
                } else if unprivileged == Some(&Value::Flag(true)) {
                    Some(&["VM.Allocate"][..])
                } else {
                    self.root("nesting in a privileged container,");
                    None
                }
            }
            Plain::Tags if in_the_making => {
                // Here the pool’s rights do not count.
                let own = self.guest.first().cloned().unwrap_or_default();
                self.found.push(Need::Privilege { privileges: OPTIONS, paths: vec![own], ask_for: "/vms".to_owned() });
                None
            }
            Plain::StartupOrder
            | Plain::StartupUp
            | Plain::StartupDown
            | Plain::Timezone
            | Plain::OnBoot
            | Plain::Protection
            | Plain::Unprivileged
            | Plain::Tags
            | Plain::Description => Some(OPTIONS),
            // Steps of their own, given at its making without a right of their own, or no fields of a container.
            Plain::Pool
            | Plain::Ha
            | Plain::Running
            | Plain::Password
            | Plain::SshKeys
            | Plain::Sockets
            | Plain::Vcpus
            | Plain::CpuType
            | Plain::Numa
            | Plain::Balloon
            | Plain::Shares
            | Plain::Machine
            | Plain::Bios
            | Plain::EfiDisk
            | Plain::Tpm
            | Plain::OsType
            | Plain::ScsiController
            | Plain::Vga
            | Plain::Serial
            | Plain::Agent
            | Plain::Hotplug
            | Plain::BootOrder
            | Plain::Cdrom
            | Plain::CloudInit
            | Plain::CiUser
            | Plain::CiUpgrade
            | Plain::Snippets => None,
        };
        if let Some(privileges) = on_guest {
            self.guest(privileges);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::field::Slot;
    use crate::guest::{GuestRef, Power, Vmid};
    use crate::observed::Ownership;
    use crate::plan::Effect;
    use crate::size::Size;

    fn vmid(number: u32) -> Vmid {
        Vmid::try_from(number).unwrap()
    }

    fn seen(kind: Kind, number: u32, fields: &[(&str, Value)]) -> Sighting {
        Sighting {
            guest: GuestRef { kind, vmid: vmid(number), name: "web-1".to_owned(), node: "pve1".to_owned() },
            at: DateTime::UNIX_EPOCH,
            power: Power::Stopped,
            template: false,
            lock: None,
            digest: String::new(),
            ownership: Ownership::Unmarked,
            smbios_uuid: None,
            fields: these(fields),
            pending: BTreeSet::new(),
            hotplug: BTreeSet::new(),
            snapshots: None,
            firewall: None,
            raw: BTreeMap::new(),
        }
    }

    fn these(fields: &[(&str, Value)]) -> BTreeMap<Field, Value> {
        fields.iter().map(|(field, value)| (field.parse().unwrap(), value.clone())).collect()
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    /// What a token without any rights lacks for that on VM 100 or container 200, which are there, or on 300, which is
    /// not yet.
    fn lacking(kind: Kind, number: u32, pool: Option<&str>, action: Action) -> Vec<String> {
        let disk =
            [("disk.scsi0.storage", text("nfs")), ("nic.0.bridge", text("vmbr0")), ("nic.0.vlan", Value::Count(5))];
        let unprivileged = [("unprivileged", Value::Flag(true))];
        let observed = Observed {
            at: DateTime::UNIX_EPOCH,
            version: "8.4.1".to_owned(),
            cluster: "lab".to_owned(),
            nodes: BTreeMap::new(),
            guests: vec![seen(Kind::Qemu, 100, &disk), seen(Kind::Lxc, 200, &unprivileged)],
            images: Vec::new(),
            volumes: Vec::new(),
            pools: BTreeSet::new(),
            backup_jobs: None,
            replicas: BTreeMap::new(),
        };
        let step = Step {
            seq: 1,
            wish: 0,
            subject: Subject::Guest {
                guest: GuestRef { kind, vmid: vmid(number), name: "web-1".to_owned(), node: "pve1".to_owned() },
                resource: "0192f0c1-2d3e-7000-8000-0123456789ab".parse().unwrap(),
            },
            action,
            effect: Effect::Live,
            summary: String::new(),
            changes: Vec::new(),
            collateral: Vec::new(),
        };
        let found: BTreeSet<_> =
            needs(&step, &observed, pool).into_iter().filter_map(|need| need.missing(&Rights::default())).collect();
        found.iter().map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn update(fields: &[(&str, Value)]) -> Action {
        Action::Update { fields: these(fields), macs: BTreeMap::new() }
    }

    #[test]
    fn each_option_has_its_own_privilege() {
        for (field, value, needed) in [
            ("cores", Value::Count(2), &["VM.Config.CPU on /vms/100"][..]),
            ("memory", Value::Size(Size::gib(1)), &["VM.Config.Memory on /vms/100"]),
            ("bios", text("ovmf"), &["VM.Config.Options on /vms/100"]),
            ("machine", text("q35"), &["VM.Config.HWType on /vms/100"]),
            ("ciuser", text("ann"), &["VM.Config.Cloudinit on /vms/100"]),
            ("nic.0.ip", text("dhcp"), &["VM.Config.Cloudinit on /vms/100"]),
            (
                "nic.0.firewall",
                Value::Flag(true),
                &["SDN.Use on /sdn/zones/localnetwork/vmbr0/5", "VM.Config.Network on /vms/100"],
            ),
            ("nic.1.bridge", text("vnet1"), &["VM.Config.Network on /vms/100"]),
            ("disk.scsi0.cache", text("none"), &["VM.Config.Disk on /vms/100"]),
            (
                "cdrom",
                text("iso:iso/a.iso"),
                &["Datastore.AllocateSpace on /storage/iso", "VM.Config.CDROM on /vms/100"],
            ),
            ("startup.order", Value::Count(1), &["Sys.Modify on /", "VM.Config.Options on /vms/100"]),
        ] {
            assert_eq!(lacking(Kind::Qemu, 100, None, update(&[(field, value)])), needed, "{field}");
        }
        let of_container = |field, value| lacking(Kind::Lxc, 200, None, update(&[(field, value)]));
        assert_eq!(of_container("name", text("a")), ["VM.Config.Network on /vms/200"]);
        assert_eq!(of_container("startup.order", Value::Count(1)), ["VM.Config.Options on /vms/200"]);
        assert_eq!(of_container("nesting", Value::Flag(true)), ["VM.Allocate on /vms/200"]);
        assert_eq!(of_container("keyctl", Value::Flag(true)), ["keyctl of web-1"]);
    }

    #[test]
    fn a_new_guest_needs_its_rights_on_its_pool_or_on_all_guests() {
        let create = || {
            let fields = these(&[
                ("disk.scsi0.size", Value::Size(Size::gib(1))),
                ("disk.scsi0.storage", text("nfs")),
                ("nic.0.bridge", text("vmbr0")),
            ]);
            Action::Create { fields, template: None, macs: BTreeMap::new() }
        };
        let needed = |at: &str| {
            let mut needed: Vec<String> =
                ["VM.Allocate", "VM.Audit", "VM.Config.HWType", "VM.Config.Network", "VM.Config.Options"]
                    .iter()
                    .map(|privilege| format!("{privilege} on {at}"))
                    .collect();
            needed.push("Datastore.AllocateSpace on /storage/nfs".to_owned());
            needed.push("SDN.Use on /sdn/zones/localnetwork/vmbr0".to_owned());
            needed.sort();
            needed
        };
        assert_eq!(lacking(Kind::Qemu, 300, None, create()), needed("/vms"));
        assert_eq!(lacking(Kind::Qemu, 300, Some("web"), create()), needed("/pool/web"));
        let clone = Action::Clone {
            from: vmid(100),
            from_node: "pve1".to_owned(),
            from_name: "tpl".to_owned(),
            full: false,
            storage: None,
        };
        assert_eq!(
            lacking(Kind::Qemu, 300, Some("web"), clone),
            [
                "Datastore.AllocateSpace on /storage/nfs",
                "VM.Allocate on /pool/web",
                "VM.Audit on /pool/web",
                "VM.Clone on /vms/100"
            ]
        );
    }

    #[test]
    fn deeds_have_theirs() {
        let on_guest = |action| lacking(Kind::Qemu, 100, None, action);
        assert_eq!(on_guest(Action::Start), ["VM.PowerMgmt on /vms/100"]);
        assert_eq!(on_guest(Action::Rollback { name: "a".into() }), ["VM.Snapshot.Rollback on /vms/100"]);
        assert_eq!(on_guest(Action::Delete), ["VM.Allocate on /vms/100"]);
        assert_eq!(on_guest(Action::SetHa { known: false, state: "started".into() }), ["Sys.Console on /"]);
        let backup = Action::Backup { storage: "bak".into(), mode: "snapshot".into() };
        assert_eq!(on_guest(backup), ["Datastore.AllocateSpace on /storage/bak", "VM.Backup on /vms/100"]);
        let pool = Action::SetPool { from: "a".into(), to: "b".into() };
        assert_eq!(on_guest(pool), ["Pool.Allocate on /pool/a", "Pool.Allocate on /pool/b", "VM.Allocate on /vms/100"]);
        let add =
            Action::AddDisk { slot: Slot::scsi(1), storage: "nfs".into(), size: Size::gib(1), parts: BTreeMap::new() };
        assert_eq!(on_guest(add), ["Datastore.AllocateSpace on /storage/nfs", "VM.Config.Disk on /vms/100"]);
    }
}

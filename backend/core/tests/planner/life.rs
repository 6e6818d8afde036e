//! The world as it goes on, and a strict model of what Proxmox does with a step.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Extra, declaration, disk, gib, guest, text};
use mycopod_core::facility::{Facility, FacilityCall};
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Value};
use mycopod_core::firewall::Firewall;
use mycopod_core::guest::{GuestKey, Kind, Power};
use mycopod_core::intent::{Intent, Wish};
use mycopod_core::observed::{Look, NodeState, Observed, Ownership, Sighting, Volume};
use mycopod_core::plan::{Action, Effect, Plan, Step, Subject};
use mycopod_core::planner::{Resource, World, plan};
use mycopod_core::policy::Policy;
use mycopod_core::reading::Question;
use mycopod_core::size::Size;

/// A cluster with what the database knows of it.
#[derive(Clone, Debug)]
pub struct Life {
    pub observed: Observed,
    pub resources: Vec<Resource>,
    pub done: BTreeSet<usize>,
}

impl Life {
    pub fn new(observed: Observed) -> Self {
        Self { observed, resources: Vec::new(), done: BTreeSet::new() }
    }

    pub fn plan(&self, intent: &Intent) -> Result<Plan, Vec<Question>> {
        let hidden = BTreeSet::new();
        let world = World {
            observed: &self.observed,
            resources: &self.resources,
            done: &self.done,
            hidden: &hidden,
            promised: &[],
        };
        plan(declaration(), intent, &world, &Policy::default())
    }

    /// Reserves VMIDs, as the database does when a plan is put up.
    pub fn reserve(&mut self, plan: &Plan) {
        for step in plan.steps() {
            if matches!(step.action, Action::Create { .. } | Action::Clone { .. })
                && self.resources.iter().all(|row| row.id != step.resource().unwrap())
            {
                self.resources.push(row(step));
            }
        }
    }

    /// Carries out the steps, each as Proxmox would, or refuses as it would.
    pub fn carry_out<'s>(&mut self, steps: impl IntoIterator<Item = &'s Step>) {
        for step in steps {
            apply(&mut self.observed, step);
            match step.action {
                Action::Adopt => self.resources.push(row(step)),
                Action::Delete => {
                    self.resources
                        .iter_mut()
                        .filter(|row| row.id == step.resource().unwrap())
                        .for_each(|row| row.gone = true);
                }
                _ => {}
            }
        }
    }

    /// Marks all deeds of the intent as done.
    pub fn deeds_are_done(&mut self, intent: &Intent) {
        self.done = intent
            .wishes
            .iter()
            .enumerate()
            .filter(|(_, wish)| matches!(wish, Wish::Once { .. } | Wish::Facility { .. }))
            .map(|(index, _)| index)
            .collect();
    }

    pub fn look(&self, key: GuestKey) -> Look {
        self.observed.guest(key).map_or(Look::Absent, |seen| Look::Present(Box::new(seen.clone())))
    }
}

fn row(step: &Step) -> Resource {
    Resource {
        id: step.resource().unwrap(),
        key: step.guest().unwrap().key(),
        node: step.guest().unwrap().node.clone(),
        name: step.guest().unwrap().name.clone(),
        smbios_uuid: None,
        declaration: declaration(),
        gone: false,
    }
}

/// What Proxmox makes of a step around the guests.
fn arrange(observed: &mut Observed, facility: &Facility, action: &Action) {
    let Action::Facility(call) = action else { panic!("{action:?} of {facility}") };
    match (facility, call) {
        (Facility::Pool(name), FacilityCall::MakePool { .. }) => assert!(observed.pools.insert(name.clone())),
        (Facility::Pool(name), FacilityCall::DeletePool) => {
            let holds = |seen: &Sighting| seen.get(&Plain::Pool.into()) == Some(&text(name));
            assert!(!observed.guests.iter().any(holds), "pool {name} is not empty");
            assert!(observed.pools.remove(name));
        }
        (Facility::File { node, volume }, FacilityCall::Download { .. }) => {
            let content = volume.split([':', '/']).nth(1).unwrap().to_owned();
            let volume = volume.clone();
            observed.volumes.push(Volume {
                volume,
                content,
                node: node.clone(),
                size: Size::gib(1),
                guest: None,
                at: None,
            });
        }
        (Facility::File { volume, .. }, FacilityCall::DeleteFile) => {
            let before = observed.volumes.len();
            observed.volumes.retain(|known| known.volume != *volume);
            assert!(observed.volumes.len() < before);
        }
        (Facility::BackupJob(id), FacilityCall::MakeBackupJob(job)) => {
            assert!(observed.backup_jobs.as_mut().unwrap().insert(id.clone(), job.clone()).is_none());
        }
        (Facility::BackupJob(id), FacilityCall::DeleteBackupJob) => {
            assert!(observed.backup_jobs.as_mut().unwrap().remove(id).is_some());
        }
        (facility, call) => panic!("{call:?} of {facility}"),
    }
}

/// What Proxmox makes of a step; a panic where it would refuse, or where a guest that is not ours is touched.
#[expect(clippy::too_many_lines, reason = "a model of Proxmox, one arm an action")]
fn apply(observed: &mut Observed, step: &Step) {
    if let Subject::Facility { facility } = &step.subject {
        return arrange(observed, facility, &step.action);
    }
    let key = step.guest().unwrap().key();
    match &step.action {
        Action::Create { fields, template, macs } => {
            assert!(observed.numbered(key.vmid).is_none(), "VMID {} is taken", key.vmid);
            assert_eq!(template.is_some(), key.kind == Kind::Lxc);
            let mut made = blank(step);
            for (field, value) in fields {
                set(&mut made, field, value);
                if let Field::Disk(slot, DiskPart::Size) = field {
                    let Some(Value::Text(storage)) = fields.get(&Field::Disk(slot.clone(), DiskPart::Storage)) else {
                        panic!("disk {slot} has no storage")
                    };
                    fill(observed, &step.guest().unwrap().node, storage, value);
                    // An imported disk has its image's size at first.
                    if fields.contains_key(&Field::Disk(slot.clone(), DiskPart::Import)) {
                        made.fields.insert(field.clone(), gib(1));
                    }
                }
            }
            for (number, mac) in macs {
                made.raw.insert(format!("net{number}"), format!("virtio={mac},bridge=vmbr0"));
            }
            observed.guests.push(made);
        }
        Action::Clone { from, full, storage, .. } => {
            assert!(observed.numbered(key.vmid).is_none(), "VMID {} is taken", key.vmid);
            let source = observed.numbered(*from).expect("the source exists").clone();
            assert!(*full || source.template, "only a template has linked copies");
            let firewall = source.firewall.as_deref().cloned().unwrap_or_default();
            let mut made = source.with_firewall(firewall);
            made.guest = step.guest().unwrap().clone();
            made.ownership = Ownership::Ours(step.resource().unwrap());
            made.template = false;
            made.power = Power::Stopped;
            made.smbios_uuid = Some(format!("copy-{}", key.vmid));
            made.fields.insert(Field::Plain(Plain::Name), text(&step.guest().unwrap().name));
            made.fields.insert(Field::Plain(Plain::Running), Value::Flag(false));
            made.fields.remove(&Field::Plain(Plain::Description));
            if let Some(storage) = storage {
                for slot in made.disks().cloned().collect::<Vec<_>>() {
                    made.fields.insert(Field::Disk(slot, DiskPart::Storage), text(storage));
                }
            }
            observed.guests.push(made);
        }
        _ => {
            let node = step.guest().unwrap().node.clone();
            let position = observed.guests.iter().position(|seen| seen.guest.key() == key).expect("the guest exists");
            let mut seen = observed.guests.remove(position);
            let ours = seen.ownership == Ownership::Ours(step.resource().unwrap());
            assert!(ours || step.action == Action::Adopt, "{step:?} acts on a guest that is not ours");
            assert!(seen.lock.is_none());
            let on = seen.power != Power::Stopped;
            if seen.template {
                let disks =
                    |fields: &BTreeMap<Field, Value>| fields.keys().any(|field| matches!(field, Field::Disk(..)));
                let takes = match &step.action {
                    Action::Update { fields, .. } => !disks(fields),
                    Action::Adopt
                    | Action::Delete
                    | Action::Backup { .. }
                    | Action::Migrate { .. }
                    | Action::SetPool { .. }
                    | Action::SetHa { .. } => true,
                    _ => false,
                };
                assert!(takes, "a template does not take {step:?}");
            }
            let mut stays = true;
            match &step.action {
                Action::Create { .. } | Action::Clone { .. } | Action::Facility(_) => unreachable!("handled above"),
                Action::Adopt => seen.ownership = Ownership::Ours(step.resource().unwrap()),
                Action::Update { fields, macs } => {
                    let nics: BTreeSet<u8> = seen.nics().collect();
                    for (field, value) in fields {
                        set(&mut seen, field, value);
                    }
                    let added: BTreeSet<u8> = seen.nics().filter(|nic| !nics.contains(nic)).collect();
                    assert_eq!(added, macs.keys().copied().collect(), "each new NIC has a MAC address");
                }
                Action::AddDisk { slot, storage, size, parts } => {
                    assert!(!seen.raw.contains_key(slot.as_str()), "{slot} is in use");
                    set(&mut seen, &Field::Disk(slot.clone(), DiskPart::Size), &Value::Size(*size));
                    seen.fields.insert(Field::Disk(slot.clone(), DiskPart::Storage), text(storage));
                    let volume = format!("{storage}:vm-{}-{slot}-{}", key.vmid, step.seq);
                    seen.raw.insert(slot.to_string(), volume);
                    // An imported disk has its image's size at first.
                    let made = if parts.contains_key(&DiskPart::Import) { gib(1) } else { Value::Size(*size) };
                    seen.fields.extend(disk(slot, made, storage));
                    for (part, value) in parts.iter().filter(|(part, _)| **part != DiskPart::Import) {
                        seen.fields.insert(Field::Disk(slot.clone(), *part), value.clone());
                    }
                    fill(observed, &node, storage, &Value::Size(*size));
                }
                Action::MoveDisk { disk, storage } => {
                    let field: Field = match disk.as_str() {
                        "efidisk0" => Plain::EfiDisk.into(),
                        "tpmstate0" => Plain::Tpm.into(),
                        disk if seen.raw[disk].contains("cloudinit") => Plain::CloudInit.into(),
                        disk => Field::storage_of(disk.parse().unwrap()),
                    };
                    assert!(!on || key.kind == Kind::Qemu, "Proxmox moves no disk of a running container");
                    assert!(!on || disk == "efidisk0" || matches!(field, Field::Disk(..)), "{disk} is in use");
                    assert!(seen.snapshots.iter().flatten().count() == 0, "a disk with snapshots stays");
                    assert!(seen.fields.contains_key(&field), "no disk {disk}");
                    assert_ne!(seen.fields.insert(field, text(storage)), Some(text(storage)), "it is there already");
                    let entry = seen.raw.get_mut(disk.as_str()).expect("it has an entry");
                    let volume = entry.split_once(':').unwrap().1.to_owned();
                    *entry = format!("{storage}:{volume}");
                }
                Action::Detach { slot, volume } => {
                    let entry = seen.raw.remove(slot.as_str()).expect("the disk exists");
                    assert_eq!(entry.split(',').next(), Some(volume.as_str()), "it is the disk that is meant");
                    assert_ne!(seen.get(&Field::Plain(Plain::Protection)), Some(&Value::Flag(true)), "protected");
                    let plugged = seen.hotplug.contains("disk") && key.kind == Kind::Qemu;
                    assert!(!on || plugged, "it stays in use until the guest stops");
                    assert!(!["rootfs", "scsi0"].contains(&slot.as_str()), "a guest starts from {slot}");
                    seen.fields.retain(|field, _| !matches!(field, Field::Disk(at, _) if at == slot));
                    let free = (0..256).map(|n| format!("unused{n}")).find(|key| !seen.raw.contains_key(key)).unwrap();
                    seen.raw.insert(free, volume.clone());
                }
                Action::DestroyVolume { volume } => {
                    assert_eq!(step.effect, Effect::Destroy);
                    assert!(seen.snapshots.iter().flatten().count() == 0, "snapshots need it");
                    let unused = seen.raw.iter().find(|(key, entry)| key.starts_with("unused") && *entry == volume);
                    let key = unused.expect("the volume is detached").0.clone();
                    seen.raw.remove(&key);
                }
                Action::RemoveNic { number } => {
                    assert!(seen.nics().any(|nic| nic == *number), "no NIC {number}");
                    seen.raw.remove(&format!("net{number}"));
                    seen.fields.retain(|field, _| !matches!(field, Field::Nic(n, _) if n == number));
                }
                Action::SetPool { from, to } => {
                    let is = seen.get(&Plain::Pool.into()).cloned().unwrap_or_else(|| text(""));
                    assert_eq!(is, text(from));
                    set(&mut seen, &Plain::Pool.into(), &text(to));
                }
                Action::SetHa { known, state } => {
                    let is = seen.get(&Plain::Ha.into()).cloned().unwrap_or_else(|| text(""));
                    assert_eq!(*known, is != text(""));
                    set(&mut seen, &Plain::Ha.into(), &text(state));
                }
                Action::Firewall(call) => {
                    let mut firewall = *seen.firewall.clone().expect("the firewall was read");
                    assert_eq!(call.is_done(&firewall), Ok(false), "{call:?}");
                    call.carry_out(&mut firewall);
                    seen = seen.with_firewall(firewall);
                }
                Action::Suspend => {
                    assert_eq!((seen.power, key.kind), (Power::Running, Kind::Qemu));
                    seen.power = Power::Paused;
                }
                Action::Resume => {
                    assert_eq!(seen.power, Power::Paused);
                    seen.power = Power::Running;
                }
                Action::Rollback { name } => {
                    assert_eq!(step.effect, Effect::Destroy);
                    assert!(seen.snapshots.iter().flatten().any(|known| known == name), "no snapshot {name}");
                    // It may have been taken before the guest was ours; Proxmox stops a guest for it.
                    seen.ownership = Ownership::Unmarked;
                    seen.power = Power::Stopped;
                    seen.fields.insert(Plain::Running.into(), Value::Flag(false));
                }
                Action::DeleteSnapshot { name } => {
                    assert!(seen.snapshots.get_or_insert_default().remove(name), "no snapshot {name}");
                }
                Action::Backup { storage, .. } => {
                    let node = observed.node(&seen.guest.node).expect("its node answers");
                    assert!(node.storages[storage].content.contains("backup"));
                }
                Action::Restore { backup } => {
                    assert_eq!((seen.power, step.effect), (Power::Stopped, Effect::Destroy));
                    assert!(backup.contains(&format!("-{}-", key.vmid)), "a backup of its own");
                    seen.ownership = Ownership::Unmarked;
                    seen.snapshots = Some(BTreeSet::new());
                }
                Action::MakeTemplate => {
                    assert_eq!(seen.power, Power::Stopped);
                    assert!(seen.snapshots.iter().flatten().count() == 0, "Proxmox makes no template with snapshots");
                    seen.template = true;
                }
                Action::Migrate { node, running, local_disks, storage } => {
                    assert_ne!(*node, seen.guest.node, "Proxmox refuses to move it to where it is");
                    assert_eq!(*running, on);
                    let target = observed.node(node).expect("it answers");
                    for nic in seen.nics() {
                        let Some(Value::Text(bridge)) = seen.get(&Field::Nic(nic, NicPart::Bridge)) else { panic!() };
                        assert!(target.bridges.contains_key(bridge), "no bridge {bridge}");
                    }
                    assert!(*local_disks, "nothing is shared in this cluster");
                    for slot in seen.disks().cloned().collect::<Vec<_>>() {
                        let field = Field::storage_of(slot.clone());
                        let Some(Value::Text(is)) = seen.get(&field).cloned() else { panic!() };
                        let goes = storage.clone().unwrap_or(is);
                        assert!(target.storages.contains_key(&goes), "no storage {goes}");
                        let entry = seen.raw.get_mut(slot.as_str()).unwrap();
                        *entry = format!("{goes}:{}", entry.split_once(':').unwrap().1);
                        seen.fields.insert(field, text(&goes));
                    }
                    for drive in [Plain::EfiDisk, Plain::Tpm, Plain::CloudInit].map(Field::from) {
                        if let (Some(goes), Some(is)) = (storage, seen.fields.get_mut(&drive)) {
                            *is = text(goes);
                        }
                    }
                    seen.guest.node.clone_from(node);
                }
                Action::Resize { slot, size } => {
                    let field = Field::Disk(slot.clone(), DiskPart::Size);
                    let Some(Value::Size(is)) = seen.get(&field).cloned() else { panic!("no disk {slot}") };
                    assert!(is < *size, "Proxmox cannot shrink");
                    set(&mut seen, &field, &Value::Size(*size));
                }
                Action::Start => {
                    assert_eq!(seen.power, Power::Stopped);
                    assert!(!seen.template);
                    seen = seen.runs();
                }
                Action::Shutdown { .. } | Action::Stop => {
                    assert_ne!(seen.power, Power::Stopped);
                    seen.power = Power::Stopped;
                    seen.fields.insert(Field::Plain(Plain::Running), Value::Flag(false));
                }
                Action::Reboot => assert_eq!(seen.power, Power::Running),
                Action::Snapshot { name } => {
                    assert!(seen.snapshots.get_or_insert_default().insert(name.clone()), "snapshot {name} exists");
                }
                Action::Delete => {
                    assert_eq!(step.effect, Effect::Destroy);
                    assert_eq!(seen.power, Power::Stopped, "Proxmox refuses to delete a running guest");
                    assert_ne!(seen.get(&Field::Plain(Plain::Protection)), Some(&Value::Flag(true)), "protected");
                    stays = false;
                }
            }
            seen.digest = format!("{}{}", &seen.digest[1..], step.seq % 10);
            if stays {
                observed.guests.insert(position, seen);
            }
        }
    }
}

fn set(seen: &mut Sighting, field: &Field, value: &Value) {
    match field {
        Field::Plain(Plain::Running) => panic!("running is no configuration"),
        Field::Plain(Plain::Name) => seen.guest.name = value.to_string(),
        Field::Plain(Plain::EfiDisk | Plain::Tpm | Plain::CloudInit) => {
            let (at, volume) = match field {
                Field::Plain(Plain::EfiDisk) => ("efidisk0", "efi"),
                Field::Plain(Plain::Tpm) => ("tpmstate0", "tpm"),
                _ => ("ide2", "cloudinit"),
            };
            assert!(!seen.raw.contains_key(at), "{at} is never made anew");
            seen.raw.insert(at.to_owned(), format!("{value}:vm-{}-{volume}", seen.guest.vmid));
        }
        Field::Disk(_, DiskPart::Import) => return,
        Field::Disk(slot, DiskPart::Size) => {
            let has = seen.fields.contains_key(&Field::Disk(slot.clone(), DiskPart::Cache));
            if !has && !slot.is_of_container() || !seen.raw.contains_key(slot.as_str()) {
                let volume = format!("local-lvm:vm-{}-{slot}", seen.guest.vmid);
                seen.raw.insert(slot.to_string(), volume);
                let parts = disk(slot, value.clone(), "local-lvm");
                for (part, value) in parts {
                    seen.fields.entry(part).or_insert(value);
                }
            }
        }
        Field::Disk(slot, DiskPart::Storage) => {
            if let Some(entry) = seen.raw.get_mut(slot.as_str()) {
                *entry = format!("{value}:{}", entry.split_once(':').unwrap().1);
            }
        }
        _ => {}
    }
    seen.fields.insert(field.clone(), value.clone());
}

fn blank(step: &Step) -> Sighting {
    let mut made = guest(
        step.guest().unwrap().kind,
        step.guest().unwrap().vmid.get(),
        &step.guest().unwrap().name,
        &step.guest().unwrap().node,
    );
    made.ownership = Ownership::Ours(step.resource().unwrap());
    made = made.with_firewall(Firewall::default());
    made.raw.clear();
    made.fields.retain(|field, _| !matches!(field, Field::Disk(..) | Field::Nic(..)));
    made
}

fn fill(observed: &mut Observed, node: &str, storage: &str, size: &Value) {
    let Some(NodeState::Seen(node)) = observed.nodes.get_mut(node) else { panic!("{node} does not answer") };
    let storage = node.storages.get_mut(storage).expect("the storage exists");
    let Value::Size(size) = size else { panic!("{size} is no size") };
    assert!(storage.free >= *size, "the storage is full");
    storage.free = storage.free.saturating_sub(*size);
}

//! Steps in sentences.

use crate::field::{DiskPart, Field, NicPart, Plain, Value};
use crate::guest::{GuestRef, Kind};
use crate::plan::{Action, Change};

/// What a step does, in a sentence.
pub(super) fn summary(guest: &GuestRef, action: &Action, changes: &[Change]) -> String {
    let GuestRef { kind, vmid, name, node } = guest;
    let noun = kind.noun();
    match action {
        Action::Create { template, .. } => {
            let from = template.as_deref().map(|volume| format!(" from {}", file_name(volume))).unwrap_or_default();
            format!("Create {noun} {name} (VMID {vmid}) on {node}{from}: {}", outline(changes))
        }
        Action::Clone { from, from_name, full, storage, .. } => {
            let how = if *full { "full copy" } else { "linked copy" };
            let to = storage.as_deref().map(|storage| format!(", disks on {storage}")).unwrap_or_default();
            format!("Create {noun} {name} (VMID {vmid}) on {node} as a {how} of {from_name} ({from}){to}")
        }
        Action::Adopt => format!("Take over {noun} {name} ({vmid}): only MycoPod’s marker is written into its notes"),
        Action::Update { .. } => {
            let parts: Vec<String> = changes.iter().map(setting).collect();
            format!("Change {noun} {name} ({vmid}): {}", parts.join(", "))
        }
        Action::AddDisk { slot, storage, size, .. } => {
            format!("Add disk {slot} of {size} on {storage} to {noun} {name} ({vmid})")
        }
        Action::Resize { slot, size } => {
            let from = changes.first().and_then(|change| change.from.as_ref());
            let from = from.map(|from| format!("from {from} ")).unwrap_or_default();
            format!("Grow disk {slot} of {noun} {name} ({vmid}) {from}to {size}")
        }
        Action::MoveDisk { disk, storage } => format!("Move disk {disk} of {noun} {name} ({vmid}) to {storage}"),
        Action::Detach { slot, volume } => {
            format!("Detach disk {slot} of {noun} {name} ({vmid}): {volume} is kept as an unused disk")
        }
        Action::DestroyVolume { volume } => format!("Delete disk {volume} of {noun} {name} ({vmid}) with its data"),
        Action::RemoveNic { number } => format!("Take NIC {number} out of {noun} {name} ({vmid})"),
        Action::SetPool { from, to } => match (from.is_empty(), to.is_empty()) {
            (true, _) => format!("Put {noun} {name} ({vmid}) into pool {to}"),
            (false, true) => format!("Take {noun} {name} ({vmid}) out of pool {from}"),
            (false, false) => format!("Move {noun} {name} ({vmid}) from pool {from} to pool {to}"),
        },
        Action::SetHa { known, state } => match (known, state.is_empty()) {
            (false, _) => format!("Give {noun} {name} ({vmid}) to the HA manager: {state}"),
            (true, true) => format!("Take {noun} {name} ({vmid}) away from the HA manager"),
            (true, false) => format!("Set the HA state of {noun} {name} ({vmid}) to {state}"),
        },
        Action::Firewall(call) => format!("{} {noun} {name} ({vmid})", call.outline()),
        Action::Start => format!("Start {noun} {name} ({vmid})"),
        Action::Shutdown { seconds } => {
            format!("Shut down {noun} {name} ({vmid}) within {seconds} s; it is not switched off if that fails")
        }
        Action::Stop => format!("Switch off {noun} {name} ({vmid})"),
        Action::Reboot => format!("Reboot {noun} {name} ({vmid})"),
        Action::Suspend => format!("Suspend {noun} {name} ({vmid})"),
        Action::Resume => format!("Resume {noun} {name} ({vmid})"),
        Action::Snapshot { name: snapshot } => format!("Take snapshot {snapshot} of {noun} {name} ({vmid})"),
        Action::Rollback { name: snapshot } => {
            format!("Take {noun} {name} ({vmid}) back to snapshot {snapshot}; what came after it is lost")
        }
        Action::DeleteSnapshot { name: snapshot } => format!("Delete snapshot {snapshot} of {noun} {name} ({vmid})"),
        Action::Backup { storage, mode } => {
            format!("Back up {noun} {name} ({vmid}) to {storage} in {mode} mode")
        }
        Action::Restore { backup } => format!("Overwrite {noun} {name} ({vmid}) with backup {backup}"),
        Action::MakeTemplate => format!("Make a template of {noun} {name} ({vmid}); it cannot be started again"),
        Action::Migrate { node: to, running, local_disks, .. } => {
            let how = match (kind, running) {
                (_, false) => "while it is off",
                (Kind::Qemu, true) => "while it runs",
                (Kind::Lxc, true) => "with a restart",
            };
            let disks = if *local_disks { ", copying its local disks" } else { "" };
            format!("Move {noun} {name} ({vmid}) from {node} to {to} {how}{disks}")
        }
        Action::Delete => format!("Delete {noun} {name} ({vmid}) with its disks"),
        Action::Facility(call) => call.name().to_owned(),
    }
}

/// `cores 2 → 4`.
fn setting(change: &Change) -> String {
    let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    format!("{} {} → {}", change.field.label(), value(&change.from), value(&change.to))
}

/// A new guest in a line: `4 cores, 8 GiB memory, 40 GiB on local-lvm, vmbr1 VLAN 20`.
fn outline(changes: &[Change]) -> String {
    let get =
        |field: &Field| changes.iter().find(|change| change.field == *field).and_then(|change| change.to.as_ref());
    let mut parts = Vec::new();
    if let Some(Value::Count(cores)) = get(&Field::Plain(Plain::Cores)) {
        parts.push(format!("{cores} {}", if *cores == 1 { "core" } else { "cores" }));
    }
    if let Some(memory) = get(&Field::Plain(Plain::Memory)) {
        parts.push(format!("{memory} memory"));
    }
    for change in changes {
        match (&change.field, &change.to) {
            (Field::Disk(slot, DiskPart::Size), Some(size)) => match get(&Field::Disk(slot.clone(), DiskPart::Storage))
            {
                Some(storage) => parts.push(format!("{size} on {storage}")),
                None => parts.push(size.to_string()),
            },
            (Field::Nic(number, NicPart::Bridge), Some(bridge)) => match get(&Field::Nic(*number, NicPart::Vlan)) {
                Some(vlan) => parts.push(format!("{bridge} VLAN {vlan}")),
                None => parts.push(bridge.to_string()),
            },
            _ => {}
        }
    }
    parts.join(", ")
}

fn file_name(volume: &str) -> &str {
    volume.rsplit(['/', ':']).next().unwrap_or(volume)
}

//! Steps in sentences.

use crate::field::{Field, NicPart, Value};
use crate::guest::GuestRef;
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
        Action::AddDisk { slot, storage, size } => {
            format!("Add disk {slot} of {size} on {storage} to {noun} {name} ({vmid})")
        }
        Action::Resize { slot, size } => {
            let from = changes.first().and_then(|change| change.from.as_ref());
            let from = from.map(|from| format!("from {from} ")).unwrap_or_default();
            format!("Grow disk {slot} of {noun} {name} ({vmid}) {from}to {size}")
        }
        Action::Start => format!("Start {noun} {name} ({vmid})"),
        Action::Shutdown => format!("Shut down {noun} {name} ({vmid})"),
        Action::Stop => format!("Switch off {noun} {name} ({vmid})"),
        Action::Reboot => format!("Reboot {noun} {name} ({vmid})"),
        Action::Snapshot { name: snapshot } => format!("Take snapshot {snapshot} of {noun} {name} ({vmid})"),
        Action::Delete => format!("Delete {noun} {name} ({vmid}) with its disks"),
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
    if let Some(Value::Count(cores)) = get(&Field::Cores) {
        parts.push(format!("{cores} {}", if *cores == 1 { "core" } else { "cores" }));
    }
    if let Some(memory) = get(&Field::Memory) {
        parts.push(format!("{memory} memory"));
    }
    for change in changes {
        match (&change.field, &change.to) {
            (Field::DiskSize(slot), Some(size)) => match get(&Field::DiskStorage(slot.clone())) {
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

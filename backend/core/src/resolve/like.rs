//! “Same as web-01”: a new guest takes what nobody said from one that exists.
//!
//! What tells a guest from others (its name, addresses, notes) and what its disks hold is not taken.

use super::{Fields, disks_in_order};
use crate::field::{DiskPart, Field, NicPart, Plain, Value};
use crate::guest::Kind;
use crate::observed::Sighting;
use crate::reading::{Create, Source, Sourced, WantedDisk, WantedNic};

/// What makes a guest the same as another.
const ALIKE: [Plain; 24] = [
    Plain::Cores,
    Plain::Sockets,
    Plain::CpuType,
    Plain::Numa,
    Plain::CpuLimit,
    Plain::CpuUnits,
    Plain::Memory,
    Plain::Balloon,
    Plain::Shares,
    Plain::Swap,
    Plain::Machine,
    Plain::Bios,
    Plain::OsType,
    Plain::ScsiController,
    Plain::Vga,
    Plain::Serial,
    Plain::Agent,
    Plain::Hotplug,
    Plain::Nesting,
    Plain::Unprivileged,
    Plain::OnBoot,
    Plain::Tags,
    Plain::Nameserver,
    Plain::SearchDomain,
];

/// The parts of disks and NICs that are taken with them.
const DISK_PARTS: [DiskPart; 6] =
    [DiskPart::Cache, DiskPart::Discard, DiskPart::Ssd, DiskPart::Iothread, DiskPart::Backup, DiskPart::Mount];
const NIC_PARTS: [NicPart; 7] =
    [NicPart::Bridge, NicPart::Vlan, NicPart::Model, NicPart::Firewall, NicPart::Rate, NicPart::Mtu, NicPart::Queues];

/// Completes `create` and its `fields` by what `seen` has. Disks that were said stand in place of all of its own, and so
/// do NICs.
pub(super) fn take(seen: &Sighting, create: &mut Create, fields: &mut Fields) {
    let source = || Source::inferred(format!("as {} has it", seen.guest.name));
    let is_set = |value: &Value| !matches!(value, Value::Text(text) if text.is_empty());
    for plain in ALIKE {
        let field = Field::Plain(plain);
        if let Some(value) = seen.get(&field).filter(|value| is_set(value))
            && create.kind.value == seen.guest.kind
            && !fields.contains_key(&field)
            && plain.unset().as_ref() != Some(value)
        {
            fields.insert(field, Sourced::new(value.clone(), source()));
        }
    }
    if create.disks.iter().all(|disk| disk.further) {
        let mut disks = Vec::new();
        for slot in disks_in_order(seen) {
            let Some(Value::Size(size)) = seen.get(&Field::size_of(slot.clone())) else { continue };
            let storage = match seen.get(&Field::storage_of(slot.clone())) {
                Some(Value::Text(storage)) if create.node.is_none() => Some(Sourced::new(storage.clone(), source())),
                _ => None,
            };
            let part = |part: DiskPart| {
                let fits = Field::Disk(slot.clone(), part).fits(create.kind.value);
                let value = seen.get(&Field::Disk(slot.clone(), part)).filter(|value| is_set(value) && fits)?;
                let plain = matches!(value, Value::Flag(false)) && part != DiskPart::Backup
                    || matches!(value, Value::Flag(true)) && part == DiskPart::Backup
                    || matches!(value, Value::Text(text) if text == "none")
                    || part == DiskPart::Mount && disks.is_empty();
                (!plain).then(|| (part, Sourced::new(value.clone(), source())))
            };
            let parts = DISK_PARTS.into_iter().filter_map(part).collect();
            let further = !disks.is_empty() || create.image.is_some();
            disks.push(WantedDisk { size: Sourced::new(*size, source()), storage, parts, further });
        }
        // What is made from an image has its own system disk, which grows to the size of the other's.
        if let Some(first) = disks.first_mut() {
            first.further = false;
        }
        disks.append(&mut create.disks);
        create.disks = disks;
    }
    if create.nics.is_empty() {
        for number in seen.nics() {
            let part = |part: NicPart| {
                let field = Field::Nic(number, part);
                let value = seen.get(&field).filter(|value| is_set(value) && field.fits(create.kind.value))?;
                let unset = matches!(value, Value::Count(0) | Value::Flag(false));
                (!unset).then(|| (part, Sourced::new(value.clone(), source())))
            };
            let mut parts: Vec<(NicPart, Sourced<Value>)> = NIC_PARTS.into_iter().filter_map(part).collect();
            let dhcp = Value::Text("dhcp".to_owned());
            if create.kind.value == Kind::Lxc && seen.get(&Field::Nic(number, NicPart::Ip)) == Some(&dhcp) {
                parts.push((NicPart::Ip, Sourced::new(dhcp, source())));
            }
            create.nics.push(WantedNic { parts });
        }
    }
}

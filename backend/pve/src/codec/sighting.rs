//! A guest's configuration as Proxmox writes it → a sighting.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mycopod_core::field::{Field, MAX_NICS, Plain, Value};
use mycopod_core::guest::{GuestKey, GuestRef, Kind, Power, Vmid};
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::Sighting;

use super::property::PropertyString;
use super::{disk, nic, plain};
use crate::json::Row;

/// A configuration: as it is in use, and as it will be when what is pending is applied.
#[derive(Debug, Default)]
pub struct Configuration {
    pub digest: String,
    active: BTreeMap<String, String>,
    merged: BTreeMap<String, String>,
}

impl Configuration {
    /// Reads `GET …/pending`, which has the value in use, the pending one, and whether the entry shall go.
    pub fn of(pending: &[Row]) -> Self {
        let mut configuration = Self::default();
        for row in pending {
            let Some(key) = row.text("key") else { continue };
            let value = row.text("value");
            if key == "digest" {
                configuration.digest = value.unwrap_or_default();
                continue;
            }
            let deleted = row.number("delete").is_some_and(|delete| delete > 0);
            let merged = row.text("pending").or_else(|| value.clone()).filter(|_| !deleted);
            configuration.merged.extend(merged.map(|merged| (key.clone(), merged)));
            configuration.active.extend(value.map(|value| (key, value)));
        }
        configuration
    }
}

/// What is known of a guest besides its configuration.
#[derive(Debug)]
pub struct Listed {
    pub key: GuestKey,
    pub node: String,
    pub power: Power,
}

impl Listed {
    /// Reads a row of `GET /nodes/NODE/qemu` or `…/lxc`; `None` where it names no guest.
    pub fn of(kind: Kind, node: &str, row: &Row) -> Option<Self> {
        let vmid = u32::try_from(row.number("vmid")?).ok()?;
        let key = GuestKey { kind, vmid: Vmid::try_from(vmid).ok()? };
        Some(Self { key, node: node.to_owned(), power: power(row) })
    }
}

/// Reads `status`, and `qmpstatus` where it is given, in a list's row or in `…/status/current`.
pub fn power(row: &Row) -> Power {
    match (row.text("status").as_deref(), row.text("qmpstatus").as_deref()) {
        (Some("running"), Some("paused" | "suspended")) => Power::Paused,
        (Some("running"), _) => Power::Running,
        (Some("stopped"), _) => Power::Stopped,
        _ => Power::Unknown,
    }
}

/// All that is known of a guest, as of `at`.
pub fn sighting(
    listed: &Listed,
    configuration: Configuration,
    snapshots: Option<BTreeSet<String>>,
    marker: &MarkerKey,
    at: DateTime<Utc>,
) -> Sighting {
    let GuestKey { kind, vmid } = listed.key;
    let Configuration { digest, active, merged: raw } = configuration;
    let (ownership, _) = marker.judge(raw.get("description").map_or("", String::as_str), vmid);
    let mut all = fields(listed.key, &raw, marker);
    let pending = if active == raw {
        BTreeSet::new()
    } else {
        let now = fields(listed.key, &active, marker);
        all.keys().chain(now.keys()).filter(|field| all.get(*field) != now.get(*field)).cloned().collect()
    };
    // A paused guest holds its memory and its place: for Proxmox it runs.
    let running = match listed.power {
        Power::Running | Power::Paused => Some(true),
        Power::Stopped => Some(false),
        Power::Unknown => None,
    };
    all.extend(running.map(|running| (Field::Plain(Plain::Running), Value::Flag(running))));
    let name = raw.get(plain::name_key(kind)).cloned().unwrap_or_default();
    Sighting {
        guest: GuestRef { kind, vmid, name, node: listed.node.clone() },
        at,
        power: listed.power,
        template: raw.get("template").is_some_and(|flag| flag == "1"),
        lock: raw.get("lock").cloned(),
        digest,
        ownership,
        smbios_uuid: raw
            .get("smbios1")
            .and_then(|smbios| PropertyString::parse(smbios).get("uuid").map(str::to_lowercase)),
        fields: all,
        pending,
        hotplug: plain::hotplug(raw.get("hotplug").map(String::as_str)),
        snapshots,
        firewall: None,
        raw,
    }
}

fn fields(guest: GuestKey, raw: &BTreeMap<String, String>, marker: &MarkerKey) -> BTreeMap<Field, Value> {
    let GuestKey { kind, vmid } = guest;
    let mut fields: BTreeMap<Field, Value> =
        plain::read(kind, raw).into_iter().map(|(field, value)| (field.into(), value)).collect();
    let notes = raw.get("description").map(|notes| marker.judge(notes, vmid).1);
    fields.extend(
        notes.filter(|notes| !notes.is_empty()).map(|notes| (Field::Plain(Plain::Description), Value::Text(notes))),
    );
    for (slot, parts) in raw.iter().filter_map(|(key, entry)| disk::read(kind, key, entry)) {
        fields.extend(parts.into_iter().map(|(part, value)| (Field::Disk(slot.clone(), part), value)));
    }
    for n in 0..MAX_NICS {
        fields.extend(nic::read(kind, n, raw).into_iter().map(|(part, value)| (Field::Nic(n, part), value)));
    }
    fields
}

#[cfg(test)]
mod tests {
    use mycopod_core::field::{NicPart, Slot};
    use mycopod_core::observed::Ownership;
    use mycopod_core::size::Size;
    use serde_json::json;

    use super::*;

    fn seen(kind: Kind, vmid: u32, pending: serde_json::Value) -> Sighting {
        let key = GuestKey { kind, vmid: Vmid::try_from(vmid).unwrap() };
        let listed = Listed { key, node: "pve1".into(), power: Power::Running };
        let rows = Row::list(pending).unwrap();
        let marker = MarkerKey::new([7; 32]);
        sighting(&listed, Configuration::of(&rows), None, &marker, DateTime::UNIX_EPOCH)
    }

    fn value(sighting: &Sighting, field: &str) -> Option<Value> {
        sighting.get(&field.parse().unwrap()).cloned()
    }

    #[test]
    fn a_recorded_vm_is_read_with_its_pending_changes() {
        let vm = seen(
            Kind::Qemu,
            300,
            json!([
                {"key": "name", "value": "live2"},
                {"key": "digest", "value": "d860b8afae8e8259f00bb915432d302a6c9b17f8"},
                {"key": "cores", "value": 1, "pending": 2},
                {"key": "memory", "value": "256", "pending": "512"},
                {"key": "cpu", "value": "x86-64-v2-AES,flags=+aes"},
                {"key": "onboot", "value": 1},
                {"key": "sockets", "value": 2, "delete": 1},
                {"key": "hotplug", "value": "disk,network,usb"},
                {"key": "tags", "value": "x;y"},
                {"key": "description", "value": "d"},
                {"key": "smbios1", "value": "uuid=0433D58D-fdd7-4c24-9302-51826e46e437"},
                {"key": "scsi0", "value": "local:300/vm-300-disk-0.qcow2,size=1G"},
                {"key": "ide2", "value": "none,media=cdrom"},
                {"key": "net0", "value": "virtio=BC:24:11:F2:9C:11,bridge=vmbr0"},
                {"key": "kvm", "value": 0}
            ]),
        );
        assert_eq!(vm.guest.name, "live2");
        assert_eq!(vm.digest, "d860b8afae8e8259f00bb915432d302a6c9b17f8");
        assert_eq!(vm.smbios_uuid.as_deref(), Some("0433d58d-fdd7-4c24-9302-51826e46e437"));
        assert_eq!(vm.ownership, Ownership::Unmarked);
        assert_eq!(value(&vm, "cores"), Some(Value::Count(2)), "pending changes are merged in");
        assert_eq!(value(&vm, "sockets"), Some(Value::Count(1)), "what shall go has its default");
        assert_eq!(value(&vm, "memory"), Some(Value::Size(Size::mib(512))));
        assert_eq!(value(&vm, "cpu"), Some(Value::Text("x86-64-v2-AES".into())));
        assert_eq!(value(&vm, "running"), Some(Value::Flag(true)));
        assert_eq!(value(&vm, "protection"), Some(Value::Flag(false)));
        assert_eq!(value(&vm, "disk.scsi0.size"), Some(Value::Size(Size::gib(1))));
        assert_eq!(vm.disks().collect::<Vec<_>>(), [&Slot::scsi(0)]);
        assert_eq!(
            vm.pending,
            [Field::Plain(Plain::Cores), Field::Plain(Plain::Sockets), Field::Plain(Plain::Memory)].into()
        );
        assert_eq!(vm.raw["kvm"], "0");
        assert!(!vm.raw.contains_key("digest"), "the digest is no part of what is edited");
    }

    #[test]
    fn a_recorded_container_is_read_with_its_defaults() {
        let container = seen(
            Kind::Lxc,
            600,
            json!([
                {"key": "hostname", "value": "ct-one"},
                {"key": "digest", "value": "13c68c90a230f020680b2e6962bd83b9ba60afa3"},
                {"key": "description", "value": "ct desc ünï\n"},
                {"key": "memory", "value": 128},
                {"key": "unprivileged", "value": 1},
                {"key": "rootfs", "value": "local:600/vm-600-disk-0.raw,size=1G"},
                {"key": "net0", "value": "name=eth0,bridge=vmbr0,gw=10.1.1.1,hwaddr=BC:24:11:6A:2F:ED,ip=10.1.1.5/24,type=veth"},
                {"key": "tags", "value": " "}
            ]),
        );
        assert_eq!(value(&container, "description"), Some(Value::Text("ct desc ünï".into())));
        assert_eq!(value(&container, "swap"), Some(Value::Size(Size::mib(512))));
        assert_eq!(value(&container, "cores"), None, "all of its node's");
        assert_eq!(value(&container, "unprivileged"), Some(Value::Flag(true)));
        assert_eq!(container.get(&Field::Nic(0, NicPart::Ip)), Some(&Value::Text("10.1.1.5/24".into())));
        assert!(container.tags().is_empty(), "no tags are stored as a blank");
        assert!(container.pending.is_empty());
    }

    #[test]
    fn a_guest_in_the_making_is_locked_and_not_yet_ours() {
        let vm = seen(Kind::Qemu, 114, json!([{"key": "lock", "value": "create"}, {"key": "digest", "value": "a7e9"}]));
        assert_eq!((vm.lock.as_deref(), vm.ownership), (Some("create"), Ownership::Unmarked));
    }

    #[test]
    fn power_is_known_or_said_to_be_unknown() {
        let of = |row| power(&Row::of(row));
        assert_eq!(of(json!({"status": "running", "qmpstatus": "paused"})), Power::Paused);
        assert_eq!(of(json!({"status": "running"})), Power::Running);
        assert_eq!(of(json!({"status": "stopped", "qmpstatus": "stopped"})), Power::Stopped);
        assert_eq!(of(json!({})), Power::Unknown);
    }
}

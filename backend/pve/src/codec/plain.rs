//! The fields that a guest has once ↔ entries of its configuration.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::field::{Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::ports::CallError;
use mycopod_core::size::Size;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::form::{Form, plain, unfit};
use super::property::PropertyString;

/// A guest's configuration by key.
pub type Entries = BTreeMap<String, String>;

/// Proxmox's default memory of guests and swap of containers, in MiB.
const DEFAULT_MIB: u64 = 512;
/// Proxmox's default `hotplug`.
const DEFAULT_HOTPLUG: &str = "network,disk,usb";
/// What stays as it is when SSH keys are encoded: RFC 3986's unreserved characters, as Proxmox's web UI leaves them.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Where a drive of no disk is put, in the order of Proxmox's web UI.
const DRIVES: [&str; 6] = ["ide2", "ide0", "ide1", "ide3", "sata5", "sata4"];
/// The part of a drive's volume by which Proxmox knows its own cloud-init drives.
const CLOUD_INIT: &str = "cloudinit";
/// What Proxmox shows instead of a password.
const MASKED: &str = "**********";

/// What a guest's name is called in its configuration.
pub const fn name_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Qemu => "name",
        Kind::Lxc => "hostname",
    }
}

/// Where a field stands in a configuration.
enum Place {
    /// The entry of that key is the value.
    Entry(&'static str),
    /// An option of the entry that may stand without its key.
    First(&'static str, &'static str),
    /// An option of the entry that is written with its key, and may stand without.
    Named(&'static str, &'static str),
    /// An option of the entry.
    Option(&'static str, &'static str),
    /// By a rule of its own.
    Own,
}

const fn place_of(field: Plain, kind: Kind) -> Place {
    use Place::{Entry, First, Named, Option, Own};
    match field {
        Plain::Name => Entry(name_key(kind)),
        Plain::Cores => Entry("cores"),
        Plain::Sockets => Entry("sockets"),
        Plain::Vcpus => Entry("vcpus"),
        Plain::CpuType => First("cpu", "cputype"),
        Plain::Numa => Entry("numa"),
        Plain::CpuLimit => Entry("cpulimit"),
        Plain::CpuUnits => Entry("cpuunits"),
        Plain::Memory => match kind {
            Kind::Qemu => First("memory", "current"),
            Kind::Lxc => Entry("memory"),
        },
        Plain::Balloon => Entry("balloon"),
        Plain::Shares => Entry("shares"),
        Plain::Swap => Entry("swap"),
        Plain::Machine => First("machine", "type"),
        Plain::Bios => Entry("bios"),
        Plain::OsType => Entry("ostype"),
        Plain::ScsiController => Entry("scsihw"),
        Plain::Vga => First("vga", "type"),
        Plain::Agent => First("agent", "enabled"),
        Plain::CiUser => Entry("ciuser"),
        Plain::CiUpgrade => Entry("ciupgrade"),
        Plain::Snippets => Entry("cicustom"),
        Plain::Nameserver => Entry("nameserver"),
        Plain::SearchDomain => Entry("searchdomain"),
        Plain::Nesting => Option("features", "nesting"),
        Plain::Keyctl => Option("features", "keyctl"),
        Plain::Fuse => Option("features", "fuse"),
        Plain::Timezone => Entry("timezone"),
        Plain::Unprivileged => Entry("unprivileged"),
        Plain::OnBoot => Entry("onboot"),
        Plain::StartupOrder => Named("startup", "order"),
        Plain::StartupUp => Option("startup", "up"),
        Plain::StartupDown => Option("startup", "down"),
        Plain::Protection => Entry("protection"),
        Plain::EfiDisk
        | Plain::Tpm
        | Plain::Serial
        | Plain::Hotplug
        | Plain::BootOrder
        | Plain::Cdrom
        | Plain::CloudInit
        | Plain::Password
        | Plain::SshKeys
        | Plain::Tags
        | Plain::Description
        | Plain::Pool
        | Plain::Ha
        | Plain::Running => Own,
    }
}

/// The fields in a configuration. The description is the caller's: it carries the marker.
pub fn read(kind: Kind, raw: &Entries) -> Vec<(Plain, Value)> {
    Plain::ALL
        .into_iter()
        .filter(|field| field.only().is_none_or(|only| only == kind))
        .filter_map(|field| Some((field, read_one(field, kind, raw)?)))
        .collect()
}

fn read_one(field: Plain, kind: Kind, raw: &Entries) -> Option<Value> {
    let text = match place_of(field, kind) {
        Place::Entry(key) => raw.get(key).cloned(),
        Place::First(key, option) | Place::Named(key, option) => {
            raw.get(key).and_then(|entry| PropertyString::parse(entry).get_default(option).map(str::to_owned))
        }
        Place::Option(key, option) => {
            raw.get(key).and_then(|entry| PropertyString::parse(entry).get(option).map(str::to_owned))
        }
        Place::Own => return read_own(field, raw),
    };
    let count = |text: Option<String>| text.and_then(|text| text.parse().ok()).map(Value::Count);
    match field {
        Plain::Memory | Plain::Swap => {
            let mib = text.and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_MIB);
            Some(Value::Size(Size::mib(mib)))
        }
        Plain::Balloon => text?.parse().ok().map(Size::mib).map(Value::Size),
        // A container without a number of cores has all of its node's.
        Plain::Cores if kind == Kind::Lxc => count(text),
        Plain::Cores | Plain::Sockets => count(text).or(Some(Value::Count(1))),
        Plain::Vcpus
        | Plain::CpuUnits
        | Plain::Shares
        | Plain::StartupOrder
        | Plain::StartupUp
        | Plain::StartupDown => count(text),
        Plain::OnBoot
        | Plain::Protection
        | Plain::Unprivileged
        | Plain::Numa
        | Plain::Agent
        | Plain::CiUpgrade
        | Plain::Nesting
        | Plain::Keyctl
        | Plain::Fuse => text.map(|flag| Value::Flag(is_set(&flag))).or_else(|| field.unset()),
        Plain::Nameserver | Plain::SearchDomain => text.map(|list| Value::Text(words(&list).join(" "))),
        Plain::Name
        | Plain::CpuType
        | Plain::CpuLimit
        | Plain::Machine
        | Plain::Bios
        | Plain::OsType
        | Plain::ScsiController
        | Plain::Vga
        | Plain::CiUser
        | Plain::Snippets
        | Plain::Timezone
        // Of a form of their own: see `read_own`.
        | Plain::EfiDisk
        | Plain::Tpm
        | Plain::Serial
        | Plain::Hotplug
        | Plain::BootOrder
        | Plain::Cdrom
        | Plain::CloudInit
        | Plain::Password
        | Plain::SshKeys
        | Plain::Tags
        | Plain::Description
        | Plain::Pool
        | Plain::Ha
        | Plain::Running => text.map(Value::Text),
    }
}

fn read_own(field: Plain, raw: &Entries) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    match field {
        Plain::EfiDisk => text(&storage_of(raw.get("efidisk0")?)?),
        Plain::Tpm => text(&storage_of(raw.get("tpmstate0")?)?),
        Plain::Serial => Some(Value::Flag(raw.get("serial0").is_some_and(|port| port == "socket"))),
        Plain::Hotplug => raw.get("hotplug").map(|entry| Value::Set(hotplug(Some(entry)))),
        Plain::BootOrder => raw.get("boot")?.strip_prefix("order=").filter(|order| !order.is_empty()).and_then(text),
        Plain::Cdrom => {
            let (_, entry) = cd_drive(raw)?;
            text(PropertyString::parse(entry).get_default("file")?)
        }
        Plain::CloudInit => text(&storage_of(cloud_init_drive(raw)?.1)?),
        Plain::Password => raw.get("cipassword").and_then(|_| text(MASKED)),
        Plain::SshKeys => {
            let keys = percent_decode_str(raw.get("sshkeys")?).decode_utf8().ok()?;
            text(keys.trim())
        }
        Plain::Tags => Some(Value::Set(tags(raw.get("tags").map_or("", String::as_str)))),
        // What stands elsewhere, and what is written as one entry.
        _ => None,
    }
}

/// Sets a field of a guest of that kind; `raw` is the configuration as it is, empty for a guest that is made.
pub fn write(
    field: Plain,
    value: &Value,
    kind: Kind,
    raw: &Entries,
    making: bool,
    form: &mut Form,
) -> Result<(), CallError> {
    if field.only().is_some_and(|only| only != kind) {
        return Err(unfit(format!("a {} has no {}", kind.noun(), field.label())));
    }
    if field == Plain::Unprivileged && !making {
        return Err(unfit("whether a container is unprivileged is fixed at its making"));
    }
    let text = match (field, value) {
        (Plain::Vcpus, Value::Count(0)) => String::new(),
        (Plain::Memory | Plain::Swap | Plain::Balloon, Value::Size(size)) if size.is_whole_mib() => {
            size.as_mib().to_string()
        }
        (_, Value::Flag(flag)) => u8::from(*flag).to_string(),
        (_, Value::Count(count)) => count.to_string(),
        (_, Value::Text(text)) => text.clone(),
        (Plain::Tags, Value::Set(tags)) => {
            for tag in tags {
                plain(tag)?;
            }
            tags.iter().cloned().collect::<Vec<_>>().join(";")
        }
        (Plain::Hotplug, Value::Set(kinds)) => kinds.iter().cloned().collect::<Vec<_>>().join(","),
        _ => return Err(unfit(format!("{} cannot be set to {value}", field.label()))),
    };
    let of_lines = field == Plain::SshKeys;
    if field != Plain::Description && text.chars().any(|c| c.is_control() && !(c == '\n' && of_lines)) {
        return Err(unfit(format!("{} has characters that Proxmox does not take there", field.label())));
    }
    match place_of(field, kind) {
        Place::Entry(key) if text.is_empty() => form.delete_from(raw, key),
        Place::Entry(key) => form.set(key, &text),
        Place::First(key, option) => {
            let mut entry = form.entry(raw, key);
            entry.set_default(option, plain(&text)?);
            form.set(key, &entry);
        }
        Place::Named(key, option) => {
            let mut entry = form.entry(raw, key);
            if entry.get_default(option).is_some() {
                entry.set_default(option, plain(&text)?);
            } else {
                entry.set(option, plain(&text)?);
            }
            form.set(key, &entry);
        }
        Place::Option(key, option) => {
            let mut entry = form.entry(raw, key);
            match value {
                Value::Flag(false) => entry.remove(option),
                _ => entry.set(option, plain(&text)?),
            }
            if entry.is_empty() {
                form.delete_from(raw, key);
            } else {
                form.set(key, &entry);
            }
        }
        Place::Own => write_own(field, &text, kind, raw, making, form)?,
    }
    Ok(())
}

fn write_own(
    field: Plain,
    text: &str,
    kind: Kind,
    raw: &Entries,
    making: bool,
    form: &mut Form,
) -> Result<(), CallError> {
    match field {
        Plain::EfiDisk => add_volume("efidisk0", ":1,efitype=4m,pre-enrolled-keys=1", text, raw, form)?,
        Plain::Tpm => add_volume("tpmstate0", ":1,version=v2.0", text, raw, form)?,
        Plain::Serial if text == "1" => form.set("serial0", "socket"),
        Plain::Serial => form.delete_from(raw, "serial0"),
        // The order of the kinds means nothing, so that what is so already stays as it is written.
        Plain::Hotplug if hotplug(raw.get("hotplug").map(String::as_str)) == tags(text) => {}
        Plain::Hotplug => form.set("hotplug", if text.is_empty() { "0" } else { text }),
        Plain::BootOrder => {
            for device in text.split(';') {
                plain(device)?;
            }
            form.set("boot", &format!("order={text}"));
        }
        Plain::Cdrom => match cd_drive(raw) {
            Some((key, _)) if text.is_empty() => form.delete(key),
            Some((key, entry)) => {
                let mut drive = PropertyString::parse(entry);
                if drive.get_default("file") != Some(text) {
                    // The size is the old medium's; Proxmox writes the new one's.
                    drive.remove("size");
                    drive.set_default("file", plain(text)?);
                }
                form.set(key, &drive);
            }
            None if text.is_empty() => {}
            None => {
                let drive = free_drive(raw, form)?;
                form.set(drive, &format!("{},media=cdrom", plain(text)?));
            }
        },
        Plain::CloudInit => match cloud_init_drive(raw) {
            Some((key, _)) if text.is_empty() => form.delete(key),
            Some((key, _)) => return Err(unfit(format!("there is a cloud-init drive at {key} already"))),
            None if text.is_empty() => {}
            None => {
                let drive = free_drive(raw, form)?;
                form.set(drive, &format!("{}:{CLOUD_INIT}", plain(text)?));
            }
        },
        Plain::SshKeys if text.is_empty() => form.delete_from(raw, "sshkeys"),
        Plain::SshKeys => match (kind, making) {
            (Kind::Qemu, _) => form.set("sshkeys", &utf8_percent_encode(text, UNRESERVED)),
            (Kind::Lxc, true) => form.set("ssh-public-keys", text),
            (Kind::Lxc, false) => return Err(unfit("a container takes SSH keys at its making alone")),
        },
        Plain::Tags if text.is_empty() => form.delete_from(raw, "tags"),
        Plain::Tags => form.set("tags", text),
        Plain::Password if text.is_empty() && kind == Kind::Qemu => form.delete_from(raw, "cipassword"),
        // The caller has the marker, and the value of the secret that this names.
        Plain::Description | Plain::Password => {}
        _ => return Err(unfit(format!("{} takes a call of its own", field.label()))),
    }
    Ok(())
}

/// Adds a volume where there is none. One that is there is moved or stays: it is never replaced by an empty one.
fn add_volume(key: &str, how: &str, storage: &str, raw: &Entries, form: &mut Form) -> Result<(), CallError> {
    match (raw.contains_key(key), storage.is_empty()) {
        (false, true) => {}
        (false, false) => form.set(key, &format!("{}{how}", plain(storage)?)),
        (true, _) => return Err(unfit(format!("there is a {key} already, which is kept"))),
    }
    Ok(())
}

/// The first place for a drive that is neither taken nor about to be.
fn free_drive(raw: &Entries, form: &Form) -> Result<&'static str, CallError> {
    DRIVES
        .into_iter()
        .find(|key| !raw.contains_key(*key) && !form.has(key))
        .ok_or_else(|| unfit("there is no room for a further drive"))
}

/// The drive for CDs, which is none of cloud-init's.
fn cd_drive(raw: &Entries) -> Option<(&str, &str)> {
    drives(raw).find(|(_, entry)| entry.contains("media=cdrom") && !entry.contains(CLOUD_INIT))
}

fn cloud_init_drive(raw: &Entries) -> Option<(&str, &str)> {
    drives(raw).find(|(_, entry)| {
        PropertyString::parse(entry).get_default("file").is_some_and(|volume| volume.contains(CLOUD_INIT))
    })
}

fn drives(raw: &Entries) -> impl Iterator<Item = (&str, &str)> {
    raw.iter()
        .filter(|(key, _)| ["ide", "sata", "scsi"].iter().any(|bus| key.strip_prefix(bus).is_some_and(is_number)))
        .map(|(key, entry)| (key.as_str(), entry.as_str()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The storage of the volume that an entry begins with.
fn storage_of(entry: &str) -> Option<String> {
    let entry = PropertyString::parse(entry);
    let (storage, _) = entry.get_default("file")?.split_once(':')?;
    Some(storage.to_owned())
}

/// Proxmox writes flags as 0 and 1, and reads these as well.
fn is_set(flag: &str) -> bool {
    matches!(flag, "1" | "on" | "yes" | "true")
}

fn words(list: &str) -> Vec<&str> {
    list.split([';', ',', ' ']).filter(|word| !word.is_empty()).collect()
}

/// Tags are separated by semicolons, commas or blanks, and none are stored as a blank.
pub fn tags(text: &str) -> BTreeSet<String> {
    words(text).into_iter().map(str::to_owned).collect()
}

/// The kinds of change that a running VM takes.
pub fn hotplug(entry: Option<&str>) -> BTreeSet<String> {
    match entry {
        Some("0") => BTreeSet::new(),
        None | Some("1") => tags(DEFAULT_HOTPLUG),
        Some(kinds) => tags(kinds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(entries: &[(&str, &str)]) -> Entries {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn value(field: Plain, kind: Kind, entries: &[(&str, &str)]) -> Option<Value> {
        read(kind, &raw(entries)).into_iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }

    /// The parameters by which a field is set.
    fn written(
        field: Plain,
        to: &Value,
        kind: Kind,
        entries: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, CallError> {
        let mut form = Form::default();
        write(field, to, kind, &raw(entries), entries.is_empty(), &mut form)?;
        Ok(form.into_params())
    }

    fn one(field: Plain, to: &Value, kind: Kind, entries: &[(&str, &str)]) -> String {
        let params = written(field, to, kind, entries).unwrap();
        params.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" & ")
    }

    #[test]
    fn tags_are_split_at_all_of_proxmoxs_separators() {
        let of = |text| tags(text).into_iter().collect::<Vec<_>>();
        assert_eq!(of("a;b,c d"), ["a", "b", "c", "d"]);
        assert_eq!(of("a;;a"), ["a"]);
    }

    #[test]
    fn an_option_is_set_within_its_entry_and_the_rest_stays() {
        let vm = Kind::Qemu;
        assert_eq!(
            one(Plain::Machine, &text("q35"), vm, &[("machine", "pc,viommu=intel")]),
            "machine=q35,viommu=intel"
        );
        assert_eq!(
            one(Plain::Agent, &Value::Flag(true), vm, &[("agent", "0,fstrim_cloned_disks=1")]),
            "agent=1,fstrim_cloned_disks=1"
        );
        assert_eq!(one(Plain::StartupUp, &Value::Count(30), vm, &[("startup", "order=2")]), "startup=order=2,up=30");
        assert_eq!(one(Plain::StartupOrder, &Value::Count(3), vm, &[("startup", "2,up=5")]), "startup=3,up=5");
        let container = [("features", "nesting=1,mount=nfs")];
        assert_eq!(
            one(Plain::Keyctl, &Value::Flag(true), Kind::Lxc, &container),
            "features=nesting=1,keyctl=1,mount=nfs"
        );
        assert_eq!(one(Plain::Nesting, &Value::Flag(false), Kind::Lxc, &container), "features=mount=nfs");
        assert_eq!(
            one(Plain::Nesting, &Value::Flag(false), Kind::Lxc, &[("features", "nesting=1")]),
            "delete=features"
        );
    }

    #[test]
    fn several_options_of_one_entry_go_together() {
        let mut form = Form::default();
        for (field, to) in [(Plain::StartupOrder, 2), (Plain::StartupUp, 30), (Plain::StartupDown, 60)] {
            write(field, &Value::Count(to), Kind::Qemu, &raw(&[]), true, &mut form).unwrap();
        }
        assert_eq!(form.into_params(), [("startup".to_owned(), "order=2,down=60,up=30".to_owned())]);
    }

    #[test]
    fn what_is_none_is_taken_out_and_nothing_is_taken_out_that_is_not_there() {
        assert_eq!(one(Plain::CiUser, &text(""), Kind::Qemu, &[("ciuser", "debian")]), "delete=ciuser");
        assert_eq!(one(Plain::CiUser, &text(""), Kind::Qemu, &[("name", "a")]), "");
        assert_eq!(one(Plain::Vcpus, &Value::Count(0), Kind::Qemu, &[("vcpus", "2")]), "delete=vcpus");
        assert_eq!(one(Plain::Tags, &Value::Set(BTreeSet::new()), Kind::Qemu, &[("tags", "a")]), "delete=tags");
    }

    #[test]
    fn a_cd_is_changed_in_its_drive_and_never_in_cloud_inits() {
        let drives = [
            ("ide0", "local:100/vm-100-cloudinit.qcow2,media=cdrom"),
            ("ide2", "local:iso/a.iso,media=cdrom,size=350K"),
        ];
        assert_eq!(value(Plain::Cdrom, Kind::Qemu, &drives), Some(text("local:iso/a.iso")));
        assert_eq!(value(Plain::CloudInit, Kind::Qemu, &drives), Some(text("local")));
        assert_eq!(one(Plain::Cdrom, &text("none"), Kind::Qemu, &drives), "ide2=none,media=cdrom");
        assert_eq!(one(Plain::Cdrom, &text(""), Kind::Qemu, &drives), "delete=ide2");
        assert_eq!(
            one(Plain::Cdrom, &text("local:iso/b.iso"), Kind::Qemu, &drives[..1]),
            "ide2=local:iso/b.iso,media=cdrom"
        );
        assert_eq!(one(Plain::CloudInit, &text("local-lvm"), Kind::Qemu, &drives[1..]), "ide0=local-lvm:cloudinit");
        assert!(written(Plain::CloudInit, &text("local-lvm"), Kind::Qemu, &drives).is_err(), "it is never replaced");
    }

    #[test]
    fn efi_variables_and_tpm_state_are_added_and_never_replaced() {
        let there =
            [("efidisk0", "local:1/vm-1-disk-1.raw,efitype=4m,size=528K"), ("tpmstate0", "local:1/x,version=v2.0")];
        assert_eq!(value(Plain::EfiDisk, Kind::Qemu, &there), Some(text("local")));
        assert_eq!(value(Plain::Tpm, Kind::Qemu, &there), Some(text("local")));
        let none = [("name", "a")];
        assert_eq!(
            one(Plain::EfiDisk, &text("local-lvm"), Kind::Qemu, &none),
            "efidisk0=local-lvm:1,efitype=4m,pre-enrolled-keys=1"
        );
        assert_eq!(one(Plain::Tpm, &text("local-lvm"), Kind::Qemu, &none), "tpmstate0=local-lvm:1,version=v2.0");
        for field in [Plain::EfiDisk, Plain::Tpm] {
            for to in ["local-lvm", ""] {
                assert!(written(field, &text(to), Kind::Qemu, &there).is_err(), "{field:?}");
            }
        }
    }

    #[test]
    fn ssh_keys_are_encoded_and_read_back() {
        let keys = "ssh-ed25519 AAAAC3Nz+a/b= me@home\nssh-rsa AAAA you";
        let set = one(Plain::SshKeys, &text(keys), Kind::Qemu, &[("name", "a")]);
        let encoded = "ssh-ed25519%20AAAAC3Nz%2Ba%2Fb%3D%20me%40home%0Assh-rsa%20AAAA%20you";
        assert_eq!(set, format!("sshkeys={encoded}"));
        assert_eq!(value(Plain::SshKeys, Kind::Qemu, &[("sshkeys", encoded)]), Some(text(keys)));
        assert_eq!(one(Plain::SshKeys, &text(keys), Kind::Lxc, &[]), format!("ssh-public-keys={keys}"));
        assert!(written(Plain::SshKeys, &text(keys), Kind::Lxc, &[("hostname", "a")]).is_err());
    }

    #[test]
    fn hostile_values_never_become_further_options_or_lines() {
        let vm = [("name", "a")];
        for (field, to) in [
            (Plain::Machine, "q35,viommu=intel"),
            (Plain::CpuType, "host,flags=+x"),
            (Plain::EfiDisk, "local:1,import-from=/etc/shadow"),
            (Plain::Cdrom, "local:iso/a.iso,media=disk"),
            (Plain::CiUser, "a\nargs: -S"),
            (Plain::BootOrder, "scsi0,order=net0"),
        ] {
            assert!(written(field, &text(to), Kind::Qemu, &vm).is_err(), "{field:?}");
        }
        assert!(written(Plain::Swap, &Value::Size(Size::mib(1)), Kind::Qemu, &vm).is_err(), "no field of a VM");
    }

    #[test]
    fn a_masked_password_shows_that_there_is_one() {
        assert_eq!(value(Plain::Password, Kind::Qemu, &[("cipassword", "**********")]), Some(text(MASKED)));
        assert_eq!(value(Plain::Password, Kind::Qemu, &[]), None);
    }
}

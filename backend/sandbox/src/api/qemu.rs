//! VMs: creation, configuration, disks, cloud-init.

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::change::{self, Change};
use crate::cluster::Cluster;
use crate::create::Create;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Config, Guest, Kind, drive, is_cdrom, is_cloudinit, volume_of};
use crate::schema::{numbered, schema};
use crate::work::Work;

/// Options that only root itself may set; a token of root may not.
const ROOT_ONLY: [&str; 14] = [
    "affinity",
    "amd-sev",
    "arch",
    "args",
    "freeze",
    "hookscript",
    "hugepages",
    "ivshmem",
    "keephugepages",
    "lock",
    "migrate_downtime",
    "migrate_speed",
    "spice_enhancements",
    "vmgenid",
];
/// What a token may not set unless it is mapped or virtual.
const REAL_DEVICES: [&str; 3] = ["usb", "serial", "parallel"];
/// Parameters of a creation that are no options of the guest.
const NOT_OPTIONS: [&str; 14] = [
    "node",
    "vmid",
    "archive",
    "bwlimit",
    "force",
    "live-restore",
    "pool",
    "start",
    "storage",
    "unique",
    "import-working-storage",
    "background_delay",
    "skiplock",
    "digest",
];
/// What is said to those who name a file instead of a volume.
pub const PATHS: &str = "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 569.";

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path.strip_prefix("/nodes/{node}/qemu")?) {
        ("POST", "") => create,
        ("PUT", "/{vmid}/config") => set_config,
        ("POST", "/{vmid}/config") => set_config_later,
        ("PUT", "/{vmid}/resize") => resize,
        ("PUT", "/{vmid}/unlink") => unlink,
        ("POST", "/{vmid}/move_disk") => move_disk,
        ("POST", "/{vmid}/template") => template,
        ("GET", "/{vmid}/cloudinit") => cloudinit,
        ("PUT", "/{vmid}/cloudinit") => regenerate_cloudinit,
        ("GET", "/{vmid}/cloudinit/dump") => dump_cloudinit,
        ("POST", "/{vmid}/monitor") => monitor,
        ("PUT", "/{vmid}/sendkey") => send_key,
        ("GET", "/{vmid}/agent") => return None,
        (_, rest) if rest.starts_with("/{vmid}/agent/") => agent,
        _ => return None,
    })
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    call.ensure_pool(cluster)?;
    ensure_may_allocate(cluster, call, vmid)?;
    let settings = call.options(&NOT_OPTIONS);
    let undefined = call.parameters.iter().find(|(_, value)| value.is_null()).map(|(name, _)| name.clone());
    if let Some(archive) = call.get("archive") {
        return restore(cluster, call, archive, settings);
    }
    ensure_may_set(call, &settings)?;
    ensure_no_real_pci(call, &settings)?;
    ensure_ssh_keys(&settings)?;
    ensure_drives(cluster, call, &settings)?;
    ensure_bridges(cluster, call, &settings)?;
    cluster.ensure_unused(vmid).map_err(|problem| format!("unable to create VM {vmid} - {problem}"))?;
    let create = Create {
        kind: Kind::Qemu,
        vmid,
        settings,
        undefined,
        pool: call.get("pool").map(str::to_owned),
        start: call.flag("start"),
        template: None,
        restore: None,
        replaced: None,
    };
    create.claim(cluster, &call.node);
    Ok(call.submit(cluster, "qmcreate", &vmid.to_string(), Work::Create(Box::new(create))))
}

fn restore(cluster: &mut Cluster, call: &Call, archive: &str, settings: Config) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    let volume = cluster.require_volume(&call.node, archive)?;
    let saved = volume.config.clone().ok_or_else(|| format!("unable to parse backup volume '{archive}'"))?;
    let existing = cluster.guests.get(&vmid).cloned();
    if let Some(guest) = &existing {
        if !call.flag("force") {
            cluster.ensure_unused(vmid).map_err(|problem| format!("unable to restore VM {vmid} - {problem}"))?;
        }
        if guest.run.is_some() {
            return Err(Failure::failed(format!("unable to restore VM {vmid} - VM {vmid} is running")));
        }
    }
    let mut config = parse_config(&saved);
    let mut drives = settings;
    // Disks are made anew where they were, or on the storage asked for.
    for (option, value) in config.clone() {
        if drive(Kind::Qemu, &option).is_some() && !is_cdrom(&value) {
            config.remove(&option);
            drives.insert(option, redo(&value, call.get("storage"), "file"));
        } else if option.starts_with("unused") || option == "lock" || option == "parent" {
            config.remove(&option);
        }
    }
    if call.flag("unique") {
        config.retain(|option, _| !matches!(option.as_str(), "smbios1" | "vmgenid"));
    }
    let create = Create {
        kind: Kind::Qemu,
        vmid,
        settings: drives,
        undefined: None,
        pool: call.get("pool").map(str::to_owned),
        start: call.flag("start"),
        template: None,
        restore: Some(config),
        replaced: existing.map(Box::new),
    };
    create.claim(cluster, &call.node);
    Ok(call.submit(cluster, "qmrestore", &vmid.to_string(), Work::Create(Box::new(create))))
}

/// A configuration from its file's text.
pub fn parse_config(text: &str) -> Config {
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(option, value)| (option.to_owned(), value.to_owned())).collect()
}

/// A drive's value as a request for a new volume of the same size.
pub fn redo(value: &str, storage: Option<&str>, default: &str) -> String {
    let mut parts = format::split(value, default);
    let volid = parts.remove(default).unwrap_or_default();
    let own = volid.split(':').next().unwrap_or_default();
    let size = parts.remove("size").and_then(|size| format::size(&size)).unwrap_or(1 << 30);
    let rest = parts.into_iter().map(|(key, value)| format!(",{key}={value}"));
    #[expect(clippy::cast_precision_loss, reason = "sizes are below 2^53")]
    let gib = size as f64 / f64::from(1_u32 << 30);
    format!("{}:{gib}{}", storage.unwrap_or(own), rest.collect::<String>())
}

/// Refuses to make a guest to whom has rights neither on its VMID nor on its pool.
pub fn ensure_may_allocate(cluster: &Cluster, call: &Call, vmid: u32) -> Outcome<()> {
    let rights = call.rights(cluster);
    let pool = call.get("pool").is_some_and(|pool| rights.has(&format!("/pool/{pool}"), "VM.Allocate"));
    if pool || rights.has(&format!("/vms/{vmid}"), "VM.Allocate") { Ok(()) } else { Err(Failure::denied("")) }
}

/// Refuses options that only root may set.
fn ensure_may_set<'a>(call: &Call, options: impl IntoIterator<Item = (&'a String, &'a String)>) -> Outcome<()> {
    if call.caller.is_root() {
        return Ok(());
    }
    for (option, value) in options {
        if ROOT_ONLY.contains(&option.as_str()) {
            return Err(Failure::failed(format!("only root can set '{option}' config")));
        }
        let (device, _) = numbered(option).unwrap_or((option, 0));
        if device == "parallel" {
            return Err(Failure::failed(format!("only root can set '{option}' config")));
        }
        let mapped = value.split(',').any(|part| part.starts_with("mapping="));
        if REAL_DEVICES.contains(&device) && !mapped && !value.starts_with("spice") && value != "socket" {
            return Err(Failure::failed(format!("only root can set '{option}' config for real devices")));
        }
    }
    Ok(())
}

fn ensure_no_real_pci(call: &Call, options: &Config) -> Outcome<()> {
    let real = options.iter().find(|(option, value)| {
        option.starts_with("hostpci") && !value.split(',').any(|part| part.starts_with("mapping="))
    });
    match real {
        Some((option, _)) if !call.caller.is_root() => {
            Err(Failure::failed(format!("only root can set '{option}' config for non-mapped devices")))
        }
        _ => Ok(()),
    }
}

/// Refuses what is no list of public keys.
fn ensure_ssh_keys(settings: &Config) -> Outcome<()> {
    let Some(keys) = settings.get("sshkeys") else {
        return Ok(());
    };
    ensure_public_keys(&crate::http::percent_decode(keys))
}

/// Refuses what is no list of public keys.
pub fn ensure_public_keys(text: &str) -> Outcome<()> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let valid = |line: &str| {
        let mut words = line.split_whitespace();
        let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let known = kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-");
        // The key repeats its own type, after that type's length.
        known
            && STANDARD.decode(key).is_ok_and(|bytes| {
                bytes
                    .get(..4)
                    .is_some_and(|length| length == u32::try_from(kind.len()).unwrap_or_default().to_be_bytes())
                    && bytes.get(4..4 + kind.len()) == Some(kind.as_bytes())
                    && bytes.len() > 40
            })
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if lines.into_iter().all(valid) { Ok(()) } else { Err(Failure::failed("SSH public key validation error")) }
}

/// Refuses drives on storages that are not there, that may not be used, or that hold no images.
fn ensure_drives(cluster: &Cluster, call: &Call, settings: &Config) -> Outcome<()> {
    for (_, value) in settings.iter().filter(|(option, _)| drive(Kind::Qemu, option).is_some()) {
        let volume = volume_of(value);
        if volume == "none" {
            continue;
        }
        if volume.starts_with('/') || volume == "cdrom" {
            if call.caller.is_root() {
                continue;
            }
            return Err(Failure::failed(PATHS));
        }
        let Some((name, what)) = format::volume_id(volume) else {
            continue;
        };
        let storage = cluster.storage(name)?;
        let new = format::is_decimal(what) || what == "cloudinit";
        if new {
            call.rights(cluster).require(&format!("/storage/{name}"), "Datastore.AllocateSpace")?;
            if !storage.holds("images") {
                return Err(Failure::parameter("storage", format!("storage '{name}' does not support vm images")));
            }
        } else {
            ensure_volume_name(storage.has_files(), what)?;
            call.rights(cluster)
                .require_any(&format!("/storage/{name}"), &["Datastore.Audit", "Datastore.AllocateSpace"])?;
        }
    }
    Ok(())
}

/// Refuses names that no volume of a directory has.
fn ensure_volume_name(files: bool, name: &str) -> Outcome<()> {
    let known = name.split_once('/').is_some_and(|(directory, file)| {
        !file.is_empty()
            && (directory.bytes().all(|b| b.is_ascii_digit())
                || matches!(directory, "iso" | "vztmpl" | "backup" | "snippets" | "import"))
    });
    if files && !known {
        return Err(Failure::failed(format!("unable to parse directory volume name '{name}'")));
    }
    Ok(())
}

/// Refuses bridges that the caller may not use.
pub fn ensure_bridges(cluster: &Cluster, call: &Call, settings: &Config) -> Outcome<()> {
    for (_, value) in settings.iter().filter(|(option, _)| matches!(numbered(option), Some(("net", _)))) {
        let parts = format::split(value, "model");
        if let Some(bridge) = parts.get("bridge") {
            let path = match parts.get("tag") {
                Some(tag) => format!("/sdn/zones/localnetwork/{bridge}/{tag}"),
                None => format!("/sdn/zones/localnetwork/{bridge}"),
            };
            call.rights(cluster).require(&path, "SDN.Use")?;
        }
    }
    Ok(())
}

// --- configuration ---

/// The change that a call asks for, checked as far as it can be without the guest.
fn change(call: &Call) -> Outcome<Change> {
    call.ensure_no_skiplock()?;
    let set = call.options(&["node", "vmid", "digest", "delete", "revert", "force", "skiplock", "background_delay"]);
    let own = |name: &str| call.list(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let change = Change {
        set,
        delete: own("delete"),
        revert: own("revert"),
        digest: call.get("digest").map(str::to_owned),
        skiplock: call.flag("skiplock"),
        force: call.flag("force"),
    };
    if change.is_empty() {
        return Err(Failure::failed("no options specified"));
    }
    ensure_ssh_keys(&change.set)?;
    check_lists(&change, "qemu")?;
    let deleted: Vec<(String, String)> =
        change.delete.iter().map(|option| (option.clone(), "socket".to_owned())).collect();
    ensure_may_set(call, &change.set)?;
    ensure_may_set(call, deleted.iter().map(|(option, value)| (option, value)))?;
    Ok(change)
}

/// Refuses options that are not there, and those that are set and deleted at once.
pub fn check_lists(change: &Change, kind: &str) -> Outcome<()> {
    let known = |option: &str| {
        schema().config_property(kind, option).is_some()
            && !matches!(option, "digest" | "node" | "vmid" | "delete" | "revert" | "force" | "skiplock")
            || matches!(option, "meta" | "parent" | "runningmachine")
    };
    for (list, name) in [(&change.delete, "delete"), (&change.revert, "revert")] {
        for option in list {
            if !known(option) {
                return Err(Failure::parameter(name, format!("unknown option '{option}'")));
            }
            if change.set.contains_key(option) {
                let problem = format!("you can't use '-{option}' and -{name} {option}' at the same time");
                return Err(Failure::parameter("delete", problem));
            }
        }
    }
    Ok(())
}

/// The privilege that an option of a VM needs.
fn privilege(option: &str, value: &str, guest: &Guest) -> &'static str {
    let (device, _) = numbered(option).unwrap_or((option, 0));
    match device {
        "cores" | "cpu" | "cpulimit" | "cpuunits" | "numa" | "smp" | "sockets" | "vcpus" => "VM.Config.CPU",
        "memory" | "balloon" | "shares" => "VM.Config.Memory",
        "net" => "VM.Config.Network",
        "cicustom" | "cipassword" | "citype" | "ciupgrade" | "ciuser" | "nameserver" | "searchdomain" | "sshkeys"
        | "ipconfig" => "VM.Config.Cloudinit",
        "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate" | "unused" => {
            let old = guest.get(option).unwrap_or(value);
            if is_cdrom(value) && is_cdrom(old) { "VM.Config.CDROM" } else { "VM.Config.Disk" }
        }
        "cdrom" => "VM.Config.CDROM",
        "bios" | "machine" | "scsihw" | "vga" | "serial" | "usb" | "hostpci" | "audio" | "rng" | "watchdog"
        | "acpi" | "kvm" | "localtime" | "tablet" | "smbios" => "VM.Config.HWType",
        _ => "VM.Config.Options",
    }
}

fn ensure_privileges(cluster: &Cluster, call: &Call, change: &Change) -> Outcome<()> {
    let guest = call.guest(cluster)?;
    let rights = call.rights(cluster);
    let path = format!("/vms/{}", guest.vmid);
    let set = change.set.iter().map(|(option, value)| (option.as_str(), value.as_str()));
    let gone = change.delete.iter().chain(&change.revert).map(|option| (option.as_str(), ""));
    for (option, value) in set.chain(gone) {
        if option == "startup" {
            rights.require("/", "Sys.Modify")?;
        }
        rights.require(&path, privilege(option, value, guest))?;
    }
    Ok(())
}

fn set_config(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    ensure_hookscript(cluster, call)?;
    let change = change(call)?;
    call.wait_for_lock(cluster)?;
    ensure_change(cluster, call, &change)?;
    let mut log = Vec::new();
    change::apply(cluster, &call.node, Kind::Qemu, call.vmid("vmid"), &change, &mut log)?;
    Ok(Reply::null())
}

/// Refuses a script that is not there.
fn ensure_hookscript(cluster: &Cluster, call: &Call) -> Outcome<()> {
    match call.get("hookscript") {
        Some(hook) if cluster.volume(&call.node, hook).is_none() => {
            Err(Failure::parameter("hookscript", format!("script '{hook}' does not exist\n")))
        }
        _ => Ok(()),
    }
}

/// The checks that need the guest.
fn ensure_change(cluster: &Cluster, call: &Call, change: &Change) -> Outcome<()> {
    let guest = call.guest(cluster)?;
    ensure_privileges(cluster, call, change)?;
    ensure_no_real_pci(call, &change.set)?;
    guest.ensure_digest(change.digest.as_deref())?;
    if !change.skiplock {
        guest.ensure_unlocked()?;
    }
    ensure_drives(cluster, call, &change.set)?;
    ensure_bridges(cluster, call, &change.set)?;
    // Volumes are looked for before anything changes.
    for (_, value) in change.set.iter().filter(|(option, _)| drive(Kind::Qemu, option).is_some()) {
        let volume = volume_of(value);
        if let Some((_, what)) = format::volume_id(volume)
            && !format::is_decimal(what)
            && what != "cloudinit"
        {
            cluster.require_volume(&call.node, volume)?;
        }
    }
    Ok(())
}

fn set_config_later(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    ensure_hookscript(cluster, call)?;
    let change = change(call)?;
    call.wait_for_lock(cluster)?;
    ensure_change(cluster, call, &change)?;
    let vmid = call.vmid("vmid");
    let changes = call.options(&["node", "vmid", "background_delay"]);
    Ok(call.submit(cluster, "qmconfig", &vmid.to_string(), Work::Configure { vmid, changes }))
}

// --- disks ---

fn resize(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    call.ensure_no_skiplock()?;
    let vmid = call.vmid("vmid");
    let wrong =
        cluster.guest(&call.node, Kind::Qemu, vmid).and_then(|guest| guest.ensure_digest(call.get("digest"))).err();
    let work = match wrong {
        // The digest is compared by the worker.
        Some(problem) => Work::Fail { problem },
        None => Work::Resize {
            kind: Kind::Qemu,
            vmid,
            disk: call.text("disk").to_owned(),
            size: call.text("size").to_owned(),
        },
    };
    Ok(call.submit(cluster, "resize", &vmid.to_string(), work))
}

fn unlink(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    call.wait_for_lock(cluster)?;
    call.guest(cluster)?;
    let delete: Vec<String> = call.list("idlist").into_iter().map(str::to_owned).collect();
    let change = Change { delete, force: call.flag("force"), ..Change::default() };
    check_lists(&change, "qemu")?;
    change::apply(cluster, &call.node, Kind::Qemu, call.vmid("vmid"), &change, &mut Vec::new())?;
    Ok(Reply::null())
}

fn move_disk(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (vmid, disk) = (call.vmid("vmid"), call.text("disk").to_owned());
    if let Some(target) = call.get("target-vmid") {
        let target_id = call.vmid("target-vmid");
        let target_disk = call.get("target-disk").unwrap_or(&disk).to_owned();
        let id = format!("{vmid}-{disk}>{target}-{target_disk}");
        let work = Work::Reassign { kind: Kind::Qemu, vmid, disk, target: target_id, target_disk };
        return Ok(call.submit(cluster, "qmmove", &id, work));
    }
    let guest = call.guest(cluster)?;
    let value = guest.get(&disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?;
    let volid = volume_of(value);
    let own = volid.split(':').next().unwrap_or_default();
    let storage = call.text("storage").to_owned();
    cluster.storage(&storage)?;
    call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    let volume = cluster.require_volume(&call.node, volid)?;
    let format = call.get("format");
    if storage == own && format.is_none_or(|format| format == volume.format) {
        return Err(Failure::failed("you can't move to the same storage with same format"));
    }
    let work = Work::MoveDisk {
        kind: Kind::Qemu,
        vmid,
        disk,
        storage,
        format: format.map(str::to_owned),
        delete: call.flag("delete"),
    };
    Ok(call.submit(cluster, "qmmove", &vmid.to_string(), work))
}

fn template(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    if !guest.snapshots.is_empty() {
        return Err(Failure::failed("unable to create template, because VM contains snapshots"));
    }
    if guest.flag("template") && call.get("disk").is_none() {
        return Err(Failure::failed("you can't convert a template to a template"));
    }
    if guest.run.is_some() {
        return Err(Failure::failed("you can't convert a VM to template if VM is running"));
    }
    let work = Work::Template { vmid, disk: call.get("disk").map(str::to_owned) };
    Ok(call.submit(cluster, "qmtemplate", &vmid.to_string(), work))
}

// --- cloud-init, monitor, agent ---

const CLOUD_INIT: [&str; 8] =
    ["cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "nameserver", "searchdomain", "sshkeys"];

fn cloudinit(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    let list = guest.pending_list();
    let shown = list.as_array().into_iter().flatten().filter(|entry| {
        let key = entry["key"].as_str().unwrap_or_default();
        CLOUD_INIT.contains(&key) || key.starts_with("ipconfig")
    });
    Ok(shown.cloned().collect::<Value>().into())
}

fn regenerate_cloudinit(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    if !guest.config.values().any(|value| is_cloudinit(value)) {
        return Err(Failure::failed("cloud-init drive not found"));
    }
    Ok(Reply::null())
}

fn dump_cloudinit(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    let name = guest.name();
    Ok(json!(match call.text("type") {
        "user" => {
            let domain = guest.get("searchdomain").map(|domain| format!(".{domain}")).unwrap_or_default();
            let mut text = format!("#cloud-config\nhostname: {name}\nmanage_etc_hosts: true\nfqdn: {name}{domain}\n");
            if let Some(user) = guest.get("ciuser") {
                text.push_str("user: ");
                text.push_str(user);
                text.push('\n');
            }
            text + "chpasswd:\n  expire: False\nusers:\n  - default\npackage_upgrade: true\n"
        }
        "network" => "version: 1\nconfig:\n    - type: physical\n      name: eth0\n".to_owned(),
        _ => format!("instance-id: {}\n", guest.digest()),
    })
    .into())
}

fn monitor(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    Ok(json!(match (&guest.run, call.text("command")) {
        (None, _) => format!("ERROR: VM {} not running\n", guest.vmid),
        (Some(run), "info status") => format!("VM status: {}\r\n", if run.paused { "paused" } else { "running" }),
        (Some(_), command) => format!("unknown command: '{command}'\r\n"),
    })
    .into())
}

fn send_key(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    const KEYS: [&str; 12] =
        ["ctrl", "alt", "delete", "ret", "esc", "tab", "spc", "shift", "up", "down", "left", "right"];
    let guest = call.guest(cluster)?;
    if guest.run.is_none() {
        return Err(Failure::failed(format!("VM {} not running", guest.vmid)));
    }
    let key = call.text("key");
    let known = |part: &str| KEYS.contains(&part) || part.len() == 1 || (part.starts_with('f') && part.len() < 4);
    if key.split('-').all(known) {
        return Ok(Reply::null());
    }
    Err(Failure::failed(format!("invalid parameter: {key}\r")))
}

fn agent(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    if !super::status::agent_enabled(guest) {
        return Err(Failure::failed("No QEMU guest agent configured"));
    }
    if guest.run.is_none() {
        return Err(Failure::failed(format!("VM {} is not running", guest.vmid)));
    }
    Err(Failure::failed("QEMU guest agent is not running"))
}

//! VMs: creation, configuration, disks, cloud-init.

mod disk;
mod rights;
mod runtime;

use crate::call::{Call, Handler, Reply};
use crate::change::{self, Change};
use crate::cluster::Cluster;
use crate::create::Create;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Config, Guest, Kind, drive, is_cdrom, volume_of};
use crate::schema::{numbered, schema};
use crate::storage::Storage;
use crate::work::Work;
use rights::Vm;

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
        ("PUT", "/{vmid}/resize") => disk::resize,
        ("PUT", "/{vmid}/unlink") => disk::unlink,
        ("POST", "/{vmid}/move_disk") => disk::move_disk,
        ("POST", "/{vmid}/template") => disk::template,
        ("GET", "/{vmid}/cloudinit") => runtime::cloudinit,
        ("PUT", "/{vmid}/cloudinit") => runtime::regenerate_cloudinit,
        ("GET", "/{vmid}/cloudinit/dump") => runtime::dump_cloudinit,
        ("POST", "/{vmid}/monitor") => runtime::monitor,
        ("PUT", "/{vmid}/sendkey") => runtime::send_key,
        ("GET", "/{vmid}/agent") => runtime::agent_index,
        (_, rest) if rest.starts_with("/{vmid}/agent") => runtime::agent,
        _ => return None,
    })
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    let settings = with_cdrom(call.options(&NOT_OPTIONS))?;
    ensure_ssh_keys(&settings)?;
    call.ensure_pool(cluster)?;
    if let Some(storage) = call.get("storage") {
        call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    }
    ensure_may_allocate(cluster, call, vmid)?;
    let undefined = call.parameters.iter().find(|(_, value)| value.is_null()).map(|(name, _)| name.clone());
    if let Some(archive) = call.get("archive") {
        if let Some(option) = settings.keys().find(|option| drive(Kind::Qemu, option).is_some()) {
            return Err(Failure::parameter(option, "option conflicts with option 'archive'"));
        }
        return restore(cluster, call, archive, settings);
    }
    ensure_drives(cluster, call, &settings)?;
    let vm = Vm { cluster, call, vmid, pool: call.get("pool") };
    vm.ensure_options(settings.keys())?;
    vm.ensure_devices(&settings)?;
    ensure_bridges(cluster, call, &settings)?;
    ensure_drive_parameters(cluster, &settings)?;
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

/// `cdrom` is another name of `ide2`.
fn with_cdrom(mut settings: Config) -> Outcome<Config> {
    if let Some(file) = settings.remove("cdrom") {
        if settings.contains_key("ide2") {
            return Err(Failure::parameter("cdrom", "option conflicts with option 'ide2'"));
        }
        settings.insert("ide2".to_owned(), format!("{file},media=cdrom"));
    }
    Ok(settings)
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
    let drives = settings.iter().filter(|(option, _)| drive(Kind::Qemu, option).is_some());
    for (option, value) in drives {
        let volume = volume_of(value);
        if volume == "none" {
            continue;
        }
        if volume == "cdrom" && value.contains("media=cdrom") {
            call.rights(cluster).require("/", "Sys.Console")?;
            continue;
        }
        if volume == "cdrom" || volume.starts_with('/') {
            if call.caller.is_root() {
                continue;
            }
            return Err(Failure::failed(PATHS));
        }
        let Some((name, what)) = format::volume_id(volume) else {
            continue;
        };
        if what == "cloudinit" {
            cluster.storage(name)?;
        } else if format::is_decimal(what) && !is_cdrom(value) {
            call.rights(cluster).require(&format!("/storage/{name}"), "Datastore.AllocateSpace")?;
            if !cluster.storage(name)?.holds("images") {
                return Err(Failure::parameter("storage", format!("storage '{name}' does not support vm images")));
            }
        } else {
            ensure_volume(cluster, call, option, volume)?;
        }
        ensure_import(cluster, call, option, value)?;
    }
    match settings.get("vmstatestorage") {
        Some(storage) => call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace"),
        None => Ok(()),
    }
}

/// Refuses an existing volume that the caller may not use, or that is neither a disk nor an image of a CD.
fn ensure_volume(cluster: &Cluster, call: &Call, option: &str, volume: &str) -> Outcome<()> {
    let (name, what) = format::volume_id(volume).unwrap_or_default();
    cluster.storage(name)?;
    ensure_volume_name(cluster, name, what)?;
    call.rights(cluster).require_any(&format!("/storage/{name}"), &["Datastore.Audit", "Datastore.AllocateSpace"])?;
    match what.split_once('/').map(|(directory, _)| directory) {
        Some("vztmpl" | "backup" | "snippets" | "import") => {
            Err(Failure::parameter(option, "content type needs to be 'images' or 'iso'"))
        }
        _ => Ok(()),
    }
}

/// Refuses a source of an import that is neither a disk nor made for imports.
fn ensure_import(cluster: &Cluster, call: &Call, option: &str, value: &str) -> Outcome<()> {
    let Some(source) = value.split(',').find_map(|part| part.strip_prefix("import-from=")) else {
        return Ok(());
    };
    let Some((storage, name)) = format::volume_id(source) else {
        return if call.caller.is_root() { Ok(()) } else { Err(Failure::failed(PATHS)) };
    };
    cluster.storage(storage)?;
    ensure_volume_name(cluster, storage, name)?;
    if let Some((kind @ ("iso" | "vztmpl" | "backup" | "snippets"), _)) = name.split_once('/') {
        let problem = format!("{source} has wrong type '{kind}' - needs to be 'images' or 'import'");
        return Err(Failure::parameter(option, problem));
    }
    let owner = cluster.volume(&call.node, source).and_then(|volume| volume.vmid);
    let Some(vmid) = owner else {
        let path = format!("/storage/{storage}");
        return call.rights(cluster).require_any(&path, &["Datastore.Audit", "Datastore.AllocateSpace"]);
    };
    call.rights(cluster).require(&format!("/vms/{vmid}"), "VM.Clone")
}

/// Refuses drives whose parts do not go together.
fn ensure_drive_parameters(cluster: &Cluster, settings: &Config) -> Outcome<()> {
    for (option, value) in settings.iter().filter(|(option, _)| drive(Kind::Qemu, option).is_some()) {
        let parts = format::split(value, "file");
        let has = |key: &str| parts.contains_key(key);
        let (storage, what) = format::volume_id(volume_of(value)).unwrap_or_default();
        if has("import-from") {
            if what.parse::<f64>() != Ok(0.0) {
                let problem = "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>";
                return Err(Failure::parameter(option, problem));
            }
            let needed: &[&str] = match option.as_str() {
                "efidisk0" => &["efitype", "pre-enrolled-keys"],
                "tpmstate0" => &["version"],
                _ => &[],
            };
            if let Some(missing) = needed.iter().find(|part| !has(part)) {
                let problem = format!("need to specify '{missing}' when using 'import-from'");
                return Err(Failure::parameter(option, problem));
            }
        }
        let files = cluster.storages.get(storage).is_some_and(Storage::has_files);
        if files && what.starts_with("iso/") && parts.get("media").is_none_or(|media| media != "cdrom") {
            return Err(Failure::parameter(option, "explicit 'media=cdrom' is required for iso images"));
        }
    }
    Ok(())
}

/// Refuses names that no volume of a directory has.
fn ensure_volume_name(cluster: &Cluster, storage: &str, name: &str) -> Outcome<()> {
    let files = cluster.storages.get(storage).is_some_and(Storage::has_files);
    let known = name.split_once('/').is_some_and(|(directory, file)| {
        !file.is_empty()
            && (format::is_digits(directory)
                || matches!(directory, "iso" | "vztmpl" | "backup" | "snippets" | "import"))
    });
    if files && !known {
        return Err(Failure::failed(format!("unable to parse directory volume name '{name}'")));
    }
    Ok(())
}

/// Refuses bridges that the caller may not use.
pub fn ensure_bridges(cluster: &Cluster, call: &Call, settings: &Config) -> Outcome<()> {
    let nics = settings.iter().filter(|(option, _)| matches!(numbered(option), Some(("net", _))));
    nics.map(|(_, value)| value).try_for_each(|nic| ensure_bridge(cluster, call, nic))
}

/// Refuses a NIC's bridge or vnet that the caller may not use.
pub fn ensure_bridge(cluster: &Cluster, call: &Call, nic: &str) -> Outcome<()> {
    let parts = format::split(nic, "model");
    let Some(bridge) = parts.get("bridge") else { return Ok(()) };
    let zone = cluster.zone_of(bridge);
    let path = match parts.get("tag") {
        Some(tag) => format!("/sdn/zones/{zone}/{bridge}/{tag}"),
        None => format!("/sdn/zones/{zone}/{bridge}"),
    };
    call.rights(cluster).require(&path, "SDN.Use")
}

// --- configuration ---

/// The change that a call asks for, checked as far as it can be without the guest.
fn change(cluster: &Cluster, call: &Call) -> Outcome<Change> {
    call.ensure_root_only(&["skiplock"])?;
    let set = call.options(&["node", "vmid", "digest", "delete", "revert", "force", "skiplock", "background_delay"]);
    let own = |name: &str| {
        let alias = |option: &str| if option == "cdrom" { "ide2".to_owned() } else { option.to_owned() };
        call.list(name).into_iter().map(alias).collect::<Vec<_>>()
    };
    let change = Change {
        set: with_cdrom(set)?,
        delete: own("delete"),
        revert: own("revert"),
        digest: call.get("digest").map(str::to_owned),
        skiplock: call.flag("skiplock"),
        force: call.flag("force"),
    };
    ensure_ssh_keys(&change.set)?;
    if change.is_empty() {
        return Err(Failure::failed("no options specified"));
    }
    check_lists(&change, "qemu")?;
    ensure_drive_parameters(cluster, &change.set)?;
    ensure_hookscript(cluster, call)?;
    ensure_options(cluster, call, &change)?;
    ensure_drives(cluster, call, &change.set)?;
    ensure_bridges(cluster, call, &change.set)?;
    Ok(change)
}

/// Refuses options that the caller may not change.
fn ensure_options(cluster: &Cluster, call: &Call, change: &Change) -> Outcome<()> {
    let vm = Vm { cluster, call, vmid: call.vmid("vmid"), pool: None };
    vm.ensure_options(&change.delete)?;
    vm.ensure_options(change.set.keys())
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

fn set_config(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let change = change(cluster, call)?;
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
    guest.ensure_digest(change.digest.as_deref())?;
    if !change.skiplock {
        guest.ensure_unlocked()?;
    }
    ensure_balloon(guest, change)?;
    Vm { cluster, call, vmid: guest.vmid, pool: None }.ensure_change(guest, change)?;
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

/// Refuses a balloon above the memory.
fn ensure_balloon(guest: &Guest, change: &Change) -> Outcome<()> {
    if !change.set.contains_key("memory") && !change.set.contains_key("balloon") {
        return Ok(());
    }
    let mut next = guest.clone();
    next.config = guest.merged();
    next.config.extend(change.set.clone());
    if next.number("balloon", 0) > next.number("memory", crate::guest::DEFAULT_MEMORY) {
        return Err(Failure::failed("balloon value too large (must be smaller than assigned memory)"));
    }
    Ok(())
}

fn set_config_later(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let change = change(cluster, call)?;
    call.wait_for_lock(cluster)?;
    ensure_change(cluster, call, &change)?;
    let vmid = call.vmid("vmid");
    let changes = call.options(&["node", "vmid", "background_delay"]);
    Ok(call.submit(cluster, "qmconfig", &vmid.to_string(), Work::Configure { vmid, changes }))
}

//! The volumes of a storage: listed, made, annotated, removed, fetched.

use serde_json::{Value, json};

use super::AUDIT;
use crate::ambient;
use crate::call::{Call, Reply};
use crate::cluster::Cluster;
use crate::download::{Checksum, Download, Import, made_up};
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::http::percent_decode;
use crate::receive::host_of;
use crate::storage::{Storage, Volume};
use crate::task::State;
use crate::work::Work;

fn listed(volume: &Volume) -> Value {
    let mut entry = json!({
        "volid": volume.volid, "content": volume.content, "format": volume.format, "size": volume.size, "ctime": volume.ctime,
    });
    if matches!(volume.content.as_str(), "images" | "rootdir") {
        entry["used"] = json!(volume.used);
        entry["parent"] = json!(volume.parent);
    }
    if let Some(vmid) = volume.vmid {
        entry["vmid"] = json!(vmid);
    }
    if volume.content == "backup" {
        entry["subtype"] = json!(if volume.volid.contains("vzdump-lxc") { "lxc" } else { "qemu" });
    }
    if let Some(notes) = &volume.notes {
        entry["notes"] = json!(notes);
    }
    if volume.protected {
        entry["protected"] = json!(1);
    }
    entry
}

/// Whether a caller may use a volume; `vmid` is the guest that it is to be used for.
pub fn may_use(cluster: &Cluster, call: &Call, volume: &Volume, vmid: Option<u32>) -> Outcome<()> {
    let storage = format!("/storage/{}", volume.volid.split(':').next().unwrap_or_default());
    let rights = call.rights(cluster);
    if rights.has(&storage, "Datastore.Allocate") {
        return Ok(());
    }
    match (volume.content.as_str(), volume.vmid) {
        ("iso" | "vztmpl" | "import", _) => {
            rights.require_any(&storage, &["Datastore.AllocateSpace", "Datastore.Audit"])
        }
        (_, Some(owner)) if vmid == Some(owner) => Ok(()),
        ("backup", Some(owner)) => {
            rights.require(&storage, "Datastore.AllocateSpace")?;
            rights.require(&format!("/vms/{owner}"), "VM.Backup")
        }
        ("images" | "rootdir", Some(owner)) => {
            rights.require(&storage, "Datastore.Audit")?;
            rights.require(&format!("/vms/{owner}"), "VM.Config.Disk")
        }
        _ => Err(Failure::failed(format!("missing privileges to access {}", volume.volid))),
    }
}

/// The content that a volume of a directory has, by its name.
fn content_of(storage: &Storage, name: &str) -> Result<&'static str, String> {
    let ends = |file: &str, ends: &[&str]| ends.iter().any(|end| file.len() > end.len() && file.ends_with(end));
    let lower = name.to_lowercase();
    let content = match name.split_once('/') {
        _ if !storage.has_files() => Some("images"),
        Some((vmid, file)) if format::is_digits(vmid) && !file.is_empty() => {
            let file = file.rsplit('/').next().unwrap_or_default();
            if !ends(file, &[".raw", ".qcow2", ".vmdk", ".subvol"]) {
                return Err(format!("unable to parse volume filename '{file}'"));
            }
            Some("images")
        }
        Some((_, file)) if file.is_empty() || file.contains('/') => None,
        Some(("iso", _)) if ends(&lower, &[".iso", ".img"]) => Some("iso"),
        Some(("vztmpl", _)) if ends(&lower, &[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"]) => Some("vztmpl"),
        Some(("backup", _)) if ends(name, &[".tgz", ".tar", ".vma", ".gz", ".lzo", ".zst", ".bz2"]) => Some("backup"),
        Some(("snippets", _)) => Some("snippets"),
        Some(("import", _)) if ends(name, &[".ova", ".ovf", ".qcow2", ".raw", ".vmdk"]) => Some("import"),
        _ => None,
    };
    content.ok_or_else(|| format!("unable to parse directory volume name '{name}'"))
}

pub fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    cluster.usable_storage(&call.node, name)?;
    let of_guest = call.get("vmid").map(|_| call.vmid("vmid"));
    let wanted = |volume: &&Volume| {
        call.get("content").is_none_or(|content| volume.content == content)
            && of_guest.is_none_or(|vmid| {
                // Of a guest, what belongs to no guest is left out where guests' volumes were asked for.
                volume.vmid == Some(vmid)
                    || volume.vmid.is_none() && !matches!(volume.content.as_str(), "iso" | "vztmpl")
            })
            && may_use(cluster, call, volume, None).is_ok()
    };
    Ok(cluster.volumes_of(&call.node, name).filter(wanted).map(listed).collect::<Value>().into())
}

pub fn allocate(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (name, vmid, filename) = (call.text("storage"), call.vmid("vmid"), call.text("filename"));
    call.rights(cluster).require(&format!("/storage/{name}"), "Datastore.AllocateSpace")?;
    let storage = cluster.usable_storage(&call.node, name)?;
    if filename.contains('/') || filename.contains("..") {
        return Err(Failure::failed(format!("unable to parse volume filename '{filename}'")));
    }
    let named = ["raw", "qcow2", "vmdk"].into_iter().find(|format| filename.ends_with(&format!(".{format}")));
    if let (Some(asked), Some(named)) = (call.get("format"), named)
        && asked != named
    {
        return Err(Failure::parameter("format", format!("different storage formats ({asked} != {named})")));
    }
    let format = call.get("format").or(named).unwrap_or("raw");
    let volume_name = if storage.has_files() { format!("{vmid}/{filename}") } else { filename.to_owned() };
    let volid = format!("{name}:{volume_name}");
    if cluster.volume(&call.node, &volid).is_some() {
        return Err(Failure::failed(format!("disk image '{}' already exists", storage.path(&volume_name))));
    }
    // Without a unit the size is in kibibytes.
    let text = call.text("size");
    let size = match text.parse::<u64>() {
        Ok(kib) => kib.saturating_mul(1024),
        Err(_) => format::size(text).unwrap_or_default(),
    };
    let used = if format == "qcow2" { 331_776 } else { 4_096 };
    let ctime = cluster.seconds();
    cluster.insert_volume(Volume {
        volid: volid.clone(),
        node: call.node.clone(),
        content: "images".to_owned(),
        format: format.to_owned(),
        size,
        used,
        vmid: Some(vmid),
        ctime,
        ..Volume::default()
    });
    Ok(json!(volid).into())
}

/// The volume that the path names, with or without its storage.
fn volid(call: &Call) -> String {
    let volume = call.text("volume");
    if volume.contains(':') { volume.to_owned() } else { format!("{}:{volume}", call.text("storage")) }
}

pub fn volume(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let volid = volid(call);
    let (name, rest) = volid.split_once(':').unwrap_or_default();
    let storage = cluster.storage(name)?;
    content_of(storage, rest)?;
    if let Some(volume) = cluster.volume(&call.node, &volid) {
        may_use(cluster, call, volume, None)?;
    } else {
        call.rights(cluster).require_any(&format!("/storage/{name}"), &AUDIT)?;
    }
    let Some(volume) = cluster.volume(&call.node, &volid) else {
        return Err(Failure::failed(format!("volume_size_info on '{volid}' failed - no format")));
    };
    let image = matches!(volume.content.as_str(), "images" | "rootdir" | "import");
    let mut shown = json!({
        "path": storage.path(rest), "format": if image { volume.format.as_str() } else { "raw" },
        "size": volume.size, "used": volume.used,
    });
    if volume.content == "backup" {
        shown["protected"] = json!(u8::from(volume.protected));
        shown["notes"] = json!(volume.notes);
    }
    Ok(shown.into())
}

pub fn annotate(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let volid = volid(call);
    let (name, rest) = volid.split_once(':').unwrap_or_default();
    let content = content_of(cluster.storage(name)?, rest)?;
    let Some(volume) = cluster.volume(&call.node, &volid) else {
        return Err(Failure::failed(format!("volume '{volid}' does not exist")));
    };
    may_use(cluster, call, volume, None)?;
    if content != "backup" {
        let what = if call.get("notes").is_some() { "have notes" } else { "be protected" };
        return Err(Failure::failed(format!("only backups can {what}")));
    }
    let key = cluster.volume_key(&call.node, &volid);
    cluster.volumes.update(&key, |volume| {
        if let Some(notes) = call.get("notes") {
            volume.notes = Some(notes.to_owned());
        }
        if call.get("protected").is_some() {
            volume.protected = call.flag("protected");
        }
    });
    Ok(Reply::null())
}

pub fn remove_volume(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let volid = volid(call);
    let (name, rest) = volid.split_once(':').unwrap_or_default();
    let content = content_of(cluster.storage(name)?, rest)?;
    let owner = owner(&volid);
    let rights = call.rights(cluster);
    match owner.filter(|_| content == "backup") {
        Some(vmid) => {
            rights.require(&format!("/storage/{name}"), "Datastore.AllocateSpace")?;
            rights.require(&format!("/vms/{vmid}"), "VM.Backup")?;
        }
        None => rights.require(&format!("/storage/{name}"), "Datastore.Allocate")?,
    }
    let id = owner.map_or_else(|| name.to_owned(), |vmid| format!("{vmid}@{name}"));
    let reply = call.submit(cluster, "imgdel", &id, Work::RemoveVolume { volid: volid.clone() });
    if call.number("delay").is_none_or(|delay| delay == 0) {
        return Ok(reply);
    }
    // Whoever waits hears how it ended, where it ends at once.
    let now = cluster.now;
    cluster.advance(now);
    match cluster.task(reply.data.as_str().unwrap_or_default()).map(|task| &task.state) {
        Some(State::Ended { status, .. }) if status == "OK" || status.starts_with("WARNINGS") => Ok(Reply::null()),
        Some(State::Ended { status, .. }) => Err(Failure::failed(status.clone())),
        _ => Ok(reply),
    }
}

/// The guest that a volume belongs to, by its name.
fn owner(volid: &str) -> Option<u32> {
    let file = volid.rsplit(['/', ':']).next()?;
    let rest = ["vm-", "base-", "subvol-", "vzdump-qemu-", "vzdump-lxc-"]
        .iter()
        .find_map(|prefix| file.strip_prefix(prefix))?;
    rest.split('-').next()?.parse().ok()
}

/// A file's name without directories and unusual characters.
fn normalized(filename: &str) -> String {
    let last = filename.trim_end_matches('\n').rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' }).collect()
}

/// Checks what a file that is to be fetched or uploaded needs; gives its name.
pub fn ensure_receivable(cluster: &Cluster, call: &Call, fetched: bool) -> Outcome<String> {
    let (name, content) = (call.text("storage"), call.text("content"));
    let storage = cluster.usable_storage(&call.node, name)?;
    if !storage.has_files() {
        let of = storage.get("type");
        let hint = if fetched { ", not a file based storage!" } else { "" };
        return Err(Failure::failed(format!("can't upload to storage type '{of}'{hint}")));
    }
    let unsupported = Failure::failed(if fetched {
        format!("storage '{name}' is not configured for content-type '{content}'")
    } else {
        format!("storage '{name}' does not support '{content}' content")
    });
    if fetched && !storage.holds(content) {
        return Err(unsupported);
    }
    let filename = normalized(call.text("filename"));
    let lower = filename.to_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| lower.len() > end.len() && lower.ends_with(end));
    let wrong = match content {
        "iso" if !ends(&[".iso", ".img"]) => "wrong file extension",
        "vztmpl" if !ends(&[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"]) => "wrong file extension",
        "import" if !ends(&[".ova", ".qcow2", ".raw", ".vmdk"]) => "invalid filename or wrong extension",
        _ => "",
    };
    if !wrong.is_empty() {
        return Err(Failure::parameter("filename", wrong));
    }
    if !storage.holds(content) {
        return Err(unsupported);
    }
    Ok(filename)
}

/// What a call says of the file's checksum.
fn checksum(call: &Call) -> Option<Checksum> {
    let (algorithm, expected) = (call.get("checksum-algorithm")?.to_owned(), call.get("checksum")?.to_owned());
    Some(Checksum { algorithm, expected })
}

pub fn download(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let filename = ensure_receivable(cluster, call, true)?;
    let (name, content, url) = (call.text("storage"), call.text("content"), call.text("url"));
    if call.get("compression").is_some() && content != "iso" {
        let problem = format!("decompression not supported for {content}");
        return Ok(call.submit(cluster, "download", &filename, Work::Fail { problem }));
    }
    let download = Download {
        volid: format!("{name}:{content}/{filename}"),
        content: content.to_owned(),
        url: url.to_owned(),
        compression: call.get("compression").map(str::to_owned),
        checksum: checksum(call),
        ..Download::default()
    };
    fetch(cluster, call, &filename, download)
}

/// Begins the task that fetches a file.
pub fn fetch(cluster: &mut Cluster, call: &Call, id: &str, mut download: Download) -> Outcome<Reply> {
    let algorithm = download.checksum.as_ref().map(|checksum| checksum.algorithm.clone());
    match call.fetched(&download.url, algorithm.as_deref(), false)? {
        Some(Ok(file)) => (download.size, download.got) = (file.size, file.checksum.clone()),
        Some(Err(problem)) => download.problem = Some(problem.clone()),
        None if cluster.internet => {
            download.size = made_up(&download.url).size;
            download.got = download.checksum.as_ref().map(|checksum| checksum.expected.clone());
        }
        None => {
            let host = host_of(&download.url);
            download.problem = Some(format!("Connecting to {host}... failed: Connection refused."));
        }
    }
    Ok(call.submit(cluster, "download", id, Work::Download(Box::new(download))))
}

pub fn query_url(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let url = call.text("url");
    let refused = |why: &str| Failure::failed(format!("invalid server response: '{why}'"));
    let unreached = || refused(&format!("500 Can't connect to {} (Connection refused)", host_of(url)));
    let file = match call.fetched(url, None, true)? {
        Some(Ok(file)) => file.clone(),
        Some(Err(problem)) => {
            let answered =
                problem.strip_prefix("ERROR ").map(|answer| answer.trim_end_matches('.').replacen(':', "", 1));
            return Err(answered.map_or_else(unreached, |answer| refused(&answer)));
        }
        None if cluster.internet => made_up(url),
        None => return Err(unreached()),
    };
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.splitn(4, '/').nth(3).and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    let mut shown = json!({ "size": file.size });
    if let Some(name) = file.name.as_deref().or(last) {
        shown["filename"] = json!(normalized(&percent_decode(name)));
    }
    if let Some(mimetype) = file.mimetype {
        shown["mimetype"] = json!(mimetype);
    }
    Ok(shown.into())
}

pub fn upload(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let filename = ensure_receivable(cluster, call, false)?;
    let (name, content) = (call.text("storage"), call.text("content"));
    let Some(Ok(file)) = call.received else {
        return Err(Failure::failed("missing temporary file name"));
    };
    let import = Import {
        volid: format!("{name}:{content}/{filename}"),
        content: content.to_owned(),
        from: format!("/var/tmp/pveupload-{}", hex::encode(ambient::random::<16>())),
        size: file.size,
        start: file.start.clone(),
        checksum: checksum(call),
        got: file.checksum.clone(),
    };
    Ok(call.submit(cluster, "imgcopy", "", Work::Import(Box::new(import))))
}

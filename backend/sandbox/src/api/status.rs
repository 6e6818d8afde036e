//! Guests as lists and status pages show them.

use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::format;
use crate::guest::{Guest, Kind, is_cdrom};

/// The emulator that running VMs report.
const QEMU: &str = "9.2.0";
/// The counters of a drive of a running VM.
const BLOCK_COUNTERS: [&str; 31] = [
    "failed_flush_operations",
    "failed_rd_operations",
    "failed_unmap_operations",
    "failed_wr_operations",
    "failed_zone_append_operations",
    "flush_operations",
    "flush_total_time_ns",
    "idle_time_ns",
    "invalid_flush_operations",
    "invalid_rd_operations",
    "invalid_unmap_operations",
    "invalid_wr_operations",
    "invalid_zone_append_operations",
    "rd_bytes",
    "rd_merged",
    "rd_operations",
    "rd_total_time_ns",
    "unmap_bytes",
    "unmap_merged",
    "unmap_operations",
    "unmap_total_time_ns",
    "wr_bytes",
    "wr_highest_offset",
    "wr_merged",
    "wr_operations",
    "wr_total_time_ns",
    "zone_append_bytes",
    "zone_append_merged",
    "zone_append_operations",
    "zone_append_total_time_ns",
    "timed_stats",
];

/// How much of a guest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    List,
    FullList,
    Current,
}

/// A guest's status.
pub fn guest(cluster: &Cluster, guest: &Guest, detail: Detail) -> Value {
    let cores = cluster.nodes.get(&guest.node).map_or(1, |node| node.cores);
    let running = guest.run.is_some();
    let mut status = json!({
        "vmid": guest.vmid, "name": guest.name(), "status": if running { "running" } else { "stopped" },
        "cpus": guest.cpus(cores), "cpu": 0, "maxmem": guest.memory(), "mem": if running { guest.memory_used() } else { 0 },
        "maxdisk": guest.root_disk_size(), "disk": 0, "diskread": 0, "diskwrite": 0, "netin": 0, "netout": 0,
        "uptime": guest.uptime(cluster.now),
    });
    if let Some(tags) = guest.get("tags") {
        status["tags"] = json!(tags);
    }
    if let Some(lock) = guest.lock() {
        status["lock"] = json!(lock);
    }
    if guest.flag("template") {
        status["template"] = json!(1);
    }
    if let Some(run) = &guest.run {
        status["pid"] = json!(run.pid);
        status["cpu"] = json!(0.02);
    }
    match guest.kind {
        Kind::Qemu => vm(guest, detail, &mut status),
        Kind::Lxc => container(guest, &mut status),
    }
    if detail == Detail::Current {
        status["ha"] = ha(cluster, guest);
    }
    status
}

fn container(guest: &Guest, status: &mut Value) {
    status["type"] = json!("lxc");
    status["swap"] = json!(0);
    status["maxswap"] = json!(guest.number("swap", 512) << 20);
    if let Some(limit) = guest.get("cpulimit").filter(|_| guest.get("cores").is_none()) {
        status["cpus"] = json!(limit);
    }
}

fn vm(guest: &Guest, detail: Detail, status: &mut Value) {
    if let Some(balloon) = guest.get("balloon").and_then(|balloon| balloon.parse::<u64>().ok()).filter(|mib| *mib > 0) {
        status["balloon_min"] = json!(balloon << 20);
        status["shares"] = json!(guest.number("shares", 1_000));
    }
    if detail == Detail::List {
        return;
    }
    status["qmpstatus"] = json!(match &guest.run {
        None => "stopped",
        Some(run) if run.paused => "paused",
        Some(_) => "running",
    });
    if guest.config.keys().any(|option| option.starts_with("serial")) {
        status["serial"] = json!(1);
    }
    if guest.run.is_some() {
        status["running-qemu"] = json!(QEMU);
        status["running-machine"] = json!("pc-i440fx-9.2+pve1");
        status["proxmox-support"] = json!({});
        status["nics"] = nics(guest);
        status["blockstat"] = drives(guest);
    }
    if detail == Detail::Current {
        if agent_enabled(guest) {
            status["agent"] = json!(1);
        }
        let vga = guest.get("vga").unwrap_or_default();
        if vga.starts_with("qxl") || vga.starts_with("virtio") {
            status["spice"] = json!(1);
        }
        if !vga.is_empty() && !vga.starts_with("serial") {
            status["clipboard"] = Value::Null;
        }
    }
}

/// Whether the configuration says that the guest runs an agent.
pub fn agent_enabled(guest: &Guest) -> bool {
    let agent = format::split(guest.get("agent").unwrap_or_default(), "enabled");
    agent.get("enabled").is_some_and(|enabled| enabled == "1")
}

fn nics(guest: &Guest) -> Value {
    let nics = guest.config.keys().filter_map(|option| option.strip_prefix("net"));
    let counters = nics.map(|n| (format!("tap{}i{n}", guest.vmid), json!({ "netin": 0, "netout": 0 })));
    Value::Object(counters.collect())
}

fn drives(guest: &Guest) -> Value {
    let mut zero: Map<String, Value> = BLOCK_COUNTERS.iter().map(|name| ((*name).to_owned(), json!(0))).collect();
    zero.insert("account_failed".to_owned(), json!(true));
    zero.insert("account_invalid".to_owned(), json!(true));
    zero.insert("timed_stats".to_owned(), json!([]));
    let drives = Guest::drives(&guest.config, Kind::Qemu);
    let entry = |(option, value): &(&str, &str)| {
        let mut counters = zero.clone();
        if is_cdrom(value) {
            // An empty tray has never been idle.
            counters.remove("idle_time_ns");
        }
        ((*option).to_owned(), Value::Object(counters))
    };
    Value::Object(drives.iter().map(entry).collect())
}

/// A guest's id as an HA resource.
pub fn sid(guest: &Guest) -> String {
    let kind = if guest.kind == Kind::Qemu { "vm" } else { "ct" };
    format!("{kind}:{}", guest.vmid)
}

/// Whether a guest is managed by HA.
pub fn is_managed(cluster: &Cluster, guest: &Guest) -> bool {
    let resource = cluster.sections_of("ha/resources").get(&sid(guest));
    resource.is_some_and(|resource| resource.get("state").is_none_or(|state| state != "ignored"))
}

fn ha(cluster: &Cluster, guest: &Guest) -> Value {
    match cluster.sections.get("ha/resources").and_then(|resources| resources.get(&sid(guest))) {
        None => json!({ "managed": 0 }),
        Some(resource) => json!({ "managed": 1, "state": resource.get("state"), "group": resource.get("group") }),
    }
}

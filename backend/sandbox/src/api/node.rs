//! Nodes: what they are, how they are, and what is done with all of their guests.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::digest::digest;
use crate::failure::{Failure, Outcome};
use crate::format::cpu::CPU_MODELS;
use crate::work::Work;

const VERSION: &str = "pve-manager/8.4.1/2a5fa54a8503f96d";
const KERNEL: &str = "6.8.12-9-pve";
/// What a node uses of its memory without guests, in bytes.
const OWN_MEMORY: u64 = 2 << 30;
/// How far apart the points of an hour's curve are, and how many there are.
const CURVE_STEP: i64 = 60;
const CURVE_POINTS: i64 = 70;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/nodes") => list,
        ("GET", "/nodes/{node}/status") => status,
        ("POST", "/nodes/{node}/status") => no_power,
        ("GET", "/nodes/{node}/time") => time,
        ("GET", "/nodes/{node}/dns") => dns,
        ("GET", "/nodes/{node}/hosts") => hosts,
        ("GET", "/nodes/{node}/config") => config,
        ("PUT", "/nodes/{node}/config") => set_config,
        ("GET", "/nodes/{node}/subscription") => subscription,
        ("GET", "/nodes/{node}/syslog") => syslog,
        ("GET", "/nodes/{node}/report") => report,
        ("GET", "/nodes/{node}/rrddata" | "/nodes/{node}/storage/{storage}/rrddata") => curve,
        ("GET", "/nodes/{node}/capabilities/qemu/cpu") => cpu_models,
        ("GET", "/nodes/{node}/capabilities/qemu/machines") => machines,
        ("GET", "/nodes/{node}/capabilities/qemu") => qemu_capabilities,
        ("GET", "/nodes/{node}/certificates/info") => certificates,
        ("GET", "/nodes/{node}/hardware/pci") => pci,
        (
            "GET",
            "/nodes/{node}/hardware/usb"
            | "/nodes/{node}/services"
            | "/nodes/{node}/netstat"
            | "/nodes/{node}/disks/list",
        ) => nothing,
        ("GET", "/nodes/{node}/journal") => journal,
        ("POST", "/nodes/{node}/startall" | "/nodes/{node}/stopall" | "/nodes/{node}/suspendall") => bulk,
        ("POST", "/nodes/{node}/migrateall") => migrate_all,
        _ => return None,
    })
}

fn nothing(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([]).into())
}

/// What the running guests of each node use of its memory: of all nodes in one go over the guests.
pub fn memory_of_guests(cluster: &Cluster) -> BTreeMap<&str, u64> {
    let mut used: BTreeMap<&str, u64> = BTreeMap::new();
    for guest in cluster.guests.values().filter(|guest| guest.run.is_some()) {
        let sum = used.entry(&guest.node).or_default();
        *sum = sum.saturating_add(guest.memory_used());
    }
    used
}

/// What a node's guests and the node itself use of its memory.
fn memory_used(cluster: &Cluster, name: &str, guests: &BTreeMap<&str, u64>) -> u64 {
    let used = guests.get(name).copied().unwrap_or_default();
    let total = cluster.nodes.get(name).map_or(0, |node| node.memory);
    OWN_MEMORY.saturating_add(used).min(total)
}

#[expect(clippy::cast_possible_truncation, reason = "uptimes fit")]
fn uptime(cluster: &Cluster, booted: f64) -> i64 {
    (cluster.now - booted).max(0.0) as i64
}

/// A node as lists show it; its figures only to those who may see them.
pub fn summary(cluster: &Cluster, name: &str, figures: bool, guests: &BTreeMap<&str, u64>) -> Value {
    let mut entry =
        json!({ "type": "node", "id": format!("node/{name}"), "node": name, "status": "online", "level": "" });
    if cluster.faults.offline(name) {
        entry["status"] = json!("offline");
        return entry;
    }
    if let Some(node) = cluster.nodes.get(name).filter(|_| figures) {
        let (_, used, _) = cluster.usage(name, "local");
        entry["maxcpu"] = json!(node.cores);
        entry["cpu"] = json!(0.05);
        entry["maxmem"] = json!(node.memory);
        entry["mem"] = json!(memory_used(cluster, name, guests));
        entry["maxdisk"] = json!(node.disk);
        entry["disk"] = json!(used);
        entry["uptime"] = json!(uptime(cluster, node.booted));
    }
    entry
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let guests = memory_of_guests(cluster);
    let entry = |name: &String| {
        let mut entry = summary(cluster, name, rights.has(&format!("/nodes/{name}"), "Sys.Audit"), &guests);
        entry["ssl_fingerprint"] = json!(call.fingerprint);
        entry
    };
    Ok(cluster.nodes.keys().map(entry).collect::<Value>().into())
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let Some(node) = cluster.nodes.get(&call.node) else {
        return Err(Failure::failed("no such node"));
    };
    let used = memory_used(cluster, &call.node, &memory_of_guests(cluster));
    let (total, disk_used, avail) = cluster.usage(&call.node, "local");
    Ok(json!({
        "cpu": 0.05, "wait": 0, "idle": 0, "loadavg": ["0.42", "0.40", "0.38"], "uptime": uptime(cluster, node.booted),
        "pveversion": VERSION, "kversion": format!("Linux {KERNEL} #1 SMP PREEMPT_DYNAMIC PMX"),
        "current-kernel": { "sysname": "Linux", "release": KERNEL, "version": "#1 SMP PREEMPT_DYNAMIC PMX", "machine": "x86_64" },
        "boot-info": { "mode": "legacy-bios" }, "ksm": { "shared": 0 }, "swap": { "total": 0, "used": 0, "free": 0 },
        "memory": { "total": node.memory, "used": used, "free": node.memory - used },
        "rootfs": { "total": total, "used": disk_used, "free": total - disk_used, "avail": avail },
        "cpuinfo": {
            "cpus": node.cores, "cores": node.cores, "sockets": 1, "model": "AMD EPYC", "mhz": "2445.430", "user_hz": 100,
            "hvm": "1", "flags": "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge svm aes avx avx2",
        },
    }).into())
}

fn no_power(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Err(Failure::failed("the sandbox's nodes stay up"))
}

fn time(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let now = cluster.seconds();
    Ok(json!({ "time": now, "localtime": now, "timezone": "Etc/UTC" }).into())
}

fn dns(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!({ "dns1": "198.51.100.1", "search": "example.org" }).into())
}

fn hosts(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let nodes = cluster.nodes.iter().map(|(name, node)| format!("{} {name}.example.org {name}\n", node.address));
    let text = format!("127.0.0.1 localhost\n{}", nodes.collect::<String>());
    Ok(json!({ "digest": digest(&text), "data": text }).into())
}

fn config(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let options = cluster.nodes.get(&call.node).map(|node| node.options.clone()).unwrap_or_default();
    if options.is_empty() {
        return Ok(json!({}).into());
    }
    let mut shown = json!(options);
    if let Some(description) = options.get("description") {
        shown["description"] = json!(format!("{description}\n"));
    }
    shown["digest"] = json!(digest(&options));
    Ok(shown.into())
}

fn set_config(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let Some(node) = cluster.nodes.get_mut(&call.node) else {
        return Ok(Reply::null());
    };
    for option in call.list("delete") {
        node.options.remove(option);
    }
    node.options.extend(call.options(&["node", "delete", "digest"]));
    Ok(Reply::null())
}

fn subscription(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!({
        "status": "notfound", "message": "There is no subscription key", "serverid": "00000000000000000000000000000000",
        "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
    })
    .into())
}

fn syslog(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(Reply { data: json!([{ "n": 1, "t": "-- No entries --" }]), total: Some(1), changes: None })
}

fn journal(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([]).into())
}

fn report(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guests = cluster.guests.values().filter(|guest| guest.node == call.node).count();
    Ok(json!(format!("MycoPod sandbox in place of {VERSION}\nnode {}: {guests} guests\n", call.node)).into())
}

/// An hour's curve without values: the sandbox measures nothing.
pub fn curve(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let last = cluster.seconds() / CURVE_STEP * CURVE_STEP;
    let points = (0..CURVE_POINTS).rev().map(|n| json!({ "time": last - n * CURVE_STEP }));
    Ok(points.collect::<Value>().into())
}

fn cpu_models(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let models = CPU_MODELS.iter().map(|(name, vendor)| json!({ "name": name, "vendor": vendor, "custom": 0 }));
    Ok(models.collect::<Value>().into())
}

fn machines(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    const VERSIONS: [&str; 12] =
        ["9.2+pve1", "9.2", "9.1", "9.0", "8.2", "8.1", "8.0", "7.2", "7.1", "7.0", "6.2", "6.1"];
    let kinds = [("q35", "pc-q35"), ("i440fx", "pc-i440fx")];
    let machines = kinds.iter().flat_map(|(kind, prefix)| {
        VERSIONS.iter().map(move |version| {
            let mut machine = json!({ "type": kind, "version": version, "id": format!("{prefix}-{version}") });
            if version.ends_with("+pve1") {
                machine["changes"] = json!("Disables S3/S4 power states by default.");
            }
            machine
        })
    });
    Ok(machines.collect::<Value>().into())
}

fn qemu_capabilities(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([{ "name": "cpu" }, { "name": "machines" }]).into())
}

fn pci(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([{
        "id": "0000:00:01.0", "class": "0x020000", "vendor": "0x1af4", "device": "0x1041", "iommugroup": -1,
        "subsystem_vendor": "0x1af4", "subsystem_device": "0x1041",
    }])
    .into())
}

fn certificates(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let now = cluster.seconds();
    Ok(json!([{
        "filename": "pveproxy-ssl.pem", "fingerprint": call.fingerprint, "subject": "/CN=MycoPod sandbox",
        "issuer": "/CN=MycoPod sandbox CA", "san": ["localhost", "127.0.0.1", "::1"], "notbefore": 157_766_400,
        "notafter": now + 31_536_000, "pem": "", "public-key-type": "id-ecPublicKey", "public-key-bits": 256,
    }])
    .into())
}

fn bulk(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    call.rights(cluster).require("/vms", "VM.PowerMgmt")?;
    let action = call.method.path.rsplit('/').next().unwrap_or_default();
    let vmids = call.get("vms").map(|list| crate::format::list(list).filter_map(|vmid| vmid.parse().ok()).collect());
    let work = Work::Bulk { action: action.to_owned(), vmids };
    Ok(call.submit(cluster, action, "", work))
}

fn migrate_all(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    cluster.ensure_node(call.text("target"))?;
    Err(Failure::NotImplemented("Method 'POST /nodes/{node}/migrateall' is not part of the sandbox".to_owned()))
}

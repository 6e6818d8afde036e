//! A VM's cloud-init data, its monitor and its agent.

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};

const CLOUD_INIT: [&str; 8] =
    ["cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "nameserver", "searchdomain", "sshkeys"];

pub fn cloudinit(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    let list = guest.pending_list();
    let shown = list.as_array().into_iter().flatten().filter(|entry| {
        let key = entry["key"].as_str().unwrap_or_default();
        CLOUD_INIT.contains(&key) || key.starts_with("ipconfig")
    });
    Ok(shown.cloned().collect::<Value>().into())
}

pub fn regenerate_cloudinit(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    call.wait_for_lock(cluster)?;
    call.guest(cluster)?.ensure_unlocked()?;
    Ok(Reply::null())
}

pub fn dump_cloudinit(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
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

pub fn monitor(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let command = call.text("command").trim();
    let reads = command == "help" || command == "info" || command.starts_with("info ");
    if !reads {
        call.rights(cluster).require("/", "Sys.Modify")?;
    }
    let guest = call.guest(cluster)?;
    Ok(json!(match (&guest.run, command) {
        (None, _) => format!("ERROR: VM {} not running\n", guest.vmid),
        (Some(run), "info status") => format!("VM status: {}\r\n", if run.paused { "paused" } else { "running" }),
        (Some(_), "info version") => "9.2.0pve-qemu-kvm_9.2.0-5\r\n".to_owned(),
        (Some(_), "info name") => format!("{}\r\n", guest.name()),
        (Some(_), "info kvm") => "kvm support: enabled\r\n".to_owned(),
        (Some(_), command) => format!("unknown command: '{command}'\r\n"),
    })
    .into())
}

pub fn send_key(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    const KEYS: [&str; 20] = [
        "ctrl",
        "alt",
        "alt_r",
        "ctrl_r",
        "shift",
        "shift_r",
        "delete",
        "ret",
        "esc",
        "tab",
        "spc",
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "pgup",
        "pgdn",
        "backspace",
    ];
    call.ensure_root_only(&["skiplock"])?;
    call.wait_for_lock(cluster)?;
    let guest = call.guest(cluster)?;
    if guest.run.is_none() {
        return Err(Failure::failed(format!("VM {} not running", guest.vmid)));
    }
    let key = call.text("key");
    let function =
        |part: &str| part.strip_prefix('f').is_some_and(|n| n.parse().is_ok_and(|n: u8| (1..=12).contains(&n)));
    let known = |part: &str| KEYS.contains(&part) || part.chars().count() == 1 || function(part);
    match key.split('-').find(|part| !known(part)) {
        None => Ok(Reply::null()),
        Some(_) => Err(Failure::failed(format!("invalid parameter: {key}\r"))),
    }
}

/// No guest of the sandbox runs an agent.
pub fn agent(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    if guest.get("agent").is_none() {
        return Err(Failure::failed("No QEMU guest agent configured"));
    }
    if guest.run.is_none() {
        return Err(Failure::failed(format!("VM {} is not running", guest.vmid)));
    }
    Err(Failure::failed("QEMU guest agent is not running"))
}

/// The commands of the agent.
pub fn agent_index(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    const COMMANDS: [&str; 25] = [
        "exec",
        "exec-status",
        "file-read",
        "file-write",
        "fsfreeze-freeze",
        "fsfreeze-status",
        "fsfreeze-thaw",
        "fstrim",
        "get-fsinfo",
        "get-host-name",
        "get-memory-block-info",
        "get-memory-blocks",
        "get-osinfo",
        "get-time",
        "get-timezone",
        "get-users",
        "get-vcpus",
        "info",
        "network-get-interfaces",
        "ping",
        "set-user-password",
        "shutdown",
        "suspend-disk",
        "suspend-hybrid",
        "suspend-ram",
    ];
    Ok(COMMANDS.iter().map(|name| json!({ "name": name })).collect::<Value>().into())
}

//! The suite on `fakepve`, a fake Proxmox VE that somebody else wrote after PVE's own sources (pinned in
//! `tests/fakepve/requirements.txt`, installed by `scripts/setup test`).
//!
//! It was not written with this client or the sandbox in mind: where the three agree, they do not agree on a mistake
//! of ours. Where it answers otherwise, that stands in [`DIFFERENCES`] with what a real one was recorded to answer.

use std::path::Path;
use std::process::Stdio;

use crate::common::identity;
use crate::sandbox::sandbox;
use crate::suite;
use crate::trial::Trial;
use mycopod_core::guest::{Kind, Power};
use mycopod_core::observed::{Observed, Sighting};
use mycopod_core::ports::Hypervisor;
use mycopod_pve::Credential;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/fakepve/bin/python");
const PASSWORD: &str = "a password for loopback";
const DOCUMENT: &str = include_str!("../../../../docs/FAKEPVE.md");

/// Where `fakepve` differs, in the order of the suite. Numbers like `04 #53` are exchanges in the recordings of a
/// PVE 8.4.1 in `backend/sandbox/tests/sandbox/recordings`.
const DIFFERENCES: [Known; 25] = [
    Known {
        operation: "VM: look: digest",
        real: "40 digits",
        fakepve: "none",
        why: "The real `…/pending` has the configuration's digest (05 #40); `fakepve` has it in `…/config` alone.",
    },
    Known {
        operation: "health: version",
        real: "8",
        fakepve: "9.0.10",
        why: "It plays a PVE 9 and cannot be told otherwise; the client asks for 8 (01 #1).",
    },
    Known {
        operation: "VM: add_disk: disk.scsi1.size",
        real: "10 GiB",
        fakepve: "none",
        why: "The real one makes the volume and writes it with its size (04 #53, #54); `fakepve` keeps `local-lvm:10` as it was sent.",
    },
    Known {
        operation: "VM: resize: disk.scsi0.size",
        real: "60 GiB",
        fakepve: "40 GiB",
        why: "The real one resizes in a task (04 #104, #107); `fakepve` starts a task for it that does nothing.",
    },
    Known {
        operation: "VM: stop: pending",
        real: "nothing",
        fakepve: "cores",
        why: "What is pending applies when the real VM stops (05 #208), here when it starts.",
    },
    Known {
        operation: "VM: update by a stale look",
        real: "500: checksum mismatch (file change by other user?)",
        fakepve: "done",
        why: "The real one refuses (04 #11). `fakepve` would too, but the look got no digest from it (above).",
    },
    Known { operation: "VM: update by a stale look: cores", real: "2", fakepve: "3", why: "As above." },
    Known {
        operation: "task: one that is not known",
        real: "Unknown",
        fakepve: "500: unable to parse worker upid 'UPID:pve1:00004D8A:000433A9:6B037920:qmstart:100:root@pam!lab:'",
        why: "Of a UPID in good form the real one says 400 “no such task”; 500 is not an answer to go on from, so the client reports it.",
    },
    Known {
        operation: "VM: shutdown while it is stopped",
        real: "done",
        fakepve: "500: VM 505 not running",
        why: "The real one starts a task, which ends well at once (05 #9, #10); only reboot, reset, suspend and resume are refused (05 #12).",
    },
    Known {
        operation: "VM: resize to less",
        real: "the task failed: shrinking disks is not supported",
        fakepve: "done",
        why: "The real task says so (04 #112, #114); that of `fakepve` does nothing.",
    },
    Known {
        operation: "VM: resize of no disk",
        real: "the task failed: disk 'scsi5' does not exist",
        fakepve: "done",
        why: "The real task says so (04 #136, #137); that of `fakepve` does nothing.",
    },
    Known {
        operation: "VM: disk on no storage",
        real: "500: storage 'nowhere' does not exist",
        fakepve: "done",
        why: "The real one asks the storage first (03 #275); `fakepve` does so at a VM's making, not at its change.",
    },
    Known {
        operation: "VM: move_disk to no storage",
        real: "500: storage 'nowhere' does not exist",
        fakepve: "done",
        why: "The real one asks the storage first (04 #167); `fakepve` starts a task that does nothing.",
    },
    Known {
        operation: "VM: move_disk: disk.scsi1.storage",
        real: "local",
        fakepve: "local-lvm",
        why: "The real task moves the disk (04 #162); that of `fakepve` does nothing.",
    },
    Known {
        operation: "VM: detach: unused0",
        real: "local-lvm:vm-510-disk-1",
        fakepve: "none",
        why: "The real one keeps what is detached as an unused disk (04 #57); `fakepve` forgets a VM's, though not a container's.",
    },
    Known {
        operation: "VM: destroy_volume",
        real: "done",
        fakepve: "400: not sent to Proxmox: local-lvm:vm-510-disk-1 is no unused disk of shop-03",
        why: "There is none to destroy (above), and the client does not ask for it.",
    },
    Known {
        operation: "VM: set_ha twice",
        real: "500: create resource failed: resource ID 'vm:510' already defined",
        fakepve: "done",
        why: "The real one refuses (11 #109); `fakepve` takes every change to HA's resources and keeps none.",
    },
    Known {
        operation: "VM: set_ha: taken away twice",
        real: "500: cannot delete service 'vm:510', not HA managed!",
        fakepve: "done",
        why: "As above (11 #119).",
    },
    Known {
        operation: "VM: backup to no storage",
        real: "the task failed: could not activate storage 'nowhere': storage 'nowhere' does not exist could not get storage information for 'nowhere': storage 'nowhere' does not exist",
        fakepve: "done",
        why: "The real task says so (13 #8, #9); that of `fakepve` does nothing.",
    },
    Known {
        operation: "VM: backup: archive in the log",
        real: "named",
        fakepve: "none",
        why: "The real task makes an archive and names it in its log (13 #14); so a restore cannot be tried here.",
    },
    Known {
        operation: "VM: migrate to no node",
        real: "500: no such cluster node 'pve9'",
        fakepve: "done",
        why: "The real one refuses (05 #189); `fakepve` starts a task that does nothing.",
    },
    Known {
        operation: "VM: migrate: node",
        real: "pve2",
        fakepve: "pve1",
        why: "`fakepve` moves containers, and VMs only by its Python API. (The recordings are of one node.)",
    },
    Known {
        operation: "container: move_disk: disk.mp0.storage",
        real: "local",
        fakepve: "local-lvm",
        why: "As with a VM's disk; there is no recording of a container's.",
    },
    Known {
        operation: "container: backup: archive in the log",
        real: "named",
        fakepve: "none",
        why: "As with a VM (13 #14).",
    },
    Known {
        operation: "a token that is not there",
        real: "401: no such token 'nope' for user 'root@pam'",
        fakepve: "401: authentication failure",
        why: "Other words, the same meaning (01 #4).",
    },
];

/// A difference that is understood.
struct Known {
    operation: &'static str,
    real: &'static str,
    fakepve: &'static str,
    why: &'static str,
}

/// The differences as the document shows them.
fn table() -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let row = |known: &Known| {
        let Known { operation, real, fakepve, why } = known;
        format!("| {} | {} | {} | {} |", cell(operation), cell(real), cell(fakepve), cell(why))
    };
    let head = ["| Operation | A real Proxmox VE 8.4.1 | `fakepve` 0.5.0 | |", "|---|---|---|---|"].map(str::to_owned);
    head.into_iter().chain(DIFFERENCES.iter().map(row)).collect::<Vec<_>>().join("\n")
}

/// `fakepve` on a free port of loopback, with the guests that were observed. It ends with this value.
struct Fakepve {
    trial: Trial,
    _process: Child,
    _files: TempDir,
}

impl Fakepve {
    async fn with(guests: &Observed) -> Self {
        assert!(Path::new(PYTHON).exists(), "fakepve is not installed; `scripts/setup test` does it");
        let files = tempfile::tempdir().unwrap();
        let identity = identity();
        let file = |name: &str, content: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let guests = json!({"guests": guests.guests.iter().map(guest).collect::<Vec<_>>()});
        let mut process = Command::new(PYTHON)
            .args(["-m", "fakepve", "--host", "127.0.0.1", "--port", "0", "--time-scale", "0"])
            .arg("--cert")
            .arg(file("cert.pem", &identity.leaf_pem))
            .arg("--key")
            .arg(file("key.pem", &identity.key_pem))
            .arg(file("guests.json", &guests.to_string()))
            .env("PVE_PASS", PASSWORD)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = said.next_line().await.unwrap().expect("fakepve ended without a word");
        let url = first.strip_prefix("fakepve listening on ").expect(&first);
        let credential = Credential::Password { user: "root@pam".into(), password: PASSWORD.to_owned().into() };
        let trial = Trial::of(url, &identity.ca_pem, credential);
        Self { trial, _process: process, _files: files }
    }
}

/// A guest as `fakepve` reads it.
fn guest(seen: &Sighting) -> serde_json::Value {
    let guest = &seen.guest;
    json!({
        "vmid": guest.vmid.get(),
        "name": guest.name,
        "type": if guest.kind == Kind::Lxc { "lxc" } else { "qemu" },
        "node": guest.node,
        "status": if seen.power == Power::Running { "running" } else { "stopped" },
        "template": seen.template,
        "config": seen.raw,
    })
}

#[tokio::test]
async fn fakepve_differs_where_the_table_says_and_nowhere_else() {
    let (_running, sandbox) = sandbox().await;
    let mut fakepve = Fakepve::with(&sandbox.observe().await.unwrap()).await;
    suite::all(&mut fakepve.trial).await;
    let found = fakepve.trial.differences;
    let known: Vec<_> = DIFFERENCES.iter().map(|known| (known.operation, known.real, known.fakepve)).collect();
    let found: Vec<_> = found.iter().map(|found| (&*found.operation, &*found.real, &*found.answered)).collect();
    assert_eq!(found, known);
}

#[test]
fn the_document_has_the_table() {
    assert!(DOCUMENT.contains(&table()), "docs/FAKEPVE.md is to have this table:\n{}", table());
}

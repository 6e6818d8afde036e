//! The suite's second half: what is done to a guest besides making, changing and deleting it.

use std::collections::BTreeMap;

use crate::common::{step, vmid};
use crate::suite::{UNPACKED, add, fields, mac, text};
use crate::trial::{Trial, said};
use mycopod_core::field::{Slot, Value};
use mycopod_core::guest::{Kind, Power};
use mycopod_core::observed::Sighting;
use mycopod_core::plan::{Action, Tasks};
use mycopod_core::ports::Hypervisor;
use mycopod_core::size::Size;

fn update(field: &str, value: Value) -> Action {
    Action::Update { fields: fields([(field, value)]), macs: BTreeMap::new() }
}

fn set_ha(known: bool, state: &str) -> Action {
    Action::SetHa { known, state: state.to_owned() }
}

fn backup(storage: &str) -> Action {
    Action::Backup { storage: storage.to_owned(), mode: "stop".to_owned() }
}

fn migrate(node: &str) -> Action {
    Action::Migrate { node: node.to_owned(), running: false, local_disks: true, storage: None }
}

fn move_disk(disk: &str, storage: &str) -> Action {
    Action::MoveDisk { disk: disk.to_owned(), storage: storage.to_owned() }
}

fn volume(seen: &Sighting, key: &str) -> String {
    seen.raw.get(key).and_then(|entry| entry.split(',').next()).unwrap_or_default().to_owned()
}

fn snapshots(seen: &Sighting) -> String {
    seen.snapshots.iter().flatten().cloned().collect::<Vec<_>>().join(", ")
}

/// Backs a guest on `pve1` up, and restores it from the archive that the task's log names.
async fn backup_and_restore(trial: &mut Trial, kind: Kind, n: u32) {
    let on = |action| step(kind, n, "pve1", "saved", action);
    trial.carry_out(on(backup("local"))).await;
    let archive = archive(trial, n).await;
    let named = if archive.is_some() { "named" } else { "none" };
    trial.expect(format!("{}: backup: archive in the log", kind.noun()), "named", named);
    let Some(backup) = archive else { return };
    trial.carry_out(on(Action::Restore { backup })).await;
    let Some(seen) = trial.present(kind, n).await else { return };
    trial.is_ours("restore", &seen);
}

/// The volume that the guest's last backup made.
async fn archive(trial: &Trial, n: u32) -> Option<String> {
    let tasks = trial.pve.tasks_of(Tasks::OfGuest { node: "pve1", vmid: vmid(n) }).await.ok()?;
    let log = trial.pve.task_log(tasks.iter().find(|upid| upid.kind() == "vzdump")?, 0).await.ok()?;
    let line = log.lines.iter().find(|line| line.contains("creating vzdump archive"))?;
    let path = line.split('\'').nth(1)?;
    Some(format!("local:backup/{}", path.rsplit('/').next()?))
}

/// A VM that is paused, taken back, moved, relieved of its parts, and made a template.
pub async fn vm_deeds(trial: &mut Trial) {
    let on = |action| step(Kind::Qemu, 510, "pve1", "shop-03", action);
    let made = fields([
        ("disk.scsi0.size", Value::Size(Size::gib(4))),
        ("disk.scsi0.storage", text("local-lvm")),
        ("disk.scsi1.size", Value::Size(Size::gib(2))),
        ("disk.scsi1.storage", text("local-lvm")),
        ("nic.0.bridge", text("vmbr0")),
    ]);
    trial.carry_out(on(Action::Create { fields: made, template: None, macs: mac(0, 4) })).await;

    trial.carry_out(on(Action::Start)).await;
    for (action, power) in [(Action::Suspend, Power::Paused), (Action::Resume, Power::Running)] {
        let name = action.name();
        trial.carry_out(on(action)).await;
        let Some(seen) = trial.present(Kind::Qemu, 510).await else { return };
        trial.stands(name, &seen, power);
    }
    trial.carry_out(on(Action::Stop)).await;
    trial.comes_to("VM: suspend while it is stopped", on(Action::Suspend), "500: VM 510 not running").await;
    trial.comes_to("VM: reboot while it is stopped", on(Action::Reboot), "500: VM 510 not running").await;

    trial.carry_out(on(Action::Snapshot { name: "before".into() })).await;
    trial.carry_out(on(update("cores", Value::Count(4)))).await;
    trial.carry_out(on(Action::Rollback { name: "before".into() })).await;
    let Some(seen) = trial.present(Kind::Qemu, 510).await else { return };
    trial.has("rollback", &seen, &fields([("cores", Value::Count(1))]));
    trial.is_ours("rollback", &seen);
    trial.carry_out(on(Action::DeleteSnapshot { name: "before".into() })).await;
    let Some(seen) = trial.present(Kind::Qemu, 510).await else { return };
    trial.expect("VM: delete_snapshot: snapshots", "", snapshots(&seen));
    for action in [Action::Rollback { name: "never".into() }, Action::DeleteSnapshot { name: "never".into() }] {
        let what = format!("VM: {} of none", action.name());
        trial.comes_to(&what, on(action), "the task failed: snapshot 'never' does not exist").await;
    }

    trial.carry_out(on(move_disk("scsi1", "local"))).await;
    trial
        .comes_to(
            "VM: move_disk to no storage",
            on(move_disk("scsi1", "nowhere")),
            "500: storage 'nowhere' does not exist",
        )
        .await;
    let Some(seen) = trial.present(Kind::Qemu, 510).await else { return };
    trial.has("move_disk", &seen, &fields([("disk.scsi1.storage", text("local"))]));
    let detached = volume(&seen, "scsi1");
    trial.carry_out(on(Action::Detach { slot: Slot::scsi(1), volume: detached.clone() })).await;
    let Some(seen) = trial.present(Kind::Qemu, 510).await else { return };
    trial.has_part("detach", &seen, "unused0", &detached);
    trial.carry_out(on(Action::DestroyVolume { volume: detached })).await;
    trial.carry_out(on(Action::RemoveNic { number: 0 })).await;
    let Some(seen) = trial.present(Kind::Qemu, 510).await else { return };
    let left: Vec<_> = ["scsi1", "unused0", "net0"].into_iter().filter(|key| seen.raw.contains_key(*key)).collect();
    trial.expect("VM: destroy_volume, remove_nic: left", "", left.join(", "));

    trial.carry_out(on(set_ha(false, "stopped"))).await;
    trial
        .comes_to(
            "VM: set_ha twice",
            on(set_ha(false, "stopped")),
            "500: create resource failed: resource ID 'vm:510' already defined",
        )
        .await;
    trial.carry_out(on(set_ha(true, "ignored"))).await;
    trial.carry_out(on(set_ha(true, ""))).await;
    trial
        .comes_to(
            "VM: set_ha: taken away twice",
            on(set_ha(true, "")),
            "500: cannot delete service 'vm:510', not HA managed!",
        )
        .await;
    let pool = Action::SetPool { from: String::new(), to: "nowhere".into() };
    trial.comes_to("VM: set_pool to none", on(pool), "500: update pools failed: pool 'nowhere' does not exist").await;

    let real = "the task failed: could not activate storage 'nowhere': storage 'nowhere' does not exist could not get \
        storage information for 'nowhere': storage 'nowhere' does not exist";
    trial.comes_to("VM: backup to no storage", on(backup("nowhere")), real).await;
    backup_and_restore(trial, Kind::Qemu, 510).await;

    trial.comes_to("VM: migrate to no node", on(migrate("pve9")), "500: no such cluster node 'pve9'").await;
    trial.carry_out(on(migrate("pve2"))).await;
    let Some(seen) = trial.present(Kind::Qemu, 510).await else { return };
    trial.expect("VM: migrate: node", "pve2", &seen.guest.node);
    trial.carry_out(on(Action::MakeTemplate)).await;
    let Some(seen) = trial.present(Kind::Qemu, 510).await else { return };
    trial.expect("VM: make_template: template", "true", seen.template.to_string());
    trial.has_part("make_template", &seen, "scsi0", "base-510-disk-");
    trial
        .comes_to(
            "VM: start of a template",
            on(Action::Start),
            "the task failed: you can't start a vm if it's a template",
        )
        .await;
}

/// A container to which the same is done.
pub async fn container_deeds(trial: &mut Trial) {
    let on = |action| step(Kind::Lxc, 511, "pve1", "ns-4", action);
    let made = fields([
        ("disk.rootfs.size", Value::Size(Size::gib(4))),
        ("disk.rootfs.storage", text("local-lvm")),
        ("unprivileged", Value::Flag(true)),
        ("nic.0.bridge", text("vmbr0")),
    ]);
    trial.carry_out(on(Action::Create { fields: made, template: Some(UNPACKED.to_owned()), macs: mac(0, 5) })).await;
    trial.carry_out(on(add(Slot::mount_point(0), "local-lvm"))).await;
    trial.comes_to("container: suspend while it is stopped", on(Action::Suspend), "500: CT 511 not running").await;
    trial.comes_to("container: reboot while it is stopped", on(Action::Reboot), "500: VM 511 not running").await;

    trial.carry_out(on(Action::Snapshot { name: "before".into() })).await;
    trial.carry_out(on(update("memory", Value::Size(Size::gib(2))))).await;
    trial.carry_out(on(Action::Rollback { name: "before".into() })).await;
    let Some(seen) = trial.present(Kind::Lxc, 511).await else { return };
    trial.has("rollback", &seen, &fields([("memory", Value::Size(Size::mib(512)))]));
    trial.carry_out(on(Action::DeleteSnapshot { name: "before".into() })).await;
    let Some(seen) = trial.present(Kind::Lxc, 511).await else { return };
    trial.expect("container: delete_snapshot: snapshots", "", snapshots(&seen));

    trial.carry_out(on(move_disk("mp0", "local"))).await;
    let Some(seen) = trial.present(Kind::Lxc, 511).await else { return };
    trial.has("move_disk", &seen, &fields([("disk.mp0.storage", text("local"))]));
    let detached = volume(&seen, "mp0");
    trial.carry_out(on(Action::Detach { slot: Slot::mount_point(0), volume: detached.clone() })).await;
    let Some(seen) = trial.present(Kind::Lxc, 511).await else { return };
    trial.has_part("detach", &seen, "unused0", &detached);
    trial.carry_out(on(Action::DestroyVolume { volume: detached })).await;
    trial.carry_out(on(Action::RemoveNic { number: 0 })).await;
    let Some(seen) = trial.present(Kind::Lxc, 511).await else { return };
    let left: Vec<_> = ["mp0", "unused0", "net0"].into_iter().filter(|key| seen.raw.contains_key(*key)).collect();
    trial.expect("container: destroy_volume, remove_nic: left", "", left.join(", "));

    trial.carry_out(on(set_ha(false, "stopped"))).await;
    trial.carry_out(on(set_ha(true, ""))).await;
    backup_and_restore(trial, Kind::Lxc, 511).await;
    trial.carry_out(on(migrate("pve2"))).await;
    let Some(seen) = trial.present(Kind::Lxc, 511).await else { return };
    trial.expect("container: migrate: node", "pve2", &seen.guest.node);
    trial.carry_out(on(Action::MakeTemplate)).await;
    let Some(seen) = trial.present(Kind::Lxc, 511).await else { return };
    trial.expect("container: make_template: template", "true", seen.template.to_string());
    match trial.pve.tasks_of(Tasks::OfGuest { node: "pve1", vmid: vmid(511) }).await {
        Ok(tasks) => {
            let migrated = tasks.iter().any(|upid| upid.kind() == "vzmigrate");
            trial.expect("tasks of a container: vzmigrate", "listed", if migrated { "listed" } else { "missing" });
        }
        Err(error) => trial.expect("tasks of a container", "listed", said(&error)),
    }
}

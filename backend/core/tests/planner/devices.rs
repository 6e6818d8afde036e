//! Disks, NICs and drives: added, moved, taken out, and never anything else with them.

use crate::life::Life;
use crate::planning::{actions, asked, intent};
use crate::support::{
    Saying, Want, answer, by_name, cluster, gib, guest, named, named_mut, question, resolved, shown, tags, text, to,
    vmid,
};
use mycopod_core::drift::drift;
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::{Kind, Power};
use mycopod_core::intent::{OneDeed, Wish};
use mycopod_core::observed::{Look, Observed, Sighting};
use mycopod_core::plan::{Action, Effect, Plan};
use mycopod_core::reading::{Amount, Answers, Deed, DiskRef, EditField, LEAVE_OUT};
use mycopod_core::settle::{Settled, settled};
use mycopod_core::size::Size;

fn planned(saying: &Saying, observed: &Observed) -> Plan {
    Life::new(observed.clone()).plan(&intent(saying, observed)).unwrap()
}

fn slot(slot: &str) -> Slot {
    slot.parse().unwrap()
}

/// A guest without what belongs to a disk or NIC.
fn rest(seen: &Sighting, of: &str) -> Sighting {
    let mut seen = seen.clone();
    seen.fields.retain(|field, _| !field.to_string().contains(of));
    seen.raw.retain(|key, entry| key != of && !key.starts_with("unused") && !entry.contains(of));
    seen.digest.clear();
    seen.ownership = mycopod_core::observed::Ownership::Unmarked;
    seen
}

#[test]
fn disk_added_or_removed_never_touches_the_guest_itself() {
    let further = [(EditField::NewDisk { storage: None, parts: Vec::new() }, Amount::To(gib(10)))];
    for (name, saying, touched) in [
        ("web-01", Saying::default().change(by_name("web-01"), &further), "scsi1"),
        ("cache", Saying::default().change(by_name("cache"), &further), "mp0"),
        ("db-1", Saying::default().deed(by_name("db-1"), Deed::Detach(DiskRef::Data)), "scsi1"),
        ("db-1", Saying::default().deed(by_name("db-1"), Deed::DestroyDisk(DiskRef::Data)), "scsi1"),
    ] {
        let mut life = Life::new(cluster());
        let plan = life.plan(&intent(&saying, &life.observed)).unwrap();
        let known = ["adopt", "add_disk", "detach", "destroy_volume"];
        assert!(actions(&plan).iter().all(|action| known.contains(action)), "{}", shown(&plan));
        assert!(plan.steps().iter().all(|step| step.effect != Effect::Stop && step.effect != Effect::Reboot));
        let before = named(&life.observed, name).clone();
        life.carry_out(plan.steps());
        let after = named(&life.observed, name);
        assert_eq!(rest(&before, touched), rest(after, touched), "{name}");
        assert_eq!(before.power, after.power);
    }
}

#[test]
fn tag_only_edit_disturbs_nothing() {
    for name in ["web-01", "cache", "test-1"] {
        let saying =
            Saying::default().change(by_name(name), &[(EditField::Plain(Plain::Tags), Amount::Plus(tags(&["x"])))]);
        let mut life = Life::new(cluster());
        let plan = life.plan(&intent(&saying, &life.observed)).unwrap();
        assert_eq!(actions(&plan), ["adopt", "update"]);
        assert!(plan.steps().iter().all(|step| step.effect == Effect::Live), "{}", shown(&plan));
        let Action::Update { fields, macs } = &plan.steps()[1].action else { panic!("{plan:?}") };
        assert_eq!(fields.keys().collect::<Vec<_>>(), [&Field::Plain(Plain::Tags)]);
        assert!(macs.is_empty());
        let before = named(&life.observed, name).clone();
        life.carry_out(plan.steps());
        assert_eq!(rest(&before, "tags"), rest(named(&life.observed, name), "tags"));
    }
}

/// `web-01` with an EFI disk, a TPM and a cloud-init drive on `local-lvm`.
fn with_drives(power: Power) -> Observed {
    let mut observed = cluster();
    let seen = named_mut(&mut observed, "web-01");
    seen.power = power;
    for (plain, key, volume) in [
        (Plain::EfiDisk, "efidisk0", "disk-1"),
        (Plain::Tpm, "tpmstate0", "disk-2"),
        (Plain::CloudInit, "ide2", "cloudinit"),
    ] {
        seen.fields.insert(plain.into(), text("local-lvm"));
        seen.raw.insert(key.into(), format!("local-lvm:vm-101-{volume}"));
    }
    observed
}

#[test]
fn efi_and_cloud_init_edits_never_replace() {
    let set = |plain, value: &str| Saying::default().change(by_name("web-01"), &[to(plain, text(value))]);
    let off = with_drives(Power::Stopped);
    for (plain, key) in [(Plain::EfiDisk, "efidisk0"), (Plain::Tpm, "tpmstate0"), (Plain::CloudInit, "ide2")] {
        let plan = planned(&set(plain, "local"), &off);
        let expected = Action::MoveDisk { disk: key.into(), storage: "local".into() };
        assert_eq!(plan.steps().last().map(|step| &step.action), Some(&expected), "{}", shown(&plan));
        assert!(planned(&set(plain, "local-lvm"), &off).is_empty());
        let asked = question(&set(plain, ""), &off);
        assert!(asked.text.contains("would be lost"), "{}", asked.text);
    }
    let on = Life::new(with_drives(Power::Running));
    assert_eq!(planned(&set(Plain::EfiDisk, "local"), &on.observed).steps().len(), 2, "the running QEMU moves it");
    for plain in [Plain::Tpm, Plain::CloudInit] {
        assert!(asked(&set(plain, "local"), &on)[0].text.contains("Stop it first"));
    }
    // Whatever is said of cloud-init or the firmware is one update of the configuration, never a new disk.
    let edits = [
        to(Plain::CiUser, text("admin")),
        to(Plain::Nameserver, text("10.0.0.2")),
        to(Plain::Bios, text("ovmf")),
        (EditField::Nic(Some(0), NicPart::Ip), Amount::To(text("10.0.0.7/24"))),
    ];
    let plan = planned(&Saying::default().change(by_name("web-01"), &edits), &on.observed);
    assert_eq!(actions(&plan), ["adopt", "update"], "{}", shown(&plan));
    assert!(plan.notes().iter().any(|note| note.contains("reads them when it next starts")), "{:?}", plan.notes());
}

#[test]
fn a_vm_with_uefi_firmware_gets_a_disk_for_its_boot_entries() {
    let wants = [Want::Plain(Plain::Bios, text("ovmf")), Want::Disk(10, Some("local"))];
    let plan = planned(&Saying::default().create("shop-01", Kind::Qemu, &wants), &cluster());
    let Action::Create { fields, .. } = &plan.steps()[0].action else { panic!("{plan:?}") };
    assert_eq!(fields[&Field::Plain(Plain::EfiDisk)], text("local"), "beside its first disk");
    let change = Saying::default().change(by_name("test-1"), &[to(Plain::Bios, text("ovmf"))]);
    let plan = planned(&change, &cluster());
    let Action::Update { fields, .. } = &plan.steps()[1].action else { panic!("{plan:?}") };
    assert_eq!(fields[&Field::Plain(Plain::EfiDisk)], text("local-lvm"));
}

#[test]
fn a_disk_moves_while_its_vm_runs_and_a_containers_only_while_it_is_off() {
    let edit = |disk| [(EditField::Disk(disk, DiskPart::Storage), Amount::To(text("local")))];
    let plan = planned(&Saying::default().change(by_name("web-01"), &edit(DiskRef::Only)), &cluster());
    assert_eq!(actions(&plan), ["adopt", "move_disk"]);
    assert_eq!(plan.steps()[1].effect, Effect::Live);
    let container = Saying::default().change(by_name("cache"), &edit(DiskRef::Only));
    assert!(asked(&container, &Life::new(cluster()))[0].text.contains("while it is off"));
    let mut observed = cluster();
    named_mut(&mut observed, "web-01").snapshots = Some(["before".to_owned()].into());
    let life = Life::new(observed);
    assert!(
        asked(&Saying::default().change(by_name("web-01"), &edit(DiskRef::Only)), &life)[0].text.contains("snapshots")
    );
}

#[test]
fn the_disk_a_guest_starts_from_is_never_taken_out() {
    for (name, disk) in [("web-01", DiskRef::Only), ("db-1", DiskRef::Nth(1)), ("cache", DiskRef::Slot(slot("rootfs")))]
    {
        for deed in [Deed::Detach(disk.clone()), Deed::DestroyDisk(disk.clone())] {
            let asked = question(&Saying::default().deed(by_name(name), deed), &cluster());
            assert!(asked.text.contains("never taken out"), "{}", asked.text);
        }
    }
}

#[test]
fn a_running_guest_that_does_not_let_go_of_a_disk_is_shut_down_only_when_somebody_says_so() {
    let mut observed = cluster();
    named_mut(&mut observed, "db-1").hotplug.clear();
    let saying = Saying::default().deed(by_name("db-1"), Deed::DestroyDisk(DiskRef::Data));
    let asked = question(&saying, &observed);
    assert_eq!(asked.options, ["Shut it down first", LEAVE_OUT]);
    let wanted = resolved(&saying, &observed, &answer(&asked, "Shut it down first")).unwrap();
    let mut life = Life::new(observed);
    let plan = life.plan(&wanted).unwrap();
    assert_eq!(actions(&plan), ["adopt", "shutdown", "detach", "destroy_volume"]);
    assert_eq!(plan.steps()[3].effect, Effect::Destroy);
    assert!(plan.steps()[3].collateral[0].contains("100 GiB"), "{:?}", plan.steps()[3].collateral);
    life.carry_out(plan.steps());
    assert!(named(&life.observed, "db-1").raw.keys().all(|key| key != "scsi1" && !key.starts_with("unused")));
}

#[test]
fn a_disk_that_snapshots_need_is_not_deleted() {
    let mut observed = cluster();
    named_mut(&mut observed, "db-1").snapshots = Some(["before".to_owned()].into());
    let life = Life::new(observed);
    let destroy = Saying::default().deed(by_name("db-1"), Deed::DestroyDisk(DiskRef::Data));
    assert!(asked(&destroy, &life)[0].text.contains("snapshots need it (before)"));
    let keep = Saying::default().deed(by_name("db-1"), Deed::Detach(DiskRef::Data));
    assert!(life.plan(&intent(&keep, &life.observed)).is_ok());
}

#[test]
fn another_disk_at_the_same_place_is_left_alone() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().deed(by_name("db-1"), Deed::DestroyDisk(DiskRef::Data)), &life.observed);
    named_mut(&mut life.observed, "db-1").raw.insert("scsi1".into(), "local:vm-103-other".into());
    assert!(life.plan(&wanted).unwrap_err()[0].text.contains("is another disk"));
}

#[test]
fn a_disk_that_is_still_in_use_is_not_said_to_be_gone() {
    let mut life = Life::new(cluster());
    let wanted = intent(&Saying::default().deed(by_name("db-1"), Deed::DestroyDisk(DiskRef::Data)), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    let destroys = plan.steps().iter().find(|step| step.action.name() == "destroy_volume").unwrap();
    life.carry_out(plan.steps().iter().take_while(|step| step.seq < destroys.seq));
    // The VM’s system did not let go: Proxmox keeps the removal as pending, and lists no unused disk yet.
    let seen = named_mut(&mut life.observed, "db-1");
    seen.raw.retain(|key, _| !key.starts_with("unused"));
    seen.pending.insert(Field::size_of(slot("scsi1")));
    let look = Look::Present(Box::new(seen.clone()));
    assert!(matches!(settled(destroys, &look), Settled::Conflict(why) if why.contains("has not let go")));
    assert!(life.plan(&wanted).unwrap_err()[0].text.contains("Stop it first"));
    // Once it was off, the disk is unused, and the same declaration deletes it.
    let seen = named_mut(&mut life.observed, "db-1");
    seen.pending.clear();
    seen.raw.insert("unused0".into(), "local-lvm:vm-103-scsi1".into());
    assert_eq!(actions(&life.plan(&wanted).unwrap()), ["destroy_volume"]);
}

#[test]
fn what_was_taken_out_is_no_drift_and_hides_what_was_said_of_it_before() {
    let web = guest(Kind::Qemu, 101, "web-01", "pve1");
    let before = [
        (Field::size_of(slot("scsi1")), gib(10)),
        (Field::Disk(slot("scsi1"), DiskPart::Cache), text("writeback")),
        (Field::Nic(1, NicPart::Vlan), Value::Count(20)),
        (Field::Nic(1, NicPart::Bridge), text("vmbr1")),
        (Field::Plain(Plain::Cores), Value::Count(4)),
    ];
    let mut owned: std::collections::BTreeMap<Field, Value> = before.into();
    assert!(drift(&owned, &web).len() > 3);
    owned.insert(Field::size_of(slot("scsi1")), Value::Size(Size::default()));
    owned.insert(Field::Nic(1, NicPart::Bridge), text(""));
    let left: Vec<Field> = drift(&owned, &web).into_iter().map(|(field, ..)| field).collect();
    assert_eq!(left, [Field::Plain(Plain::Cores)]);
}

#[test]
fn permuted_disks_and_nics_give_an_empty_plan() {
    let mut life = Life::new(cluster());
    let wants = [
        Want::Disk(10, None),
        Want::Disk(20, Some("local")),
        Want::Nic(vec![(NicPart::Bridge, text("vmbr0"))]),
        Want::Nic(vec![(NicPart::Bridge, text("vmbr1")), (NicPart::Vlan, Value::Count(7))]),
    ];
    let wanted = intent(&Saying::default().create("shop-01", Kind::Qemu, &wants), &life.observed);
    let plan = life.plan(&wanted).unwrap();
    life.reserve(&plan);
    life.carry_out(plan.steps());
    // The same fields held in another order of saying.
    let disk = |n: u8| EditField::Disk(DiskRef::Slot(Slot::scsi(n)), DiskPart::Size);
    let edits = [
        (EditField::Nic(Some(1), NicPart::Vlan), Amount::To(Value::Count(7))),
        (disk(1), Amount::To(gib(20))),
        (EditField::Nic(Some(1), NicPart::Bridge), Amount::To(text("vmbr1"))),
        (disk(0), Amount::To(gib(10))),
        (EditField::Nic(Some(0), NicPart::Bridge), Amount::To(text("vmbr0"))),
    ];
    let again = life.plan(&intent(&Saying::default().change(by_name("shop-01"), &edits), &life.observed)).unwrap();
    assert!(again.is_empty(), "{}", shown(&again));
    assert!(life.plan(&wanted).unwrap().is_empty());
}

#[test]
fn what_only_holds_together_is_asked_and_mended() {
    for (edits, about, mended) in [
        (to(Plain::Balloon, gib(8)), "minimum memory", "2 GiB"),
        (to(Plain::Vcpus, Value::Count(9)), "plugged CPUs", "1"),
        (to(Plain::Hotplug, tags(&["memory", "disk"])), "NUMA", "Turn NUMA on"),
        (to(Plain::CiUser, text("admin")), "cloud-init drive", "local-lvm"),
        (to(Plain::BootOrder, text("virtio9")), "boot from", "scsi0;net0"),
    ] {
        let saying = Saying::default().change(by_name("web-01"), &[edits]);
        let asked = question(&saying, &cluster());
        assert!(asked.text.contains(about), "{}", asked.text);
        let wanted = resolved(&saying, &cluster(), &answer(&asked, mended)).unwrap();
        let mut life = Life::new(cluster());
        let plan = life.plan(&wanted).unwrap();
        life.carry_out(plan.steps());
        assert!(life.plan(&wanted).unwrap().is_empty(), "{}", shown(&plan));
    }
}

#[test]
fn what_proxmox_takes_of_no_token_or_at_the_making_alone_is_said_at_once() {
    for (name, field, value, about) in [
        ("cache", Plain::Keyctl, Value::Flag(true), "root@pam"),
        ("cache", Plain::Fuse, Value::Flag(true), "root@pam"),
        ("cache", Plain::Password, text("root-pw"), "at its making alone"),
    ] {
        let asked = question(&Saying::default().change(by_name(name), &[to(field, value)]), &cluster());
        assert!(asked.text.contains(about), "{}", asked.text);
    }
    let mut observed = cluster();
    named_mut(&mut observed, "cache").fields.insert(Plain::Unprivileged.into(), Value::Flag(false));
    let nest = Saying::default().change(by_name("cache"), &[to(Plain::Nesting, Value::Flag(true))]);
    assert!(question(&nest, &observed).text.contains("root@pam"));
    assert!(resolved(&nest, &cluster(), &Answers::default()).is_ok(), "an unprivileged one may nest");
}

#[test]
fn a_nic_is_taken_out_by_its_number() {
    let saying = Saying::default().deed(by_name("web-01"), Deed::RemoveNic(None));
    let mut life = Life::new(cluster());
    let wanted = intent(&saying, &life.observed);
    assert!(matches!(&wanted.wishes[0], Wish::Once { guest, deed: OneDeed::RemoveNic(0) } if guest.vmid == vmid(101)));
    let plan = life.plan(&wanted).unwrap();
    life.carry_out(plan.steps());
    assert_eq!(named(&life.observed, "web-01").nics().count(), 0);
    let none = Saying::default().deed(by_name("web-02"), Deed::RemoveNic(Some(3)));
    assert!(question(&none, &cluster()).text.contains("no NIC 3"));
    let mut observed = cluster();
    named_mut(&mut observed, "web-02").hotplug.clear();
    let plan = planned(&Saying::default().deed(by_name("web-02"), Deed::RemoveNic(None)), &observed);
    assert_eq!(plan.steps()[1].effect, Effect::Pending);
}

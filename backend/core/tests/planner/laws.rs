//! What holds of every plan, whatever was declared.

use std::collections::BTreeSet;

use crate::life::Life;
use crate::support::{Saying, Want, by_name, cluster, declaration, gib, resolved, tags, text};
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::intent::{Intent, Wish};
use mycopod_core::plan::{Action, Effect, Plan};
use mycopod_core::reading::{Amount, Answers, Deed, DiskRef, EditField, Fit, LEAVE_OUT, Selector, Source, Sourced};
use mycopod_core::settle::{Settled, settled};
use mycopod_core::size::Size;
use proptest::prelude::*;

const GUESTS: [&str; 8] = ["web-01", "web-02", "db-1", "test-1", "test-2", "old-backup", "prod-db", "cache"];

/// One statement, of any sort.
#[derive(Clone, Debug)]
enum Said {
    Create(String, Kind, Vec<Want>),
    Change(Selector, Vec<(EditField, Amount)>),
    Deed(Selector, Deed),
    Copy(String, String, Option<bool>),
}

fn selector() -> impl Strategy<Value = Selector> {
    prop_oneof![
        8 => prop::sample::select(GUESTS.to_vec()).prop_map(by_name),
        2 => (1..4u32).prop_map(|n| by_name(&format!("new-{n}"))),
        1 => Just(Selector::All(Fit::tagged("web"))),
        1 => Just(Selector::Vmid(104)),
    ]
}

fn wants() -> impl Strategy<Value = Vec<Want>> {
    let want = prop_oneof![
        (1..40u64).prop_map(|cores| Want::Plain(Plain::Cores, Value::Count(cores))),
        (1..40u64).prop_map(|n| Want::Plain(Plain::Memory, gib(n))),
        any::<bool>().prop_map(|runs| Want::Plain(Plain::Running, Value::Flag(runs))),
        any::<bool>().prop_map(|flag| Want::Plain(Plain::OnBoot, Value::Flag(flag))),
        Just(Want::Plain(Plain::Tags, tags(&["Web", "new"]))),
        Just(Want::Plain(Plain::Description, text(" A text.\n"))),
        (1..90u64, prop::option::of(prop::sample::select(vec!["local", "local-lvm"])))
            .prop_map(|(size, storage)| Want::Disk(size, storage)),
        (1..4094u64)
            .prop_map(|vlan| Want::Nic(vec![(NicPart::Bridge, text("vmbr1")), (NicPart::Vlan, Value::Count(vlan)),])),
        Just(Want::Nic(vec![(NicPart::Ip, text("10.0.0.5/24")), (NicPart::Gateway, text("10.0.0.1"))])),
        prop::sample::select(vec!["pve1", "pve2"]).prop_map(Want::Node),
        prop::sample::select(vec!["debian 12", "ubuntu 24.04", "alpine"]).prop_map(Want::Image),
    ];
    prop::collection::vec(want, 0..6)
}

fn edits() -> impl Strategy<Value = Vec<(EditField, Amount)>> {
    let edit = prop_oneof![
        (1..32u64).prop_map(|cores| (EditField::Plain(Plain::Cores), Amount::To(Value::Count(cores)))),
        Just((EditField::Plain(Plain::Memory), Amount::Times(2))),
        (1..9u64).prop_map(|n| (EditField::Plain(Plain::Memory), Amount::Plus(gib(n)))),
        (1..50u64).prop_map(|n| (EditField::Disk(DiskRef::Nth(1), DiskPart::Size), Amount::Plus(gib(n)))),
        (1..50u64).prop_map(|n| (EditField::NewDisk { storage: None, parts: Vec::new() }, Amount::To(gib(n)))),
        Just((EditField::Plain(Plain::Tags), Amount::Plus(tags(&["x"])))),
        any::<bool>().prop_map(|flag| (EditField::Plain(Plain::OnBoot), Amount::To(Value::Flag(flag)))),
        any::<bool>().prop_map(|flag| (EditField::Plain(Plain::Protection), Amount::To(Value::Flag(flag)))),
        any::<bool>().prop_map(|flag| (EditField::Plain(Plain::Running), Amount::To(Value::Flag(flag)))),
        Just((EditField::Nic(None, NicPart::Bridge), Amount::To(text("vmbr1")))),
        Just((EditField::Nic(Some(1), NicPart::Bridge), Amount::To(text("vmbr1")))),
        (1..4u32).prop_map(|n| (EditField::Plain(Plain::Name), Amount::To(text(&format!("name-{n}"))))),
        any_field().prop_map(|(field, value)| (field, Amount::To(value))),
    ];
    prop::collection::vec(edit, 1..4)
}

/// A field of any sort, with a value that it can have.
fn any_field() -> impl Strategy<Value = (EditField, Value)> {
    let flag = Value::Flag(true);
    let plain = |plain: Plain, value: Value| (EditField::Plain(plain), value);
    let disk = |part: DiskPart, value: Value| (EditField::Disk(DiskRef::Nth(1), part), value);
    let nic = |part: NicPart, value: Value| (EditField::Nic(None, part), value);
    let further = |parts: Vec<(DiskPart, Value)>| EditField::NewDisk {
        storage: None,
        parts: parts.into_iter().map(|(part, value)| (part, inferred(value))).collect(),
    };
    let import = (DiskPart::Import, text("local:import/noble.qcow2"));
    prop::sample::select(vec![
        plain(Plain::Vcpus, Value::Count(1)),
        plain(Plain::Numa, flag.clone()),
        plain(Plain::CpuLimit, text("1.5")),
        plain(Plain::CpuUnits, Value::Count(200)),
        plain(Plain::CpuType, text("host")),
        plain(Plain::Balloon, gib(1)),
        plain(Plain::Balloon, Value::Size(Size::default())),
        plain(Plain::Shares, Value::Count(500)),
        plain(Plain::Swap, gib(1)),
        plain(Plain::Machine, text("q35")),
        plain(Plain::Bios, text("ovmf")),
        plain(Plain::EfiDisk, text("local")),
        plain(Plain::EfiDisk, text("local-lvm")),
        plain(Plain::Tpm, text("local-lvm")),
        plain(Plain::CloudInit, text("local")),
        plain(Plain::CiUser, text("admin")),
        plain(Plain::Nameserver, text("10.0.0.2")),
        plain(Plain::OsType, text("l26")),
        plain(Plain::ScsiController, text("virtio-scsi-single")),
        plain(Plain::Vga, text("virtio")),
        plain(Plain::Serial, flag.clone()),
        plain(Plain::Agent, flag.clone()),
        plain(Plain::Hotplug, tags(&["network"])),
        plain(Plain::BootOrder, text("scsi0;net0")),
        plain(Plain::Cdrom, text("local:iso/debian.iso")),
        plain(Plain::Nesting, flag.clone()),
        plain(Plain::Timezone, text("host")),
        plain(Plain::StartupOrder, Value::Count(2)),
        plain(Plain::Description, text("A note")),
        plain(Plain::Pool, text("prod")),
        plain(Plain::Ha, text("started")),
        plain(Plain::Ha, text("")),
        disk(DiskPart::Storage, text("local")),
        disk(DiskPart::Storage, text("local-lvm")),
        disk(DiskPart::Cache, text("writeback")),
        disk(DiskPart::Discard, flag.clone()),
        disk(DiskPart::Backup, Value::Flag(false)),
        (further(vec![(DiskPart::Backup, Value::Flag(false))]), gib(5)),
        (further(vec![import]), gib(8)),
        (EditField::NewNic { parts: vec![(NicPart::Firewall, inferred(flag.clone()))] }, text("vmbr1")),
        nic(NicPart::Mac, text("BC:24:11:AA:BB:CC")),
        nic(NicPart::Firewall, flag.clone()),
        nic(NicPart::Rate, text("12.5")),
        nic(NicPart::Mtu, Value::Count(1_400)),
        nic(NicPart::LinkDown, flag),
        nic(NicPart::Queues, Value::Count(4)),
        nic(NicPart::Ip6, text("auto")),
    ])
}

fn inferred(value: Value) -> Sourced<Value> {
    Sourced::new(value, Source::inferred("a test"))
}

fn word(word: &str) -> Sourced<String> {
    Sourced::new(word.to_owned(), Source::inferred("a test"))
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        Just(Deed::Suspend),
        Just(Deed::Resume),
        Just(Deed::Rollback { snapshot: None }),
        Just(Deed::Rollback { snapshot: Some(word("first")) }),
        Just(Deed::DeleteSnapshot { snapshot: Some(word("first")) }),
        Just(Deed::Backup { storage: None, mode: None }),
        Just(Deed::Backup { storage: Some(word("local")), mode: Some(word("stop")) }),
        Just(Deed::Restore { backup: Some(word("local:backup/vzdump-qemu-104-2025_01_31-10_00_00.vma.zst")) }),
        Just(Deed::MakeTemplate),
        Just(Deed::Migrate { node: word("pve1"), storage: None, from: None, offline: false }),
        Just(Deed::Migrate { node: word("pve2"), storage: Some(word("local")), from: None, offline: false }),
        Just(Deed::Detach(DiskRef::Nth(2))),
        Just(Deed::DestroyDisk(DiskRef::Data)),
        Just(Deed::RemoveNic(None)),
        Just(Deed::Start),
        Just(Deed::Stop),
        Just(Deed::Shutdown { within: None }),
        Just(Deed::Reboot),
        Just(Deed::Delete),
        Just(Deed::Adopt),
        Just(Deed::Snapshot { name: None }),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    let kind = prop::sample::select(vec![Kind::Qemu, Kind::Lxc]);
    let copies = prop::sample::select(vec!["web-02", "debian-12", "cache", "test-1"]);
    prop_oneof![
        4 => ((1..6u32), kind, wants()).prop_map(|(n, kind, wants)| Said::Create(format!("new-{n}"), kind, wants)),
        4 => (selector(), edits()).prop_map(|(selector, edits)| Said::Change(selector, edits)),
        3 => (selector(), deed()).prop_map(|(selector, deed)| Said::Deed(selector, deed)),
        1 => (copies, 6..9u32, prop::option::of(any::<bool>()))
            .prop_map(|(from, n, full)| Said::Copy(from.into(), format!("new-{n}"), full)),
    ]
}

fn saying(said: &[Said]) -> Saying {
    said.iter().fold(Saying::default(), |saying, said| match said {
        Said::Create(name, kind, wants) => saying.create(name, *kind, wants),
        Said::Change(selector, edits) => saying.change(selector.clone(), edits),
        Said::Deed(selector, deed) => saying.deed(selector.clone(), deed.clone()),
        Said::Copy(from, name, full) => saying.copy(from, name, *full),
    })
}

/// Statements with values that Proxmox or the cluster does not take.
fn odd() -> impl Strategy<Value = Said> {
    let nic = |parts: &[(NicPart, Value)]| Want::Nic(parts.to_vec());
    let want = prop::sample::select(vec![
        Want::Plain(Plain::Cores, Value::Count(0)),
        Want::Plain(Plain::Cores, Value::Count(30)),
        Want::Plain(Plain::Sockets, Value::Count(3)),
        Want::Plain(Plain::Swap, gib(1)),
        Want::Plain(Plain::Memory, gib(400)),
        Want::Plain(Plain::Tags, tags(&["a b"])),
        Want::Disk(1, Some("nowhere")),
        Want::Disk(9_000, None),
        Want::Node("pve9"),
        Want::Image("plan 9"),
        Want::Image("debian 12"),
        nic(&[(NicPart::Bridge, text("vmbr0")), (NicPart::Vlan, Value::Count(7))]),
        nic(&[(NicPart::Ip, text("10.0.0.5/24")), (NicPart::Gateway, text("10.9.0.1"))]),
        nic(&[(NicPart::Ip, text("dhcp")), (NicPart::Gateway, text("10.9.0.1"))]),
        nic(&[(NicPart::Bridge, text("vmbr9")), (NicPart::Vlan, Value::Count(0))]),
    ]);
    let edit = prop::sample::select(vec![
        (EditField::Plain(Plain::Cores), Amount::Over(3)),
        (EditField::Plain(Plain::Memory), Amount::Minus(gib(500))),
        (EditField::Plain(Plain::Name), Amount::To(text("web-02"))),
        (EditField::Plain(Plain::Unprivileged), Amount::To(Value::Flag(false))),
        (EditField::Plain(Plain::Description), Amount::Times(2)),
        (EditField::Disk(DiskRef::Only, DiskPart::Size), Amount::To(gib(1))),
        (EditField::Disk(DiskRef::Nth(3), DiskPart::Size), Amount::Plus(gib(1))),
        (EditField::NewDisk { storage: None, parts: Vec::new() }, Amount::To(gib(9_000))),
        (EditField::Nic(Some(3), NicPart::Vlan), Amount::To(Value::Count(5))),
        (EditField::Nic(None, NicPart::Vlan), Amount::To(Value::Count(5))),
        (EditField::Nic(None, NicPart::Ip), Amount::To(text("10.0.0.7"))),
    ]);
    let names = prop::sample::select(vec!["new-1", "web-01", "my_vm", "debian-12"]);
    let guests = prop::sample::select(vec!["new-1", "web-01", "db-1", "cache", "prod-db", "debian-12", "nobody"]);
    let selector = prop_oneof![
        4 => guests.prop_map(by_name),
        1 => Just(Selector::Vague("the server".into())),
        1 => Just(Selector::All(Fit::tagged("none"))),
        1 => Just(Selector::All(Fit::tagged("web"))),
    ];
    let kind = prop::sample::select(vec![Kind::Qemu, Kind::Lxc]);
    let copies = (prop::sample::select(vec!["web-02", "new-1", "nobody"]), prop::option::of(any::<bool>()));
    prop_oneof![
        (names, kind, prop::collection::vec(want, 0..4)).prop_map(|(name, kind, wants)| Said::Create(
            name.into(),
            kind,
            wants
        )),
        (selector.clone(), prop::collection::vec(edit, 1..3))
            .prop_map(|(selector, edits)| Said::Change(selector, edits)),
        (selector, deed()).prop_map(|(selector, deed)| Said::Deed(selector, deed)),
        copies.prop_map(|(from, full)| Said::Copy(from.into(), "copy_1".into(), full)),
    ]
}

/// The intent and plan of a declaration that can be planned.
fn planned(said: &[Said], life: &Life) -> Option<(Intent, Plan)> {
    let intent = resolved(&saying(said), &life.observed, &Answers::default()).ok()?;
    let plan = life.plan(&intent).ok()?;
    Some((intent, plan))
}

fn declared() -> impl Strategy<Value = Vec<Said>> {
    prop::collection::vec(said(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_carried_out_leaves_an_empty_plan(said in declared()) {
        let mut life = Life::new(cluster());
        let Some((intent, plan)) = planned(&said, &life) else { return Err(TestCaseError::reject("questions")) };
        life.reserve(&plan);
        life.carry_out(plan.steps());
        life.deeds_are_done(&intent);
        let again = life.plan(&intent);
        prop_assert!(again.as_ref().is_ok_and(Plan::is_empty), "{again:#?}");
    }

    #[test]
    fn a_plan_interrupted_anywhere_is_finished_by_the_next_with_no_guest_twice(said in declared(), at in 0..12usize) {
        let mut life = Life::new(cluster());
        let Some((intent, plan)) = planned(&said, &life) else { return Err(TestCaseError::reject("questions")) };
        life.reserve(&plan);
        let at = at.min(plan.steps().len());
        life.carry_out(&plan.steps()[..at]);
        // A deed is done when all steps that serve it are.
        let open: BTreeSet<usize> = plan.steps()[at..].iter().map(|step| step.wish).collect();
        life.deeds_are_done(&intent);
        life.done.retain(|wish| !open.contains(wish));
        let rest = life.plan(&intent);
        prop_assert!(rest.is_ok(), "{rest:#?}");
        let rest = rest.unwrap();
        life.carry_out(rest.steps());
        life.deeds_are_done(&intent);
        prop_assert!(life.plan(&intent).is_ok_and(|plan| plan.is_empty()));
        let made = intent.wishes.iter().filter(|wish| matches!(wish, Wish::Exist(_))).count();
        let gone = plan.summary().destroy;
        prop_assert_eq!(life.observed.guests.len(), cluster().guests.len() + made - gone);
    }

    #[test]
    fn every_doubt_can_be_left_out(said in prop::collection::vec(odd(), 1..5)) {
        let life = Life::new(cluster());
        let saying = saying(&said);
        let mut left_out = BTreeSet::new();
        loop {
            let answers = left_out.iter().map(|id: &String| (id.clone(), LEAVE_OUT.to_owned())).collect();
            let outcome = resolved(&saying, &life.observed, &answers).and_then(|intent| life.plan(&intent));
            let Err(questions) = outcome else { break };
            let before = left_out.len();
            left_out.extend(questions.iter().filter(|asked| !asked.options.is_empty()).map(|asked| asked.id.clone()));
            if questions.iter().all(|asked| asked.options.is_empty()) {
                break;
            }
            prop_assert!(left_out.len() > before, "asked again: {questions:#?}");
        }
    }

    #[test]
    fn planning_is_a_function(said in declared()) {
        let life = Life::new(cluster());
        let once = resolved(&saying(&said), &life.observed, &Answers::default());
        prop_assert_eq!(&once, &resolved(&saying(&said), &life.observed, &Answers::default()));
        if let Ok(intent) = once {
            prop_assert_eq!(life.plan(&intent), life.plan(&intent));
        }
    }

    #[test]
    fn counters_that_move_do_not_change_a_plan(said in declared(), used in 1..200u64) {
        let mut life = Life::new(cluster());
        let Some((intent, plan)) = planned(&said, &life) else { return Err(TestCaseError::reject("questions")) };
        for state in life.observed.nodes.values_mut() {
            if let mycopod_core::observed::NodeState::Seen(node) = state {
                node.memory_used = Size::gib(used);
                for storage in node.storages.values_mut() {
                    storage.free = storage.free.saturating_sub(Size::mib(used));
                }
            }
        }
        let again = life.plan(&intent).unwrap();
        prop_assert_eq!(plan.digest(), again.digest());
    }

    #[test]
    fn nothing_is_destroyed_or_touched_that_nobody_named(said in declared()) {
        let mut life = Life::new(cluster());
        let Some((intent, plan)) = planned(&said, &life) else { return Err(TestCaseError::reject("questions")) };
        for step in plan.steps() {
            let destroys = matches!(
                step.action,
                Action::Delete
                    | Action::DestroyVolume { .. }
                    | Action::Rollback { .. }
                    | Action::DeleteSnapshot { .. }
                    | Action::Restore { .. }
            );
            prop_assert_eq!(destroys, step.effect == Effect::Destroy);
        }
        let named: BTreeSet<u32> = intent
            .wishes
            .iter()
            .filter_map(|wish| match wish {
                Wish::Hold { guest, .. } | Wish::Once { guest, .. } => Some(guest.vmid.get()),
                Wish::Exist(_) | Wish::Facility { .. } => None,
            })
            .collect();
        let before = life.observed.clone();
        // Carrying out panics where a guest that is not ours is touched without being adopted first.
        life.carry_out(plan.steps());
        for seen in before.guests.iter().filter(|seen| !named.contains(&seen.guest.vmid.get())) {
            prop_assert_eq!(Some(seen), life.observed.guest(seen.guest.key()));
        }
    }

    #[test]
    fn every_step_is_open_before_it_is_done_and_settled_after(said in declared()) {
        let mut life = Life::new(cluster());
        let Some((_, plan)) = planned(&said, &life) else { return Err(TestCaseError::reject("questions")) };
        for step in plan.steps() {
            let before = settled(step, &life.look(step.guest().unwrap().key()));
            prop_assert_eq!(before, Settled::No, "{:?}", step);
            life.carry_out([step]);
            if matches!(step.action, Action::Rollback { .. } | Action::Restore { .. }) {
                // The marker may be gone with it; the step after it writes it again.
                continue;
            }
            let after = settled(step, &life.look(step.guest().unwrap().key()));
            let expected = if step.action.is_blind() { Settled::No } else { Settled::Yes };
            prop_assert_eq!(after, expected, "{:?}", step);
        }
    }

    #[test]
    fn numbers_and_addresses_are_never_given_twice(count in 1..20usize, from_template in any::<bool>()) {
        let life = Life::new(cluster());
        let wants = if from_template { vec![Want::Image("debian 12")] } else { Vec::new() };
        let saying = (0..count).fold(Saying::default(), |saying, n| saying.create(&format!("n-{n}"), Kind::Qemu, &wants));
        let intent = resolved(&saying, &life.observed, &Answers::default()).unwrap();
        let plan = life.plan(&intent).unwrap();
        let mut vmids = BTreeSet::new();
        let mut addresses = BTreeSet::new();
        for step in plan.steps() {
            match &step.action {
                Action::Create { macs, .. } => {
                    prop_assert!(vmids.insert(step.guest().unwrap().vmid));
                    for mac in macs.values() {
                        prop_assert!(addresses.insert(mac.clone()));
                    }
                }
                Action::Clone { .. } => prop_assert!(vmids.insert(step.guest().unwrap().vmid)),
                _ => {}
            }
            prop_assert!(life.observed.numbered(step.guest().unwrap().vmid).is_none());
        }
        prop_assert_eq!(vmids.len(), count);
        let on_pve1 = plan.steps().iter().filter(|step| step.guest().unwrap().node == "pve1").count();
        prop_assert!(on_pve1.abs_diff(plan.steps().len() - on_pve1) <= 1, "guests of one declaration are spread");
    }

    #[test]
    fn a_guest_of_ours_that_changed_is_repaired_field_by_field(cores in 1..32u64, memory in 1..16u64) {
        let mut life = Life::new(cluster());
        let wants = [Want::Plain(Plain::Cores, Value::Count(4)), Want::Plain(Plain::Memory, gib(8))];
        let saying = Saying::default().create("shop-01", Kind::Qemu, &wants);
        let intent = resolved(&saying, &life.observed, &Answers::default()).unwrap();
        let plan = life.plan(&intent).unwrap();
        life.carry_out(plan.steps());
        let shop = crate::support::named_mut(&mut life.observed, "shop-01");
        shop.fields.insert(Field::Plain(Plain::Cores), Value::Count(cores));
        shop.fields.insert(Field::Plain(Plain::Memory), gib(memory));
        // Nobody named the CPU type, so nobody owns it.
        shop.fields.insert(Field::Plain(Plain::CpuType), text("host"));
        let repair = life.plan(&intent).unwrap();
        let repaired: Vec<Field> =
            repair.steps().iter().flat_map(|step| step.changes.iter().map(|change| change.field.clone())).collect();
        let mut expected = Vec::new();
        expected.extend((cores != 4).then_some(Field::Plain(Plain::Cores)));
        expected.extend((memory != 8).then_some(Field::Plain(Plain::Memory)));
        prop_assert_eq!(repaired, expected);
        prop_assert_eq!(repair.declaration(), declaration());
    }
}

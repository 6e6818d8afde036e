//! What other plans have promised is not promised again, and nothing counts twice.

use std::collections::BTreeSet;

use crate::life::Life;
use crate::planning::intent;
use crate::support::{Extra, Saying, Want, by_name, cluster, declaration, gib, named_mut, text, to};
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::{Kind, Vmid};
use mycopod_core::observed::{Observed, Ownership};
use mycopod_core::plan::{Action, Plan};
use mycopod_core::planner::{Promise, World, plan};
use mycopod_core::policy::Policy;

/// Plans beside what others were promised; their VMIDs are theirs.
fn beside(saying: &Saying, observed: &Observed, promised: &[Promise]) -> Result<Plan, String> {
    let hidden: BTreeSet<Vmid> = promised.iter().map(|promise| promise.vmid).collect();
    let world = World { observed, resources: &[], done: &BTreeSet::new(), hidden: &hidden, promised };
    let planned = plan(declaration(), &intent(saying, observed), &world, &Policy::default());
    planned.map_err(|questions| questions.into_iter().map(|question| question.text).collect())
}

fn big(name: &str, memory: u64) -> Saying {
    let on = Want::Plain(Plain::Running, Value::Flag(true));
    Saying::default().create(name, Kind::Qemu, &[Want::Node("pve1"), Want::Plain(Plain::Memory, gib(memory)), on])
}

#[test]
fn memory_is_promised_once_and_counts_once_when_it_is_taken() {
    let mut life = Life::new(cluster());
    // 235 GiB are free on pve1.
    let first = beside(&big("one", 150), &life.observed, &[]).unwrap();
    assert!(beside(&big("two", 85), &life.observed, first.promises()).is_ok());
    let text = beside(&big("two", 86), &life.observed, first.promises()).unwrap_err();
    assert!(text.contains("85 GiB of its memory are free"), "{text}");
    for steps in 1..=first.steps().len() {
        life.carry_out(&first.steps()[steps - 1..steps]);
        // It is another declaration's.
        let mut observed = life.observed.clone();
        observed.guests.iter_mut().for_each(|seen| seen.ownership = Ownership::Unmarked);
        assert_eq!(beside(&big("two", 85), &observed, first.promises()).err(), None, "after {steps} steps");
        assert!(beside(&big("two", 86), &observed, first.promises()).is_err(), "after {steps} steps");
    }
}

#[test]
fn the_growth_of_a_guest_that_runs_is_promised_too() {
    let mut life = Life::new(cluster());
    named_mut(&mut life.observed, "web-01").hotplug.insert("memory".to_owned());
    let grow = Saying::default().change(by_name("web-01"), &[to(Plain::Memory, gib(104))]);
    let first = beside(&grow, &life.observed, &[]).unwrap();
    for _ in 0..2 {
        assert!(beside(&big("two", 135), &life.observed, first.promises()).is_ok());
        assert!(beside(&big("two", 136), &life.observed, first.promises()).is_err());
        life.carry_out(first.steps());
    }
}

#[test]
fn space_is_promised_once() {
    let observed = cluster();
    let wide = |name: &str, gib: u64| {
        Saying::default().create(name, Kind::Qemu, &[Want::Node("pve1"), Want::Disk(gib, Some("local-lvm"))])
    };
    let first = beside(&wide("one", 3_000), &observed, &[]).unwrap();
    assert!(beside(&wide("two", 1_000), &observed, first.promises()).is_ok());
    let text = beside(&wide("two", 1_200), &observed, first.promises()).unwrap_err();
    assert!(text.contains("1096 GiB of storage local-lvm are free"), "{text}");
}

#[test]
fn where_the_disks_go_does_not_hang_on_promises_that_pass() {
    let observed = cluster();
    let some =
        |name: &str, gib: u64| Saying::default().create(name, Kind::Qemu, &[Want::Node("pve1"), Want::Disk(gib, None)]);
    let storage = |plan: &Plan| match &plan.steps()[0].action {
        Action::Create { fields, .. } => fields.get(&Field::Disk(Slot::scsi(0), DiskPart::Storage)).cloned(),
        _ => None,
    };
    let first = beside(&some("one", 3_000), &observed, &[]).unwrap();
    let alone = beside(&some("two", 500), &observed, &[]).unwrap();
    let second = beside(&some("two", 500), &observed, first.promises()).unwrap();
    // local-lvm has most room, though local has more that is not promised.
    assert_eq!((storage(&second), storage(&alone)), (Some(text("local-lvm")), Some(text("local-lvm"))));
    let third = beside(&some("two", 1_500), &observed, first.promises()).unwrap();
    assert_eq!(storage(&third), Some(text("local")), "it fits there alone");
}

#[test]
fn an_address_is_given_once_in_a_network() {
    let mut observed = cluster();
    let at = |name: &str, bridge: &str, vlan: Option<u64>| {
        let mut nic = vec![(NicPart::Bridge, text(bridge)), (NicPart::Ip, text("10.0.0.5/24"))];
        nic.extend(vlan.map(|tag| (NicPart::Vlan, Value::Count(tag))));
        Saying::default().create(name, Kind::Lxc, &[Want::Nic(nic)])
    };
    let first = beside(&at("one", "vmbr1", None), &observed, &[]).unwrap();
    let refused = beside(&at("two", "vmbr1", None), &observed, first.promises()).unwrap_err();
    assert!(
        refused.contains("10.0.0.5 on vmbr1 cannot be given to two: a plan that stands gives it to one"),
        "{refused}"
    );
    assert!(beside(&at("two", "vmbr1", Some(7)), &observed, first.promises()).is_ok());
    let twice = at("one", "vmbr1", None).create(
        "other",
        Kind::Lxc,
        &[Want::Nic(vec![(NicPart::Bridge, text("vmbr1")), (NicPart::Ip, text("10.0.0.5/24"))])],
    );
    assert!(beside(&twice, &observed, &[]).is_err(), "nor twice by one plan");
    let cache = named_mut(&mut observed, "cache");
    *cache = cache.clone().has(Field::Nic(0, NicPart::Ip), text("10.0.0.5/16"));
    let refused = beside(&at("two", "vmbr0", None), &observed, &[]).unwrap_err();
    assert!(refused.contains("cache (109) has it"), "{refused}");
}

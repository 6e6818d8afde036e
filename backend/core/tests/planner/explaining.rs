//! What a plan does, in the declaration's language.

use mycopod_core::explain::{Tongue, explain};
use mycopod_core::field::{Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::reading::{Answers, Deed, Source, Sourced};

use crate::life::Life;
use crate::support::{Saying, Want, by_name, cluster, gib, resolved, to};

#[test]
fn a_plan_is_told_by_its_own_names_and_numbers_in_every_language() {
    let saying = Saying::default()
        .create("shop-01", Kind::Qemu, &[Want::Plain(Plain::Memory, gib(4))])
        .change(by_name("web-01"), &[to(Plain::Memory, gib(8))])
        .deed(by_name("test-1"), Deed::Start)
        .deed(by_name("db-1"), Deed::Reboot)
        .deed(by_name("old-backup"), Deed::Delete);
    let observed = cluster();
    let intent = resolved(&saying, &observed, &Answers::default()).unwrap();
    let plan = Life::new(observed).plan(&intent).unwrap();
    let told = explain(&plan, Tongue::English).to_string();
    for part in ["New: shop-01.", "Started: test-1.", "Restarted: db-1.", "Deleted: old-backup.", "Interrupted by it: "]
    {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(told.contains("web-01 (Memory ") && told.contains(" → 8 GiB)"), "{told}");
    let all = [(Tongue::German, "Neu: "), (Tongue::Spanish, "Nuevo: "), (Tongue::French, "Nouveau: ")];
    for (tongue, first) in all {
        let told = explain(&plan, tongue).to_string();
        assert!(told.contains(first), "{told}");
        for name in ["shop-01", "web-01", "test-1", "db-1", "old-backup", "8 GiB"] {
            assert!(told.contains(name), "{name} is not in {told}");
        }
    }
}

#[test]
fn what_is_as_declared_needs_nothing() {
    let observed = cluster();
    let saying = Saying::default().deed(by_name("web-01"), Deed::Start);
    let intent = resolved(&saying, &observed, &Answers::default()).unwrap();
    let plan = Life::new(observed).plan(&intent).unwrap();
    assert_eq!(explain(&plan, Tongue::German).to_string(), "Es ist nichts zu tun.");
}

#[test]
fn what_is_set_up_of_a_new_guest_is_new_and_no_change() {
    let wanted = [Want::Image("debian 12"), Want::Plain(Plain::Cores, Value::Count(8))];
    let saying = Saying::default().create("copy-1", Kind::Qemu, &wanted);
    let intent = resolved(&saying, &cluster(), &Answers::default()).unwrap();
    let plan = Life::new(cluster()).plan(&intent).unwrap();
    assert!(plan.steps().len() > 1, "it is copied, and then changed");
    let told = explain(&plan, Tongue::English).to_string();
    assert!(told.starts_with("New: copy-1.") && !told.contains("Changed"), "{told}");
}

#[test]
fn what_is_deleted_of_a_guest_that_stays_is_told_with_its_name() {
    let observed = cluster();
    let snapshot =
        Deed::DeleteSnapshot { snapshot: Some(Sourced::new("first".to_owned(), Source::inferred("it is meant"))) };
    let intent =
        resolved(&Saying::default().deed(by_name("test-2"), snapshot), &observed, &Answers::default()).unwrap();
    let plan = Life::new(observed).plan(&intent).unwrap();
    assert!(explain(&plan, Tongue::English).to_string().contains("Deleted: test-2 (first)."));
}

//! A plan that was carried out on the sandbox leaves an empty plan, whatever was declared.

use mycopod_core::id::DeclarationId;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::lab::Lab;

/// Each case is carried out over HTTPS on a real database: some seconds for all.
const CASES: usize = 16;

/// A declaration of one new guest, and of a change to it.
fn declarations() -> impl Strategy<Value = (String, String)> {
    let kind = prop_oneof![Just("a VM"), Just("a debian 12 VM"), Just("an unprivileged Debian container")];
    let spec = (kind, 1..9_u32, 1..17_u32, 5..60_u32, prop_oneof![Just(None), (2..4_000_u32).prop_map(Some)]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let change = prop_oneof![
        (1..9_u32).prop_map(|cores| format!("set the cores of NAME to {cores}")),
        (1..9_u32).prop_map(|gib| format!("add {gib} GB to the disk of NAME")),
        Just("double the memory of NAME".to_owned()),
        Just("tag NAME with law".to_owned()),
        Just("NAME should start at boot".to_owned()),
        Just("start NAME".to_owned()),
        Just("protect NAME".to_owned()),
    ];
    (spec, flags, change).prop_map(|((kind, cores, memory, disk, vlan), (tagged, boots, starts), change)| {
        let vlan = vlan.map_or_else(String::new, |vlan| format!(" on vmbr1 vlan {vlan}"));
        let mut text =
            format!("Create {kind} called NAME with {cores} cores, {memory} GB RAM and a {disk} GB disk{vlan}");
        if tagged {
            text.push_str(", tagged web and shop");
        }
        if boots {
            text.push_str(", start at boot");
        }
        if starts {
            text.push_str(", start it now");
        }
        (text, change)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_carried_out_leaves_an_empty_plan() {
    let lab = Lab::running().await;
    let mut runner = TestRunner::deterministic();
    for case in 0..CASES {
        let (create, change) = declarations().new_tree(&mut runner).unwrap().current();
        for text in [create, change] {
            let text = text.replace("NAME", &format!("law-{case}"));
            let detail = lab.declare(&text).await;
            let carried_out = match detail.status {
                "awaiting_approval" => lab.confirm(&detail).await,
                _ => detail,
            };
            assert_eq!(carried_out.status, "converged", "{text}: {carried_out:#?}");
            let id = DeclarationId(carried_out.id);
            lab.engine.plan_again(&lab.admin, id).await.unwrap();
            let again = lab.settled(id).await;
            assert_eq!(again.status, "converged", "{text}: {again:#?}");
            assert!(again.plan.is_some_and(|plan| plan.steps.is_empty()), "{text}");
        }
    }
    let rows = lab.engine.guests().await.unwrap();
    let drifted: Vec<_> = rows.iter().filter(|row| !row.drift.is_empty()).collect();
    assert!(drifted.is_empty(), "{drifted:#?}");
}

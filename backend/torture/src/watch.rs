//! What is held against every write at the moment when Proxmox would receive it.

use mycopod_core::guest::Vmid;
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::Ownership;
use mycopod_core::plan::{Action, Effect, Step, Subject};
use serde_json::Value;

use crate::fate::Passed;
use crate::lab::{Lab, keys};
use crate::world;

/// The look at a whole cluster.
const OBSERVE: &str = "observe";

/// What of the invariants does not hold for a step that is about to arrive at Proxmox.
pub fn write(lab: &mut Lab, step: &Step) -> Vec<String> {
    let mut wrong = ledger(lab, step);
    wrong.extend(before(lab, step));
    wrong.extend(object(lab, step));
    wrong
}

/// Whether the step has its turn: what is earlier in its plan and touches the same is done, and its guest is the one that
/// the plan saw. Between the steps of one guest nobody can tell whose change it was.
fn before(lab: &mut Lab, step: &Step) -> Vec<String> {
    let Some((reconciliation, made)) = under_way(lab, step) else { return Vec::new() };
    let rows = lab.database.rows(&format!(
        "SELECT step, s.state FROM reconciliations r JOIN plans p ON p.id = r.plan_id
         CROSS JOIN jsonb_array_elements(p.plan -> 'steps') step
         JOIN steps s ON s.reconciliation_id = r.id AND s.seq = (step ->> 'seq')::int
         WHERE r.id = '{reconciliation}' AND s.seq < {}",
        step.seq
    ));
    let mut wrong = Vec::new();
    let mut is_first = true;
    for row in rows {
        let [Some(earlier), Some(state)] = row.as_slice() else { continue };
        let Ok(earlier) = serde_json::from_str::<Step>(earlier) else { continue };
        is_first &= step.guest().is_none() || earlier.guest() != step.guest();
        if state != "done" && !earlier.touches().is_disjoint(&step.touches()) {
            wrong.push(format!(
                "step {} ({}) reaches Proxmox while step {} before it is {state}",
                step.seq, step.summary, earlier.seq
            ));
        }
    }
    if let Some(guest) = step.guest().filter(|guest| is_first && lab.is_edited_since(guest.vmid.get(), made)) {
        wrong.push(format!(
            "I3: step {} ({}) reaches {} ({}), which changed since its plan",
            step.seq, step.summary, guest.name, guest.vmid
        ));
    }
    wrong
}

/// The newest carrying-out of a plan with this step, and when the plan was made.
fn under_way(lab: &mut Lab, step: &Step) -> Option<(String, i64)> {
    let json = serde_json::to_string(step).unwrap_or_default().replace('\'', "''");
    let rows = lab.database.rows(&format!(
        "SELECT r.id, (extract(epoch FROM p.created_at) * 1e6)::bigint
         FROM reconciliations r JOIN plans p ON p.id = r.plan_id
         WHERE p.plan -> 'steps' @> jsonb_build_array('{json}'::jsonb) ORDER BY r.id DESC LIMIT 1"
    ));
    match rows.into_iter().next()?.as_slice() {
        [Some(id), Some(made)] => Some((id.clone(), made.parse().ok()?)),
        _ => None,
    }
}

/// Whether a plan that was approved by a call that began after so many exchanges was still that of the cluster when that
/// call looked at it.
pub fn approval(lab: &mut Lab, digest: &str, replica: usize, began: u64) -> Vec<String> {
    let looks = |(passed, at): (&Passed, u64)| {
        (at > began && passed.replica == replica && passed.label == OBSERVE).then_some(at)
    };
    let looked = lab.trace.iter().zip(1..).find_map(looks).unwrap_or(0);
    let rows = lab.database.rows(&format!(
        "SELECT (extract(epoch FROM p.created_at) * 1e6)::bigint, step #>> '{{guest,vmid}}'
         FROM plans p CROSS JOIN jsonb_array_elements(p.plan -> 'steps') step WHERE p.digest = '{digest}'
             AND p.created_at = (SELECT max(created_at) FROM plans WHERE digest = p.digest)"
    ));
    let stale = rows.into_iter().filter_map(|row| match row.as_slice() {
        [Some(made), Some(vmid)] => Some((made.parse().ok()?, vmid.parse().ok()?)),
        _ => None,
    });
    let stale: Vec<(i64, u32)> = stale.collect();
    let stale = stale.into_iter().filter(|(made, vmid)| lab.is_edited_between(*vmid, *made, looked));
    stale.map(|(_, vmid)| format!("I9: a plan was approved though guest {vmid} changed since it was made")).collect()
}

/// Whether the database, as it is committed, allows it: begun and entered, approved by its exact plan, and a destroy by
/// name.
fn ledger(lab: &mut Lab, step: &Step) -> Vec<String> {
    let json = serde_json::to_string(step).unwrap_or_default().replace('\'', "''");
    let rows = lab.database.rows(&format!(
        "SELECT s.state, a.spent_at IS NOT NULL, '{}' = ANY (a.destroy),
                EXISTS (SELECT FROM audit_entries e WHERE e.declaration_id = r.declaration_id AND e.kind = 'step.started'
                        AND (e.entry::jsonb #>> '{{details,seq}}')::int = s.seq
                        AND e.entry::jsonb #> '{{details,action}}' = step -> 'action')
         FROM reconciliations r JOIN plans p ON p.id = r.plan_id
         CROSS JOIN jsonb_array_elements(p.plan -> 'steps') step
         JOIN steps s ON s.reconciliation_id = r.id AND s.seq = (step ->> 'seq')::int
         LEFT JOIN approvals a ON a.plan_id = r.plan_id AND a.digest = p.digest
         WHERE step = '{json}'::jsonb ORDER BY (s.state <> 'pending') DESC, r.id DESC LIMIT 1",
        step.name().replace('\'', "''")
    ));
    let of = |rule: &str, what: &str| format!("{rule}: step {} ({}) reaches Proxmox {what}", step.seq, step.summary);
    let Some(row) = rows.into_iter().next() else { return vec![of("I2", "and is in no plan under way")] };
    let is = |at: usize| row.get(at).is_some_and(|value| value.as_deref() == Some("t"));
    let mut wrong = Vec::new();
    if row.first().is_some_and(|state| matches!(state.as_deref(), Some("pending" | "skipped"))) {
        wrong.push(of("I8", "before the ledger says that it is begun"));
    }
    if !is(1) {
        wrong.push(of("I2", "without an approval that was spent on it"));
    }
    if step.effect == Effect::Destroy && !is(2) {
        wrong.push(of("I2", "and destroys what nobody agreed to by name"));
    }
    if !is(3) {
        wrong.push(of("I8", "before its entry in the audit log"));
    }
    wrong
}

/// Whether the guest of that number is the one that the step means.
fn object(lab: &mut Lab, step: &Step) -> Option<String> {
    let Subject::Guest { guest: meant, resource } = &step.subject else { return None };
    let world = lab.sandbox.world().to_json();
    let guest = world::guest(&world, meant.vmid)?;
    let marker = ownership(guest, meant.vmid);
    // Not by its notes, which are what is tried here.
    let is_foreign = lab.foreign.contains(&meant.vmid.get());
    let is_meant = match step.action {
        // The number is taken: Proxmox refuses.
        Action::Create { .. } | Action::Clone { .. } => true,
        _ if is_foreign && step.action != Action::Adopt => false,
        // The same call once more finds what the first made of it: the notes that were in the backup.
        Action::Restore { .. } if lab.writes.contains(step) => {
            marker == Ownership::Unmarked || marker == Ownership::Ours(*resource)
        }
        Action::Adopt => marker == Ownership::Ours(*resource) || !matches!(marker, Ownership::Ours(_)),
        _ => marker == Ownership::Ours(*resource),
    };
    if step.action == Action::Adopt {
        lab.foreign.remove(&meant.vmid.get());
    }
    (!is_meant).then(|| {
        format!("I3, I4: step {} ({}) reaches a guest that is another one: {marker:?}", step.seq, step.summary)
    })
}

/// Whose a guest of the sandbox's is.
#[must_use]
pub fn ownership(guest: &Value, vmid: Vmid) -> Ownership {
    let notes = guest["config"]["description"].as_str().unwrap_or_default();
    MarkerKey::new(keys().marker).judge(notes, vmid).0
}

//! How far a plan has come while it is carried out: which step is next, and what went wrong.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::guest::Vmid;
use mycopod_core::observed::Sighting;
use mycopod_core::plan::{Action, Plan, Step};
use mycopod_core::ports::Upid;
use mycopod_core::status::{ReconciliationStatus, StepState};
use mycopod_store::steps;

/// How the steps of a plan stand while it is carried out.
pub(crate) struct Progress<'a> {
    pub plan: &'a Plan,
    pub states: BTreeMap<u32, StepState>,
    pub upids: BTreeMap<u32, Upid>,
    /// The digest that each guest's configuration had after its last step that was done.
    digests: BTreeMap<Vmid, String>,
    /// The digest that each guest’s firewall had after its last step that this worker saw done.
    firewalls: BTreeMap<Vmid, String>,
    pub running: BTreeSet<u32>,
}

/// Why a plan was not carried out to its end.
#[derive(Default)]
pub(crate) struct Troubles {
    worst: Option<ReconciliationStatus>,
    reasons: Vec<String>,
    /// A freeze stands: no step was begun that could have been.
    pub is_frozen: bool,
    /// No troubles, but no place either: others go first.
    pub crowded: bool,
}

impl<'a> Progress<'a> {
    pub fn resumed(plan: &'a Plan, entries: Vec<steps::Entry>) -> Self {
        let mut progress = Self {
            plan,
            states: BTreeMap::new(),
            upids: BTreeMap::new(),
            digests: BTreeMap::new(),
            firewalls: BTreeMap::new(),
            running: BTreeSet::new(),
        };
        for entry in entries {
            progress.states.insert(entry.seq, entry.state);
            progress.upids.extend(entry.upid.map(|upid| (entry.seq, upid)));
            let guest = plan.steps().iter().find(|step| step.seq == entry.seq).and_then(Step::guest);
            if let (Some(guest), Some(digest)) = (guest, entry.digest) {
                progress.digests.insert(guest.vmid, digest);
            }
        }
        progress
    }

    /// A step is done, and this is its guest since.
    pub fn saw(&mut self, seen: Sighting) {
        let vmid = seen.guest.vmid;
        let firewall = seen.firewall.as_ref().map(|firewall| firewall.digest());
        self.firewalls.extend(firewall.map(|digest| (vmid, digest)));
        self.digests.insert(vmid, seen.digest);
    }

    fn state(&self, step: &Step) -> StepState {
        self.states.get(&step.seq).copied().unwrap_or(StepState::Skipped)
    }

    fn is_open(&self, step: &Step) -> bool {
        matches!(self.state(step), StepState::Pending | StepState::Started | StepState::Submitted)
    }

    pub fn is_over(&self) -> bool {
        self.plan.steps().iter().all(|step| !self.is_open(step))
    }

    /// The next step that may be begun: all earlier ones that touch the same are done, and its node has room.
    pub fn ready(&self, per_node: usize, only_begun: bool) -> Option<u32> {
        let steps = self.plan.steps();
        let on_node = |node: Option<&str>| {
            steps.iter().filter(|step| step.node() == node && self.running.contains(&step.seq)).count()
        };
        let is_free = |step: &Step| {
            steps
                .iter()
                .take_while(|earlier| earlier.seq < step.seq)
                .filter(|earlier| !earlier.touches().is_disjoint(&step.touches()))
                .all(|earlier| self.state(earlier) == StepState::Done)
        };
        steps
            .iter()
            .filter(|step| self.is_open(step) && !self.running.contains(&step.seq))
            .filter(|step| !only_begun || self.state(step) != StepState::Pending)
            .find(|step| on_node(step.node()) < per_node && is_free(step))
            .map(|step| step.seq)
    }

    /// The digest the step's guest must have: as its last step left it, else as the plan saw it.
    pub fn expected(&self, step: &Step) -> Option<String> {
        let guest = step.guest()?;
        let key = format!("guest/{}/{}/digest", guest.kind, guest.vmid);
        self.digests.get(&guest.vmid).or_else(|| self.plan.relies_on().get(&key)).cloned()
    }
    /// The digest the step’s firewall must have. After a restart in the midst of a guest’s firewall nobody knows how the
    /// last step left it; then each call still finds its rule by the marker, and goes with Proxmox’s own digest.
    pub fn expected_firewall(&self, step: &Step) -> Option<String> {
        let guest = step.guest().filter(|_| matches!(step.action, Action::Firewall(_)))?;
        if let Some(digest) = self.firewalls.get(&guest.vmid) {
            return Some(digest.clone());
        }
        let before = self.plan.steps().iter().filter(|earlier| earlier.guest().is_some_and(|of| of.vmid == guest.vmid));
        let begun = before.filter(|earlier| matches!(earlier.action, Action::Firewall(_)));
        let untouched = begun.into_iter().all(|earlier| self.state(earlier) != StepState::Done);
        let key = format!("guest/{}/{}/firewall", guest.kind, guest.vmid);
        self.plan.relies_on().get(&key).filter(|_| untouched).cloned()
    }
}

impl Troubles {
    /// What went wrong before, where this goes on after a restart or a freeze.
    pub fn known(plan: &Plan, entries: &[steps::Entry]) -> Self {
        let mut troubles = Self::default();
        for entry in entries {
            let status = match entry.state {
                StepState::Failed => ReconciliationStatus::Failed,
                StepState::Blocked => ReconciliationStatus::Blocked,
                _ => continue,
            };
            if let Some(step) = plan.steps().iter().find(|step| step.seq == entry.seq) {
                let why = entry.error.as_deref().unwrap_or_default();
                troubles.note(status, format!("{}: {why}.", step.name()));
            }
        }
        troubles
    }

    /// How the whole ended, and why it ended so; `None` where nothing went wrong.
    pub fn verdict(self, progress: &Progress<'_>) -> Option<(ReconciliationStatus, String)> {
        let steps = progress.plan.steps();
        let done = steps.iter().filter(|step| progress.state(step) == StepState::Done).count();
        let reasons = self.reasons.join(" ");
        Some((self.worst?, format!("{reasons} {done} of {} steps were done and stay done.", steps.len())))
    }

    /// The worst decides how the whole ended: failed, then blocked, then stale, then called off.
    pub fn note(&mut self, status: ReconciliationStatus, reason: String) {
        let rank = |status: ReconciliationStatus| match status {
            ReconciliationStatus::Failed => 4,
            ReconciliationStatus::Blocked => 3,
            ReconciliationStatus::Stale => 2,
            ReconciliationStatus::Cancelled => 1,
            ReconciliationStatus::Applying | ReconciliationStatus::Converged => 0,
        };
        if self.worst.is_none_or(|worst| rank(status) > rank(worst)) {
            self.worst = Some(status);
        }
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use mycopod_core::guest::{GuestRef, Kind};
    use mycopod_core::id::{DeclarationId, ResourceId};
    use mycopod_core::plan::{Effect, Subject};
    use uuid::Uuid;

    use super::*;

    /// One step for each of these guests and nodes, in their order.
    fn plan(steps: &[(u32, &str)]) -> Plan {
        let step = |(seq, (vmid, node)): (u32, &(u32, &str))| Step {
            seq,
            wish: 0,
            subject: Subject::Guest {
                guest: GuestRef {
                    kind: Kind::Qemu,
                    vmid: Vmid::try_from(*vmid).unwrap(),
                    name: format!("web-{vmid}"),
                    node: (*node).to_owned(),
                },
                resource: ResourceId(Uuid::from_u128((*vmid).into())),
            },
            action: Action::Start,
            effect: Effect::Live,
            summary: "start it".to_owned(),
            changes: Vec::new(),
            collateral: Vec::new(),
        };
        let steps = (1..).zip(steps).map(step).collect();
        Plan::new(DeclarationId(Uuid::nil()), steps, Vec::new(), BTreeMap::new(), String::new())
    }

    fn pending(plan: &Plan) -> Progress<'_> {
        let mut progress = Progress::resumed(plan, Vec::new());
        progress.states = plan.steps().iter().map(|step| (step.seq, StepState::Pending)).collect();
        progress
    }

    #[test]
    fn a_step_is_ready_once_its_guest_s_earlier_ones_are_done_and_its_node_has_room() {
        let plan = plan(&[(100, "pve1"), (100, "pve1"), (101, "pve1"), (102, "pve2"), (103, "pve1")]);
        let mut progress = pending(&plan);
        let mut begun = Vec::new();
        while let Some(seq) = progress.ready(2, false) {
            progress.running.insert(seq);
            begun.push(seq);
        }
        assert_eq!(begun, [1, 3, 4], "the second waits for the first, and the fifth for a place");
        progress.running.remove(&1);
        progress.states.insert(1, StepState::Done);
        assert_eq!(progress.ready(2, false), Some(2));
        progress.states.insert(1, StepState::Blocked);
        assert_eq!(progress.ready(2, false), Some(5), "what is blocked holds up its own guest alone");
        progress.running.clear();
        assert_eq!(progress.ready(2, true), None, "none was begun");
        progress.states.insert(3, StepState::Submitted);
        assert_eq!(progress.ready(2, true), Some(3));
        assert!(!progress.is_over());
        progress.states.extend([2, 3, 4, 5].map(|seq| (seq, StepState::Skipped)));
        assert!(progress.is_over());
    }

    #[test]
    fn the_worst_that_went_wrong_decides_and_every_reason_is_told_once() {
        let mut troubles = Troubles::default();
        for (status, worst) in [
            (ReconciliationStatus::Stale, ReconciliationStatus::Stale),
            (ReconciliationStatus::Failed, ReconciliationStatus::Failed),
            (ReconciliationStatus::Blocked, ReconciliationStatus::Failed),
            (ReconciliationStatus::Cancelled, ReconciliationStatus::Failed),
            (ReconciliationStatus::Stale, ReconciliationStatus::Failed),
        ] {
            troubles.note(status, status.to_string());
            assert_eq!(troubles.worst, Some(worst), "after {status}");
        }
        assert_eq!(troubles.reasons, ["stale", "failed", "blocked", "cancelled"]);
    }

    #[test]
    fn what_went_wrong_before_a_restart_is_known_after_it() {
        let plan = plan(&[(100, "pve1"), (101, "pve1"), (102, "pve1")]);
        let entry = |seq, state, error: Option<&str>| steps::Entry {
            seq,
            state,
            attempts: 1,
            baseline: None,
            upid: None,
            error: error.map(str::to_owned),
            digest: None,
            started_at: None,
            submitted_at: None,
            finished_at: None,
        };
        let verdict = |last: StepState| {
            let entries = || {
                vec![
                    entry(1, StepState::Done, None),
                    entry(2, StepState::Pending, None),
                    entry(3, last, Some("its lock is held")),
                ]
            };
            Troubles::known(&plan, &entries()).verdict(&Progress::resumed(&plan, entries()))
        };
        let reason = "web-102: its lock is held. 1 of 3 steps were done and stay done.".to_owned();
        assert_eq!(verdict(StepState::Blocked), Some((ReconciliationStatus::Blocked, reason.clone())));
        assert_eq!(verdict(StepState::Failed), Some((ReconciliationStatus::Failed, reason)));
        assert_eq!(verdict(StepState::Pending), None);
    }
}

//! One Admin's yes to one plan.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::id::{StandingId, UserId};
use crate::plan::{Action, Effect, Plan, PlanDigest};
use crate::status::Role;

/// A plan that may be carried out. There is no way to one but the three constructors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    plan: Plan,
    by: UserId,
}

/// An approval as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// The Admin who said yes.
    pub by: UserId,
    /// To which plan.
    pub digest: PlanDigest,
    /// The guests whose destruction it names.
    pub destroy: BTreeSet<String>,
    /// The standing approval by which it was made, in the name of who gave that.
    pub standing: Option<StandingId>,
}

/// Why a plan may not be carried out. Nothing was changed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ApprovalError {
    /// The approver is no Admin.
    #[error("only an Admin may approve a plan")]
    NotAdmin,
    /// The digest is another plan's.
    #[error("this is not the plan that was shown: look at the new plan and confirm that one")]
    OtherPlan,
    /// A guest would be destroyed that the approval does not name, or the other way round.
    #[error("the guests to be destroyed must be named exactly: the plan destroys {}", list(.0))]
    Destroy(BTreeSet<String>),
    /// The plan does more than a standing approval covers.
    #[error(
        "a standing approval covers repairs whose every step takes effect at once or starts a guest, and this plan does \
         more: it waits for a person"
    )]
    NotMild,
    /// The stored plan is not what its digest says.
    #[error("the stored plan does not fit its digest: it was altered, and nothing of it is carried out")]
    Altered,
}

fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "none".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}

/// Whether each step takes effect at once and does no more than set back something that exists, or starts a guest. The
/// database holds the same rule, as `plan_is_mild`.
#[must_use]
pub fn is_mild(plan: &Plan) -> bool {
    !plan.is_empty() && plan.steps().iter().all(|step| step.effect == Effect::Live && sets_back(&step.action))
}

const fn sets_back(action: &Action) -> bool {
    match action {
        Action::Update { .. }
        | Action::Resize { .. }
        | Action::SetPool { .. }
        | Action::SetHa { .. }
        | Action::Firewall(_)
        | Action::Start
        | Action::Resume => true,
        // What makes, copies, moves, takes out or deletes, and what is done once, is a person's to agree to.
        Action::Create { .. }
        | Action::Clone { .. }
        | Action::Adopt
        | Action::AddDisk { .. }
        | Action::MoveDisk { .. }
        | Action::Detach { .. }
        | Action::DestroyVolume { .. }
        | Action::RemoveNic { .. }
        | Action::Shutdown { .. }
        | Action::Stop
        | Action::Reboot
        | Action::Suspend
        | Action::Snapshot { .. }
        | Action::Rollback { .. }
        | Action::DeleteSnapshot { .. }
        | Action::Backup { .. }
        | Action::Restore { .. }
        | Action::MakeTemplate
        | Action::Migrate { .. }
        | Action::Delete
        | Action::Facility(_) => false,
    }
}

impl Approved {
    /// An Admin's yes to `plan`, given by its digest, with the names of all guests that it destroys.
    pub fn by_admin(plan: Plan, role: Role, record: &ApprovalRecord) -> Result<Self, ApprovalError> {
        if role != Role::Admin {
            return Err(ApprovalError::NotAdmin);
        }
        Self::recorded(plan, record)
    }

    /// The yes that an Admin gave in advance to mild repairs of its declaration, for just this plan.
    pub fn by_standing(plan: Plan, by: UserId, standing: StandingId) -> Result<(Self, ApprovalRecord), ApprovalError> {
        let record =
            ApprovalRecord { by, digest: plan.digest().clone(), destroy: BTreeSet::new(), standing: Some(standing) };
        Self::recorded(plan, &record).map(|approved| (approved, record))
    }

    /// The same yes read back from the ledger, after a restart.
    pub fn recorded(plan: Plan, record: &ApprovalRecord) -> Result<Self, ApprovalError> {
        if !plan.is_intact() {
            return Err(ApprovalError::Altered);
        }
        if record.digest != *plan.digest() {
            return Err(ApprovalError::OtherPlan);
        }
        if record.standing.is_some() && !is_mild(&plan) {
            return Err(ApprovalError::NotMild);
        }
        let destroys = plan.destroys();
        if record.destroy != destroys {
            return Err(ApprovalError::Destroy(destroys));
        }
        Ok(Self { plan, by: record.by })
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who approved it.
    #[must_use]
    pub const fn by(&self) -> UserId {
        self.by
    }
}

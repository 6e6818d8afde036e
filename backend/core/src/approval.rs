//! One Admin's yes to one plan.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::id::UserId;
use crate::plan::{Plan, PlanDigest};
use crate::status::Role;

/// A plan that may be carried out. There is no way to one but the two constructors.
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
    /// The stored plan is not what its digest says.
    #[error("the stored plan does not fit its digest: it was altered, and nothing of it is carried out")]
    Altered,
}

fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "none".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}

impl Approved {
    /// An Admin's yes to `plan`, given by its digest, with the names of all guests that it destroys.
    pub fn by_admin(plan: Plan, role: Role, record: &ApprovalRecord) -> Result<Self, ApprovalError> {
        if role != Role::Admin {
            return Err(ApprovalError::NotAdmin);
        }
        Self::recorded(plan, record)
    }

    /// The same yes read back from the ledger, after a restart.
    pub fn recorded(plan: Plan, record: &ApprovalRecord) -> Result<Self, ApprovalError> {
        if !plan.is_intact() {
            return Err(ApprovalError::Altered);
        }
        if record.digest != *plan.digest() {
            return Err(ApprovalError::OtherPlan);
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

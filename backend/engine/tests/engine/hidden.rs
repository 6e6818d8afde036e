//! A token that may not see every guest.

use std::sync::Arc;

use async_trait::async_trait;
use mycopod_core::observed::Observed;
use mycopod_core::ports::{CallError, Hypervisor};
use mycopod_core::roll::Roll;

use crate::between::{Between, through};
use crate::lab::Lab;

/// Shows templates alone in the survey, as Proxmox does to a token with rights on them and on a pool.
struct Narrow(Arc<dyn Hypervisor>);

#[async_trait]
impl Between for Narrow {
    fn inner(&self) -> &dyn Hypervisor {
        &*self.0
    }
    async fn observe(&self) -> Result<Observed, CallError> {
        let mut observed = self.0.observe().await?;
        observed.guests.retain(|seen| seen.template);
        Ok(observed)
    }
    async fn roll(&self) -> Result<Roll, CallError> {
        let mut roll = self.0.roll().await?;
        roll.guests.retain(|_, listed| listed.template);
        Ok(roll)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_guests_that_may_not_be_seen_are_not_chosen() {
    let mut lab = Lab::new().await;
    let taken: Vec<u32> = lab.observed().await.guests.iter().map(|seen| seen.guest.vmid.get()).collect();
    lab.restart(through(&Arc::new(Narrow(lab.pve.clone()))));
    let detail = lab.declare("three VMs dark-1 to dark-3, each with 1 core, 1 GB memory and a 5 GB disk").await;
    let plan = detail.plan.unwrap_or_else(|| panic!("{:?}", detail.status_reason));
    let chosen: Vec<u32> = plan.steps.iter().map(|step| step.guest.as_ref().unwrap().vmid).collect();
    assert_eq!(chosen.len(), 3);
    assert!(chosen.iter().all(|vmid| !taken.contains(vmid)), "{chosen:?} of {taken:?}");
}

//! A token that may not see every guest.

use std::sync::Arc;

use async_trait::async_trait;
use mycopod_core::cluster::Secret;
use mycopod_core::facility::Facility;
use mycopod_core::firewall::Firewall;
use mycopod_core::guest::{GuestKey, GuestRef, Vmid};
use mycopod_core::observed::{Look, Observed, Sighting};
use mycopod_core::plan::{Step, Tasks};
use mycopod_core::ports::{CallError, Health, Hypervisor, Submitted, TaskLog, TaskState, Upid};
use mycopod_core::rights::Rights;
use mycopod_core::roll::{Listed, Roll};

use crate::lab::Lab;

/// Shows templates alone in the survey, as Proxmox does to a token with rights on them and on a pool.
struct Narrow(Arc<dyn Hypervisor>);

#[async_trait]
impl Hypervisor for Narrow {
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
    async fn read(&self, listed: &Listed) -> Result<Option<Sighting>, CallError> {
        self.0.read(listed).await
    }
    async fn look(&self, guest: GuestKey) -> Result<Look, CallError> {
        self.0.look(guest).await
    }
    async fn firewall(&self, guest: &GuestRef) -> Result<Firewall, CallError> {
        self.0.firewall(guest).await
    }
    async fn is_free(&self, vmid: Vmid) -> Result<bool, CallError> {
        self.0.is_free(vmid).await
    }
    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted, CallError> {
        self.0.submit(step, seen, secret).await
    }
    async fn task(&self, upid: &Upid) -> Result<TaskState, CallError> {
        self.0.task(upid).await
    }
    async fn task_log(&self, upid: &Upid, start: u64) -> Result<TaskLog, CallError> {
        self.0.task_log(upid, start).await
    }
    async fn look_around(&self, facility: &Facility) -> Result<Look, CallError> {
        self.0.look_around(facility).await
    }
    async fn tasks_of(&self, tasks: Tasks<'_>) -> Result<Vec<Upid>, CallError> {
        self.0.tasks_of(tasks).await
    }
    async fn rights(&self) -> Result<Rights, CallError> {
        self.0.rights().await
    }
    async fn health(&self) -> Result<Health, CallError> {
        self.0.health().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_guests_that_may_not_be_seen_are_not_chosen() {
    let mut lab = Lab::new().await;
    let taken: Vec<u32> = lab.observed().await.guests.iter().map(|seen| seen.guest.vmid.get()).collect();
    lab.restart(Arc::new(Narrow(lab.pve.clone())));
    let detail = lab.declare("three VMs dark-1 to dark-3, each with 1 core, 1 GB memory and a 5 GB disk").await;
    let plan = detail.plan.unwrap_or_else(|| panic!("{:?}", detail.status_reason));
    let chosen: Vec<u32> = plan.steps.iter().map(|step| step.guest.as_ref().unwrap().vmid).collect();
    assert_eq!(chosen.len(), 3);
    assert!(chosen.iter().all(|vmid| !taken.contains(vmid)), "{chosen:?} of {taken:?}");
}

//! A way to Proxmox in whose calls a test takes a hand; what it has nothing to do with is passed on.

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

/// The calls in which some test takes a hand.
#[async_trait]
pub trait Between: Send + Sync + 'static {
    fn inner(&self) -> &dyn Hypervisor;

    async fn observe(&self) -> Result<Observed, CallError> {
        self.inner().observe().await
    }
    async fn roll(&self) -> Result<Roll, CallError> {
        self.inner().roll().await
    }
    async fn read(&self, listed: &Listed) -> Result<Option<Sighting>, CallError> {
        self.inner().read(listed).await
    }
    async fn look(&self, guest: GuestKey) -> Result<Look, CallError> {
        self.inner().look(guest).await
    }
    async fn firewall(&self, guest: &GuestRef) -> Result<Firewall, CallError> {
        self.inner().firewall(guest).await
    }
    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted, CallError> {
        self.inner().submit(step, seen, secret).await
    }
    async fn task(&self, upid: &Upid) -> Result<TaskState, CallError> {
        self.inner().task(upid).await
    }
    async fn tasks_of(&self, tasks: Tasks<'_>) -> Result<Vec<Upid>, CallError> {
        self.inner().tasks_of(tasks).await
    }
}

/// The way through `hand`.
pub fn through<B: Between>(hand: &Arc<B>) -> Arc<dyn Hypervisor> {
    Arc::new(Through(Arc::clone(hand)))
}

struct Through<B>(Arc<B>);

#[async_trait]
impl<B: Between> Hypervisor for Through<B> {
    async fn observe(&self) -> Result<Observed, CallError> {
        self.0.observe().await
    }
    async fn roll(&self) -> Result<Roll, CallError> {
        self.0.roll().await
    }
    async fn read(&self, listed: &Listed) -> Result<Option<Sighting>, CallError> {
        self.0.read(listed).await
    }
    async fn look(&self, guest: GuestKey) -> Result<Look, CallError> {
        self.0.look(guest).await
    }
    async fn look_around(&self, facility: &Facility) -> Result<Look, CallError> {
        self.0.inner().look_around(facility).await
    }
    async fn firewall(&self, guest: &GuestRef) -> Result<Firewall, CallError> {
        self.0.firewall(guest).await
    }
    async fn is_free(&self, vmid: Vmid) -> Result<bool, CallError> {
        self.0.inner().is_free(vmid).await
    }
    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted, CallError> {
        self.0.submit(step, seen, secret).await
    }
    async fn task(&self, upid: &Upid) -> Result<TaskState, CallError> {
        self.0.task(upid).await
    }
    async fn task_log(&self, upid: &Upid, start: u64) -> Result<TaskLog, CallError> {
        self.0.inner().task_log(upid, start).await
    }
    async fn tasks_of(&self, tasks: Tasks<'_>) -> Result<Vec<Upid>, CallError> {
        self.0.tasks_of(tasks).await
    }
    async fn rights(&self) -> Result<Rights, CallError> {
        self.0.inner().rights().await
    }
    async fn health(&self) -> Result<Health, CallError> {
        self.0.inner().health().await
    }
}

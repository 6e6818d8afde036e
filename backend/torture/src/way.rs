//! A replica's way to Proxmox: each call waits at the gate, and the lab carries it out.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use mycopod_core::cluster::Secret;
use mycopod_core::facility::Facility;
use mycopod_core::firewall::Firewall;
use mycopod_core::guest::{GuestKey, GuestRef, Vmid};
use mycopod_core::observed::{Look, Observed, Sighting};
use mycopod_core::plan::{Step, Tasks};
use mycopod_core::ports::{CallError, Health, Hypervisor, Submitted, TaskLog, TaskState, Upid};
use mycopod_core::rights::Rights;
use mycopod_core::roll::{Listed, Roll};
use mycopod_pve::Pve;
use tokio::sync::oneshot;

use crate::gate::{Ask, Call, Gate, Reply, Work};

/// The way of one replica.
pub struct Way {
    pub pve: Arc<Pve>,
    pub gate: Arc<Gate>,
    pub replica: usize,
}

/// [`Tasks`] of its own.
#[derive(Clone)]
enum Listing {
    Guest(String, Vmid),
    Kind(String, &'static str),
}

impl Listing {
    fn tasks(&self) -> Tasks<'_> {
        match self {
            Self::Guest(node, vmid) => Tasks::OfGuest { node, vmid: *vmid },
            Self::Kind(node, kind) => Tasks::OfKind { node, kind },
        }
    }
}

type Result<T> = std::result::Result<T, CallError>;

impl Way {
    async fn call<T: Send + 'static>(
        &self,
        label: String,
        step: Option<&Step>,
        call: impl Fn(Arc<Pve>) -> BoxFuture<'static, Result<T>> + Send + Sync + 'static,
    ) -> Result<T> {
        let (reply, replied) = oneshot::channel::<Result<T>>();
        // Of replies to a call that was carried out twice the first one counts.
        let reply = Arc::new(Mutex::new(Some(reply)));
        let (waits, fails) = (Arc::downgrade(&reply), Arc::clone(&reply));
        let pve = Arc::clone(&self.pve);
        let work: Work = Box::new(move || {
            let (reply, call) = (Arc::clone(&reply), call(Arc::clone(&pve)));
            async move {
                let result = call.await;
                let error = result.as_ref().err().cloned();
                let deliver = Box::new(move |error: Option<CallError>| {
                    if let Some(reply) = reply.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        let _ = reply.send(error.map_or(result, Err));
                    }
                });
                Reply { error, deliver }
            }
            .boxed()
        });
        let is_abandoned = Box::new(move || {
            waits.upgrade().is_none_or(|reply| {
                reply.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(oneshot::Sender::is_closed)
            })
        });
        let fail = Box::new(move |error| {
            if let Some(reply) = fails.lock().unwrap_or_else(PoisonError::into_inner).take() {
                let _ = reply.send(Err(error));
            }
        });
        let step = step.map(|step| Box::new(step.clone()));
        self.gate.arrive(self.replica, label, Ask::Proxmox(Call { work, step, fail, is_abandoned }));
        match replied.await {
            Ok(result) => result,
            // The reply is lost for good, as is whoever waits for it: a time-out would come, but not in this life.
            Err(_) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Hypervisor for Way {
    async fn observe(&self) -> Result<Observed> {
        self.call("observe".into(), None, |pve| async move { pve.observe().await }.boxed()).await
    }
    async fn look(&self, guest: GuestKey) -> Result<Look> {
        let label = format!("look {}", guest.vmid);
        self.call(label, None, move |pve| async move { pve.look(guest).await }.boxed()).await
    }
    async fn roll(&self) -> Result<Roll> {
        self.call("roll".into(), None, |pve| async move { pve.roll().await }.boxed()).await
    }
    async fn read(&self, listed: &Listed) -> Result<Option<Sighting>> {
        let listed = listed.clone();
        let label = format!("read {}", listed.guest.vmid);
        let call = move |pve: Arc<Pve>| {
            let listed = listed.clone();
            async move { pve.read(&listed).await }.boxed()
        };
        self.call(label, None, call).await
    }
    async fn look_around(&self, facility: &Facility) -> Result<Look> {
        let facility = facility.clone();
        let label = format!("look_around {}", facility.name());
        let call = move |pve: Arc<Pve>| {
            let facility = facility.clone();
            async move { pve.look_around(&facility).await }.boxed()
        };
        self.call(label, None, call).await
    }
    async fn firewall(&self, guest: &GuestRef) -> Result<Firewall> {
        let guest = guest.clone();
        let label = format!("firewall {}", guest.vmid);
        let call = move |pve: Arc<Pve>| {
            let guest = guest.clone();
            async move { pve.firewall(&guest).await }.boxed()
        };
        self.call(label, None, call).await
    }
    async fn is_free(&self, vmid: Vmid) -> Result<bool> {
        self.call(format!("is_free {vmid}"), None, move |pve| async move { pve.is_free(vmid).await }.boxed()).await
    }
    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted> {
        let label = format!("submit {} {}", step.seq, step.action.name());
        let (own, seen, secret) = (step.clone(), seen.clone(), secret.cloned());
        let call = move |pve: Arc<Pve>| {
            let (step, seen, secret) = (own.clone(), seen.clone(), secret.clone());
            async move { pve.submit(&step, &seen, secret.as_ref()).await }.boxed()
        };
        self.call(label, Some(step), call).await
    }
    async fn task(&self, upid: &Upid) -> Result<TaskState> {
        let upid = upid.clone();
        let label = format!("task {} {}", upid.kind(), upid.id());
        let call = move |pve: Arc<Pve>| {
            let upid = upid.clone();
            async move { pve.task(&upid).await }.boxed()
        };
        self.call(label, None, call).await
    }
    async fn task_log(&self, upid: &Upid, start: u64) -> Result<TaskLog> {
        let upid = upid.clone();
        let label = format!("task_log {} {}", upid.kind(), upid.id());
        let call = move |pve: Arc<Pve>| {
            let upid = upid.clone();
            async move { pve.task_log(&upid, start).await }.boxed()
        };
        self.call(label, None, call).await
    }
    async fn tasks_of(&self, tasks: Tasks<'_>) -> Result<Vec<Upid>> {
        let (label, own) = match tasks {
            Tasks::OfGuest { node, vmid } => (format!("tasks_of {vmid}"), Listing::Guest(node.to_owned(), vmid)),
            Tasks::OfKind { node, kind } => (format!("tasks_of {kind}"), Listing::Kind(node.to_owned(), kind)),
        };
        let call = move |pve: Arc<Pve>| {
            let own = own.clone();
            async move { pve.tasks_of(own.tasks()).await }.boxed()
        };
        self.call(label, None, call).await
    }
    async fn rights(&self) -> Result<Rights> {
        self.call("rights".into(), None, |pve| async move { pve.rights().await }.boxed()).await
    }
    async fn health(&self) -> Result<Health> {
        self.call("health".into(), None, |pve| async move { pve.health().await }.boxed()).await
    }
}

//! Crashes before and after every call to Proxmox: whatever fails, one guest for one declared guest.

use mycopod_core::field::DiskPart;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::between::{Between, through};
use crate::lab::Lab;
use async_trait::async_trait;
use mycopod_core::cluster::Secret;
use mycopod_core::id::DeclarationId;
use mycopod_core::observed::Look;
use mycopod_core::plan::{Step, Tasks};
use mycopod_core::ports::{CallError, Hypervisor, Submitted};
use mycopod_sandbox::{Effect, Fault};
use tokio::sync::Notify;

/// Passes calls on, counts the writes, and stands still for good at one of them: before it is sent, or after.
struct Crashing {
    inner: Arc<dyn Hypervisor>,
    at: usize,
    after: bool,
    writes: AtomicUsize,
    crashed: Notify,
}

impl Crashing {
    async fn stand_still(&self) {
        self.crashed.notify_one();
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl Between for Crashing {
    fn inner(&self) -> &dyn Hypervisor {
        &*self.inner
    }
    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted, CallError> {
        let n = self.writes.fetch_add(1, Ordering::SeqCst);
        if n == self.at && !self.after {
            self.stand_still().await;
        }
        let result = self.inner.submit(step, seen, secret).await;
        if n == self.at {
            self.stand_still().await;
        }
        result
    }
}

/// Crashes at the `at`-th write of carrying `text` out, goes on with a fresh engine, and tells how it ended.
/// `None` where there is no such write.
async fn crash_at(text: &str, at: usize, after: bool) -> Option<(Lab, mycopod_engine::view::Detail)> {
    let mut lab = Lab::new().await;
    let crashing =
        Arc::new(Crashing { inner: lab.pve.clone(), at, after, writes: AtomicUsize::new(0), crashed: Notify::new() });
    lab.restart(through(&crashing));
    let detail = lab.declare(text).await;
    let plan = detail.plan.as_ref().unwrap_or_else(|| panic!("{detail:#?}"));
    let destroy =
        plan.steps.iter().filter(|step| step.effect == "destroy").map(|step| step.name().to_owned()).collect();
    let id = DeclarationId(detail.id);
    lab.engine.approve(&lab.admin, id, &plan.digest, &destroy).await.unwrap();
    tokio::select! {
        () = crashing.crashed.notified() => {}
        detail = lab.settled(id) => {
            assert_eq!(detail.status, "converged", "{detail:#?}");
            return None;
        }
    }
    lab.crash().await;
    lab.restart(lab.pve.clone());
    let detail = lab.settled(id).await;
    Some((lab, detail))
}

/// Every write of carrying `text` out is found by counting; at each the engine crashes before and after.
async fn survives(text: &str, check: impl AsyncFn(&Lab)) {
    let mut points = 0;
    for at in 0.. {
        let mut any = false;
        for after in [false, true] {
            if let Some((lab, detail)) = crash_at(text, at, after).await {
                any = true;
                points += 1;
                assert_eq!(detail.status, "converged", "write {at}, after: {after}: {detail:#?}");
                check(&lab).await;
                assert!(lab.engine.verify_audit().await.unwrap().ok);
            }
        }
        if !any {
            break;
        }
    }
    assert!(points >= 2, "no crash point was found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_that_is_made_and_started_exists_once_whatever_crashes() {
    survives("create a vm called once-1 with 2 cores, 2 GB memory and a 10 GB disk and start it", async |lab| {
        assert_eq!(lab.named("once-1").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_template_exists_once_whatever_crashes() {
    survives("debian 12 vm once-2: 2 cores, 2048 MB, 16G disk on local-lvm, vmbr1 vlan 20", async |lab| {
        assert_eq!(lab.named("once-2").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_exists_once_whatever_crashes() {
    survives("an unprivileged Debian container named once-3 with 1 core, 512 MB memory, 4 GB disk", async |lab| {
        assert_eq!(lab.named("once-3").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_deleted_and_no_other_whatever_crashes() {
    survives("delete test-1", async |lab| {
        assert!(lab.named("test-1").await.is_empty());
        assert_eq!(lab.named("web-01").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_grows_by_what_was_said_and_not_twice() {
    survives("extend the disk of web-02 by 8 GB", async |lab| {
        let guest = lab.named("web-02").await.remove(0);
        let slot = guest.disks().next().unwrap().clone();
        let size = guest.get(&mycopod_core::field::Field::Disk(slot, DiskPart::Size)).unwrap().to_string();
        assert_eq!(size, "40 GiB");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_is_never_asked_for_twice() {
    for after in [false, true] {
        let (lab, detail) =
            crash_at("reboot web-01", 1, after).await.expect("adopting is the first write, rebooting the second");
        let guest = lab.named("web-01").await.remove(0).guest;
        let reboots = lab.pve.tasks_of(Tasks::OfGuest { node: &guest.node, vmid: guest.vmid }).await.unwrap();
        let reboots = reboots.iter().filter(|upid| upid.kind() == "qmreboot").count();
        if after {
            assert_eq!((detail.status, reboots), ("converged", 1), "the task was found: {detail:#?}");
        } else {
            assert_eq!((detail.status, reboots), ("blocked", 0), "it cannot be told; a person decides: {detail:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_makes_no_second_guest() {
    for effect in [Effect::DropReply, Effect::DropRequest] {
        let lab = Lab::running().await;
        lab.sandbox.inject(Fault::request("POST", "/nodes/*/qemu", effect.clone())).unwrap();
        lab.make("create a vm called once-4 with 1 core, 1 GB memory and a 5 GB disk").await;
        assert_eq!(lab.named("once-4").await.len(), 1, "{effect:?}");
    }
}

//! Freezing: nothing is applied, reading and planning go on, and what is under way ends.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use mycopod_core::cluster::Secret;
use mycopod_core::id::DeclarationId;
use mycopod_core::observed::Look;
use mycopod_core::plan::Step;
use mycopod_core::ports::{CallError, Hypervisor, Submitted};
use mycopod_core::status::Role;
use mycopod_engine::{Actor, Engine, Refusal};
use tokio_util::sync::CancellationToken;

use crate::between::{Between, through};
use crate::lab::{Lab, engine, user};

const SHOP: &str = "vm shop-01: 4 cores, 8 GB memory, 40 GB disk, start it now";

async fn approve(lab: &Lab, detail: &mycopod_engine::view::Detail) -> DeclarationId {
    let id = DeclarationId(detail.id);
    let digest = &detail.plan.as_ref().unwrap().digest;
    lab.engine.approve(&lab.admin, id, digest, &BTreeSet::new()).await.unwrap();
    id
}

async fn step_states(lab: &Lab, id: DeclarationId) -> Vec<&'static str> {
    let detail = lab.engine.detail(&lab.admin, id).await.unwrap();
    detail.reconciliation.map(|r| r.steps.iter().map(|step| step.state).collect()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_frozen_plans_are_made_and_approved_and_nothing_is_applied_until_it_is_lifted() {
    let lab = Lab::running().await;
    let ann = user(&lab.engine, "ann@example.org", Role::User, true).await;
    let refused = lab.engine.freeze(&ann, None, "upgrade").await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))), "{refused:?}");
    let too_long = "é".repeat(501);
    for (cluster, why) in [(None, " "), (None, &too_long), (None, "two\nlines"), (Some("nowhere"), "upgrade")] {
        let refused = lab.engine.freeze(&lab.admin, cluster, why).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_) | Refusal::NotFound(_))), "{refused:?}");
    }
    lab.engine.freeze(&lab.admin, None, "storage upgrade").await.unwrap();
    let again = lab.engine.freeze(&lab.admin, None, "storage upgrade").await;
    assert!(matches!(again, Err(Refusal::Conflict(_))), "{again:?}");
    lab.engine.freeze(&lab.admin, Some("main"), &"é".repeat(500)).await.unwrap();
    let stand = lab.engine.freezes().await.unwrap();
    assert_eq!(stand.iter().map(|f| f.cluster.as_deref()).collect::<Vec<_>>(), [None, Some("main")]);

    let detail = lab.declare(SHOP).await;
    assert_eq!(detail.status, "awaiting_approval", "reading and planning go on");
    let id = approve(&lab, &detail).await;
    lab.engine.unfreeze(&lab.admin, None).await.unwrap();
    // The cluster's own freeze still stands.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(step_states(&lab, id).await.iter().all(|state| *state == "pending"));
    let detail = lab.engine.detail(&lab.admin, id).await.unwrap();
    assert!(detail.status_reason.unwrap().contains("freeze"));
    assert!(lab.named("shop-01").await.is_empty());
    lab.engine.unfreeze(&lab.admin, Some("main")).await.unwrap();
    assert_eq!(lab.settled(id).await.status, "converged");
    let refused = lab.engine.unfreeze(&lab.admin, None).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    assert!(lab.engine.verify_audit().await.unwrap().ok);
    let mut connection = lab.database.pool.acquire().await.unwrap();
    let entries = mycopod_store::audit::list(&mut connection, None, None, None, 200).await.unwrap();
    let mut told: Vec<_> = entries
        .iter()
        .map(|stored| stored.entry().unwrap())
        .filter(|entry| entry.kind.starts_with("freeze."))
        .map(|entry| (entry.subject, entry.status))
        .collect();
    told.reverse();
    let told: Vec<_> = told.iter().map(|(subject, status)| (subject.as_str(), status.as_str())).collect();
    let (all, main) = ("all clusters", "cluster main");
    assert_eq!(told, [(all, "frozen"), (main, "frozen"), (all, "not frozen"), (main, "not frozen")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_off_while_frozen_ends_as_cancelled() {
    let lab = Lab::running().await;
    lab.engine.freeze(&lab.admin, Some("main"), "upgrade").await.unwrap();
    let detail = lab.declare(SHOP).await;
    let id = approve(&lab, &detail).await;
    lab.engine.cancel(&lab.admin, id).await.unwrap();
    assert_eq!(lab.settled(id).await.status, "cancelled");
    assert!(step_states(&lab, id).await.iter().all(|state| *state == "skipped"));
    assert!(lab.named("shop-01").await.is_empty());
}

/// Does something at the first step that is sent, just before it goes on.
struct AtFirstStep {
    inner: Arc<dyn Hypervisor>,
    engine: OnceLock<(Engine, Actor)>,
    done: tokio::sync::OnceCell<()>,
    /// Call the declaration off, or freeze.
    cancel: OnceLock<DeclarationId>,
}

#[async_trait]
impl Between for AtFirstStep {
    fn inner(&self) -> &dyn Hypervisor {
        &*self.inner
    }
    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted, CallError> {
        let act = async || {
            let (engine, admin) = self.engine.get().unwrap();
            match self.cancel.get() {
                Some(id) => engine.cancel(admin, *id).await.unwrap(),
                None => engine.freeze(admin, None, "in the middle").await.unwrap(),
            }
        };
        self.done.get_or_init(act).await;
        self.inner.submit(step, seen, secret).await
    }
}

/// A plan is made, and approved while three replicas run over one database: whichever sends the first step, the plan is
/// held up just before that goes on.
async fn held_up(lab: &mut Lab, cancel: bool) -> (DeclarationId, CancellationToken) {
    let detail = lab.declare(SHOP).await;
    assert_eq!(detail.plan.as_ref().unwrap().steps.len(), 2, "made, then started");
    lab.crash().await;
    let hypervisor = Arc::new(AtFirstStep {
        inner: lab.pve.clone(),
        engine: OnceLock::new(),
        done: tokio::sync::OnceCell::new(),
        cancel: OnceLock::new(),
    });
    assert!(hypervisor.engine.set((lab.engine.clone(), lab.admin.clone())).is_ok());
    if cancel {
        assert!(hypervisor.cancel.set(DeclarationId(detail.id)).is_ok());
    }
    let stop = CancellationToken::new();
    for _ in 0..3 {
        let (replica, stop) = (engine(&lab.database, through(&hypervisor)), stop.clone());
        tokio::spawn(async move { replica.run(stop).await });
    }
    (approve(lab, &detail).await, stop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_under_way_ends_and_the_next_waits_on_however_many_replicas() {
    let mut lab = Lab::running().await;
    let (id, stop) = held_up(&mut lab, false).await;
    for _ in 0..1_200 {
        if step_states(&lab, id).await == ["done", "pending"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Nobody begins the second one, however often they look for work.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(step_states(&lab, id).await, ["done", "pending"]);
    lab.engine.unfreeze(&lab.admin, None).await.unwrap();
    assert_eq!(lab.settled(id).await.status, "converged");
    assert_eq!(step_states(&lab, id).await, ["done", "done"]);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn called_off_the_step_under_way_is_the_last_on_however_many_replicas() {
    let mut lab = Lab::running().await;
    let (id, stop) = held_up(&mut lab, true).await;
    assert_eq!(lab.settled(id).await.status, "cancelled");
    assert_eq!(step_states(&lab, id).await, ["done", "skipped"]);
    assert_eq!(lab.named("shop-01").await.len(), 1, "what was done stays done");
    stop.cancel();
}

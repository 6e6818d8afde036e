//! What goes wrong between people, plans and MycoPod itself: every declaration comes to an end that says why.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use mycopod_core::cluster::Secret;
use mycopod_core::guest::GuestKey;
use mycopod_core::id::DeclarationId;
use mycopod_core::observed::Look;
use mycopod_core::plan::{Step, Tasks};
use mycopod_core::ports::{CallError, Hypervisor, Submitted, TaskState, Upid};
use mycopod_core::status::Role;
use mycopod_engine::Refusal;
use mycopod_sandbox::{ByHand, Effect, Fault, TaskEffect};
use reqwest::Method;
use sqlx::postgres::PgPoolOptions;

use crate::between::{Between, through};
use crate::lab::{Lab, user};

/// Passes calls on, and panics where a task is asked for.
struct Faulty(Arc<dyn Hypervisor>);

#[async_trait]
impl Between for Faulty {
    fn inner(&self) -> &dyn Hypervisor {
        &*self.0
    }
    async fn task(&self, _: &Upid) -> Result<TaskState, CallError> {
        panic!("a fault of ours")
    }
}

/// Passes calls on, but for the next of each of these kinds.
struct HardOfHearing {
    inner: Arc<dyn Hypervisor>,
    misses: Mutex<BTreeSet<&'static str>>,
}

impl HardOfHearing {
    fn hears(&self, call: &str) -> Result<(), CallError> {
        let missed = self.misses.lock().unwrap().remove(call);
        if missed { Err(CallError::NotSent("nobody answers".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Between for HardOfHearing {
    fn inner(&self) -> &dyn Hypervisor {
        &*self.inner
    }
    async fn look(&self, guest: GuestKey) -> Result<Look, CallError> {
        self.hears("look")?;
        self.inner.look(guest).await
    }
    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted, CallError> {
        self.hears("submit")?;
        self.inner.submit(step, seen, secret).await
    }
    async fn task(&self, upid: &Upid) -> Result<TaskState, CallError> {
        self.hears("task")?;
        self.inner.task(upid).await
    }
    async fn tasks_of(&self, tasks: Tasks<'_>) -> Result<Vec<Upid>, CallError> {
        self.hears("tasks_of")?;
        self.inner.tasks_of(tasks).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_answers_is_made_again_and_no_reason_to_stop() {
    let mut lab = Lab::new().await;
    let between = Arc::new(HardOfHearing { inner: lab.pve.clone(), misses: Mutex::default() });
    lab.restart(through(&between));
    lab.make("create a vm called calm-1 with 1 core, 1 GB memory and a 5 GB disk, and start it").await;
    let detail = lab.declare("reboot calm-1").await;
    between.misses.lock().unwrap().extend(["look", "submit", "task", "tasks_of"]);
    let detail = lab.confirm(&detail).await;
    assert_eq!(detail.status, "converged", "{detail:#?}");
    assert!(between.misses.lock().unwrap().is_empty(), "all of them were missed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_ours_ends_the_carrying_out_and_leaves_it_to_a_person() {
    let mut lab = Lab::new().await;
    lab.restart(through(&Arc::new(Faulty(lab.pve.clone()))));
    let detail = lab.declare("create a vm called odd-1 with 1 core, 1 GB memory and a 5 GB disk").await;
    let detail = lab.confirm(&detail).await;
    assert_eq!(detail.status, "blocked", "{detail:#?}");
    assert_eq!(detail.reconciliation.unwrap().steps[0].state, "blocked");
    assert!(detail.status_reason.unwrap().contains("plan again"));
    lab.crash().await;
    lab.restart(lab.pve.clone());
    lab.engine.plan_again(&lab.admin, DeclarationId(detail.id)).await.unwrap();
    assert_eq!(lab.settled(DeclarationId(detail.id)).await.status, "converged", "it had been made");
    assert_eq!(lab.named("odd-1").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_which_nobody_saw_the_end_is_found_by_the_next_plan() {
    let mut lab = Lab::running().await;
    lab.make("create a vm called odd-2 with 1 core, 1 GB memory and a 5 GB disk").await;
    lab.crash().await;
    lab.restart(through(&Arc::new(Faulty(lab.pve.clone()))));
    let detail = lab.declare("snapshot odd-2 as safe1").await;
    let detail = lab.confirm(&detail).await;
    assert_eq!(detail.status, "blocked", "{detail:#?}");
    assert!(detail.reconciliation.unwrap().steps[0].upid.is_some(), "Proxmox took it");
    lab.crash().await;
    lab.restart(lab.pve.clone());
    lab.engine.plan_again(&lab.admin, DeclarationId(detail.id)).await.unwrap();
    let detail = lab.settled(DeclarationId(detail.id)).await;
    assert_eq!(detail.status, "converged", "{:?}", detail.status_reason);
    // Another declaration of it is another snapshot.
    let other = lab.declare("snapshot odd-2 as safe1").await;
    assert_eq!(other.status, "needs_answer", "{other:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_steps_at_once_do_with_one_connection_to_the_database() {
    let mut lab = Lab::new().await;
    let one = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(5));
    lab.database.pool = one.connect_with(lab.database.options()).await.unwrap();
    lab.restart(lab.pve.clone());
    for round in 0..3 {
        lab.make(&format!("create six vms row{round}-1 to row{round}-6 with 1 core, 1 GB memory and a 5 GB disk"))
            .await;
    }
    // A step that waits for another would have ended the work, to be claimed again.
    let claims: i64 =
        sqlx::query_scalar("SELECT max(fence) FROM leases WHERE work_id IN (SELECT id FROM reconciliations)")
            .fetch_one(&lab.database.pool)
            .await
            .unwrap();
    assert!(claims <= 2, "claimed once and given back: {claims}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_approved_plans_that_delete_the_same_guest_both_come_to_their_end() {
    let mut lab = Lab::running().await;
    lab.make("create a vm called twice-1 with 1 core, 1 GB memory and a 5 GB disk").await;
    let details = [lab.declare("delete twice-1").await, lab.declare("delete twice-1").await];
    // Both are approved before either is carried out.
    lab.crash().await;
    for detail in &details {
        let digest = &detail.plan.as_ref().unwrap().digest;
        let names = BTreeSet::from(["twice-1".to_owned()]);
        lab.engine.approve(&lab.admin, DeclarationId(detail.id), digest, &names).await.unwrap();
    }
    lab.run();
    for detail in &details {
        let detail = lab.settled(DeclarationId(detail.id)).await;
        assert_eq!(detail.status, "converged", "{detail:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_of_ours_that_is_restored_from_a_backup_is_ours_again() {
    let lab = Lab::running().await;
    lab.make("create a vm called back-1 with 1 core, 1 GB memory and a 5 GB disk").await;
    let seen = lab.named("back-1").await.remove(0);
    let (node, vmid) = (seen.guest.node.clone(), seen.guest.vmid.to_string());
    let config = lab.by_hand(Method::GET, &format!("/nodes/{node}/qemu/{vmid}/config"), &[]).await;
    lab.make("delete back-1").await;
    let mut form = vec![("vmid", vmid.as_str())];
    for key in ["name", "description", "smbios1", "memory"] {
        form.extend(config[key].as_str().map(|value| (key, value)));
    }
    lab.by_hand(Method::POST, &format!("/nodes/{node}/qemu"), &form).await;
    lab.make("set the cores of back-1 to 3").await;
    let rows = lab.engine.guests().await.unwrap();
    let row = rows.iter().find(|row| row.name == "back-1").unwrap();
    assert!(row.managed && row.problem.is_none(), "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_declarations_at_once_get_a_vmid_each() {
    let lab = Lab::running().await;
    let texts: Vec<String> =
        (0..24).map(|n| format!("create a vm called crowd-{n} with 1 core, 1 GB memory and a 5 GB disk")).collect();
    let details = join_all(texts.iter().map(|text| lab.declare(text))).await;
    let vmids: BTreeSet<u32> = details
        .iter()
        .map(|detail| {
            detail.plan.as_ref().unwrap_or_else(|| panic!("{detail:#?}")).steps[0].guest.as_ref().unwrap().vmid
        })
        .collect();
    assert_eq!(vmids.len(), texts.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_is_not_approved_sees_and_stops_no_more_than_anybody() {
    let lab = Lab::running().await;
    let detail = lab.declare("create a vm called mine-1 with 1 core, 1 GB memory and a 5 GB disk").await;
    let id = DeclarationId(detail.id);
    let waiting = user(&lab.engine, "waiting@example.org", Role::Admin, false).await;
    assert!(matches!(lab.engine.detail(&waiting, id).await, Err(Refusal::NotFound(_))));
    assert!(matches!(lab.engine.cancel(&waiting, id).await, Err(Refusal::NotFound(_))));
    assert!(lab.engine.list(&waiting, 10, None).await.unwrap().is_empty());
    assert_eq!(lab.settled(id).await.status, "awaiting_approval");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_moves_between_the_look_and_the_call_is_found() {
    let lab = Lab::running().await;
    lab.make("create a vm called roam-1 on pve1 with 1 core, 1 GB memory and a 5 GB disk").await;
    let vmid = lab.named("roam-1").await.remove(0).guest.vmid.get();
    let moved = Effect::ByHand(ByHand::Move { vmid, node: "pve2".to_owned() });
    lab.sandbox.inject(Fault::request("PUT", "/nodes/pve1/qemu/*/config", moved)).unwrap();
    lab.make("set the cores of roam-1 to 3").await;
    let seen = lab.named("roam-1").await.remove(0);
    assert_eq!(seen.guest.node, "pve2");
    assert_eq!(seen.get(&"cores".parse().unwrap()), Some(&mycopod_core::field::Value::Count(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_ends_with_warnings_is_done_and_its_log_is_kept() {
    let lab = Lab::running().await;
    lab.sandbox.inject(Fault::task("qmcreate", TaskEffect::Warn { count: 2 })).unwrap();
    let detail = lab.make("create a vm called warn-1 with 1 core, 1 GB memory and a 5 GB disk").await;
    let mut connection = lab.database.pool.acquire().await.unwrap();
    let id = DeclarationId(detail.id);
    let entries = mycopod_store::audit::list(&mut connection, None, Some(id), None, 200).await.unwrap();
    let ends: Vec<_> = entries.iter().map(|stored| stored.entry().unwrap()).filter(|e| e.kind == "step.done").collect();
    assert_eq!(ends.len(), 1);
    let log = ends[0].details["log"].as_array().unwrap();
    assert!(log.last().unwrap().as_str().unwrap().contains("WARNINGS: 2"), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_answer_got_lost_is_awaited_and_not_begun_twice() {
    let lab = Lab::running().await;
    lab.make("create a vm called late-1 with 1 core, 1 GB memory and a 5 GB disk").await;
    let guest = lab.named("late-1").await.remove(0).guest;
    // A start shows no lock: while its task runs, the guest looks as if nobody had begun anything.
    lab.sandbox.inject(Fault::task("qmstart", TaskEffect::Slow { seconds: 4.0 })).unwrap();
    lab.sandbox.inject(Fault::request("POST", "/nodes/*/qemu/*/status/start", Effect::DropReply)).unwrap();
    lab.make("start late-1").await;
    let path = format!("/nodes/{}/tasks?source=all&typefilter=qmstart&vmid={}", guest.node, guest.vmid);
    let starts = lab.by_hand(Method::GET, &path, &[]).await;
    assert_eq!(starts.as_array().unwrap().len(), 1, "{starts}");
}

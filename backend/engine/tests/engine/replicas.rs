//! Several engines on one database: bounds, promises and take-over hold across them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use mycopod_core::id::DeclarationId;
use mycopod_engine::{Engine, Mark, Settings};
use mycopod_sandbox::{Fault, Leaves, TaskEffect, TaskFault};
use reqwest::Method;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::lab::{Lab, parts, pve};

/// Another replica beside the lab's engine, working.
struct Replica {
    engine: Engine,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Replica {
    fn of(lab: &Lab, origin: &str, steps_per_node: usize) -> Self {
        let mut parts = parts(&lab.database, std::sync::Arc::new(pve(&lab.sandbox)));
        parts.settings = Settings { origin: origin.to_owned(), steps_per_node, ..parts.settings };
        let (engine, stop) = (Engine::new(parts), CancellationToken::new());
        let (running, token) = (engine.clone(), stop.clone());
        Self { engine, stop, task: tokio::spawn(async move { running.run(token).await }) }
    }

    /// As `kill -9` does.
    async fn die(self, lab: &Lab) {
        self.task.abort();
        let _ = self.task.await;
        sqlx::query("UPDATE leases SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")
            .execute(&lab.database.pool)
            .await
            .unwrap();
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn slow_creates(lab: &Lab, seconds: f64) {
    lab.sandbox.inject(Fault::task("qmcreate", TaskEffect::Slow { seconds }).times(1_000)).unwrap();
}

/// Approves what was planned, without waiting for its end.
async fn approve(lab: &Lab, text: &str) -> DeclarationId {
    let detail = lab.declare(text).await;
    let plan = detail.plan.as_ref().unwrap_or_else(|| panic!("no plan: {detail:#?}"));
    let id = DeclarationId(detail.id);
    lab.engine.approve(&lab.admin, id, &plan.digest, &BTreeSet::new()).await.unwrap();
    id
}

/// The tasks that run on the cluster just now.
async fn at_work(lab: &Lab) -> usize {
    let tasks = lab.by_hand(Method::GET, "/nodes/pve1/tasks?source=active", &[]).await;
    let running = |task: &&serde_json::Value| task["type"] == "qmcreate" && task.get("endtime").is_none();
    tasks.as_array().unwrap().iter().filter(running).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_together_keep_the_bound_of_a_node_and_share_the_work() {
    let lab = Lab::new().await;
    let replicas = [Replica::of(&lab, "one", 2), Replica::of(&lab, "two", 2), Replica::of(&lab, "three", 2)];
    let mut all = Vec::new();
    for n in 0..4 {
        let text =
            format!("create VMs many-{n}a and many-{n}b on node pve1 with 1 core, 512 MB memory and a 1 GB disk");
        all.push(lab.declare(&text).await);
    }
    slow_creates(&lab, 0.4);
    for detail in &all {
        let digest = &detail.plan.as_ref().unwrap().digest;
        lab.engine.approve(&lab.admin, DeclarationId(detail.id), digest, &BTreeSet::new()).await.unwrap();
    }
    let ended = async { join_all(all.iter().map(|detail| lab.settled(DeclarationId(detail.id)))).await };
    tokio::pin!(ended);
    let (mut most, mut entered) = (0, 0);
    let begun = async || {
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM steps WHERE state IN ('started', 'submitted')");
        (at_work(&lab).await, count.fetch_one(&lab.database.pool).await.unwrap())
    };
    let ended = loop {
        tokio::select! {
            ended = &mut ended => break ended,
            now = begun() => (most, entered) = (most.max(now.0), entered.max(now.1)),
        }
    };
    assert!(ended.iter().all(|detail| detail.status == "converged"), "{ended:#?}");
    assert!(most <= 2, "{most} at once on Proxmox");
    assert_eq!(entered, 2, "two at once in the ledger, and no more");
    join_all(replicas.map(Replica::end)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_plans_that_need_the_same_memory_one_stands() {
    let lab = Lab::new().await;
    let replicas = [Replica::of(&lab, "one", 3), Replica::of(&lab, "two", 3)];
    // Each of them takes more than half of a node, and both nodes hold two of them together.
    let declare = |n: usize| {
        let engine = replicas[n % 2].engine.clone();
        let (lab, text) =
            (&lab, format!("create a vm called huge-{n} with 1 core, 130 GB memory and a 1 GB disk and start it"));
        async move { lab.settled(engine.declare(&lab.admin, &text).await.unwrap()).await }
    };
    let planned = join_all((0..6).map(declare)).await;
    let (stand, asked): (Vec<_>, Vec<_>) = planned.into_iter().partition(|detail| detail.status == "awaiting_approval");
    assert_eq!(stand.len(), 2, "{asked:#?}");
    let nodes: BTreeSet<&str> = stand
        .iter()
        .map(|detail| detail.plan.as_ref().unwrap().steps[0].guest.as_ref().unwrap().node.as_str())
        .collect();
    assert_eq!(nodes.len(), 2, "each on a node of its own");
    assert!(asked.iter().all(|detail| detail.status == "needs_answer"), "{asked:#?}");
    // What is carried out counts once, and what is called off is free again.
    assert_eq!(lab.confirm(&stand[0]).await.status, "converged");
    lab.engine.cancel(&lab.admin, DeclarationId(stand[1].id)).await.unwrap();
    let again = lab.declare("create a vm called late with 1 core, 130 GB memory and a 1 GB disk and start it").await;
    assert_eq!(again.status, "awaiting_approval", "{again:#?}");
    join_all(replicas.map(Replica::end)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_places_of_a_replica_that_died_are_taken_over_however_many_wait_for_them() {
    let lab = Lab::new().await;
    let dead = Replica::of(&lab, "dead", 1);
    slow_creates(&lab, 0.7);
    let mut all = Vec::new();
    for n in 0..5 {
        let text = format!("create a vm called waits-{n} on node pve1 with 1 core, 512 MB memory and a 1 GB disk");
        all.push(approve(&lab, &text).await);
    }
    while at_work(&lab).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    dead.die(&lab).await;
    let heir = Replica::of(&lab, "heir", 1);
    let ended = join_all(all.iter().map(|id| lab.settled(*id))).await;
    assert!(ended.iter().all(|detail| detail.status == "converged"), "{ended:#?}");
    for n in 0..5 {
        assert_eq!(lab.named(&format!("waits-{n}")).await.len(), 1);
    }
    heir.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_failed_before_its_worker_died_is_not_forgotten() {
    let lab = Lab::new().await;
    let dead = Replica::of(&lab, "dead", 3);
    let detail = lab.declare("create VMs pair-1 and pair-2 with 1 core, 512 MB memory and a 1 GB disk").await;
    let failing = detail.plan.as_ref().unwrap().steps[0].guest.as_ref().unwrap().vmid;
    let effect = TaskEffect::Fail { status: "no luck".to_owned(), leaves: Leaves::Nothing };
    lab.sandbox.inject(Fault::Task(TaskFault { kind: None, vmid: Some(failing), after: 0, times: 1, effect })).unwrap();
    slow_creates(&lab, 4.0);
    let id = DeclarationId(detail.id);
    lab.engine.approve(&lab.admin, id, &detail.plan.as_ref().unwrap().digest, &BTreeSet::new()).await.unwrap();
    let states = async || {
        let detail = lab.engine.detail(&lab.admin, id).await.unwrap();
        detail.reconciliation.map(|it| it.steps.into_iter().map(|step| step.state).collect::<Vec<_>>())
    };
    while states().await.is_none_or(|states| states != ["failed", "submitted"]) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    dead.die(&lab).await;
    let heir = Replica::of(&lab, "heir", 3);
    let ended = lab.settled(id).await;
    assert_eq!(ended.status, "failed", "{ended:#?}");
    assert!(ended.status_reason.as_deref().unwrap().contains("no luck"), "{ended:#?}");
    heir.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_database_was_carrying_out_is_left_to_a_person() {
    let lab = Lab::new().await;
    assert_eq!(lab.engine.mark().await.unwrap(), None, "nobody has recognised it");
    let (mark, restored) = lab.engine.recognise(None).await.unwrap();
    assert_eq!((mark.generation, restored), (1, None), "a new database is no older one");
    assert_eq!(lab.engine.recognise(Some(mark)).await.unwrap(), (mark, None));
    assert_eq!(lab.engine.mark().await.unwrap(), Some(mark));
    let replica = Replica::of(&lab, "one", 3);
    let detail = lab.declare("create a vm called twice with 1 core, 512 MB memory and a 1 GB disk and start it").await;
    replica.end().await;
    let id = DeclarationId(detail.id);
    lab.engine.approve(&lab.admin, id, &detail.plan.unwrap().digest, &BTreeSet::new()).await.unwrap();
    // It had come further when it was last seen: what is in it now is older.
    let known = Mark { generation: 1, size: 1_000 };
    let (mark, restored) = lab.engine.recognise(Some(known)).await.unwrap();
    assert_eq!((mark.generation, restored), (2, Some(1)));
    assert_eq!(lab.engine.recognise(Some(known)).await.unwrap().1, None, "another replica knows that it was noticed");
    let replica = Replica::of(&lab, "two", 3);
    let ended = lab.settled(id).await;
    assert_eq!(ended.status, "blocked", "{ended:#?}");
    assert!(ended.status_reason.unwrap().contains("restored from a backup"));
    assert!(lab.named("twice").await.is_empty(), "nothing was sent");
    lab.engine.plan_again(&lab.admin, id).await.unwrap();
    let again = lab.settled(id).await;
    assert_eq!(lab.confirm(&again).await.status, "converged");
    assert_eq!(lab.named("twice").await.len(), 1);
    replica.end().await;
}

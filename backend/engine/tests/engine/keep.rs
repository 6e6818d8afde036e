//! Keeping it so: what is found, how soon, by whom it was done, and what a person decides about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::firewall::Firewall;
use mycopod_core::guest::GuestRef;
use mycopod_core::id::{DeclarationId, ResourceId};
use mycopod_core::observed::Sighting;
use mycopod_core::plan::Tasks;
use mycopod_core::ports::{CallError, Hypervisor, Upid};
use mycopod_core::roll::{Listed, Roll};
use mycopod_core::status::Role;
use mycopod_engine::view::{Detail, DriftView, GuestRow};
use mycopod_engine::{Engine, LEAST_BUDGET, Refusal, Settings};
use reqwest::Method;
use serde_json::json;

use crate::between::{Between, through};
use crate::lab::{Lab, parts, user};

const SHOP: &str = "Create a VM called shop-01 with 4 cores, 8 GB RAM and a 40 GB disk";

/// The guest, once `is` holds of it.
pub async fn once(lab: &Lab, name: &str, is: impl Fn(&GuestRow) -> bool) -> GuestRow {
    let mut row = None;
    for _ in 0..1_200 {
        row = lab.engine.guests().await.unwrap().into_iter().find(|row| row.name == name);
        if let Some(row) = row.take_if(|row| is(row)) {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within a minute: {row:#?}");
}

pub fn drifted<'r>(row: &'r GuestRow, field: &str) -> Option<&'r DriftView> {
    row.drift.iter().find(|drift| drift.field == field)
}

/// What somebody edits in Proxmox's own UI.
pub async fn edit(lab: &Lab, name: &str, form: &[(&str, &str)]) {
    let guest = lab.named(name).await.remove(0).guest;
    lab.by_hand(Method::PUT, &format!("/nodes/{}/qemu/{}/config", guest.node, guest.vmid), form).await;
}

async fn again(lab: &Lab, made: &Detail) -> Detail {
    lab.engine.plan_again(&lab.admin, DeclarationId(made.id)).await.unwrap();
    lab.settled(DeclarationId(made.id)).await
}

async fn value(lab: &Lab, name: &str, plain: Plain) -> Option<Value> {
    lab.named(name).await.remove(0).get(&Field::Plain(plain)).cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_did_it_is_named_where_proxmox_knows_and_else_that_it_keeps_no_record() {
    let lab = Lab::running().await;
    lab.make("vm shop-01: 4 cores, 8 GB memory, 40 GB disk, start it now").await;
    let guest = lab.named("shop-01").await.remove(0).guest;
    // Our own start is no cause of anything.
    once(&lab, "shop-01", |row| row.drift.is_empty() && row.status == "running").await;
    lab.by_hand(Method::POST, &format!("/nodes/{}/qemu/{}/status/stop", guest.node, guest.vmid), &[]).await;
    edit(&lab, "shop-01", &[("cores", "2")]).await;
    let row = once(&lab, "shop-01", |row| {
        ["running", "cores"].iter().all(|field| drifted(row, field).is_some_and(|drift| drift.cause.is_some()))
    })
    .await;
    let stopped = drifted(&row, "running").unwrap().cause.as_ref().unwrap();
    assert!(stopped.task.as_ref().is_some_and(|task| task.contains(":qmstop:")), "{stopped:?}");
    assert!(stopped.user.as_ref().is_some_and(|user| user.contains('@')), "{stopped:?}");
    let edited = drifted(&row, "cores").unwrap().cause.as_ref().unwrap();
    assert_eq!((&edited.task, &edited.user), (&None, &None));
    assert!(edited.text.contains("no record"), "{edited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_accepted_is_the_declared_one_and_no_repair_moves_it_back() {
    let lab = Lab::running().await;
    let made = lab.make(SHOP).await;
    edit(&lab, "shop-01", &[("cores", "2"), ("memory", "4096"), ("name", "shop-1a")]).await;
    let row = once(&lab, "shop-1a", |row| row.drift.len() == 3).await;
    let resource = ResourceId(row.resource.unwrap());
    let author = user(&lab.engine, "ann@example.org", Role::User, true).await;
    let refused = lab.engine.accept(&author, resource, "cores", &json!(2)).await;
    assert!(matches!(refused, Err(Refusal::Forbidden(_))), "{refused:?}");
    let refused = lab.engine.accept(&lab.admin, resource, "cores", &json!(3)).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "what was seen is what is accepted: {refused:?}");
    lab.engine.accept(&lab.admin, resource, "cores", &json!(2)).await.unwrap();
    lab.engine.accept(&lab.admin, resource, "name", &json!("shop-1a")).await.unwrap();
    once(&lab, "shop-1a", |row| row.drift.len() == 1 && drifted(row, "memory").is_some()).await;

    let repair = again(&lab, &made).await;
    let plan = repair.plan.as_ref().unwrap();
    let changed: Vec<&str> =
        plan.steps.iter().flat_map(|step| &step.changes).map(|change| change.field.as_str()).collect();
    assert_eq!(changed, ["memory"], "{plan:#?}");
    assert_eq!(lab.confirm(&repair).await.status, "converged");
    assert_eq!(value(&lab, "shop-1a", Plain::Cores).await, Some(Value::Count(2)));
    // The repair has made the declaration's fields its own anew, and not the old values.
    edit(&lab, "shop-1a", &[("cores", "6")]).await;
    let row = once(&lab, "shop-1a", |row| !row.drift.is_empty()).await;
    assert_eq!(drifted(&row, "cores").unwrap().declared, json!(2), "{row:#?}");
    let repair = again(&lab, &made).await;
    assert_eq!(lab.confirm(&repair).await.status, "converged");
    assert_eq!(value(&lab, "shop-1a", Plain::Cores).await, Some(Value::Count(2)));
    // A newer declaration says something of it again.
    lab.make("set the cores of shop-1a to 3").await;
    assert_eq!(value(&lab, "shop-1a", Plain::Cores).await, Some(Value::Count(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_ignored_is_nobodys_until_a_newer_declaration_names_it() {
    let lab = Lab::running().await;
    let made = lab.make(SHOP).await;
    edit(&lab, "shop-01", &[("cores", "2"), ("memory", "4096")]).await;
    let row = once(&lab, "shop-01", |row| row.drift.len() == 2).await;
    let resource = ResourceId(row.resource.unwrap());
    let other = user(&lab.engine, "ann@example.org", Role::User, true).await;
    let refused = lab.engine.ignore(&other, resource, "cores").await;
    assert!(matches!(refused, Err(Refusal::NotFound(_))), "it is somebody else’s declaration: {refused:?}");
    lab.engine.ignore(&lab.admin, resource, "cores").await.unwrap();
    let refused = lab.engine.ignore(&lab.admin, resource, "cores").await;
    assert!(matches!(refused, Err(Refusal::NotFound(_))), "{refused:?}");
    let repair = again(&lab, &made).await;
    assert_eq!(lab.confirm(&repair).await.status, "converged");
    assert_eq!(value(&lab, "shop-01", Plain::Cores).await, Some(Value::Count(2)), "it stays as it is");
    edit(&lab, "shop-01", &[("cores", "6"), ("memory", "2048")]).await;
    let row = once(&lab, "shop-01", |row| !row.drift.is_empty()).await;
    assert!(drifted(&row, "cores").is_none(), "{row:#?}");
    lab.make("set the cores of shop-01 to 5").await;
    edit(&lab, "shop-01", &[("cores", "6")]).await;
    once(&lab, "shop-01", |row| drifted(row, "cores").is_some()).await;
    assert!(lab.engine.verify_audit().await.unwrap().ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snoozed_drift_rests_until_another_value_is_seen() {
    let lab = Lab::running().await;
    lab.make(SHOP).await;
    edit(&lab, "shop-01", &[("cores", "2")]).await;
    let row = once(&lab, "shop-01", |row| !row.drift.is_empty()).await;
    let resource = ResourceId(row.resource.unwrap());
    let now = lab.engine.clock().now();
    for until in [now - TimeDelta::seconds(1), now + TimeDelta::days(31)] {
        let refused = lab.engine.snooze(&lab.admin, resource, "cores", until).await;
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
    }
    let until = now + TimeDelta::hours(2);
    lab.engine.snooze(&lab.admin, resource, "cores", until).await.unwrap();
    let row = once(&lab, "shop-01", |row| !row.drift.is_empty()).await;
    let snoozed = drifted(&row, "cores").unwrap();
    assert_eq!(snoozed.snoozed_until.unwrap().timestamp(), until.timestamp());
    assert_eq!(snoozed.snoozed_by.as_deref(), Some("admin@example.org"));
    edit(&lab, "shop-01", &[("cores", "3")]).await;
    let row = once(&lab, "shop-01", |row| drifted(row, "cores").is_some_and(|drift| drift.observed == json!(3))).await;
    assert_eq!(drifted(&row, "cores").unwrap().snoozed_until, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_guest_is_gone_can_be_accepted_once_it_is_proven() {
    let lab = Lab::running().await;
    let made = lab.make(SHOP).await;
    let row = once(&lab, "shop-01", |row| row.managed).await;
    let resource = ResourceId(row.resource.unwrap());
    let refused = lab.engine.let_go(&lab.admin, resource).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    let guest = lab.named("shop-01").await.remove(0).guest;
    lab.by_hand(Method::DELETE, &format!("/nodes/{}/qemu/{}", guest.node, guest.vmid), &[]).await;
    let row = once(&lab, "shop-01", |row| drifted(row, "cores").is_some_and(|drift| drift.cause.is_some())).await;
    let cause = drifted(&row, "cores").unwrap().cause.as_ref().unwrap();
    assert!(cause.task.as_ref().is_some_and(|task| task.contains(":qmdestroy:")), "{cause:?}");
    let refused = lab.engine.accept(&lab.admin, resource, "cores", &json!(null)).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    lab.engine.let_go(&lab.admin, resource).await.unwrap();
    assert!(lab.engine.guests().await.unwrap().iter().all(|row| row.name != "shop-01"));
    let after = again(&lab, &made).await;
    assert!(after.plan.is_none_or(|plan| plan.steps.is_empty()), "nobody wants it back");
}

/// Counts the requests between two calls of the roll.
struct Counting {
    inner: Arc<dyn Hypervisor>,
    now: AtomicU32,
    most: AtomicU32,
}

impl Counting {
    fn new(inner: Arc<dyn Hypervisor>) -> Self {
        Self { inner, now: AtomicU32::new(0), most: AtomicU32::new(0) }
    }

    fn count(&self, requests: u32) {
        self.now.fetch_add(requests, Ordering::SeqCst);
    }
}

#[async_trait]
impl Between for Counting {
    fn inner(&self) -> &dyn Hypervisor {
        &*self.inner
    }
    async fn roll(&self) -> Result<Roll, CallError> {
        self.most.fetch_max(self.now.swap(2, Ordering::SeqCst), Ordering::SeqCst);
        self.inner.roll().await
    }
    async fn read(&self, listed: &Listed) -> Result<Option<Sighting>, CallError> {
        self.count(2);
        self.inner.read(listed).await
    }
    async fn firewall(&self, guest: &GuestRef) -> Result<Firewall, CallError> {
        self.count(8);
        self.inner.firewall(guest).await
    }
    async fn tasks_of(&self, tasks: Tasks<'_>) -> Result<Vec<Upid>, CallError> {
        self.count(1);
        self.inner.tasks_of(tasks).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_found_within_the_budget_and_what_the_list_shows_before_its_turn() {
    let mut lab = Lab::running().await;
    lab.make("10 VMs called sweep-01 to sweep-10 with 2 cores, 1 GB memory and a 4 GB disk each, tagged sweep").await;
    lab.crash().await;
    let counting = Arc::new(Counting::new(lab.pve.clone()));
    let mut parts = parts(&lab.database, through(&counting));
    parts.settings = Settings { keep_requests: LEAST_BUDGET, ..parts.settings };
    lab.engine = Engine::new(parts);
    lab.run();
    // The first sweep looks at all of them; then each waits for its turn.
    let keeping = loop {
        let clusters = lab.engine.clusters(&lab.admin).await.unwrap();
        if clusters[0].keeping.oldest_seconds.is_some() {
            break clusters[0].keeping.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((keeping.guests, keeping.requests), (10, LEAST_BUDGET));
    // Every 0.2 s, and 20 requests for the guests within 11 a round.
    assert_eq!(keeping.within_seconds, 0, "two rounds of 0.2 s: {keeping:?}");
    for number in 1..=10 {
        edit(&lab, &format!("sweep-{number:02}"), &[("cores", "1")]).await;
    }
    edit(&lab, "sweep-07", &[("tags", "other")]).await;
    for number in 1..=10 {
        once(&lab, &format!("sweep-{number:02}"), |row| drifted(row, "cores").is_some_and(|d| d.cause.is_some())).await;
    }
    let most = counting.most.load(Ordering::SeqCst);
    assert!(most <= LEAST_BUDGET, "{most} requests in one round, {LEAST_BUDGET} are allowed");
    assert!(most > 4, "nothing was counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_replicas_one_sweeps() {
    let mut lab = Lab::running().await;
    lab.make(SHOP).await;
    lab.crash().await;
    sqlx::query("DELETE FROM sweeps").execute(&lab.database.pool).await.unwrap();
    let counting = [(); 3].map(|()| Arc::new(Counting::new(lab.pve.clone())));
    let stop = tokio_util::sync::CancellationToken::new();
    let replicas: Vec<_> = counting
        .iter()
        .map(|counting| {
            let mut parts = parts(&lab.database, through(counting));
            // Longer than this test: only one round may sweep in all.
            parts.settings.keep_every = Duration::from_hours(1);
            let (engine, stop) = (Engine::new(parts), stop.clone());
            tokio::spawn(async move { engine.run(stop).await })
        })
        .collect();
    let counts = || counting.iter().map(|counting| counting.now.load(Ordering::SeqCst)).collect::<Vec<u32>>();
    while !(counts().iter().all(|requests| *requests >= 2) && counts().iter().any(|requests| *requests > 2)) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    for replica in replicas {
        replica.await.unwrap();
    }
    let swept = counts();
    assert_eq!(swept.iter().filter(|requests| **requests > 2).count(), 1, "{swept:?}");
}

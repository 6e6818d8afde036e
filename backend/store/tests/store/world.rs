//! A small world: people, a declaration, a plan of it, its approval.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::approval::ApprovalRecord;
use mycopod_core::cluster::{Access, Trust};
use mycopod_core::guest::{GuestRef, Kind, Vmid};
use mycopod_core::id::{ClusterId, DeclarationId, ReconciliationId, ResourceId, UserId};
use mycopod_core::plan::{Action, Effect, Plan, Step, Subject};
use mycopod_core::ports::Clock;
use mycopod_core::reading::Reading;
use mycopod_core::status::{DeclarationStatus, Role};
use mycopod_store::declarations::Read;
use mycopod_store::plans::PlanId;
use mycopod_store::testing::{TestDatabase, database};
use mycopod_store::users::User;
use mycopod_store::{approvals, clusters, declarations, plans, reconciliations, users};

/// A clock that stands still; its random numbers count up.
pub struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        noon()
    }

    fn random(&self, bytes: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.fill(0);
        let len = bytes.len();
        bytes[len - 8..].copy_from_slice(&n);
    }
}

pub static CLOCK: Still = Still(AtomicU64::new(1));

pub fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub fn later(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

pub const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";

pub fn user(email: &str, role: Role) -> User {
    User {
        id: UserId::fresh(&CLOCK),
        email: email.to_owned(),
        role,
        approved: true,
        created_at: noon(),
        last_login_at: None,
    }
}

pub fn guest(vmid: u32, name: &str) -> GuestRef {
    GuestRef { kind: Kind::Qemu, vmid: Vmid::try_from(vmid).unwrap(), name: name.to_owned(), node: "pve1".to_owned() }
}

pub const FIRST: ClusterId = ClusterId::FIRST;

pub fn access() -> Access {
    Access {
        urls: vec!["https://pve1.example.org:8006".to_owned()],
        authid: "mycopod@pve!mycopod".to_owned(),
        trust: Trust::System,
        pool: None,
    }
}

pub struct World {
    pub database: TestDatabase,
    pub admin: User,
    pub author: User,
}

impl World {
    pub async fn new() -> Self {
        let database = database().await;
        let (admin, author) = (user("admin@example.org", Role::Admin), user("ann@example.org", Role::User));
        let mut connection = database.pool.acquire().await.unwrap();
        users::create(&mut connection, &admin, HASH).await.unwrap();
        users::create(&mut connection, &author, HASH).await.unwrap();
        drop(connection);
        Self { database, admin, author }
    }

    /// A declaration of Ann's, still to be read.
    pub async fn declared(&self) -> DeclarationId {
        self.declared_on(FIRST).await
    }

    pub async fn declared_on(&self, cluster: ClusterId) -> DeclarationId {
        let id = DeclarationId::fresh(&CLOCK);
        let mut connection = self.database.pool.acquire().await.unwrap();
        declarations::create(&mut connection, id, cluster, self.author.id, "a VM named web", noon()).await.unwrap();
        id
    }

    /// A second cluster.
    pub async fn cluster(&self, name: &str) -> ClusterId {
        let id = ClusterId::fresh(&CLOCK);
        let mut connection = self.database.pool.acquire().await.unwrap();
        clusters::add(&mut connection, id, &name.parse().unwrap(), &access(), &[7; 60], self.admin.id, noon())
            .await
            .unwrap();
        id
    }

    /// A plan of `steps` starts, kept as the current one and waiting for approval.
    pub async fn planned(&self, declaration: DeclarationId, steps: u32) -> (PlanId, Plan) {
        let plan = plan(declaration, steps);
        let mut connection = self.database.pool.acquire().await.unwrap();
        let read = Read { reader: "builtin".to_owned(), reading: Reading::default(), intent: None };
        declarations::save_reading(&mut connection, declaration, &read).await.unwrap();
        let id = plans::save(&mut connection, &plan, noon()).await.unwrap();
        declarations::save_plan(&mut connection, declaration, id).await.unwrap();
        declarations::move_to(&mut connection, declaration, DeclarationStatus::AwaitingApproval, None, noon())
            .await
            .unwrap();
        (id, plan)
    }

    pub async fn approve(&self, id: PlanId, plan: &Plan) {
        let record = ApprovalRecord {
            by: self.admin.id,
            digest: plan.digest().clone(),
            destroy: BTreeSet::from(["x".into()]),
            standing: None,
        };
        let mut connection = self.database.pool.acquire().await.unwrap();
        approvals::give(&mut connection, id, &record, noon()).await.unwrap();
    }

    /// A reconciliation under way, with `steps` pending steps.
    pub async fn applying(&self, steps: u32) -> ReconciliationId {
        let (plan_id, plan) = self.planned(self.declared().await, steps).await;
        self.approve(plan_id, &plan).await;
        let id = ReconciliationId::fresh(&CLOCK);
        let mut transaction = self.database.pool.begin().await.unwrap();
        reconciliations::begin(&mut transaction, id, plan_id, &plan, noon()).await.unwrap();
        transaction.commit().await.unwrap();
        id
    }
}

pub fn plan(declaration: DeclarationId, steps: u32) -> Plan {
    let steps = (1..=steps)
        .map(|seq| Step {
            seq,
            wish: 0,
            subject: Subject::Guest {
                guest: guest(100 + seq, "web"),
                resource: ResourceId::nth_of(declaration, seq as usize),
            },
            action: Action::Start,
            effect: Effect::Live,
            summary: "Start web".to_owned(),
            changes: Vec::new(),
            collateral: Vec::new(),
        })
        .collect();
    Plan::new(declaration, steps, Vec::new(), BTreeMap::new(), "{}".to_owned())
}

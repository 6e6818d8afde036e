//! From intent to plan, against a fresh look at the cluster.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::drift::{existence_of, is_absence, owned};
use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::guest::{GuestName, Vmid};
use mycopod_core::id::{DeclarationId, ResourceId};
use mycopod_core::intent::{Intent, OneDeed, Wish};
use mycopod_core::observed::{Look, Observed, Ownership};
use mycopod_core::plan::{Plan, Step};
use mycopod_core::planner::{self, World};
use mycopod_core::privilege::{self, Missing};
use mycopod_core::reading::{Question, Source, Sourced};
use mycopod_core::resolve::firewalls_in;
use mycopod_core::rights;
use mycopod_core::settle::{Settled, settled};
use mycopod_core::status::{DeclarationStatus, StepState};
use mycopod_store::audit::{Actor, Kind};
use mycopod_store::declarations::{self, Declaration, Read};
use mycopod_store::leases::{self, Lease};
use mycopod_store::owned_fields::{self, Decision, OwnedField};
use mycopod_store::resources::{self, State};
use mycopod_store::room::{self, Promised};
use mycopod_store::{StoreError, answers, plans, reconciliations, steps};
use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};

use crate::audit::{Entry, listed};
use crate::clusters::Cluster;
use crate::read::{asked_again, with_questions};
use crate::{Engine, Refusal};

/// Planning anew after another plan took the same VMID or room, or a guest that may not be seen has the VMID. Each try that is lost was won by another declaration, so that
/// many at once make many tries, and none goes on for ever.
const TRIES: u32 = 100;

/// The answer to what is missing: that it may be there now.
const PLAN_AGAIN: &str = "Plan again";
/// Why a value differs from what the declaration says.
const ACCEPTED: &str = "it was accepted as it was seen on the cluster";
/// As many missing privileges are named in one sentence: more are not read.
const MAX_NAMED: usize = 40;
/// The most of a version, in characters, that a sentence repeats.
const MAX_VERSION: usize = 40;

/// What the database says that a plan depends on.
pub(crate) struct Known {
    resources: Vec<planner::Resource>,
    /// Deeds that were done, and power states that a newer declaration has overtaken.
    done: BTreeSet<usize>,
    /// VMIDs that turned out to be taken by guests that may not be seen.
    hidden: BTreeSet<Vmid>,
    /// What the plans of others have promised.
    promised: Promised,
    /// The intent as far as no newer declaration has overtaken it.
    intent: Intent,
}

impl Engine {
    /// Plans a declaration and puts the plan up for approval. `read` is how it was just read; without it the intent
    /// that is stored holds.
    pub(crate) async fn plan_one(
        &self,
        cluster: &Cluster,
        lease: &Lease<DeclarationId>,
        declaration: &Declaration,
        observed: &Observed,
        read: Option<Read>,
    ) -> Result<(), Refusal> {
        let is_new = read.is_some();
        let Some(read) = read.or_else(|| declaration.read.clone()) else { return Ok(()) };
        let Some(intent) = &read.intent else { return Ok(()) };
        let observed = &*cluster.with_snapshots(observed, &intent.minds_snapshots_of()).await;
        let observed = &*cluster.with_firewalls(observed, firewalls_in(intent, observed)).await;
        let mut hidden = BTreeSet::new();
        for _ in 0..TRIES {
            let mut known = self.known(cluster, lease.work, intent, observed).await?;
            known.hidden.extend(&hidden);
            let plan = match known.plan(lease.work, observed, self) {
                Ok(plan) if self.find_hidden(cluster, &plan, observed, &mut hidden).await? => continue,
                Ok(plan) => allowed(cluster, plan, observed).await?,
                Err(open) => Err(open),
            };
            let plan = match plan {
                Ok(plan) => plan,
                Err(open) if is_new => {
                    let answers = answers::of(&mut *self.pool().acquire().await?, lease.work).await?;
                    let open =
                        self.because_of_edits(cluster, declaration, &read.reading, observed, &answers, open).await?;
                    let again = asked_again(&open, &answers);
                    return self.ask(lease, with_questions(read, open), again).await;
                }
                Err(open) => {
                    let why = listed(open.iter().map(|question| question.text.as_str())).join(" ");
                    return self.end(lease, DeclarationStatus::Failed, None, &why).await;
                }
            };
            match self.put_up(cluster, lease, &plan, observed, &known, is_new.then_some(&read)).await {
                Err(StoreOrRefusal::Store(StoreError::VmidTaken(_)) | StoreOrRefusal::RoomTaken) => {}
                Err(StoreOrRefusal::Store(error)) => return Err(error.into()),
                Err(StoreOrRefusal::Refusal(refusal)) => return Err(refusal),
                Ok(()) => return Ok(()),
            }
        }
        let why = "Other plans kept taking the VMIDs that were free. Nothing was planned; plan again in a moment.";
        self.end(lease, DeclarationStatus::Failed, None, why).await
    }

    /// The plan as it would be made now from the stored intent, for an approval to be held against.
    pub(crate) async fn plan_now(
        &self,
        cluster: &Cluster,
        id: DeclarationId,
        intent: &Intent,
        observed: &Observed,
    ) -> Result<Result<Plan, Vec<Question>>, Refusal> {
        let observed = &*cluster.with_snapshots(observed, &intent.minds_snapshots_of()).await;
        let observed = &*cluster.with_firewalls(observed, firewalls_in(intent, observed)).await;
        Ok(self.known(cluster, id, intent, observed).await?.plan(id, observed, self))
    }

    /// Whether a VMID that the plan chose is taken by a guest that may not be seen: a list has only what one may see,
    /// but whether a number is free is told to everybody. Such numbers are added to `hidden`; as they tend to stand
    /// together, each time twice as many after the one that was met.
    async fn find_hidden(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        observed: &Observed,
        hidden: &mut BTreeSet<Vmid>,
    ) -> Result<bool, Refusal> {
        let before = hidden.len();
        let skip = u32::try_from(before + 1).unwrap_or(u32::MAX);
        for (guest, _) in plan.steps().iter().filter_map(Step::made) {
            let is_seen = observed.guest(guest.key()).is_some();
            let is_known = is_seen || hidden.contains(&guest.vmid);
            if !is_known && !cluster.hypervisor().is_free(guest.vmid).await? {
                let vmid = guest.vmid.get();
                hidden.extend((vmid..vmid.saturating_add(skip)).filter_map(|vmid| Vmid::try_from(vmid).ok()));
            }
        }
        Ok(hidden.len() > before)
    }

    async fn put_up(
        &self,
        cluster: &Cluster,
        lease: &Lease<DeclarationId>,
        plan: &Plan,
        observed: &Observed,
        known: &Known,
        read: Option<&Read>,
    ) -> Result<(), StoreOrRefusal> {
        let id = lease.work;
        let now = self.clock().now();
        let mut transaction = self.pool().begin().await?;
        leases::hold(&mut transaction, lease).await?;
        if !plan.promises().is_empty() {
            room::turn(&mut transaction, cluster.id).await?;
            let standing = room::promised(&mut transaction, cluster.id, id).await?;
            if !standing.plans.is_subset(&known.promised.plans) {
                return Err(StoreOrRefusal::RoomTaken);
            }
        }
        if let Some(read) = read {
            declarations::save_reading(&mut transaction, id, read).await?;
        }
        let plan_id = plans::save(&mut transaction, plan, now).await?;
        declarations::save_plan(&mut transaction, id, plan_id).await?;
        resources::release_unused(&mut transaction, id).await?;
        for (guest, resource) in plan.steps().iter().filter_map(Step::made) {
            let known = resources::get(&mut transaction, resource).await?;
            // One that is made again, having been deleted by hand, has kept its VMID.
            if known.is_none_or(|known| known.state != State::Present) {
                resources::reserve(&mut transaction, resource, guest, id, now).await?;
            }
        }
        let status = if plan.is_empty() { DeclarationStatus::Converged } else { DeclarationStatus::AwaitingApproval };
        let why = plan.is_empty().then_some("The cluster is already so: there is nothing to do.");
        declarations::move_to(&mut transaction, id, status, why, now).await?;
        if plan.is_empty() {
            self.own(&mut transaction, id, &known.intent, observed).await?;
        }
        if let Some(read) = read {
            let entry = Entry {
                actor: Actor::System,
                kind: Kind::DeclarationRead,
                subject: format!("declaration {id}"),
                status: DeclarationStatus::Reading.to_string(),
                declaration: id,
                details: json!({ "reader": read.reader, "statements": read.reading.statements.len() }),
            };
            self.enter(&mut transaction, entry).await?;
        }
        let summary = plan.summary();
        let entry = Entry {
            actor: Actor::System,
            kind: Kind::PlanMade,
            subject: format!("plan {}", plan.digest()),
            status: status.to_string(),
            declaration: id,
            details: json!({
                "digest": plan.digest(),
                "create": summary.create, "update": summary.update, "destroy": summary.destroy,
                "steps": listed(plan.steps().iter().map(|step| step.summary.as_str())),
            }),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Makes the intent's fields the declaration's own, on every guest that is ours, and supersedes the declarations
    /// of which nothing is left.
    pub(crate) async fn own(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        id: DeclarationId,
        intent: &Intent,
        observed: &Observed,
    ) -> Result<(), Refusal> {
        let now = self.clock().now();
        let resource_of = |key| match observed.guest(key)?.ownership {
            Ownership::Ours(resource) => Some(resource),
            Ownership::Unmarked | Ownership::Invalid => None,
        };
        for (resource, fields) in owned(intent, resource_of) {
            if resources::get(transaction, resource).await?.is_none_or(|found| found.state != State::Present) {
                continue;
            }
            for overtaken in owned_fields::own(transaction, resource, id, &fields, now).await? {
                let why = "Newer declarations own all of its fields.";
                match declarations::move_to(transaction, overtaken, DeclarationStatus::Superseded, Some(why), now).await
                {
                    Ok(()) => {}
                    // It is being carried out or called off: its own end decides.
                    Err(StoreError::StatusChanged { .. }) => continue,
                    Err(error) => return Err(error.into()),
                }
                let entry = Entry {
                    actor: Actor::System,
                    kind: Kind::DeclarationSuperseded,
                    subject: format!("declaration {overtaken}"),
                    status: DeclarationStatus::Superseded.to_string(),
                    declaration: overtaken,
                    details: json!({ "by": id }),
                };
                self.enter(transaction, entry).await?;
            }
        }
        Ok(())
    }

    async fn known(
        &self,
        cluster: &Cluster,
        id: DeclarationId,
        intent: &Intent,
        observed: &Observed,
    ) -> Result<Known, Refusal> {
        let mut connection = self.pool().acquire().await?;
        let ours = resources::list(&mut connection, cluster.id).await?;
        let mut done = done(&mut connection, id, observed).await?;
        let promised = room::promised(&mut connection, cluster.id, id).await?;
        let owned = owned_fields::all(&mut connection, cluster.id).await?;
        let has_converged = owned.iter().any(|field| field.declaration == id);
        let holders: BTreeMap<(ResourceId, Field), OwnedField> =
            owned.into_iter().map(|owned| ((owned.resource, owned.field.clone()), owned)).collect();
        // What a newer declaration took out is not brought back by what this one says of its parts.
        let is_out = |resource: ResourceId, field: &Field| {
            existence_of(field)
                .and_then(|of| holders.get(&(resource, of)))
                .is_some_and(|holder| holder.declaration > id && !holder.is_ignored() && is_absence(&holder.value))
        };
        // A field stays this declaration's wish until a newer one owns it or somebody decides that it is nobody's; once
        // carried out, only what it owns does.
        let wanted = |resource: ResourceId, field: &Field| {
            !is_out(resource, field)
                && match holders.get(&(resource, field.clone())) {
                    Some(holder) if holder.is_ignored() => holder.declaration < id,
                    Some(holder) => holder.declaration <= id,
                    None => !has_converged,
                }
        };
        // What was accepted in place of what it says is its wish since.
        let accepted = |resource: ResourceId, field: &Field| {
            let holder = holders.get(&(resource, field.clone()))?;
            let is_so = holder.declaration == id && holder.decision == Some(Decision::Accepted);
            is_so.then(|| Sourced { value: holder.value.clone(), source: Source::inferred(ACCEPTED) })
        };
        let accept = |resource: ResourceId, fields: &mut BTreeMap<Field, Sourced<Value>>| {
            for (field, said) in fields {
                if let Some(accepted) = accepted(resource, field) {
                    *said = accepted;
                }
            }
        };
        let mut intent = intent.clone();
        let mut gone = Vec::new();
        for (index, wish) in intent.wishes.iter_mut().enumerate() {
            match wish {
                Wish::Exist(new) => match resources::get(&mut connection, new.resource).await? {
                    // Deleted since, by a plan: absence is bound to the guest, and nobody wants it back.
                    Some(known) if known.state == State::Gone => gone.push(known),
                    // While it is there, defaults are nobody's; where it must be made again, they count again.
                    Some(known) if known.state == State::Present => {
                        let name = Field::Plain(Plain::Name);
                        let mut called = accepted(new.resource, &name).map(|said| said.value.to_string());
                        match observed.guest(known.guest.key()).filter(|_| has_converged) {
                            Some(seen) => {
                                new.fields.retain(|field, _| wanted(new.resource, field));
                                if !wanted(new.resource, &name) {
                                    called = Some(seen.guest.name.clone());
                                }
                            }
                            None => new.fields.retain(|field, _| !is_out(new.resource, field)),
                        }
                        accept(new.resource, &mut new.fields);
                        if let Some(called) = called.and_then(|called| GuestName::try_from(called).ok()) {
                            new.name.value = called;
                        }
                    }
                    _ => {}
                },
                Wish::Hold { guest, fields } => {
                    if let Some(resource) = ours.iter().find(|ours| ours.guest.key() == guest.key()) {
                        fields.retain(|field, _| wanted(resource.id, field));
                        accept(resource.id, fields);
                    }
                }
                Wish::Once { guest, deed: OneDeed::Start | OneDeed::Shutdown { .. } | OneDeed::Stop } => {
                    // Whether a guest runs is a state that is kept, not a deed: it is planned whenever it is not so.
                    let resource = ours.iter().find(|ours| ours.guest.key() == guest.key());
                    if resource.is_none_or(|resource| wanted(resource.id, &Field::Plain(Plain::Running))) {
                        done.remove(&index);
                    } else {
                        done.insert(index);
                    }
                }
                Wish::Once { .. } | Wish::Facility { .. } => {}
            }
        }
        let resources = ours
            .into_iter()
            .chain(gone)
            .map(|ours| planner::Resource {
                id: ours.id,
                key: ours.guest.key(),
                node: ours.guest.node,
                name: ours.guest.name,
                smbios_uuid: ours.smbios_uuid,
                declaration: ours.declaration,
                gone: ours.state == State::Gone,
            })
            .collect::<Vec<_>>();
        drop(connection);
        let hidden = unseen(cluster, &intent, &resources, observed).await?;
        Ok(Known { resources, done, hidden, promised, intent })
    }
}

impl Known {
    fn plan(&self, id: DeclarationId, observed: &Observed, engine: &Engine) -> Result<Plan, Vec<Question>> {
        let world = World {
            observed,
            resources: &self.resources,
            done: &self.done,
            hidden: &self.hidden,
            promised: &self.promised.promises,
        };
        planner::plan(id, &self.intent, &world, &engine.settings().policy)
    }
}

/// The plan, unless it cannot be carried out: on a version whose rules are not known, or without what it takes.
/// Then nothing is offered, and what is missing is asked for.
pub(crate) async fn allowed(
    cluster: &Cluster,
    plan: Plan,
    observed: &Observed,
) -> Result<Result<Plan, Vec<Question>>, Refusal> {
    if plan.is_empty() {
        return Ok(Ok(plan));
    }
    let ask = |topic, text| Ok(Err(vec![Question::new(topic, None, text, vec![PLAN_AGAIN.to_owned()])]));
    if !rights::supports(&observed.version) {
        let version: String = observed.version.chars().take(MAX_VERSION).collect();
        let text = format!(
            "The cluster runs Proxmox VE {version}. MycoPod knows the rules of 8.4 and plans for no other. Nothing is \
             planned."
        );
        return ask("version", text);
    }
    let missing = privilege::missing(&plan, observed, &cluster.hypervisor().rights().await?);
    let (root, privileges): (Vec<_>, Vec<_>) = missing.iter().partition(|missing| matches!(missing, Missing::Root(_)));
    let list = |all: &[&Missing]| {
        let named: Vec<String> = all.iter().take(MAX_NAMED).map(ToString::to_string).collect();
        let more = all.len().saturating_sub(MAX_NAMED);
        if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
    };
    if !root.is_empty() {
        let text = format!(
            "Proxmox lets only root@pam itself, and no API token, set {}. Leave it out of the declaration, or set it \
             by hand. Nothing is planned.",
            list(&root)
        );
        return ask("root", text);
    }
    if !privileges.is_empty() {
        let text = format!(
            "MycoPod may not do on Proxmox what this takes. It lacks {}. Grant that to its user and its API token, \
             then plan again. Nothing is planned.",
            list(&privileges)
        );
        return ask("privileges", text);
    }
    Ok(Ok(plan))
}

/// The VMIDs of guests that the intent is about and no list has, and that are taken all the same: a list has only what
/// one may see.
async fn unseen(
    cluster: &Cluster,
    intent: &Intent,
    resources: &[planner::Resource],
    observed: &Observed,
) -> Result<BTreeSet<Vmid>, Refusal> {
    // While a node is silent nothing counts as absent anyway.
    if !observed.is_complete() {
        return Ok(BTreeSet::new());
    }
    let about = intent.wishes.iter().filter_map(|wish| match wish {
        Wish::Exist(new) => resources.iter().find(|row| row.id == new.resource && !row.gone).map(|row| row.key.vmid),
        Wish::Hold { guest, .. } | Wish::Once { guest, .. } => Some(guest.vmid),
        Wish::Facility { .. } => None,
    });
    let unlisted: BTreeSet<Vmid> = about.filter(|vmid| observed.numbered(*vmid).is_none()).collect();
    let mut unseen = BTreeSet::new();
    for vmid in unlisted {
        if !cluster.hypervisor().is_free(vmid).await? {
            unseen.insert(vmid);
        }
    }
    Ok(unseen)
}

/// The deeds of a declaration that were done: every step that served them, in one reconciliation. A step whose task Proxmox
/// took, and whose end nobody saw, was done where the cluster shows it.
async fn done(
    connection: &mut PgConnection,
    id: DeclarationId,
    observed: &Observed,
) -> Result<BTreeSet<usize>, Refusal> {
    let shows = |step: &Step| {
        let seen = step.guest().and_then(|guest| observed.guest(guest.key()));
        seen.is_some_and(|seen| settled(step, &Look::Present(Box::new(seen.clone()))) == Settled::Yes)
    };
    let mut done = BTreeSet::new();
    for reconciliation in reconciliations::of(connection, id).await? {
        let Some(stored) = plans::get(connection, reconciliation.plan).await? else { continue };
        let ledger = steps::list(connection, reconciliation.id).await?;
        let is_done = |step: &Step| {
            ledger.iter().filter(|entry| entry.seq == step.seq).any(|entry| match entry.state {
                StepState::Done => true,
                StepState::Blocked => entry.upid.is_some() && shows(step),
                _ => false,
            })
        };
        let mut wishes: BTreeMap<usize, bool> = BTreeMap::new();
        for step in stored.plan.steps() {
            *wishes.entry(step.wish).or_insert(true) &= is_done(step);
        }
        done.extend(wishes.into_iter().filter(|(_, all)| *all).map(|(wish, _)| wish));
    }
    Ok(done)
}

enum StoreOrRefusal {
    /// Another plan was put up meanwhile, and may have promised the same room.
    RoomTaken,
    Store(StoreError),
    Refusal(Refusal),
}

impl From<StoreError> for StoreOrRefusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for StoreOrRefusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Refusal> for StoreOrRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

//! From text to intent: the reader is asked, and what it understood is held against the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use mycopod_core::id::DeclarationId;
use mycopod_core::intent::Intent;
use mycopod_core::observed::Observed;
use mycopod_core::ports::{CallError, Inventory, ReadError};
use mycopod_core::reading::{Answers, Question, Reading};
use mycopod_core::resolve::{firewalls_of, minds_snapshots_of, resolve};
use mycopod_core::status::DeclarationStatus;
use mycopod_store::audit::{Actor, Kind};
use mycopod_store::declarations::{self, Declaration, Read};
use mycopod_store::leases::{self, Lease};
use mycopod_store::{answers, resources};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::audit::{Entry, listed};
use crate::clusters::Cluster;
use crate::worker::{LEASE, caught};
use crate::{Engine, Refusal};

/// Declarations read at once: reading is quick, and a language model's server is slow for one as for four.
const AT_ONCE: usize = 4;
/// Between looks while Proxmox does not answer.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long a declaration waits for Proxmox to answer before it fails.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::minutes(5);

impl Engine {
    /// Reads and plans whatever waits for it on a cluster, until `stop`.
    pub(crate) async fn read_all(&self, cluster: &Arc<Cluster>, stop: &CancellationToken) {
        let id = cluster.id;
        let claim = |engine: Self| async move {
            let worker = engine.worker();
            let mut connection = engine.pool().acquire().await?;
            Ok(leases::claim_declaration(&mut connection, id, DeclarationStatus::Reading, &worker, LEASE).await?)
        };
        let carry = |engine: Self, lease| {
            let cluster = Arc::clone(cluster);
            async move {
                match Box::pin(caught(engine.read_one(&cluster, &lease))).await {
                    done @ (Ok(()) | Err(Refusal::Unavailable(_))) => done,
                    // It would go wrong again; only what is out of reach may come back.
                    Err(error) => engine.end(&lease, DeclarationStatus::Failed, None, &error.to_string()).await,
                }
            }
        };
        self.work(stop, AT_ONCE, claim, carry).await;
    }

    async fn read_one(&self, cluster: &Arc<Cluster>, lease: &Lease<DeclarationId>) -> Result<(), Refusal> {
        let id = lease.work;
        let (declaration, answers) = {
            let mut connection = self.pool().acquire().await?;
            let declaration = declarations::get(&mut connection, id).await?;
            (declaration, answers::of(&mut connection, id).await?)
        };
        // Somebody called it off meanwhile.
        let Some(declaration) = declaration.filter(|d| d.line.status == DeclarationStatus::Reading) else {
            return Ok(());
        };
        // An intent that was resolved holds: read again, “double” would mean something else.
        let unanswered =
            |reading: &Reading| reading.questions.iter().all(|question| answers.to(&question.id).is_some());
        let is_resolved = matches!(&declaration.read, Some(Read { intent: Some(_), reading, .. })
            if unanswered(reading));
        if !is_resolved && declaration.line.plan.is_none() {
            let meant = self.meant_by(declaration.text(), &answers).await?;
            if meant.id != cluster.id {
                return self.hand_over(lease, &meant).await;
            }
        }
        let observed = match cluster.look_afresh().await {
            Ok(observed) => observed,
            Err(error) => return self.postpone(lease, &declaration, &error).await,
        };
        if is_resolved {
            self.plan_one(cluster, lease, &declaration, &observed, None).await
        } else {
            self.understand(cluster, lease, &declaration, &answers, &observed).await
        }
    }

    /// Leaves a declaration to the workers of the cluster that it is for.
    async fn hand_over(&self, lease: &Lease<DeclarationId>, to: &Cluster) -> Result<(), Refusal> {
        let mut transaction = self.pool().begin().await?;
        leases::hold(&mut transaction, lease).await?;
        resources::release_unused(&mut transaction, lease.work).await?;
        declarations::save_cluster(&mut transaction, lease.work, to.id).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn understand(
        &self,
        cluster: &Cluster,
        lease: &Lease<DeclarationId>,
        declaration: &Declaration,
        answers: &Answers,
        observed: &Observed,
    ) -> Result<(), Refusal> {
        let text = declaration.text();
        let Some(read) = self.reading_of(declaration, answers, observed).await else {
            // Somebody called it off meanwhile.
            return Ok(());
        };
        let Read { reader, mut reading, .. } = match read {
            Ok(read) => read,
            Err(error) => return self.end(lease, DeclarationStatus::Failed, None, &error.to_string()).await,
        };
        if let Some(why) = reading.refusal.clone() {
            let read = Read { reader, reading, intent: None };
            return self.end(lease, DeclarationStatus::Refused, Some(read), &why).await;
        }
        let policy = &self.settings().policy;
        let guests = minds_snapshots_of(lease.work, text, &reading, observed, policy, answers);
        let observed = &*cluster.with_snapshots(observed, &guests).await;
        let firewalls = firewalls_of(lease.work, text, &reading, observed, policy, answers);
        let observed = &*cluster.with_firewalls(observed, firewalls).await;
        let resolved = resolve(lease.work, text, &reading, observed, policy, answers);
        let resolved = match resolved {
            Ok(intent) => {
                let open = self.unknown_secrets(&intent).await?;
                if open.is_empty() { Ok(intent) } else { Err(open) }
            }
            open => open,
        };
        let before = declaration.read.as_ref().map(|read| read.reading.questions.as_slice()).unwrap_or_default();
        match resolved {
            Ok(intent) => {
                reading.questions = answered(before, answers);
                let read = Read { reader, reading, intent: Some(intent) };
                self.plan_one(cluster, lease, declaration, observed, Some(read)).await
            }
            Err(open) => {
                let open = self.because_of_edits(cluster, declaration, &reading, observed, answers, open).await?;
                let again = asked_again(&open, answers);
                reading.questions = merged(before, answers, open);
                self.ask(lease, Read { reader, reading, intent: None }, again).await
            }
        }
    }

    /// What the reader understands of a declaration; `None` where it was called off meanwhile. One that was edited in a form
    /// was understood before, and is not read anew: what was seen then is what was edited.
    async fn reading_of(
        &self,
        declaration: &Declaration,
        answers: &Answers,
        observed: &Observed,
    ) -> Option<Result<Read, ReadError>> {
        if let Some(Read { reader, reading, .. }) = declaration.read.as_ref().filter(|Read { reading, .. }| {
            // Where words were said anew since, nothing is understood yet.
            !reading.edits.is_empty() && !reading.statements.is_empty()
        }) {
            let mut edited = Read { reader: reader.clone(), reading: reading.clone(), intent: None };
            edited.reading.questions.clear();
            return Some(Ok(edited));
        }
        let inventory = Inventory { clusters: self.0.clusters.names(), ..Inventory::of(observed) };
        let mut reading = match self.interpret(declaration, &inventory, answers).await? {
            Ok(reading) => reading,
            Err(error) => return Some(Err(error)),
        };
        if let Some(Read { reading: before, .. }) = &declaration.read {
            (reading.edits, reading.reworded) = (before.edits.clone(), before.reworded.clone());
        }
        let (name, model) = self.reader();
        let reader = model.map_or_else(|| name.to_owned(), |model| format!("{name}/{model}"));
        Some(Ok(Read { reader, reading, intent: None }))
    }

    /// Puts questions. `read` holds them together with those that were answered before. Those of `again` were answered with words
    /// that did not do: they say so, and are open.
    pub(crate) async fn ask(
        &self,
        lease: &Lease<DeclarationId>,
        mut read: Read,
        again: BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        for question in &mut read.reading.questions {
            // “Plan again” may be chosen as often as one likes, and words said anew stand in the question themselves.
            let says_so = |answer: &&String| !question.options.contains(answer) && !question.takes_other_words();
            if let Some(answer) = again.get(&question.id).filter(says_so) {
                question.text = format!("“{answer}” does not answer this. {}", question.text);
            }
        }
        let again: Vec<String> = again.into_keys().collect();
        let mut transaction = self.pool().begin().await?;
        leases::hold(&mut transaction, lease).await?;
        answers::withdraw(&mut transaction, lease.work, &again).await?;
        transaction.commit().await?;
        let open = read.reading.questions.len();
        let why = if open == 1 { "A question must be answered first." } else { "Questions must be answered first." };
        self.end(lease, DeclarationStatus::NeedsAnswer, Some(read), why).await
    }

    /// Ends the reading of a declaration without a plan.
    pub(crate) async fn end(
        &self,
        lease: &Lease<DeclarationId>,
        status: DeclarationStatus,
        read: Option<Read>,
        why: &str,
    ) -> Result<(), Refusal> {
        let now = self.clock().now();
        let mut transaction = self.pool().begin().await?;
        leases::hold(&mut transaction, lease).await?;
        if let Some(read) = &read {
            declarations::save_reading(&mut transaction, lease.work, read).await?;
        }
        declarations::move_to(&mut transaction, lease.work, status, Some(why), now).await?;
        let kind = match status {
            DeclarationStatus::Refused => Kind::DeclarationRefused,
            DeclarationStatus::Failed => Kind::DeclarationFailed,
            _ => Kind::DeclarationRead,
        };
        let questions = read.iter().flat_map(|read| &read.reading.questions).map(|question| question.text.as_str());
        let entry = Entry {
            actor: Actor::System,
            kind,
            subject: format!("declaration {}", lease.work),
            status: status.to_string(),
            declaration: lease.work,
            details: json!({ "reason": why, "questions": listed(questions) }),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Proxmox does not answer: the declaration waits, and says so.
    async fn postpone(
        &self,
        lease: &Lease<DeclarationId>,
        declaration: &Declaration,
        error: &CallError,
    ) -> Result<(), Refusal> {
        if self.clock().now() - declaration.line.updated_at > GIVE_UP_AFTER {
            let why = format!("{error}. Nothing was planned. When Proxmox answers again, plan again.");
            return self.end(lease, DeclarationStatus::Failed, None, &why).await;
        }
        let mut connection = self.pool().acquire().await?;
        let why = format!("{error}. It is asked again until it answers.");
        declarations::say(&mut connection, lease.work, &why).await?;
        drop(connection);
        sleep(LOOK_AGAIN).await;
        Ok(())
    }
}

/// The questions of an earlier reading that were answered, kept to be shown.
fn answered(before: &[Question], answers: &Answers) -> Vec<Question> {
    before.iter().filter(|question| answers.to(&question.id).is_some()).cloned().collect()
}

/// The answers to questions that are asked all the same.
pub(crate) fn asked_again(open: &[Question], answers: &Answers) -> BTreeMap<String, String> {
    open.iter().filter_map(|question| Some((question.id.clone(), answers.to(&question.id)?.to_owned()))).collect()
}

/// The questions answered before, and those open now. One that is asked again after an answer is open: the answer did not do.
fn merged(before: &[Question], answers: &Answers, open: Vec<Question>) -> Vec<Question> {
    let mut questions = answered(before, answers);
    questions.retain(|question| open.iter().all(|other| other.id != question.id));
    questions.extend(open);
    questions
}

/// An intent with the questions that planning it raised, as a reading keeps them.
pub(crate) fn with_questions(mut read: Read, open: Vec<Question>) -> Read {
    read.reading.questions.retain(|question| open.iter().all(|other| other.id != question.id));
    read.reading.questions.extend(open);
    // Answers change what the text means; it is resolved anew with them.
    read.intent = None::<Intent>;
    read
}

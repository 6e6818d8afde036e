//! Declaring, answering, calling off, asking for another plan; and what a person may see of it.

use std::time::Duration;

use mycopod_core::id::DeclarationId;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, MAX_DECLARATION, Question, Reading, Reworded};
use mycopod_core::status::{DeclarationStatus, StepState};
use mycopod_core::typed::{MAX_INTENT, is_intent};
use mycopod_store::audit::Kind;
use mycopod_store::declarations::{self, Declaration};
use mycopod_store::{
    answers, approvals, declaration_keys, freezes, plans, reconciliations, resources, standing, steps, users,
};
use serde_json::json;
use sqlx::PgConnection;
use tokio::time::{Instant, sleep_until};

use crate::audit::Entry;
use crate::view::{Detail, LedgerStep, Listed, Person, ReconciliationView, StepLog};
use crate::{Actor, Engine, Refusal, form, show};

/// How often somebody who waits looks again: changes made by another replica ring no bell here.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Why an approved plan is not carried out.
const FROZEN: &str = "Nothing is applied while a freeze stands. It goes on when an Admin lifts that.";
/// The most answers in one request: a declaration has no more words that could be doubted.
const MAX_ANSWERS: usize = 100;

impl Engine {
    /// Takes a declaration in; it is read and planned at once.
    pub async fn declare(&self, actor: &Actor, content: &str) -> Result<DeclarationId, Refusal> {
        self.declare_once(actor, content, None).await
    }

    /// The same for somebody who says it again where an answer got lost: under one key of their own choosing they declare
    /// once within a day, whichever replica they come to.
    pub async fn declare_once(
        &self,
        actor: &Actor,
        content: &str,
        key: Option<&str>,
    ) -> Result<DeclarationId, Refusal> {
        readable(content)?;
        if is_intent(content) {
            // What is wrong with it is told at once.
            let reading = self.0.parts.interpreter.read_at_once(content, &Inventory::default(), &Answers::default());
            if let Some(why) = reading.refusal {
                return Err(Refusal::Invalid(why));
            }
        }
        let cluster = self.meant_by(content, &Answers::default()).await?;
        let now = self.clock().now();
        let id = DeclarationId::fresh(self.clock());
        let mut transaction = self.pool().begin().await?;
        may_declare(&mut transaction, actor).await?;
        declarations::create(&mut transaction, id, cluster.id, actor.id, content, now).await?;
        if let Some(key) = key {
            is_key(key)?;
            if let Some(earlier) = declaration_keys::take(&mut transaction, actor.id, key, id, now).await? {
                transaction.rollback().await?;
                return self.declared_already(actor, earlier, content).await;
            }
        }
        let entry = Entry {
            actor: actor.into(),
            kind: Kind::DeclarationCreated,
            subject: format!("declaration {id}"),
            status: DeclarationStatus::Reading.to_string(),
            declaration: id,
            details: json!({ "content": content, "cluster": cluster.name }),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(id)
    }

    /// What was declared under a key before, if it is the same.
    async fn declared_already(
        &self,
        actor: &Actor,
        earlier: DeclarationId,
        content: &str,
    ) -> Result<DeclarationId, Refusal> {
        let mut connection = self.pool().acquire().await?;
        if visible(&mut connection, actor, earlier).await?.line.content == content {
            return Ok(earlier);
        }
        Err(Refusal::Conflict(format!(
            "This key stands for another declaration of yours ({earlier}). Nothing was declared; choose a new key for \
             what is new."
        )))
    }

    /// Takes answers to a declaration's questions; it is read again with them.
    pub async fn answer(&self, actor: &Actor, id: DeclarationId, given: &[(String, String)]) -> Result<(), Refusal> {
        let mut transaction = self.pool().begin().await?;
        may_declare(&mut transaction, actor).await?;
        let declaration = visible(&mut transaction, actor, id).await?;
        if declaration.line.status != DeclarationStatus::NeedsAnswer {
            return Err(Refusal::Conflict(format!(
                "This declaration is {} and has no open question.",
                words(declaration.line.status)
            )));
        }
        if given.is_empty() {
            return Err(Refusal::Invalid("Give one answer at least.".into()));
        }
        let questions = declaration.read.as_ref().map(|read| read.reading.questions.as_slice()).unwrap_or_default();
        if let Some((question, _)) = given.iter().find(|(given, _)| questions.iter().all(|asked| asked.id != *given)) {
            return Err(Refusal::Invalid(format!("“{question}” is no question of this declaration.")));
        }
        let given: Vec<(String, String)> =
            answers_in(given)?.into_iter().map(|given| as_offered(given, questions)).collect();
        let now = self.clock().now();
        answers::give(&mut transaction, id, actor.id, &given, now).await?;
        if let Some(reworded) = reworded(declaration.text(), &given)? {
            answers::rename(&mut transaction, id, |question| reworded.id(question)).await?;
            if let Some(mut read) = declaration.read {
                let asked = std::mem::take(&mut read.reading.questions);
                read.reading = Reading {
                    questions: asked.into_iter().map(|question| reworded.question(question)).collect(),
                    reworded: Some(reworded.text),
                    edits: read.reading.edits,
                    ..Reading::default()
                };
                read.intent = None;
                declarations::save_reading(&mut transaction, id, &read).await?;
            }
        }
        declarations::move_to(&mut transaction, id, DeclarationStatus::Reading, None, now).await?;
        let entry = Entry {
            actor: actor.into(),
            kind: Kind::DeclarationAnswered,
            subject: format!("declaration {id}"),
            status: DeclarationStatus::Reading.to_string(),
            declaration: id,
            details: json!({ "answers": given.iter().map(|(q, a)| json!({"question": q, "answer": a})).collect::<Vec<_>>() }),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// Calls a declaration off. Steps that were carried out stay; the one under way is finished.
    pub async fn cancel(&self, actor: &Actor, id: DeclarationId) -> Result<(), Refusal> {
        use DeclarationStatus::{
            Applying, Approved, AwaitingApproval, Blocked, Cancelled, Converged, Failed, NeedsAnswer, Reading, Refused,
            Stale, Superseded,
        };
        let mut transaction = self.pool().begin().await?;
        let declaration = visible(&mut transaction, actor, id).await?;
        let now = self.clock().now();
        let status = match declaration.line.status {
            Reading | NeedsAnswer | AwaitingApproval | Blocked | Failed | Stale => {
                let reason = format!("Called off by {}.", actor.email);
                declarations::move_to(&mut transaction, id, Cancelled, Some(&reason), now).await.map_err(changed)?;
                resources::release_unused(&mut transaction, id).await?;
                Cancelled.to_string()
            }
            Approved | Applying => {
                if !reconciliations::request_cancel(&mut transaction, id, now).await? {
                    return Err(Refusal::Conflict("It has just ended; look at it again.".into()));
                }
                "stopping".to_owned()
            }
            ended @ (Converged | Refused | Cancelled | Superseded) => {
                return Err(Refusal::Conflict(format!(
                    "This declaration is {} and cannot be called off.",
                    words(ended)
                )));
            }
        };
        let entry = Entry {
            actor: actor.into(),
            kind: Kind::DeclarationCancelled,
            subject: format!("declaration {id}"),
            status,
            declaration: id,
            details: json!({}),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// Asks for a plan from what the cluster is now: after a block, a failure or a change by others, or to repair drift.
    pub async fn plan_again(&self, actor: &Actor, id: DeclarationId) -> Result<(), Refusal> {
        use DeclarationStatus::{AwaitingApproval, Blocked, Converged, Failed, Reading, Stale};
        let cluster = {
            let mut connection = self.pool().acquire().await?;
            visible(&mut connection, actor, id).await?.line.cluster
        };
        self.cluster_of(cluster).await?;
        let mut transaction = self.pool().begin().await?;
        may_declare(&mut transaction, actor).await?;
        let declaration = visible(&mut transaction, actor, id).await?;
        let status = declaration.line.status;
        if !matches!(status, AwaitingApproval | Blocked | Converged | Failed | Stale) {
            return Err(Refusal::Conflict(format!(
                "This declaration is {}; it cannot be planned again.",
                words(status)
            )));
        }
        declarations::move_to(&mut transaction, id, Reading, None, self.clock().now()).await.map_err(changed)?;
        let entry = Entry {
            actor: actor.into(),
            kind: Kind::PlanAsked,
            subject: format!("declaration {id}"),
            status: Reading.to_string(),
            declaration: id,
            details: json!({ "before": status }),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// Waits until the declaration is neither read nor planned nor applied, but no longer than `at_most`.
    pub async fn wait(&self, id: DeclarationId, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        loop {
            let bell = self.0.changed.notified();
            let busy = async {
                let mut connection = self.pool().acquire().await?;
                Ok::<_, Refusal>(
                    declarations::standing(&mut connection, id).await?.is_some_and(|(status, _)| status.is_busy()),
                )
            };
            if !matches!(busy.await, Ok(true)) || Instant::now() >= deadline {
                return;
            }
            tokio::select! {
                () = bell => {}
                () = sleep_until(deadline.min(Instant::now() + LOOK_EVERY)) => {}
            }
        }
    }

    /// A declaration with all that followed from it.
    pub async fn detail(&self, actor: &Actor, id: DeclarationId) -> Result<Detail, Refusal> {
        let mut connection = self.pool().acquire().await?;
        let Declaration { line, read } = visible(&mut connection, actor, id).await?;
        let answers = answers::of(&mut connection, id).await?;
        let plan = match line.plan {
            Some(plan) => plans::get(&mut connection, plan).await?,
            None => None,
        };
        let reconciliation = match reconciliations::latest(&mut connection, id).await? {
            None => None,
            Some(reconciliation) => {
                let approval = approvals::get(&mut connection, reconciliation.plan).await?;
                let ledger = steps::list(&mut connection, reconciliation.id).await?;
                approval.map(|approval| ReconciliationView {
                    id: reconciliation.id.0,
                    status: reconciliation.status.as_str(),
                    reason: reconciliation.reason,
                    approved_by: Person { id: approval.by.0, email: approval.email },
                    approved_at: approval.at,
                    by_standing: approval.standing.is_some(),
                    steps: ledger
                        .into_iter()
                        .map(|step| LedgerStep {
                            seq: step.seq,
                            state: step.state.as_str(),
                            upid: step.upid.map(String::from),
                            error: step.error,
                            started_at: step.started_at,
                            finished_at: step.finished_at,
                        })
                        .collect(),
                })
            }
        };
        let waiting = match (line.status, self.0.clusters.get(line.cluster)) {
            (DeclarationStatus::Converged, Some(cluster)) => {
                cluster.waiting(&mut connection, id, self.clock().now()).await?
            }
            (DeclarationStatus::Approved | DeclarationStatus::Applying, _) => {
                freezes::holds(&mut connection, line.cluster).await?.then(|| FROZEN.to_owned())
            }
            _ => None,
        };
        let standing = standing::latest(&mut connection, id, self.clock().now()).await?.map(crate::standing::shown);
        Ok(Detail {
            id: line.id.0,
            cluster: line.cluster_name,
            intent: read.as_ref().and_then(|read| read.intent.as_ref()).map(form::intent),
            edits: read.as_ref().map(form::edits).unwrap_or_default(),
            reading: read.map(|read| {
                form::with_edits(show::reading(&read.reading, &answers, &read.reader, &line.content), line.id, &read)
            }),
            author: Person { id: line.user.0, email: line.email },
            status: line.status.as_str(),
            status_reason: waiting.or(line.status_reason),
            created_at: line.created_at,
            updated_at: line.updated_at,
            plan: plan.map(|stored| show::plan(&stored.plan, &line.content)),
            reconciliation,
            standing,
            content: line.content,
        })
    }

    /// Declarations, newest first: an Admin sees all, a User their own.
    pub async fn list(&self, actor: &Actor, limit: u32, before: Option<DeclarationId>) -> Result<Vec<Listed>, Refusal> {
        let mut connection = self.pool().acquire().await?;
        let own = (!actor.is_admin()).then_some(actor.id);
        let lines = declarations::list(&mut connection, own, before, limit).await?;
        Ok(lines
            .into_iter()
            .map(|line| Listed {
                id: line.id.0,
                cluster: line.cluster_name,
                content: line.content,
                author: Person { id: line.user.0, email: line.email },
                status: line.status.as_str(),
                created_at: line.created_at,
                updated_at: line.updated_at,
                summary: line.summary.map(Into::into),
            })
            .collect())
    }

    /// Proxmox's log of a step's task, from line `start`.
    pub async fn step_log(&self, actor: &Actor, id: DeclarationId, seq: u32, start: u64) -> Result<StepLog, Refusal> {
        let (step, cluster) = {
            let mut connection = self.pool().acquire().await?;
            let cluster = visible(&mut connection, actor, id).await?.line.cluster;
            let ledger = match reconciliations::latest(&mut connection, id).await? {
                Some(reconciliation) => steps::list(&mut connection, reconciliation.id).await?,
                None => Vec::new(),
            };
            (ledger.into_iter().find(|step| step.seq == seq), cluster)
        };
        let step =
            step.ok_or_else(|| Refusal::NotFound(format!("No plan of this declaration with a step {seq} was begun.")))?;
        let Some(upid) = step.upid else { return Ok(StepLog { lines: Vec::new(), total: 0, running: false }) };
        let log = self.cluster_of(cluster).await?.hypervisor().task_log(&upid, start).await?;
        Ok(StepLog { lines: log.lines, total: log.total, running: step.state == StepState::Submitted })
    }
}

/// Refuses what is no text for a reader. An intent may be longer than words.
pub(crate) fn readable(content: &str) -> Result<(), Refusal> {
    let length = content.chars().count();
    let (what, most) = if is_intent(content) { ("intent", MAX_INTENT) } else { ("declaration", MAX_DECLARATION) };
    if content.trim().is_empty() {
        return Err(Refusal::Invalid("The declaration is empty. Say which guests you want, and how.".into()));
    }
    if length > most {
        return Err(Refusal::Invalid(format!(
            "The {what} has {length} characters; {most} are the most. Say it in parts."
        )));
    }
    if let Some(control) = content.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Refusal::Invalid(format!(
            "The declaration holds a control character (U+{:04X}), which no reader can show. Take it out.",
            u32::from(control)
        )));
    }
    Ok(())
}

/// Answers as they are kept.
pub(crate) fn answers_in(given: &[(String, String)]) -> Result<Vec<(String, String)>, Refusal> {
    if given.len() > MAX_ANSWERS {
        return Err(Refusal::Invalid(format!("Give {MAX_ANSWERS} answers at a time at most.")));
    }
    let fits = |answer: &str| {
        let length = answer.chars().count();
        (1..=answers::MAX_ANSWER).contains(&length) && !answer.chars().any(char::is_control)
    };
    let given: Vec<_> = given.iter().map(|(question, answer)| (question.clone(), answer.trim().to_owned())).collect();
    if given.iter().all(|(_, answer)| fits(answer)) {
        return Ok(given);
    }
    Err(Refusal::Invalid(format!("An answer is 1 to {} characters in one line.", answers::MAX_ANSWER)))
}

/// An answer as its question offers it, whatever capitals it was written with.
fn as_offered((id, answer): (String, String), questions: &[Question]) -> (String, String) {
    let options = questions.iter().filter(|question| question.id == id).flat_map(|question| &question.options);
    let written = |option: &&String| option.to_lowercase() == answer.to_lowercase();
    let mut alike = options.filter(written);
    match (alike.next(), alike.next()) {
        (Some(option), None) => (id, option.clone()),
        _ => (id, answer),
    }
}

/// `text` with what `given` says in the place of words that were not understood, where it does.
pub(crate) fn reworded(text: &str, given: &[(String, String)]) -> Result<Option<Reworded>, Refusal> {
    let Some(reworded) = Reworded::of(text, given) else { return Ok(None) };
    let length = reworded.text.chars().count();
    if length > MAX_DECLARATION {
        return Err(Refusal::Invalid(format!(
            "With this answer the declaration would have {length} characters; {MAX_DECLARATION} are the most. Nothing was \
             taken; answer in fewer words, or say it in parts."
        )));
    }
    Ok(Some(reworded))
}

/// Refuses what is no key: it goes through headers and logs.
fn is_key(key: &str) -> Result<(), Refusal> {
    let most = declaration_keys::MAX_KEY;
    if (1..=most).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Refusal::Field {
        field: "Idempotency-Key".to_owned(),
        why: format!("An Idempotency-Key is 1 to {most} visible ASCII characters, e.g. a UUID. Nothing was declared."),
    })
}

/// The account as it stands now: a token may be older.
pub(crate) async fn may_declare(connection: &mut PgConnection, actor: &Actor) -> Result<(), Refusal> {
    match users::get(connection, actor.id).await? {
        Some(user) if user.approved => Ok(()),
        _ => Err(Refusal::Forbidden(
            "An Admin has not approved your account yet. Until then you can log in, but not declare. Ask an Admin to approve you.".into(),
        )),
    }
}

/// The declaration, where the actor may see it: their own, or as an Admin any.
pub(crate) async fn visible(
    connection: &mut PgConnection,
    actor: &Actor,
    id: DeclarationId,
) -> Result<Declaration, Refusal> {
    let found = declarations::get(connection, id).await?;
    found
        .filter(|declaration| actor.is_admin() || declaration.line.user == actor.id)
        .ok_or_else(|| Refusal::NotFound("There is no such declaration, or it is somebody else’s.".into()))
}

/// Of two who act on a declaration at once, the second learns that it changed.
pub(crate) fn changed(error: mycopod_store::StoreError) -> Refusal {
    match error {
        mycopod_store::StoreError::StatusChanged { found, .. } => {
            Refusal::Conflict(format!("Meanwhile this declaration is {}. Look at it again.", words(found)))
        }
        other => other.into(),
    }
}

/// A state as it stands in a sentence.
pub(crate) fn words(status: DeclarationStatus) -> String {
    status.as_str().replace('_', " ").replace("needs answer", "waiting for an answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_may_be_written_with_other_capitals() {
        let options = vec!["Leave it out".to_owned(), "Web".to_owned(), "web".to_owned()];
        let questions = [Question::new("unread", None, "What?", options)];
        let given = |answer: &str| as_offered(("unread".to_owned(), answer.to_owned()), &questions).1;
        assert_eq!(given("leave it OUT"), "Leave it out");
        // What could be two options is neither of them but as it was written.
        assert_eq!(given("web"), "web");
        assert_eq!(given("something else"), "something else");
    }

    #[test]
    fn an_answer_is_one_line_that_says_something() {
        let given = |answer: &str| answers_in(&[("q".to_owned(), answer.to_owned())]).ok();
        let kept = |answer: &str| Some(vec![("q".to_owned(), answer.to_owned())]);
        assert_eq!(given("  yes "), kept("yes"));
        let longest = "x".repeat(answers::MAX_ANSWER);
        assert_eq!(given(&longest), kept(&longest));
        for refused in ["", "  ", "two\nlines", &format!("{longest}x")] {
            assert_eq!(given(refused), None, "{refused:?}");
        }
        let one_bad = [("a".to_owned(), "yes".to_owned()), ("b".to_owned(), String::new())];
        assert!(answers_in(&one_bad).is_err());
    }
}

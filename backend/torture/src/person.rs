//! Somebody who wants something, and asks until it is so.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt;
use mycopod_core::id::DeclarationId;
use mycopod_engine::{Actor, Engine, Refusal};

use crate::lab::Lab;
use crate::watch;

/// Longer than anything takes that comes to an end by itself, in virtual time.
const PATIENCE: Duration = Duration::from_hours(2);
/// How often a person tries again what a server did not answer.
const TRIES: u32 = 60;
/// A person thinks for so long before they ask for another plan: what was out of reach for a while is back.
const THINKS: Duration = Duration::from_secs(30);
/// A person looks again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The declaration.
    pub id: DeclarationId,
    /// How it stands.
    pub status: String,
    /// Why.
    pub reason: String,
    /// How often a person had to ask for another plan.
    pub again: u32,
}

/// What somebody wants.
#[derive(Clone, Debug)]
pub enum Want {
    /// Something new.
    Text(String),
    /// That what was declared is so again.
    Again(DeclarationId),
}

/// Declares, approves whatever is planned, and asks for another plan up to `again` times where a person has to.
pub async fn see_through(lab: &mut Lab, want: &Want, again: u32) -> Result<Ended, String> {
    let mut id = None;
    let mut asked_again = 0;
    for _ in 0..TRIES {
        let Some(declared) = id else {
            id = match want {
                Want::Text(text) => declare(lab, &lab.admin.clone(), text).await?,
                Want::Again(id) => plan_again(lab, *id).await?.then_some(*id),
            };
            continue;
        };
        let (status, reason) = settle(lab, declared).await?;
        match status.as_str() {
            "awaiting_approval" => approve(lab, declared).await?,
            "blocked" | "failed" | "stale" if asked_again < again => {
                asked_again += 1;
                pass(lab, THINKS).await;
                plan_again(lab, declared).await?;
            }
            _ => return Ok(Ended { id: declared, status, reason, again: asked_again }),
        }
    }
    Err(format!("{want:?}: a person gave up after {TRIES} tries"))
}

/// Lets time pass.
pub async fn pass(lab: &mut Lab, time: Duration) {
    let until = lab.time.passed() + time;
    while lab.time.passed() < until {
        lab.turn().await;
    }
}

/// Declares something; `None` where nobody answered.
pub async fn declare(lab: &mut Lab, actor: &Actor, text: &str) -> Result<Option<DeclarationId>, String> {
    let (front, actor, own) = (lab.front(), actor.clone(), text.to_owned());
    // Saying it again under the same key declares it once.
    let key = text.replace(' ', "_");
    let call = |engine: Engine| async move { engine.declare_once(&actor, &own, Some(&key)).await }.boxed();
    match lab.ask(front, call).await {
        Some(Ok(id)) => {
            let times = lab.database.one(&format!(
                "SELECT count(*) FROM declarations WHERE content = '{}' AND created_at >= to_timestamp({})",
                text.replace('\'', "''"),
                lab.began
            ));
            if times.as_deref() != Some("1") {
                lab.violations.push(format!("I10: declaration {id} was acknowledged and is there {times:?} times"));
            }
            Ok(Some(id))
        }
        Some(Err(Refusal::Unavailable(_) | Refusal::Internal(_))) | None => {
            pass(lab, LOOK_AGAIN).await;
            Ok(None)
        }
        Some(Err(error)) => Err(format!("{text}: {error}")),
    }
}

/// The state of a declaration once nobody works on it any more.
pub async fn settle(lab: &mut Lab, id: DeclarationId) -> Result<(String, String), String> {
    let until = lab.time.passed() + PATIENCE;
    let mut seen = u64::MAX;
    loop {
        // Nothing has changed unless something was asked of the database.
        if seen != lab.count() {
            seen = lab.count();
            let rows = lab
                .database
                .rows(&format!("SELECT status, coalesce(status_reason, '') FROM declarations WHERE id = '{id}'"));
            let row = rows.into_iter().next().unwrap_or_default();
            let [Some(status), Some(reason)] = row.as_slice() else {
                return Err(format!("I10: declaration {id} is not there any more"));
            };
            if !matches!(status.as_str(), "reading" | "approved" | "applying") {
                return Ok((status.clone(), reason.clone()));
            }
            if lab.time.passed() > until {
                return Err(format!("declaration {id} is {status} for two hours ({reason})"));
            }
        }
        lab.front();
        lab.turn().await;
    }
}

/// Approves the plan that stands, naming what it destroys.
pub async fn approve(lab: &mut Lab, id: DeclarationId) -> Result<(), String> {
    let (front, actor, began) = (lab.front(), lab.admin.clone(), lab.count());
    let approved = lab.ask(front, move |engine| {
        async move {
            let detail = engine.detail(&actor, id).await?;
            let Some(plan) = detail.plan else { return Ok(None) };
            let destroys = plan.steps.iter().filter(|step| step.effect == "destroy");
            let destroy: BTreeSet<String> = destroys.map(|step| step.name().to_owned()).collect();
            engine.approve(&actor, id, &plan.digest, &destroy).await?;
            Ok(Some(plan.digest))
        }
        .boxed()
    });
    match approved.await {
        Some(Ok(Some(digest))) => {
            let known = lab.database.one(&format!("SELECT 1 FROM approvals WHERE digest = '{digest}'"));
            if known.is_none() {
                lab.violations.push(format!("I10: the approval of {digest} was acknowledged and is not there"));
            }
            let wrong = watch::approval(lab, &digest, front, began);
            lab.violations.extend(wrong);
            Ok(())
        }
        Some(
            Ok(None) | Err(Refusal::Unavailable(_) | Refusal::Internal(_) | Refusal::Conflict(_) | Refusal::Stale(_)),
        )
        | None => {
            pass(lab, LOOK_AGAIN).await;
            Ok(())
        }
        Some(Err(error)) => Err(format!("approving {id}: {error}")),
    }
}

/// Asks for another plan; `false` where nobody answered that it is being made.
pub async fn plan_again(lab: &mut Lab, id: DeclarationId) -> Result<bool, String> {
    let (front, actor) = (lab.front(), lab.admin.clone());
    match lab.ask(front, move |engine| async move { engine.plan_again(&actor, id).await }.boxed()).await {
        Some(Ok(())) => Ok(true),
        Some(Err(Refusal::Unavailable(_) | Refusal::Internal(_) | Refusal::Conflict(_))) | None => {
            pass(lab, LOOK_AGAIN).await;
            Ok(false)
        }
        Some(Err(error)) => Err(format!("planning {id} again: {error}")),
    }
}

/// Tries what must be refused: an approval by somebody who is no Admin, one of another plan, and one that does not
/// name what is destroyed.
pub async fn approve_wrongly(lab: &mut Lab, replica: usize, id: DeclarationId) -> Result<(), String> {
    let (actor, stranger) = (lab.admin.clone(), lab.stranger.clone());
    let tried = lab.ask(replica, move |engine| {
        async move {
            let detail = engine.detail(&actor, id).await.ok()?;
            let plan = detail.plan.filter(|_| detail.status == "awaiting_approval")?;
            let destroys = plan.steps.iter().filter(|step| step.effect == "destroy");
            let destroy: BTreeSet<String> = destroys.map(|step| step.name().to_owned()).collect();
            let other = plan.digest.chars().rev().collect::<String>();
            if engine.approve(&stranger, id, &plan.digest, &destroy).await.is_ok() {
                return Some("I2: somebody who is no Admin approved a plan");
            }
            if engine.approve(&actor, id, &other, &destroy).await.is_ok() {
                return Some("I2: a plan was approved by the digest of another one");
            }
            if !destroy.is_empty() && engine.approve(&actor, id, &plan.digest, &BTreeSet::new()).await.is_ok() {
                return Some("I2: a destroy was approved without its own consent");
            }
            None
        }
        .boxed()
    });
    match tried.await.flatten() {
        Some(wrong) => Err(wrong.to_owned()),
        None => Ok(()),
    }
}

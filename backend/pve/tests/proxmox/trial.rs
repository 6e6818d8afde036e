//! One cluster under test, and where it answers otherwise than a real Proxmox VE.

use std::collections::BTreeMap;

use crate::common::{client, resource, vmid};
use mycopod_core::field::{Field, Value};
use mycopod_core::guest::{GuestKey, Kind, Power};
use mycopod_core::observed::{Look, Ownership, Sighting};
use mycopod_core::plan::Step;
use mycopod_core::ports::{CallError, Hypervisor, Submitted, TaskState, Upid};
use mycopod_pve::{Credential, Pve, Trust};

/// A task on a cluster without time has ended when it is first asked for; this leaves room for one that has not.
const POLLS: usize = 100;

/// Where a server answers otherwise than a real Proxmox VE.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The operation, and what was looked at after it.
    pub operation: String,
    /// What it comes to on a real one.
    pub real: String,
    /// What it came to.
    pub answered: String,
}

/// A cluster under test.
pub struct Trial {
    pub pve: Pve,
    pub differences: Vec<Difference>,
    url: String,
    trust: Trust,
}

impl Trial {
    /// The cluster at `url`, whose certificate that authority signed.
    pub fn of(url: &str, ca_pem: &str, credential: Credential) -> Self {
        let trust = Trust::CaFile(ca_pem.as_bytes().to_vec());
        let pve = client(url, credential, trust.clone());
        Self { pve, differences: Vec::new(), url: url.to_owned(), trust }
    }

    /// Another client of the same cluster.
    pub fn as_somebody(&self, credential: Credential) -> Pve {
        client(&self.url, credential, self.trust.clone())
    }

    pub fn expect(&mut self, operation: impl Into<String>, real: impl Into<String>, answered: impl Into<String>) {
        let (operation, real, answered) = (operation.into(), real.into(), answered.into());
        if real != answered {
            self.differences.push(Difference { operation, real, answered });
        }
    }

    /// Looks, sends, waits for the task.
    pub async fn carry_out(&mut self, step: Step) {
        let what = format!("{}: {}", step.guest().unwrap().kind.noun(), step.action.name());
        self.comes_to(&what, step, "done").await;
    }

    /// The same for a step that does not, or may not, end well.
    pub async fn comes_to(&mut self, what: &str, step: Step, real: &str) {
        let came_to = match self.pve.look(step.guest().unwrap().key()).await {
            Ok(look) => self.submit(&step, &look).await,
            Err(error) => said(&error),
        };
        self.expect(what, real, came_to);
    }

    pub async fn submit(&self, step: &Step, look: &Look) -> String {
        match self.pve.submit(step, look, None).await {
            Ok(Submitted::Done) => "done".to_owned(),
            Ok(Submitted::Task(upid)) => self.end_of(&upid).await,
            Err(error) => said(&error),
        }
    }

    async fn end_of(&self, upid: &Upid) -> String {
        for _ in 0..POLLS {
            match self.pve.task(upid).await {
                Ok(TaskState::Running) => tokio::task::yield_now().await,
                Ok(TaskState::Ok { .. }) => return "done".to_owned(),
                Ok(TaskState::Failed(why)) => return format!("the task failed: {why}"),
                Ok(TaskState::Unknown) => return "the task is unknown".to_owned(),
                Err(error) => return said(&error),
            }
        }
        "the task does not end".to_owned()
    }

    pub async fn look(&self, kind: Kind, n: u32) -> Result<Box<Sighting>, String> {
        match self.pve.look(GuestKey { kind, vmid: vmid(n) }).await {
            Ok(Look::Present(seen)) => Ok(seen),
            Ok(Look::Absent | Look::Facility(_)) => Err("absent".to_owned()),
            Ok(Look::Unknown(why)) => Err(why),
            Err(error) => Err(said(&error)),
        }
    }

    /// The guest, where it is there: without it, what follows says nothing.
    pub async fn present(&mut self, kind: Kind, n: u32) -> Option<Sighting> {
        let look = self.look(kind, n).await.map(|seen| *seen);
        look.inspect_err(|why| self.expect(format!("{}: look", kind.noun()), "present", why)).ok()
    }

    pub async fn absent(&mut self, kind: Kind, n: u32) {
        let look = self.look(kind, n).await.err().unwrap_or_else(|| "present".to_owned());
        self.expect(format!("{}: look after delete", kind.noun()), "absent", look);
    }

    pub fn has(&mut self, after: &str, seen: &Sighting, expected: &BTreeMap<Field, Value>) {
        for (field, value) in expected {
            let found = seen.get(field).map_or_else(|| "none".to_owned(), ToString::to_string);
            self.expect(format!("{}: {after}: {field}", seen.guest.kind.noun()), value.to_string(), found);
        }
    }

    pub fn has_part(&mut self, after: &str, seen: &Sighting, key: &str, part: &str) {
        let entry = seen.raw.get(key).map_or("none", String::as_str);
        let found = if entry.contains(part) { part } else { entry };
        self.expect(format!("{}: {after}: {key}", seen.guest.kind.noun()), part, found);
    }

    pub fn is_ours(&mut self, after: &str, seen: &Sighting) {
        let ownership = if seen.ownership == Ownership::Ours(resource()) { "ours" } else { "not ours" };
        self.expect(format!("{}: {after}: marker", seen.guest.kind.noun()), "ours", ownership);
    }

    pub fn stands(&mut self, after: &str, seen: &Sighting, power: Power) {
        self.expect(format!("{}: {after}: power", seen.guest.kind.noun()), shown(power), shown(seen.power));
    }
}

/// Proxmox's own words, where it refused.
pub fn said(error: &CallError) -> String {
    match error {
        CallError::Rejected { status, reason } => format!("{status}: {reason}"),
        other => other.to_string(),
    }
}

pub fn shown(power: Power) -> &'static str {
    match power {
        Power::Running => "running",
        Power::Paused => "paused",
        Power::Stopped => "stopped",
        Power::Unknown => "unknown",
    }
}

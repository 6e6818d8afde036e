//! The faults that were asked for and not cleared, and what they mean to the cluster.

use serde::Serialize;

use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::fault::{Effect, Fault, TaskEffect};
use crate::schema::Method;

/// Faults that a sandbox keeps: each request looks at all of them.
const MOST: usize = 1_000;

/// A fault that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Injected {
    /// What it is cleared by.
    pub id: u64,
    /// What goes wrong.
    pub fault: Fault,
    /// How many matching requests or tasks have passed unharmed.
    pub passed: u32,
    /// How many it has hit.
    pub hits: u32,
    /// When it clears itself, in seconds since the epoch.
    pub until: Option<f64>,
}

/// The faults of a cluster, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    list: Vec<Injected>,
    last: u64,
}

impl Faults {
    /// All of them; those that have hit as often as they were to are kept until they are cleared.
    pub fn list(&self) -> &[Injected] {
        &self.list
    }

    fn any(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.list.iter().any(|injected| is(&injected.fault))
    }

    /// Whether a node cannot be reached.
    pub fn offline(&self, node: &str) -> bool {
        self.any(|fault| matches!(fault, Fault::NodeOffline { node: own } if own == node))
    }

    /// Refuses a call that is passed on to a node which cannot be reached.
    pub fn ensure_reachable(&self, node: &str, method: &Method) -> Outcome<()> {
        if self.offline(node) && is_passed_on(method) {
            return Err(Failure::Unreachable("No route to host".to_owned()));
        }
        Ok(())
    }

    /// Refuses to write without quorum.
    pub fn ensure_quorum(&self, method: &Method) -> Outcome<()> {
        if self.no_quorum() && !needs_no_quorum(method) {
            return Err(Failure::failed("cluster not ready - no quorum?"));
        }
        Ok(())
    }

    /// Whether the quorum is lost.
    pub fn no_quorum(&self) -> bool {
        self.any(|fault| *fault == Fault::NoQuorum)
    }

    /// Whether a storage has no byte left on a node.
    pub fn full(&self, node: &str, storage: &str) -> bool {
        self.any(|fault| {
            matches!(fault, Fault::StorageFull { storage: own, node: on }
                if own == storage && on.as_deref().is_none_or(|on| on == node))
        })
    }

    /// Whether `/cluster/resources` hears nothing new.
    pub fn stale(&self) -> bool {
        self.any(|fault| *fault == Fault::StaleResources)
    }

    /// What happens to a task that is submitted now.
    pub fn hit_task(&mut self, kind: &str, id: &str) -> Option<TaskEffect> {
        let mut effect = None;
        for injected in &mut self.list {
            let Fault::Task(fault) = &injected.fault else { continue };
            if !fault.covers(kind, id) {
                continue;
            }
            if injected.passed < fault.after {
                injected.passed += 1;
            } else if injected.hits < fault.times && effect.is_none() {
                injected.hits += 1;
                effect = Some(fault.effect.clone());
            }
        }
        effect
    }

    /// What happens to a request that arrives now, and what happens beside it.
    fn hit_request(&mut self, method: &str, path: &[String]) -> (Option<Effect>, Vec<Effect>) {
        let (mut effect, mut beside) = (None, Vec::new());
        for injected in &mut self.list {
            let Fault::Request(fault) = &injected.fault else { continue };
            if !fault.covers(method, path) {
                continue;
            }
            if injected.passed < fault.after {
                injected.passed += 1;
            } else if injected.hits < fault.times && (fault.beside() || effect.is_none()) {
                injected.hits += 1;
                if fault.beside() {
                    beside.push(fault.effect.clone());
                } else {
                    effect = Some(fault.effect.clone());
                }
            }
        }
        (effect, beside)
    }
}

impl Cluster {
    /// Begins a fault, for so many seconds or until it is cleared; gives its id.
    pub fn inject(&mut self, fault: Fault, seconds: Option<f64>) -> Result<u64, String> {
        fault.check()?;
        if self.faults.list.len() >= MOST {
            return Err(format!("there are {MOST} faults already; clear some first"));
        }
        match &fault {
            Fault::NodeOffline { node } => self.ensure_node(node)?,
            Fault::StorageFull { storage, node } => {
                self.storage(storage)?;
                node.iter().try_for_each(|node| self.ensure_node(node))?;
            }
            Fault::GuestLocked { vmid, lock } => {
                let guest = self.guests.get_mut(vmid).ok_or_else(|| format!("there is no guest {vmid}"))?;
                guest.ensure_unlocked()?;
                guest.config.insert("lock".to_owned(), lock.clone());
            }
            Fault::Request(_) | Fault::Task(_) | Fault::NoQuorum | Fault::StaleResources => {}
        }
        self.faults.last += 1;
        let id = self.faults.last;
        let until = seconds.map(|seconds| self.now + seconds);
        self.faults.list.push(Injected { id, fault, passed: 0, hits: 0, until });
        Ok(id)
    }

    /// Ends the faults that are chosen; gives how many there were.
    pub fn clear_faults(&mut self, chosen: impl Fn(&Injected) -> bool) -> usize {
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.faults.list).into_iter().partition(chosen);
        self.faults.list = left;
        for injected in &gone {
            if let Fault::GuestLocked { vmid, lock } = &injected.fault
                && self.guests.get(vmid).is_some_and(|guest| guest.lock() == Some(lock))
                && let Some(guest) = self.guests.get_mut(vmid)
            {
                guest.config.remove("lock");
            }
        }
        gone.len()
    }

    /// Ends the faults whose time has come.
    pub fn expire_faults(&mut self) {
        let now = self.now;
        let over = |injected: &Injected| injected.until.is_some_and(|until| until <= now);
        if self.faults.list.iter().any(over) {
            self.clear_faults(over);
        }
    }

    /// What happens to a request that arrives now. What happens beside it, happens.
    pub fn hit_request(&mut self, method: &str, path: &[String]) -> Option<Effect> {
        let (effect, beside) = self.faults.hit_request(method, path);
        for beside in beside {
            let done = match beside {
                Effect::ByHand(deed) => deed.apply(self),
                Effect::Begin(fault) => self.inject(*fault, None).map(|_| ()),
                _ => Ok(()),
            };
            if let Err(problem) = done {
                tracing::warn!(problem, "what was to happen beside a request did not");
            }
        }
        effect
    }
}

/// Calls of a node that any node answers: indexes, curves, and what lies in the cluster's file system.
const ANSWERED_ANYWHERE: [&str; 21] = [
    "/nodes/{node}",
    "/nodes/{node}/apt",
    "/nodes/{node}/capabilities",
    "/nodes/{node}/capabilities/qemu",
    "/nodes/{node}/capabilities/qemu/cpu",
    "/nodes/{node}/ceph",
    "/nodes/{node}/certificates",
    "/nodes/{node}/certificates/acme",
    "/nodes/{node}/firewall",
    "/nodes/{node}/hardware",
    "/nodes/{node}/lxc/{vmid}/rrddata",
    "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}",
    "/nodes/{node}/qemu/{vmid}/rrddata",
    "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}",
    "/nodes/{node}/replication/{id}",
    "/nodes/{node}/rrddata",
    "/nodes/{node}/scan",
    "/nodes/{node}/sdn",
    "/nodes/{node}/services/{service}",
    "/nodes/{node}/storage/{storage}",
    "/nodes/{node}/tasks/{upid}",
];

/// Whether a call is passed on to the node that its path names.
fn is_passed_on(method: &Method) -> bool {
    let path = method.path.as_str();
    let index = method.verb == "GET" && ANSWERED_ANYWHERE.contains(&path);
    // A guest's firewall rules lie in the cluster's file system; its switches and its log do not.
    let rules = path.contains("/{vmid}/firewall") && !path.ends_with("/options") && !path.ends_with("/log");
    path.starts_with("/nodes/{node}") && !index && !rules
}

/// Whether a method reads, or changes nothing in the cluster's file system.
fn needs_no_quorum(method: &Method) -> bool {
    method.verb == "GET"
        || matches!(
            (method.verb.as_str(), method.path.as_str()),
            ("POST", "/access/ticket") | ("DELETE", "/nodes/{node}/tasks/{upid}")
        )
}

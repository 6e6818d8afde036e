//! Faults on demand, for tests of clients.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong with a matching request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// The connection closes before the request is carried out.
    DropRequest,
    /// The request is carried out, but the connection closes instead of the reply.
    DropReply,
    /// The request is carried out that much later.
    Delay(Duration),
    /// The request is not carried out but answered with this status and reason phrase.
    Refuse {
        /// The status code, such as 595 or 599.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
}

/// A fault that waits for its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The requests' method, such as `POST`.
    pub verb: String,
    /// A part of the requests' path, such as `/qemu`.
    pub path: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many requests it hits.
    pub times: u32,
}

/// The faults that still wait.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// The fault that hits a request; it is used up once it has hit all its requests.
    pub fn take(&self, verb: &str, path: &str) -> Option<FaultKind> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = faults.iter().position(|fault| fault.verb == verb && path.contains(&fault.path))?;
        let kind = faults[at].kind.clone();
        faults[at].times = faults[at].times.saturating_sub(1);
        if faults[at].times == 0 {
            faults.remove(at);
        }
        Some(kind)
    }
}

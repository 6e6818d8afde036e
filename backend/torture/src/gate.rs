//! Where every exchange with the outside waits until the lab carries it out.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use mycopod_core::plan::Step;
use mycopod_core::ports::CallError;
use tokio::sync::{Notify, oneshot};

use crate::wire::Question;

/// The reply to a call that was carried out. Dropped, it is one that never comes.
pub struct Reply {
    /// The error that it is, if it is one.
    pub error: Option<CallError>,
    /// Hands it to whoever made the call, or an error instead.
    pub deliver: Box<dyn FnOnce(Option<CallError>) + Send>,
}

/// A call to Proxmox; it can be carried out more than once.
pub type Work = Box<dyn Fn() -> BoxFuture<'static, Reply> + Send + Sync>;

/// A call to Proxmox that waits.
pub struct Call {
    /// Carries it out.
    pub work: Work,
    /// The step, where it changes anything.
    pub step: Option<Box<Step>>,
    /// Answers it with an error, without carrying it out.
    pub fail: Box<dyn Fn(CallError) + Send + Sync>,
    /// Whether nobody waits for the result any more.
    pub is_abandoned: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A question to the database that waits.
pub struct Query {
    /// On which of the proxy's connections.
    pub connection: u64,
    /// What is asked.
    pub question: Question,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Vec<u8>>,
}

/// What waits.
pub enum Ask {
    /// A call to Proxmox.
    Proxmox(Call),
    /// A question to the database.
    Database(Query),
}

impl Ask {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Proxmox(call) => (call.is_abandoned)(),
            Self::Database(query) => query.reply.is_closed(),
        }
    }
}

/// An exchange that waits.
pub struct Waiting {
    /// Whose it is.
    pub replica: usize,
    /// What it is, the same in every run.
    pub label: String,
    /// In which of the lab's turns it came. Of those that came in one none was first.
    pub turn: u64,
    /// Its number among all.
    pub order: u64,
    /// It.
    pub ask: Ask,
}

/// The waiting exchanges.
#[derive(Default)]
pub struct Gate {
    waiting: Mutex<Inside>,
    arrived: Notify,
}

#[derive(Default)]
struct Inside {
    all: Vec<Waiting>,
    turn: u64,
    serial: u64,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an exchange wait.
    pub fn arrive(&self, replica: usize, label: String, ask: Ask) {
        let mut inside = self.lock();
        inside.serial += 1;
        let (turn, order) = (inside.turn, inside.serial);
        inside.all.push(Waiting { replica, label, turn, order, ask });
        drop(inside);
        self.arrived.notify_one();
    }

    /// Waits until something has arrived since this was last awaited.
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// The exchanges that may be carried out, in the order of their coming; `choose` says which one is.
    pub fn take(&self, may: impl Fn(&Waiting) -> bool, choose: impl FnOnce(&[&Waiting]) -> usize) -> Option<Waiting> {
        let mut inside = self.lock();
        inside.turn += 1;
        inside.all.retain(|waiting| !waiting.ask.is_abandoned());
        let mut ready: Vec<&Waiting> = inside.all.iter().filter(|waiting| may(waiting)).collect();
        ready.sort_by_key(|waiting| (waiting.turn, &waiting.label, waiting.replica, waiting.order));
        let order = ready.get(choose(&ready)).map(|chosen| chosen.order)?;
        let at = inside.all.iter().position(|waiting| waiting.order == order)?;
        Some(inside.all.remove(at))
    }

    /// Puts an exchange back.
    pub fn put_back(&self, waiting: Waiting) {
        self.lock().all.push(waiting);
    }

    /// Whether a call that changes something waits.
    pub fn has_write(&self) -> bool {
        self.lock().all.iter().any(|waiting| matches!(&waiting.ask, Ask::Proxmox(call) if call.step.is_some()))
    }

    /// Forgets all exchanges of a replica.
    pub fn forget(&self, replica: usize) {
        self.lock().all.retain(|waiting| waiting.replica != replica);
    }
}

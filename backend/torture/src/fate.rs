//! What can happen to an exchange.

use std::fmt;

/// What happens to one exchange with Proxmox or the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is carried out and answered.
    Pass,
    /// The process is killed: before the request is carried out, or after it and before the answer arrives.
    Kill {
        /// Whether it was carried out.
        executed: bool,
    },
    /// The process is killed, and what it had sent arrives so many exchanges later.
    KillLate {
        /// How many.
        after: u64,
    },
    /// The process stands still beyond its lease, and goes on after so many exchanges of others: a zombie.
    Freeze {
        /// Whether the request was carried out before; otherwise it is when the process goes on.
        executed: bool,
        /// How many.
        exchanges: u64,
    },
    /// The connection breaks; the process lives and does not know.
    Lose {
        /// Whether it was carried out.
        executed: bool,
    },
    /// The request is carried out twice.
    Twice,
    /// Proxmox refuses the request; nothing changes.
    Refuse,
    /// Just before it somebody changes something of the deed's guest that nobody declared.
    Edit,
    /// Just before it somebody puts another guest in the place of the deed's.
    Recycle,
    /// From just before it on the deed's node is out of reach for a while.
    Offline,
}

impl Fate {
    /// Whether something of a process that is taken for dead still comes.
    #[must_use]
    pub const fn is_haunted(self) -> bool {
        matches!(self, Self::Freeze { .. } | Self::KillLate { .. })
    }

    /// The same, with what is late coming so many exchanges later.
    #[must_use]
    pub const fn later(self, exchanges: u64) -> Self {
        match self {
            Self::Freeze { executed, .. } => Self::Freeze { executed, exchanges },
            Self::KillLate { .. } => Self::KillLate { after: exchanges },
            other => other,
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = |executed: &bool| if *executed { "after it was carried out" } else { "before it was carried out" };
        match self {
            Self::Pass => write!(f, "passes"),
            Self::Kill { executed } => write!(f, "killed {}", when(executed)),
            Self::KillLate { after } => write!(f, "killed; the request arrives {after} exchanges later"),
            Self::Freeze { executed, exchanges } => {
                write!(f, "frozen {}, a zombie {exchanges} exchanges later", when(executed))
            }
            Self::Lose { executed } => write!(f, "connection lost {}", when(executed)),
            Self::Twice => write!(f, "carried out twice"),
            Self::Refuse => write!(f, "refused"),
            Self::Edit => write!(f, "the guest is edited by hand before it"),
            Self::Recycle => write!(f, "another guest is put in its place before it"),
            Self::Offline => write!(f, "the node goes out of reach before it"),
        }
    }
}

/// What an exchange is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// A call that changes something in Proxmox.
    Write,
    /// One that looks.
    Read,
    /// A statement within a transaction, or one that changed nothing.
    Statement,
    /// The end of a transaction that changed something.
    Commit,
}

/// An exchange that took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Whose it was.
    pub replica: usize,
    /// What it was.
    pub label: String,
    /// What it was about.
    pub side: Side,
}

impl Side {
    /// All that can happen to an exchange of this kind. `far` is how many exchanges late things are.
    #[must_use]
    pub fn fates(self, far: u64) -> Vec<Fate> {
        let both = |fate: fn(bool) -> Fate| [fate(false), fate(true)];
        let kill = both(|executed| Fate::Kill { executed });
        let lose = both(|executed| Fate::Lose { executed });
        let freeze = [false, true].map(|executed| Fate::Freeze { executed, exchanges: far });
        match self {
            Self::Write => {
                [&kill[..], &lose, &freeze, &[Fate::KillLate { after: far }, Fate::Twice, Fate::Refuse]].concat()
            }
            Self::Commit => [&kill[..], &lose, &freeze].concat(),
            // What only looks leaves nothing behind: carried out or not is the same. It is then that somebody else's doing
            // makes a difference.
            Self::Read => vec![kill[0], lose[0], freeze[0], Fate::Edit, Fate::Recycle, Fate::Offline],
            // What is not committed never was; but a transaction is open, and holds locks.
            Self::Statement => vec![kill[0], lose[0], freeze[0]],
        }
    }
}

//! What no crash can fool, tried.
//!
//! A [`lab::Lab`] runs real engines over the real client on the real sandbox and a real PostgreSQL, and stands between
//! them: every exchange with Proxmox or the database waits at a [`gate`] until the lab carries it out, one at a
//! time. So the lab can record every point at which a process may die ([`points`]), let it die exactly there, lose,
//! delay or repeat what it had sent, hold it as a zombie and let it loose beside its successor.
//!
//! # Why virtual time is sound
//! tokio's clock is paused, and tokio moves a paused clock on only when no task can run. Nothing else that the
//! engines wait for is outside of the runtime's sight:
//! * What they ask of the outside waits at the gate. While the lab carries it out, the clock stands: PostgreSQL is
//!   asked in the runtime's own thread, and a call to the sandbox is awaited beside a blocking task, during which tokio
//!   moves no clock. Only a call in which nothing at all moves any more (it waits for time itself, such as a client
//!   between two tries) is given time.
//! * The database's clock is the lab's: its connections find a `now()` before PostgreSQL's own, so leases run out by
//!   virtual time. So do the sandbox's tasks.
//!
//! An hour in which nobody asks anything takes no time at all, and one run is like the next: exchanges follow one
//! another in an order that the lab chooses, first come first served or by a seed.
//!
//! # Why these points are all
//! Between two exchanges an engine changes nothing but its own memory, which dies with it. To crash after a reply is to
//! crash before the next exchange; to crash within a transaction is to crash before its end. So the ends of
//! transactions, before and after, and the calls to Proxmox, before and after, are all the crashes there are.

#![allow(clippy::missing_panics_doc, reason = "what goes wrong in the lab itself shall be seen")]

pub mod database;
pub mod deeds;
pub mod fate;
pub mod gate;
pub mod hand;
pub mod lab;
pub mod life;
pub mod person;
pub mod points;
pub mod proxy;
pub mod time;
pub mod watch;
mod way;
pub mod wire;
pub mod world;

/// How much of their real time the cluster's tasks take: they are under way for a few looks.
pub const SCALE: f64 = 0.1;

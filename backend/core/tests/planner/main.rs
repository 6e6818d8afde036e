//! From a reading to a plan, against a cluster in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod choosing;
mod deeds;
mod devices;
mod explaining;
mod facility;
mod firewall;
mod identity;
mod laws;
mod life;
mod planning;
mod promises;
mod resolving;
mod since;
mod support;

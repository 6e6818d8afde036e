//! From a reading to a plan, against a cluster in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod laws;
mod planning;
mod resolving;
mod support;

//! Tests of the sandbox over its own HTTPS interface.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails as a test does")]

mod by_hand;
mod cluster;
mod common;
mod control;
mod faults;
mod receive;
mod replay;

//! The engine over the sandbox and a real database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod between;
mod clusters;
mod crash;
mod edits;
mod facilities;
mod faults;
mod fields;
mod firewall;
mod freeze;
mod guests;
mod hidden;
mod keep;
mod lab;
mod law;
mod making;
mod network;
mod path;
mod preview;
mod privileges;
mod prune;
mod reader;
mod replicas;
mod secrets;
mod shown;
mod standing;
mod typed;

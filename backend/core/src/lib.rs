//! The words of MycoPod as types, the pure planner and the audit log's arithmetic.
//!
//! Nothing here does I/O, reads a clock or draws a random number: what the outside
//! gives comes in through the [`ports`] or as an argument. Data goes one way:
//!
//! ```text
//! text → Reading → Intent → Plan → Approved → steps → Observed
//! ```

pub mod approval;
pub mod audit;
pub mod backoff;
pub mod cluster;
pub mod drift;
pub mod explain;
pub mod facility;
pub mod field;
pub mod firewall;
pub mod guest;
pub mod id;
pub mod intent;
pub mod keys;
pub mod marker;
pub mod observed;
pub mod plan;
pub mod planner;
pub mod policy;
pub mod ports;
pub mod privilege;
pub mod reading;
pub mod resolve;
pub mod rights;
pub mod roll;
pub mod seal;
pub mod settle;
pub mod size;
pub mod status;
pub mod typed;

//! What is done once, and what stands around the guests.

pub mod deed;
pub mod errand;
pub mod facility;
pub mod firewall;
pub mod keep;

//! What is done once, and what stands around the guests.

pub mod backup_job;
pub mod backups;
pub mod deed;
pub mod errand;
pub mod facility;
pub mod firewall;
pub mod firewall_sets;
pub mod migration;
pub mod pools;
pub mod power;
pub mod row;
pub mod snapshots;
pub mod spared;
pub mod traffic;
pub mod undergone;
pub mod unneeded;

//! The commands, one a file.

pub mod answer;
pub mod approve;
pub mod audit;
pub mod cancel;
pub mod cluster;
pub mod declare;
pub mod doctor;
pub mod drift;
pub mod edit;
pub mod export;
pub mod freeze;
pub mod guests;
pub mod login;
pub mod plan;
pub mod prune;
pub mod sandbox;
pub mod secret;
pub mod serve;
pub mod standing;
pub mod status;
pub mod upload;
pub mod user;

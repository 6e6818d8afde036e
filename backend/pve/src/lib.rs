//! The Hypervisor port over Proxmox VE's REST API.
//!
//! [`Pve`] is all there is to use. What Proxmox answers is read leniently (numbers as
//! strings, flags as 0 and 1, unknown keys) but never guessed at: a list that is no list,
//! a guest that cannot be read or a node that does not answer is *unknown*, not absent.
//! A call that changes something is sent once; see [`mycopod_core::ports::CallError`] for
//! what its failure means.

mod answer;
mod client;
mod codec;
mod facility;
mod firewall;
mod health;
mod host;
mod identity;
mod json;
mod login;
mod look;
mod observe;
mod roll;
mod transport;
mod trust;

pub use client::{Config, ConfigError, Pve};
pub use health::supports;
pub use login::Credential;
pub use trust::{Pin, Trust};

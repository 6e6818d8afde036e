//! Between the core's fields and Proxmox's configuration strings.
//!
//! What is not understood is kept: an edit changes the named parts of a string and
//! leaves every other option where and as it was.

mod disk;
mod facility;
mod firewall;
mod form;
#[cfg(test)]
mod golden;
mod nic;
mod plain;
mod property;
mod request;
mod sighting;

pub use facility::parts;
pub use form::unfit;
pub use plain::tags;
pub use request::request;
pub use sighting::{Configuration, Listed, power, sighting};

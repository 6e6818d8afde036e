//! Which guests are meant.

pub mod choose;
pub mod numbered;
pub mod pointing;
pub mod target;
pub mod told;

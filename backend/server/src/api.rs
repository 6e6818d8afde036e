//! The HTTP API, one resource a file.

pub mod about;
pub mod archive;
pub mod audit;
pub mod clusters;
pub mod declarations;
pub mod drift;
pub mod events;
pub mod freezes;
pub mod health;
pub mod intents;
pub mod inventory;
pub mod plans;
pub mod readings;
pub mod secrets;
pub mod session;
pub mod uploads;
pub mod users;

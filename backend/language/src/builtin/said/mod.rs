//! What can be said of a guest, new or not: amounts, fields, flags, disks, NICs, places.

pub mod amount;
pub mod beside_now;
pub mod counted;
pub mod described;
pub mod disks;
pub mod fields;
pub mod flag;
pub mod item;
pub mod multiple;
pub mod named;
pub mod network;
pub mod nic;
pub mod nics;
pub mod ordering;
pub mod place;
pub mod qualifier;
pub mod shaped;
pub mod sockets;
pub mod stated;
pub mod tags;
pub mod turned;
pub mod value;

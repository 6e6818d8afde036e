//! New guests.

pub mod alike;
pub mod common;
pub mod copy;
pub mod create;
pub mod excepted;
pub mod further;
pub mod head;
pub mod keyed;
pub mod leading;
pub mod members;
pub mod more;
pub mod noun;
pub mod purpose;
pub mod section;
pub mod title;
pub mod which;

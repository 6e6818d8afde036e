//! Other values for guests that exist.

pub mod by_guest;
pub mod change;
pub mod gapped;
pub mod give;
pub mod had;
pub mod owned;
pub mod parts;
pub mod plug;
pub mod renaming;
pub mod subject;
pub mod that_disk;
pub mod verb;

//! Other values for guests that exist.

pub mod by_guest;
pub mod change;
pub mod disks;
pub mod echoed;
pub mod gapped;
pub mod give;
pub mod had;
pub mod limiting;
pub mod nics;
pub mod owned;
pub mod parts;
pub mod pools;
pub mod renaming;
pub mod scaled;
pub mod subject;
pub mod switching;
pub mod tagging;
pub mod that_disk;
pub mod verbs;

//! What stands around the guests of a cluster and can be declared: pools, files on storages, backup jobs.
//!
//! They are made and deleted once, as deeds are; drift does not bring them back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::guest::Vmid;
use crate::observed::Look;
use crate::settle::Settled;

/// Which of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facility {
    /// The pool of that name.
    Pool(String),
    /// A file on a storage.
    File {
        /// The node that writes or deletes it.
        node: String,
        /// As Proxmox names it, e.g. `local:iso/debian-12.iso`.
        volume: String,
    },
    /// The backup job of that id.
    BackupJob(String),
}

impl Facility {
    /// `pool`, `file` or `backup job`.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Pool(_) => "pool",
            Self::File { .. } => "file",
            Self::BackupJob(_) => "backup job",
        }
    }

    /// What identifies it among its kind.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Pool(name) | Self::BackupJob(name) => name,
            Self::File { volume, .. } => volume,
        }
    }

    /// The node that it belongs to, where it belongs to one.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::File { node, .. } => Some(node),
            Self::Pool(_) | Self::BackupJob(_) => None,
        }
    }
}

/// The longest name of a file that Proxmox takes.
const MAX_FILE_NAME: usize = 255;

/// The content that Proxmox VE 8.4 stores a file of that name as, by its ending: `iso`, `vztmpl` or `import`. `None` for
/// what is no name of a file, or does not tell.
#[must_use]
pub fn content_of(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    if name.len() > MAX_FILE_NAME || name.starts_with('.') || !name.chars().all(is_plain) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    if ends(&[".iso", ".img"]) {
        Some("iso")
    } else if ends(&[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"]) {
        Some("vztmpl")
    } else if ends(&[".qcow2", ".raw", ".vmdk", ".ova"]) {
        Some("import")
    } else {
        None
    }
}

/// As in a sentence: `pool lab`.
impl fmt::Display for Facility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun(), self.name())
    }
}

/// What is done to a facility, by one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FacilityCall {
    /// Make the pool.
    MakePool {
        /// Its comment; may be empty.
        comment: String,
    },
    /// Delete the pool, which Proxmox does where nothing is in it.
    DeletePool,
    /// Have the node fetch the file.
    Download {
        /// From where: http or https.
        url: String,
        /// What Proxmox checks it by.
        checksum: Option<Checksum>,
    },
    /// Delete the file.
    DeleteFile,
    /// Make the backup job.
    MakeBackupJob(BackupJob),
    /// Delete the backup job; the backups it made stay.
    DeleteBackupJob,
}

impl FacilityCall {
    /// Its name in the API and on pages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MakePool { .. } => "make_pool",
            Self::DeletePool => "delete_pool",
            Self::Download { .. } => "download",
            Self::DeleteFile => "delete_file",
            Self::MakeBackupJob(_) => "make_backup_job",
            Self::DeleteBackupJob => "delete_backup_job",
        }
    }

    /// Whether the facility shall be there afterwards.
    #[must_use]
    pub const fn makes(&self) -> bool {
        match self {
            Self::MakePool { .. } | Self::Download { .. } | Self::MakeBackupJob(_) => true,
            Self::DeletePool | Self::DeleteFile | Self::DeleteBackupJob => false,
        }
    }

    /// In a sentence.
    #[must_use]
    pub fn summary(&self, facility: &Facility) -> String {
        match self {
            Self::MakePool { .. } => format!("Make {facility}"),
            Self::DeletePool => format!("Delete {facility}, which is empty"),
            Self::Download { url, checksum } => {
                let node = facility.node().unwrap_or_default();
                let checked = checksum.as_ref().map_or_else(
                    || "without a checksum".to_owned(),
                    |checksum| format!("checked by its {}", checksum.algorithm),
                );
                format!("Let {node} download {url} as {}, {checked}", facility.name())
            }
            Self::DeleteFile => format!("Delete {facility}"),
            Self::MakeBackupJob(job) => format!("Make {facility}: {job}"),
            Self::DeleteBackupJob => format!("Delete {facility}; the backups it made stay"),
        }
    }
}

/// A file's checksum in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// By Proxmox's name: `md5`, `sha1`, `sha224`, `sha256`, `sha384` or `sha512`.
    pub algorithm: String,
    /// The digits, in lower case.
    pub digits: String,
}

impl Checksum {
    /// The algorithm is known by the number of digits. `None` where the text is no checksum.
    #[must_use]
    pub fn of(digits: &str) -> Option<Self> {
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let algorithm = match digits.len() {
            32 => "md5",
            40 => "sha1",
            56 => "sha224",
            64 => "sha256",
            96 => "sha384",
            128 => "sha512",
            _ => return None,
        };
        Some(Self { algorithm: algorithm.to_owned(), digits: digits.to_ascii_lowercase() })
    }
}

/// A job that backs guests up on a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupJob {
    /// Which guests.
    pub guests: Backed,
    /// When, in Proxmox's notation of systemd's calendar events, e.g. `02:00` or `sun 03:30`.
    pub schedule: String,
    /// Where the backups go.
    pub storage: String,
    /// `snapshot`, `suspend` or `stop`.
    pub mode: String,
    /// How many backups of each guest are kept, by Proxmox's names (`keep-daily` …). Empty for what the storage keeps.
    pub keep: BTreeMap<String, u32>,
}

/// The guests of a backup job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backed {
    /// All but these.
    All(BTreeSet<Vmid>),
    /// Those of a pool.
    Pool(String),
    /// These.
    Guests(BTreeSet<Vmid>),
}

impl Backed {
    /// Whether a guest of that number and pool is one of them.
    #[must_use]
    pub fn includes(&self, vmid: Vmid, pool: &str) -> bool {
        match self {
            Self::All(but) => !but.contains(&vmid),
            Self::Pool(name) => name == pool,
            Self::Guests(vmids) => vmids.contains(&vmid),
        }
    }
}

impl fmt::Display for BackupJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |vmids: &BTreeSet<Vmid>| vmids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let guests = match &self.guests {
            Backed::All(but) if but.is_empty() => "all guests".to_owned(),
            Backed::All(but) => format!("all guests but {}", list(but)),
            Backed::Pool(pool) => format!("the guests of pool {pool}"),
            Backed::Guests(vmids) => format!("guests {}", list(vmids)),
        };
        write!(f, "{guests}, at {}, to {} in {} mode", self.schedule, self.storage, self.mode)?;
        let kept: Vec<String> = self.keep.iter().map(|(rule, n)| format!("{rule}={n}")).collect();
        if kept.is_empty() { Ok(()) } else { write!(f, ", {}", kept.join(", ")) }
    }
}

/// How a facility was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FacilityState {
    /// A pool, with what is in it: guests by number, storages by name.
    Pool(BTreeSet<String>),
    /// A file.
    File,
    /// A backup job.
    BackupJob(BackupJob),
}

/// Whether `call` on `facility` is so, by `look`.
#[must_use]
pub fn settled(facility: &Facility, call: &FacilityCall, look: &Look) -> Settled {
    let seen = match look {
        Look::Unknown(why) => return Settled::Unknown(format!("{facility} cannot be seen: {why}")),
        Look::Absent => return if call.makes() { Settled::No } else { Settled::Yes },
        Look::Present(seen) => {
            return Settled::Unknown(format!("guest {} was seen, not {facility}", seen.guest.vmid));
        }
        Look::Facility(seen) => seen,
    };
    match (call, seen) {
        (FacilityCall::MakeBackupJob(wanted), FacilityState::BackupJob(job)) if job != wanted => {
            Settled::Conflict(format!("there is another {facility} meanwhile ({job}); it was not touched"))
        }
        (FacilityCall::DeletePool, FacilityState::Pool(members)) if !members.is_empty() => {
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            Settled::Conflict(format!("{facility} is not empty ({}); it was not touched", members.join(", ")))
        }
        _ if call.makes() => Settled::Yes,
        _ => Settled::No,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Backed, BackupJob, Checksum, Facility, FacilityCall, FacilityState, content_of, settled};
    use crate::guest::Vmid;
    use crate::observed::Look;
    use crate::settle::Settled;

    fn job(schedule: &str) -> BackupJob {
        BackupJob {
            guests: Backed::Guests(BTreeSet::from([Vmid::try_from(101).unwrap()])),
            schedule: schedule.into(),
            storage: "local".into(),
            mode: "snapshot".into(),
            keep: BTreeMap::new(),
        }
    }

    #[test]
    fn a_files_ending_tells_what_it_is() {
        assert_eq!(content_of("debian-12.iso"), Some("iso"));
        assert_eq!(content_of("debian-12-standard_12.7-1_amd64.tar.zst"), Some("vztmpl"));
        assert_eq!(content_of("debian-12-genericcloud-amd64.qcow2"), Some("import"));
        for bad in ["setup.exe", "../x.iso", ".iso", "a b.iso", ""] {
            assert_eq!(content_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_checksum_is_known_by_its_length_and_digits() {
        assert_eq!(Checksum::of(&"AB".repeat(32)).unwrap().algorithm, "sha256");
        assert_eq!(Checksum::of(&"ab".repeat(64)).unwrap().digits, "ab".repeat(64));
        assert!(Checksum::of(&"xy".repeat(32)).is_none());
        assert!(Checksum::of("abcd").is_none());
    }

    #[test]
    fn what_is_there_is_made_and_what_is_gone_is_deleted() {
        let pool = Facility::Pool("lab".into());
        let there = |members: &[&str]| {
            Look::Facility(FacilityState::Pool(members.iter().map(|name| (*name).to_owned()).collect()))
        };
        let make = FacilityCall::MakePool { comment: String::new() };
        assert_eq!(settled(&pool, &make, &Look::Absent), Settled::No);
        assert_eq!(settled(&pool, &make, &there(&["101"])), Settled::Yes);
        assert_eq!(settled(&pool, &FacilityCall::DeletePool, &Look::Absent), Settled::Yes);
        assert_eq!(settled(&pool, &FacilityCall::DeletePool, &there(&[])), Settled::No);
        assert!(matches!(settled(&pool, &FacilityCall::DeletePool, &there(&["101"])), Settled::Conflict(_)));
        let unknown = Look::Unknown("it does not answer".into());
        assert!(matches!(settled(&pool, &FacilityCall::DeletePool, &unknown), Settled::Unknown(_)));
    }

    #[test]
    fn another_job_of_that_id_is_not_ours() {
        let facility = Facility::BackupJob("mycopod-1".into());
        let seen = Look::Facility(FacilityState::BackupJob(job("02:00")));
        assert_eq!(settled(&facility, &FacilityCall::MakeBackupJob(job("02:00")), &seen), Settled::Yes);
        let other = settled(&facility, &FacilityCall::MakeBackupJob(job("03:00")), &seen);
        assert!(matches!(other, Settled::Conflict(_)));
    }

    #[test]
    fn a_job_includes_its_guests() {
        let vmid = |n| Vmid::try_from(n).unwrap();
        assert!(Backed::All(BTreeSet::new()).includes(vmid(101), ""));
        assert!(!Backed::All(BTreeSet::from([vmid(101)])).includes(vmid(101), ""));
        assert!(Backed::Pool("lab".into()).includes(vmid(101), "lab"));
        assert!(!Backed::Pool("lab".into()).includes(vmid(101), ""));
        assert!(job("02:00").guests.includes(vmid(101), ""));
    }
}

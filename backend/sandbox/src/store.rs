//! The world on disk: written whole after every change, so that a crash loses nothing that was answered.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cluster::Cluster;

/// The file that holds the world.
const WORLD: &str = "world.json";

/// Where a world is kept.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// Opens the store in a directory, which is made where it is missing.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { path: directory.join(WORLD) })
    }

    /// The world that was kept, if there is one.
    pub fn load(&self) -> io::Result<Option<Cluster>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a world; on return it survives a power cut.
    pub fn save(&self, cluster: &Cluster) -> io::Result<()> {
        write(&self.path, &serde_json::to_vec(cluster)?)
    }
}

/// Replaces a file's content at once and durably; only its owner may read it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

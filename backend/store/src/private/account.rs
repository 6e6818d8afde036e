//! The system account that PostgreSQL runs under, and the folders that are its alone.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{PrivateServerError, doing};

/// PostgreSQL refuses to run as root; this is the account its packages make.
const POSTGRES: &str = "postgres";

/// The user id that this process acts with.
pub(super) fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The account that owns the database's files and processes.
#[derive(Debug)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Whether MycoPod is root and gives its rights up for this account.
    dropped: bool,
}

impl Account {
    /// `postgres` for root, otherwise the account of this process.
    pub(super) async fn for_server() -> Result<Self, PrivateServerError> {
        let uid = effective_uid();
        if uid != 0 {
            return Ok(Self { name: uid.to_string(), uid, gid: rustix::process::getegid().as_raw(), dropped: false });
        }
        // getent asks every source that the system knows accounts from.
        let output = Command::new("getent")
            .args(["passwd", POSTGRES])
            .output()
            .await
            .map_err(doing("cannot run", Path::new("getent")))?;
        let line = String::from_utf8_lossy(&output.stdout);
        let mut fields = line.split(':').skip(2).map(str::parse);
        let (Some(Ok(uid)), Some(Ok(gid))) = (fields.next(), fields.next()) else {
            return Err(PrivateServerError::NoAccount);
        };
        Ok(Self { name: POSTGRES.to_owned(), uid, gid, dropped: true })
    }

    /// A command that runs under the account, with nothing of MycoPod's environment:
    /// no secrets, and no `PG…` variables that would change what PostgreSQL does.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").current_dir(folder);
        if self.dropped {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes the data folder if there is none, and refuses one that the account cannot
    /// enter. Where PostgreSQL has an account of its own, others may pass through the
    /// folder but not list it; each secret in it has mode 0600.
    pub(super) async fn make_data_dir(&self, path: &Path) -> Result<PathBuf, PrivateServerError> {
        let path = std::path::absolute(path).map_err(doing("cannot find", path))?;
        let (missing, there): (Vec<&Path>, Vec<&Path>) = path.ancestors().partition(|folder| !folder.exists());
        if let Some(nearest) = there.first() {
            self.must_enter(nearest).await?;
        }
        for folder in missing.into_iter().rev() {
            let mode = Permissions::from_mode(if self.dropped { 0o711 } else { 0o700 });
            // Two calls, for the first heeds the umask.
            std::fs::create_dir(folder)
                .and_then(|()| std::fs::set_permissions(folder, mode))
                .map_err(doing("cannot make", folder))?;
        }
        let path = path.canonicalize().map_err(doing("cannot find", &path))?;
        // A link on the way may lead to where the account cannot go.
        self.must_enter(&path).await?;
        Ok(path)
    }

    /// Refuses a folder that the account cannot enter, naming the one that bars it.
    async fn must_enter(&self, folder: &Path) -> Result<(), PrivateServerError> {
        let mut way: Vec<&Path> = folder.ancestors().collect();
        way.reverse();
        for step in way {
            // Asking the kernel as the account reckons with ACLs and the like too.
            let entered = self
                .command(Path::new("test"), Path::new("/"))
                .arg("-x")
                .arg(step)
                .status()
                .await
                .map_err(doing("cannot run", Path::new("test")))?;
            if !entered.success() {
                return Err(PrivateServerError::FolderBarred {
                    folder: step.to_path_buf(),
                    account: self.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// Makes a folder with mode 0700 that belongs to the account, or checks that the
    /// one that is there is such a one.
    pub(super) fn make_private(&self, path: &Path) -> Result<(), PrivateServerError> {
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(doing("cannot make", path)(error));
            }
            _ => {}
        }
        let found = std::fs::symlink_metadata(path).map_err(doing("cannot look at", path))?;
        let refused = |found: String| PrivateServerError::FolderNotPrivate {
            folder: path.to_path_buf(),
            account: self.name.clone(),
            found,
        };
        if !found.is_dir() {
            return Err(refused("it is no folder".to_owned()));
        }
        if found.uid() == effective_uid() && self.dropped {
            // Just made, or a crash came between making it and giving it away.
            lchown(path, Some(self.uid), Some(self.gid)).map_err(doing("cannot change the owner of", path))?;
        } else if found.uid() != self.uid {
            return Err(refused(format!("it belongs to user {}", found.uid())));
        }
        if found.mode() & 0o077 != 0 {
            return Err(refused(format!("its mode is {:o}", found.permissions().mode() & 0o7777)));
        }
        Ok(())
    }
}

//! The installation's secret: 32 random bytes that all keys derive from.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mycopod_core::keys::SECRET_LEN;
use mycopod_core::ports::Clock;
use thiserror::Error;

use super::dotenv::{self, DotenvError};

/// Why there is no secret. Nothing was started.
#[derive(Debug, Error)]
pub enum SecretFileError {
    /// It could not be made or read.
    #[error("the secret file {} cannot be {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `made` or `read`.
        doing: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Others can read it.
    #[error(transparent)]
    NotPrivate(#[from] DotenvError),
    /// It holds something else. It is not overwritten: guests' markers and signatures depend on it.
    #[error(
        "the secret file {} should hold {} hexadecimal digits and holds something else. It was not touched. \
         Restore it from a backup, or name the right file with MYCOPOD_SECRET_FILE", path.display(), SECRET_LEN * 2
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// The secret in the file, which is made when it is not there. A crash leaves a whole
/// file or none, and of two that start at once both take the same one.
pub fn secret(path: &Path, clock: &dyn Clock) -> Result<[u8; SECRET_LEN], SecretFileError> {
    let io = |doing| move |source| SecretFileError::Io { path: path.to_path_buf(), doing, source };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(path, clock).map_err(io("made"))?;
            File::open(path).map_err(io("read"))?
        }
        opened => opened.map_err(io("read"))?,
    };
    dotenv::must_be_private(path, &file.metadata().map_err(io("read"))?)?;
    let mut text = String::new();
    // Two digits a byte and an end of line; anything longer is no secret of ours.
    file.take(SECRET_LEN as u64 * 2 + 2).read_to_string(&mut text).map_err(io("read"))?;
    let mut secret = [0; SECRET_LEN];
    hex::decode_to_slice(text.trim_end(), &mut secret)
        .map_err(|_| SecretFileError::Malformed { path: path.to_path_buf() })?;
    Ok(secret)
}

fn make(path: &Path, clock: &dyn Clock) -> std::io::Result<()> {
    let mut secret = [0; SECRET_LEN];
    clock.random(&mut secret);
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let written = write(&unfinished, &secret)
        // A link never replaces what another process put there first, a rename would.
        .and_then(|()| match std::fs::hard_link(&unfinished, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        });
    std::fs::remove_file(&unfinished)?;
    written?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn write(path: &Path, secret: &[u8; SECRET_LEN]) -> std::io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{}", hex::encode(secret))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use mycopod_engine::clock::SystemClock;

    use super::*;

    #[test]
    fn the_secret_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let made = secret(&path, &SystemClock).unwrap();
        assert_eq!(secret(&path, &SystemClock).unwrap(), made);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        secret(&path, &SystemClock).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(secret(&path, &SystemClock), Err(SecretFileError::NotPrivate(_))));
    }

    #[test]
    fn a_damaged_secret_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for damaged in ["", "00", &"0".repeat(66), &"z".repeat(64)] {
            std::fs::write(&path, damaged).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            assert!(matches!(secret(&path, &SystemClock), Err(SecretFileError::Malformed { .. })), "{damaged}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
        }
    }
}

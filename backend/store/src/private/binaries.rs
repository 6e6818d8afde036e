//! Finding the system's PostgreSQL.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{PrivateServerError, doing};

/// The oldest major version whose SQL the migrations may use.
const OLDEST_MAJOR: u32 = 15;
/// Where Debian's packages put every major version: `<here>/<major>/bin`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// One installed PostgreSQL.
#[derive(Debug)]
pub(super) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// The version that made `cluster`, or the newest installed if there is none yet.
    /// A major version cannot open the files of another.
    pub(super) async fn find(cluster: &Path) -> Result<Self, PrivateServerError> {
        let version_file = cluster.join("PG_VERSION");
        let made_by = if cluster.exists() {
            let text = std::fs::read_to_string(&version_file).map_err(doing("cannot read", &version_file))?;
            Some(text.trim().to_owned())
        } else {
            None
        };
        newest(|major| match &made_by {
            Some(made_by) => major.to_string() == *made_by,
            None => major >= OLDEST_MAJOR,
        })
        .await
        .ok_or_else(|| PrivateServerError::NotInstalled {
            wanted: made_by.map_or_else(
                || format!("{OLDEST_MAJOR} or newer"),
                |major| format!("{major} (which made {})", cluster.display()),
            ),
        })
    }

    /// The path of one of its programs.
    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

/// The newest installed PostgreSQL whose major version fits.
pub(super) async fn newest(fits: impl Fn(u32) -> bool) -> Option<Binaries> {
    let mut found = in_folder(Path::new(DEBIAN));
    found.extend(in_path().await);
    found
        .into_iter()
        .filter(|(major, _)| fits(*major))
        // The first of equals wins: a packaged one before one in PATH.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, folder)| Binaries { folder })
}

fn in_folder(folder: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let major = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            is_complete(&folder).then_some((major, folder))
        })
        .collect()
}

/// `pg_config` is looked up in PATH and knows where its PostgreSQL is.
async fn in_path() -> Option<(u32, PathBuf)> {
    let output = Command::new("pg_config").args(["--bindir", "--version"]).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    let folder = PathBuf::from(lines.next()?);
    let major = major_of(lines.next()?)?;
    is_complete(&folder).then_some((major, folder))
}

/// `15` of `PostgreSQL 15.14 (Debian 15.14-0+deb12u1)`.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split(' ').nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn is_complete(folder: &Path) -> bool {
    folder.join("postgres").is_file() && folder.join("initdb").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_form_of_version_text() {
        for (text, major) in [
            ("PostgreSQL 15.14 (Debian 15.14-0+deb12u1)", Some(15)),
            ("PostgreSQL 17beta1", Some(17)),
            ("PostgreSQL", None),
        ] {
            assert_eq!(major_of(text), major, "{text}");
        }
    }
}

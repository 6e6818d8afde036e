//! How far the database had come when it was last seen from here, in a file beside it: it tells a database that was put
//! back from a backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mycopod_engine::{Engine, Mark, Refusal};
use tokio::time::sleep;

use crate::output::note;

const FILE: &str = "seen";
/// How often the file is written: what happened since then may be missing from a backup unnoticed, if it is as young.
const WRITE_EVERY: Duration = Duration::from_secs(2);

/// Recognises the database, and says so where an older one was put back.
pub async fn recognise(engine: &Engine, data_dir: &Path) -> Result<(), Refusal> {
    let path = data_dir.join(FILE);
    let (mark, left) = engine.recognise(read(&path)).await?;
    if let Some(left) = left {
        note(format_args!(
            "The database is an older one than was used before: it was restored from a backup. {left} plans that it was \
             carrying out are left to you, as Proxmox may have done them; look, and plan again. Nothing is repeated, and \
             guests that it does not know stay as they are."
        ));
    }
    write(&path, mark);
    Ok(())
}

/// Keeps the file up to date for as long as it is polled.
pub async fn keep(engine: Engine, data_dir: PathBuf) {
    let path = data_dir.join(FILE);
    let mut written = None;
    loop {
        sleep(WRITE_EVERY).await;
        if let Ok(Some(mark)) = engine.mark().await
            && written < Some(mark)
        {
            write(&path, mark);
            written = Some(mark);
        }
    }
}

fn read(path: &Path) -> Option<Mark> {
    let text = fs::read_to_string(path).ok()?;
    let (generation, size) = text.trim().split_once(' ')?;
    Some(Mark { generation: generation.parse().ok()?, size: size.parse().ok()? })
}

fn write(path: &Path, mark: Mark) {
    let new = path.with_extension("new");
    let written = fs::write(&new, format!("{} {}\n", mark.generation, mark.size)).and_then(|()| fs::rename(&new, path));
    if let Err(error) = written {
        note(format_args!("{} is not kept: {error}", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(read(&path), None);
        let mark = Mark { generation: 3, size: 412 };
        write(&path, mark);
        assert_eq!(read(&path), Some(mark));
        fs::write(&path, "damaged").unwrap();
        assert_eq!(read(&path), None);
    }
}

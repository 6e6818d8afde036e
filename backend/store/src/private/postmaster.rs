//! The postmaster, PostgreSQL's first process: telling whether it runs, and ending it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use super::account::Account;
use super::{LOOK_AGAIN, PrivateServerError, doing};

/// A postmaster that was started here or found running.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    cluster: PathBuf,
    /// Reaps the process where it is a child of this one.
    child: Option<Child>,
}

impl Postmaster {
    /// The postmaster of a process that was just spawned.
    pub(super) fn started(child: Child, cluster: &Path) -> Result<Self, PrivateServerError> {
        let pid = child.id().and_then(pid_of).ok_or_else(|| doing("lost", cluster)(io::ErrorKind::NotFound.into()))?;
        Ok(Self { pid, cluster: cluster.to_path_buf(), child: Some(child) })
    }

    /// The postmaster that serves this folder now, if any.
    pub(super) fn running(cluster: &Path) -> Result<Option<Self>, PrivateServerError> {
        let found = recorded_pid(cluster)?.filter(|pid| is_postmaster_of(*pid, cluster));
        Ok(found.map(|pid| Self { pid, cluster: cluster.to_path_buf(), child: None }))
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        match &mut self.child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => !is_postmaster_of(self.pid, &self.cluster),
        }
    }

    /// Asks for a fast shutdown and waits for the end.
    pub(super) async fn stop(mut self, patience: Duration) -> Result<(), PrivateServerError> {
        let deadline = Instant::now() + patience;
        if !self.has_ended() {
            kill_process(self.pid, Signal::INT).map_err(|error| doing("cannot stop", &self.cluster)(error.into()))?;
        }
        while !self.has_ended() {
            if Instant::now() > deadline {
                return Err(PrivateServerError::NotStopped { pid: self.pid() });
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

fn pid_of(number: u32) -> Option<Pid> {
    Pid::from_raw(number.try_into().ok()?)
}

fn pid_file(cluster: &Path) -> PathBuf {
    cluster.join("postmaster.pid")
}

/// The process id in `postmaster.pid`, which may be stale.
fn recorded_pid(cluster: &Path) -> Result<Option<Pid>, PrivateServerError> {
    let path = pid_file(cluster);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().next().and_then(|line| line.trim().parse().ok()).and_then(pid_of)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(doing("cannot read", &path)(error)),
    }
}

/// Whether a process is a postmaster, and not known to be another folder's.
///
/// Told by its command line, which every account may read; where that leaves doubt
/// the answer is yes, so that no second postmaster is ever let in.
fn is_postmaster_of(pid: Pid, cluster: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) else {
        return false;
    };
    let line = String::from_utf8_lossy(&line);
    let mut arguments = line.split('\0');
    let program = Path::new(arguments.next().unwrap_or_default()).file_name();
    // Other PostgreSQL processes title themselves `postgres: …`; an ended one has none.
    if program.is_none_or(|name| name != "postgres" && name != "postmaster") {
        return false;
    }
    match arguments.skip_while(|argument| *argument != "-D").nth(1) {
        Some(folder) => Path::new(folder).canonicalize().map_or(true, |folder| folder == cluster),
        None => true,
    }
}

/// Mends a `postmaster.pid` whose number now belongs to some other process, as it
/// happens when a container starts again: PostgreSQL would take that process for its
/// postmaster and refuse to start.
///
/// The file is not removed, for its last lines let PostgreSQL find backends that
/// outlived their postmaster. It gets our own number instead: PostgreSQL knows that
/// its parent is no postmaster, and goes on to check for such backends.
pub(super) async fn disown_recycled_pid(account: &Account, cluster: &Path) -> Result<(), PrivateServerError> {
    let Some(pid) = recorded_pid(cluster)? else {
        return Ok(());
    };
    if is_postmaster_of(pid, cluster) || !Path::new(&format!("/proc/{pid}")).exists() {
        return Ok(());
    }
    let path = pid_file(cluster);
    let mended = account
        .command(Path::new("sed"), cluster)
        .args(["-i", &format!("1s/.*/{}/", std::process::id())])
        .arg(&path)
        .status()
        .await
        .map_err(doing("cannot run", Path::new("sed")))?;
    if mended.success() { Ok(()) } else { Err(doing("cannot mend", &path)(io::Error::other(mended.to_string()))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_process_that_is_no_postmaster_is_not_taken_for_one() {
        let this_test = pid_of(std::process::id()).unwrap();
        assert!(!is_postmaster_of(this_test, Path::new("/nowhere")));
    }
}

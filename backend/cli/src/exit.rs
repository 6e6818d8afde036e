//! How a command ends: its exit code. `docs/CLI.md` lists them for scripts.

use std::process::ExitCode;

/// What an exit code says. The numbers are part of the interface and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; with `--detailed-exitcode`: there was nothing to do.
    Done = 0,
    /// It failed, and the message says why.
    Error = 1,
    /// With `--detailed-exitcode`: there are changes to make.
    Changes = 2,
    /// A question has to be answered first.
    NeedsAnswer = 3,
    /// The declaration is none that MycoPod carries out.
    Refused = 4,
    /// The cluster changed under the plan: look at the new plan.
    Stale = 5,
    /// Carrying out needs a person.
    Blocked = 6,
    /// A step failed; what was done stays done.
    StepFailed = 7,
    /// Not logged in, or not allowed.
    NotAllowed = 8,
    /// The server does not answer, or a part of it that is needed.
    Unreachable = 9,
    /// Cancelled, superseded or not confirmed: nothing will be done.
    CalledOff = 10,
    /// The audit log or a checkpoint does not verify.
    NotVerified = 11,
    /// The command line makes no sense (`EX_USAGE` of sysexits.h; 2 is taken).
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

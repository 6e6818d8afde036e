//! Verifies an export of the audit log offline: the Merkle tree of RFC 6962 is computed
//! anew from the lines, and held against every checkpoint there is.
//!
//! What can be named: an entry that is no entry or has the wrong number, exactly; one
//! that was altered, as lying after the last checkpoint that still fits and before the
//! first that does not. The log signs checkpoints into itself, so that range is short.

use mycopod_core::audit::{Checkpoint, CheckpointError, Frontier, Hash, leaf};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an entry has to be for the verification; the rest of it is hashed unread.
#[derive(Deserialize)]
struct Entry {
    seq: u64,
    kind: String,
    #[serde(default)]
    details: Value,
}

/// The size and root that a `checkpoint.signed` entry repeats.
#[derive(Deserialize)]
struct Repeated {
    size: u64,
    root: Hash,
}

/// The first entries that do not fit, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// The first bad entry lies at or after this one …
    pub first: u64,
    /// … and at or before this one; the same where it can be told exactly.
    pub last: u64,
    /// What is wrong.
    pub why: String,
}

/// Reads a log line by line.
#[derive(Default)]
pub struct Verifier {
    frontier: Frontier,
    /// The root at every size from 0: 32 bytes an entry.
    roots: Vec<Hash>,
    /// The largest size at which a checkpoint fitted.
    sound: u64,
    bad: Option<Bad>,
}

impl Verifier {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        let frontier = Frontier::default();
        Self { roots: vec![frontier.root()], frontier, ..Self::default() }
    }

    /// The next line, without its end.
    pub fn line(&mut self, line: &[u8]) {
        let seq = self.frontier.size() + 1;
        self.frontier.push(leaf(line));
        self.roots.push(self.frontier.root());
        let entry = match serde_json::from_slice::<Entry>(line) {
            Ok(entry) if entry.seq == seq => entry,
            Ok(entry) => {
                let why = format!("entry {seq} is missing or out of order: entry {} stands in its place", entry.seq);
                return self.found(seq, seq, why);
            }
            Err(error) => return self.found(seq, seq, format!("the line is no audit entry: {error}")),
        };
        if entry.kind == "checkpoint.signed"
            && let Ok(repeated) = Repeated::deserialize(&entry.details)
        {
            self.holds(repeated.size, repeated.root, &format!("the checkpoint that entry {seq} repeats"));
        }
    }

    /// Holds the log against a signed checkpoint of it.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        checkpoint.verify()?;
        self.holds(checkpoint.size, checkpoint.root, "the signed checkpoint");
        Ok(())
    }

    fn holds(&mut self, size: u64, root: Hash, what: &str) {
        let known = self.frontier.size();
        let computed = usize::try_from(size).ok().and_then(|size| self.roots.get(size));
        match computed {
            Some(computed) if *computed == root => self.sound = self.sound.max(size),
            Some(_) => {
                let why = format!("the entries up to {size} do not give the root of {what}: one of them was altered");
                self.found((self.sound + 1).min(size), size, why);
            }
            None => {
                let why = format!("the log ends after entry {known}, and {what} covers {size}: it was cut off");
                self.found(known + 1, known + 1, why);
            }
        }
    }

    /// Of several findings the one that begins first counts, and of these the narrower.
    fn found(&mut self, first: u64, last: u64, why: String) {
        if self.bad.as_ref().is_none_or(|bad| (first, last) < (bad.first, bad.last)) {
            self.bad = Some(Bad { first, last, why });
        }
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// What does not fit.
    #[must_use]
    pub const fn bad(&self) -> Option<&Bad> {
        self.bad.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64) -> String {
        format!(r#"{{"seq":{seq},"kind":"step.done","details":{{"n":{seq}}}}}"#)
    }

    fn verified(lines: &[String]) -> Verifier {
        let mut verifier = Verifier::new();
        lines.iter().for_each(|line| verifier.line(line.as_bytes()));
        verifier
    }

    /// Ten entries, the sixth of which repeats a checkpoint over the first five; and a signed one over all.
    fn log() -> (Vec<String>, Checkpoint) {
        let mut lines: Vec<String> = (1..=5).map(entry).collect();
        let root = verified(&lines).root();
        lines.push(format!(r#"{{"seq":6,"kind":"checkpoint.signed","details":{{"size":5,"root":"{root}"}}}}"#));
        lines.extend((7..=10).map(entry));
        let checkpoint = Checkpoint::sign(&[7; 32], "lab", &verified(&lines).frontier, "2026-01-01T00:00:00Z".to_owned());
        (lines, checkpoint)
    }

    fn bad(lines: &[String], checkpoint: &Checkpoint) -> Option<(u64, u64)> {
        let mut verifier = verified(lines);
        verifier.checkpoint(checkpoint).unwrap();
        verifier.bad().map(|bad| (bad.first, bad.last))
    }

    #[test]
    fn an_untouched_log_verifies() {
        let (lines, checkpoint) = log();
        assert_eq!(bad(&lines, &checkpoint), None);
    }

    #[test]
    fn an_altered_entry_is_found_between_the_checkpoints_around_it() {
        let (lines, checkpoint) = log();
        for (altered, range) in [(2, (1, 5)), (8, (6, 10))] {
            let mut lines = lines.clone();
            lines[altered - 1] = lines[altered - 1].replace("done", "lost");
            assert_eq!(bad(&lines, &checkpoint), Some(range), "entry {altered}");
        }
    }

    #[test]
    fn a_missing_a_doubled_and_a_malformed_entry_are_named_exactly() {
        let (lines, checkpoint) = log();
        let mut missing = lines.clone();
        missing.remove(2);
        assert_eq!(bad(&missing, &checkpoint), Some((3, 3)));
        let mut doubled = lines.clone();
        doubled.insert(4, lines[3].clone());
        assert_eq!(bad(&doubled, &checkpoint), Some((5, 5)));
        let mut malformed = lines;
        malformed[8].push('}');
        assert_eq!(bad(&malformed, &checkpoint), Some((9, 9)));
    }

    #[test]
    fn a_log_that_was_cut_off_is_found_by_its_checkpoint_alone() {
        let (mut lines, checkpoint) = log();
        lines.truncate(8);
        assert_eq!(verified(&lines).bad(), None);
        assert_eq!(bad(&lines, &checkpoint), Some((9, 9)));
    }

    #[test]
    fn a_forged_checkpoint_is_refused() {
        let (lines, mut checkpoint) = log();
        checkpoint.size = 9;
        assert_eq!(verified(&lines).checkpoint(&checkpoint), Err(CheckpointError::Signature));
    }
}

//! Verifies an export of the audit log offline: the Merkle tree of RFC 6962 is computed
//! anew from the lines, and held against every checkpoint there is.
//!
//! A line is an entry as it was hashed, with that hash as a last field. By that, an entry that was altered, is missing or no entry is named exactly.
//! Where the hash was altered too, or is not there, the first bad entry lies after the
//! last checkpoint that still fits and before the first that does not.

use mycopod_core::audit::{Checkpoint, CheckpointError, Frontier, Hash, leaf, taken_apart};
use serde::{Deserialize, Serialize};

/// What an entry has to be for the verification; the rest of it is hashed unread.
#[derive(Deserialize)]
struct Entry {
    seq: u64,
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
        let (entry, hash) = taken_apart(line);
        let computed = leaf(&entry);
        self.frontier.push(computed);
        self.roots.push(self.frontier.root());
        match serde_json::from_slice::<Entry>(&entry) {
            Ok(entry) if entry.seq != seq => {
                let why = format!("entry {seq} is missing or out of order: entry {} stands in its place", entry.seq);
                self.found(seq, seq, why);
            }
            Ok(_) if hash.is_some_and(|hash| hash != computed.to_string().as_bytes()) => {
                self.found(seq, seq, "its text does not fit its hash: it was altered".to_owned());
            }
            Ok(_) => {}
            Err(error) => self.found(seq, seq, format!("the line is no audit entry: {error}")),
        }
    }

    /// Holds the log against a signed checkpoint of it.
    /// Of several give the smaller first: it narrows what the larger can say.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        checkpoint.verify()?;
        let Checkpoint { size, root, .. } = *checkpoint;
        let known = self.frontier.size();
        match usize::try_from(size).ok().and_then(|size| self.roots.get(size)) {
            Some(computed) if *computed == root => self.sound = self.sound.max(size),
            Some(_) => {
                let why =
                    format!("the entries up to {size} do not give the checkpoint’s root: one of them was altered");
                self.found((self.sound + 1).min(size), size, why);
            }
            None => {
                let why = format!("the log ends after entry {known}, and the checkpoint covers {size}: it was cut off");
                self.found(known + 1, known + 1, why);
            }
        }
        Ok(())
    }

    /// The finding that ends first says most: what lies after it may follow from it.
    fn found(&mut self, first: u64, last: u64, why: String) {
        if self.bad.as_ref().is_none_or(|bad| last < bad.last) {
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
    use mycopod_core::audit::exported;

    use super::*;

    fn entry(seq: u64) -> String {
        format!(r#"{{"seq":{seq},"kind":"step.done","details":{{"n":{seq}}}}}"#)
    }

    fn verified(lines: &[String]) -> Verifier {
        let mut verifier = Verifier::new();
        for line in lines {
            verifier.line(line.as_bytes());
        }
        verifier
    }

    /// Ten entries, and signed checkpoints over five and all of them.
    fn log() -> (Vec<String>, [Checkpoint; 2]) {
        let lines: Vec<String> = (1..=10).map(entry).collect();
        let sign = |size| {
            let frontier = &verified(&lines[..size]).frontier;
            Checkpoint::sign(&[7; 32], "lab", frontier, "2026-01-01T00:00:00Z".to_owned())
        };
        let checkpoints = [sign(5), sign(10)];
        (lines, checkpoints)
    }

    fn bad(lines: &[String], checkpoints: &[Checkpoint]) -> Option<(u64, u64)> {
        let mut verifier = verified(lines);
        for checkpoint in checkpoints {
            verifier.checkpoint(checkpoint).unwrap();
        }
        verifier.bad().map(|bad| (bad.first, bad.last))
    }

    fn with_hashes(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| exported(line, &leaf(line.as_bytes()))).collect()
    }

    #[test]
    fn an_untouched_log_verifies_with_and_without_hashes() {
        let (lines, checkpoints) = log();
        assert_eq!(bad(&lines, &checkpoints), None);
        assert_eq!(bad(&with_hashes(&lines), &checkpoints), None);
    }

    #[test]
    fn an_altered_entry_is_named_by_its_hash_and_without_it_by_the_checkpoints_around_it() {
        let (lines, checkpoints) = log();
        for (altered, range) in [(2, (1, 5)), (8, (6, 10))] {
            let alter = |mut lines: Vec<String>| {
                lines[altered - 1] = lines[altered - 1].replace("done", "lost");
                lines
            };
            let exact = u64::try_from(altered).unwrap();
            assert_eq!(bad(&alter(with_hashes(&lines)), &checkpoints), Some((exact, exact)), "entry {altered}");
            assert_eq!(bad(&alter(lines.clone()), &checkpoints), Some(range), "entry {altered}");
            assert_eq!(bad(&with_hashes(&alter(lines.clone())), &checkpoints), Some(range), "entry {altered}");
        }
    }

    #[test]
    fn a_missing_a_doubled_and_a_malformed_entry_are_named_exactly() {
        let (lines, checkpoints) = log();
        let mut missing = lines.clone();
        missing.remove(2);
        assert_eq!(bad(&missing, &checkpoints), Some((3, 3)));
        let mut doubled = lines.clone();
        doubled.insert(4, lines[3].clone());
        assert_eq!(bad(&doubled, &checkpoints), Some((5, 5)));
        let mut malformed = lines;
        malformed[8].push('}');
        assert_eq!(bad(&malformed, &checkpoints), Some((9, 9)));
    }

    #[test]
    fn a_log_that_was_cut_off_is_found_by_its_checkpoint_alone() {
        let (mut lines, checkpoints) = log();
        lines.truncate(8);
        assert_eq!(verified(&lines).bad(), None);
        assert_eq!(bad(&lines, &checkpoints), Some((9, 9)));
    }

    #[test]
    fn a_forged_checkpoint_is_refused() {
        let (lines, [mut checkpoint, _]) = log();
        checkpoint.size = 9;
        assert_eq!(verified(&lines).checkpoint(&checkpoint), Err(CheckpointError::Signature));
    }
}

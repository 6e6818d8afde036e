//! The planted bugs fit the tree as it is. `scripts/torture --mutants` builds and runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

fn patches() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let mut patches: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "patch")).collect();
    patches.sort();
    patches
}

#[test]
fn there_are_enough_and_each_says_what_it_is() {
    assert!(patches().len() >= 25);
    for patch in patches() {
        let text = std::fs::read_to_string(&patch).unwrap();
        assert!(text.starts_with("What: "), "{}", patch.display());
        assert!(text.lines().nth(1).unwrap().starts_with("Run: --"), "{}", patch.display());
    }
}

#[test]
fn each_applies_to_the_tree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for patch in patches() {
        // Works without a repository as well.
        let check = Command::new("git").args(["apply", "--check"]).arg(&patch).current_dir(&root).output().unwrap();
        assert!(check.status.success(), "{}: {}", patch.display(), String::from_utf8_lossy(&check.stderr));
    }
}

//! Intents in files: one, or all of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mycopod_core::typed::{TypedGuest, write};
use mycopod_language::typed::{Typed, Wrongs, parse};
use thiserror::Error;

use crate::terminal;

/// The most bytes of all files together, as the API's dry plans take them.
const MAX_BYTES: u64 = 1024 * 1024;
/// The most files: as many as guests of a dry plan.
const MAX_FILES: usize = 1_000;
/// How deep folders are searched.
const MAX_DEPTH: usize = 8;
/// How the names of intents end.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// A file with its intent.
pub struct IntentFile {
    /// Where it is; `-` for standard input.
    pub path: PathBuf,
    /// What it says, verbatim.
    pub text: String,
    /// The same, read.
    pub typed: Typed,
}

/// Why files are not taken.
#[derive(Debug, Error)]
pub enum FileError {
    /// One cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// One is no intent.
    #[error("{}: {wrongs}", path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What is wrong, and where.
        wrongs: Wrongs,
    },
    /// Two are about one guest.
    #[error("{name} is in both {} and {}", first.display(), second.display())]
    Twice {
        /// The guest.
        name: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// There is nothing.
    #[error("{} holds no intent: no file that ends in .yaml, .yml or .json", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// There is too much.
    #[error("{} holds more than {MAX_FILES} files or {} KiB of intents; take a part of it", path.display(), MAX_BYTES / 1024)]
    TooMuch {
        /// The folder.
        path: PathBuf,
    },
}

/// The intents at `path`: a file, a folder's, or standard input's for `-`.
pub fn load(path: &Path) -> Result<Vec<IntentFile>, FileError> {
    let unreadable = |path: &Path| {
        let path = path.to_path_buf();
        move |source| FileError::Unreadable { path, source }
    };
    let mut paths = Vec::new();
    if path == Path::new("-") {
        let text = terminal::all(MAX_BYTES).map_err(unreadable(path))?;
        return Ok(vec![read(path, text)?]);
    }
    if fs::metadata(path).map_err(unreadable(path))?.is_dir() {
        search(path, 0, &mut paths)?;
        paths.sort();
    } else {
        paths.push(path.to_path_buf());
    }
    if paths.is_empty() {
        return Err(FileError::Nothing { path: path.to_path_buf() });
    }
    let mut left = MAX_BYTES;
    let mut files = Vec::new();
    for at in &paths {
        let size = fs::metadata(at).map_err(unreadable(at))?.len();
        left = left.checked_sub(size).ok_or_else(|| FileError::TooMuch { path: path.to_path_buf() })?;
        files.push(read(at, fs::read_to_string(at).map_err(unreadable(at))?)?);
    }
    once(&files)?;
    Ok(files)
}

fn read(path: &Path, text: String) -> Result<IntentFile, FileError> {
    match parse(&text) {
        Ok(typed) => Ok(IntentFile { path: path.to_path_buf(), text, typed }),
        Err(wrongs) => Err(FileError::Wrong { path: path.to_path_buf(), wrongs }),
    }
}

/// Collects a folder's files. Hidden ones and links are passed over.
fn search(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), FileError> {
    let unreadable = |source| FileError::Unreadable { path: folder.to_path_buf(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(unreadable)?);
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() && depth < MAX_DEPTH {
            search(&path, depth + 1, paths)?;
        } else if kind.is_file() && path.extension().is_some_and(|end| ENDINGS.iter().any(|known| end == *known)) {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(FileError::TooMuch { path: folder.to_path_buf() });
        }
    }
    Ok(())
}

/// Makes sure that no guest is in two files.
fn once(files: &[IntentFile]) -> Result<(), FileError> {
    let mut known: BTreeMap<(Option<&str>, &str), &Path> = BTreeMap::new();
    for file in files {
        for (_, guest) in &file.typed.guests {
            let name = guest.name.value.as_str();
            if let Some(first) = known.insert((file.cluster(), name), &file.path) {
                let (first, second) = (first.to_path_buf(), file.path.clone());
                return Err(FileError::Twice { name: name.to_owned(), first, second });
            }
        }
    }
    Ok(())
}

impl IntentFile {
    /// The cluster that it names.
    pub fn cluster(&self) -> Option<&str> {
        self.typed.clusters.first().map(|cluster| cluster.value.as_str())
    }

    /// The names of its guests.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.typed.guests.iter().map(|(_, guest)| guest.name.value.as_str())
    }
}

/// All files as one intent for each cluster that they name.
pub fn by_cluster(files: &[IntentFile]) -> Vec<String> {
    let mut clusters: BTreeMap<Option<&str>, Vec<TypedGuest>> = BTreeMap::new();
    for file in files {
        let guests = file.typed.guests.iter().map(|(_, guest)| guest.clone());
        clusters.entry(file.cluster()).or_default().extend(guests);
    }
    clusters.into_iter().map(|(cluster, guests)| write::yaml(cluster, &guests)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(name: &str) -> String {
        format!("mycopod: v1\nguests:\n  - {{name: {name}, kind: vm}}\n")
    }

    #[test]
    fn a_folder_is_its_intents_each_guest_once() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert!(matches!(load(folder.path()), Err(FileError::Nothing { .. })));
        put("shop/b.yaml", &intent("b"));
        put("a.json", r#"{"mycopod": "v1", "guests": [{"name": "a", "kind": "vm"}]}"#);
        put("README.md", "no intent");
        put(".git/c.yaml", "no intent");
        let files = load(folder.path()).unwrap();
        let names: Vec<&str> = files.iter().flat_map(IntentFile::names).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(by_cluster(&files).len(), 1);
        put("z.yml", &intent("b"));
        let twice = load(folder.path()).err().unwrap().to_string();
        assert!(twice.starts_with("b is in both "), "{twice}");
        put("z.yml", "mycopod: v1\nguests:\n  - {name: c, kind: vm, coers: 4}\n");
        let wrong = load(folder.path()).err().unwrap().to_string();
        assert!(wrong.contains("z.yml: line 3, guests[0].coers: "), "{wrong}");
    }
}

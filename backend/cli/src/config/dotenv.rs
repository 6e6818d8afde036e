//! The optional `.env` file: `NAME=value` lines, nothing that could run or expand.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Settings are a few hundred bytes; what is longer is no `.env` of ours.
const MAX_BYTES: u64 = 64 * 1024;

/// Why `.env` was not taken. Nothing was started.
#[derive(Debug, Error)]
pub enum DotenvError {
    /// It could not be opened or read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Others may read the secrets in it, or somebody else could have written them.
    #[error("{} holds secrets and {found}. It was not read. Mend it with: {mend}", path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
        /// The command that mends it.
        mend: String,
    },
    /// A line is no setting. Its text is not shown: it may be a secret.
    #[error("line {line} of {} {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The settings of the file, or none where there is no such file.
pub fn read(path: &Path) -> Result<BTreeMap<String, String>, DotenvError> {
    let unreadable = |source| DotenvError::Unreadable { path: path.to_path_buf(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        opened => opened.map_err(unreadable)?,
    };
    // Asked of the open file, so that no other can take its place in between.
    let found = file.metadata().map_err(unreadable)?;
    must_be_private(path, &found)?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(DotenvError::Line { path: path.to_path_buf(), line: 1, problem: "begins a file of over 64 KiB" });
    }
    parse(&text).map_err(|(line, problem)| DotenvError::Line { path: path.to_path_buf(), line, problem })
}

/// Refuses a file that others than its owner may touch, or that is not this account's.
pub fn must_be_private(path: &Path, found: &std::fs::Metadata) -> Result<(), DotenvError> {
    let me = rustix::process::geteuid().as_raw();
    let shown = format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let refused = |found: String, mend: String| DotenvError::NotPrivate { path: path.to_path_buf(), found, mend };
    if found.uid() != me {
        return Err(refused(
            format!("belongs to user {}, not to {me}, who runs MycoPod", found.uid()),
            format!("chown {me} {shown} && chmod 600 {shown}"),
        ));
    }
    if found.mode() & 0o077 != 0 {
        return Err(refused(
            format!("is open to other users (mode {:03o})", found.mode() & 0o777),
            format!("chmod 600 {shown}"),
        ));
    }
    Ok(())
}

/// `NAME=value`, `export NAME=value`, `NAME='value'`, `NAME="value"`; `#` begins a comment
/// at a line's start or after a blank. Nothing is expanded. A later line wins.
fn parse(text: &str) -> Result<BTreeMap<String, String>, (usize, &'static str)> {
    let mut settings = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let (name, rest) = line.split_once('=').ok_or((number, "is not NAME=value"))?;
        let name = name.trim_end();
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
        if !is_name {
            return Err((number, "does not begin with a name of letters, digits and _"));
        }
        let value = value(rest.trim_start()).map_err(|problem| (number, problem))?;
        settings.insert(name.to_owned(), value.to_owned());
    }
    Ok(settings)
}

fn value(text: &str) -> Result<&str, &'static str> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let end = text.char_indices().find_map(|(at, c)| {
            let blank_before = text[..at].chars().next_back().is_none_or(char::is_whitespace);
            (c == '#' && blank_before).then_some(at)
        });
        return Ok(text[..end.unwrap_or(text.len())].trim_end());
    };
    let (inside, after) = text[1..].split_once(quote).ok_or("has a quote that does not end on the same line")?;
    let after = after.trim_start();
    if after.is_empty() || after.starts_with('#') { Ok(inside) } else { Err("has text after the closing quote") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn lines_comments_and_quotes_are_read_as_written() {
        let text = "# a comment\n\nA=1\nexport B = two words # and a comment\nC='root@pam!lab=x#y'\nD=\"a 'b' $HOME\"\nE=\nF=a#b\nA=2\n";
        let settings = parse(text).unwrap();
        let of = |name: &str| settings[name].as_str();
        assert_eq!(of("A"), "2");
        assert_eq!(of("B"), "two words");
        assert_eq!(of("C"), "root@pam!lab=x#y");
        assert_eq!(of("D"), "a 'b' $HOME");
        assert_eq!(of("E"), "");
        assert_eq!(of("F"), "a#b");
    }

    #[test]
    fn a_line_that_is_no_setting_is_named_by_its_number_alone() {
        assert_eq!(parse("A=1\nsecret words").unwrap_err().0, 2);
        assert_eq!(parse("A='1").unwrap_err().0, 1);
        assert_eq!(parse("A='1' 2").unwrap_err().0, 1);
        assert_eq!(parse("1A=1").unwrap_err().0, 1);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "LLM_API_KEY=hush").unwrap();
        for (mode, taken) in [(0o644, false), (0o640, false), (0o602, false), (0o600, true), (0o400, true)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let read = read(&path);
            assert_eq!(read.is_ok(), taken, "{mode:o}");
            if let Err(error) = read {
                let text = error.to_string();
                assert!(text.contains(&format!("chmod 600 '{}'", path.display())), "{text}");
                assert!(!text.contains("hush"), "{text}");
            }
        }
    }

    #[test]
    fn no_file_is_no_settings() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join(".env")).unwrap().is_empty());
    }
}

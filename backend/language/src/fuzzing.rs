//! The bodies of the fuzz targets in `fuzz/`. The tests use what they use; so they are compiled with them, and cannot rot.

use crate::{builtin, openai};

/// Reads a text.
///
/// # Panics
/// Where something does not hold that must of any.
pub fn text(text: &str) {
    if let Err(wrong) = builtin::holding::holds(text) {
        panic!("{wrong}");
    }
}

/// Grounds the answer of a model that these bytes make.
///
/// # Panics
/// Where it comes to something that its text does not say.
pub fn answer(bytes: &[u8]) {
    if let Err(wrong) = openai::hostile::holds(bytes) {
        panic!("{wrong}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_targets_take_what_they_are_given() {
        super::text("stop web-01 and dance");
        super::answer(&[0]);
    }

    #[test]
    fn what_the_fuzzer_starts_from_holds() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/dev");
        let mut wrong = Vec::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let lines = text.lines().filter(|line| line.starts_with('{'));
            for line in lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
                wrong.extend(crate::builtin::holding::holds(line["say"].as_str().unwrap()).err());
            }
        }
        let first: Vec<&str> = wrong.iter().filter_map(|wrong| wrong.lines().next()).collect();
        assert!(first.is_empty(), "{first:#?}");
    }

    #[test]
    fn what_the_fuzzer_found_holds() {
        super::text("clone test-1 to test-9 on pve1");
        super::text("web-01 and db-1: the fo$rmer gets 4 cores, the latter gets 16 GB of RAM");
        super::text("snapshot web\r02 and web-02 as prboot all excep both");
        super::text(":Kannst du web-01 bitte 4 Kerne%geb\t\0,n?");
    }
}

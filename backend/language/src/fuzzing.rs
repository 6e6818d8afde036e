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
    fn what_the_fuzzer_found_holds() {
        super::text("clone test-1 to test-9 on pve1");
    }
}

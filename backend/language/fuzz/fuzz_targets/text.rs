//! Any text is accounted for.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mycopod_language::fuzzing::text(&String::from_utf8_lossy(bytes)));

//! Any answer of a model comes to a question, a refusal, or what the text says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mycopod_language::fuzzing::answer(bytes));

//! Text → reading: the built-in reader, the language-model reader, and the account of every word.

mod account;
mod builtin;
mod cluster;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod lexer;
mod openai;
mod quantity;
mod readers;
mod tongue;
pub mod typed;
mod vocabulary;

pub use builtin::{Builtin, read};
pub use openai::{Config, ConfigError, OpenAi};
pub use readers::{Part, Readers};
